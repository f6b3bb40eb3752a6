"""Riemannian ascent of the mean return of ODEtoODE: by its exact gradient, or by one that rollouts estimate."""

from collections.abc import Callable
from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax import lax
from jax.flatten_util import ravel_pytree
from pydantic import Field, PositiveInt

from odes_rl import RiemannianES, shaping
from odes_rl.manifolds import apply_updates, named_optimizer, riemannian, scheduled, tree_to_tangent, tree_violation
from odes_rl.policies import OdeToOdeConfig, Policy, make_policy
from odes_rl.studies import StudyConfig
from odes_rl_studies.smooth_tasks import TASKS, TaskName, mean_return

Gradient = Literal["exact", "estimated"]


class Theorem1Config(StudyConfig, frozen=True):
    """Riemannian gradients of ODEtoODE at several depths, exact, or estimated from rollouts, along an ascent."""

    study: Literal["theorem1"] = "theorem1"
    tasks: tuple[TaskName, ...] = Field(default=("point mass",), min_length=1)
    """Control problems, with rewards between 0 and 1."""
    gradients: tuple[Gradient, ...] = Field(default=("exact",), min_length=1)
    """What is stepped along: ∇F by backpropagation through rollouts; or ∇F_σ as evolution strategies estimate it."""
    depths: tuple[PositiveInt, ...] = Field(default=(5, 25, 100), min_length=1)
    """Steps L of the policy."""
    seeds: int = Field(default=3, ge=1)
    """Starting points of each depth."""
    hidden: int = Field(default=8, ge=4)
    """Size h of the state of the policy."""
    iterations: int = Field(default=300, ge=4)
    """Steps of ascent."""
    step: float = Field(default=1.0, gt=0)
    """Length of the first; that of step τ is a factor τ^(−1/2) of it, the theorem's is 1."""
    horizon: int = Field(default=20, ge=1)
    """Steps of a rollout."""
    starts: int = Field(default=4, ge=1)
    """Rollouts whose mean return is ascended, from fixed starting states."""
    population: int = Field(default=200, ge=2, multiple_of=2)
    """Evaluations v of an estimate, in pairs θ ± σε."""
    sigma: float = Field(default=0.1, gt=0)
    """Standard deviation σ of their perturbations."""
    draws: int = Field(default=16, ge=2, multiple_of=2)
    """Exact gradients at points θ ± σε whose mean measures ∇F_σ."""


class Ascent(NamedTuple):
    """What was seen before each of D iterations, for S seeds.

    Attributes:
        squares: [S, D] squared norm of the exact gradient's tangent coordinates.
        noise: [S, D] the squared distance between them and those of what is stepped along, divided by `squares`.
        returns: [S, D] mean rewards of the policy itself.
        violations: [S] of the manifolds, at the end.
    """

    squares: np.ndarray
    noise: np.ndarray
    returns: np.ndarray
    violations: np.ndarray


def ascend(depth: int, task: TaskName, gradient: Gradient, config: Theorem1Config) -> Ascent:
    """Ascent from each seed's starting point: tangent coordinates times τ^(−1/2), and exp, on every leaf's manifold."""
    sizes = TASKS[task].sizes
    policy = make_policy(OdeToOdeConfig(hidden=config.hidden, steps=depth, activation="tanh", squash="tanh"), *sizes)
    start_key, policy_key = jax.random.split(jax.random.key(config.seed))
    starts = TASKS[task].starts(start_key, config.starts)

    def total(params: Any) -> jax.Array:
        return mean_return(policy, TASKS[task], params, starts, config.horizon)

    one = _exactly(policy, total, config) if gradient == "exact" else _by_rollouts(policy, total, config)
    return Ascent(*map(np.asarray, jax.jit(jax.vmap(one))(jax.random.split(policy_key, config.seeds))))


def _exactly(policy: Policy, total: Callable[[Any], jax.Array], config: Theorem1Config) -> Callable[..., Any]:
    optimizer = named_optimizer("sgd", 0.0, 0.0, policy.manifolds, maximise=True)

    def step(params: Any, index: jax.Array) -> tuple[Any, tuple[jax.Array, ...]]:
        value, gradient = jax.value_and_grad(total)(params)
        direction, _ = optimizer.update(gradient, optimizer.init(params), params)
        rate = scheduled("inverse_sqrt", config.step, config.iterations, index)
        moved = apply_updates(params, jax.tree.map(lambda d: rate * d, direction))
        square = optax.tree.norm(tree_to_tangent(policy.manifolds, params, gradient)) ** 2
        return moved, (square, jnp.zeros(()), value)

    def one(key: jax.Array) -> tuple[jax.Array, ...]:
        params, seen = lax.scan(step, policy.init(key), jnp.arange(config.iterations))
        return *seen, tree_violation(policy.manifolds, params)

    return one


def _by_rollouts(policy: Policy, total: Callable[[Any], jax.Array], config: Theorem1Config) -> Callable[..., Any]:
    """As the paper has it: v evaluations at θ ± σε, off the manifolds, of which the estimate is the weighted mean."""
    strategy = RiemannianES(
        population=config.population,
        sigma=config.sigma,
        optimizer=lambda manifolds: riemannian(
            optax.sgd(lambda count: config.step / jnp.sqrt(count + 1.0)), manifolds, maximise=True
        ),
        manifolds=policy.manifolds,
        shaping=shaping.none,
        space="ambient",
    )

    def tangent(params: Any, gradient: Any) -> jax.Array:
        return ravel_pytree(tree_to_tangent(policy.manifolds, params, gradient))[0]

    def step(state: Any, key: jax.Array) -> tuple[Any, tuple[jax.Array, ...]]:
        fitness = jax.vmap(total)(strategy.ask(state))
        unravel = ravel_pytree(state.params)[1]
        sums = strategy.estimate(state, fitness).gradient.sum(axis=0)
        estimate = tangent(state.params, unravel(sums / (config.population * config.sigma)))
        exact = tangent(state.params, smoothed_gradient(total, state.params, key, config.sigma, config.draws))
        square = jnp.sum(exact**2)
        noise = jnp.sum((estimate - exact) ** 2) / square
        return strategy.tell(state, fitness)[0], (square, noise, total(state.params))

    def one(key: jax.Array) -> tuple[jax.Array, ...]:
        strategy_key, draws_key = jax.random.split(jax.random.fold_in(key, 1))
        state = strategy.init(strategy_key, policy.init(key))
        state, seen = lax.scan(step, state, jax.random.split(draws_key, config.iterations))
        return *seen, tree_violation(policy.manifolds, state.params)

    return one


def smoothed_gradient(total: Callable[[Any], jax.Array], params: Any, key: jax.Array, sigma: float, draws: int) -> Any:
    """∇F_σ at `params`, F_σ(θ) = E F(θ + σε): the mean of exact gradients at pairs θ ± σε, `draws` points in all."""
    entries, unravel = ravel_pytree(params)
    half = sigma * jax.random.normal(key, (max(1, draws // 2), entries.size))
    points = entries + jnp.concatenate([half, -half])
    gradients = jax.vmap(lambda point: ravel_pytree(jax.grad(total)(unravel(point)))[0])(points)
    return unravel(gradients.mean(axis=0))
