"""A program for `test_sharing.py`: two generations on as many devices as JAX has, and digests of all that they give."""

import hashlib
import json
import sys
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import NamedSharding, PartitionSpec

from odes_rl.experiment import initial_state, make_experiment
from odes_rl.records.layers import layer_values

OPTIONS = {
    "task.id": "HalfCheetah-v5",
    "policy.hidden": 8,
    "policy.steps": 4,
    "strategy.population": 16,
    "strategy.optimizer": "adam",
    "run.directory": "none",
}


def digest(tree: Any) -> str:
    """Of the bytes of all leaves."""
    whole = hashlib.sha256()
    for leaf in jax.tree.leaves(tree):
        whole.update(np.asarray(leaf).tobytes())
    return whole.hexdigest()


def distributed(tree: Any) -> bool:
    """Whether each device has its own share of each leaf, along the first axis."""
    mesh = jax.make_mesh((jax.device_count(),), ("population",))
    split = NamedSharding(mesh, PartitionSpec("population"))
    return all(leaf.sharding.is_equivalent_to(split, leaf.ndim) for leaf in jax.tree.leaves(tree))


def main(options: dict[str, Any]) -> None:
    """Print the digests, in the order of the generations, and how the arrays lie."""
    experiment = make_experiment(layer_values({}, OPTIONS | options, default_directory="none"))
    state = initial_state(experiment, seed=0).strategy
    digests: list[str] = []
    shared: list[bool] = []
    for generation in range(2):
        candidates = jax.jit(experiment.strategy.ask)(state)
        weights = experiment.candidate_weights(state)
        shared += [jax.device_count() > 1 and distributed((candidates, weights))]
        returns = jnp.asarray(np.random.default_rng(generation).normal(size=16), jnp.float32)
        state, info = experiment.strategy.tell(state, returns)
        policy = experiment.policy_weights(state.params)
        digests += [
            digest(candidates),
            digest(weights),
            digest((state.params, state.optimizer)),
            digest((info, policy)),
        ]
    print("RESULT", json.dumps({"digests": digests, "shared": shared}))


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
