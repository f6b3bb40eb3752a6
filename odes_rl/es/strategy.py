"""The evolution strategy: ask for candidates, tell their returns. Returns are maximised."""

import logging
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax
from jax.flatten_util import ravel_pytree
from jax.sharding import Mesh

from odes_rl.es.config import StrategyConfig
from odes_rl.es.optimizers import learning_rate_at, make_optimizer, sigma_at
from odes_rl.es.perturbations import PERTURBATIONS, estimate_gradient
from odes_rl.es.population import by_parts, gathered, group_count, over_devices, population_mesh
from odes_rl.es.shaping import SHAPINGS, replace_failed
from odes_rl.manifolds import (
    Euclidean,
    Manifold,
    apply_updates,
    tree_ambient,
    tree_in_metric,
    tree_to_tangent,
    tree_violation,
)

Params = Any

_log = logging.getLogger(__name__)


class StrategyState(NamedTuple):
    """What the next generation needs.

    Attributes:
        params: the current parameters.
        optimizer: optax's state over tangent coordinates.
        generation: scalar int32, updates so far.
        key: the run's key; a generation's noise is a pure function of it and `generation`.
    """

    params: Params
    optimizer: optax.OptState
    generation: jax.Array
    key: jax.Array


class StrategyInfo(NamedTuple):
    """Diagnostics of one update, all scalars.

    Attributes:
        gradient_norm: of the gradient's tangent coordinates.
        update_norm: of the step's; 0 where there was no update.
        manifold_violation: the largest of any leaf, after the update.
        sigma: the perturbations' standard deviation in this generation.
        learning_rate: the step length in this generation.
    """

    gradient_norm: jax.Array
    update_norm: jax.Array
    manifold_violation: jax.Array
    sigma: jax.Array
    learning_rate: jax.Array


class Strategy(NamedTuple):
    """An evolution strategy as pure functions.

    Attributes:
        init: `init(key, params) -> state`.
        ask: `ask(state) -> candidates`, leaves [C, …]; antithetic pairs stand side by side.
        tell: `tell(state, returns [C]) -> (state, info)`; returns that are not finite count as the worst finite
            one. It raises ValueError for another number of returns than candidates.
    """

    init: Callable[[jax.Array, Params], StrategyState]
    ask: Callable[[StrategyState], Params]
    tell: Callable[[StrategyState, jax.Array], tuple[StrategyState, StrategyInfo]]


def make_strategy(config: StrategyConfig, manifolds: Any, mesh: Mesh | None = None) -> Strategy:
    """Evolution strategy on a product of `manifolds`, a pytree that mirrors the parameters.

    A `riemannian` optimiser takes the gradient estimate over ambient noise (Choromanski et al. 2020, §4.2,
    equations 7-9). The devices of `mesh`, if
    there is one, share the population (`odes_rl.es.population`); the result is the same to the bit.
    """
    manifolds = tree_in_metric(manifolds, config.metric)
    optimizer = make_optimizer(config, manifolds)

    def init(key: jax.Array, params: Params) -> StrategyState:
        return StrategyState(params, optimizer.init(params), jnp.zeros((), jnp.int32), key)

    def ask(state: StrategyState) -> Params:
        return _candidates(config, manifolds, mesh, state)

    def tell(state: StrategyState, returns: jax.Array) -> tuple[StrategyState, StrategyInfo]:
        if returns.shape != (config.population,):
            raise ValueError(
                f"returns are {returns.shape}, but must be ({config.population},): one for each candidate that ask gave"
            )
        rate = learning_rate_at(config, state.generation)
        gradient = _gradient(config, mesh, state, returns)
        direction, memory = optimizer.update(gradient, state.optimizer, state.params)
        step = jax.tree.map(lambda d: rate * d, direction)
        usable = jnp.isfinite(returns).any() & jnp.isfinite(optax.tree.norm(step))
        params, memory = jax.tree.map(
            lambda new, old: jnp.where(usable, new, old).astype(old.dtype),
            (apply_updates(state.params, step), memory),
            (state.params, state.optimizer),
        )
        info = StrategyInfo(
            gradient_norm=optax.tree.norm(tree_to_tangent(manifolds, state.params, gradient)),
            update_norm=jnp.where(usable, optax.tree.norm(step), 0.0),
            manifold_violation=tree_violation(manifolds, params),
            sigma=sigma_at(config, state.generation),
            learning_rate=rate,
        )
        return StrategyState(params, memory, state.generation + 1, state.key), info

    return Strategy(init, ask, tell)


