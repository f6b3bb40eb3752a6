"""A run that starts from another one's policy: on its task, on another of the same sizes; what does not fit."""

import json
import shutil

import jax
import numpy as np
import pytest

import odes_rl
from odes_rl.cli.program import main
from odes_rl.errors import UserError
from odes_rl.rollouts.seeds import evaluation_seeds
from odes_rl.training.evaluate import evaluate_state
from odes_rl.training.experiment import make_experiment, open_backend
from odes_rl.training.initial import check_startable
from odes_rl.training.restoring import restore_run
from odes_rl.training.train import train
from tests.comparisons import write_comparison
from tests.made_runs import bits, create_run, timeless, train_run

SOURCE = {"task__id": "odd_environments:Plain", "run__generations": 2, "strategy__learning_rate": 0.3}
CHANGED = SOURCE | {"task__id": "odd_environments:Keys", "strategy__sigma": 0.05, "task__warmup_episodes": 2}
"""Another task of the same sizes, with more exploration."""


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    return train_run(tmp_path_factory.mktemp("source") / "run", **SOURCE)[0]


def best_line(run):
    generation = restore_run(run, "best").state.strategy.generation
    return next(line for line in run.metrics() if line["generation"] == int(generation))


def test_on_the_same_task_it_begins_where_the_policy_was(source, tmp_path):
    run, state = train_run(tmp_path / "run", run__initial=str(source.path), **SOURCE)
    first, best = run.metrics()[0], best_line(source)
    assert first["evaluation_return_mean"] == best["evaluation_return_mean"]
    assert first["initial_generation"] == best["generation"] > 0
    assert (first["generation"], first["env_steps"]) == (0, 0)
    assert state.moments.count > restore_run(source, "best").state.moments.count
    assert run.config.run.initial == str(source.path)
    assert f"initial: {source.path}" in (run.path / "config.yaml").read_text(encoding="utf-8")
    assert b"initial_generation" in next((run.path / "events").iterdir()).read_bytes()


@pytest.mark.parametrize("checkpoint", ["best", "latest"])
def test_on_another_task_the_first_evaluation_is_that_of_the_policy_there(source, tmp_path, checkpoint):
    options = CHANGED | {"run__initial": str(source.path), "run__initial_checkpoint": checkpoint}
    run, state = train_run(tmp_path / "run", **options)
    restored = restore_run(source, checkpoint)
    experiment = make_experiment(run.config)
    with open_backend(run.config, experiment.policy) as backend:
        seeds = evaluation_seeds(run.config.run.seed, run.config.run.evaluation_episodes)
        own = evaluate_state(run.config, experiment, backend, restored.state, seeds)
    line = run.metrics()[0]
    assert line["evaluation_return_mean"] == float(own.returns.mean())
    assert line["initial_generation"] == restored.state.strategy.generation
    assert int(state.strategy.generation) == 2
    before, after = (jax.tree.leaves(s.strategy.params) for s in (restored.state, state))
    assert any(np.abs(np.asarray(x) - np.asarray(y)).max() > 1e-4 for x, y in zip(before, after, strict=True))


def test_a_resumed_run_is_the_same_and_needs_the_other_run_no_more(source, tmp_path):
    other = shutil.copytree(source.path, tmp_path / "other")
    options = CHANGED | {"run__initial": str(other), "run__checkpoint_every": 1}
    whole, expected = train_run(tmp_path / "whole", **options)

    def interrupt(line):
        if line["generation"] == 1:
            raise KeyboardInterrupt

    with create_run(tmp_path / "run", **options) as run:
        with pytest.raises(KeyboardInterrupt):
            train(run, interrupt)
        shutil.rmtree(other)
        state = train(run, lambda line: None)
    assert bits(state) == bits(expected)
    assert timeless(run) == timeless(whole)


def test_python_and_the_command_line_start_from_a_run(source, tmp_path, capsys):
    options = {"generations": 1, "initial": str(source.path), "evaluation_episodes": 2}
    sizes = {"policy": source.config.policy, "strategy": {"population": 2}, "rollouts": "serial"}
    policy = odes_rl.train("odd_environments:Plain", run=options, directory=tmp_path / "python", **sizes)
    assert policy.generation in (0, 1)
    config, directory = f"{source.path}/config.yaml", str(tmp_path / "program")
    arguments = ["--run.initial", str(source.path), "--run.directory", directory, "--run.generations", "1"]
    assert main(["train", config, *arguments]) == 0
    lines = [json.loads(line) for line in (tmp_path / "program/metrics.jsonl").read_text().splitlines()]
    assert lines[0]["evaluation_return_mean"] == best_line(source)["evaluation_return_mean"]
    assert main(["resume", directory, "--run.initial", "elsewhere"]) == 2
    assert "resume cannot change run.initial" in capsys.readouterr().err


