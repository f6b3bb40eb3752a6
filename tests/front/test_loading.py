"""`odes_rl.load`: a run's policy acts as in its episodes, and tells what the command line tells."""

import re
import sys
from typing import Any

import gymnasium
import numpy as np
import pytest

import odes_rl
from odes_rl.cli.program import main
from odes_rl.config.layering import FITTING, layer_values
from odes_rl.errors import UserError
from odes_rl.rollouts.episodes import Lane
from odes_rl.runs.run_directory import RunDirectory
from odes_rl.training.experiment import episode_settings
from odes_rl.training.train import train
from tests.made_runs import create_run, train_run

SHORT = {"run__generations": 2, "run__evaluate_every": 1, "strategy__population": 2}
RUNS: dict[str, dict[str, Any]] = {
    "Hopper-v5": {"task__clip_observations": 0.5},
    "dm_control/cheetah-run-v0": {"policy__squash": "tanh", "task__normalise_observations": False},
    "odd_environments:KeyExtra": {"task__max_steps": 5},
    "odd_environments:Integers": {"policy__output_scale": 30.0},
    "odd_environments:HalfBounds-v0": {},
}
"""Tasks, and options of their runs: dictionaries, and actions of four types."""


@pytest.fixture(scope="module", params=RUNS)
def trained(request, tmp_path_factory):
    changes = {"task__id": request.param, **SHORT, **RUNS[request.param]}
    return train_run(tmp_path_factory.mktemp("run") / "run", **changes)[0]


class Noting(gymnasium.Wrapper):
    """Keeps each observation, with the action that answered it."""

    def __init__(self, environment):
        super().__init__(environment)
        self.pairs: list[Any] = []

    def reset(self, **options):
        answer = super().reset(**options)
        self.observed = answer[0]
        return answer

    def step(self, action):
        self.pairs.append((self.observed, action))
        answer = super().step(action)
        self.observed = answer[0]
        return answer


def episode(policy):
    """What the lane of an episode observed, and how it acted."""
    config, experiment, *_ = policy.restored
    lane = Lane(episode_settings(config, experiment.policy))
    noting = lane.environment = Noting(lane.environment)
    lane.start(policy.board, 0)
    while lane.step():
        pass
    lane.environment.close()
    return noting.pairs


def test_actions_are_those_of_the_runs_lanes_to_the_bit_alone_and_in_a_batch(trained):
    policy = odes_rl.load(trained.path)
    observations, actions = zip(*episode(policy), strict=True)
    assert len(actions) > 2
    for observation, action in zip(observations, actions, strict=True):
        again = policy(observation)
        assert (again.dtype, again.tobytes()) == (action.dtype, action.tobytes())
    batch = np.stack(observations) if isinstance(observations[0], np.ndarray) else stacked(observations)
    together = policy(batch)
    assert together.dtype == actions[0].dtype
    np.testing.assert_array_equal(together, np.stack(actions))
    flat = np.stack([policy.acting.flat(observation) for observation in observations])
    np.testing.assert_array_equal(policy(flat), together)
    np.testing.assert_array_equal(policy(flat[0].tolist()), actions[0])
    assert policy(flat[:0]).shape == (0, actions[0].size)
    assert np.std([action.astype(float) for action in actions]) > 0


def stacked(observations):
    return {name: np.stack([observation[name] for observation in observations]) for name in observations[0]}


def test_what_evaluate_tells_is_what_the_command_line_prints(trained, capsys):
    policy = odes_rl.load(trained.path, checkpoint="latest")
    found = policy.evaluate(3, seed=5)
    assert main(["evaluate", str(trained.path), "--episodes", "3", "--seed", "5", "--checkpoint", "latest"]) == 0
    words, line, span = capsys.readouterr().out.splitlines()
    assert policy.restored.words == words
    assert repr(policy) == f"<policy {policy.config.policy.name} on {trained.config.task.id}, {words}>"
    assert line.startswith(f"return {found.returns.mean():.2f} ± {found.returns.std():.2f} (")
    assert span.endswith(f"{found.lengths.mean():.0f} steps an episode")
    assert found.returns.shape == found.lengths.shape == found.failed.shape == (3,)


