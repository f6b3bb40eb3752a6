"""Parts of a strategy as a user has them: a shaping, perturbations and an optimiser, each named `module:object`."""

import jax
import jax.numpy as jnp
import optax

from odes_rl.es.perturbations import Perturbations
from odes_rl.es.shaping import ShapingFamily
from odes_rl.manifolds.schedules import OptimizerFamily


def signs(returns: jax.Array) -> jax.Array:
    """[P, signs]: 1 above the mean, −1 below."""
    return jnp.sign(returns - returns.mean())


SIGNS = ShapingFamily(lambda config: signs, "Above the mean or below.")
RADEMACHER = Perturbations(lambda key, count, size: jax.random.rademacher(key, (count, size), jnp.float32))
NOTHING = OptimizerFamily(lambda momentum: None)  # pyright: ignore[reportArgumentType]
LION = OptimizerFamily(lambda momentum: optax.scale_by_lion(b1=momentum))
