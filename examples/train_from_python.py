"""Train a policy, draw its curve, load it and call it. See docs/python.md.

`python train_from_python.py [DIRECTORY]` writes to that directory, or to a new one.
"""

import sys
import tempfile
from pathlib import Path

import gymnasium

import odes_rl
from odes_rl.reports import plot_curves

directory = Path(sys.argv[1] if len(sys.argv) > 1 else tempfile.mkdtemp())
directory.mkdir(parents=True, exist_ok=True)


def report(metrics):
    """Print the evaluations; called once a generation."""
    if metrics.get("evaluation_return_mean") is not None:
        print(f"generation {metrics['generation']:>3}: return {metrics['evaluation_return_mean']:.0f}")


policy = odes_rl.train(
    "Pendulum-v1",
    policy={"name": "ode_to_ode", "hidden": 8, "steps": 5, "output_scale": 3.0},
    strategy={"preset": "isotropic", "population": 32, "sigma": 0.1, "learning_rate": 0.03},
    run={"generations": 30, "evaluate_every": 10, "evaluation_episodes": 10},
    directory=directory / "pendulum",
    report=report,
)
print(f"best generation {policy.generation}: return {policy.evaluate(episodes=20, seed=1).returns.mean():.0f}")
print("curve:", *plot_curves([directory / "pendulum"], directory / "curve.png"))

policy = odes_rl.load(directory / "pendulum")  # later, in another process
environment = gymnasium.make("Pendulum-v1")
observation, _ = environment.reset(seed=0)
total, done = 0.0, False
while not done:
    observation, reward, terminated, truncated, _ = environment.step(policy(observation))
    total, done = total + float(reward), terminated or truncated
print(f"one episode: return {total:.0f}")
