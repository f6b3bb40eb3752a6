"""A program for `test_double_precision.py`: prints the parameters of a short training run."""

import jax

import odes_rl

STRATEGY = {"population": 4, "interactions": None, "sensitivity_every": 1}


def trained_bits() -> str:
    """All parameters, in hexadecimal."""
    brief = {"max_steps": 10, "rollouts": "serial", "run": {"generations": 2, "seed": 1}}
    policy = odes_rl.train("Pendulum-v1", strategy=STRATEGY, **brief)
    return " ".join(leaf.tobytes().hex() for leaf in jax.tree.leaves(policy.params))


if __name__ == "__main__":
    print(trained_bits())
