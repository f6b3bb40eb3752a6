"""The benchmark of seconds to a reward, at sizes that say nothing but that it judges and counts rightly."""

import importlib
import json
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from odes_rl.rollouts.environments import make_environment
from odes_rl.rollouts.seeds import evaluation_seeds

BENCHMARKS = Path(__file__).parents[1] / "scripts/benchmarks"
RECORD = {"task": "Swimmer-v5", "contestant": "odes_rl, linear", "goal": 300.0, "imports": 2.0}


@pytest.fixture(autouse=True)
def _importable(monkeypatch):
    monkeypatch.syspath_prepend(str(BENCHMARKS))


def benchmark(name: str) -> Any:
    return importlib.import_module(name)


def training(**changes: Any) -> Any:
    options = {"contestant": "odes_rl, linear", "task": "Pendulum-v1", "max_steps": 10, "seed": 0, "workers": 1}
    limits = {"goal": 0.0, "seconds": 0.0, "every": 0.0, "episodes": 2, "launched": 0.0}
    return benchmark("stopwatch").Training(**options | limits | changes)


def watch(monkeypatch, times: list[float], means: list[float], **changes: Any) -> tuple[Any, list[Any]]:
    """A started watch that reads these `times` in turn, and whose judge gives these returns; and what it tells."""
    stopwatch, told = benchmark("stopwatch"), []
    monkeypatch.setattr(stopwatch.time, "monotonic", partial(next, iter(times)))
    monkeypatch.setattr(stopwatch.Judge, "returns", lambda self, policy: [means.pop(0)])
    started = stopwatch.Watch(training(**changes), told.append)
    started.start()
    return started, told


def test_the_clock_stands_still_during_evaluations(monkeypatch):
    # Launched at 1 and started at 5; laps at 7, evaluated until 17, at 18, which is too early for another, and at 22.
    times = [5.0, 5.0, 7.0, 17.0, 18.0, 18.0, 22.0]
    clock, told = watch(monkeypatch, times, [1.0, 9.0], goal=9.0, seconds=100.0, every=2.0, launched=1.0)
    clock.lap(10, object)
    clock.lap(20, object)
    with pytest.raises(benchmark("stopwatch").EnoughError):
        clock.lap(30, object)
    assert told == [{"seconds": 2.0, "steps": 10, "mean": 1.0}, {"seconds": 7.0, "steps": 30, "mean": 9.0}]
    assert clock.finish() == ("reached", 7.0, 30, 3, 4.0, 2.0)


def test_a_training_ends_at_its_limit_with_an_evaluation(monkeypatch):
    clock, told = watch(monkeypatch, [0.0, 0.0, 3.0], [1.0], goal=9.0, seconds=3.0, every=50.0)
    with pytest.raises(benchmark("stopwatch").EnoughError):
        clock.lap(10, object)
    assert clock.finish().outcome == "limit"
    assert len(told) == 1


def test_a_training_that_is_over_has_its_last_policy_judged(monkeypatch):
    clock, told = watch(monkeypatch, [0.0, 0.0, 3.0, 3.0], [1.0], goal=9.0, seconds=50.0, every=50.0)
    clock.lap(10, object)
    assert not told
    assert clock.finish().outcome == "over"
    assert told[0]["seconds"] == 3.0


def test_a_linear_policy_is_judged_as_its_equation_acts():
    matrix, bias = np.array([[0.4, -0.3, 0.2]]), np.array([0.1])
    mean, deviation = np.array([0.2, 0.1, -0.5]), np.array([0.5, 2.0, 1.5])
    policy = benchmark("published").linear_policy(training(), matrix, bias, (mean, deviation), clip=1.0)
    returns = benchmark("stopwatch").Judge(2).returns(policy)
    environment = make_environment("Pendulum-v1", 10)
    for expected_of, seed in zip(returns, evaluation_seeds(0, 2)[0], strict=True):
        observation, _ = environment.reset(seed=int(seed))
        total, over = 0.0, False
        while not over:
            scaled = np.clip((observation - mean) / deviation, -1.0, 1.0)
            action = np.clip(matrix @ scaled + bias, -2.0, 2.0).astype(np.float32)
            observation, reward, terminated, truncated, _ = environment.step(action)
            total, over = total + float(reward), terminated or truncated
        assert expected_of == pytest.approx(total, rel=1e-5)


def test_our_run_is_judged_generation_by_generation():
    told = []
    outcome = benchmark("timed_training").run(training(goal=-1e9, seconds=60.0), told.append)
    assert outcome.outcome == "reached"
    assert outcome.steps == 32 * 10  # the default population
    assert [line["steps"] for line in told] == [32 * 10]
    assert told[0]["mean"] < 0


def test_another_contestant_is_first_in_each_turn():
    rotated = benchmark("time_to_reward").rotated
    assert [rotated("abc", turn) for turn in range(4)] == [list("abc"), list("bca"), list("cab"), list("abc")]


def test_the_table_has_medians_and_what_was_not_reached():
    records = [
        RECORD | {"seed": 2, "outcome": "reached", "seconds": 40.0, "steps": 900, "iterations": 4, "first": 25.0},
        RECORD | {"seed": 0, "outcome": "reached", "seconds": 20.0, "steps": 400, "iterations": 4, "first": 8.0},
        RECORD
        | {
            "evaluations": [{"mean": 31.0}],
            "seed": 1,
            "outcome": "limit",
            "seconds": 60.0,
            "steps": 1200,
            "iterations": 4,
            "first": 9.0,
        },
    ]
    late = RECORD | {"contestant": "EvoTorch's PGPE", "seed": 0, "outcome": "failed"}
    table = benchmark("reward_table").reward_table([*records, late])
    ours, theirs = table.splitlines()[2:]
    assert ours.startswith("| Swimmer-v5 to 300 | odes_rl, linear | 40 | 20, > 60: 31 at best, 40 | 900 | 2.0 | 4.0 |")
    assert theirs == "| Swimmer-v5 to 300 | EvoTorch's PGPE | failed | failed | – | – | – | – |"
    assert "not reached within 60 s" in benchmark("reward_table").reward_table(records[2:])


