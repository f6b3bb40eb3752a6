"""ODE-Net beside RK-Net, a residual network and one hidden layer, as classifiers of images (Chen et al. 2018, §3)."""

import statistics
import time
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from matplotlib.figure import Figure

from odes_rl.reports import draw_line, dress_panel
from odes_rl.studies import Findings, StudyFamily, Tell
from odes_rl_studies.costs import Count, evaluation_counter, gradient_megabytes
from odes_rl_studies.digits import Classifier
from odes_rl_studies.images import (
    SEEN,
    Images,
    batch_of,
    cross_entropy,
    error_measure,
    learn_images,
    load_images,
    scaled,
)
from odes_rl_studies.ode_net_models import Model, OdeNetConfig, build

_REPEATS = 5
"""Gradients that are timed of each model, in turns."""


class Trained(NamedTuple):
    """A trained model, and how it came there.

    Attributes:
        params: at the end.
        error: share of the test images that are wrong.
        megabytes: that a gradient needs for one batch.
        looks: [K, 4] steps of Adam, share of a thousand test images that were wrong, evaluations of the field forwards
            and backwards; the evaluations are NaN of all but the ODE-Net.
    """

    params: Any
    error: float
    megabytes: float
    looks: np.ndarray


class Tolerance(NamedTuple):
    """The trained ODE-Net solved with a tolerance: evaluations, wrong answers, how far logits are from precise ones."""

    forward: int
    backward: int
    error: float
    distance: float


def ode_net(config: OdeNetConfig, tell: Tell) -> Findings:
    """Train each model, then solve the trained ODE-Net with other tolerances."""
    images = load_images(config)
    found: dict[Model, Trained] = {}
    for name in config.models:
        found[name] = _learn(name, images, config, lambda line, name=name: tell(f"{name}: {line}"))
        tell(f"{name}: {found[name].error:.2%} of the test images are wrong")
    again = config.tolerances if "ODE-Net" in found else ()
    solved = [_solved_again(found["ODE-Net"].params, images, config, tolerance) for tolerance in again]
    seconds = _gradient_seconds(found, images, config)
    heading = ("model", "parameters", "error, %", "memory, MB", "ms a gradient", "tolerance", "forward", "backward")
    rows: list[tuple[Any, ...]] = []
    for name, t in found.items():
        counts = tuple(int(n) for n in t.looks[-1, 2:]) if name == "ODE-Net" else (_forward(name, config), None)
        tolerance = config.tolerance if name == "ODE-Net" else None
        size = optax.tree.size(t.params)
        rows.append((name, size, 100 * t.error, t.megabytes, 1000 * seconds[name], tolerance, *counts))
    rows += [
        ("ODE-Net, solved again", None, 100 * s.error, None, None, tolerance, s.forward, s.backward)
        for tolerance, s in zip(again, solved, strict=True)
    ]
    notes = (
        f"Errors of the ODE-Net solved again are of the first {min(SEEN, len(images.test[1])):,} test images.",
        "`forward` and `backward` are evaluations of the field or of blocks; each backward one of the ODE-Net, which "
        "solves the adjoint equation, also costs a product with the Jacobian.",
        f"Memory and time are of the gradient for {config.batch_size} images: XLA's own account of temporaries, and "
        f"the median of {_REPEATS} in turns. One seed.",
    )
    return Findings(heading, rows, _draw(config, found, solved), notes)


def _forward(name: Model, config: OdeNetConfig) -> int:
    return {"one hidden layer": 1, "ResNet": config.blocks, "RK-Net": 2 * config.blocks}[name]


def _learn(name: Model, images: Images, config: OdeNetConfig, tell: Tell) -> Trained:
    classifier = build(name, config, images)
    evaluations = _evaluations(images, config) if name == "ODE-Net" else lambda params: (np.nan, np.nan)
    params, looks = learn_images(classifier, images, config, evaluations, tell)
    megabytes = gradient_megabytes(_batch_loss(classifier, images, config), params)
    return Trained(params, error_measure(classifier.apply, images)(params), megabytes, looks)


def _batch_loss(classifier: Classifier, images: Images, config: OdeNetConfig) -> Any:
    """Cross-entropy of the first test images, a batch of them, as a function of parameters."""
    pixels, labels = batch_of(images, config)
    return lambda params: cross_entropy(classifier.apply(params, scaled(pixels)), labels)


