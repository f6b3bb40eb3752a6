"""Gradients through depth: which flows keep them between the bounds of lemma 4.1 of Choromanski et al. 2020."""

from typing import Any, Literal

import jax
import jax.numpy as jnp
import numpy as np
import optax
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from pydantic import Field, PositiveInt

from odes_rl import UserError
from odes_rl.flows import constant, gated, left_nodes, per_layer, right_nodes, trigonometric
from odes_rl.inspection import Depth, gradient_bounds, inside, look_through
from odes_rl.reports import COLOURS, draw_band, draw_line, dress_panel
from odes_rl.studies import Findings, StudyConfig, StudyFamily, Tell
from odes_rl.supervised import FlowModelConfig, Model, flow_model, load_dataset
from odes_rl_studies.descent import minimise

Name = Literal["ode_to_ode", "nanode", "node", "res_net"]
LABELS = {"ode_to_ode": "ODEtoODE", "nanode": "NANODE", "node": "NODE", "res_net": "ResNet"}


class GradientsThroughDepthConfig(StudyConfig, frozen=True):
    """Gradients and sensitivities through the depth of flows and of a residual network, on the digits."""

    study: Literal["gradients_through_depth"] = "gradients_through_depth"
    models: tuple[Name, ...] = Field(default=("ode_to_ode", "nanode", "node", "res_net"), min_length=1)
    """Which; `res_net` is x + f(W_i x + b), steps of length 1 with a matrix each, the others step by 1/L."""
    depths: tuple[PositiveInt, ...] = Field(default=(25, 100, 400), min_length=1)
    """Steps L."""
    width: int = Field(default=32, ge=2)
    """Size h of the state."""
    training: int = Field(default=60, ge=1)
    """Steps of Adam before the second look; the first is at the start."""
    learning_rate: float = Field(default=0.003, gt=0)
    """Their length."""
    batch_size: int = Field(default=64, ge=1)
    """Digits a step."""
    examples: int = Field(default=64, ge=1)
    """Digits, none of them trained on, whose gradients are taken."""


def gradients_through_depth(config: GradientsThroughDepthConfig, tell: Tell) -> Findings:
    """Look at each model at each depth, at the start and after training."""
    heading = ("model", "steps", "when", "smallest ratio", "largest ratio", "bounds", "inside", "σ max / σ min at end")
    rows, looks, notes = [], {}, []
    for depth in config.depths:
        for name in config.models:
            found, failure = _looks(name, depth, config, lambda line, n=name, d=depth: tell(f"{n}, {d} steps: {line}"))
            if found:
                looks[name, depth] = list(found.values())[-1]
            rows += [_row(name, depth, when, look) for when, look in found.items()]
            notes += [failure] if failure else []
    notes.append("`rounding`: too small beside the largest for float64 to tell.")
    notes.append("The lemma is about orthogonal weights, ODEtoODE's: no bound is broken where another model leaves it.")
    return Findings(heading, rows, _draw(config, looks), notes)


def build(name: Name, depth: int, width: int, inputs: int, classes: int) -> Model:
    """The model of that name with |·|."""
    step = 1.0 if name == "res_net" else 1 / depth
    times = right_nodes(depth) if name == "ode_to_ode" else left_nodes(depth)
    trajectory = {
        "ode_to_ode": lambda: gated(width),
        "nanode": lambda: trigonometric(width, degree=1),
        "node": lambda: constant(width),
        "res_net": lambda: per_layer(width, depth),
    }[name]()
    config = FlowModelConfig(name=name, width=width, steps=depth)
    return flow_model(config, inputs, classes, trajectory, times, step)