def test_a_policy_tells_its_parts_and_needs_the_run_no_more(tmp_path):
    run, state = train_run(tmp_path / "run", **SHORT)
    policy = odes_rl.load(str(run.path), "latest")
    run.path.rename(tmp_path / "gone")
    assert policy.config == run.config
    assert policy.generation == 2
    np.testing.assert_array_equal(policy.params["input"], np.asarray(state.strategy.params["input"]))
    policy.weights().input[:] = np.nan
    assert np.isfinite(policy(np.zeros(11))).all()
    assert policy.weights().layers.shape == (4, 6, 6)
    assert np.isfinite(policy.evaluate(1).returns).all()


OBSERVATIONS = [
    (np.zeros(10), r"of shape \[10\], but must be \[11\], with one more axis"),
    (np.zeros((2, 3, 11)), r"of shape \[2, 3, 11\], but must be \[11\]"),
    ({"position": np.zeros(11)}, "must be of Box"),
    ("standing", "must be of Box"),
    (np.full(11, np.nan), r"the policy's output is \[nan"),
]


def test_wrong_observations_and_numbers_of_episodes_are_one_line(tmp_path):
    policy = odes_rl.load(train_run(tmp_path / "run", **SHORT)[0].path)
    for observation, message in OBSERVATIONS:
        with pytest.raises(UserError, match=message) as caught:
            policy(observation)
        assert "\n" not in str(caught.value)
    wrongs: Any = (((0,), "episodes is 0, but"), ((1.5,), "episodes is 1.5"), ((1, -1), "seed is -1"))
    for wrong, message in wrongs:
        with pytest.raises(UserError, match=message):
            policy.evaluate(*wrong)


def untrained(directory):
    """A run that was interrupted in its first generation."""

    def interrupt(line):
        if line["generation"] == 1:
            raise KeyboardInterrupt

    with create_run(directory, run__generations=1) as run, pytest.raises(KeyboardInterrupt):
        train(run, interrupt)
    return run


def damaged(directory):
    run, _ = train_run(directory, **SHORT)
    for archive in (run.path / "checkpoints/best").rglob("*.npz"):
        archive.write_bytes(b"")
    return run


def unfitted(directory):
    config = layer_values({}, {"model.width": 4}, default_directory=str(directory), kind=FITTING)
    return RunDirectory.create(directory, config)


UNFIT = [
    (create_run, "has no checkpoint yet: start it with `odes-rl resume"),
    (untrained, "has no trained policy yet: continue it with `odes-rl resume"),
    (damaged, "no usable best checkpoint in"),
    (unfitted, "is a run of `odes-rl fit`, whose model has no actions"),
]


@pytest.mark.parametrize(("make", "message"), UNFIT)
def test_a_run_without_a_policy_is_refused_in_one_line(tmp_path, make, message):
    run = make(tmp_path / "run")
    with pytest.raises(UserError, match=re.escape(message)) as caught:
        odes_rl.load(run.path)
    assert "\n" not in str(caught.value)


def test_a_run_of_a_backend_that_is_not_here_is_loaded_and_evaluated_on_another(tmp_path, monkeypatch, capsys):
    run, _ = train_run(tmp_path / "run", task__id="Pendulum-v1", **SHORT)
    config = run.path / "config.yaml"
    config.write_text(config.read_text().replace("backend: serial", "backend: envpool"))
    assert "backend: envpool" in config.read_text()
    monkeypatch.setitem(sys.modules, "envpool", None)
    assert odes_rl.load(run.path)(np.zeros(3, np.float32)).shape == (1,)
    assert main(["evaluate", str(run.path), "--episodes", "2"]) == 2
    assert "envpool is not installed" in capsys.readouterr().err
    assert main(["evaluate", str(run.path), "--episodes", "2", "--backend", "serial"]) == 0


def test_what_is_no_run_and_no_checkpoint_is_one_line(tmp_path):
    with pytest.raises(UserError, match="holds no run"):
        odes_rl.load(tmp_path)
    with pytest.raises(UserError, match="run is 3, but must be the path"):
        odes_rl.load(3)  # type: ignore[arg-type]
    with pytest.raises(UserError, match="unknown checkpoint 'last': did you mean 'latest'"):
        odes_rl.load(tmp_path, "last")  # type: ignore[arg-type]
