"""A run with several starts: which goes on, what it costs, and that it resumes to the same bits."""

import shutil
from collections.abc import Callable
from functools import cache
from itertools import pairwise
from pathlib import Path

import jax
import numpy as np
import pytest

from odes_rl.cli.program import main
from odes_rl.cli.progress import training_summary
from odes_rl.config.layering import layer_values
from odes_rl.config.schema import ExperimentConfig, RunConfig
from odes_rl.reports.outcome import outcome_lines
from odes_rl.reports.seeds import read_run
from odes_rl.rollouts.protocol import Moments, Rollouts
from odes_rl.rollouts.seeds import evaluation_seeds
from odes_rl.runs.metrics import Metrics
from odes_rl.runs.run_directory import RunDirectory
from odes_rl.training import train as training
from odes_rl.training.evaluate import evaluate_state
from odes_rl.training.experiment import Experiment, initial_state, make_experiment, open_backend
from odes_rl.training.restarts import selected, starts_of, warn_of_costs
from odes_rl.training.restoring import restore_run
from odes_rl.training.train import train
from tests.made_runs import TINY, bits, create_run, timeless, train_run

STARTS = 3
THREE = {"run__restarts": STARTS, "run__restart_generations": 2, "run__generations": 5}
"""Selections at generations 2, of two of three, and 4, of one of two."""
LEARNING = {
    "strategy__population": 4,
    "strategy__learning_rate": 0.1,
    "strategy__optimizer": "adam",
    "strategy__sigma_schedule": "cosine",
    "strategy__schedule_horizon": 5,
    "strategy__sigma_per_leaf": "sensitivity",
    "strategy__sensitivity_every": 2,
    "task__warmup_episodes": 2,
    "run__evaluate_every": 3,
}


