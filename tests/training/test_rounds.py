"""Generations that grow until they have enough environment steps."""

from typing import Any

import numpy as np
import pytest

from odes_rl.cli.program import main
from odes_rl.es.config import StrategyConfig
from odes_rl.rollouts.protocol import Moments, Rollouts
from odes_rl.runs.run_directory import RunDirectory
from odes_rl.training.experiment import initial_state, make_experiment, open_backend
from odes_rl.training.rounds import roll_out
from odes_rl.training.train import train
from tests.made_runs import bits, create_run, timeless, train_run

GROWING: dict[str, Any] = {
    "task__alive_bonus_shift": 1.0,
    "strategy__interactions": 110,
    "strategy__max_rounds": 3,
    "strategy__shaping": "top_k",
    "strategy__top_k": 2,
    "strategy__sigma_per_leaf": "learned",
}
"""A round of six episodes on Hopper, which falls early, has about a hundred environment steps."""


@pytest.fixture(scope="module")
def serial(tmp_path_factory):
    return train_run(tmp_path_factory.mktemp("serial") / "run", **GROWING)


def test_the_metrics_tell_how_many_candidates_a_generation_had(serial):
    run, state = serial
    lines = run.metrics()
    populations = [line["population"] for line in lines[1:]]
    assert len(set(populations)) > 1
    assert set(populations) <= {6, 12, 18}
    steps = np.diff([line["env_steps"] for line in lines])
    assert all(taken >= 110 for taken, population in zip(steps, populations, strict=True) if population < 18)
    assert lines[-1]["env_steps"] == state.env_steps
    speeds = [line["env_steps_per_second"] for line in lines[1:]]
    new = [population not in populations[:place] for place, population in enumerate(populations)]
    assert [speed is None for speed in speeds] == new  # what compiles


@pytest.mark.parametrize(
    "workers", [pytest.param(1, marks=pytest.mark.slow), 2, pytest.param(3, marks=pytest.mark.slow)]
)
def test_a_run_that_grows_resumes_to_the_same_bits_with_any_number_of_workers(serial, workers, tmp_path):
    whole, state = serial
    train_run(tmp_path / "parts", **GROWING, run__generations=2)
    changes = {"run.generations": 4, "rollouts.backend": "processes", "rollouts.workers": workers}
    with RunDirectory.open(tmp_path / "parts", changes) as parts:
        assert bits(train(parts, lambda metrics: None)) == bits(state)
    assert timeless(parts) == timeless(whole)


def test_of_one_round_a_generation_has_the_bits_of_one_without_interactions(tmp_path):
    few = {"run__generations": 2}
    one, state = train_run(tmp_path / "one", **few, strategy__interactions=7)
    plain, plain_state = train_run(tmp_path / "plain", **few)
    assert timeless(one) == timeless(plain)
    assert bits(state) == bits(plain_state)
    assert [line["population"] for line in one.metrics()[1:]] == [6, 6]


def test_rounds_follow_until_the_steps_are_met_or_there_are_enough(tmp_path):
    with create_run(tmp_path / "run", **GROWING) as run:
        config = run.config
    experiment = make_experiment(config)
    state = initial_state(experiment, seed=0)

    def rolled(**options):
        strategy = config.strategy.model_copy(update=options)
        changed = config.model_copy(update={"strategy": strategy})
        with open_backend(changed, experiment.policy) as backend:
            return roll_out(changed, experiment, backend, state)

    most = rolled(interactions=10**6)
    assert most.returns.shape == (18, 1)
    assert len(most.moments) == 18
    assert len(np.unique(most.returns)) == 18
    steps = most.lengths.reshape(3, 6).sum(axis=1).cumsum()
    for wanted, rounds in ((steps[0], 1), (steps[0] + 1, 2), (steps[1], 2), (steps[1] + 1, 3), (None, 1)):
        some = rolled(interactions=None if wanted is None else int(wanted))
        np.testing.assert_array_equal(some.returns, most.returns[: 6 * rounds])
        np.testing.assert_array_equal(some.lengths, most.lengths[: 6 * rounds])


def test_what_rounds_tell_is_joined_in_their_order():
    def told(value: float, restarts: int) -> Rollouts:
        values, moments = np.full((2, 3), value), Moments(np.asarray(6.0), np.full(4, value), np.ones(4))
        return Rollouts(values, values.astype(int), [moments] * 2, values, values > 1, restarts)

    joined = Rollouts.joined([told(1.0, 2), told(2.0, 3)])
    for name in ("returns", "lengths", "saturated"):
        np.testing.assert_array_equal(getattr(joined, name), np.repeat([[1], [1], [2], [2]], 3, axis=1))
    assert [float(moments.mean[0]) for moments in joined.moments] == [1, 1, 2, 2]
    assert joined.failed.sum(axis=1).tolist() == [0, 0, 3, 3]
    assert joined.restarts == 5


def test_the_rounds_of_a_generation_follow_from_the_length_of_its_episodes():
    config = StrategyConfig(population=10, episodes=2, interactions=1000, max_rounds=4)
    assert [config.rounds(steps, None) for steps in (1, 13, 16, 17, 25, 50, 1000)] == [4, 4, 4, 3, 2, 1, 1]
    full = StrategyConfig(population=10)
    assert [full.rounds(steps, 200) for steps in (1, 50, 51, 100, 199, 200)] == [16, 4, 4, 2, 2, 1]
    assert full.rounds(5, None) == 1
    assert StrategyConfig(population=10, interactions=None).rounds(5, 200) == 1


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("interactions", "8", "interactions is 8, but the 8 episodes of a round always have as many environment steps"),
        ("interactions", "0", "strategy.interactions"),
        ("max-rounds", "0", "strategy.max_rounds"),
    ],
)
def test_a_wrong_number_is_one_line(option, value, message, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    tiny = ("--task.id", "Hopper-v5", "--strategy.population", "4", "--strategy.episodes", "2")
    assert main(["train", *tiny, f"--strategy.{option}", value]) == 2
    told = capsys.readouterr().err
    assert message in told
    assert told.count("\n") == 1
    assert not list(tmp_path.iterdir())