@pytest.mark.slow
def test_the_runs_of_a_comparison_start_from_a_run(source, tmp_path, capsys):
    base = {
        "task": {"id": "odd_environments:Plain", "max_steps": 20},
        "policy": {"hidden": 6, "steps": 4},
        "strategy": {"preset": "isotropic", "population": 2},
        "run": {"evaluation_episodes": 2, "initial": str(source.path)},
    }
    options = {"base": base, "env_steps": 40, "tasks": {"plain": None}, "policies": {"ode_to_ode": None}}
    config, directory = write_comparison(tmp_path / "starts.yaml", **options), tmp_path / "runs"
    arguments = ["compare", str(config), "--directory", str(directory)]
    assert main([*arguments, "--run.initial", "absent"]) == 2
    assert capsys.readouterr().err.startswith("odes-rl: run.initial: 'absent' holds no run")
    assert not directory.exists()
    assert main([*arguments, "--jobs", "1"]) == 0
    line = (directory / "plain/ode_to_ode/seed_0/metrics.jsonl").read_text(encoding="utf-8").splitlines()[0]
    assert json.loads(line)["evaluation_return_mean"] == best_line(source)["evaluation_return_mean"]


UNFIT = [
    ({"policy__hidden": 5}, "does not fit: params['biases'] is float32[1, 6] in it, float32[1, 5] here; give"),
    ({"policy__name": "linear"}, "does not fit: params['matrix'] is absent in it, float32[2, 3] here"),
    ({"task__id": "Hopper-v5"}, "is float32[6, 3] in it, float32[6, 11] here"),
    ({"run__initial": "absent"}, "run.initial: 'absent' holds no run"),
    ({"run__initial": None, "run__initial_checkpoint": "latest"}, "but no run is given as initial"),
]


@pytest.mark.parametrize(("changes", "message"), UNFIT)
def test_what_does_not_fit_is_one_line_and_leaves_nothing(source, tmp_path, capsys, changes, message):
    options = {"task.id": "odd_environments:Plain", "policy.hidden": 6, "policy.steps": 4, "rollouts.backend": "serial"}
    options["strategy.preset"] = "isotropic"
    options |= {"run.initial": str(source.path), "run.directory": str(tmp_path / "run")}
    options |= {name.replace("__", "."): value for name, value in changes.items()}
    if options.get("policy.name") == "linear":
        options = {name: value for name, value in options.items() if name not in ("policy.hidden", "policy.steps")}
    words = [part for name, value in options.items() for part in (f"--{name}", str(value))]
    assert main(["train", *words]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1
    assert not (tmp_path / "run").exists()


def test_an_untrained_run_and_parameters_off_the_manifolds_are_refused(source, tmp_path):
    fresh = create_run(tmp_path / "fresh", **SOURCE)
    with pytest.raises(UserError, match=r"run\.initial: .* has no checkpoint yet"):
        check_startable(create_run(tmp_path / "run", run__initial=str(fresh.path), **SOURCE).config)
    free, _ = train_run(tmp_path / "free", policy__projections="euclidean", **SOURCE)
    config = create_run(tmp_path / "other", run__initial=str(free.path), **SOURCE).config
    with pytest.raises(
        UserError, match=r"params\['input'\] lies .* off the manifold Stiefel.* that it is trained on here"
    ):
        check_startable(config)


def test_options_with_which_the_policy_acts_otherwise_are_told_once(source, tmp_path, caplog):
    run = create_run(tmp_path / "same", run__initial=str(source.path), **SOURCE | {"run__generations": 1})
    check_startable(run.config)
    train(run, lambda line: None)
    assert "acts otherwise" not in caplog.text
    changes = {"policy__output_scale": 0.5, "task__clip_observations": 3.0, "run__generations": 1}
    run = create_run(tmp_path / "run", run__initial=str(source.path), **SOURCE | changes)
    check_startable(run.config)
    train(run, lambda line: None)
    told = "acts otherwise here: policy.output_scale is 0.5, there 1.0; task.clip_observations is 3.0"
    assert caplog.text.count(told) == 1


def test_clipped_outputs_that_are_rescaled_are_told_where_bounds_are_not_one(source, tmp_path, caplog):
    changed = SOURCE | {"run__generations": 1, "policy__squash": "rescale"}
    for task, told in ((SOURCE["task__id"], False), ("Pendulum-v1", True)):
        caplog.clear()
        options = changed | {"task__id": task}
        first, _ = train_run(tmp_path / f"{task}_clip", **options | {"policy__squash": "clip"})
        train_run(tmp_path / f"{task}_rescale", run__initial=str(first.path), **options)
        assert ("policy.squash is rescale, there clip" in caplog.text) == told


def test_sampled_actions_that_become_greedy_are_told(tmp_path, caplog):
    discrete = SOURCE | {"task__id": "CartPole-v1", "run__generations": 1}
    first, _ = train_run(tmp_path / "first", task__actions="sampled", **discrete)
    train_run(tmp_path / "second", run__initial=str(first.path), **discrete)
    assert "acts otherwise here: task.actions is greedy, there sampled" in caplog.text


@pytest.mark.parametrize("kind", ["sensitivity", "learned"])
def test_a_run_with_scales_of_its_own_starts_from_one_without_and_from_one_with_them(source, tmp_path, kind):
    scaled = SOURCE | {"strategy__sigma_per_leaf": kind, "run__generations": 1}
    run, state = train_run(tmp_path / "first", run__initial=str(source.path), **scaled)
    again, _ = train_run(tmp_path / "second", run__initial=str(run.path), **scaled)
    assert state.strategy.scales is not None
    assert again.metrics()[0]["evaluation_return_mean"] == best_line(run)["evaluation_return_mean"]
