"""Planar flows: in layers (Rezende & Mohamed 2015), and of continuous time (Chen et al. 2018, §4.1)."""

import jax
import jax.numpy as jnp
from jax import lax

from odes_rl.continuous.density import normal_log_density
from odes_rl.continuous.fields import Field
from odes_rl.flows.trajectories.trajectory import Params
from odes_rl.manifolds import Euclidean
from odes_rl.manifolds.matrix_functions import matmul

PLANAR_MANIFOLDS = {name: Euclidean() for name in ("u", "w", "b")}
_HALVINGS = 32


def planar_init(key: jax.Array, layers: int, size: int = 2) -> Params:
    """Parameters u and w [layers, size] and b [layers] of z ↦ z + û tanh(w·z + b); u starts small."""
    u, w, b = jax.random.split(key, 3)
    shape = (layers, size)
    return {
        "u": 0.1 * jax.random.normal(u, shape),
        "w": jax.random.normal(w, shape),
        "b": jax.random.normal(b, (layers,)),
    }


def planar_sample(params: Params, start: jax.Array) -> tuple[jax.Array, jax.Array]:
    """The x [B, d] of `start` [B, d], which is standard normal, through all layers, and log q(x) [B]."""

    def layer(state: tuple[jax.Array, jax.Array], params: Params) -> tuple[tuple[jax.Array, jax.Array], None]:
        z, log_q = state
        u, margin = invertible(params["u"], params["w"])
        bend = jnp.tanh(matmul(z, params["w"]) + params["b"])
        return (z + bend[:, None] * u, log_q - jnp.log(_stretch(margin, bend))), None

    return lax.scan(layer, (start, normal_log_density(start)), params)[0]


def planar_log_density(params: Params, x: jax.Array) -> jax.Array:
    """Log q(x) [B] at x [B, d], through the inverses of all layers, last layer first."""

    def layer(state: tuple[jax.Array, jax.Array], params: Params) -> tuple[tuple[jax.Array, jax.Array], None]:
        x, gained = state
        u, margin = invertible(params["u"], params["w"])
        bend = jnp.tanh(_before(matmul(x, params["w"]) + params["b"], margin))
        return (x - bend[:, None] * u, gained - jnp.log(_stretch(margin, bend))), None

    start, gained = lax.scan(layer, (x, jnp.zeros(x.shape[0])), params, reverse=True)[0]
    return normal_log_density(start) + gained


def invertible(u: jax.Array, w: jax.Array) -> tuple[jax.Array, jax.Array]:
    """û [d], with which a layer is invertible (Rezende & Mohamed 2015, A.1), and the margin 1 + w·û > 0 [].

    The margin is log(1 + e^(w·u)), which 1 + w·û would round to 0; it is 1 for w = 0.
    """
    product, square = matmul(w, u), matmul(w, w)
    margin = jnp.where(square > 0, jax.nn.softplus(product), 1.0)
    return u + (margin - 1 - product) * w / jnp.where(square > 0, square, 1.0), margin


def _stretch(margin: jax.Array, bend: jax.Array) -> jax.Array:
    """1 + w·û (1 − bend²) [B], which is above 0, from the margin [] of w·û over −1."""
    return bend**2 + margin * (1 - bend**2)


def _before(after: jax.Array, margin: jax.Array) -> jax.Array:
    """The a [B] with a + (margin − 1) tanh(a) = `after` [B], by halving: the left side rises, for a margin above 0.

    The last step is Newton's, whose derivatives are those of the solution; halving has none of its own.
    """
    slope = margin - 1

    def halve(ends: tuple[jax.Array, jax.Array], _: None) -> tuple[tuple[jax.Array, jax.Array], None]:
        low, high = ends
        middle = (low + high) / 2
        above = middle + slope * jnp.tanh(middle) > after
        return (jnp.where(above, low, middle), jnp.where(above, middle, high)), None

    reach = jnp.abs(slope)
    low, high = lax.scan(halve, (after - reach, after + reach), None, _HALVINGS)[0]
    middle = lax.stop_gradient((low + high) / 2)
    bend = jnp.tanh(middle)
    steepness = lax.stop_gradient(_stretch(margin, bend))
    return middle - (middle + slope * bend - after) / steepness


def gated_field(size: int, width: int) -> Field:
    """ż = Σ_n σ_n(t) u_n tanh(w_n·z + b_n): `width` planar layers side by side, each with a gate over time.

    σ_n(t) = sigmoid(g_n t + c_n). The gates start with their middles spread over [0, 1].
    """
    manifolds = {name: Euclidean() for name in ("u", "w", "b", "gate_slope", "gate_bias")}

    def init(key: jax.Array) -> Params:
        planar, slope, middle = jax.random.split(key, 3)
        gate_slope = 4 * jax.random.normal(slope, (width,))
        gate_bias = -gate_slope * jax.random.uniform(middle, (width,))
        return planar_init(planar, width, size) | {"gate_slope": gate_slope, "gate_bias": gate_bias}

    def apply(params: Params, t: jax.Array, z: jax.Array, x: jax.Array) -> jax.Array:
        gates = jax.nn.sigmoid(params["gate_slope"] * t + params["gate_bias"])
        return matmul(gates * jnp.tanh(matmul(z, params["w"].T) + params["b"]), params["u"])

    return Field(init, manifolds, lambda params: params, apply)
