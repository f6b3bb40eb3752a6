"""What the field of a conditional flow sees, how it is trained by KL(q‖p), and how that divergence is measured."""

from collections.abc import Callable
from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pydantic

from odes_rl.continuous import Field, Solving, VectorField, network_field, normal_log_density, solve
from odes_rl.studies import StudyConfig, Tell
from odes_rl_studies.descent import minimise
from odes_rl_studies.targets import LogDensity, Target, target_log_density
from odes_rl_studies.warped_bases import (
    CENTRES,
    DEVIATION,
    base_log_density,
    counted_divergence,
    determinant,
    log_volume,
    warp,
    warp_by_trace,
)

Model = Literal["label", "none", "start", "start by trace"]
_AT_ONCE = 50000
"""Points in one solve, where they are counted."""


class ConditionalFlowConfig(StudyConfig, frozen=True):
    """Continuous flows that lead two starting densities, or one, to two targets at once, trained by KL(q‖p)."""

    study: Literal["conditional_flow"] = "conditional_flow"
    models: tuple[Model, ...] = pydantic.Field(default=("label", "none", "start", "start by trace"), min_length=1)
    """What the field sees besides z: a label c ∈ {0, 1}, from one standard normal; nothing but the time; the start z_S,
    which is drawn from one of two normals. `start by trace` is trained as if the volume changed by the trace alone."""
    targets: tuple[Target, Target] = ("crescents", "mixture")
    """The targets of c = 0 and of c = 1."""
    width: int = pydantic.Field(default=32, ge=1)
    """Hidden units of the vector field, which has one hidden layer of tanh."""
    steps: int = pydantic.Field(default=1000, ge=1)
    """Steps of Adam."""
    batch: int = pydantic.Field(default=256, ge=1)
    """Points that are drawn at each step for each condition."""
    learning_rate: float = pydantic.Field(default=0.02, gt=0)
    """Its step length, which falls to a hundredth along half a cosine."""
    annealing: float = pydantic.Field(default=0.5, gt=0, le=1)
    """Share of the steps in which log p is weighted by less than 1, rising from 0.01."""
    solver_steps: int = pydantic.Field(default=8, ge=1)
    """Equal steps of the solver, `bosh3`, in training."""
    tolerance: float = pydantic.Field(default=1e-5, ge=1e-9)
    """Of the solver, `dopri5`, by which what was learned is measured."""
    points: int = pydantic.Field(default=10000, ge=2)
    """Points by which KL(q‖p) is measured at the end by a formula, for each condition."""
    counted: int = pydantic.Field(default=100000, ge=2)
    """Points by which it is measured by counting."""


class Condition(NamedTuple):
    """What one condition came to.

    Attributes:
        divergence: KL(q‖p) in nats, with all that the start changes.
        error: standard error of it.
        by_trace: KL(q‖p) if the volume changed by the trace alone.
        counted: KL(q‖p) by counting points.
        folded: share of points where the derivative of the map has no positive determinant.
        drawn: [n, 2] points.
    """

    divergence: float
    error: float
    by_trace: float
    counted: float
    folded: float
    drawn: np.ndarray


class Learned(NamedTuple):
    """Parameters after training, and what both conditions came to."""

    params: Any
    conditions: list[Condition]


class Flow(NamedTuple):
    """A conditional flow.

    Attributes:
        network: its vector field.
        control: `control(start [B, 2], c) -> [B, n]`, what the field sees besides z and t.
        draw: `draw(normal [B, 2], c) -> z_S [B, 2]`, from standard normal points.
        start_log_density: `start_log_density(z_S [B, 2], c) -> [B]`.
        moving: whether what the field sees moves with the start.
    """

    network: Field
    control: Callable[[jax.Array, int], jax.Array]
    draw: Callable[[jax.Array, int], jax.Array]
    start_log_density: Callable[[jax.Array, int], jax.Array]
    moving: bool

    def controlled(self, t: jax.Array, z: jax.Array, start: jax.Array, params: Any, c: int) -> jax.Array:
        """ż [B, 2] at z [B, 2] of trajectories from `start` [B, 2]."""
        return self.network.apply(params, t, z, self.control(start, c))

    def field_at(self, c: int) -> VectorField:
        """The field of condition c, if it does not see the start."""
        return lambda t, z, params: self.controlled(t, z, z, params, c)

    def paths(self, solving: Solving, params: Any, start: jax.Array, c: int, times: jax.Array) -> jax.Array:
        """[T, B, 2] trajectories from `start` [B, 2] at `times` [T]."""
        return solve(solving, lambda t, z, p: self.controlled(t, z, start, p, c), params, start, times).states