def _looks(
    name: Name, depth: int, config: GradientsThroughDepthConfig, tell: Tell
) -> tuple[dict[str, Depth], str | None]:
    """The looks by when they were taken, and why there is only one of them, if so."""
    data = load_dataset("digits")
    images, labels = _flat(data.train.images), jnp.asarray(data.train.labels)
    model = build(name, depth, config.width, images.shape[1], data.classes)

    def loss(params: Any, key: jax.Array) -> jax.Array:
        rows = jax.random.choice(key, len(labels), (config.batch_size,))
        logits = model.apply(params, images[rows], None)
        return jnp.mean(optax.softmax_cross_entropy_with_integer_labels(logits, labels[rows]))

    def look(params: Any) -> Depth:
        assert model.layers is not None, name
        seen = slice(0, config.examples)
        return look_through(model.layers(params), np.asarray(_flat(data.test.images))[seen], data.test.labels[seen])

    init_key, train_key = jax.random.split(jax.random.key(config.seed))
    params, looks = model.init(init_key), {}
    try:
        looks["start"] = look(params)
        params, _ = minimise(
            loss, model.manifolds, params, train_key, config.training, tell, learning_rate=config.learning_rate
        )
        looks["trained"] = look(params)
    except UserError:
        seen = "see its start" if looks else "at its start already"
        return looks, f"{LABELS[name]} with {depth} steps is not trained, for its numbers leave float32: {seen}."
    return looks, _unmoved(name, depth, looks)


def _unmoved(name: Name, depth: int, looks: dict[str, Depth]) -> str | None:
    if not np.allclose(looks["start"].states, looks["trained"].states, rtol=1e-6):
        return None
    return (
        f"{LABELS[name]} with {depth} steps does not move in training: the squares of its gradients, by which "
        "Adam divides, leave float32."
    )


def _row(name: str, depth: int, when: str, look: Depth) -> tuple[object, ...]:
    bounds = gradient_bounds(depth, euler=True)
    kept = "yes" if inside(look.ratios, bounds).all() else "no"
    condition = f"{look.sensitivities[-1, 0]:.3g} / {look.sensitivities[-1, -1]:.3g}".replace("nan", "rounding")
    extremes = look.ratios.min(), look.ratios.max()
    return LABELS[name], depth, when, *extremes, f"{bounds[0][0]:.3f} to {bounds[1][0]:.3f}", kept, condition


def _flat(images: np.ndarray) -> jax.Array:
    return jnp.asarray(images.reshape(len(images), -1) / np.float32(255), jnp.float32)


def _draw(config: GradientsThroughDepthConfig, looks: dict[tuple[str, int], Depth]) -> Figure:
    count = len(config.depths)
    figure = Figure(figsize=(4 * count, 6.4), layout="constrained")
    panels = figure.subplots(2, count, sharey="row", squeeze=False)
    for column, depth in enumerate(config.depths):
        times = np.linspace(0, 1, depth + 1)
        for bound in gradient_bounds(depth, euler=True):
            style = {"color": COLOURS[-1], "linewidth": 1, "linestyle": (0, (1, 1))}
            panels[0, column].plot(times, bound, label="bounds", **style)
            panels[1, column].plot(times, bound[::-1], **style)
        for index, name in enumerate(config.models):
            look = looks.get((name, depth))
            if look is None:
                continue
            low, middle, high = np.quantile(look.ratios, (0, 0.5, 1), axis=1)
            draw_band(panels[0, column], times, low, high, index)
            draw_line(panels[0, column], times, middle, LABELS[name], index)
            draw_line(panels[1, column], times, look.sensitivities[:, 0], LABELS[name], index)
            half = look.sensitivities.shape[1] // 2
            for place, width in ((half, 0.6), (-1, 1.4)):
                style = {"color": COLOURS[index], "linestyle": ("-", "--", "-.", ":")[index], "linewidth": width}
                panels[1, column].plot(times, look.sensitivities[:, place], **style)
        panels[0, column].set(title=f"{depth} steps", ylim=(0.05, 100))
        panels[1, column].set(ylim=(1e-2, 100), xlabel="depth t (1 is the end)")
        for axes in panels[:, column]:
            _dress(axes)
    panels[0, 0].set_ylabel("‖∂L/∂x(t)‖ / ‖∂L/∂x(1)‖")
    panels[1, 0].set_ylabel("singular values of ∂x(t)/∂x(0)")
    handles, labels = panels[0, 0].get_legend_handles_labels()
    handles, labels = handles[1:], labels[1:]  # the two bounds look alike
    figure.legend(handles, labels, loc="outside upper center", ncols=len(labels), frameon=False)
    return figure


def _dress(axes: Axes) -> None:
    axes.set_yscale("log")
    dress_panel(axes)


STUDY = StudyFamily(GradientsThroughDepthConfig, gradients_through_depth)
