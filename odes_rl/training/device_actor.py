"""Act rules on the default JAX device, for rollouts whose workers only step environments."""

from typing import Any

import jax
import numpy as np

from odes_rl.act import find_rule


class DeviceActor:
    """See `odes_rl.rollouts.inference.Actor`. One jitted, vmapped call answers all observations.

    The weights of the candidates that act are gathered on the device once, and again only when others act.
    """

    def __init__(self, act_rule: str) -> None:
        self._gather = jax.jit(lambda weights, candidates: jax.tree.map(lambda leaf: leaf[candidates], weights))
        self._act = jax.jit(find_rule(act_rule).array)

    def bind(self, weights: Any) -> None:
        """Take the candidates' weights, leaves [C, …]."""
        self._weights = weights
        self._chosen: dict[int, tuple[np.ndarray, Any]] = {}

    def act(self, half: int, candidates: np.ndarray, observations: np.ndarray) -> np.ndarray:
        """[S, m] float32: what the act rule makes of observations [S, n] of `candidates` [S]."""
        acting, weights = self._chosen.get(half, (None, None))
        if acting is None or not np.array_equal(acting, candidates):
            weights = self._gather(self._weights, candidates)
            self._chosen[half] = candidates, weights
        with jax.default_matmul_precision("highest"):
            return np.asarray(self._act(weights, observations))
