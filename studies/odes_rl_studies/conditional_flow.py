"""A conditional flow: one vector field with a condition as input, which leads one normal to two targets."""

from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from matplotlib.figure import Figure
from pydantic import Field

from odes_rl.continuous import Solving, VectorField, log_density, network_field, sample_and_log_density, solve
from odes_rl.reports import COLOURS
from odes_rl.studies import Findings, StudyConfig, StudyFamily, Tell
from odes_rl_studies.density_pictures import draw_density
from odes_rl_studies.descent import minimise
from odes_rl_studies.targets import LogDensity, Target, integral, target_log_density

_SHOWN = 40
"""Trajectories in a panel of the picture."""


class ConditionalFlowConfig(StudyConfig, frozen=True):
    """One continuous flow with a condition c ∈ {0, 1}, trained by KL(q‖p) on two targets at once."""

    study: Literal["conditional_flow"] = "conditional_flow"
    targets: tuple[Target, Target] = ("crescents", "mixture")
    """The targets of c = 0 and of c = 1."""
    width: int = Field(default=32, ge=1)
    """Hidden units of the vector field, which has one hidden layer of tanh."""
    steps: int = Field(default=1500, ge=1)
    """Steps of Adam."""
    batch: int = Field(default=256, ge=1)
    """Points that are drawn at each step for each condition."""
    learning_rate: float = Field(default=0.02, gt=0)
    """Its step length, which falls to a hundredth along half a cosine."""
    annealing: float = Field(default=0.5, gt=0, le=1)
    """Share of the steps in which log p is weighted by less than 1, rising from 0.01."""
    solver_steps: int = Field(default=8, ge=1)
    """Equal steps of the solver, `bosh3`, in training."""
    tolerance: float = Field(default=1e-5, gt=0)
    """Of the solver, `dopri5`, by which what was learned is measured."""
    points: int = Field(default=20000, ge=2)
    """Points by which KL(q‖p) is measured at the end, for each condition."""


class Conditional(NamedTuple):
    """The flow of one condition: its field, log q(x) [B] at x [B, 2], and KL(q‖p) with its standard error."""

    field: VectorField
    log_density: LogDensity
    divergence: float
    error: float


def conditional_flow(config: ConditionalFlowConfig, tell: Tell) -> Findings:
    """Train the flow; KL(q‖p) and the integral of q over the plane for each condition (Massaroli et al. 2020)."""
    params, found = learn_both(config, tell)
    count = optax.tree.size(params)
    heading = ("condition c", "target", "KL(q‖p), nats", "standard error", "integral of q")
    rows = [
        (index, target, flow.divergence, flow.error, f"{integral(flow.log_density):.5f}")
        for index, (target, flow) in enumerate(zip(config.targets, found, strict=True))
    ]
    notes = (f"One vector field of {count} parameters for both conditions.",)
    return Findings(heading, rows, _draw(config, params, found), notes)


def condition_field(width: int, condition: float) -> VectorField:
    """ż = f(t, z, c) of one hidden layer, at c = `condition` for all points."""
    network = network_field(2, (width,), time=True, control=1)
    return lambda t, z, params: network.apply(params, t, z, jnp.full((*z.shape[:-1], 1), condition))


def learn_both(config: ConditionalFlowConfig, tell: Tell) -> tuple[Any, list[Conditional]]:
    """Parameters, and the flows of c = 0 and c = 1, which share them."""
    network = network_field(2, (config.width,), time=True, control=1)
    targets = [target_log_density(name) for name in config.targets]
    coarse = Solving(solver="bosh3", solver_steps=config.solver_steps)
    fine = Solving(solver="dopri5", tolerance=config.tolerance)
    conditions = jnp.repeat(jnp.arange(2.0), config.batch)[:, None]
    init_key, fit_key, last_key = jax.random.split(jax.random.key(config.seed), 3)

    def both(t: jax.Array, z: jax.Array, params: Any) -> jax.Array:
        return network.apply(params, t, z, conditions)

    def loss(params: Any, key: jax.Array, share: jax.Array) -> jax.Array:
        x, log_q = sample_and_log_density(coarse, both, params, jax.random.normal(key, (2 * config.batch, 2)))
        log_p = jnp.concatenate([target(part) for target, part in zip(targets, jnp.split(x, 2), strict=True)])
        return jnp.mean(log_q - jnp.minimum(1.0, 0.01 + share / config.annealing) * log_p)

    params, _ = minimise(
        loss,
        network.manifolds,
        network.init(init_key),
        fit_key,
        config.steps,
        tell,
        learning_rate=config.learning_rate,
        schedule="cosine",
        progress=True,
    )
    start = jax.random.normal(last_key, (config.points, 2))
    return params, [_measured(config.width, c, params, targets[c], fine, start) for c in range(2)]


def _measured(
    width: int, condition: int, params: Any, target: LogDensity, fine: Solving, start: jax.Array
) -> Conditional:
    field = condition_field(width, float(condition))
    x, log_q = sample_and_log_density(fine, field, params, start)
    gaps = np.asarray(log_q - target(x), np.float64)
    density = lambda x: log_density(fine, field, params, x)  # noqa: E731
    return Conditional(field, density, float(gaps.mean()), float(gaps.std() / len(gaps) ** 0.5))


def _draw(config: ConditionalFlowConfig, params: Any, found: list[Conditional]) -> Figure:
    figure = Figure(figsize=(10, 6.4), layout="constrained")
    start = jax.random.normal(jax.random.key(config.seed + 1), (_SHOWN, 2))
    for c, (row, name, flow) in enumerate(zip(figure.subplots(2, 3), config.targets, found, strict=True)):
        draw_density(row[0], target_log_density(name), f"target of c = {c}: {name}")
        draw_density(row[1], flow.log_density, f"learned density, c = {c}")
        times = jnp.linspace(0.0, 1.0, 41)
        paths = np.asarray(solve(Solving(tolerance=1e-4), flow.field, params, start, times).states)
        row[2].plot(paths[..., 0], paths[..., 1], color=COLOURS[c], linewidth=0.8)
        row[2].plot(*paths[0].T, "o", color="black", fillstyle="none", markersize=4, label="z(0)")
        row[2].plot(*paths[-1].T, "s", color=COLOURS[c], markersize=4, label="z(1)")
        row[2].set(title=f"trajectories, c = {c}", xlabel="$z_1$", ylabel="$z_2$", aspect="equal")
        row[2].set(xlim=(-4, 4), ylim=(-4, 5.2))
        row[2].legend(frameon=False, loc="upper center", ncols=2, fontsize=8)
    return figure


STUDY = StudyFamily(ConditionalFlowConfig, conditional_flow)
