"""How densities in the plane are drawn."""

import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.axes import Axes

from odes_rl_studies.targets import LogDensity, grid

_REACH = 4.0
_POINTS = 161


def draw_density(axes: Axes, log_density: LogDensity, title: str) -> None:
    """exp(log_density) on [−4, 4]², darker where there is more."""
    values = jax.jit(log_density)(grid(_REACH, _POINTS)[0])
    shades = np.asarray(jnp.exp(values)).reshape(_POINTS, _POINTS)
    axes.imshow(
        shades, origin="lower", extent=(-_REACH, _REACH, -_REACH, _REACH), cmap="Greys", interpolation="bilinear"
    )
    axes.set(title=title, xlabel="$x_1$", ylabel="$x_2$")


def draw_shares(axes: Axes, points: np.ndarray, title: str) -> None:
    """Shares of `points` [n, 2] in small squares of [−4, 4]², darker where there are more."""
    sides = np.linspace(-_REACH, _REACH, _POINTS // 2)
    shares = np.histogram2d(*points.T, bins=(sides, sides))[0].T
    axes.imshow(shares, origin="lower", extent=(-_REACH, _REACH, -_REACH, _REACH), cmap="Greys")
    axes.set(title=title, xlabel="$x_1$", ylabel="$x_2$")
