"""Linear systems: ż = A z is found again from its solutions at some times, as a matrix or as a network."""

from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.figure import Figure
from pydantic import Field

from odes_rl import UserError
from odes_rl.continuous import Solving, solve
from odes_rl.manifolds import matmul
from odes_rl.reports import COLOURS, dress_panel
from odes_rl.studies import Findings, StudyConfig, StudyFamily, Tell
from odes_rl_studies.descent import minimise
from odes_rl_studies.linear_models import SYSTEMS, Kind, System, learner

_NETWORKS_RATE = 0.1
"""Step length of a network, in that of a matrix."""


class LinearSystemsConfig(StudyConfig, frozen=True):
    """Recovery of ż = A z for linear systems, by gradients through a solver."""

    study: Literal["linear_systems"] = "linear_systems"
    systems: tuple[System, ...] = Field(default=("spiral", "sink", "centre"), min_length=1)
    """Which; `source` is unstable, and cannot be followed for long."""
    models: tuple[Kind, ...] = Field(default=("matrix",), min_length=1)
    """What is trained: `matrix`, A itself, from 0; `network`, a field with one hidden layer, which knows nothing of
    linearity."""
    width: int = Field(default=32, ge=1)
    """Hidden units of the network."""
    duration: float = Field(default=5.0, gt=0)
    """The time up to which solutions are seen."""
    points: int = Field(default=40, ge=2)
    """Irregular times at which each solution is seen."""
    starts: int = Field(default=4, ge=1)
    """Solutions that are seen of each system."""
    steps: int = Field(default=5000, ge=1)
    """Steps of Adam."""
    learning_rate: float = Field(default=0.1, gt=0)
    """Its step length, which falls to a hundredth along half a cosine."""
    tolerance: float = Field(default=1e-5, ge=1e-9)
    """Of the solver, `tsit5`."""


class Recovery(NamedTuple):
    """What was found of A.

    Attributes:
        matrix: [2, 2] A as it was found: the Jacobian ∂f/∂z, in the mean over the states seen.
        error: its largest in an entry.
        velocity: root mean square of f(z) − A z over the states seen, in that of A z.
        seen: [T, S, 2] solutions.
        found: [T, S, 2] those of what was found.
        losses: of each step.
    """

    matrix: np.ndarray
    error: float
    velocity: float
    seen: np.ndarray
    found: np.ndarray
    losses: np.ndarray


def linear_systems(config: LinearSystemsConfig, tell: Tell) -> Findings:
    """Recover A of each system, and show its solutions beside those of the A found.

    Raises:
        UserError: if a solution leaves the range of numbers, with the eigenvalue that makes it.
    """
    pairs: list[tuple[System, Kind]] = [(name, kind) for name in config.systems for kind in config.models]
    recoveries: dict[tuple[System, Kind], Recovery] = {
        (name, kind): recover(name, config, tell, kind) for name, kind in pairs
    }
    heading = ("system", "model", "A", "A found", "largest error", "error of velocities", "loss at the end")
    rows = [
        (name, kind, _entries(np.array(SYSTEMS[name])), _entries(r.matrix), r.error, r.velocity, float(r.losses[-1]))
        for (name, kind), r in recoveries.items()
    ]
    return Findings(heading, rows, _draw(recoveries))


def recover(name: System, config: LinearSystemsConfig, tell: Tell, kind: Kind = "matrix") -> Recovery:
    """The recovery of one system from its solutions at `config.points` times, drawn uniformly."""
    own = learner(kind, config.width)
    A = jnp.array(SYSTEMS[name])
    time_key, start_key, fit_key = jax.random.split(jax.random.key(config.seed), 3)
    init_key = jax.random.fold_in(fit_key, 0)
    inner = jnp.sort(jax.random.uniform(time_key, (config.points - 1,), maxval=config.duration))
    times = jnp.concatenate([jnp.zeros(1), inner])
    starts = jax.random.normal(start_key, (config.starts, 2))
    solving = Solving(solver="tsit5", tolerance=config.tolerance)

    def solutions(params: Any) -> jax.Array:
        return solve(solving, lambda t, z, params: own.field(z, params), params, starts, times).states

    seen = jnp.einsum("tij,sj->tsi", jax.scipy.linalg.expm(times[:, None, None] * A), starts)
    try:
        found, losses = minimise(
            lambda params, key: jnp.mean((solutions(params) - seen) ** 2),
            own.manifolds,
            own.init(init_key),
            fit_key,
            config.steps,
            lambda line: tell(f"{name}, {kind}: {line}"),
            learning_rate=config.learning_rate * (1 if kind == "matrix" else _NETWORKS_RATE),
            schedule="cosine",
        )
    except UserError as error:
        raise UserError(_cause(name, np.asarray(A), config.duration)) from error
    states = seen.reshape(-1, 2)
    matrix = jax.vmap(jax.jacobian(lambda z: own.field(z, found)))(states).mean(0)
    right = matmul(states, A.T)
    velocity = jnp.sqrt(jnp.mean((own.field(states, found) - right) ** 2) / jnp.mean(right**2))
    error = float(jnp.abs(matrix - A).max())
    return Recovery(np.asarray(matrix), error, float(velocity), np.asarray(seen), np.asarray(solutions(found)), losses)


def _cause(name: str, A: np.ndarray, duration: float) -> str:
    growth = float(np.linalg.eigvals(A).real.max())
    if growth <= 0:
        return f"{name}: A as it was found became unstable on the way: give a smaller learning_rate"
    return (
        f"{name} is unstable: A has an eigenvalue with real part {growth:g} > 0, so solutions grow by "
        f"e^{growth * duration:.0f} up to time {duration:g}, and no gradient can follow them: give a smaller duration"
    )


def _entries(A: np.ndarray) -> str:
    return "[" + ", ".join("[" + ", ".join(f"{entry + 0:.4f}" for entry in row) + "]" for row in A) + "]"


def _draw(recoveries: dict[tuple[System, Kind], Recovery]) -> Figure:
    figure = Figure(figsize=(3 * len(recoveries) + 3.4, 3.2), layout="constrained")
    panels = figure.subplots(1, len(recoveries) + 1, squeeze=False)[0]
    for axes, ((name, kind), found) in zip(panels, recoveries.items(), strict=False):
        for index in range(found.seen.shape[1]):
            axes.plot(*found.seen[:, index].T, ".", color=COLOURS[index % 6], markersize=4)
            axes.plot(*found.found[:, index].T, "-", color=COLOURS[index % 6], linewidth=1)
        axes.set(title=f"{name}, {kind}", xlabel="$z_1$ (dots: seen)", ylabel="$z_2$")
    for index, ((name, kind), found) in enumerate(recoveries.items()):
        look = {"color": COLOURS[index % 6], "linestyle": ("-", "--", ":", "-.")[index % 4]}
        panels[-1].semilogy(found.losses, label=f"{name}, {kind}", **look)
    panels[-1].set(title="descent", xlabel="steps of Adam", ylabel="mean squared error")
    panels[-1].legend(frameon=False)
    for axes in panels:
        dress_panel(axes)
    return figure


STUDY = StudyFamily(LinearSystemsConfig, linear_systems)
