"""A program for `test_sharing.py`: two generations, of one round and of two, on as many devices as JAX has.

It prints digests of all that they give. Its arguments are populations, each of which makes its own two, and options,
both as JSON.
"""

import hashlib
import json
import sys
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from odes_rl.config.layering import layer_values
from odes_rl.es.strategy import mesh_of
from odes_rl.training.experiment import initial_state, make_experiment

OPTIONS = {
    "task.id": "HalfCheetah-v5",
    "policy.hidden": 8,
    "policy.steps": 4,
    "strategy.optimizer": "adam",
    "strategy.learning_rate": 0.01,
    "run.directory": "none",
}


def digest(tree: Any) -> str:
    """Of the bytes of all leaves."""
    whole = hashlib.sha256()
    for leaf in jax.tree.leaves(tree):
        whole.update(np.asarray(leaf).tobytes())
    return whole.hexdigest()


def distributed(mesh: Mesh, tree: Any) -> bool:
    """Whether each device of `mesh` has its own share of each leaf, along the first axis."""
    split = NamedSharding(mesh, PartitionSpec("population"))
    return all(leaf.sharding.is_equivalent_to(split, leaf.ndim) for leaf in jax.tree.leaves(tree))


def generations(population: int, options: dict[str, Any]) -> tuple[list[str], list[int]]:
    """The digests, in the order of the generations, and over how many devices the arrays of each lie."""
    changed = OPTIONS | options | {"strategy.population": population}
    config = layer_values({}, changed, default_directory="none")
    experiment, mesh = make_experiment(config), mesh_of(config.strategy)
    state = initial_state(experiment, seed=0).strategy
    digests: list[str] = []
    devices: list[int] = []
    for generation in range(2):
        candidates = jax.jit(experiment.strategy.ask)(state, generation)
        weights = experiment.candidate_weights(state, generation)
        devices += [mesh.size if mesh is not None and distributed(mesh, (candidates, weights)) else 1]
        returns = np.random.default_rng(generation).normal(size=(generation + 1, population))
        state, info = experiment.strategy.tell(state, jnp.asarray(returns, jnp.float32))
        policy = experiment.policy_weights(state.params)
        digests += [
            digest(candidates),
            digest(weights),
            digest((state.params, state.optimizer)),
            digest((info, policy)),
        ]
    return digests, devices


if __name__ == "__main__":
    asked, options = (json.loads(argument) for argument in sys.argv[1:])
    print("RESULT", json.dumps([generations(population, options) for population in asked]))
