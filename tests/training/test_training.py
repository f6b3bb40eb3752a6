"""The training loop: the same bits however it is run, interrupted or killed."""

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import jax
import numpy as np
import psutil
import pytest
import yaml

import odes_rl
from odes_rl.errors import StorageError
from odes_rl.rollouts.protocol import EnvironmentFailure
from odes_rl.runs.run_directory import RunDirectory
from odes_rl.training.evaluate import warmed_up
from odes_rl.training.experiment import initial_state, make_experiment, open_backend
from odes_rl.training.train import train
from tests.made_runs import DEFAULT, TINY, bits, create_run, timeless, train_run

TASKS = ("Hopper-v5", "dm_control/cheetah-run-v0")


@pytest.fixture(scope="module", params=TASKS)
def serial(request, tmp_path_factory):
    run, state = train_run(tmp_path_factory.mktemp("serial") / "run", task__id=request.param, **DEFAULT)
    return request.param, timeless(run), bits(state)


@pytest.mark.parametrize("workers", [1, 2, 3])
def test_any_number_of_workers_gives_the_same_bits(serial, workers, tmp_path):
    task, metrics, parameters = serial
    run, state = train_run(
        tmp_path / "run",
        task__id=task,
        rollouts__backend="processes",
        rollouts__workers=workers,
        rollouts__lanes=2,
        **DEFAULT,
    )
    assert timeless(run) == metrics
    assert bits(state) == parameters


def test_resumed_equals_uninterrupted_also_when_longer(serial, tmp_path):
    task, _, _ = serial
    memory = {
        "task__id": task,
        "policy__linear_path": True,
        "policy__action_bias": True,
        "policy__learn_output_scale": True,
        "strategy__optimizer": "adam",
        "strategy__learning_rate_schedule": "inverse_sqrt",
        "strategy__sigma_schedule": "cosine",
        "strategy__schedule_horizon": 5,
    }
    whole, whole_state = train_run(tmp_path / "whole", **memory, run__generations=7)
    train_run(tmp_path / "parts", **memory, run__generations=3)
    for generations in (5, 7):
        with RunDirectory.open(tmp_path / "parts", {"run.generations": generations}) as parts:
            state = train(parts, lambda metrics: None)
    assert timeless(parts) == timeless(whole)
    assert bits(state) == bits(whole_state)
    best, best_state = parts.checkpoints.restore(whole_state, "best")
    whole_best, whole_best_state = whole.checkpoints.restore(whole_state, "best")
    assert best == whole_best
    assert bits(best_state) == bits(whole_best_state)


def test_a_budget_of_environment_steps_ends_a_run_and_resumes_to_the_same_bits(tmp_path):
    budget = {"run__generations": None, "run__evaluate_every": 3}
    whole, whole_state = train_run(tmp_path / "whole", **budget, run__env_steps=1000)
    steps = [line["env_steps"] for line in whole.metrics()]
    assert steps[-2] < 1000 <= steps[-1]
    assert whole.checkpoints.latest_generation() == len(steps) - 1 > 4
    train_run(tmp_path / "parts", **budget, run__env_steps=400)
    with RunDirectory.open(tmp_path / "parts", {"run.env_steps": 1000}) as parts:
        assert len(parts.metrics()) < len(steps)
        state = train(parts, lambda metrics: None)
    assert timeless(parts) == timeless(whole)
    assert bits(state) == bits(whole_state)


def test_a_run_ends_where_the_first_of_its_two_limits_is_reached(tmp_path):
    run, _ = train_run(tmp_path / "run", run__env_steps=10**9)
    assert run.metrics()[-1]["generation"] == 4


RISING = {"task__id": "faulty_environments:Walk-v0", "strategy__learning_rate": 0.03, "run__evaluate_every": 3}
"""A task so easy that each generation's policy is better than the one before."""


def evaluated(run: RunDirectory) -> list[int]:
    return [line["generation"] for line in run.metrics() if "evaluation_return_mean" in line]


def test_the_last_policy_is_evaluated_and_may_be_the_best_until_the_run_goes_on(tmp_path):
    whole, whole_state = train_run(tmp_path / "whole", **RISING)
    parts, _ = train_run(tmp_path / "parts", **RISING, run__generations=2)
    assert evaluated(whole) == [0, 3, 4]
    assert evaluated(parts) == [0, 2]
    assert parts.checkpoints.restore(whole_state, "best")[0] == 2
    with RunDirectory.open(tmp_path / "parts", {"run.generations": 4}) as parts:
        train(parts, lambda metrics: None)
    assert timeless(parts) == timeless(whole)
    best, best_state = parts.checkpoints.restore(whole_state, "best")
    whole_best, whole_best_state = whole.checkpoints.restore(whole_state, "best")
    assert best == whole_best != 2
    assert bits(best_state) == bits(whole_best_state)


