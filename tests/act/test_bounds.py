"""Observations into a rule, actions out of it into their bounds."""

import numpy as np
import pytest

from odes_rl.act import ACT_RULES
from odes_rl.act.bounds import SQUASHES, normalise, normalised, squash, squashed
from odes_rl.act.linear import LinearWeights

LOW, HIGH = np.array([-1.0, -0.5, -np.inf], np.float32), np.array([1.0, 2.0, np.inf], np.float32)
RESCALE, CLIP, TANH = map(SQUASHES.index, ("rescale", "clip", "tanh"))


def run_squash(code, raw, low=LOW, high=HIGH, dtype=np.float32):
    action = np.full(len(raw), 99, dtype)
    return squash(code, np.array(raw, np.float32), low, high, action), action


def run_normalise(observation, mean, deviation, sums=None, origin=None, clip=np.inf):
    out = np.empty(observation.size, np.float32)
    sums = np.zeros((2, observation.size)) if sums is None else sums
    normalise(observation, mean, deviation, mean if origin is None else origin, clip, sums, out)
    return out


def test_observations_are_normalised_in_float64_and_only_then_cast():
    observation, mean = np.array([1e8 + 0.25, 3.0]), np.array([1e8, 1.0])
    out = run_normalise(observation, mean, np.array([0.5, 4.0]))
    np.testing.assert_array_equal(out, [0.5, 0.5])
    assert out.dtype == np.float32
    assert np.float32(observation[0]) - np.float32(mean[0]) == 0  # what a cast before the subtraction would leave


def test_an_infinite_deviation_normalises_to_zero():
    np.testing.assert_array_equal(run_normalise(np.array([5.0]), np.array([1.0]), np.array([np.inf])), [0.0])


def test_normalised_entries_are_cut_but_what_is_not_finite_stays():
    observation, sums = np.array([1.0, 9.0, -9.0, np.inf, -np.inf, np.nan]), np.zeros((2, 6))
    out = run_normalise(observation, np.ones(6), np.full(6, 2.0), sums, clip=3.0)
    np.testing.assert_array_equal(out, [0, 3, -3, np.inf, -np.inf, np.nan])
    assert sums[0, 1] == 8  # the moments are those of what was observed


