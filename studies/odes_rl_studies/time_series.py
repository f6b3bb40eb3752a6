"""Series seen at irregular times: a latent ODE beside a recurrent network, inside the times of training and beyond."""

from collections.abc import Callable
from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from matplotlib.figure import Figure
from pydantic import Field

from odes_rl import UserError
from odes_rl.continuous import Solving, evidence_bound, forecaster, latent_ode
from odes_rl.studies import Findings, StudyConfig, Tell
from odes_rl_studies.descent import minimise


class SeriesConfig(StudyConfig, frozen=True):
    """A latent ODE and a recurrent network, trained on the first half of noisy series and asked for all of it."""

    study: str
    examples: int = Field(default=1000, ge=2)
    """Series to train on."""
    test_examples: int = Field(default=200, ge=4)
    """Series to measure on."""
    points: int = Field(default=60, ge=4)
    """Irregular times in [0, 1], common to all series."""
    observed: float = Field(default=0.4, gt=0, le=1)
    """Share of the points of a series that are observed, others for each."""
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
    """Series in each step."""
    steps: int = Field(default=4000, ge=1)
    """Steps of Adam, for each model."""
    learning_rate: float = Field(default=0.005, gt=0)
    """Their length, which falls to a hundredth along half a cosine."""
    tolerance: float = Field(default=1e-3, ge=1e-9)
    """Of the solver, `dopri5`."""


class Series(NamedTuple):
    """`true` and `noisy` [N, T, n] at `times` [T] from 0 to 1, `observed` [N, T], and which of them are `seen`."""

    times: jax.Array
    true: jax.Array
    noisy: jax.Array
    observed: jax.Array
    seen: jax.Array


class Forecast(NamedTuple):
    """What a model says of the test series, `said` [N, T, n], its parameters, and the loss before each step."""

    said: np.ndarray
    parameters: int
    losses: np.ndarray


def compare(config: SeriesConfig, drawn: Series, test: Series, tell: Tell) -> dict[str, Forecast]:
    """Both models, trained on the first half of the time of `drawn` and asked for all of `test`.

    Raises:
        UserError: if all times of either are in one half.
    """
    for times in (drawn.times, test.times):
        if not 1 < int(jnp.sum(times <= 0.5)) < times.size:
            raise UserError(f"points is {config.points}, and all of their times are in one half: give more, or a seed")
    train = first_half(drawn)
    return {
        "latent ODE": fit_latent(config, train, test, lambda line: tell(f"latent ODE: {line}")),
        "recurrent network": fit_recurrent(config, train, test, lambda line: tell(f"recurrent network: {line}")),
    }


def findings(config: SeriesConfig, found: dict[str, Forecast], test: Series, figure: Figure, unit: str) -> Findings:
    """The table of both models, with `figure`; errors are in `unit`."""
    rows = [(name, forecast.parameters, *errors(forecast.said, test)) for name, forecast in found.items()]
    nothing = errors(np.zeros_like(test.true), test)
    notes = (
        f"Errors are root mean squares in {unit}, against the series without noise at all common times: "
        "interpolation up to time 0.5, extrapolation after it. Both models see the same points, and no point after "
        "time 0.5, in training or in the test.",
        "The recurrent network says each point from those before it, after time 0.5 from what it said itself, at "
        f"{config.fed_at} times; the latent ODE has read all that is seen.",
        f"The noise has a standard deviation of {config.noise:g}; saying 0 throughout has errors of "
        f"{nothing[0]:.2g} and {nothing[1]:.2g}.",
    )
    return Findings(("model", "parameters", "interpolation", "extrapolation"), rows, figure, notes)


def first_half(drawn: Series) -> Series:
    """What lies up to time 0.5, all that training knows of: beyond it is extrapolation."""
    count = int(jnp.sum(drawn.times <= 0.5))
    return Series(drawn.times[:count], *(array[:, :count] for array in drawn[1:]))


def errors(said: np.ndarray, test: Series) -> tuple[float, float]:
    """Root mean squared errors of `said` [N, T, n] after time 0: up to time 0.5, and after it."""
    squares, times = (said - np.asarray(test.true)) ** 2, np.asarray(test.times)
    inside, beyond = (times > 0) & (times <= 0.5), times > 0.5
    return float(np.sqrt(squares[:, inside].mean())), float(np.sqrt(squares[:, beyond].mean()))


def fit_latent(config: SeriesConfig, train: Series, test: Series, tell: Tell) -> Forecast:
    """A latent ODE trained to say all that it sees of a series in `train`, and asked at all times of `test`."""
    model = latent_ode(
        train.true.shape[-1], config.latent, config.width, config.encoder, Solving(tolerance=config.tolerance)
    )

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


def fit_recurrent(config: SeriesConfig, train: Series, test: Series, tell: Tell) -> Forecast:
    """A recurrent network trained to say what is seen next; after time 0.5 of `test` it goes on from what it said."""
    model = forecaster(train.true.shape[-1], config.recurrent)

    def loss(params: Any, key: jax.Array) -> jax.Array:
        rows = jax.random.choice(key, train.true.shape[0], (config.batch,))
        noisy, seen = train.noisy[rows], train.seen[rows]
        squares = jnp.sum((model.apply(params, noisy, seen, train.times) - noisy) ** 2, -1)
        asked = seen & (train.times > 0)
        return jnp.sum(jnp.where(asked, squares, 0.0)) / jnp.maximum(jnp.sum(asked), 1) / train.true.shape[-1]

    def said(params: Any) -> jax.Array:
        fed = test.observed | ((test.times > 0.5) & (config.fed_at == "all"))
        return model.apply(params, test.noisy, fed, test.times, 0.5)

    return _fit(config, model.init, model.manifolds, loss, said, tell)


def _fit(
    config: SeriesConfig,
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