@pytest.fixture(scope="module", autouse=True)
def _compiled_once():
    """All runs here have the same experiment."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(training, "make_experiment", _experiment)
        yield


@cache
def _made(task: str) -> Experiment:
    options = TINY | {name.replace("__", "."): value for name, value in LEARNING.items()}
    return make_experiment(layer_values({}, options | {"task.id": task}, default_directory="x"))


def _experiment(config: ExperimentConfig) -> Experiment:
    return _made(config.task.id)


def copying(directory: Path) -> Callable[[Metrics], None]:
    """Copies the run at `directory`/run after each generation, as a kill there would leave it."""
    return lambda line: shutil.copytree(directory / "run", directory / f"killed_{line['generation']}") and None


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    directory = tmp_path_factory.mktemp("whole")
    with create_run(directory / "run", **THREE, **LEARNING) as run:
        return run, train(run, copying(directory))


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    """Each of the starts, trained as a run of its own, and evaluated after each generation."""
    return [_alone(tmp_path_factory.mktemp("alone") / "run", number) for number in range(STARTS)]


def _alone(directory, number):
    def only(experiment, seed, starts):
        return starts_of(initial_state(experiment, seed, STARTS))[number]._replace(start=None)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(training, "initial_state", only)
        return train_run(directory, **LEARNING | {"run__evaluate_every": 1, "run__generations": 5})


def scores(line):
    return {int(name[-1]): value for name, value in line.items() if name.startswith("evaluation_score_")}


def test_the_first_start_is_that_of_a_run_with_one(tmp_path):
    experiment = _experiment(create_run(tmp_path / "run", **LEARNING).config)
    several, one = starts_of(initial_state(experiment, 0, 4)), initial_state(experiment, 0)
    assert bits(several[0]._replace(start=None)) == bits(one)
    keys = {jax.random.key_data(state.strategy.key).tobytes() for state in several}
    params = {b"".join(np.asarray(p).tobytes() for p in jax.tree.leaves(s.strategy.params)) for s in several}
    assert len(keys) == len(params) == 4


def test_the_best_goes_on_as_if_it_had_been_alone(whole, alone):
    run, state = whole
    lines = {line["generation"]: line for line in run.metrics()}
    own = [{line["generation"]: line for line in single.metrics()} for single, _ in alone]
    assert set(scores(lines[0])) == set(scores(lines[2])) == {0, 1, 2}
    for generation, line in lines.items():
        for number, score in scores(line).items():
            assert score == own[number][generation]["evaluation_score"]
    best_two = set(sorted(scores(lines[2]), key=lambda number: -scores(lines[2])[number])[:2])
    assert set(scores(lines[3])) == set(scores(lines[4])) == best_two
    winner = max(scores(lines[4]), key=lambda number: scores(lines[4])[number])
    assert lines[4]["evaluation_start"] == winner
    assert not scores(lines[5])
    single = alone[winner][1]
    assert bits(state._replace(env_steps=0, best_return=0.0)) == bits(single._replace(env_steps=0, best_return=0.0))


def test_the_steps_of_all_starts_count(whole, alone):
    run, state = whole
    lines = run.metrics()
    last = {n: line["generation"] for line in lines for n in scores(line)} | {lines[4]["evaluation_start"]: 5}
    steps = {n: alone[n][0].metrics()[generation]["env_steps"] for n, generation in last.items()}
    assert sorted(last.values()) == [2, 4, 5]
    assert state.env_steps == lines[-1]["env_steps"] == sum(steps.values())


def test_the_lines_of_a_stage_say_whose_they_are_and_make_one_curve(whole, alone):
    run, _ = whole
    lines = run.metrics()
    assert [line["generation"] for line in lines] == list(range(6))
    assert [line.get("starts") for line in lines] == [None, 3, 3, 2, 2, None]
    for before, line in pairwise(lines):
        assert line.get("start") == before.get("evaluation_start", before.get("start")) or line["generation"] == 5
        if "start" in line:
            assert line["return_mean"] == alone[line["start"]][0].metrics()[line["generation"]]["return_mean"]
    curve = read_run(run.path)
    assert list(curve.steps) == sorted({line["env_steps"] for line in lines if "evaluation_score" in line})


@pytest.mark.parametrize("generation", [1, 3, *(pytest.param(g, marks=pytest.mark.slow) for g in (2, 4))])
def test_a_run_killed_in_or_between_stages_resumes_to_the_same_bits(whole, generation):
    run, state = whole
    with RunDirectory.open(run.path.with_name(f"killed_{generation}")) as killed:
        again = train(killed, lambda line: None)
    assert bits(again) == bits(state)
    assert timeless(killed) == timeless(run)
    assert bits(killed.checkpoints.restore(state, "best")[1]) == bits(run.checkpoints.restore(state, "best")[1])


def test_the_leading_policy_of_a_stage_can_be_had(whole):
    run, _ = whole
    copy = RunDirectory.open(shutil.copytree(run.path.with_name("killed_0"), run.path.with_name("copy")))
    restored = restore_run(copy, "latest")
    with open_backend(copy.config, restored.experiment.policy) as backend:
        seeds = evaluation_seeds(0, copy.config.run.evaluation_episodes)
        rollouts = evaluate_state(copy.config, restored.experiment, backend, restored.state, seeds)
    assert (
        rollouts.returns.mean() == run.metrics()[0]["evaluation_return_mean"] == max(scores(run.metrics()[0]).values())
    )


def test_a_run_whose_steps_end_in_a_stage_says_so_and_a_longer_one_goes_its_way(whole, tmp_path, caplog):
    run, state = whole
    budget = run.metrics()[1]["env_steps"]
    short, ended = train_run(tmp_path / "run", **THREE, **LEARNING, run__env_steps=budget)
    assert [line["generation"] for line in short.metrics()] == [0, 1]
    assert ended.others
    assert set(scores(short.metrics()[1])) == {0, 1, 2}
    assert "run.restarts: 3 starts take about" in caplog.text
    assert "the run has ended with 3 starts left" in caplog.text
    best = short.checkpoints.restore(state, "best")[0]
    assert short.metrics()[best]["evaluation_score"] == max(line["evaluation_score"] for line in short.metrics())
    with RunDirectory.open(short.path, {"run.env_steps": 10**9}) as longer:
        again = train(longer, lambda line: None)
    assert (bits(again), timeless(longer)) == (bits(state), timeless(run))


@pytest.mark.parametrize(("limit", "warned"), [(159, True), (160, False), (None, False)])
def test_a_budget_that_the_stages_use_up_is_told_after_one_generation(whole, caplog, limit, warned):
    options = RunConfig(directory="x", restarts=4, restart_generations=2, env_steps=limit)
    before = whole[1]._replace(env_steps=40)
    warn_of_costs(options, before, before._replace(env_steps=80))  # 10 for each start; 12 updates take 120 of them
    assert (caplog.text.count("4 starts take about 1.6e+02 environment steps") == 1) == warned


@pytest.mark.slow
@pytest.mark.parametrize("workers", [1, 2])
def test_any_number_of_workers_gives_the_same_bits(whole, workers, tmp_path):
    options = {"rollouts__backend": "processes", "rollouts__workers": workers}
    run, state = train_run(tmp_path / "run", **THREE, **LEARNING, **options)
    assert (bits(state), timeless(run)) == (bits(whole[1]), timeless(whole[0]))


@pytest.mark.parametrize(
    ("restarts", "left"),
    [(1, [1, 1, 1, 1, 1]), (2, [2, 1, 1, 1, 1]), (3, [3, 2, 1, 1, 1]), (5, [5, 3, 2, 2, 1]), (8, [8, 4, 2, 2, 1])],
)
def test_the_better_half_goes_on_for_as_long_again(restarts, left):
    options = RunConfig(directory="x", restarts=restarts, restart_generations=3)
    assert [options.starts_after(generation) for generation in (2, 3, 6, 11, 12)] == left
    assert options.starts_after(options.selecting_generations) == 1
    assert options.selecting_generations == 0 or options.starts_after(options.selecting_generations - 1) == 2
    assert options.is_scheduled(3) == (restarts > 1)


def test_updates_of_all_starts_are_counted_without_going_through_them():
    for restarts in range(1, 20):
        options = RunConfig(directory="x", restarts=restarts, restart_generations=3)
        counted = sum(options.starts_after(generation) for generation in range(options.selecting_generations))
        assert options.selecting_updates == counted
    many = RunConfig(directory="x", restarts=2**30, restart_generations=1, generations=2**40)
    assert many.selecting_updates == 2**30 + 29 * 2**29


def test_equal_starts_go_on_in_their_order_and_one_that_failed_is_the_worst(tmp_path):
    experiment = _experiment(create_run(tmp_path / "run", **LEARNING).config)
    options = RunConfig(directory="x", restarts=4, evaluate_every=7)
    state = initial_state(experiment, 0, 4)

    def evaluated(value):
        returns = np.array([[value, value]])
        lengths, saturated = np.ones((1, 2), np.int64), np.zeros((1, 2))
        return Rollouts(returns, lengths, [Moments.empty(3)], saturated, ~np.isfinite(returns), 1)

    ranked, metrics = selected(options, state, [evaluated(value) for value in (np.nan, 1.0, 2.0, 1.0)])
    assert [start.start for start in starts_of(ranked)] == [2, 1, 3, 0]
    assert (metrics["evaluation_start"], metrics["evaluation_score"], metrics["worker_restarts"]) == (2, 2.0, 4)
    assert [metrics[f"evaluation_score_{n}"] for n in (1, 2, 3)] == [1.0, 2.0, 1.0]


def test_the_progress_and_the_outcome_tell_which_start_goes_on(whole):
    run, _ = whole
    line = run.metrics()[4]
    winner = line["evaluation_start"]
    told = training_summary(line)
    assert f"best start {winner}, evaluation {line['evaluation_return_mean']:.1f}" in told  # the return is another's
    told = outcome_lines(run.path)[0]
    assert told.startswith(f"starts: start {winner} was the best; last scores: start 0 ")
    assert f"start {winner} {line[f'evaluation_score_{winner}']:.2f} at generation 4" in told
    assert told.count("at generation 2") == 1


WRONG = [
    ({"run.restarts": 0}, "run.restarts"),
    ({"run.restarts": 4, "run.generations": 19}, "generations is 19, but 4 restarts take 20 until one is left"),
    ({"run.restarts": 2, "run.env_steps": 639}, "run.env_steps is 639, but 2 run.restarts take 640 episodes"),
    ({"run.restarts": 2, "run.initial": "runs/other"}, "restarts is 2, but all would start from initial"),
    ({"run.restarts": 2, "run.restart_generations": 0}, "run.restart-generations"),
]


@pytest.mark.parametrize(("options", "message"), WRONG)
def test_a_mistake_is_one_line_and_leaves_nothing(tmp_path, capsys, options, message):
    options = {"task.id": "Pendulum-v1", "run.directory": tmp_path / "run"} | options
    assert main(["train", *(str(word) for name, value in options.items() for word in (f"--{name}", value))]) == 2
    error = capsys.readouterr().err
    assert message.replace("-", "_") in error.replace("-", "_")
    assert error.count("\n") == 1
    assert not (tmp_path / "run").exists()
