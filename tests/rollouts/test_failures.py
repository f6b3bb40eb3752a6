"""A bad candidate is not a broken environment."""

import math
from contextlib import nullcontext

import numpy as np
import pytest
from rollout_cases import WALK, assert_same_bits, questions
from rollout_cases import settings as make_settings

from odes_rl.rollouts.choosing import make_backend
from odes_rl.rollouts.config import RolloutsConfig
from odes_rl.rollouts.failures import FutileGenerations
from odes_rl.rollouts.protocol import EnvironmentFailure
from odes_rl.validation import build_model

BACKENDS = [("serial", 1), ("processes", 2)]


def evaluate(task, asked, name="serial", workers=1):
    with make_backend(
        build_model(RolloutsConfig, {"backend": name, "workers": workers, "lanes": 2}), make_settings(task)
    ) as backend:
        return backend.evaluate(*asked)


def task_of(name):
    return f"faulty_environments:{name}-v0"


@pytest.mark.parametrize(("backend", "workers"), BACKENDS)
def test_an_environment_that_raises_stops_with_task_seed_and_traceback(backend, workers):
    asked = questions(WALK, 1, 1)
    with pytest.raises(EnvironmentFailure) as caught:
        evaluate(task_of("RaisingInStep"), asked, backend, workers)
    message = str(caught.value)
    assert f"faulty_environments:RaisingInStep-v0 raised in an episode with seed {asked[2][0, 0]}" in message
    assert "RuntimeError: step went wrong" in message
    assert "faulty_environments.py" in message
    assert "_misbehave" in message


@pytest.mark.parametrize(("backend", "workers"), BACKENDS)
def test_an_environment_that_exits_is_one_that_raises(backend, workers):
    asked = questions(WALK, 1, 1)
    with pytest.raises(EnvironmentFailure, match=r"raised in an episode with seed \d+:\n(.|\n)*SystemExit: no licence"):
        evaluate(task_of("Exiting"), asked, backend, workers)


def test_an_environment_that_does_not_reset_stops_too_and_names_the_seed():
    weights, statistics, _ = questions(WALK, 1, 3)
    seeds = np.array([[2, 4, 7]])
    with pytest.raises(EnvironmentFailure, match=r"with seed 7:\n(.|\n)*reset went wrong"):
        evaluate(task_of("RaisingInReset"), (weights, statistics, seeds))
    found = evaluate(task_of("RaisingInReset"), (weights, statistics, seeds - seeds % 2))
    assert np.isfinite(found.returns).all()


@pytest.mark.parametrize(("name", "length"), [("BadReward", 6), ("BadObservation", 4), ("Diverging", 3)])
def test_bad_rewards_observations_and_divergence_fail_the_episode_alone(name, length):
    found = evaluate(task_of(name), questions(WALK, 2, 2))
    assert found.failed.all()
    assert np.isnan(found.returns).all()
    assert (found.lengths == length).all()
    assert [moments.count for moments in found.moments] == [0, 0]


@pytest.mark.parametrize(("backend", "workers"), BACKENDS)
@pytest.mark.parametrize("field", ["input", "layers", "output"])
def test_a_candidate_with_bad_weights_fails_and_leaves_the_others_as_they_are(backend, workers, field):
    asked = questions(WALK, 3, 2)
    good = evaluate(WALK, asked)
    getattr(asked[0], field)[1] = np.nan
    found = evaluate(WALK, asked, backend, workers)
    np.testing.assert_array_equal(found.failed, [[False] * 2, [True] * 2, [False] * 2])
    assert (found.lengths[1] == 1).all()
    assert np.isnan(found.returns[1]).all()
    np.testing.assert_array_equal(found.returns[[0, 2]], good.returns[[0, 2]])
    assert found.moments[1].count == 0


def test_after_a_failed_episode_the_lane_goes_on_as_if_nothing_had_been():
    asked = questions(WALK, 3, 2)
    with make_backend(RolloutsConfig(backend="serial"), make_settings(WALK)) as backend:
        good = backend.evaluate(*asked)
        broken = asked[0]._replace(output=np.full_like(asked[0].output, np.inf))
        assert backend.evaluate(broken, *asked[1:]).failed.all()
        assert_same_bits(backend.evaluate(*asked), good)


def test_steps_that_are_not_finite_are_warned_of_once(caplog):
    futile = FutileGenerations("Task", None)
    good = {"return_mean": 1.0, "gradient_norm": 2.0, "update_norm": 3.0}
    flat, lost = {"gradient_norm": 0.0, "update_norm": 0.0}, {"gradient_norm": math.nan, "update_norm": 0.0}
    vast = {"gradient_norm": 1.0, "update_norm": 0.0}
    for generation, norms in enumerate((good, flat, lost, vast, lost), 1):
        futile.note({**good, **norms, "generation": generation})
    (told,) = [record.getMessage() for record in caplog.records]
    assert told.startswith("generation 3: the step is not finite, so there was no update; see strategy.learning_rate")


def test_failures_before_a_resumption_count():
    earlier = [{"evaluation_return_mean": 1.0}, *({"return_mean": mean} for mean in (None, 2.0, None, None))]
    failed = {"generation": 5, "return_mean": math.nan}
    FutileGenerations("Task", 4, earlier).note(failed)
    for limit in (2, 3):  # of 2, the run had come to its limit before
        with pytest.raises(EnvironmentFailure, match="in 3 generations in a row"):
            FutileGenerations("Task", limit, earlier).note(failed)


@pytest.mark.parametrize(("earlier", "over"), [([None, None], True), ([None, 3.0, None], False)])
def test_a_run_that_ends_with_failures_has_failed_only_if_it_never_learned_before_either(earlier, over):
    futile = FutileGenerations("Task", None, [{"return_mean": mean} for mean in earlier])
    futile.note({"generation": 4, "return_mean": float("nan")})
    with pytest.raises(EnvironmentFailure, match="never updated") if over else nullcontext():
        futile.finish()
