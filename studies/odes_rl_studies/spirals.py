"""Spirals seen at irregular times: a latent ODE beside a recurrent network, inside the times of training and beyond."""

from collections.abc import Callable
from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from pydantic import Field

from odes_rl.continuous import Solving, evidence_bound, forecaster, latent_ode
from odes_rl.reports import COLOURS, dress_panel
from odes_rl.studies import Findings, StudyConfig, StudyFamily, Tell
from odes_rl_studies.descent import minimise


class SpiralsConfig(StudyConfig, frozen=True):
    """A latent ODE and a recurrent network, trained on the first half of noisy spirals and asked for all of it."""

    study: Literal["spirals"] = "spirals"
    examples: int = Field(default=1000, ge=2)
    """Spirals to train on; half of them turn clockwise."""
    test_examples: int = Field(default=200, ge=4)
    """Spirals to measure on."""
    points: int = Field(default=60, ge=4)
    """Irregular times in [0, 1], common to all spirals."""
    observed: float = Field(default=0.4, gt=0, le=1)
    """Share of the points of a spiral that are observed, others for each."""
    turns: float = Field(default=1.5, gt=0)
    """Of a spiral from time 0 to 1."""
    noise: float = Field(default=0.05, gt=0)
    """Standard deviation of what is observed, also the one that the latent ODE assumes."""
    latent: int = Field(default=6, ge=1)
    """Entries of the latent state."""
    width: int = Field(default=48, ge=1)
    """Of the hidden layers of latent field and decoder."""
    encoder: int = Field(default=48, ge=1)
    """Recurrent units of the encoder."""
    recurrent: int = Field(default=52, ge=1)
    """Units of the recurrent network that stands beside."""
    fed_at: Literal["observed", "all"] = "observed"
    """The times beyond 0.5 at which the recurrent network takes what it said itself for seen."""
    batch: int = Field(default=100, ge=1)
    """Spirals in each step."""
    steps: int = Field(default=4000, ge=1)
    """Steps of Adam, for each model."""
    learning_rate: float = Field(default=0.005, gt=0)
    """Their length, which falls to a hundredth along half a cosine."""
    tolerance: float = Field(default=1e-3, gt=0)
    """Of the solver, `dopri5`."""


class Spirals(NamedTuple):
    """`true` and `noisy` [N, T, 2] at `times` [T] from 0 to 1, `observed` [N, T], and which of them are `seen`."""

    times: jax.Array
    true: jax.Array
    noisy: jax.Array
    observed: jax.Array
    seen: jax.Array


class Forecast(NamedTuple):
    """What a model says of the test spirals, `said` [N, T, 2], its parameters, and the loss before each step."""

    said: np.ndarray
    parameters: int
    losses: np.ndarray


def spirals(config: SpiralsConfig, tell: Tell) -> Findings:
    """Train both models on the first half of time, and measure them there and beyond."""
    train, test = first_half(draw_spirals(config, config.examples, 1)), draw_spirals(config, config.test_examples, 2)
    found = {
        "latent ODE": fit_latent(config, train, test, lambda line: tell(f"latent ODE: {line}")),
        "recurrent network": fit_recurrent(config, train, test, lambda line: tell(f"recurrent network: {line}")),
    }
    rows = [(name, forecast.parameters, *errors(forecast.said, test)) for name, forecast in found.items()]
    still = np.asarray(jnp.sqrt(jnp.mean(jnp.sum(test.true**2, -1), 0) / 2))
    notes = (
        "Errors are root mean squares in a coordinate, against the spirals without noise at all common times: "
        "interpolation up to time 0.5, extrapolation after it. Both models see the same points, and no point after "
        "time 0.5, in training or in the test.",
        "The recurrent network says each point from those before it, after time 0.5 from what it said itself, at "
        f"{config.fed_at} times; the latent ODE has read all that is seen.",
        f"The noise has a standard deviation of {config.noise:g}; saying 0 throughout has an error of "
        f"{still.mean():.2g}.",
    )
    return Findings(("model", "parameters", "interpolation", "extrapolation"), rows, _draw(found, test), notes)


def draw_spirals(config: SpiralsConfig, count: int, fold: int) -> Spirals:
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
    return Spirals(times, true, noisy, observed, observed & (times <= 0.5))


