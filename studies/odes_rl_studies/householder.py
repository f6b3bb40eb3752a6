"""What keeps NANODE's polynomial weights trainable: batch normalisation, or reflections (Davis et al. 2020, §2.5)."""

from collections.abc import Iterator, Mapping
from typing import Literal

import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from pydantic import Field, PositiveFloat, PositiveInt

from odes_rl.reports import COLOURS, draw_band, draw_line, dress_panel
from odes_rl.studies import Findings, StudyFamily, Tell
from odes_rl_studies.digits import DigitsConfig, learn, load_digits, smoothed
from odes_rl_studies.stabilised_flows import (
    TIMES,
    VARIANTS,
    Normalised,
    Trained,
    Variant,
    failed,
    measure,
    stabilised_flow,
    trajectory_of,
)

Size = tuple[PositiveInt, PositiveInt]
"""Width h of the state, and steps L of the flow."""
HEADING = (
    *("weights", "width", "steps", "learning rate", "failed", "last loss", "test accuracy", "‖x(1)‖", "σ of W"),
    *("ms a step", "times plain"),
)
_TOP = 1e4
"""Losses and norms above it, and what is not finite, are drawn there."""
_LAST = 20
"""Batches that the last loss is the mean of."""


class HouseholderConfig(DigitsConfig, frozen=True):
    """Chebyshev weights as they are, with batch normalisation, and made orthogonal, at several learning rates."""

    study: Literal["householder"] = "householder"
    sizes: tuple[Size, ...] = Field(default=((16, 30), (16, 100), (32, 30)), min_length=1)
    """Sizes of the state, each with the steps of its flow; the picture is of the first."""
    learning_rates: tuple[PositiveFloat, ...] = Field(default=(0.01, 0.1, 0.3, 1.0), min_length=1)
    """Lengths of the steps of Adam."""
    normalised: Normalised = "product"
    """What batch normalisation is of: W(t) x, or x before it is multiplied."""
    seeds: int = Field(default=5, ge=1)
    """Trainings of each, all at once."""


def householder(config: HouseholderConfig, tell: Tell) -> Findings:
    """Train each variant of each size at each rate."""
    digits = load_digits(config.source)
    found: dict[Size, dict[Variant, Trained]] = {}
    for width, steps in config.sizes:
        flows = [stabilised_flow(variant, width, steps, digits, config.normalised) for variant in VARIANTS]
        learned = learn([flow.classifier for flow in flows], digits, config, config.learning_rates)
        trained = [measure(flow, result, digits) for flow, result in zip(flows, learned, strict=True)]
        found[width, steps] = dict(zip(VARIANTS, trained, strict=True))
        counts = ", ".join(f"{variant} {failed(t).sum()}" for variant, t in found[width, steps].items())
        tell(f"width {width}, {steps} steps, trainings that failed: {counts}")
    rows = [row for size, variants in found.items() for row in _rows(size, variants, config)]
    return Findings(HEADING, rows, _draw(config, found), list(_notes(found, config)))


def _rows(size: Size, variants: Mapping[Variant, Trained], config: HouseholderConfig) -> Iterator[tuple[object, ...]]:
    for index, rate in enumerate(config.learning_rates):
        for variant, trained in variants.items():
            singular = trained.singular[index]
            yield (
                *(variant, *size, rate, f"{failed(trained)[index].sum()} of {config.seeds}"),
                *(np.median(a[index]) for a in (_last(trained.losses), trained.test, trained.norms)),
                f"{singular.min():.2g} to {singular.max():.3g}",
                *(1000 * trained.seconds, trained.seconds / variants["plain"].seconds),
            )


def _last(losses: np.ndarray) -> np.ndarray:
    """[R, S] the mean of the last `losses` [D, R, S], infinite where one is not finite."""
    return np.where(np.isfinite(losses[-_LAST:]), losses[-_LAST:], np.inf).mean(axis=0)


def _notes(found: Mapping[Size, Mapping[Variant, Trained]], config: HouseholderConfig) -> Iterator[str]:
    yield (
        f"Medians over {config.seeds} seeds. `failed`: a loss is not finite, or of the digits trained on fewer than a "
        f"fifth are right at the end. The last loss is of {_LAST} batches, accuracy and ‖x(1)‖ of the other digits; "
        "σ are the singular values of W(t), at all t and of all seeds. A step is of one training."
    )
    for (width, steps), variants in found.items():
        for variant, trained in variants.items():
            finite = np.isfinite(trained.losses)
            for index, seed in np.argwhere(~finite.all(axis=0)):
                where = f"{variant}, {width} × {steps}, learning rate {config.learning_rates[index]:g}, seed {seed}"
                yield f"{where}: no finite loss at step {finite[:, index, seed].argmin()}."


