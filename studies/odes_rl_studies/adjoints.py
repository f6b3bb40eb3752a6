"""Adjoints: what a gradient through depth costs in memory and in evaluations of the field, by the way it is taken."""

from collections.abc import Callable
from typing import Annotated, Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax import lax
from matplotlib.figure import Figure
from pydantic import Field, PositiveInt

from odes_rl.continuous import Solving, counting, network_field, sensitivities, solve
from odes_rl.flows import Adjoint
from odes_rl.reports import draw_line, dress_panel
from odes_rl.studies import Findings, StudyConfig, StudyFamily, Tell
from odes_rl_studies.costs import Count, evaluation_counter, gradient_megabytes, megabytes

Way = Literal["scan", "direct", "checkpointed", "backsolve", "sensitivity"]
WAYS: tuple[Way, ...] = ("scan", "direct", "checkpointed", "backsolve")
"""A plain loop that keeps all it needs, and the adjoints of `Solving`."""


class AdjointsConfig(StudyConfig, frozen=True):
    """What gradients through depth cost, by the way they are taken: memory, and evaluations of the field."""

    study: Literal["adjoints"] = "adjoints"
    width: int = Field(default=64, ge=1)
    """Size of the state, and hidden units of the field."""
    batch_size: int = Field(default=128, ge=1)
    """States that are solved together."""
    steps: tuple[PositiveInt, ...] = Field(default=(4, 16, 64, 256, 1024), min_length=1)
    """Steps of `midpoint` for which memory is measured."""
    ways: tuple[Way, ...] = Field(default=WAYS, min_length=1)
    """Of taking gradients, whose memory is measured; `sensitivity` is the sensitivity equation, forwards."""
    tolerances: tuple[Annotated[float, Field(ge=1e-5)], ...] = Field(
        default=(1e-1, 1e-2, 1e-3, 1e-4, 1e-5), min_length=1
    )
    """Tolerances of `dopri5` for which evaluations are counted."""
    field_scale: float = Field(default=5.0, gt=0)
    """How far the field is from rest: its speed, times that of a network as it starts."""


class Setting(NamedTuple):
    """A field, its parameters, and where a batch of states [B, h] starts."""

    field: Callable[[jax.Array, jax.Array, Any], jax.Array]
    params: Any
    start: jax.Array


def adjoints(config: AdjointsConfig, tell: Tell) -> Findings:
    """Megabytes that a gradient needs at each number of steps, and evaluations at each tolerance."""
    setting = _setting(config)
    measured: dict[Way, list[float]] = {}
    for way in config.ways:
        measured[way] = [memory(setting, way, steps) for steps in config.steps]
        tell(f"{way}: {measured[way][-1]:.2f} MB at {config.steps[-1]} steps")
    evaluations = [evaluated(setting, tolerance) for tolerance in config.tolerances]
    rows: list[tuple[Any, ...]] = [
        (way, steps, megabyte, None, None, None)
        for way in config.ways
        for steps, megabyte in zip(config.steps, measured[way], strict=True)
    ]
    rows += [
        ("backsolve", None, None, tolerance, forward, backward)
        for tolerance, (forward, backward, _) in zip(config.tolerances, evaluations, strict=True)
    ]
    heading = ("gradient", "steps", "memory, MB", "tolerance", "evaluations forward", "evaluations backward")
    notes = (
        "`scan` is a plain loop, differentiated as it stands: it keeps what every step needs. Diffrax's direct adjoint "
        "nests its loop, and makes steps again. `sensitivity` solves Ṡ = A S + B forwards, one state after another.",
        "Memory is what the compiled gradient sets aside beyond its arguments and results, by XLA's own account. "
        "Evaluations are counted as they run; each of the backward ones also costs a product with the Jacobian.",
    )
    return Findings(heading, rows, _draw(config, measured, evaluations), notes)


def memory(setting: Setting, way: Way, steps: int) -> float:
    """Megabytes of temporaries in the compiled gradient of a solve with so many steps of `midpoint`."""
    if way == "sensitivity":
        return megabytes(lambda params: forward_gradient(setting, params, steps), setting.params)
    loss = _scan_loss(setting, steps) if way == "scan" else _loss(_fixed(way, steps), setting)
    return gradient_megabytes(loss, setting.params)


