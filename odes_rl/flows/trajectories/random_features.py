"""Weights as random features of time (Davis et al. 2020, equations 9-10)."""

import jax
import jax.numpy as jnp

from odes_rl.flows.trajectories.expansion import expand
from odes_rl.flows.trajectories.trajectory import Trajectory, function_of_time
from odes_rl.manifolds import Euclidean, Frozen


def random_features(hidden: int, features: int = 16, bandwidth: float = 1.0) -> Trajectory:
    """Weights [L, h, h] with W_t = Σ_k α_k cos(ζ_k t + η_k), h = `hidden`, k = 1..`features`.

    Parameters: `coefficients` α [features, h, h]; `frequencies` ζ, normal of deviation `bandwidth`, and `phases` η,
    uniform over a turn, both [features] and fixed where they start. The coefficients start as independent normal of
    variance 2/(h · features), so the entries of W_t have variance 1/h in the mean over features.

    Raises:
        ValueError: if `features` or `bandwidth` is not positive.
    """
    if features < 1 or bandwidth <= 0:
        raise ValueError(f"features is {features} and bandwidth {bandwidth}, allowed are features ≥ 1, bandwidth > 0")
    fixed = Frozen(Euclidean())
    manifolds = {"coefficients": Euclidean((2 / features) ** 0.5), "frequencies": fixed, "phases": fixed}

    def init(key: jax.Array) -> dict[str, jax.Array]:
        keys = jax.random.split(key, 3)
        return {
            "coefficients": manifolds["coefficients"].random(keys[0], (features, hidden, hidden)),
            "frequencies": bandwidth * jax.random.normal(keys[1], (features,)),
            "phases": jax.random.uniform(keys[2], (features,), maxval=2 * jnp.pi),
        }

    def weights(params: dict[str, jax.Array], times: jax.Array) -> jax.Array:
        angles = times[:, None] * params["frequencies"] + params["phases"]
        return expand(params["coefficients"], jnp.cos(angles))

    return function_of_time(init, manifolds, weights)
