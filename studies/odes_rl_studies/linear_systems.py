"""Linear systems: a matrix A is found again from what a solution of ż = A z looks like at some times."""

from typing import Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.figure import Figure
from pydantic import Field

from odes_rl import UserError
from odes_rl.continuous import Solving, solve
from odes_rl.manifolds import Euclidean, matmul
from odes_rl.reports import COLOURS, dress_panel
from odes_rl.studies import Findings, StudyConfig, StudyFamily, Tell
from odes_rl_studies.descent import minimise

SYSTEMS = {
    "spiral": ((-1.0, -1.0), (1.0, -1.0)),
    "sink": ((-1.0, 0.0), (0.0, -2.0)),
    "centre": ((0.0, -1.0), (1.0, 0.0)),
    "source": ((1.0, -1.0), (1.0, 1.0)),
}
"""A by name; `source` is unstable."""
System = Literal["spiral", "sink", "centre", "source"]


class LinearSystemsConfig(StudyConfig, frozen=True):
    """Recovery of ż = A z for linear systems, by gradients through a solver."""

    study: Literal["linear_systems"] = "linear_systems"
    systems: tuple[System, ...] = Field(default=("spiral", "sink", "centre"), min_length=1)
    """Which; `source` is unstable, and cannot be followed for long."""
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
    tolerance: float = Field(default=1e-5, gt=0)
    """Of the solver, `tsit5`."""


class Recovery(NamedTuple):
    """A [2, 2] as it was found, its largest error in an entry, solutions seen and found, both [T, S, 2], and losses."""

    matrix: np.ndarray
    error: float
    seen: np.ndarray
    found: np.ndarray
    losses: np.ndarray


def linear_systems(config: LinearSystemsConfig, tell: Tell) -> Findings:
    """Recover A of each system, and show its solutions beside those of the A found.

    Raises:
        UserError: if a solution leaves the range of numbers, with the eigenvalue that makes it.
    """
    recoveries = {name: recover(name, config, tell) for name in config.systems}
    heading = ("system", "A", "A found", "largest error", "loss at the end")
    rows = [
        (name, _entries(np.array(SYSTEMS[name])), _entries(found.matrix), found.error, float(found.losses[-1]))
        for name, found in recoveries.items()
    ]
    return Findings(heading, rows, _draw(recoveries))


def recover(name: System, config: LinearSystemsConfig, tell: Tell) -> Recovery:
    """The recovery of one system from its solutions at `config.points` times, drawn uniformly."""
    A = jnp.array(SYSTEMS[name])
    time_key, start_key, fit_key = jax.random.split(jax.random.key(config.seed), 3)
    inner = jnp.sort(jax.random.uniform(time_key, (config.points - 1,), maxval=config.duration))
    times = jnp.concatenate([jnp.zeros(1), inner])
    starts = jax.random.normal(start_key, (config.starts, 2))
    solving = Solving(solver="tsit5", tolerance=config.tolerance)

    def solutions(A: jax.Array) -> jax.Array:
        return solve(solving, lambda t, z, A: matmul(z, A.T), A, starts, times).states

    seen = jnp.einsum("tij,sj->tsi", jax.scipy.linalg.expm(times[:, None, None] * A), starts)
    try:
        found, losses = minimise(
            lambda A, key: jnp.mean((solutions(A) - seen) ** 2),
            Euclidean(),
            jnp.zeros((2, 2)),
            fit_key,
            config.steps,
            lambda line: tell(f"{name}: {line}"),
            learning_rate=config.learning_rate,
            schedule="cosine",
        )
    except UserError as error:
        raise UserError(_cause(name, np.asarray(A), config.duration)) from error
    error = float(jnp.abs(found - A).max())
    return Recovery(np.asarray(found), error, np.asarray(seen), np.asarray(solutions(found)), losses)


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


def _draw(recoveries: dict[str, Recovery]) -> Figure:
    figure = Figure(figsize=(3 * len(recoveries) + 3.4, 3.2), layout="constrained")
    panels = figure.subplots(1, len(recoveries) + 1, squeeze=False)[0]
    for axes, (name, found) in zip(panels, recoveries.items(), strict=False):
        for index in range(found.seen.shape[1]):
            axes.plot(*found.seen[:, index].T, ".", color=COLOURS[index % 6], markersize=4)
            axes.plot(*found.found[:, index].T, "-", color=COLOURS[index % 6], linewidth=1)
        axes.set(title=f"{name}: seen (dots) and found", xlabel="$z_1$", ylabel="$z_2$")
    for index, (name, found) in enumerate(recoveries.items()):
        panels[-1].semilogy(found.losses, color=COLOURS[index], linestyle=("-", "--", ":", "-.")[index], label=name)
    panels[-1].set(title="descent", xlabel="steps of Adam", ylabel="mean squared error")
    panels[-1].legend(frameon=False)
    for axes in panels:
        dress_panel(axes)
    return figure


STUDY = StudyFamily(LinearSystemsConfig, linear_systems)