def mesh_of(config: StrategyConfig) -> Mesh | None:
    """The devices of this process that share a generation, all of them if its directions divide; None for one."""
    if PERTURBATIONS[config.perturbations].local:
        return population_mesh(config.directions)
    if jax.local_device_count() > 1:
        _log.warning("perturbations are %s, which one device draws: the others stay idle", config.perturbations)
    return None


def _candidates(config: StrategyConfig, manifolds: Any, mesh: Mesh | None, state: StrategyState) -> Params:
    """Leaves [C, …]: the parameters moved along each direction, with each sign."""
    draw, size = PERTURBATIONS[config.perturbations].directions, _size(state.params)
    spaces = manifolds if config.space == "tangent" else tree_ambient(manifolds)

    def moved(device: jax.Array | int, shared: tuple[Params, jax.Array], seeds: jax.Array) -> Params:
        params, scales = shared
        flat, unravel = ravel_pytree(params)
        noise = jax.vmap(unravel)(draw(seeds, size).astype(flat.dtype))
        return jax.tree.map(partial(_moved, config, device, scales), spaces, params, noise)

    shared = (state.params, _signs(config) * sigma_at(config, state.generation))
    candidates = over_devices(moved, mesh, shared, _seeds(config, state))
    return jax.tree.map(lambda leaf: leaf.reshape(config.population, *leaf.shape[2:]), candidates)


def _moved(
    config: StrategyConfig,
    device: jax.Array | int,
    scales: jax.Array,
    manifold: Manifold,
    point: jax.Array,
    noise: jax.Array,
) -> jax.Array:
    """[p, signs, …]: the point moved along each of `noise` [p, …] by each of `scales` [signs]."""

    def move(noise: jax.Array) -> jax.Array:
        # Signs inside: what depends on the direction alone is computed once for both.
        both = jax.vmap(manifold.perturb, in_axes=(None, None, 0))
        return jax.vmap(both, in_axes=(None, 0, None))(point, noise, scales)

    if isinstance(manifold, Euclidean):
        return move(noise)  # a sum rounds alike in any shape, and is written but once
    return by_parts(move, config.directions // group_count(config.directions), noise, device)


def _gradient(config: StrategyConfig, mesh: Mesh | None, state: StrategyState, returns: jax.Array) -> Params:
    """Euclidean gradient estimate from the returns [C], of the parameters' shapes; an ascent direction."""
    # Whole on each device: a compiler that splits a mean would sum it in another order.
    shaped = SHAPINGS[config.shaping](config)(replace_failed(returns).reshape(config.directions, -1))
    utilities = gathered(mesh, shaped)
    size, directions = _size(state.params), PERTURBATIONS[config.perturbations].directions
    sigma = sigma_at(config, state.generation)
    flat = estimate_gradient(utilities, _seeds(config, state), lambda seeds: directions(seeds, size), sigma, size, mesh)
    params, unravel = ravel_pytree(state.params)
    return unravel(flat.astype(params.dtype))


def _seeds(config: StrategyConfig, state: StrategyState) -> jax.Array:
    """[P, …] seeds of the generation's noise, which is drawn again whenever it is needed."""
    key = jax.random.fold_in(state.key, state.generation)
    return PERTURBATIONS[config.perturbations].seeds(key, config.directions, _size(state.params))


def _size(params: Params) -> int:
    return sum(leaf.size for leaf in jax.tree.leaves(params))


def _signs(config: StrategyConfig) -> jax.Array:
    return jnp.array([1.0, -1.0] if config.antithetic else [1.0], jnp.float32)