def test_a_run_told_to_end_where_it_was_interrupted_is_evaluated_there(tmp_path, monkeypatch):
    def interrupt(line: dict) -> None:
        if line["generation"] == 2:  # whose state is not kept: that of generation 1 is
            raise KeyboardInterrupt

    whole, _ = train_run(tmp_path / "whole", **RISING, run__generations=1)
    with create_run(tmp_path / "parts", **RISING, run__checkpoint_every=1) as run, pytest.raises(KeyboardInterrupt):
        train(run, interrupt)
    assert evaluated(run) == [0]
    lines = []

    def fill(line: dict) -> None:
        raise StorageError("the disk is full")

    with RunDirectory.open(tmp_path / "parts", {"run.generations": 1}) as run:
        monkeypatch.setattr(run, "amend_metrics", fill)
        with pytest.raises(StorageError):
            train(run, lines.append)
    assert evaluated(run) == [0]
    with RunDirectory.open(tmp_path / "parts", {"run.generations": 1}) as run:
        state = train(run, lines.append)
    assert timeless(run) == timeless(whole)
    assert [line["generation"] for line in lines] == [1]
    assert run.checkpoints.restore(state, "best")[0] == 1


def test_no_speed_is_told_of_a_generation_that_compiles(tmp_path):
    train_run(tmp_path / "run", run__generations=2)
    with RunDirectory.open(tmp_path / "run", {"run.generations": 4}) as run:
        train(run, lambda metrics: None)
    speeds = [line["env_steps_per_second"] for line in run.metrics()[1:]]
    assert [speed is None for speed in speeds] == [True, False, True, False]


def test_every_generation_has_its_line(tmp_path):
    run, state = train_run(tmp_path / "run")
    lines = run.metrics()
    assert [line["generation"] for line in lines] == [0, 1, 2, 3, 4]
    assert evaluated(run) == [0, 2, 4]
    expected = (
        "env_steps wall_seconds env_steps_per_second population return_mean return_std return_min return_max "
        "gradient_norm update_norm manifold_violation saturated_fraction sigma learning_rate failed_candidates "
        "worker_restarts"
    )
    for line in lines[1:]:
        assert set(expected.split()) <= set(line)
    assert lines[-1]["env_steps"] == state.env_steps == int(state.moments.count)
    assert lines[-1]["manifold_violation"] < 1e-5


def test_statistics_are_of_all_observations_seen(tmp_path):
    _, state = train_run(tmp_path / "run", run__generations=1, task__normalise_observations=False)
    _, again = train_run(tmp_path / "again", run__generations=1)
    for ours, theirs in zip(state.moments, again.moments, strict=True):
        np.testing.assert_array_equal(ours, theirs)  # nothing is normalised in the first generation


def test_statistics_weigh_generations_by_their_learning_rates_or_all_alike(tmp_path):
    run, state = train_run(tmp_path / "run", strategy__learning_rate_schedule="inverse_sqrt")
    lines = run.metrics()
    rates = np.array([line["learning_rate"] for line in lines[1:]])
    assert rates[-1] < 0.6 * rates[0]
    steps = np.diff([line["env_steps"] for line in lines])
    np.testing.assert_allclose(state.moments.count, steps @ rates / rates[0], rtol=1e-6)
    falling = {"strategy__learning_rate_schedule": "inverse_sqrt", "task__observation_weights": "equal"}
    _, state = train_run(tmp_path / "equal", **falling)
    assert state.moments.count == state.env_steps


def test_a_warm_up_counts_its_steps_and_gives_the_same_bits_however_the_run_is_made(tmp_path):
    warm = {"task__warmup_episodes": 3, "task__clip_observations": 2.0}
    whole, state = train_run(tmp_path / "whole", **warm)
    first = whole.metrics()[0]
    assert first["generation"] == 0
    assert 0 < first["env_steps"] <= 3 * TINY["task.max_steps"]
    assert whole.metrics()[-1]["env_steps"] == state.env_steps == int(state.moments.count)
    split, other = train_run(tmp_path / "split", **warm, rollouts__backend="processes", rollouts__workers=2)
    assert (timeless(split), bits(other)) == (timeless(whole), bits(state))
    train_run(tmp_path / "parts", **warm, run__generations=2)
    with RunDirectory.open(tmp_path / "parts", {"run.generations": 4}) as parts:
        assert bits(train(parts, lambda metrics: None)) == bits(state)
    assert timeless(parts) == timeless(whole)


