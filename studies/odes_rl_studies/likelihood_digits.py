"""A continuous normalising flow of 8 × 8 digits, trained by maximum likelihood with Hutchinson's trace."""

from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from matplotlib.figure import Figure
from pydantic import Field

from odes_rl.continuous import Solving, VectorField, log_density, network_field, normal_log_density, solve
from odes_rl.reports import dress_panel
from odes_rl.studies import Findings, StudyConfig, StudyFamily, Tell
from odes_rl.supervised import load_dataset
from odes_rl_studies.descent import minimise
from odes_rl_studies.pixels import LEVELS, Copula, bits, copula_of, independent_bits, levels_of

_SIDE, _ROWS = 8, 8
"""Pixels along a digit; digits along a panel of the picture."""
_HELD_BACK = 5
"""One in this number of the digits for training chooses when to stop instead."""
_AT_ONCE = 120
"""Digits in one solve, where densities are measured."""
_MEASURING, _DRAWING = 4, 5
"""Numbers of their keys, after the four that `fit` splits off."""
Trace = Literal["exact", "Hutchinson"]


class LikelihoodDigitsConfig(StudyConfig, frozen=True):
    """A continuous flow of 8 × 8 digits by maximum likelihood, in bits a dimension, beside simpler densities."""

    study: Literal["likelihood_digits"] = "likelihood_digits"
    width: int = Field(default=128, ge=1)
    """Units of each of the two hidden layers of the vector field, with tanh."""
    steps: int = Field(default=2000, ge=1)
    """Steps of Adam."""
    batch: int = Field(default=128, ge=1)
    """Digits in each step."""
    learning_rate: float = Field(default=0.001, gt=0)
    """Its step length, which falls to a hundredth along half a cosine."""
    solver_steps: int = Field(default=6, ge=1)
    """Equal steps of the solver, `bosh3`, in training."""
    tolerance: float = Field(default=1e-4, ge=1e-9)
    """Of the solver, `dopri5`, by which what was learned is measured."""
    draws: int = Field(default=4, ge=1)
    """Dequantisations of each digit that is measured."""


class Fitted(NamedTuple):
    """The flow after training, with the parameters that were best on the digits held back.

    Attributes:
        field: its vector field.
        params: its parameters.
        copula: what leads from its end z(1) to pixels.
        looks: [K, 3] steps done, bits a dimension of the digits trained on and of those held back.
    """

    field: VectorField
    params: Any
    copula: Copula
    looks: np.ndarray


