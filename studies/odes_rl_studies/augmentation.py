"""Augmentation: what more dimensions of the state, of three kinds, do for a neural ODE that classifies images."""

from collections.abc import Mapping
from functools import partial
from typing import Any, Literal, NamedTuple

import numpy as np
import optax
from matplotlib.figure import Figure
from pydantic import Field

from odes_rl.continuous import (
    ContinuousNetwork,
    Solving,
    at_places,
    at_rest,
    continuous_network,
    convolution_field,
    counting,
    higher_order,
    identity,
    in_turn,
    linear,
    zeros_added,
)
from odes_rl.reports import draw_line, dress_panel
from odes_rl.studies import Findings, StudyFamily, Tell
from odes_rl_studies.costs import Count, evaluation_counter
from odes_rl_studies.digits import Classifier
from odes_rl_studies.images import (
    Images,
    ImagesConfig,
    batch_of,
    cross_entropy,
    error_measure,
    learn_images,
    load_images,
    make_stem,
    scaled,
)

Model = Literal["neural ODE", "zero augmentation", "input layer", "second order", "third order"]
MODELS: tuple[Model, ...] = ("neural ODE", "zero augmentation", "input layer", "second order")


class AugmentationConfig(ImagesConfig, frozen=True):
    """Neural ODEs with a larger state, as classifiers: accuracy, evaluations of the field, parameters."""

    study: Literal["augmentation"] = "augmentation"
    models: tuple[Model, ...] = Field(default=MODELS, min_length=1)
    """Which; of the `third order`, q⃛ = f(q, q̇, q̈), too."""
    added: int = Field(default=4, ge=1)
    """Channels that zero and input-layer augmentation add; a state of second order has twice the channels."""


class Augmented(NamedTuple):
    """What a model learned.

    Attributes:
        parameters: how many it has.
        error: share of the test images that are wrong at the end.
        steps: [K] of Adam, when it was looked at; the first is 0.
        errors: [K] shares of a thousand test images that were wrong.
        evaluations: [K] of the field, forwards for one batch.
    """

    parameters: int
    error: float
    steps: np.ndarray
    errors: np.ndarray
    evaluations: np.ndarray


def augmentation(config: AugmentationConfig, tell: Tell) -> Findings:
    """Train each model, and watch its evaluations."""
    images = load_images(config)
    found: dict[Model, Augmented] = {}
    for name in config.models:
        found[name] = _learn(name, images, config, lambda line, name=name: tell(f"{name}: {line}"))
        tell(f"{name}: {1 - found[name].error:.2%} of the test images")
    heading = ("model", "parameters", "accuracy", "evaluations at start", "evaluations at end")
    rows = [(n, f.parameters, 1 - f.error, int(f.evaluations[0]), int(f.evaluations[-1])) for n, f in found.items()]
    note = f"Evaluations of the field, forwards, for {config.batch_size} images in one solve. One seed."
    return Findings(heading, rows, _draw(found), [note])


def build(name: Model, config: AugmentationConfig, images: Images, count: Count | None = None) -> ContinuousNetwork:
    """The network from images [B, side, side, 1]: ż = f(z) by convolutions up to depth 1, and affine logits.

    Of what the stem makes of the image, x with n channels at each place, z(0) is x; [x, 0]; A x + a; or [q, p] = [x, 0]
    with q̇ = p, ṗ = f(q, p) (Massaroli et al. 2020, §4); of third order likewise.
    `count` is called at each evaluation.
    """
    stem = make_stem(config, images)
    n, added = stem.channels, config.added
    flow = partial(convolution_field, width=config.width, activation=config.activation)
    inputs, field = {
        "neural ODE": lambda: (identity(n), flow(n)),
        "zero augmentation": lambda: (zeros_added(n, added), flow(n + added)),
        "input layer": lambda: (linear(n, n + added), flow(n + added)),
        "second order": lambda: (at_rest(identity(n)), higher_order(flow(2 * n, output_channels=n))),
        "third order": lambda: (at_rest(identity(n), 3), higher_order(flow(3 * n, output_channels=n), 3)),
    }[name]()
    if count is not None:
        field = field._replace(apply=counting(field.apply, count))
    start = in_turn(stem.inputs, at_places(inputs, stem.places))
    return continuous_network(start, field, images.classes, Solving(tolerance=config.tolerance))


def _learn(name: Model, images: Images, config: AugmentationConfig, tell: Tell) -> Augmented:
    network = build(name, config, images)
    classifier = Classifier(network.init, network.manifolds, lambda params, x: network.apply(params, x)[0])
    pixels, labels = batch_of(images, config)

    def counted(count: Count) -> Any:
        apply = build(name, config, images, count).apply
        return lambda params: cross_entropy(apply(params, scaled(pixels))[0], labels)

    evaluations = evaluation_counter(counted)
    params, looks = learn_images(classifier, images, config, lambda params: [evaluations(params)], tell)
    return Augmented(optax.tree.size(params), error_measure(classifier.apply, images)(params), *looks.T)


def _draw(found: Mapping[Model, Augmented]) -> Figure:
    figure = Figure(figsize=(8, 3.2), layout="constrained")
    errors, evaluations = figure.subplots(1, 2)
    for index, (name, augmented) in enumerate(found.items()):
        draw_line(errors, augmented.steps, 100 * augmented.errors, name, index)
        draw_line(evaluations, augmented.steps, augmented.evaluations, name, index)
    errors.set(xlabel="steps of Adam", ylabel="test images wrong (%)", yscale="log")
    evaluations.set(xlabel="steps of Adam", ylabel="evaluations of the field, forwards", ylim=(0, None))
    figure.legend(*errors.get_legend_handles_labels(), loc="outside upper center", ncols=4, frameon=False)
    for axes in (errors, evaluations):
        dress_panel(axes)
    return figure


STUDY = StudyFamily(AugmentationConfig, augmentation)