def test_the_warm_up_normalises_its_later_episodes_by_its_earlier_ones(tmp_path):
    config = create_run(tmp_path / "run", task__warmup_episodes=3).config
    experiment = make_experiment(config)
    asked = []
    with open_backend(config, experiment.policy) as backend:

        class Noting:
            def evaluate(self, weights, statistics, seeds, steps=None):
                asked.append((int(statistics.count), seeds.shape))
                return backend.evaluate(weights, statistics, seeds, steps)

        state = warmed_up(config, experiment, Noting(), initial_state(experiment, 0))  # pyright: ignore
    assert [shape for _, shape in asked] == [(1, 1), (1, 1), (1, 1)]
    counts = [count for count, _ in asked]
    assert counts[0] == 0 < counts[1] < counts[2] < int(state.moments.count) == state.env_steps


@pytest.mark.parametrize("task", ["Offset", "Huge"])
def test_rewards_beyond_single_precision_teach_what_they_teach_without_it(tmp_path, task):
    _, plain = train_run(tmp_path / "plain", run__generations=2, task__id="faulty_environments:Walk-v0")
    run, state = train_run(tmp_path / "run", run__generations=2, task__id=f"faulty_environments:{task}-v0")
    assert run.metrics()[-1]["update_norm"] > 0
    for mine, theirs in zip(*map(jax.tree.leaves, (state.strategy.params, plain.strategy.params)), strict=True):
        np.testing.assert_allclose(mine, theirs, atol=1e-6)


def test_alive_bonus_is_shifted_in_training_only(tmp_path):
    changes = {"run__generations": 1, "task__max_steps": 200, "strategy__sigma": 1.0}  # all fall, at different steps
    plain, plain_state = train_run(tmp_path / "plain", **changes)
    shifted, shifted_state = train_run(tmp_path / "shifted", **changes, task__alive_bonus_shift=1.0)
    assert plain.metrics()[1]["return_mean"] == shifted.metrics()[1]["return_mean"]
    assert bits(plain_state) != bits(shifted_state)


def test_a_raising_environment_stops_the_run_after_a_checkpoint(tmp_path):
    with create_run(tmp_path / "run", task__id="faulty_environments:SometimesRaises-v0") as run:
        with pytest.raises(EnvironmentFailure, match=r"SometimesRaises-v0 raised in an episode with seed \d+"):
            train(run, lambda metrics: None)
        generation = run.checkpoints.latest_generation()
    assert generation is not None
    assert generation < TINY["run.generations"]


def test_failing_candidates_do_not_stop_a_run(tmp_path):
    run, state = train_run(tmp_path / "run", task__id="faulty_environments:SometimesNan-v0")
    assert sum(line["failed_candidates"] for line in run.metrics()[1:]) > 0
    assert all(np.isfinite(np.frombuffer(b, np.float32)).all() for b in bits(state)[:1])


def write_config(path: Path, **changes: object) -> Path:
    options = TINY | {"rollouts.backend": "processes", "rollouts.workers": 2}
    changes = STORMY | changes
    options |= {name.replace("__", "."): value for name, value in changes.items()}
    sections: dict[str, dict[str, object]] = {}
    for name, value in options.items():
        section, option = name.split(".")
        sections.setdefault(section, {})[option] = value
    path.write_text(yaml.safe_dump(sections))
    return path


HEEDFUL = """
import signal

signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job inherits that it is ignored
from odes_rl.__main__ import main

main()
"""


