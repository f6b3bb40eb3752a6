"""Reflection: φ(x) = −x in one dimension, which no plain neural ODE can learn, and three changes that learn it."""

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.collections import LineCollection
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from pydantic import Field

from odes_rl.continuous import ContinuousNetwork, Solving, continuous_network, identity, network_field, zeros_added
from odes_rl.reports import COLOURS, LINES, MARKERS, dress_panel
from odes_rl.studies import Findings, StudyConfig, StudyFamily, Tell
from odes_rl_studies.descent import minimise

Model = Literal["neural ODE", "data control", "adaptive depth", "depth by a network", "zero augmentation"]
MODELS: tuple[Model, ...] = ("neural ODE", "data control", "adaptive depth", "zero augmentation")
LEAST_MONOTONE_ERROR = 1 / 3
"""The least mean squared error of a rising function against −x on [−1, 1], that of the constant 0."""


class ReflectionConfig(StudyConfig, frozen=True):
    """Learning φ(x) = −x on [−1, 1] with a state of one dimension, where trajectories cannot cross."""

    study: Literal["reflection"] = "reflection"
    models: tuple[Model, ...] = Field(default=MODELS, min_length=1)
    """Which; `depth by a network` has adaptive depth with a network for g."""
    width: int = Field(default=16, ge=1)
    """Of the one hidden layer of each field, and of g where that is a network."""
    batch: int = Field(default=64, ge=1)
    """Inputs drawn for each step."""
    steps: int = Field(default=2000, ge=1)
    """Steps of Adam."""
    learning_rate: float = Field(default=0.02, gt=0)
    """Its step length, which falls to a hundredth along half a cosine."""
    depth_start: tuple[float, float] = (1.0, 0.0)
    """c and c_0 of adaptive depth g(x) = c x + c_0 before training. From (0, 1), a fixed depth, outputs stay at 0."""
    tolerance: float = Field(default=1e-4, ge=1e-9)
    """Of the solver, `dopri5`."""


class Reflection(NamedTuple):
    """What a model learned.

    Attributes:
        parameters: how many it has.
        error: mean squared error on `inputs`.
        steps: of the solver, for `inputs` as one batch.
        inputs: [N] that rise from −1 to 1.
        outputs: [N] of them.
        times: [T] in [0, 1].
        depths: [N] up to which each input is solved; 1, unless depth is adaptive.
        states: [T, N] first entry of z at `times`, shares of each depth.
    """

    parameters: int
    error: float
    steps: int
    inputs: np.ndarray
    outputs: np.ndarray
    times: np.ndarray
    depths: np.ndarray
    states: np.ndarray


def reflection(config: ReflectionConfig, tell: Tell) -> Findings:
    """Train each model on φ(x) = −x, and show its trajectories and the map that it learned."""
    found: dict[Model, Reflection] = {name: reflect(name, config, tell) for name in config.models}
    heading = ("model", "parameters", "mean squared error", "output rises with input", "solver steps")
    rows = [
        (name, r.parameters, r.error, "yes" if (np.diff(r.outputs) > -1e-6).all() else "no", r.steps)
        for name, r in found.items()
    ]
    notes = (
        "Trajectories of a neural ODE in one dimension cannot cross, so its output rises with its input, "
        f"and its error is above that of the constant 0, which is {LEAST_MONOTONE_ERROR:.3f}.",
        "Adaptive depth can do it with a field that has no zero, where depth has the sign of the input: ż = −1 up to "
        "g(x) = 2x is exact. It has to start near: from g(x) = x it finds this, from g(x) = 1 descent stays at the "
        "output 0.",
    )
    return Findings(heading, rows, _draw(found), notes)


