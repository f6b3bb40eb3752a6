"""A trajectory: a geodesic of the orthogonal group."""

from typing import Any

import jax

from odes_rl.flows import Trajectory, function_of_time
from odes_rl.manifolds import Orthogonal, expm, matmul
from odes_rl_example.skew import Skew


def geodesic(hidden: int, turn: float = 1.0) -> Trajectory:
    """Weights W(t) = W₀ exp(tA), with W₀ orthogonal and A skew.

    Args:
        hidden: h; the weights are [L, h, h].
        turn: scale of the random A at the start, in radians.
    """
    manifolds = {"initial": Orthogonal(), "A": Skew(turn)}

    def init(key: jax.Array) -> dict[str, Any]:
        keys = jax.random.split(key)
        return {name: m.random(k, (hidden, hidden)) for k, (name, m) in zip(keys, manifolds.items(), strict=True)}

    def weights(params: dict[str, Any], times: jax.Array) -> jax.Array:
        return matmul(params["initial"], expm(times[:, None, None] * params["A"]))

    return function_of_time(init, manifolds, weights)
