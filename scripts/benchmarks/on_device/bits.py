"""Whether the same generation gives the same bits: twice in one process, and in another one."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from odes_rl.caching import digest
from on_device.generation import Generation, opened


def measure(cell: dict[str, Any], seconds: float, report: Any) -> dict[str, Any]:
    """Digests of the weights, and of episodes and updates, each made twice."""
    with opened(cell) as generation:
        episodes, updates = zip(*(_learn(generation) for _ in range(2)), strict=True)
        return {"weights": _digest(generation.weights), "episodes": list(episodes), "updates": list(updates)}


def _learn(generation: Generation) -> tuple[str, str]:
    _, rollouts = generation.run()
    told = jnp.asarray(np.nan_to_num(rollouts.returns.mean(axis=1)), jnp.float32)
    strategy, _ = generation.experiment.strategy.tell(generation.state.strategy, told[None], 0.0)
    return _digest(rollouts), _digest(strategy.params)


def _digest(tree: Any) -> str:
    return digest(b"".join(np.asarray(leaf).tobytes() for leaf in jax.tree.leaves(tree)))
