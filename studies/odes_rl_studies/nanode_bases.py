"""How a weight may depend on time: bases of NANODE, and what digits make of their size (Davis et al. 2020)."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.figure import Figure
from pydantic import Field, NonNegativeInt, PositiveInt, model_validator

from odes_rl.flows import Trajectory, bucketed, chebyshev, left_nodes, trigonometric
from odes_rl.reports import COLOURS, LINES, MARKERS, deviation, dress_panel
from odes_rl.studies import Findings, StudyFamily, Tell
from odes_rl.supervised import FlowModelConfig, flow_model
from odes_rl_studies.descent import check_finite
from odes_rl_studies.digits import Classifier, DigitsConfig, learn, load_digits, shares_right, smoothed

_DRAWN = 4
"""Polynomials in the picture, as in the paper's figure 2."""
_ORDER = 4
"""Their degree, likewise."""
_LEFT = 0.2
"""Number of matrices that their axis begins with: the names of lines have room there."""


class NanodeBasesConfig(DigitsConfig, frozen=True):
    """Accuracy on the digits by the degree of trigonometric weights, and by the number of constant pieces."""

    study: Literal["nanode_bases"] = "nanode_bases"
    degrees: tuple[NonNegativeInt, ...] = Field(default=(1, 2, 4, 8, 16, 30), min_length=1)
    """Degrees d of trigonometric polynomials, 2d + 1 matrices each."""
    buckets: tuple[PositiveInt, ...] = Field(default=(1, 2, 5, 10, 30), min_length=1)
    """Numbers of pieces on which weights are constant; each divides `steps` best. One is the constrained residual
    network, as many as `steps` the unconstrained one, both with short steps."""
    width: int = Field(default=16, ge=2)
    """Size of the state."""
    steps: int = Field(default=30, ge=1)
    """Steps of the flow."""
    learning_rate: float = Field(default=0.003, gt=0)
    """Length of the steps of Adam."""

    @model_validator(mode="after")
    def _check_buckets(self) -> "NanodeBasesConfig":
        most = max(self.buckets)
        if most > self.steps:
            raise ValueError(f"buckets has {most}, but {self.steps} steps see no more than {self.steps}")
        return self


class Trained(NamedTuple):
    """Loss [D] of each step, mean over seeds, and the share of digits that are right [S]: training's and others."""

    losses: np.ndarray
    train: np.ndarray
    test: np.ndarray


def nanode_bases(config: NanodeBasesConfig, tell: Tell) -> Findings:
    """Train with each basis and size."""
    sizes = [("trigonometric", size) for size in config.degrees] + [("bucketed", size) for size in config.buckets]
    found = {}
    for kind, size in sizes:
        found[kind, size] = train(_trajectory(kind, size, config), config)
        tell(
            f"{kind}, {size}: {found[kind, size].train.mean():.2%} of training digits, "
            f"{found[kind, size].test.mean():.2%} of the others"
        )
    heading = ("weights", "degree or pieces", "matrices", "train accuracy", "test accuracy", "deviation", "last loss")
    rows = [
        (kind, size, matrices(kind, size), t.train.mean(), t.test.mean(), deviation(t.test), t.losses[-20:].mean())
        for (kind, size), t in found.items()
    ]
    note = f"Means over {config.seeds} seeds; the deviation is that of the test accuracy; the loss is of 20 batches."
    return Findings(heading, rows, _draw(config, found), [note])


def matrices(kind: str, size: int) -> int:
    """How many weight matrices are learnt."""
    return 2 * size + 1 if kind == "trigonometric" else size


def train(trajectory: Trajectory, config: NanodeBasesConfig) -> Trained:
    """Training of each seed.

    Raises:
        UserError: if a loss is no longer finite.
    """
    digits = load_digits(config.source)
    options = FlowModelConfig(name="nanode", width=config.width, steps=config.steps)
    model = flow_model(options, digits.images.shape[1], digits.classes, trajectory, left_nodes(config.steps))
    classifier = Classifier(model.init, model.manifolds, lambda params, images: model.apply(params, images, None))
    [learned] = learn([classifier], digits, config, [config.learning_rate])
    losses = learned.losses.mean(axis=(1, 2))
    check_finite(losses)
    logits = jax.vmap(lambda params: classifier.apply(params, digits.images))(learned.params)
    return Trained(losses, *shares_right(digits, logits))


