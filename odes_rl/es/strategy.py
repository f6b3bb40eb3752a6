"""The evolution strategy: ask for candidates, tell their returns. Returns are maximised."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax
from jax.flatten_util import ravel_pytree

from odes_rl.es.config import StrategyConfig
from odes_rl.es.optimizers import learning_rate_at, make_optimizer, sigma_at
from odes_rl.es.perturbations import PERTURBATIONS, estimate_gradient
from odes_rl.es.shaping import SHAPINGS, replace_failed
from odes_rl.manifolds import tree_exp, tree_perturb, tree_to_tangent, tree_violation

Params = Any


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
            one.
    """

    init: Callable[[jax.Array, Params], StrategyState]
    ask: Callable[[StrategyState], Params]
    tell: Callable[[StrategyState, jax.Array], tuple[StrategyState, StrategyInfo]]


def make_strategy(config: StrategyConfig, manifolds: Any) -> Strategy:
    """Evolution strategy on a product of `manifolds`, a pytree that mirrors the parameters.

    A gradient estimate over ambient noise is projected to tangent coordinates, one optax optimiser works there,
    and the exponential map takes the step (Choromanski et al. 2020, §4.2, equations 7-9).
    """
    optimizer = make_optimizer(config, manifolds)

    def init(key: jax.Array, params: Params) -> StrategyState:
        coordinates = tree_to_tangent(manifolds, params, jax.tree.map(jnp.zeros_like, params))
        return StrategyState(params, optimizer.init(coordinates), jnp.zeros((), jnp.int32), key)

    def ask(state: StrategyState) -> Params:
        return _candidates(config, manifolds, state)

    def tell(state: StrategyState, returns: jax.Array) -> tuple[StrategyState, StrategyInfo]:
        rate = learning_rate_at(config, state.generation)
        gradient = _tangent_gradient(config, manifolds, state, returns)
        descent = jax.tree.map(jnp.negative, gradient)
        direction, memory = optimizer.update(descent, state.optimizer, state.params)
        step = jax.tree.map(lambda d: rate * d, direction)
        usable = jnp.isfinite(returns).any() & jnp.isfinite(optax.tree.norm(step))
        params, memory = jax.tree.map(
            lambda new, old: jnp.where(usable, new, old),
            (tree_exp(manifolds, state.params, step), memory),
            (state.params, state.optimizer),
        )
        info = StrategyInfo(
            gradient_norm=optax.tree.norm(gradient),
            update_norm=jnp.where(usable, optax.tree.norm(step), 0.0),
            manifold_violation=tree_violation(manifolds, params),
            sigma=sigma_at(config, state.generation),
            learning_rate=rate,
        )
        return StrategyState(params, memory, state.generation + 1, state.key), info

    return Strategy(init, ask, tell)


def _candidates(config: StrategyConfig, manifolds: Any, state: StrategyState) -> Params:
    """Leaves [C, …]: the parameters moved along each direction, with each sign."""
    unravel = ravel_pytree(state.params)[1]
    sigma, signs = sigma_at(config, state.generation), _signs(config)

    def candidate(sign: jax.Array, direction: jax.Array) -> Params:
        noise = unravel(direction)
        if config.space == "tangent":
            return tree_perturb(manifolds, state.params, noise, sign * sigma)
        return jax.tree.map(lambda point, e: point + sign * sigma * e, state.params, noise)

    directions = _directions(config, state)
    return jax.vmap(candidate)(jnp.tile(signs, len(directions)), jnp.repeat(directions, len(signs), axis=0))


def _tangent_gradient(config: StrategyConfig, manifolds: Any, state: StrategyState, returns: jax.Array) -> Params:
    """Tangent coordinates of the gradient estimate from the returns [C]; an ascent direction."""
    utilities = SHAPINGS[config.shaping](config)(replace_failed(returns).reshape(config.directions, -1))
    flat = estimate_gradient(utilities, _directions(config, state), sigma_at(config, state.generation))
    return tree_to_tangent(manifolds, state.params, ravel_pytree(state.params)[1](flat))


def _directions(config: StrategyConfig, state: StrategyState) -> jax.Array:
    """[P, size] the generation's noise, drawn again whenever it is needed."""
    size = sum(leaf.size for leaf in jax.tree.leaves(state.params))
    key = jax.random.fold_in(state.key, state.generation)
    return PERTURBATIONS[config.perturbations](key, config.directions, size)


def _signs(config: StrategyConfig) -> jax.Array:
    return jnp.array([1.0, -1.0] if config.antithetic else [1.0])