def test_peers_are_left_out_where_they_have_no_settings(monkeypatch):
    script, notes = benchmark("time_to_reward"), []
    monkeypatch.setattr(script, "missing", lambda modules: [])
    assert script._able(list(script.CONTESTANTS), "Hopper-v5", notes) == ["odes_rl, linear", "odes_rl, ode_to_ode"]
    assert notes[0] == "sb3-contrib's ARS left out: no published settings for Hopper-v5"
    assert script._able(list(script.CONTESTANTS), "Swimmer-v5", notes) == list(script.CONTESTANTS)


@pytest.mark.parametrize("arguments", [["--tasks", "Hopper-v5"], ["--thresholds", "300"]])
def test_each_task_needs_a_threshold(arguments, capsys):
    with pytest.raises(SystemExit):
        benchmark("time_to_reward").parse(arguments)
    assert "one for each task" in capsys.readouterr().err


def measured(output: Path, *arguments: str) -> tuple[list[dict[str, Any]], str]:
    sizes = ["--max-steps", "25", "--seeds", "0", "--seconds", "1", "--every", "0.1", "--episodes", "2"]
    command = [sys.executable, BENCHMARKS / "time_to_reward.py", *sizes, *arguments, "--output", output]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(output.read_text())["results"]["trainings"], done.stdout


@pytest.mark.slow
def test_ours_train_in_processes_of_their_own(tmp_path):
    ours = ["--contestants", "odes_rl, linear", "odes_rl, ode_to_ode", "--tasks", "Swimmer-v5"]
    records, printed = measured(tmp_path / "times.json", *ours, "--thresholds", "1e9")
    assert [record["outcome"] for record in records] == ["limit", "limit"]
    assert all(record["evaluations"] and record["imports"] > 0 for record in records)
    assert printed.count("| Swimmer-v5 to 1e+09 |") == 2


@pytest.mark.slow
def test_the_peers_train_beside_ours(tmp_path):
    for module in ("sb3_contrib", "evotorch", "ray"):
        pytest.importorskip(module)
    records, printed = measured(tmp_path / "times.json", "--thresholds", "1e9", "1e9")
    assert {record["outcome"] for record in records} == {"limit"}
    assert len(records) == 2 * 4
    assert printed.count("| HalfCheetah-v5 to 1e+09 |") == 4


@pytest.mark.slow
def test_what_ars_has_learnt_acts_as_it_does():
    pytest.importorskip("sb3_contrib")
    script = """
from functools import partial
import numpy as np
from peers import flat_environment
from published import policy_of_ars
from sb3_contrib import ARS
from stable_baselines3.common.vec_env import DummyVecEnv, VecNormalize
environment = VecNormalize(DummyVecEnv([partial(flat_environment, "Swimmer-v5", 30)]), norm_reward=False)
search = ARS("LinearPolicy", environment, seed=0).learn(200)
actions = [search.predict(environment.normalize_obs(row))[0] for row in observations]
policy = policy_of_ars(search, training)
"""
    _check_actions(script)


@pytest.mark.slow
def test_what_pgpe_has_learnt_acts_as_it_does():
    pytest.importorskip("evotorch")
    script = """
import torch
from evotorch.algorithms import PGPE
from evotorch.neuroevolution import GymNE
from peers import flat_environment
from published import CLIP_UP, policy_of_pgpe
options = {"env_config": {"task": "Swimmer-v5", "max_steps": 30}, "observation_normalization": True}
problem = GymNE(flat_environment, "Linear(obs_length, act_length)", **options)
searcher = PGPE(problem, **{**CLIP_UP, "num_interactions": None, "popsize_max": None})
searcher.run(2)
module = problem.to_policy(searcher.status["center"])
actions = [module(torch.as_tensor(row)).detach().numpy() for row in observations]
policy = policy_of_pgpe(searcher, training)
"""
    _check_actions(script)


def _check_actions(script: str) -> None:
    """Run a script that makes a peer's `actions` [20, 2], and its `policy` as exported, whose actions must be these.

    It has a process of its own, which keeps torch out of that of the other tests.
    """
    before = """
import numpy as np
from stopwatch import Training
training = Training("", "Swimmer-v5", 30, 0, 1, 0.0, 0.0, 0.0, 1, 0.0)
observations = np.random.default_rng(0).normal(size=(20, 8)).astype(np.float32) * 3
"""
    after = """
from odes_rl.act import find_rule
from odes_rl.act.bounds import normalised, squashed
rule = find_rule(policy.settings.act_rule)
weights = rule.weights(*(leaf[0] for leaf in policy.weights))
centre, deviation = policy.moments.centre(), policy.moments.standard_deviation()
inputs = normalised(observations.astype(np.float64), centre, deviation, policy.settings.clip)
bound = np.ones(2, np.float32)
exported = np.array([squashed("clip", rule.array(weights, row), -bound, bound) for row in inputs])
assert np.abs(exported).max() > 0
np.testing.assert_allclose(exported, np.array(actions), atol=1e-4)
"""
    command = [sys.executable, "-c", before + script + after]
    done = subprocess.run(command, cwd=BENCHMARKS, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stderr
