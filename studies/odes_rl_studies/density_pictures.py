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
