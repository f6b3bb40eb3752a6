"""Networks with constant parameters that make a vector field, ẋ = Σ_n g_n(t) f_n(x)."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from odes_rl.flows.trajectories.trajectory import Params
from odes_rl.manifolds import Euclidean

_EUCLIDEAN = Euclidean()


class FieldNetworks(NamedTuple):
    """N networks f_n of M layers with biases, h wide throughout, the last layer linear, and their gates g_n.

    Attributes:
        init: `init(key) -> params`: `networks` [N, M, h, h], `biases` [N, M, h], and what gates depend on.
        manifolds: mirrors `params`.
        gates: `gates(params, times [K]) -> [K, N]`.
    """

    init: Callable[[jax.Array], Params]
    manifolds: dict[str, Any]
    gates: Callable[[Params, jax.Array], jax.Array]


def one_network(hidden: int) -> FieldNetworks:
    """ẋ = A₃ f(A₂ f(A₁ x + b₁) + b₂) + b₃, h = `hidden` ("BaseODE" of Choromanski et al. 2020, §5.1.2).

    Matrices start normal with deviation 1/√fan-in, biases at zero: at the start |ẋ| is near |x| for f(x) = |x|.
    """

    def init(key: jax.Array) -> Params:
        return _networks(jax.random.split(key)[0], (1, 3), hidden, 1.0)

    manifolds: dict[str, Any] = {"networks": _EUCLIDEAN, "biases": _EUCLIDEAN}
    return FieldNetworks(init, manifolds, lambda params, times: jnp.ones((times.shape[0], 1)))


def gated_networks(hidden: int, count: int) -> FieldNetworks:
    """ẋ = Σ_n σ(u_n t + v_n) (B_n f(A_n x + a_n) + b_n), n = 1..`count`, σ the logistic sigmoid, h = `hidden`.

    Davis et al. 2020, equation 12. A and B start normal with deviation 1/√fan-in, B times 2/√count as gates are near ½,
    so |ẋ| is near |x|; `gate_slopes` u and `gate_offsets` v start normal with deviations 4 and 1, biases at zero.
    """

    def init(key: jax.Array) -> Params:
        keys = jax.random.split(key)
        slopes, offsets = jax.random.normal(keys[1], (2, count))
        gates = {"gate_slopes": 4 * slopes, "gate_offsets": offsets}
        return _networks(keys[0], (count, 2), hidden, 2 * count**-0.5) | gates

    def gates(params: Params, times: jax.Array) -> jax.Array:
        return jax.nn.sigmoid(times[:, None] * params["gate_slopes"] + params["gate_offsets"])

    names = ("networks", "biases", "gate_slopes", "gate_offsets")
    return FieldNetworks(init, dict.fromkeys(names, _EUCLIDEAN), gates)


def _networks(key: jax.Array, shape: tuple[int, int], hidden: int, scale: float) -> Params:
    """N networks of M layers, `shape` (N, M); the last layers' matrices are `scale` times as large."""
    matrices = _EUCLIDEAN.random(key, (*shape, hidden, hidden)).at[:, -1].multiply(scale)
    return {"networks": matrices, "biases": jnp.zeros((*shape, hidden))}
