"""Balance CartPole: discrete actions, chosen or drawn. See docs/environments.md."""

import numpy as np

import odes_rl

policy = odes_rl.train(
    "CartPole-v1",
    policy={"name": "ode_to_ode", "hidden": 8, "steps": 5},
    strategy={"preset": "isotropic", "population": 16, "sigma": 0.1, "learning_rate": 0.03},
    run={"generations": 25, "evaluate_every": 5, "evaluation_episodes": 10},
)
print("return:", policy.evaluate(episodes=20, seed=1).returns.mean(), "of 500")

upright = [0.0, 0.0, 0.0, 0.0]  # position, speed, angle, angular speed
print("the most probable action:", policy(upright))
generator = np.random.default_rng(0)
print("drawn actions:", [int(policy(upright, generator)) for _ in range(10)])
