"""Series at irregular times: what they are, what is seen of them, and that training brings the errors down."""

import sys
from functools import partial

import jax.numpy as jnp
import numpy as np
import pytest

from odes_rl.errors import UserError
from odes_rl_studies.motions import MotionsConfig, motions, observe, record, standardised
from odes_rl_studies.spirals import SpiralsConfig, draw_spirals, spirals
from odes_rl_studies.time_series import errors, first_half, fit_latent, fit_recurrent

CONFIG = SpiralsConfig(
    directory="unused",
    turns=0.75,
    observed=0.8,
    learning_rate=0.02,
    examples=100,
    test_examples=20,
    points=20,
    latent=4,
    width=16,
    encoder=16,
    recurrent=16,
    batch=50,
)
MOTIONS = MotionsConfig(directory="unused", examples=6, test_examples=4, horizon=10, points=6)


def quiet(line):
    pass


def test_spirals_grow_and_turn_both_ways_and_are_seen_in_their_first_half():
    drawn = draw_spirals(CONFIG, 10, 1)
    true = np.asarray(drawn.true)
    assert (np.diff(drawn.times) > 0).all()
    assert (np.diff(np.hypot(true[..., 0], true[..., 1]), axis=1) > 0).all()
    angles = np.unwrap(np.arctan2(true[..., 1], true[..., 0]), axis=1)
    assert (np.diff(angles[::2], axis=1) > 0).all()
    assert (np.diff(angles[1::2], axis=1) < 0).all()
    assert not drawn.seen[:, drawn.times > 0.5].any()
    assert drawn.seen[:, 0].all()
    assert (drawn.observed | ~drawn.seen).all()


def test_motions_are_the_episodes_of_the_environment_and_seen_in_their_first_half():
    values = record(MOTIONS, 6, 0, quiet)
    assert values.shape == (6, 11, 3)
    np.testing.assert_allclose(np.hypot(values[..., 0], values[..., 1]), 1, rtol=1e-6)  # cosine and sine of an angle
    np.testing.assert_array_equal(record(MOTIONS, 6, 0, quiet), values)
    assert not np.array_equal(record(MOTIONS, 6, 1, quiet), values)
    series = observe(MOTIONS, standardised([values])[0], 0)
    known = np.asarray(series.true)[:, np.asarray(series.times) <= 0.5]
    assert known.shape[1:] == (int((np.asarray(series.times) <= 0.5).sum()), 3)
    rows = np.round(np.asarray(series.times) * 10).astype(int)
    expected = (values - values[:, :5].mean((0, 1))) / values[:, :5].std((0, 1))
    np.testing.assert_allclose(series.true, expected[:, rows], rtol=1e-4, atol=1e-5)
    assert rows[0] == 0
    assert not series.seen[:, series.times > 0.5].any()
    assert series.seen[:, 0].all()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"points": 12}, "points is 12, but must be at most 11"),
        ({"entry": 3}, "entry is 3, but an observation has entries 0 to 2"),
        ({"task": "Hopper-v5", "horizon": 400}, "an episode ends after"),
        ({"task": "CartPole-v1"}, "has discrete actions"),
    ],
)
def test_mistakes_are_told(options, message):
    with pytest.raises(UserError, match=message):
        motions(MOTIONS.model_copy(update=options), quiet)


def test_times_that_are_all_in_one_half_are_told():
    with pytest.raises(UserError, match="points is 4, and all of their times are in one half"):
        spirals(SpiralsConfig(directory="unused", examples=4, test_examples=4, points=4, seed=12), quiet)


@pytest.mark.slow
def test_nothing_after_half_of_time_is_known_in_training_or_in_the_test(monkeypatch):
    def draw(config, count, fold):
        drawn = draw_spirals(config, count, fold)
        return drawn._replace(noisy=jnp.where((drawn.times > 0.5)[:, None], jnp.nan, drawn.noisy))

    monkeypatch.setattr(sys.modules[SpiralsConfig.__module__], "draw_spirals", draw)
    small = {"examples": 10, "test_examples": 4, "steps": 2, "latent": 2, "width": 4, "encoder": 4, "batch": 4}
    found = spirals(CONFIG.model_copy(update=small), quiet)
    assert np.isfinite(np.array([row[2:] for row in found.rows], float)).all()


def test_errors_are_told_apart_by_their_time():
    test = draw_spirals(CONFIG, 4, 2)
    beyond = (np.asarray(test.times) > 0.5)[None, :, None]
    said = np.asarray(test.true) + np.where(beyond, 3.0, 2.0)
    assert errors(said, test) == (pytest.approx(2.0, rel=1e-5), pytest.approx(3.0, rel=1e-5))


@pytest.mark.slow
@pytest.mark.parametrize("fit", [fit_latent, fit_recurrent])
def test_a_short_training_lowers_the_loss_and_the_errors(fit):
    train, test = first_half(draw_spirals(CONFIG, 100, 1)), draw_spirals(CONFIG, 20, 2)
    assert train.times[-1] <= 0.5 < draw_spirals(CONFIG, 100, 1).times[train.times.size]
    short, longer = (
        partial(fit, CONFIG.model_copy(update={"steps": steps}), train, test, quiet)() for steps in (1, 300)
    )
    assert longer.losses[-20:].mean() < 0.5 * longer.losses[:5].mean()
    assert errors(longer.said, test)[0] < 0.7 * errors(short.said, test)[0]
