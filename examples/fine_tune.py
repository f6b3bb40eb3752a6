"""Go on with a trained policy on a changed task, and compare with a start from nothing. See docs/tutorial.md."""

import tempfile
from pathlib import Path

import odes_rl

POLICY = {"name": "nanode", "hidden": 8, "steps": 5, "output_scale": 3.0}
STRATEGY = {"preset": "isotropic", "population": 16, "sigma": 0.1, "learning_rate": 0.03}


def returns_on(gravity, generations, **run):
    """Train on that gravity: the returns of the first and the last evaluation."""
    returns = []

    def report(metrics):
        if metrics.get("evaluation_return_mean") is not None:
            returns.append(metrics["evaluation_return_mean"])

    odes_rl.train(
        "Pendulum-v1",
        options={"g": gravity},
        max_steps=100,
        policy=POLICY,
        strategy=STRATEGY,
        run={"generations": generations, "evaluate_every": generations, "evaluation_episodes": 20, **run},
        report=report,
    )
    return f"{returns[0]:.0f} before, {returns[-1]:.0f} after {generations} generations"


with tempfile.TemporaryDirectory() as directory:
    source = str(Path(directory, "gravity5"))
    print("gravity 5:", returns_on(5.0, 30, directory=source))
    print("gravity 8, from the policy of gravity 5:", returns_on(8.0, 10, initial=source))
    print("gravity 8, from nothing:", returns_on(8.0, 10))
