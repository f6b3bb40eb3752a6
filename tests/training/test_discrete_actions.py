"""Runs whose actions are discrete: the same bits however they are run, and what is told of their policies."""

from typing import Any

import numpy as np
import pytest

import odes_rl
from odes_rl.cli.program import main
from odes_rl.config.layering import layer_values
from odes_rl.errors import UserError
from odes_rl.policies import POLICIES
from odes_rl.runs.run_directory import RunDirectory
from odes_rl.training.train import train
from tests.made_runs import bits, timeless, train_run

SHORT: dict[str, Any] = {
    "task.id": "odd_environments:ManyChoices-v0",
    "policy.name": "linear",
    "strategy.population": 4,
    "strategy.learning_rate_schedule": "constant",
    "rollouts.backend": "serial",
    "run.generations": 4,
    "run.evaluation_episodes": 2,
}
WAYS = ("greedy", "sampled")
BRIEF = {"generations": 2, "evaluate_every": 2, "evaluation_episodes": 1}


def make_run(directory, actions, **changes):
    options = SHORT | {"task.actions": actions} | {name.replace("__", "."): value for name, value in changes.items()}
    with RunDirectory.create(directory, layer_values({}, options, default_directory="unused")) as run:
        return run, train(run, lambda metrics: None)


@pytest.fixture(scope="module", params=WAYS)
def trained(request, tmp_path_factory):
    return make_run(tmp_path_factory.mktemp("run") / "run", request.param)


def test_worker_processes_give_the_same_bits(trained, tmp_path):
    (whole, state), processes = trained, {"rollouts__backend": "processes", "rollouts__workers": 2}
    run, again = make_run(tmp_path / "run", whole.config.task.actions, **processes)
    assert timeless(run) == timeless(whole)
    assert bits(again) == bits(state)


def test_a_resumed_run_gives_the_same_bits(trained, tmp_path):
    whole, state = trained
    make_run(tmp_path / "run", whole.config.task.actions, run__generations=2)
    with RunDirectory.open(tmp_path / "run", {"run.generations": 4}) as parts:
        assert bits(train(parts, lambda metrics: None)) == bits(state)
    assert timeless(parts) == timeless(whole)


def test_logits_of_a_network_with_a_linear_path_biases_and_gains_are_learned_to_the_same_bits(tmp_path):
    options = {"policy__name": "ode_to_ode", "policy__hidden": 4, "policy__steps": 2}
    options |= {"policy__linear_path": True, "policy__action_bias": True, "policy__learn_output_scale": True}
    _, state = make_run(tmp_path / "whole", "sampled", **options)
    assert all(np.any(state.strategy.params[leaf]) for leaf in ("path", "bias", "log_gain"))
    make_run(tmp_path / "parts", "sampled", **options, run__generations=2)
    with RunDirectory.open(tmp_path / "parts", {"run.generations": 4, "rollouts.backend": "processes"}) as parts:
        assert bits(train(parts, lambda metrics: None)) == bits(state)


def told(capsys, *arguments):
    assert main(list(arguments)) == 0
    return capsys.readouterr().out.splitlines()


def test_evaluate_acts_as_training_does_unless_told(trained, capsys):
    run, _ = trained
    own, *others = (
        told(capsys, "evaluate", str(run.path), "--episodes", "3", *options)
        for options in ((), ("--actions", "greedy"), ("--actions", "sampled"))
    )
    assert [own == other for other in others] == [run.config.task.actions == actions for actions in WAYS]
    assert f"{odes_rl.load(run.path).evaluate(3).returns.mean():.2f}" in own[1]


def test_a_loaded_policy_answers_with_actions_of_the_space(trained):
    policy = odes_rl.load(trained[0].path)
    observations = np.random.default_rng(0).normal(size=(40, 3))
    actions = policy(observations)
    assert (actions.shape, actions.dtype) == ((40, 2, 2), np.int64)
    np.testing.assert_array_equal(policy(observations[7]), actions[7])
    drawn = [policy(observations, np.random.default_rng(seed)) for seed in (1, 1, 2)]
    np.testing.assert_array_equal(drawn[0], drawn[1])
    assert (drawn[0] != drawn[2]).any()


def test_python_trains_them(tmp_path):
    policy = odes_rl.train("CartPole-v1", actions="sampled", policy="linear", rollouts="serial", run=BRIEF)
    assert (type(policy(np.zeros(4))), policy(np.zeros((2, 4))).shape) == (np.int64, (2,))
    assert policy.config.task.actions == "sampled"


def test_mistakes_are_one_line_and_leave_nothing_behind(tmp_path, capsys):
    directory = str(tmp_path / "run")
    for options, words in (
        (("--task.id", "CartPole-v1", "--policy.squash", "tanh"), "policy.squash is tanh, but CartPole-v1"),
        (("--task.id", "Pendulum-v1", "--task.actions", "sampled"), "task.actions is sampled, but Pendulum-v1"),
        (("--task.id", "CartPole-v1", "--task.actions", "drawn"), "task.actions"),
    ):
        assert main(["train", *options, "--run.directory", directory]) == 2
        error = capsys.readouterr().err
        assert words in error
        assert error.count("\n") == 1
    assert not (tmp_path / "run").exists()


def test_continuous_actions_are_not_sampled_afterwards(tmp_path, capsys):
    run, _ = train_run(tmp_path / "run", run__generations=1, strategy__population=2)
    assert main(["evaluate", str(run.path), "--actions", "sampled"]) == 2
    assert "Hopper-v5 has no discrete actions" in capsys.readouterr().err
    with pytest.raises(UserError, match="the actions of Hopper-v5 are continuous"):
        odes_rl.load(run.path)(np.zeros(11), np.random.default_rng(0))


@pytest.mark.slow
@pytest.mark.parametrize("name", [*POLICIES, "odes_rl_example.sines:SINES"])
def test_every_policy_trains_on_discrete_actions(name, tmp_path, capsys):
    lines: list[Any] = []
    options: Any = {"run": BRIEF, "strategy": {"sigma": 0.3, "population": 16}, "report": lines.append}
    task = "odd_environments:Choices"
    odes_rl.train(task, policy=name, rollouts="serial", directory=tmp_path / "run", **options)
    assert all(line["update_norm"] > 0 for line in lines[1:])
    if name != "linear":
        assert "hidden states of 16 numbers" in told(capsys, "inspect", str(tmp_path / "run"))[2]


@pytest.mark.slow
@pytest.mark.parametrize("task", ["CartPole-v1", "LunarLander-v3"])
def test_an_episode_is_filmed_as_it_is_evaluated(task, tmp_path, capsys):
    small = {"run__generations": 1, "strategy__population": 2, "run__evaluate_every": 1, "task__max_steps": 40}
    run, _ = train_run(tmp_path / "run", task__id=task, task__actions="sampled", **small)
    film = tmp_path / "film.gif"
    lines = told(capsys, "evaluate", str(run.path), "--episodes", "1", "--video", str(film))
    assert lines[1].split(" (")[0] in lines[-1]
    assert film.stat().st_size > 1000
