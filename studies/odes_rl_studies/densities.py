"""Densities: depth against width, planar flows against continuous normalising flows, by reverse KL."""

from collections.abc import Callable
from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from matplotlib.figure import Figure
from pydantic import Field, PositiveInt

from odes_rl.continuous import (
    PLANAR_MANIFOLDS,
    Solving,
    gated_field,
    log_density,
    planar_init,
    planar_log_density,
    planar_sample,
    sample_and_log_density,
)
from odes_rl.reports import draw_line, dress_panel
from odes_rl.studies import Findings, StudyConfig, StudyFamily, Tell
from odes_rl_studies.density_pictures import draw_density
from odes_rl_studies.descent import minimise
from odes_rl_studies.targets import LogDensity, Target, integral, target_log_density

Kind = Literal["planar", "continuous", "Hutchinson"]
Sampler = Callable[[Any, jax.Array], tuple[jax.Array, jax.Array]]
"""x [B, 2] and log q(x) [B], exact, of parameters and standard normal points [B, 2]."""


class DensitiesConfig(StudyConfig, frozen=True):
    """Planar flows with K layers beside continuous flows with M hidden units, trained by KL(q‖p)."""

    study: Literal["densities"] = "densities"
    targets: tuple[Target, ...] = Field(default=("crescents", "mixture"), min_length=1)
    """Densities that are learned."""
    sizes: tuple[PositiveInt, ...] = Field(default=(2, 8, 32), min_length=1)
    """Layers K of the planar flows, and hidden units M of the continuous ones."""
    hutchinson: int | None = Field(default=8, ge=1)
    """Hidden units M of the continuous flow that is also trained with Hutchinson's estimate of the trace; `none` trains
    no such flow."""
    steps: int = Field(default=1500, ge=1)
    """Steps of Adam, the same for all."""
    batch: int = Field(default=256, ge=1)
    """Points that are drawn at each step."""
    learning_rate: float = Field(default=0.02, gt=0)
    """Its step length, which falls to a hundredth along half a cosine."""
    annealing: float = Field(default=0.5, gt=0, le=1)
    """Share of the steps in which log p is weighted by less than 1, rising from 0.01, as in Rezende & Mohamed 2015:
    without it KL(q‖p) finds one mode and keeps to it."""
    solver_steps: int = Field(default=8, ge=1)
    """Equal steps of the solver, `bosh3`, in training."""
    tolerance: float = Field(default=1e-5, ge=1e-9)
    """Of the solver, `dopri5`, by which what was learned is measured."""
    points: int = Field(default=20000, ge=2)
    """Points by which KL(q‖p) is measured at the end."""


class Learned(NamedTuple):
    """A flow after training.

    Attributes:
        log_density: log q(x) [B] at x [B, 2].
        samples: [n, 2], drawn from q.
        divergence: KL(q‖p) by these samples.
        error: standard error of it.
        parameters: how many it has.
        losses: [steps].
    """

    log_density: LogDensity
    samples: np.ndarray
    divergence: float
    error: float
    parameters: int
    losses: np.ndarray


def densities(config: DensitiesConfig, tell: Tell) -> Findings:
    """Train every flow on every target; KL(q‖p) in nats, and the integral of each q over the plane."""
    runs: list[tuple[Kind, int]] = [(kind, size) for kind in ("planar", "continuous") for size in config.sizes]
    if config.hutchinson is not None:
        runs.append(("Hutchinson", config.hutchinson))
    found = {
        (target, kind, size): learn(target, kind, size, config, tell)
        for target in config.targets
        for kind, size in runs
    }
    heading = ("flow", "K or M", "target", "parameters", "KL(q‖p), nats", "standard error", "integral of q")
    rows = [
        (kind, size, target, flow.parameters, flow.divergence, flow.error, f"{integral(flow.log_density):.5f}")
        for (target, kind, size), flow in found.items()
    ]
    notes = (
        "`planar`: K layers. `continuous`: M hidden units, trained with the exact trace; `Hutchinson`: with one random "
        "probe a point and solve, and measured with the exact trace.",
    )
    return Findings(heading, rows, _draw(config, found), notes)


