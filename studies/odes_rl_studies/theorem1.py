"""Theorem 1 of Choromanski et al. 2020: how fast Riemannian gradients of ODEtoODE fall, whatever its depth."""

from collections.abc import Callable
from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax import lax
from matplotlib.figure import Figure
from pydantic import Field

from odes_rl.act import find_rule
from odes_rl.manifolds import apply_updates, named_optimizer, scheduled, tree_to_tangent, tree_violation
from odes_rl.policies import OdeToOdeConfig, Policy, make_policy
from odes_rl.reports import COLOURS, draw_band, draw_line, dress_panel
from odes_rl.studies import Findings, StudyConfig, StudyFamily, Tell


class Theorem1Config(StudyConfig, frozen=True):
    """Exact Riemannian gradients of ODEtoODE at several depths, on a smooth control problem with a bounded reward."""

    study: Literal["theorem1"] = "theorem1"
    depths: tuple[int, ...] = Field(default=(5, 25, 100), min_length=1)
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


class Ascent(NamedTuple):
    """Squared gradient norms [S, D] before each iteration, returns [S, D], and manifold violations [S] at the end."""

    squares: np.ndarray
    returns: np.ndarray
    violations: np.ndarray


def theorem1(config: Theorem1Config, tell: Tell) -> Findings:
    """Ascend at each depth, and set the smallest squared gradient norm so far beside the theorem's rate."""
    ascents = {}
    for depth in config.depths:
        ascents[depth] = ascend(depth, config)
        tell(f"{depth} steps: mean return {ascents[depth].returns[:, -1].mean():.4g}")
    heading = (
        "steps L",
        "slope of the least square",
        "first ‖∇‖²",
        "least ‖∇‖²",
        "largest √τ min ‖∇‖²",
        "return at start",
        "return at end",
        "violation",
    )
    rows = [_row(depth, found) for depth, found in ascents.items()]
    notes = (
        "The theorem bounds the least ‖∇‖² from above, by C τ^(−1/2 + ε) with one C for all L: steeper agrees with it.",
        "Slopes are fitted from a tenth of the iterations on; ∇ is measured by the entries of its tangent coordinates.",
        "Gradients are exact, so the expectation that the theorem takes is over nothing, and σ is zero.",
    )
    return Findings(heading, rows, _draw(ascents), notes)


def ascend(depth: int, config: Theorem1Config) -> Ascent:
    """Ascent from each seed's starting point: tangent coordinates times τ^(−1/2), and exp, on every leaf's manifold."""
    policy = make_policy(OdeToOdeConfig(hidden=config.hidden, steps=depth, activation="tanh", squash="tanh"), 4, 2)
    start_key, policy_key = jax.random.split(jax.random.key(config.seed))
    optimizer = named_optimizer("sgd", 0.0, 0.0, policy.manifolds, maximise=True)
    starts = jax.random.uniform(start_key, (config.starts, 4), minval=-1.0)
    value = jax.value_and_grad(lambda params: mean_return(policy, params, starts, config.horizon))

    def step(params: Any, index: jax.Array) -> tuple[Any, tuple[jax.Array, jax.Array]]:
        total, gradient = value(params)
        direction, _ = optimizer.update(gradient, optimizer.init(params), params)
        rate = scheduled("inverse_sqrt", config.step, config.iterations, index)
        moved = apply_updates(params, jax.tree.map(lambda d: rate * d, direction))
        return moved, (optax.tree.norm(tree_to_tangent(policy.manifolds, params, gradient)) ** 2, total)

    def one(key: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array]:
        params, (squares, returns) = lax.scan(step, policy.init(key), jnp.arange(config.iterations))
        return squares, returns, tree_violation(policy.manifolds, params)

    return Ascent(*map(np.asarray, jax.jit(jax.vmap(one))(jax.random.split(policy_key, config.seeds))))


def mean_return(policy: Policy, params: Any, starts: jax.Array, horizon: int) -> jax.Array:
    """Scalar mean reward a step, in [0, 1], of a damped point mass from `starts` [B, 4] (place and velocity).

    ẍ = 4 tanh(a) − ẋ/2 in steps of 0.1, reward exp(−|x|² − |ẋ|²/10): all smooth, with bounded derivatives.
    """
    weights = policy.materialise(params)
    act: Callable[..., jax.Array] = find_rule(policy.act_rule).array

    def advance(state: jax.Array, _: None) -> tuple[jax.Array, jax.Array]:
        place, velocity = state[:, :2], state[:, 2:]
        force = 4 * jnp.tanh(act(weights, state)) - 0.5 * velocity
        velocity = velocity + 0.1 * force
        place = place + 0.1 * velocity
        reward = jnp.exp(-jnp.sum(place**2, -1) - 0.1 * jnp.sum(velocity**2, -1))
        return jnp.concatenate([place, velocity], -1), jnp.mean(reward)

    return jnp.mean(lax.scan(advance, starts, None, length=horizon)[1])


def least(squares: np.ndarray) -> np.ndarray:
    """[…, D] the smallest of `squares` [..., D] so far."""
    return np.minimum.accumulate(squares, axis=-1)


def slope(values: np.ndarray) -> float:
    """The slope of log `values` [D] by the logarithm of their numbers 1..D, from a tenth of them on."""
    numbers = np.arange(1, values.size + 1)
    late = numbers >= max(1, values.size // 10)
    return float(np.polyfit(np.log(numbers[late]), np.log(values[late]), 1)[0])


def _row(depth: int, found: Ascent) -> tuple[object, ...]:
    falling = least(found.squares)
    numbers = np.arange(1, falling.shape[1] + 1)
    return (
        depth,
        slope(np.exp(np.log(falling).mean(axis=0))),
        float(falling[:, 0].mean()),
        float(falling[:, -1].mean()),
        float((np.sqrt(numbers) * falling).max()),
        float(found.returns[:, 0].mean()),
        float(found.returns[:, -1].mean()),
        float(found.violations.max()),
    )


def _draw(ascents: dict[int, Ascent]) -> Figure:
    figure = Figure(figsize=(6.4, 4), layout="constrained")
    axes = figure.subplots()
    numbers = np.arange(1, next(iter(ascents.values())).squares.shape[1] + 1)
    axes.set(xscale="log", yscale="log", xlabel="iteration τ", ylabel="smallest squared gradient norm so far")
    for index, (depth, found) in enumerate(ascents.items()):
        falling = least(found.squares)
        draw_band(axes, numbers, falling.min(axis=0), falling.max(axis=0), index)
        draw_line(axes, numbers, np.exp(np.log(falling).mean(axis=0)), f"L = {depth}", index)
    highest = max(float((np.sqrt(numbers) * least(found.squares)).max()) for found in ascents.values())
    axes.plot(numbers, highest / np.sqrt(numbers), color=COLOURS[-1], linestyle=(0, (1, 1)), label="$C\\,\\tau^{-1/2}$")
    axes.legend(frameon=False, loc="lower left")
    dress_panel(axes)
    return figure


STUDY = StudyFamily(Theorem1Config, theorem1)
