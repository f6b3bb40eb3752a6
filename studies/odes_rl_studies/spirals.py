"""Spirals seen at irregular times: a latent ODE beside a recurrent network, inside the times of training and beyond."""

from typing import Literal

import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from pydantic import Field

from odes_rl.reports import COLOURS, dress_panel
from odes_rl.studies import Findings, StudyFamily, Tell
from odes_rl_studies.time_series import Forecast, Series, SeriesConfig, compare, findings


class SpiralsConfig(SeriesConfig, frozen=True):
    """A latent ODE and a recurrent network, trained on the first half of noisy spirals and asked for all of it."""

    study: Literal["spirals"] = "spirals"
    turns: float = Field(default=1.5, gt=0)
    """Of a spiral from time 0 to 1."""


def spirals(config: SpiralsConfig, tell: Tell) -> Findings:
    """Train both models on the first half of time, and measure them there and beyond."""
    test = draw_spirals(config, config.test_examples, 2)
    found = compare(config, draw_spirals(config, config.examples, 1), test, tell)
    return findings(config, found, test, _draw(found, test), "a coordinate")


def draw_spirals(config: SpiralsConfig, count: int, fold: int) -> Series:
    """`count` spirals, every second one clockwise: radius a + b t, angle φ ± 2π · turns · t; observed at random.

    Each is observed at time 0. What is observed up to time 0.5 is seen.
    """
    time_key, key = jax.random.key(config.seed), jax.random.fold_in(jax.random.key(config.seed), fold)
    times = jnp.concatenate([jnp.zeros(1), jnp.sort(jax.random.uniform(time_key, (config.points - 1,)))])
    keys = jax.random.split(key, 5)
    inner = jax.random.uniform(keys[0], (count, 1), minval=0.2, maxval=0.5)
    growth = jax.random.uniform(keys[1], (count, 1), minval=0.3, maxval=0.7)
    turning = jnp.where(jnp.arange(count) % 2 == 0, 1.0, -1.0)[:, None]
    angle = jax.random.uniform(keys[2], (count, 1), maxval=2 * jnp.pi) + turning * 2 * jnp.pi * config.turns * times
    true = (inner + growth * times)[..., None] * jnp.stack([jnp.cos(angle), jnp.sin(angle)], -1)
    noisy = true + config.noise * jax.random.normal(keys[3], true.shape)
    observed = (jax.random.uniform(keys[4], (count, config.points)) < config.observed) | (times == 0)
    return Series(times, true, noisy, observed, observed & (times <= 0.5))


def _draw(found: dict[str, Forecast], test: Series) -> Figure:
    figure = Figure(figsize=(12.5, 3.4), layout="constrained")
    panels = figure.subplots(1, 4)
    for index, axes in enumerate(panels):
        _draw_spiral(axes, found, test, index)
        axes.set(title=("anticlockwise", "clockwise")[index % 2], xlabel="$x_1$", ylabel="$x_2$", aspect="equal")
        dress_panel(axes)
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=6, frameon=False)
    return figure


def _draw_spiral(axes: Axes, found: dict[str, Forecast], test: Series, index: int) -> None:
    times, seen = np.asarray(test.times), np.asarray(test.seen[index])
    axes.plot(*np.asarray(test.true[index]).T, color="0.75", linewidth=4, label="true")
    for place, (name, forecast) in enumerate(found.items()):
        said, mark = forecast.said[index], ("^", "s")[place]
        inside, beyond = (times > 0) & (times <= 0.5), times > 0.5
        axes.plot(*said[inside].T, "-", color=COLOURS[place], linewidth=1, label=f"{name}, inside")
        style = {"marker": mark, "markersize": 3, "linestyle": "--", "linewidth": 1}
        axes.plot(*said[beyond].T, color=COLOURS[place], **style, label=f"{name}, beyond")
    axes.plot(*np.asarray(test.noisy[index])[seen].T, "o", color="black", markersize=4, label="seen")


STUDY = StudyFamily(SpiralsConfig, spirals)
