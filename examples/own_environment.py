"""Train on an environment of your own, in this process or with worker processes. See docs/environments.md.

`python own_environment.py --workers` does the second.
"""

import sys

import gymnasium
import numpy as np
from gymnasium.spaces import Box

import odes_rl


class Balance(gymnasium.Env):
    """A stick that is to be kept upright; observations are its angle and speed, the action is a torque."""

    observation_space = Box(-np.inf, np.inf, (2,), np.float64)
    action_space = Box(-1.0, 1.0, (1,), np.float32)

    def __init__(self, push: float = 1.0) -> None:
        self.push = push

    def reset(self, *, seed=None, options=None):
        """A small angle to either side, drawn by `np_random`: the same seed gives the same episode."""
        super().reset(seed=seed)
        self.angle, self.speed = self.np_random.uniform(-0.3, 0.3), 0.0
        return np.array([self.angle, self.speed]), {}

    def step(self, action):
        """A twentieth of a second; the episode ends when the stick has fallen."""
        self.speed += 0.05 * (5 * np.sin(self.angle) + 3 * self.push * float(action[0]))
        self.angle += 0.05 * self.speed
        fallen = abs(self.angle) > 1
        return np.array([self.angle, self.speed]), 1 - self.angle**2, fallen, False, {}


def report(metrics):
    """Print the evaluations; called once a generation."""
    if metrics.get("evaluation_return_mean") is not None:
        print(f"generation {metrics['generation']:>3}: return {metrics['evaluation_return_mean']:.0f}")


if __name__ == "__main__":
    # Other processes cannot import a class of the program that runs: its episodes run in this one. By a name they can,
    # from the directory of this file.
    workers = "--workers" in sys.argv
    policy = odes_rl.train(
        "own_environment:Balance" if workers else Balance,
        max_steps=200,
        options={"push": 0.8},
        policy={"name": "ode_to_ode", "hidden": 8, "steps": 5},
        strategy={"preset": "isotropic", "population": 16, "sigma": 0.1, "learning_rate": 0.03},
        rollouts="processes" if workers else "serial",
        run={"generations": 30, "evaluate_every": 10, "evaluation_episodes": 10},
        report=report,
    )
    print("mean length of an episode:", policy.evaluate(episodes=20, seed=1).lengths.mean(), "of 200")
