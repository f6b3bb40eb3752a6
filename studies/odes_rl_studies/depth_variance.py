"""Depth variance: weights that change along depth, as a sum of functions or in pieces, beside constant ones."""

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from pydantic import Field

from odes_rl.continuous import ContinuousNetwork, Solving, continuous_network, identity, trajectory_field
from odes_rl.flows import Trajectory, bucketed, constant, polynomial, trigonometric
from odes_rl.reports import COLOURS, LINES, dress_panel
from odes_rl.studies import Findings, StudyConfig, StudyFamily, Tell
from odes_rl_studies.descent import minimise

Model = Literal["constant", "polynomial", "trigonometric", "stacked"]
MODELS: tuple[Model, ...] = ("constant", "polynomial", "trigonometric", "stacked")


class DepthVarianceConfig(StudyConfig, frozen=True):
    """Two classes in the plane, told apart by a flow of the plane whose weights may change along depth."""

    study: Literal["depth_variance"] = "depth_variance"
    models: tuple[Model, ...] = Field(default=MODELS, min_length=1)
    """Which: constant weights, Galerkin with polynomials or trigonometric functions, stacked."""
    data: Literal["annuli", "spirals"] = "annuli"
    """A disc inside an annulus, or two arms of a spiral."""
    degree: int = Field(default=4, ge=0, multiple_of=2)
    """Of the polynomials, even; the trigonometric functions have half of it, for as many coefficients."""
    pieces: int = Field(default=5, ge=1, le=50)
    """Intervals on which stacked weights are constant."""
    depth: float = Field(default=10.0, gt=0)
    """S; the field is scaled by it."""
    examples: int = Field(default=512, ge=2)
    """Points to train on, all at each step, and as many to measure on."""
    steps: int = Field(default=1500, ge=1)
    """Steps of Adam."""
    learning_rate: float = Field(default=0.02, gt=0)
    """Their length, which falls to a hundredth along half a cosine."""
    tolerance: float = Field(default=1e-3, ge=1e-9)
    """Of the solver, `dopri5`."""


class Separation(NamedTuple):
    """What a model came to.

    Attributes:
        parameters: how many it has.
        loss: mean cross-entropy of the points to measure on, in nats.
        accuracy: share of them on the right side.
        steps: of the solver, for them as one batch.
        states: [T, N, 2] of their flow.
        grid: [G, G] share of the outer class on a grid of [−2, 2]².
        weights: [L, 2, 2] at 101 depths from 0 to 1.
    """

    parameters: int
    loss: float
    accuracy: float
    steps: int
    states: np.ndarray
    grid: np.ndarray
    weights: np.ndarray


def depth_variance(config: DepthVarianceConfig, tell: Tell) -> Findings:
    """Train each model on the same points, and show flows, boundaries, and weights along depth."""
    x, labels = draw_points(config, jax.random.fold_in(jax.random.key(config.seed), 1))
    found: dict[Model, Separation] = {name: separate(name, config, tell) for name in config.models}
    rows = [(name, f.parameters, f.loss, f.accuracy, f.steps) for name, f in found.items()]
    notes = (
        "Flows of the plane keep the inner class inside the outer one, so no model separates annuli without error.",
        "The solver ends a step at each jump of stacked weights.",
    )
    heading = ("weights", "parameters", "cross-entropy", "accuracy", "solver steps")
    return Findings(heading, rows, _draw(found, np.asarray(x), np.asarray(labels)), notes)