def _draw(config: HouseholderConfig, found: Mapping[Size, Mapping[Variant, Trained]]) -> Figure:
    rates = np.array(config.learning_rates)
    figure = Figure(figsize=(3.3 * max(4, rates.size), 6.4), layout="constrained")
    descents, ends = figure.subplots(2, max(4, rates.size))
    for index, (variant, trained) in enumerate(found[config.sizes[0]].items()):
        for axes, losses in zip(descents, np.moveaxis(trained.losses, 1, 0), strict=False):
            lines = _clipped(smoothed(losses))
            _draw_seeds(axes, np.arange(len(lines)), lines, variant, index)
        _draw_seeds(ends[0], rates, 100 * trained.test, variant, index)
        _draw_seeds(ends[1], rates, _clipped(trained.norms), variant, index)
        _draw_seeds(ends[2], TIMES, trained.singular[rates.size // 2, :, :, 0].T, variant, index)
        heights = [1000 * variants[variant].seconds for variants in found.values()]
        look = {"color": COLOURS[index], "hatch": ("", "//", "..")[index], "edgecolor": "white"}
        ends[3].bar(np.arange(len(heights)) + 0.27 * (index - 1), heights, 0.25, **look)
    _dress(config, descents, ends)
    handles = [*descents[0].get_legend_handles_labels()[0], ends[2].lines[-1]]
    figure.legend(handles=handles, loc="outside upper center", ncols=5, frameon=False)
    return figure


def _dress(config: HouseholderConfig, descents: np.ndarray, ends: np.ndarray) -> None:
    rates, (accuracy, norms, singular, costs) = config.learning_rates, ends[:4]
    for axes, rate in zip(descents, rates, strict=False):
        axes.axhline(np.log(10), color="0.4", linewidth=0.8, label="log 10")
        axes.set(title=f"learning rate {rate:g}", xlabel="steps of Adam", yscale="log", ylim=(1e-2, _TOP))
    descents[0].set_ylabel("cross-entropy (nats, mean of 10)")
    accuracy.set(xscale="log", xlabel="learning rate", ylabel="right (% of test digits)", ylim=(0, 100))
    norms.set(xscale="log", xlabel="learning rate", yscale="log", ylabel="‖x(1)‖ of test digits", ylim=(1, _TOP))
    singular.plot(TIMES, _start(config), ":", color="black", label="plain, at the start")
    singular.set(title=f"learning rate {rates[len(rates) // 2]:g}", xlabel="time t", yscale="log")
    singular.set_ylabel("largest σ of W(t)")
    ticks = {"xticks": range(len(config.sizes)), "xticklabels": [f"{h} × {L}" for h, L in config.sizes]}
    costs.set(xlabel="width × steps", ylabel="time of a step (ms)", **ticks)
    for axes in (*descents, *ends):
        dress_panel(axes)
    for axes in (*descents[len(rates) :], *ends[4:]):
        axes.set_axis_off()


def _start(config: HouseholderConfig) -> np.ndarray:
    """[T] the largest singular value of polynomials as trainings start with, its mean over as many draws as seeds."""
    trajectory = trajectory_of("plain", config.sizes[0][0])
    keys = jax.random.split(jax.random.key(config.seed), config.seeds)
    weights = jax.vmap(lambda key: trajectory.weights(trajectory.init(key), jnp.asarray(TIMES)))(keys)
    return np.linalg.norm(weights, 2, axis=(-2, -1)).mean(axis=0)


def _draw_seeds(axes: Axes, x: np.ndarray, values: np.ndarray, label: str, index: int) -> None:
    """The median over seeds of `values` [n, S] at `x` [n], and their range."""
    draw_band(axes, x, values.min(axis=1), values.max(axis=1), index)
    draw_line(axes, x, np.median(values, axis=1), label, index)


def _clipped(values: np.ndarray) -> np.ndarray:
    return np.nan_to_num(values, nan=_TOP).clip(max=_TOP)


STUDY = StudyFamily(HouseholderConfig, householder)
