"""Change a task: arguments of its environment, and wrappers, Gymnasium's and your own. See docs/environments.md."""

import gymnasium
from gymnasium.wrappers import FrameStackObservation

import odes_rl


class WithoutSpeed(gymnasium.ObservationWrapper):
    """Pendulum's observation without the angular speed, scaled: [2]."""

    def __init__(self, env: gymnasium.Env, scale: float = 1.0) -> None:
        super().__init__(env)
        self.scale = scale
        self.observation_space = gymnasium.spaces.Box(-scale, scale, (2,))

    def observation(self, observation):
        """Cosine and sine of the angle."""
        return self.scale * observation[:2]


if __name__ == "__main__":  # workers import this file for its wrapper
    policy = odes_rl.train(
        "Pendulum-v1",
        options={"g": 5.0},  # goes to gymnasium.make
        wrappers=[("wrappers_and_options:WithoutSpeed", {"scale": 2.0}), (FrameStackObservation, {"stack_size": 2})],
        max_steps=100,
        policy={"name": "nanode", "hidden": 8, "steps": 5, "output_scale": 3.0},
        strategy={"preset": "isotropic", "population": 16, "sigma": 0.1, "learning_rate": 0.03},
        run={"generations": 20},
    )
    print("return:", policy.evaluate(episodes=20, seed=1).returns.mean())
    print("wrappers:", policy.config.task.wrappers)
    print("an action for two frames:", policy([[2.0, 0.0], [1.99, 0.2]]))
