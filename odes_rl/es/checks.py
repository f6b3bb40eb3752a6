"""What a strategy is given, checked: each mistake is one line."""

import math
import numbers
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax.core import Tracer
from jax.sharding import Mesh

from odes_rl.errors import UserError, check_name
from odes_rl.es.perturbations import Perturbations
from odes_rl.es.population import group_count


def check_population(population: object, antithetic: object) -> None:
    """Raise UserError if there cannot be so many candidates."""
    if not isinstance(antithetic, bool | np.bool_):
        raise UserError(f"antithetic is {antithetic!r}, but must be True or False")
    if not isinstance(population, numbers.Integral) or isinstance(population, bool) or population < 1:
        raise UserError(f"population is {population!r}, but must be a whole number, 1 or more")
    if antithetic and population % 2:
        raise UserError(
            f"population is {population}, but antithetic pairs need an even one: "
            f"use {population + 1}, or antithetic=False"
        )


def check_sigma(sigma: Any) -> None:
    """Raise UserError unless it is a number above 0 or a schedule; the value of a traced number is not known."""
    if callable(sigma) or isinstance(sigma, Tracer):
        return
    is_number = isinstance(sigma, int | float | np.number | jax.Array) and np.ndim(sigma) == 0
    if not is_number or isinstance(sigma, bool) or not 0 < float(sigma) < math.inf:
        raise UserError(f"sigma is {sigma!r}, but must be a number above 0, or an optax schedule of the generation")


def check_optimizer(optimizer: object) -> None:
    """Raise UserError unless it is one of optax, or a function that is not optax's own."""
    is_optax_factory = str(getattr(optimizer, "__module__", "")).split(".")[0] == "optax"
    if not isinstance(optimizer, optax.GradientTransformation) and (is_optax_factory or not callable(optimizer)):
        raise UserError(f"optimizer is {optimizer!r}, but must be one of optax, such as optax.adam(0.01)")


def made_optimizer(made: object) -> optax.GradientTransformation:
    """What a function of the manifolds made.

    Raises:
        UserError: if it is no optimizer.
    """
    if not isinstance(made, optax.GradientTransformation):
        raise UserError(
            f"optimizer, a function of manifolds, makes {made!r}, but must make odes_rl.riemannian(…, maximise=True)"
        )
    return made


def check_key(key: object) -> None:
    """Raise UserError unless it is a random key of JAX, or the two words of one."""
    dtype, shape = getattr(key, "dtype", None), getattr(key, "shape", ())
    is_key = dtype is not None and jnp.issubdtype(dtype, jax.dtypes.prng_key)
    if not is_key and not (dtype == jnp.uint32 and len(shape) == 1):
        raise UserError(f"key is of type {type(key).__name__}, but must be a random key, such as jax.random.key(0)")


def check_shaping(shaping: Any, shape: tuple[int, int]) -> None:
    """Raise UserError unless it is a function that keeps the shape of its argument."""
    if not callable(shaping):
        raise UserError(f"shaping is {shaping!r}, but must be a function, such as odes_rl.shaping.centred_ranks")
    shaped = jax.eval_shape(shaping, jax.ShapeDtypeStruct(shape, jnp.float32))
    if getattr(shaped, "shape", None) != shape:
        given = getattr(shaped, "shape", type(shaped).__name__)
        raise UserError(f"shaping makes {given} of {shape}, but must keep the shape: [directions, signs]")


def check_perturbations(perturbations: object, directions: int, mesh: Mesh | None) -> None:
    """Raise UserError unless they are `Perturbations`, which the devices of `mesh` can share."""
    if not isinstance(perturbations, Perturbations):
        raise UserError(
            f"perturbations are {perturbations!r}, but must be Perturbations, such as odes_rl.perturbations.gaussian"
        )
    if mesh is not None and not perturbations.local:
        raise UserError("perturbations are not local, so that devices cannot share them: use mesh=None")
    if mesh is not None and group_count(directions) % mesh.size:
        raise UserError(
            f"mesh has {mesh.size} devices, which cannot share {directions} directions: use population_mesh"
        )


def check_round(round: Any) -> None:
    """Raise UserError unless it is a whole number, 0 or more; the value of a traced one is not known."""
    if isinstance(round, jax.Array):
        whole = round.ndim == 0 and jnp.issubdtype(round.dtype, jnp.integer)
    else:
        whole = isinstance(round, numbers.Integral)
    if not whole or (not isinstance(round, Tracer) and round < 0):
        raise UserError(f"round is {round!r}, but must be a whole number, 0 or more")


def check_space(space: object) -> None:
    """Raise UserError if there is no such space."""
    check_name("space", space, ("tangent", "ambient"))


def floating(params: Any) -> Any:
    """`params` as JAX's arrays, if all leaves are arrays of floats or single ones.

    Raises:
        UserError: if one is not, or there is none.
    """
    floats = jax.tree_util.tree_map_with_path(_floating, params)
    if not any(leaf.size for leaf in jax.tree.leaves(floats)):
        raise UserError(f"params are {params!r}, but must hold an array of floats that is not empty")
    return floats


def _floating(path: Any, leaf: Any) -> jax.Array:
    try:
        array = jnp.asarray(leaf)
    except TypeError:
        array = None
    if array is None or not jnp.issubdtype(array.dtype, jnp.floating):
        kind = type(leaf).__name__ if array is None else f"of {array.dtype}"
        raise UserError(
            f"params{jax.tree_util.keystr(path)} is {kind}, but must be floats: keep what is not trained elsewhere, "
            "as by equinox.partition(params, equinox.is_inexact_array)"
        )
    return jnp.asarray(array, array.dtype)  # a Python number's type would give way to others'


def mirrored(manifolds: Any, params: Any) -> Any:
    """A manifold for each leaf of `params`; one in place of a subtree holds for all of it.

    Raises:
        UserError: if the structures do not agree.
    """
    try:
        return jax.tree.broadcast(manifolds, params)
    except ValueError:
        raise UserError(
            f"manifolds are {jax.tree.structure(manifolds)}, but params are {jax.tree.structure(params)}: "
            "give one manifold for all leaves, or one for each"
        ) from None


def told(fitness: Any, population: int) -> jax.Array:
    """[R, C] `fitness`, R being 1 if it is [C], in float32, or in its own type if that is wider.

    Raises:
        UserError: if its shape is another, or it is not of real numbers.
    """
    try:
        fitness = jnp.asarray(fitness)
    except (TypeError, ValueError):
        raise UserError(f"fitness is of type {type(fitness).__name__}, but must be an array of numbers") from None
    if jnp.issubdtype(fitness.dtype, jnp.complexfloating):
        raise UserError("fitness is complex, but must be of real numbers, which have an order")
    if fitness.ndim not in (1, 2) or fitness.shape[-1] != population or not fitness.size:
        raise UserError(
            f"fitness is of shape {fitness.shape}, but must be ({population},): one number for each candidate of ask; "
            f"of R rounds it is (R, {population})"
        )
    return fitness.astype(jnp.promote_types(fitness.dtype, jnp.float32)).reshape(-1, population)


def drawn(what: str, rows: jax.Array, shape: tuple[int, ...]) -> jax.Array:
    """`rows` of perturbations, if they are of that shape.

    Raises:
        UserError: if they are not; `what` says what they are.
    """
    if rows.shape != shape:
        raise UserError(
            f"perturbations draw {what} of shape {rows.shape}, but must draw {shape}: a row for each direction"
        )
    return rows
