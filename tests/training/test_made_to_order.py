"""Runs of tasks with options and wrappers: the same bits with any workers and after a resume, from every front."""

import numpy as np
import odd_wrappers
import pytest
from gymnasium.envs.classic_control.pendulum import PendulumEnv

import odes_rl
from odes_rl.cli.program import main
from odes_rl.config.layering import load_config
from odes_rl.errors import UserError
from odes_rl.runs.run_directory import RunDirectory
from odes_rl.training.train import train
from tests.made_runs import bits, create_run, timeless, train_run

NOISY = {
    "task__options": {"healthy_reward": 0.5, "healthy_z_range": [0.7, float("inf")]},
    "task__wrappers": [{"odd_wrappers:Noisy": {"scale": 0.05}}, {"ClipReward": {"max_reward": 2.0}}],
    "run__generations": 2,
    "run__checkpoint_every": 1,
    "run__evaluate_every": 1,
}
ON_THE_LINE = (
    *("--task.options.healthy-reward", "0.5", "--task.options", "{healthy_reward: 7, healthy_z_range: [0.7, .inf]}"),
    *("--task.wrappers", "{'odd_wrappers:Noisy': {scale: 0.05}}", "{ClipReward: {max_reward: 2.0}}"),
)


def test_a_wrapper_that_needs_a_limit_has_that_of_task_max_steps(tmp_path):
    run, _ = train_run(
        tmp_path / "run",
        task__id="odd_environments:NoEnd",
        task__max_steps=4,
        task__wrappers=["TimeAwareObservation"],
        run__generations=1,
    )
    policy = odes_rl.load(run.path)
    assert policy(np.zeros(4)).shape == (2,)


def test_a_wrapped_run_has_the_same_bits_with_other_workers_and_after_a_resume(tmp_path):
    whole, state = train_run(tmp_path / "whole", **NOISY)
    with create_run(tmp_path / "parts", **NOISY | {"run__generations": 1}) as run:
        train(run, lambda metrics: None)
    changes = {"run.generations": 2, "rollouts.backend": "processes", "rollouts.workers": 2}
    with RunDirectory.open(tmp_path / "parts", changes) as run:
        assert bits(train(run, lambda metrics: None)) == bits(state)
        assert timeless(run) == timeless(whole)
    policy = odes_rl.load(whole.path)
    assert policy.config.task.options == NOISY["task__options"]
    assert main(["inspect", str(whole.path)]) == 0


def test_the_command_line_sets_options_and_wrappers(tmp_path):
    path = tmp_path / "config.yaml"
    path.write_text(
        "task: {id: Hopper-v5, options: {healthy_reward: 1, frame_skip: 3}, wrappers: FlattenObservation}\n"
    )
    assert load_config(path).task.wrappers == ("FlattenObservation",)
    one = load_config(path, {"task.options.healthy_reward": "2", "task.options.new.deep": "[1, a]"}).task.options
    assert one == {"healthy_reward": 2, "frame_skip": 3, "new": {"deep": [1, "a"]}}
    tiny = ("--policy.name", "linear", "--strategy.population", "2", "--run.generations", "1", "--task.max-steps", "5")
    directory = ("--run.directory", str(tmp_path / "run"), "--rollouts.backend", "serial")
    assert main(["train", str(path), *tiny, *directory, *ON_THE_LINE]) == 0
    task = RunDirectory.open(tmp_path / "run").config.task
    assert task.options == NOISY["task__options"]
    assert list(task.wrappers) == NOISY["task__wrappers"]
    assert main(["evaluate", str(tmp_path / "run"), "--episodes", "2"]) == 0


def test_python_takes_classes_as_wrappers(tmp_path):
    wrappers = [(odd_wrappers.Noisy, {"scale": np.float32(0.5)}), odd_wrappers.Plates, "TimeAwareObservation"]
    policy = odes_rl.train(
        "Pendulum-v1",
        policy="linear",
        strategy={"population": 2},
        run={"generations": 1, "evaluation_episodes": 1},
        rollouts="serial",
        max_steps=4,
        options={"g": 9.0},
        wrappers=wrappers,
    )
    named = ({"odd_wrappers:Noisy": {"scale": 0.5}}, "odd_wrappers:Plates", "TimeAwareObservation")
    assert policy.config.task.wrappers == named
    assert policy(np.zeros(4)).shape == (1, 1)
    assert policy(np.zeros((5, 4))).shape == (5, 1, 1)
    with pytest.raises(UserError, match="cannot be found by its name"):
        odes_rl.train("Pendulum-v1", wrappers=[lambda env: env])


@pytest.mark.parametrize("options", [{"task.options": {"gravity": 9.0}}, {"task.options.gravity": 9.0}])
def test_a_function_that_requires_an_option_gets_it_however_it_is_written(options):
    def heavy(gravity, render_mode=None):
        return PendulumEnv(render_mode, g=gravity)

    small = {"policy": "linear", "strategy": {"population": 2}, "rollouts": "serial", "max_steps": 5}
    policy = odes_rl.train(heavy, run={"generations": 1, "evaluation_episodes": 1}, **small, **options)
    assert policy.config.task.options == {"gravity": 9.0}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"task.options": "3"}, "not a mapping"),
        ({"task.options.a": "{"}, r"task\.options\.a is '{': not YAML"),
        ({"task.id.a": "1"}, r"unknown option task\.id\.a"),
        ({"task.options": {"a": {"b": object()}}}, r"options\.a\.b is .* must be plain"),
        ({"task.options": {"a": {1: 2}}}, r"options\.a has the key 1, but keys must be text"),
        ({"task.wrappers": [{"a": {}, "b": {}}]}, "a wrapper is .* but must be a name, or a name and options"),
        ({"task.wrappers": "[3]"}, "a wrapper is 3, but must be a name"),
        ({"task.wrappers": "{a"}, "a wrapper is '{a', but must be"),
    ],
)
def test_what_is_no_option_and_no_wrapper_is_one_line(tmp_path, options, message):
    with pytest.raises(UserError, match=message) as caught:
        create_run(tmp_path / "run", **options)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "run").exists()


def test_a_wrapper_that_fails_leaves_nothing_behind(tmp_path, capsys):
    command = ["train", "--task.id", "Pendulum-v1", "--task.wrappers", "odd_wrappers:Failing"]
    assert main([*command, "--run.directory", str(tmp_path / "run")]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert "task.wrappers: Pendulum-v1 in odd_wrappers:Failing fails: RuntimeError: step went wrong" in error
    assert not (tmp_path / "run").exists()