def start(*arguments: object) -> subprocess.Popen:
    command = [sys.executable, "-c", HEEDFUL, *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def wait_for_generation(run: Path, generation: int, process: subprocess.Popen) -> None:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and process.poll() is None:
        metrics = run / "metrics.jsonl"
        if metrics.exists() and len(metrics.read_text().splitlines()) > generation:
            return
        time.sleep(0.02)
    raise AssertionError(f"no generation {generation}: {process.stdout.read() if process.stdout else ''}")


STORMY = {**DEFAULT, "strategy__schedule_horizon": 60, "task__max_steps": 100}
"""With a horizon, since one run is interrupted long before its end."""


@pytest.fixture(scope="module")
def calm(tmp_path_factory):
    """An uninterrupted run of the same config as the stormy ones, and how long it is."""
    generations = 60  # a few seconds, so that a signal finds it training
    run, state = train_run(tmp_path_factory.mktemp("calm") / "run", **STORMY, run__generations=generations)
    return generations, timeless(run), bits(state)


def test_killed_workers_leave_no_trace_in_the_numbers(calm, tmp_path):
    generations, metrics, parameters = calm
    killed = []

    def kill_one(line: dict) -> None:
        workers = psutil.Process().children()
        victim = workers[line["generation"] % len(workers)].pid
        killed.append(victim)
        os.kill(victim, signal.SIGKILL)

    def kill_in_mid_generation(line: dict) -> None:
        if line["generation"] in (3, 10, 20):
            threading.Timer(0.03, kill_one, [line]).start()

    with create_run(
        tmp_path / "run",
        **STORMY,
        run__generations=generations,
        rollouts__backend="processes",
        rollouts__workers=2,
    ) as run:
        state = train(run, kill_in_mid_generation)
    assert len(killed) == 3
    assert sum(line["worker_restarts"] for line in run.metrics()[1:]) == 3
    assert timeless(run) == metrics
    assert bits(state) == parameters


def test_killed_trainer_leaves_no_worker_and_resumes_to_the_same_bits(calm, tmp_path):
    generations, metrics, parameters = calm
    config = write_config(tmp_path / "config.yaml", run__generations=generations)
    run = tmp_path / "run"
    trainer = start("train", config, "--run.directory", run)
    wait_for_generation(run, 5, trainer)
    workers = psutil.Process(trainer.pid).children()
    assert len(workers) == 2
    trainer.kill()
    trainer.wait()
    _, alive = psutil.wait_procs(workers, timeout=5)
    assert not alive
    with RunDirectory.open(run) as opened:
        assert 0 < (opened.checkpoints.latest_generation() or 0) < generations
        state = train(opened, lambda line: None)
    assert timeless(opened) == metrics
    assert bits(state) == parameters


@pytest.mark.parametrize("number", [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.slow)])
def test_an_interrupt_writes_a_checkpoint_and_says_how_to_resume(calm, tmp_path, number):
    generations, metrics, _ = calm
    config = write_config(tmp_path / "config.yaml", run__generations=10**6, run__checkpoint_every=10**6)
    run = tmp_path / "run"
    trainer = start("train", config, "--run.directory", run)
    wait_for_generation(run, 3, trainer)
    trainer.send_signal(number)
    output, _ = trainer.communicate(timeout=60)
    assert trainer.returncode == 128 + number, output
    assert f"odes-rl resume {run}" in output
    with RunDirectory.open(run) as opened:
        done = opened.checkpoints.latest_generation() or 0
    resumed = start("resume", run, "--run.generations", str(max(generations, done + 1)))
    output, _ = resumed.communicate(timeout=120)
    assert resumed.returncode == 0, output
    with RunDirectory.open(run) as opened:
        assert timeless(opened)[: len(metrics)] == metrics


def test_a_killed_run_that_gets_another_length_forgets_the_best_of_the_course_it_left(tmp_path):
    """Its copy of generation 13 is what a kill there leaves; the last checkpoint is that of generation 10."""
    killed = tmp_path / "killed"

    def copy(metrics: dict[str, Any]) -> None:
        if metrics["generation"] == 13:
            shutil.copytree(tmp_path / "run", killed)

    run = {"generations": 20, "evaluate_every": 1, "evaluation_episodes": 2, "checkpoint_every": 10, "seed": 2}
    strategy = {"population": 4, "interactions": None}
    given: dict[str, Any] = {"policy": "linear", "max_steps": 40, "rollouts": "serial", "report": copy}
    odes_rl.train("Pendulum-v1", strategy=strategy, run=run, directory=tmp_path / "run", **given)
    assert best_generation(killed) == 13
    for length in (10, 11, 24):
        with RunDirectory.open(killed, {"run.generations": length}) as run:
            train(run, lambda metrics: None)
            scores = {line["generation"]: line["evaluation_score"] for line in run.metrics()}
        assert best_generation(killed) == max(scores, key=lambda generation: scores[generation])


def best_generation(run: Path) -> int:
    return int(max(path.name for path in (run / "checkpoints/best").iterdir()).partition(".")[0])
