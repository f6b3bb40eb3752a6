"""Continuous normalising flows trained from samples by maximum likelihood: data in the plane."""

from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from pydantic import Field

from odes_rl.continuous import Solving, VectorField, log_density, network_field, solve
from odes_rl.reports import COLOURS
from odes_rl.studies import Findings, StudyConfig, StudyFamily, Tell
from odes_rl_studies.density_pictures import draw_density
from odes_rl_studies.descent import minimise
from odes_rl_studies.planar_data import DATA, Data
from odes_rl_studies.targets import LogDensity, integral

_SHOWN = 4000
"""Points in a panel of the picture."""
_PATHS = 60
"""Of these, trajectories that are drawn."""


class LikelihoodConfig(StudyConfig, frozen=True):
    """Continuous flows learn data in the plane from samples alone, by maximum likelihood."""

    study: Literal["likelihood"] = "likelihood"
    data: tuple[Data, ...] = Field(default=("moons", "rings", "checkerboard"), min_length=1)
    """What is learned."""
    examples: int = Field(default=10000, ge=2)
    """Samples that are trained on."""
    width: int = Field(default=64, ge=1)
    """Units of each of the two hidden layers of the vector field, with tanh."""
    steps: int = Field(default=2500, ge=1)
    """Steps of Adam."""
    batch: int = Field(default=256, ge=1)
    """Samples in each step."""
    learning_rate: float = Field(default=0.004, gt=0)
    """Its step length, which falls to a hundredth along half a cosine."""
    solver_steps: int = Field(default=8, ge=1)
    """Equal steps of the solver, `bosh3`, in training."""
    tolerance: float = Field(default=1e-5, ge=1e-9)
    """Of the solver, `dopri5`, by which what was learned is measured."""
    points: int = Field(default=20000, ge=2)
    """Other samples, by which KL(p‖q) is measured at the end."""


class Fitted(NamedTuple):
    """A flow after training.

    Attributes:
        log_density: log q(x) [B] at x [B, 2].
        paths: [T, n, 2] trajectories of n points from the standard normal to q.
        nats: [points] −log q at samples that were not trained on.
        divergences: [points] log p − log q at these samples, whose mean is KL(p‖q).
        parameters: how many it has.
    """

    log_density: LogDensity
    paths: np.ndarray
    nats: np.ndarray
    divergences: np.ndarray
    parameters: int


def likelihood(config: LikelihoodConfig, tell: Tell) -> Findings:
    """Train a flow on each kind of data; −log q and KL(p‖q) in nats, and the integral of each q over the plane."""
    found: dict[Data, Fitted] = {}
    for name in config.data:
        found[name] = fit(name, config, lambda line, name=name: tell(f"{name}: {line}"))
    heading = ("data", "parameters", "−log q, nats", "−log p, nats", "KL(p‖q), nats", "standard error", "integral of q")
    rows = [_row(name, flow) for name, flow in found.items()]
    notes = (
        f"Trained on {config.examples:,} samples, measured on {config.points:,} others; −log p is of these, by the "
        "density that they are drawn from.",
    )
    return Findings(heading, rows, _draw(config, found), notes)


def fit(name: Data, config: LikelihoodConfig, tell: Tell) -> Fitted:
    """Train a flow on samples of `name`, and measure it on others."""
    data = DATA[name]
    keys = jax.random.split(jax.random.key(config.seed), 5)
    samples = data.draw(keys[0], config.examples)
    network = network_field(2, (config.width, config.width), time=True)
    coarse = Solving(solver="bosh3", solver_steps=config.solver_steps)
    fine = Solving(solver="dopri5", tolerance=config.tolerance)

    def field(t: jax.Array, z: jax.Array, params: Any) -> jax.Array:
        return network.apply(params, t, z, z)

    def loss(params: Any, key: jax.Array) -> jax.Array:
        return -jnp.mean(log_density(coarse, field, params, jax.random.choice(key, samples, (config.batch,))))

    start, rate = network.init(keys[1]), config.learning_rate
    params, _ = minimise(
        loss, network.manifolds, start, keys[2], config.steps, tell, learning_rate=rate, schedule="cosine"
    )
    density = jax.jit(lambda x: log_density(fine, field, params, x))
    others = data.draw(keys[3], config.points)
    log_q, log_p = (np.asarray(log(others), np.float64) for log in (density, data.log_density))
    paths = _paths(field, params, fine, jax.random.normal(keys[4], (_SHOWN, 2)))
    return Fitted(density, paths, -log_q, log_p - log_q, optax.tree.size(params))


def _paths(field: VectorField, params: Any, solving: Solving, start: jax.Array) -> np.ndarray:
    return np.asarray(jax.jit(lambda z: solve(solving, field, params, z, jnp.linspace(0.0, 1.0, 41)).states)(start))


def _row(name: str, flow: Fitted) -> tuple[object, ...]:
    nats, divergence = flow.nats.mean(), flow.divergences.mean()
    error = flow.divergences.std() / len(flow.divergences) ** 0.5
    return name, flow.parameters, nats, nats - divergence, divergence, error, f"{integral(flow.log_density):.5f}"


def _draw(config: LikelihoodConfig, found: dict[Data, Fitted]) -> Figure:
    figure = Figure(figsize=(12.8, 3.2 * len(found)), layout="constrained")
    key = jax.random.split(jax.random.key(config.seed), 5)[0]
    for row, (name, flow) in zip(figure.subplots(len(found), 4, squeeze=False), found.items(), strict=True):
        _draw_points(row[0], np.asarray(DATA[name].draw(key, config.examples))[:_SHOWN], f"{name}: trained on")
        draw_density(row[1], flow.log_density, "learned density")
        _draw_points(row[2], flow.paths[-1], "drawn from it")
        few = flow.paths[:, :_PATHS]
        row[3].plot(few[..., 0], few[..., 1], color=COLOURS[0], linewidth=0.6)
        row[3].plot(*few[0].T, "o", color="black", fillstyle="none", markersize=3, label="z(0)")
        row[3].plot(*few[-1].T, "s", color=COLOURS[1], markersize=3, label="z(1)")
        row[3].legend(frameon=False, loc="upper center", ncols=2, fontsize=8)
        _frame(row[3], "trajectories")
    return figure


def _draw_points(axes: Axes, points: np.ndarray, title: str) -> None:
    axes.plot(*points.T, ".", color=COLOURS[0], markersize=1.5, alpha=0.6, markeredgewidth=0)
    _frame(axes, title)


def _frame(axes: Axes, title: str) -> None:
    axes.set(title=title, xlabel="$x_1$", ylabel="$x_2$", aspect="equal", xlim=(-4.6, 4.6), ylim=(-4.6, 4.6))


STUDY = StudyFamily(LikelihoodConfig, likelihood)
