"""Conditional flows: one vector field leads normal densities to two targets, told by a label or by where it starts."""

from typing import Literal

import jax
import jax.numpy as jnp
import numpy as np
import optax
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from pydantic import Field

from odes_rl.continuous import Solving, log_density
from odes_rl.reports import COLOURS
from odes_rl.studies import Findings, StudyConfig, StudyFamily, Tell
from odes_rl_studies.conditional_models import Learned, Model, learn, make_flow
from odes_rl_studies.density_pictures import draw_density, draw_shares
from odes_rl_studies.targets import Target, integral, target_log_density

_SHOWN = 30
"""Trajectories of each condition in a panel of the picture."""


class ConditionalFlowConfig(StudyConfig, frozen=True):
    """Continuous flows that lead two starting densities, or one, to two targets at once, trained by KL(q‖p)."""

    study: Literal["conditional_flow"] = "conditional_flow"
    models: tuple[Model, ...] = Field(default=("label", "none", "start", "start by trace"), min_length=1)
    """What the field sees besides z: a label c ∈ {0, 1}, from one standard normal; nothing but the time; the start z_S,
    which is drawn from one of two normals. `start by trace` is trained as if the volume changed by the trace alone."""
    targets: tuple[Target, Target] = ("crescents", "mixture")
    """The targets of c = 0 and of c = 1."""
    width: int = Field(default=32, ge=1)
    """Hidden units of the vector field, which has one hidden layer of tanh."""
    steps: int = Field(default=1000, ge=1)
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
    points: int = Field(default=10000, ge=2)
    """Points by which KL(q‖p) is measured at the end by a formula, for each condition."""
    counted: int = Field(default=100000, ge=2)
    """Points by which it is measured by counting."""


def conditional_flow(config: ConditionalFlowConfig, tell: Tell) -> Findings:
    """Train each model; KL(q‖p) of both conditions by its formula, by the trace alone, and by counting points."""
    found: dict[Model, Learned] = {}
    for model in config.models:
        found[model] = learn(model, config, lambda line, model=model: tell(f"{model}: {line}"))
    heading = (
        "field sees",
        "parameters",
        "condition c",
        "target",
        "KL(q‖p), nats",
        "standard error",
        "by the trace alone",
        "by counting",
        "folded",
        "integral of q",
    )
    rows = [row for model, learned in found.items() for row in _rows(model, learned, config)]
    notes = (
        "KL(q‖p) is by the full derivative ∂x/∂z_S, the standard error is its, and `folded` the share of points where "
        "its determinant is not positive. Counting uses no derivative.",
    )
    return Findings(heading, rows, _draw(config, found), notes)


def _rows(model: Model, learned: Learned, config: ConditionalFlowConfig) -> list[tuple[object, ...]]:
    fine = Solving(tolerance=config.tolerance)
    flow = make_flow(model, config.width)
    rows = []
    for c, (name, part) in enumerate(zip(config.targets, learned.conditions, strict=True)):
        total = None
        if model == "label":
            field = flow.field_at(c)
            total = f"{integral(lambda x, field=field: log_density(fine, field, learned.params, x)):.5f}"
        head = (model, optax.tree.size(learned.params), c, name, part.divergence, part.error)
        rows.append((*head, part.by_trace, part.counted, part.folded, total))
    return rows


def _draw(config: ConditionalFlowConfig, found: dict[Model, Learned]) -> Figure:
    figure = Figure(figsize=(2.9 * (len(found) + 1), 8.4), layout="constrained")
    panels = figure.subplots(3, len(found) + 1, squeeze=False)
    for c, name in enumerate(config.targets):
        draw_density(panels[c, 0], target_log_density(name), f"target of c = {c}: {name}")
    starts = make_flow("start", config.width)
    for c in range(2):
        points = starts.draw(jax.random.normal(jax.random.key(config.seed + 1), (800, 2)), c)
        panels[2, 0].plot(*np.asarray(points).T, ".", color=COLOURS[c], markersize=2, label=f"$z_S$, c = {c}")
    _frame(panels[2, 0], "two starting densities")
    for index, (model, learned) in enumerate(found.items(), start=1):
        for c, part in enumerate(learned.conditions):
            draw_shares(panels[c, index], part.drawn, f"{model}: drawn, c = {c}")
        _draw_paths(panels[2, index], model, learned, config)
    return figure


def _draw_paths(axes: Axes, model: Model, learned: Learned, config: ConditionalFlowConfig) -> None:
    flow = make_flow(model, config.width)
    normal = jax.random.normal(jax.random.key(config.seed + 1), (_SHOWN, 2))
    for c in range(2):
        start = flow.draw(normal, c)
        paths = np.asarray(flow.paths(Solving(tolerance=1e-4), learned.params, start, c, jnp.linspace(0.0, 1.0, 41)))
        axes.plot(paths[..., 0], paths[..., 1], color=COLOURS[c], linewidth=0.7)
        axes.plot(*paths[0].T, "o", color="black", fillstyle="none", markersize=3, label="z(0)" if c == 0 else None)
        axes.plot(*paths[-1].T, "s", color=COLOURS[c], markersize=3, label=f"z(1), c = {c}")
    _frame(axes, f"{model}: trajectories")


def _frame(axes: Axes, title: str) -> None:
    axes.set(title=title, xlabel="$x_1$", ylabel="$x_2$", aspect="equal", xlim=(-4, 4), ylim=(-4, 5.4))
    axes.legend(frameon=False, loc="upper center", ncols=3, fontsize=6, columnspacing=0.6, handletextpad=0.1)


STUDY = StudyFamily(ConditionalFlowConfig, conditional_flow)