def random_polynomials(key: jax.Array, times: jax.Array) -> jax.Array:
    """[L, 4] polynomials Σ_n c_n T_n(t) of degree 4 at t = `times` [L] in [0, 1], c normal of variance 1/5.

    As the paper's figure 2 has them: the T_n see t itself, not 2t − 1 as in the flows.
    """
    coefficients = jax.random.normal(key, (_ORDER + 1, _DRAWN)) / (_ORDER + 1) ** 0.5
    return chebyshev((1 + times) / 2, _ORDER) @ coefficients


def _trajectory(kind: str, size: int, config: NanodeBasesConfig) -> Trajectory:
    if kind == "trigonometric":
        return trigonometric(config.width, size)
    return bucketed(config.width, size)


def _draw(config: NanodeBasesConfig, found: dict[tuple[str, int], Trained]) -> Figure:
    figure = Figure(figsize=(11, 3.4), layout="constrained")
    bases, accuracy, descent = figure.subplots(1, 3)
    times = jnp.linspace(0, 1, 200)
    for index, line in enumerate(random_polynomials(jax.random.key(config.seed), times).T):
        bases.plot(times, line, color=COLOURS[index], linestyle=LINES[index])
    bases.set(title="Σ c_n T_n(t), n ≤ 4, c random", xlabel="time t", ylabel="weight")
    for index, (kind, label) in enumerate((("trigonometric", "trigonometric"), ("bucketed", "constant pieces"))):
        sizes = [size for k, size in found if k == kind]
        counts = [matrices(kind, size) for size in sizes]
        for part, style in (("train", ":"), ("test", "-")):
            shares = [100 * getattr(found[kind, size], part) for size in sizes]
            mean, low, high = zip(*map(_range, shares), strict=True)
            look: dict[str, Any] = {"color": COLOURS[index], "marker": MARKERS[index], "linestyle": style}
            accuracy.errorbar(counts, mean, (low, high), label=f"{label}, {part}", capsize=2, markersize=4, **look)
    for pieces, name in ((1, "constrained"), (config.steps, "unconstrained")):
        if ("bucketed", pieces) in found:
            height = 100 * found["bucketed", pieces].test.mean()
            accuracy.axhline(height, color="0.6", linewidth=0.8, zorder=0)
            accuracy.annotate(name, (1.1 * _LEFT, height), fontsize="x-small", color="0.4", va="bottom")
    accuracy.set(
        xscale="log",
        xlim=(_LEFT, None),
        title=f"{Path(config.source).stem}, {config.steps} steps",
        xlabel="weight matrices",
        ylabel="right (%), range of seeds",
    )
    accuracy.legend(frameon=False, fontsize="small")
    _draw_descent(descent, [(size, found["trigonometric", size].losses) for size in config.degrees])
    for axes in (bases, accuracy, descent):
        dress_panel(axes)
    return figure


def _range(shares: np.ndarray) -> tuple[float, float, float]:
    """The mean, and how far the least and the largest are from it; rounding makes neither negative."""
    mean = float(shares.mean())
    return mean, max(0.0, mean - float(shares.min())), max(0.0, float(shares.max()) - mean)


def _draw_descent(axes: Any, losses: Sequence[tuple[int, np.ndarray]]) -> None:
    for index, (degree, line) in enumerate(losses):
        axes.semilogy(smoothed(line), color=COLOURS[index % 6], linestyle=LINES[index % 4], label=f"degree {degree}")
    axes.set(title="training, trigonometric", xlabel="steps of Adam", ylabel="cross-entropy (nats, mean of 10)")
    axes.legend(frameon=False, fontsize="small")


STUDY = StudyFamily(NanodeBasesConfig, nanode_bases)