def make_flow(model: Model, width: int) -> Flow:
    """The flow of a model: `label` starts from one standard normal, the others from one of two normals."""
    control = {"label": 1, "none": 0}.get(model, 2)
    network = network_field(2, (width,), time=control < 2, control=control)
    if model == "label":
        return Flow(
            network,
            lambda start, c: jnp.full((len(start), 1), float(c)),
            lambda normal, c: normal,
            lambda z, c: normal_log_density(z),
            moving=False,
        )
    return Flow(
        network,
        (lambda start, c: start[:, :0]) if model == "none" else (lambda start, c: start),
        lambda normal, c: CENTRES[c] + DEVIATION * normal,
        lambda z, c: base_log_density(c, z),
        moving=model != "none",
    )


def learn(model: Model, config: ConditionalFlowConfig, tell: Tell) -> Learned:
    """Train on both targets at once, and measure both conditions."""
    flow = make_flow(model, config.width)
    targets = [target_log_density(name) for name in config.targets]
    coarse = Solving(solver="bosh3", solver_steps=config.solver_steps)
    init_key, fit_key, last_key = jax.random.split(jax.random.key(config.seed), 3)
    exactly = model == "start"

    def one(params: Any, normal: jax.Array, c: int, warmth: jax.Array) -> jax.Array:
        x, log_q = sample(flow, coarse, params, normal, c, exactly=exactly)
        return jnp.mean(log_q - warmth * targets[c](x))

    def loss(params: Any, key: jax.Array, share: jax.Array) -> jax.Array:
        warmth = jnp.minimum(1.0, 0.01 + share / config.annealing)
        normals = jnp.split(jax.random.normal(key, (2 * config.batch, 2)), 2)
        return (one(params, normals[0], 0, warmth) + one(params, normals[1], 1, warmth)) / 2

    params, _ = minimise(
        loss,
        flow.network.manifolds,
        flow.network.init(init_key),
        fit_key,
        config.steps,
        tell,
        learning_rate=config.learning_rate,
        schedule="cosine",
        progress=True,
    )
    conditions = [_measured(flow, params, c, targets[c], config, jax.random.fold_in(last_key, c)) for c in range(2)]
    return Learned(params, conditions)


def sample(
    flow: Flow, solving: Solving, params: Any, normal: jax.Array, c: int, *, exactly: bool
) -> tuple[jax.Array, jax.Array]:
    """X [B, 2] and log q(x) [B]: `exactly`, by the derivative of x with respect to its start, or by the trace alone."""
    start = flow.draw(normal, c)

    def field(t: jax.Array, z: jax.Array, start: jax.Array, params: Any) -> jax.Array:
        return flow.controlled(t, z, start, params, c)

    if exactly:
        x, derivative = warp(solving, field, params, start)
        volume = log_volume(derivative)
    else:
        x, volume = warp_by_trace(solving, field, params, start)
    return x, flow.start_log_density(start, c) - volume


def _measured(
    flow: Flow, params: Any, c: int, target: LogDensity, config: ConditionalFlowConfig, key: jax.Array
) -> Condition:
    fine = Solving(solver="dopri5", tolerance=config.tolerance)
    few_key, many_key = jax.random.split(key)
    normal = jax.random.normal(few_key, (config.points, 2))

    def field(t: jax.Array, z: jax.Array, start: jax.Array, params: Any) -> jax.Array:
        return flow.controlled(t, z, start, params, c)

    x, derivative = jax.jit(lambda start: warp(fine, field, params, start))(flow.draw(normal, c))
    log_q = flow.start_log_density(flow.draw(normal, c), c) - log_volume(derivative)
    gaps = np.asarray(log_q - target(x), np.float64)
    _, by_trace = jax.jit(lambda normal: sample(flow, fine, params, normal, c, exactly=False))(normal)
    ends = jax.jit(lambda normal: flow.paths(fine, params, flow.draw(normal, c), c, jnp.array([0.0, 1.0]))[-1])
    sizes = np.diff([*range(0, config.counted, _AT_ONCE), config.counted])
    keys = jax.random.split(many_key, len(sizes))
    drawn = np.concatenate(
        [np.asarray(ends(jax.random.normal(k, (int(n), 2)))) for k, n in zip(keys, sizes, strict=True)]
    )
    return Condition(
        divergence=float(gaps.mean()),
        error=float(gaps.std() / len(gaps) ** 0.5),
        by_trace=float(np.mean(np.asarray(by_trace - target(x), np.float64))),
        counted=counted_divergence(drawn, target),
        folded=float(np.mean(np.asarray(determinant(derivative)) <= 0)),
        drawn=drawn,
    )