def test_the_sums_are_those_of_the_deviations_and_add_up():
    generator = np.random.default_rng(0)
    observations, mean = generator.normal(3, 2, (50, 4)), generator.normal(size=4)
    sums = np.zeros((2, 4))
    for observation in observations:
        run_normalise(observation, mean, np.ones(4), sums)
    count = len(observations)
    np.testing.assert_allclose(mean + sums[0] / count, observations.mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(sums[1] / count - (sums[0] / count) ** 2, observations.var(axis=0), rtol=1e-10)


def test_clip_leaves_what_is_within_the_bounds_and_counts_what_is_not():
    saturated, action = run_squash(CLIP, [0.25, -0.25, 1e9])
    assert saturated == 0
    np.testing.assert_array_equal(action, np.array([0.25, -0.25, 1e9], np.float32))
    saturated, action = run_squash(CLIP, [-3.0, 2.5, -1e9])
    assert saturated == 2
    np.testing.assert_array_equal(action, np.array([-1.0, 2.0, -1e9], np.float32))


def test_an_entry_exactly_at_its_bound_is_saturated():
    assert run_squash(CLIP, [1.0, -0.5, 0.0])[0] == 2


def test_rescale_has_its_bounds_at_plus_and_minus_one_and_leaves_alone_what_has_none():
    assert run_squash(RESCALE, [0.0, 0.0, -7.5])[0] == 0
    np.testing.assert_array_equal(run_squash(RESCALE, [0.5, 0.0, -7.5])[1], np.array([0.5, 0.75, -7.5], np.float32))
    for raw in ([-1.0, 1.0, 0.0], [-3.0, 2.5, 0.0]):
        saturated, action = run_squash(RESCALE, raw)
        assert saturated == 2
        np.testing.assert_array_equal(action, np.array([-1.0, 2.0, 0.0], np.float32))


def test_rescale_does_not_overflow_where_bounds_are_far_apart():
    far = np.full(3, np.finfo(np.float32).max)
    for raw, bound in ((0.0, np.zeros(3)), (1.0, far), (-1.0, -far)):
        np.testing.assert_array_equal(run_squash(RESCALE, [raw] * 3, -far, far)[1], bound)


@pytest.mark.parametrize("bounds", [(-np.inf, 1.0), (-1.0, np.inf)])
def test_rescale_only_clips_an_action_that_has_one_bound(bounds):
    low, high = (np.full(3, bound, np.float32) for bound in bounds)
    np.testing.assert_array_equal(run_squash(RESCALE, [0.5, 3, -3], low, high)[1], np.clip([0.5, 3, -3], *bounds))


def test_tanh_spans_unequal_bounds_and_never_leaves_them():
    low, high = np.array([-1.0, -0.5, 0.1], np.float32), np.array([1.0, 2.0, 0.7], np.float32)
    raw = [0.3, -0.2, 0.0]
    saturated, action = run_squash(TANH, raw, low, high)
    assert saturated == 0
    np.testing.assert_allclose(action, low + (high - low) * (np.tanh(raw) + 1) / 2, rtol=1e-6)
    for raw, bound in (([50.0] * 3, high), ([-50.0] * 3, low)):
        saturated, action = run_squash(TANH, raw, low, high)
        assert saturated == 3
        np.testing.assert_allclose(action, bound, rtol=1e-6)


def test_tanh_counts_entries_within_one_percent_of_their_bounds():
    just_below, just_above = np.arctanh(0.989), np.arctanh(0.991)
    low, high = -np.ones(3, np.float32), np.ones(3, np.float32)
    assert run_squash(TANH, [just_below, -just_below, just_above], low, high)[0] == 1
    assert run_squash(TANH, [-just_above, just_above, 0.0], low, high)[0] == 2


@pytest.mark.parametrize("code", [RESCALE, CLIP, TANH])
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("place", [0, 2])
def test_an_entry_that_is_not_finite_gives_minus_one(code, bad, place):
    raw = [0.5, 0.5, 0.5]
    raw[place] = bad
    assert run_squash(code, raw)[0] == -1


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_actions_take_the_environments_type(dtype):
    _, action = run_squash(CLIP, [0.5, 3.0, 0.0], dtype=dtype)
    np.testing.assert_array_equal(action, np.array([0.5, 2.0, 0.0], dtype))


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_bad_observation_ends_as_minus_one(bad):
    observation = run_normalise(np.array([0.1, bad]), np.zeros(2), np.ones(2))
    raw = np.empty(3, np.float32)
    ACT_RULES["linear"].kernel(LinearWeights(np.zeros((3, 2), np.float32)), observation, raw)
    assert run_squash(CLIP, raw)[0] == -1


@pytest.mark.filterwarnings("ignore:invalid value")
@pytest.mark.parametrize("clip", [np.inf, 1.5])
def test_the_array_form_of_normalising_is_the_kernels(clip):
    draw = np.random.default_rng(0)
    observations, mean = draw.normal(3, 2, (20, 4)), draw.normal(size=4)
    deviation = np.array([0.5, 1.0, 2.0, np.inf])
    own = np.stack([run_normalise(observation, mean, deviation, clip=clip) for observation in observations])
    found = normalised(observations, mean, deviation, clip)
    assert found.dtype == own.dtype
    np.testing.assert_array_equal(found, own)
    observations[0, :3] = np.nan, np.inf, -np.inf
    assert np.isfinite(normalised(observations, mean, deviation, clip)[0]).tolist() == [False, False, False, True]


@pytest.mark.filterwarnings("ignore:invalid value")
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", SQUASHES)
def test_the_array_form_of_a_squash_is_the_kernels(name, dtype):
    low, high = np.array([-1, -0.5, -2, -1], dtype), np.array([1, 2, 3, 1], dtype)
    if name != "tanh":  # which takes bounded actions alone
        low[3] = -np.inf
    raw = np.random.default_rng(0).normal(0, 2, (20, 4)).astype(np.float32)
    own = [run_squash(SQUASHES.index(name), row, low, high, dtype)[1] for row in raw]
    found = squashed(name, raw, low, high)
    assert found.dtype == dtype
    np.testing.assert_allclose(found, own, rtol=1e-6, atol=1e-7)
    assert ((found >= low) & (found <= high)).all()
    assert np.isnan(squashed(name, np.full(4, np.inf, np.float32), low, high)).all()