def learn(name: Target, kind: Kind, size: int, config: DensitiesConfig, tell: Tell) -> Learned:
    """Train one flow on one target and measure it."""
    target = target_log_density(name)
    init_key, fit_key, last_key = jax.random.split(jax.random.key(config.seed), 3)
    params, manifolds, train, measure, density = _flow(kind, size, config, init_key)

    def loss(params: Any, key: jax.Array, share: jax.Array) -> jax.Array:
        start_key, probe_key = jax.random.split(key)
        x, log_q = train(params, jax.random.normal(start_key, (config.batch, 2)), probe_key)
        warmth = jnp.minimum(1.0, 0.01 + share / config.annealing)
        return jnp.mean(log_q - warmth * target(x))

    params, losses = minimise(
        loss,
        manifolds,
        params,
        fit_key,
        config.steps,
        lambda line: tell(f"{name}, {kind} {size}: {line}"),
        learning_rate=config.learning_rate,
        schedule="cosine",
        progress=True,
    )
    x, log_q = jax.jit(measure)(params, jax.random.normal(last_key, (config.points, 2)))
    gaps = np.asarray(log_q - target(x), np.float64)
    count = optax.tree.size(params)
    error = float(gaps.std() / config.points**0.5)
    return Learned(lambda x: density(params, x), np.asarray(x), float(gaps.mean()), error, count, losses)


def _flow(kind: Kind, size: int, config: DensitiesConfig, key: jax.Array) -> tuple[Any, Any, Any, Sampler, Any]:
    """Parameters, manifolds, and how the flow samples in training, samples when it is measured, and gives log q(x)."""
    if kind == "planar":
        start = planar_init(key, size)
        return start, PLANAR_MANIFOLDS, lambda p, z, key: planar_sample(p, z), planar_sample, planar_log_density
    gated = gated_field(2, size)
    coarse = Solving(solver="bosh3", solver_steps=config.solver_steps)
    fine = Solving(solver="dopri5", tolerance=config.tolerance)

    def field(t: jax.Array, z: jax.Array, params: Any) -> jax.Array:
        return gated.apply(params, t, z, z)

    def train(params: Any, start: jax.Array, key: jax.Array) -> tuple[jax.Array, jax.Array]:
        probe = jax.random.rademacher(key, start.shape, start.dtype) if kind == "Hutchinson" else None
        return sample_and_log_density(coarse, field, params, start, probe)

    def measure(params: Any, start: jax.Array) -> tuple[jax.Array, jax.Array]:
        return sample_and_log_density(fine, field, params, start)

    return gated.init(key), gated.manifolds, train, measure, lambda params, x: log_density(fine, field, params, x)


def _draw(config: DensitiesConfig, found: dict[tuple[str, str, int], Learned]) -> Figure:
    figure = Figure(figsize=(13.2, 3.1 * len(config.targets)), layout="constrained")
    size = max(config.sizes)
    for row, target in zip(figure.subplots(len(config.targets), 4, squeeze=False), config.targets, strict=True):
        draw_density(row[0], target_log_density(target), f"{target}: target $p$")
        draw_density(row[1], found[target, "planar", size].log_density, f"planar flow, K = {size}: $q$")
        draw_density(row[2], found[target, "continuous", size].log_density, f"continuous flow, M = {size}: $q$")
        sizes = np.array(sorted(config.sizes))
        for index, (kind, label) in enumerate((("planar", "planar, K layers"), ("continuous", "continuous, M units"))):
            divergences = np.array([found[target, kind, n].divergence for n in sizes])
            draw_line(row[3], sizes, divergences, label, index)
        if config.hutchinson is not None:
            estimated = found[target, "Hutchinson", config.hutchinson].divergence
            row[3].plot([config.hutchinson], [estimated], "k*", markersize=9, label="continuous, Hutchinson's trace")
        row[3].set(xscale="log", yscale="log", xlabel="K or M", ylabel="KL(q‖p), nats", title=f"{target}: divergence")
        row[3].set_xticks(sizes, [str(n) for n in sizes])
        row[3].minorticks_off()
        dress_panel(row[3])
    row = figure.axes[3]
    row.legend(frameon=False, fontsize=8)
    return figure


STUDY = StudyFamily(DensitiesConfig, densities)