def trajectory(name: Model, config: DepthVarianceConfig) -> Trajectory:
    """W(s) [2, 2] of a model: Galerkin Σ_j α_j ψ_j(s), stacked, or constant (Massaroli et al. 2020)."""
    if name == "polynomial":
        return polynomial(2, config.degree)
    if name == "trigonometric":
        return trigonometric(2, config.degree // 2, period=1.0)
    return bucketed(2, config.pieces) if name == "stacked" else constant(2)


def model(name: Model, config: DepthVarianceConfig) -> ContinuousNetwork:
    """ż = S tanh(W(s) z + b) on the plane from the input, and an affine logit of z(1)."""
    field = trajectory_field(2, trajectory(name, config), activation="tanh")
    scaled = field._replace(apply=lambda prepared, t, z, x: config.depth * field.apply(prepared, t, z, x))
    return continuous_network(identity(2), scaled, 1, Solving(tolerance=config.tolerance))


def draw_points(config: DepthVarianceConfig, key: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Points [N, 2] and their classes [N], 0 and 1 in turn."""
    labels = jnp.arange(config.examples) % 2
    radius_key, angle_key, noise_key = jax.random.split(key, 3)
    share = jax.random.uniform(radius_key, labels.shape)
    if config.data == "annuli":
        radius = jnp.where(labels == 0, 0.6 * jnp.sqrt(share), 1.1 + 0.5 * share)
        angle = jax.random.uniform(angle_key, labels.shape, maxval=2 * jnp.pi)
    else:
        radius, angle = 0.3 + 1.3 * share, jnp.pi * (labels + 1.5 * share)
    noise = 0.03 * jax.random.normal(noise_key, (*labels.shape, 2))
    return radius[:, None] * jnp.stack([jnp.cos(angle), jnp.sin(angle)], -1) + noise, labels


def separate(name: Model, config: DepthVarianceConfig, tell: Tell) -> Separation:
    """Train one model by cross-entropy, and measure it on other points."""
    network = model(name, config)
    key = jax.random.key(config.seed)
    train, test = (draw_points(config, jax.random.fold_in(key, fold)) for fold in (0, 1))

    def loss(params: Any, points: tuple[jax.Array, jax.Array]) -> jax.Array:
        logits = network.apply(params, points[0])[0][:, 0]
        return jnp.mean(optax.sigmoid_binary_cross_entropy(logits, points[1]))

    params, _ = minimise(
        lambda params, key: loss(params, train),
        network.manifolds,
        network.init(jax.random.fold_in(key, 2)),
        key,
        config.steps,
        lambda line: tell(f"{name}: {line}"),
        learning_rate=config.learning_rate,
        schedule="cosine",
    )
    x, labels = test
    logits, steps = network.apply(params, x)
    side = jnp.linspace(-2, 2, 81)
    grid = jnp.stack(jnp.meshgrid(side, side), -1).reshape(-1, 2)
    return Separation(
        parameters=optax.tree.size(params),
        loss=float(loss(params, test)),
        accuracy=float(jnp.mean((logits[:, 0] > 0) == labels)),
        steps=int(steps),
        states=np.asarray(network.flow(params, x, jnp.linspace(0, 1, 41)).states),
        grid=np.asarray(jax.nn.sigmoid(network.apply(params, grid)[0])).reshape(81, 81),
        weights=np.asarray(trajectory(name, config).weights(params["field"]["trajectory"], jnp.linspace(0, 1, 101))),
    )


def _draw(found: Mapping[Model, Separation], x: np.ndarray, labels: np.ndarray) -> Figure:
    figure = Figure(figsize=(3.1 * len(found) + 1.2, 8.4), layout="constrained")
    panels = figure.subplots(3, len(found), squeeze=False)
    for column, (name, separation) in zip(panels.T, found.items(), strict=True):
        _draw_flow(column[0], separation, labels)
        column[0].set(title=name, xlabel="$z_1$", ylabel="$z_2$")
        _draw_boundary(column[1], separation, x, labels)
        column[1].set(xlabel="$x_1$", ylabel="$x_2$", aspect="equal")
        for index in range(4):
            entry = separation.weights[:, index // 2, index % 2]
            label = f"$W_{{{index // 2 + 1}{index % 2 + 1}}}$"
            style = {"color": COLOURS[index], "linestyle": LINES[index], "label": label}
            column[2].step(np.linspace(0, 1, 101), entry, where="post", **style)
        column[2].set(xlabel="depth $s / S$", ylabel="weight")
        for axes in column:
            dress_panel(axes)
    handles = [*panels[0, 0].get_legend_handles_labels()], [*panels[2, 0].get_legend_handles_labels()]
    lines, names = handles[0][0] + handles[1][0], handles[0][1] + handles[1][1]
    figure.legend(lines, names, loc="outside lower center", ncols=6, frameon=False)
    return figure


def _draw_flow(axes: Axes, found: Separation, labels: np.ndarray) -> None:
    for index, (style, mark) in enumerate((("-", "o"), ("--", "^"))):
        chosen = np.flatnonzero(labels == index)[:20]
        for i in chosen:
            axes.plot(*found.states[:, i].T, style, color=COLOURS[index], linewidth=0.6)
        label = ("class 0", "class 1")[index]
        axes.plot(*found.states[-1, chosen].T, mark, color=COLOURS[index], markersize=4, label=label)


def _draw_boundary(axes: Axes, found: Separation, x: np.ndarray, labels: np.ndarray) -> None:
    side = np.linspace(-2, 2, 81)
    axes.contourf(side, side, found.grid, levels=[0, 0.5, 1], colors=["#d9e8f3", "#f9e3d4"])
    axes.contour(side, side, found.grid, levels=[0.5], colors="black")
    for index, mark in enumerate(("o", "^")):
        axes.plot(*x[labels == index].T, mark, color=COLOURS[index], markersize=2)


STUDY = StudyFamily(DepthVarianceConfig, depth_variance)