def forward_gradient(setting: Setting, params: Any, steps: int) -> jax.Array:
    """[k] the gradient of the mean square of z(1) by the sensitivity equation, one state after another.

    The k parameters are in the order of `jax.flatten_util.ravel_pytree`.
    """
    solving, times = _fixed("direct", steps), jnp.array([0.0, 1.0])

    def add(total: jax.Array, start: jax.Array) -> tuple[jax.Array, None]:
        found = sensitivities(solving, setting.field, params, start, times)
        return total + found.states[-1] @ found.by_params[-1], None

    total, _ = lax.scan(add, jnp.zeros(optax.tree.size(params)), setting.start)
    return 2 / setting.start.size * total


def evaluated(setting: Setting, tolerance: float) -> tuple[int, int, float]:
    """Evaluations of the field in a solve, those of its adjoint's backward solve, and the error of the end."""
    solving = Solving(tolerance=tolerance, adjoint="backsolve")

    def counted(count: Count) -> Callable[[Any], jax.Array]:
        return _loss(solving, setting._replace(field=counting(setting.field, count)))

    forward = evaluation_counter(counted)(setting.params)
    both = evaluation_counter(lambda count: jax.grad(counted(count)))(setting.params)
    end, precise = (
        jax.jit(lambda params, s=s: _end(s, setting, params))(setting.params)
        for s in (solving, Solving(solver="dopri8", tolerance=1e-6))
    )
    return forward, both - forward, float(jnp.abs(end - precise).max())


def _setting(config: AdjointsConfig) -> Setting:
    network = network_field(config.width, [config.width], time=True)
    init_key, start_key = jax.random.split(jax.random.key(config.seed))

    def field(t: jax.Array, z: jax.Array, params: Any) -> jax.Array:
        return config.field_scale * network.apply(params, t, z, z)

    start = jax.random.normal(start_key, (config.batch_size, config.width))
    return Setting(field, network.init(init_key), start)


def _end(solving: Solving, setting: Setting, params: Any) -> jax.Array:
    return solve(solving, setting.field, params, setting.start, jnp.array([0.0, 1.0])).states[-1]


def _loss(solving: Solving, setting: Setting) -> Callable[[Any], jax.Array]:
    return lambda params: jnp.mean(_end(solving, setting, params) ** 2)


def _fixed(adjoint: Adjoint, steps: int) -> Solving:
    return Solving(solver="midpoint", solver_steps=steps, adjoint=adjoint)


def _scan_loss(setting: Setting, steps: int) -> Callable[[Any], jax.Array]:
    """As `_loss` of the midpoint method, in a loop that is differentiated as it stands."""

    def loss(params: Any) -> jax.Array:
        def advance(z: jax.Array, t: jax.Array) -> tuple[jax.Array, None]:
            middle = z + setting.field(t, z, params) / (2 * steps)
            return z + setting.field(t + 0.5 / steps, middle, params) / steps, None

        return jnp.mean(lax.scan(advance, setting.start, jnp.arange(steps) / steps)[0] ** 2)

    return loss


def _draw(
    config: AdjointsConfig, measured: dict[Way, list[float]], evaluations: list[tuple[int, int, float]]
) -> Figure:
    figure = Figure(figsize=(10, 3), layout="constrained")
    left, middle, right = figure.subplots(1, 3)
    for index, way in enumerate(config.ways):
        draw_line(left, np.array(config.steps), np.array(measured[way]), way, index)
    left.set(xscale="log", yscale="log", xlabel="steps of the solver", ylabel="memory of a gradient, MB")
    forward, backward, errors = np.array(evaluations).T
    tolerances = np.array(config.tolerances)
    draw_line(middle, tolerances, forward, "forward", 0)
    draw_line(middle, tolerances, backward, "backward, by the adjoint equation", 1)
    middle.set(xscale="log", yscale="log", xlabel="tolerance", ylabel="evaluations of the field")
    draw_line(right, tolerances, errors, "error of z(1)", 0)
    right.plot(tolerances, tolerances, color="grey", linewidth=0.8, label="tolerance")
    right.set(xscale="log", yscale="log", xlabel="tolerance", ylabel="largest error")
    for axes in (left, middle, right):
        axes.legend(frameon=False, fontsize="small")
        dress_panel(axes)
    return figure


STUDY = StudyFamily(AdjointsConfig, adjoints)
