"""A study: how far rounding takes a geodesic's weights from the orthogonal group."""

import jax
import jax.numpy as jnp
from matplotlib.figure import Figure
from pydantic import Field

from odes_rl.manifolds import Orthogonal
from odes_rl.studies import Findings, StudyConfig, StudyFamily, Tell
from odes_rl_example.geodesic import geodesic


class OrthogonalityConfig(StudyConfig, frozen=True):
    """How far rounding takes the weights of a geodesic from the orthogonal group."""

    turns: tuple[float, ...] = Field(default=(0.1, 1.0, 10.0), min_length=1)
    """Speeds of the weights, in radians."""
    hidden: int = Field(default=16, ge=2)
    """Size h of the weights."""


def orthogonality(config: OrthogonalityConfig, tell: Tell) -> Findings:
    """The largest entry of W(t)ᵀW(t) − I along geodesics of each speed."""
    times = jnp.linspace(0.0, 1.0, 51)
    figure = Figure(figsize=(5, 3.2), layout="constrained")
    axes = figure.subplots()
    rows = []
    for turn in config.turns:
        trajectory = geodesic(config.hidden, turn)
        weights = trajectory.weights(trajectory.init(jax.random.key(config.seed)), times)
        errors = jax.vmap(Orthogonal().violation)(weights)
        rows.append((turn, float(errors.max())))
        axes.plot(times, errors, label=f"{turn:g} radians")
        tell(f"turn {turn:g}: {rows[-1][1]:.2g}")
    axes.set(xlabel="t", ylabel="max |WᵀW − I|")
    axes.legend(frameon=False)
    return Findings(("turn", "largest error"), rows, figure)


ORTHOGONALITY = StudyFamily(OrthogonalityConfig, orthogonality)