def model(name: Model, config: ReflectionConfig) -> ContinuousNetwork:
    """The network from x [B, 1] to z(1), whose first entry is its output.

    The neural ODE is ż = f(t, z), data control ż = f(z, x), adaptive depth ż = g(x) f(z) with g affine or a
    network, zero augmentation ż = f(z) from [x, 0] (Massaroli et al. 2020).
    """
    solving = Solving(tolerance=config.tolerance)
    inputs = zeros_added(1, 1) if name == "zero augmentation" else identity(1)
    field = network_field(
        inputs.size, (config.width,), time=name == "neural ODE", control=1 if name == "data control" else 0
    )
    depth: dict[str, Any] = {
        "adaptive depth": {"adaptive": 1},
        "depth by a network": {"adaptive": 1, "depth_widths": (config.width,)},
    }.get(name, {})
    return continuous_network(inputs, field, None, solving, **depth)


def reflect(name: Model, config: ReflectionConfig, tell: Tell) -> Reflection:
    """What one model learns from inputs drawn uniformly from [−1, 1]."""
    network = model(name, config)
    start_key, fit_key = jax.random.split(jax.random.key(config.seed))

    def loss(params: Any, key: jax.Array) -> jax.Array:
        x = jax.random.uniform(key, (config.batch, 1), minval=-1.0)
        return jnp.mean((network.apply(params, x)[0][:, :1] + x) ** 2)

    start = network.init(start_key)
    if name == "adaptive depth":
        weight, bias = config.depth_start
        start["depth"] = {"weight": jnp.array([weight]), "bias": jnp.array(bias)}
    params, _ = minimise(
        loss,
        network.manifolds,
        start,
        fit_key,
        config.steps,
        lambda line: tell(f"{name}: {line}"),
        learning_rate=config.learning_rate,
        schedule="cosine",
    )
    return _look(network, params)


def _look(network: ContinuousNetwork, params: Any) -> Reflection:
    x = jnp.linspace(-1, 1, 201)
    times = jnp.linspace(0, 1, 41)
    solution = network.flow(params, x[:, None], times)
    states = np.asarray(solution.states[..., 0])
    depths = network.depth(params, x[:, None])
    count = optax.tree.size(params)
    error = float(np.mean((states[-1] + np.asarray(x)) ** 2))
    inputs, shares, ends = (np.asarray(values) for values in (x, times, depths))
    return Reflection(count, error, int(solution.steps), inputs, states[-1], shares, ends, states)


def _draw(found: Mapping[Model, Reflection]) -> Figure:
    figure = Figure(figsize=(2.7 * len(found) + 3.6, 3.2), layout="constrained")
    panels = figure.subplots(1, len(found) + 1, squeeze=False)[0]
    for axes, (name, r) in zip(panels, found.items(), strict=False):
        _draw_trajectories(axes, r)
        adaptive = "depth" in name
        axes.set(title=name, xlabel="depth $s$ up to $g(x)$" if adaptive else "depth $s$", ylabel="$z_1(s)$")
    figure.colorbar(ScalarMappable(Normalize(-1, 1), "viridis"), ax=panels[len(found) - 1], label="input $x$")
    map_axes = panels[-1]
    map_axes.plot([-1, 1], [1, -1], color="0.6", linewidth=4, label="$-x$")
    for index, (name, r) in enumerate(found.items()):
        style = {"color": COLOURS[index], "linestyle": LINES[index % 4], "marker": MARKERS[index]}
        map_axes.plot(r.inputs, r.outputs, **style, markevery=(10 * index, 40), markersize=4, label=name)
    map_axes.set(title="learned maps", xlabel="input $x$", ylabel="output")
    figure.legend(*map_axes.get_legend_handles_labels(), loc="outside right upper", frameon=False)
    for axes in panels:
        dress_panel(axes)
    return figure


def _draw_trajectories(axes: Axes, found: Reflection) -> None:
    chosen = np.arange(0, found.inputs.size, 20)
    curves = [np.stack([found.times * found.depths[i], found.states[:, i]], axis=1) for i in chosen]
    lines = LineCollection(curves, array=found.inputs[chosen], cmap="viridis", linewidth=1.2)
    axes.add_collection(lines)
    for i in chosen:
        axes.plot(*curves[i // 20][-1], "o", markersize=3, color=lines.cmap(lines.norm(found.inputs[i])))
    axes.autoscale_view()


STUDY = StudyFamily(ReflectionConfig, reflection)