def first_half(drawn: Spirals) -> Spirals:
    """What lies up to time 0.5, all that training knows of: beyond it is extrapolation."""
    count = int(jnp.sum(drawn.times <= 0.5))
    return Spirals(drawn.times[:count], *(array[:, :count] for array in drawn[1:]))


def errors(said: np.ndarray, test: Spirals) -> tuple[float, float]:
    """Root mean squared errors of `said` [N, T, 2] after time 0: up to time 0.5, and after it."""
    squares, times = (said - np.asarray(test.true)) ** 2, np.asarray(test.times)
    inside, beyond = (times > 0) & (times <= 0.5), times > 0.5
    return float(np.sqrt(squares[:, inside].mean())), float(np.sqrt(squares[:, beyond].mean()))


def fit_latent(config: SpiralsConfig, train: Spirals, test: Spirals, tell: Tell) -> Forecast:
    """A latent ODE trained to say all that it sees of a spiral in `train`, and asked at all times of `test`."""
    model = latent_ode(2, config.latent, config.width, config.encoder, Solving(tolerance=config.tolerance))

    def loss(params: Any, key: jax.Array) -> jax.Array:
        draw_key, sample_key = jax.random.split(key)
        rows = jax.random.choice(draw_key, train.true.shape[0], (config.batch,))
        noisy, seen = train.noisy[rows], train.seen[rows]
        bound = evidence_bound(model, params, sample_key, noisy, seen, seen, train.times, config.noise)
        return -jnp.mean(bound) / train.times.size

    # Read from the end of what is known, as in training: the time before the first point is an input.
    known = first_half(test)

    def said(params: Any) -> jax.Array:
        q = model.encode(params, known.noisy, known.seen, known.times)
        return model.decode(params, q.mean, test.times)

    return _fit(config, model.init, model.manifolds, loss, said, tell)


def fit_recurrent(config: SpiralsConfig, train: Spirals, test: Spirals, tell: Tell) -> Forecast:
    """A recurrent network trained to say what is seen next; after time 0.5 of `test` it goes on from what it said."""
    model = forecaster(2, config.recurrent)

    def loss(params: Any, key: jax.Array) -> jax.Array:
        rows = jax.random.choice(key, train.true.shape[0], (config.batch,))
        noisy, seen = train.noisy[rows], train.seen[rows]
        squares = jnp.sum((model.apply(params, noisy, seen, train.times) - noisy) ** 2, -1)
        asked = seen & (train.times > 0)
        return jnp.sum(jnp.where(asked, squares, 0.0)) / jnp.sum(asked) / 2

    def said(params: Any) -> jax.Array:
        fed = test.observed | ((test.times > 0.5) & (config.fed_at == "all"))
        return model.apply(params, test.noisy, fed, test.times, 0.5)

    return _fit(config, model.init, model.manifolds, loss, said, tell)


def _fit(
    config: SpiralsConfig,
    init: Callable[[jax.Array], Any],
    manifolds: Any,
    loss: Callable[[Any, jax.Array], jax.Array],
    said: Callable[[Any], jax.Array],
    tell: Tell,
) -> Forecast:
    start_key, fit_key = jax.random.split(jax.random.fold_in(jax.random.key(config.seed), 3))
    start, rate = init(start_key), config.learning_rate
    params, losses = minimise(
        loss, manifolds, start, fit_key, config.steps, tell, learning_rate=rate, schedule="cosine"
    )
    return Forecast(np.asarray(jax.jit(said)(params)), optax.tree.size(params), losses)


def _draw(found: dict[str, Forecast], test: Spirals) -> Figure:
    figure = Figure(figsize=(12.5, 3.4), layout="constrained")
    panels = figure.subplots(1, 4)
    for index, axes in enumerate(panels):
        _draw_spiral(axes, found, test, index)
        axes.set(title=("anticlockwise", "clockwise")[index % 2], xlabel="$x_1$", ylabel="$x_2$", aspect="equal")
        dress_panel(axes)
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=6, frameon=False)
    return figure


def _draw_spiral(axes: Axes, found: dict[str, Forecast], test: Spirals, index: int) -> None:
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
