"""Training episodes that begin short and grow."""

import numpy as np
import pytest

from odes_rl.cli.program import main
from odes_rl.es.config import StrategyConfig
from odes_rl.runs.run_directory import RunDirectory
from odes_rl.training.evaluate import evaluate_restored
from odes_rl.training.restoring import restore_run
from odes_rl.training.train import train
from tests.made_runs import bits, create_run, timeless, train_run

GROWING = {"task__id": "HalfCheetah-v5", "task__max_steps": 30, "strategy__horizon": "growing"}


@pytest.fixture(scope="module")
def grown(tmp_path_factory):
    return train_run(tmp_path_factory.mktemp("grown") / "run", **GROWING)


@pytest.mark.parametrize(
    ("options", "limit", "expected"),
    [
        ({}, 1000, [1000] * 5),
        ({}, None, [None] * 5),
        ({"horizon": "growing"}, 1000, [250, 500, 1000, 1000, 1000]),
        ({"horizon": "growing", "horizon_start": 1 / 16}, 1000, [63, 250, 1000, 1000, 1000]),
        ({"horizon": "growing", "horizon_start": 1}, 1000, [1000] * 5),
        ({"horizon": "growing"}, 3, [1, 2, 3, 3, 3]),
        ({"horizon": "growing"}, None, [None] * 5),
        ({"horizon": 200}, 1000, [200] * 5),
        ({"horizon": 200}, 50, [50] * 5),
        ({"horizon": 200}, None, [200] * 5),
    ],
)
def test_the_horizon_grows_by_the_same_factor_in_the_first_half_of_a_run(options, limit, expected):
    strategy = StrategyConfig(**options)
    assert [strategy.horizon_at(part, limit) for part in (0.0, 0.25, 0.5, 0.75, 1.0)] == expected


def test_episodes_have_the_horizon_of_their_generation_and_evaluations_are_whole(grown):
    run, _ = grown
    lines = run.metrics()
    assert [line["horizon"] for line in lines[1:]] == [8, 15, 30, 30]
    assert np.diff([line["env_steps"] for line in lines]).tolist() == [6 * steps for steps in (8, 15, 30, 30)]
    assert evaluate_restored(restore_run(run), 2).lengths.tolist() == [[30, 30]]
    assert ["evaluation_signal_share" in line for line in lines if "evaluation_score" in line] == [False, True, True]


def test_a_run_that_is_interrupted_while_episodes_grow_ends_with_the_same_bits(grown, tmp_path):
    whole, state = grown

    def stop(line):
        if line["generation"] == 1:
            raise KeyboardInterrupt

    with create_run(tmp_path / "parts", **GROWING) as run, pytest.raises(KeyboardInterrupt):
        train(run, stop)
    with RunDirectory.open(tmp_path / "parts", {"rollouts.backend": "processes", "rollouts.workers": 2}) as parts:
        assert bits(train(parts, lambda line: None)) == bits(state)
    assert timeless(parts) == timeless(whole)


def test_rounds_follow_until_there_are_as_many_steps_as_short_episodes_have(tmp_path):
    few = {"task__id": "Hopper-v5", "task__max_steps": 120, "run__generations": 1, "strategy__interactions": "full"}
    run, _ = train_run(tmp_path / "run", **few, strategy__horizon="growing")
    first, line = run.metrics()
    assert line["horizon"] == 30
    assert line["env_steps"] - first["env_steps"] >= 6 * 30
    assert line["population"] in (6, 12)


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ("0", "0, but must be greater than or equal to 1 or 'growing'"),
        ("-3", "-3, but must be greater than or equal to 1 or 'growing'"),
        ("short", "'short', but must be a whole number or 'growing'"),
    ],
)
def test_a_horizon_that_is_none_is_refused(value, told, capsys):
    assert main(["train", "--task.id", "Hopper-v5", "--strategy.horizon", value, "--run.directory", "r"]) == 2
    assert capsys.readouterr().err == f"odes-rl: strategy.horizon is {told}\n"
