"""What says that a run is stuck: evaluations since the last improvement, and the share of the signal."""

import pytest

from odes_rl.runs.run_directory import RunDirectory
from odes_rl.training.stuck import Standstill, signal_share
from odes_rl.training.train import train
from tests.made_runs import create_run, timeless, train_run

STILL = {
    "task__id": "odd_environments:Plain",
    "strategy__population": 2,
    "strategy__learning_rate": 1e-30,
    "run__evaluate_every": 1,
    "run__stuck_evaluations": 2,
}
"""A run whose policy stays as it is."""
STUCK = "the run is stuck"


def evaluation(generation: int, score: float | None, deviation: float | None = 0.0, **more: float):
    return {"generation": generation, "evaluation_score": score, "evaluation_return_std": deviation, **more}


def counts(config, lines):
    standstill = Standstill(config, [])
    return [standstill.noted(line).get("evaluations_since_improvement") for line in lines]


@pytest.fixture
def config(tmp_path):
    return create_run(tmp_path / "made", run__evaluation_episodes=4, run__stuck_evaluations=3).config


def test_an_improvement_is_more_than_a_standard_error(config):
    lines = [evaluation(0, 1.0, 4.0), {"generation": 1}, evaluation(2, 3.3, 4.0), evaluation(4, 3.4, 4.0)]
    assert counts(config, lines) == [0, None, 1, 0]  # 4 / √3 = 2.31 above the last improvement, which was 1
    assert counts(config, [evaluation(0, 1.0), evaluation(1, 1.0), evaluation(2, 1.001)]) == [0, 1, 0]
    assert counts(config, [evaluation(0, None, None), evaluation(1, -5.0), evaluation(2, None, None)]) == [1, 0, 1]


def test_it_warns_once_and_tells_noise_from_a_landscape_without_a_way(config, caplog):
    for spread, noise in ((1.1, True), (9.0, False)):
        caplog.clear()
        lines = [evaluation(generation, 7.0, 1.0, return_std=spread) for generation in range(8)]
        counts(config, lines)
        told = "3 evaluations did not improve on generation 0's, 7"
        assert caplog.text.count(told) == caplog.text.count(STUCK) == 1
        assert ("differ by little more than those of one policy's episodes" in caplog.text) == noise


def test_the_share_of_the_signal_is_what_episodes_do_not_explain():
    line = {"return_std": 2.0, "evaluation_return_std": 1.0}
    assert signal_share(line, 1, 2) == 0.5  # 1 − 2 · 1/4
    assert signal_share(line, 4, 5) == 1 - 1 / 16 * 5 / 4
    assert signal_share({"return_std": 1.0, "evaluation_return_std": 2.0}, 1, 8) == 0.0
    assert signal_share({"return_std": 0.0, "evaluation_return_std": 0.0}, 1, 8) == 0.0
    assert signal_share({"return_std": None, "evaluation_return_std": 1.0}, 1, 8) is None
    assert signal_share(line | {"start": 1, "evaluation_start": 1}, 1, 2) == 0.5
    assert signal_share(line | {"start": 1, "evaluation_start": 0}, 1, 2) is None


def test_a_run_counts_from_its_metrics_however_it_is_interrupted(tmp_path, caplog):
    whole, _ = train_run(tmp_path / "whole", **STILL)
    assert [line["evaluations_since_improvement"] for line in whole.metrics()] == [0, 1, 2, 3, 4]
    assert all("evaluation_signal_share" in line for line in whole.metrics()[1:])
    assert caplog.text.count(STUCK) == 1
    train_run(tmp_path / "parts", **STILL, run__generations=3)
    caplog.clear()
    with RunDirectory.open(tmp_path / "parts", {"run.generations": 4}) as parts:
        train(parts, lambda line: None)
    assert timeless(parts) == timeless(whole)
    assert STUCK not in caplog.text


def test_a_run_may_be_told_not_to_warn(tmp_path, caplog):
    train_run(tmp_path / "run", **STILL | {"run__stuck_evaluations": None})
    assert STUCK not in caplog.text