def likelihood_digits(config: LikelihoodDigitsConfig, tell: Tell) -> Findings:
    """Train the flow, and set its bits a dimension beside those of simpler densities."""
    data = load_dataset("digits")
    train, test = levels_of(data.train.images), levels_of(data.test.images)
    kept = np.arange(len(train)) % _HELD_BACK > 0
    flow = fit(train[kept], train[~kept], config, tell)
    size, shares = test.shape[1], np.asarray(flow.copula.shares)
    alone = size * (LEVELS - 1)
    found: dict[str, tuple[int | None, list[np.ndarray]]] = {
        "uniform": (0, [np.full(len(v), np.log2(LEVELS)) for v in (train[kept], test)]),
        "independent pixels": (alone, [independent_bits(shares, v) for v in (train[kept], test)]),
    }
    counts = (alone + size * (size - 1) // 2, optax.tree.size(flow.params), None)
    names = ("normal copula", "continuous flow", "the same, Hutchinson's trace")
    for name, count, trace in zip(names, counts, (None, "exact", "Hutchinson"), strict=True):
        found[name] = (count, [measured(v, flow, trace, config) for v in (train[kept], test)])
    rows = [
        (name, count, shown.mean(), other.mean(), other.std() / len(other) ** 0.5 if name != "uniform" else None)
        for name, (count, (shown, other)) in found.items()
    ]
    notes = (
        f"Bits a dimension of digits with {LEVELS} levels; those of the last three rows are upper bounds, by "
        f"dequantisation. {kept.sum():,} digits are trained on, {(~kept).sum()} are held back to choose when to stop, "
        f"and {len(test)} are the test.",
        "The flow starts at the normal copula; its parameters are counted without those of the copula.",
    )
    heading = ("density", "parameters", "training, bits", "test, bits", "standard error")
    return Findings(heading, rows, _draw(test, flow, config), notes)


def fit(train: np.ndarray, held_back: np.ndarray, config: LikelihoodDigitsConfig, tell: Tell) -> Fitted:
    """Train the flow from where it is the normal copula, and keep what is best on the digits held back."""
    size = train.shape[1]
    init_key, fit_key, look_key, copula_key = jax.random.split(jax.random.key(config.seed), 4)
    copula = copula_of(train, copula_key)
    network = network_field(size, (config.width, config.width), time=True)
    start = network.init(init_key)
    start[-1] = jax.tree.map(jnp.zeros_like, start[-1])
    coarse = Solving(solver="bosh3", solver_steps=config.solver_steps)
    shown = jnp.asarray(train)

    def field(t: jax.Array, z: jax.Array, params: Any) -> jax.Array:
        return network.apply(params, t, z, z)

    def loss(params: Any, key: jax.Array, values: jax.Array | None = None) -> jax.Array:
        draw_key, density_key = jax.random.split(key)
        chosen = jax.random.choice(draw_key, shown, (config.batch,)) if values is None else values
        flow = Fitted(field, params, copula, np.empty(0))
        return jnp.mean(bits(log_probability(flow, coarse, "Hutchinson", density_key, chosen), size))

    measure, best, looks = jax.jit(loss), start, []

    def look(step: int, params: Any) -> None:
        nonlocal best
        looks.append((step, *(float(measure(params, look_key, jnp.asarray(v))) for v in (train, held_back))))
        if looks[-1][2] <= min(held for *_, held in looks):
            best = params

    look(0, start)
    rate = config.learning_rate
    minimise(
        loss, network.manifolds, start, fit_key, config.steps, tell, learning_rate=rate, schedule="cosine", look=look
    )
    return Fitted(field, best, copula, np.array(looks))


def log_probability(
    flow: Fitted, solving: Solving, trace: Trace | None, key: jax.Array, levels: jax.Array
) -> jax.Array:
    """[B] log p of levels [B, d] with noise from `key`; without a `trace`, of the normal copula alone."""
    noise_key, probe_key = jax.random.split(key)
    z = flow.copula.normal(levels, jax.random.uniform(noise_key, levels.shape))
    w = flow.copula.independent(z)
    if trace is None:
        log_q = normal_log_density(w)
    else:
        probe = jax.random.rademacher(probe_key, w.shape, w.dtype) if trace == "Hutchinson" else None
        log_q = log_density(solving, flow.field, flow.params, w, probe)
    return log_q + flow.copula.log_volume(levels, z)


def measured(values: np.ndarray, flow: Fitted, trace: Any, config: LikelihoodDigitsConfig) -> np.ndarray:
    """[N] bits a dimension of levels [N, d], means over dequantisations."""
    fine = Solving(solver="dopri5", tolerance=config.tolerance)
    one = jax.jit(lambda key, levels: bits(log_probability(flow, fine, trace, key, levels), levels.shape[1]))
    key = jax.random.fold_in(jax.random.key(config.seed), _MEASURING)
    found = []
    for place, part in enumerate(np.split(values, range(_AT_ONCE, len(values), _AT_ONCE))):
        keys = jax.random.split(jax.random.fold_in(key, place), config.draws)
        found.append(np.mean([one(draw, jnp.asarray(part)) for draw in keys], axis=0))
    return np.concatenate(found)


def drawn(key: jax.Array, count: int, flow: Fitted, config: LikelihoodDigitsConfig, *, flowing: bool) -> np.ndarray:
    """[count, d] levels drawn from the flow, or from the normal copula that it starts from."""
    w = jax.random.normal(key, (count, flow.copula.factor.shape[0]))
    if flowing:
        fine = Solving(solver="dopri5", tolerance=config.tolerance)
        w = solve(fine, flow.field, flow.params, w, jnp.array([0.0, 1.0])).states[-1]
    return np.asarray(flow.copula.levels(w))


def _draw(test: np.ndarray, flow: Fitted, config: LikelihoodDigitsConfig) -> Figure:
    figure = Figure(figsize=(13, 3.4), layout="constrained")
    panels = figure.subplots(1, 4)
    key, count = jax.random.fold_in(jax.random.key(config.seed), _DRAWING), _ROWS**2
    mosaics = (
        ("digits of the test", test[:count]),
        ("drawn from the normal copula", drawn(key, count, flow, config, flowing=False)),
        ("drawn from the flow, same noise", drawn(key, count, flow, config, flowing=True)),
    )
    for axes, (title, values) in zip(panels, mosaics, strict=False):
        tiles = np.pad(np.resize(values, (_ROWS, _ROWS, _SIDE, _SIDE)), ((0, 0), (0, 0), (1, 1), (1, 1)))
        side = _ROWS * (_SIDE + 2)
        axes.imshow(tiles.swapaxes(1, 2).reshape(side, side), cmap="Greys", vmin=0, vmax=LEVELS - 1)
        axes.set(title=title, xticks=[], yticks=[])
    steps, train, held_back = flow.looks.T
    panels[3].plot(steps, train, "o-", markersize=4, label="trained on")
    panels[3].plot(steps, held_back, "s--", markersize=4, label="held back")
    panels[3].set(title="training", xlabel="steps of Adam", ylabel="bits a dimension")
    panels[3].legend(frameon=False)
    dress_panel(panels[3])
    return figure


STUDY = StudyFamily(LikelihoodDigitsConfig, likelihood_digits)
