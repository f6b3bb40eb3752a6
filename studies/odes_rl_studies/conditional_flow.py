"""Conditional flows: one vector field leads normal densities to two targets, told by a label or by where it starts."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from odes_rl.continuous import Solving, log_density
from odes_rl.reports import COLOURS
from odes_rl.studies import Findings, StudyFamily, Tell
from odes_rl_studies.conditional_models import ConditionalFlowConfig, Learned, Model, learn, make_flow
from odes_rl_studies.density_pictures import draw_density, draw_shares
from odes_rl_studies.targets import integral, target_log_density

_SHOWN = 30
"""Trajectories of each condition in a panel of the picture."""


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