def _evaluations(images: Images, config: OdeNetConfig, tolerance: float | None = None) -> Any:
    """`evaluations(params) -> (forward, backward)` of the ODE-Net for one batch."""

    def counted(count: Count) -> Any:
        return _batch_loss(build("ODE-Net", config, images, tolerance, count), images, config)

    forward, both = evaluation_counter(counted), evaluation_counter(lambda count: jax.grad(counted(count)))

    def evaluations(params: Any) -> tuple[int, int]:
        there = forward(params)
        return there, both(params) - there

    return evaluations


def _solved_again(params: Any, images: Images, config: OdeNetConfig, tolerance: float) -> Tolerance:
    pixels = scaled(batch_of(images, config)[0])
    classifier = build("ODE-Net", config, images, tolerance)
    found, precise = (
        jax.jit(c.apply)(params, pixels) for c in (classifier, build("ODE-Net", config, images, tolerance=1e-6))
    )
    forward, backward = _evaluations(images, config, tolerance)(params)
    error = error_measure(classifier.apply, images)(params, SEEN)
    return Tolerance(forward, backward, error, float(jnp.abs(found - precise).max()))


def _gradient_seconds(found: Mapping[Model, Trained], images: Images, config: OdeNetConfig) -> dict[Model, float]:
    """Seconds of each model's gradient for one batch, the median of several in turns."""
    losses = {name: _batch_loss(build(name, config, images), images, config) for name in found}
    gradients = {name: jax.jit(jax.grad(losses[name])) for name in found}
    rounds: dict[Model, list[float]] = {name: [] for name in found}
    for _ in range(_REPEATS + 1):
        for name in found:
            started = time.perf_counter()
            jax.block_until_ready(gradients[name](found[name].params))
            rounds[name].append(time.perf_counter() - started)
    return {name: statistics.median(seconds[1:]) for name, seconds in rounds.items()}  # the first compiles


def _draw(config: OdeNetConfig, found: Mapping[Model, Trained], solved: Sequence[Tolerance]) -> Figure:
    figure = Figure(figsize=(11, 5.6) if solved else (5.5, 2.8), layout="constrained")
    errors = figure.add_subplot(2, 2, 1) if solved else figure.add_subplot()
    for index, (name, trained) in enumerate(found.items()):
        draw_line(errors, trained.looks[:, 0], 100 * trained.looks[:, 1], name, index)
    errors.set(xlabel="steps of Adam", ylabel="test images wrong (%)", yscale="log")
    if solved:
        _draw_solving(figure, config, found["ODE-Net"], solved)
    for axes in figure.axes:
        axes.legend(frameon=False, fontsize="small")
        dress_panel(axes)
    return figure


def _draw_solving(figure: Figure, config: OdeNetConfig, trained: Trained, solved: Sequence[Tolerance]) -> None:
    """Evaluations of the ODE-Net over training and by tolerance, and how precise its logits are."""
    training, tolerance, accuracy = (figure.add_subplot(2, 2, place) for place in (2, 3, 4))
    steps, _, forward, backward = trained.looks.T
    draw_line(training, steps, forward, "forward", 0)
    draw_line(training, steps, backward, "backward, by the adjoint equation", 1)
    training.set(xlabel="steps of Adam", ylabel="evaluations, ODE-Net", ylim=(0, None))
    tolerances = np.array(config.tolerances)
    draw_line(tolerance, tolerances, np.array([s.forward for s in solved]), "forward", 0)
    draw_line(tolerance, tolerances, np.array([s.backward for s in solved]), "backward, by the adjoint equation", 1)
    tolerance.set(xscale="log", xlabel="tolerance", ylabel="evaluations, trained ODE-Net", ylim=(0, None))
    draw_line(accuracy, tolerances, np.array([s.distance for s in solved]), "largest error of a logit", 0)
    accuracy.plot(tolerances, tolerances, color="grey", linewidth=0.8, label="tolerance")
    accuracy.set(xscale="log", yscale="log", xlabel="tolerance", ylabel="largest error of a logit")


STUDY = StudyFamily(OdeNetConfig, ode_net)
