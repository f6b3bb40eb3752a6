"""Whether the same generation gives the same bits: twice in one process, and in another one."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from odes_rl.caching import digest
from on_device.generation import Generation, opened


def measure(cell: dict[str, Any], seconds: float, report: Any) -> dict[str, Any]:
    """Digests of weights, episodes and updates, each made twice, and seconds of the second episodes."""
    with opened(cell) as generation:
        (_, *first), (elapsed, *second) = _learn(generation), _learn(generation)
        names = ("weights", "episodes", "updates")
        return {"seconds": elapsed, **dict(zip(names, zip(first, second, strict=True), strict=True))}


def _learn(generation: Generation) -> tuple[float, str, str, str]:
    experiment, strategy = generation.experiment, generation.state.strategy
    weights = experiment.candidate_weights(strategy)
    elapsed, rollouts = generation.run()
    told = jnp.asarray(np.nan_to_num(rollouts.returns.mean(axis=1)), jnp.float32)
    updated, _ = experiment.strategy.tell(strategy, told[None], 0.0)
    return elapsed, _digest(weights), _digest(rollouts), _digest(updated.params)


def _digest(tree: Any) -> str:
    return digest(b"".join(np.asarray(leaf).tobytes() for leaf in jax.tree.leaves(tree)))
