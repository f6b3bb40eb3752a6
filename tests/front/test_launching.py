"""`odes_rl.train`: a run from Python is the run of the command line, whatever is given as its task."""

import logging
import os
import subprocess
import sys
import tempfile
from functools import partial

import gymnasium
import jax
import numpy as np
import odd_environments
import pytest

import odes_rl
from odes_rl.config.layering import layer_values
from odes_rl.config.schema import TaskConfig
from odes_rl.errors import UserError
from odes_rl.front.options import gathered
from odes_rl.policies.nanode import NanodeConfig
from odes_rl.rollouts import choosing
from odes_rl.rollouts.seeds import evaluation_seeds, training_seeds
from odes_rl.runs.run_directory import RunDirectory
from odes_rl.start_up import import_path
from tests.made_runs import timeless, train_run

OPTIONS = {
    "task": TaskConfig(id="Hopper-v5", max_steps=30),
    "policy": {"hidden": np.int64(6), "steps": 4},
    "strategy": {"preset": "isotropic", "population": 2},
    "run": {"generations": 2, "evaluate_every": 1, "evaluation_episodes": 2},
}
"""Those of a run of SHORT, in the ways in which they may be given."""
SHORT = {"run__generations": 2, "run__evaluate_every": 1, "strategy__population": 2, "run__checkpoint_every": 10}
BRIEF = {"policy": {"hidden": 6, "steps": 4}, "strategy": {"population": 2}, "run": {"generations": 1}, "max_steps": 5}


def test_a_run_from_python_is_that_of_the_command_line_and_leaves_it_or_nothing(tmp_path, monkeypatch):
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    run, _ = train_run(tmp_path / "run", **SHORT)
    expected = odes_rl.load(run.path)
    lines = []
    kept = odes_rl.train(**OPTIONS, rollouts={"backend": "serial"}, directory=tmp_path / "kept", report=lines.append)
    opened = RunDirectory.open(tmp_path / "kept")
    assert opened.metrics() == lines
    assert timeless(opened) == timeless(run)
    gone = odes_rl.train(**OPTIONS, rollouts={"backend": "processes", "workers": 2})
    for policy in (kept, gone):
        assert policy.generation == expected.generation
        for ours, theirs in zip(*map(jax.tree.leaves, (policy.params, expected.params)), strict=True):
            np.testing.assert_array_equal(ours, theirs)
    assert list(temporary.iterdir()) == []
    assert not os.path.exists(gone.config.run.directory)
    again = odes_rl.train(**{**OPTIONS, "run": gone.config.run})
    assert again.config.run.directory != gone.config.run.directory
    assert not os.path.exists(again.config.run.directory)
    assert gone.evaluate(2).returns.tolist() == expected.evaluate(2).returns.tolist()
    with pytest.raises(UserError, match=r"already holds a run: .* or give another --run\.directory"):
        odes_rl.train(**OPTIONS, directory=tmp_path / "kept")


def test_options_are_those_of_files_however_they_are_given():
    def config(sections, **options):
        return layer_values(*gathered({"task": "Hopper-v5", **sections}, options), default_directory="runs/x")

    assert config({"strategy": "ars", "policy": "nanode"}) == layer_values(
        {"task": {"id": "Hopper-v5"}, "strategy": {"preset": "ars"}, "policy": {"name": "nanode"}},
        {},
        default_directory="runs/x",
    )
    whole = config({"policy": NanodeConfig(hidden=5), "strategy": {"preset": "ars", "sigma": np.float32(0.5)}})
    assert (whole.policy.name, whole.policy.hidden, whole.strategy.sigma) == ("nanode", 5, 0.5)  # type: ignore[attr-defined]
    assert whole.strategy.shaping == config({"strategy": "ars"}).strategy.shaping
    sections = {name: getattr(whole, name) for name in ("task", "policy", "strategy", "rollouts", "run")}
    assert config(sections) == whole
    assert config(sections, max_steps=7, **{"run.seed": np.int64(3), "strategy.sigma": "0.1"}) == whole.model_copy(
        update={
            "task": whole.task.model_copy(update={"max_steps": 7}),
            "run": whole.run.model_copy(update={"seed": 3}),
            "strategy": whole.strategy.model_copy(update={"sigma": 0.1}),
        }
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"task": "Hoper-v5"}, "no task 'Hoper-v5'; did you mean 'Hopper-v5'"),
        ({"task": 3}, "task is 3, but must hold options, as a dictionary or a config object, or the id alone"),
        ({"task": {"max_steps": 3}}, "task.id is missing"),
        ({"task": odd_environments.Plain.observe}, r"requires arguments \(missing a required argument: 'self'\)"),
        (
            {"task": lambda size: odd_environments.Plain()},
            "lambda requires arguments",
        ),
        ({"task": odd_environments.Plain()}, "is an environment instance: give its class, or a function"),
        ({"task": dict}, "builtins:dict cannot be made: The environment must inherit"),
        ({"task": odd_environments.Image}, "observes images"),
        ({"policy": "linaer"}, "unknown policy 'linaer': did you mean 'linear'"),
        ({"policy": {"hiden": 3}}, "unknown option policy.hiden: did you mean 'policy.hidden'"),
        ({"policy": 3}, "policy is 3, but must hold options, as a dictionary or a config object, or the name alone"),
        ({"strategy": {"sigma": -1.0}}, "strategy.sigma is -1.0, but must be greater than 0"),
        ({"run": "runs/x"}, "run is 'runs/x', but must hold options, as a dictionary or a config object"),
        ({"generations": 3}, "unknown option generations: did you mean 'run.generations'"),
        ({"report": True}, "report is True, but must be a function"),
        ({"rollouts": {"backend": "serial", "inference": "device"}}, "inference is device, which needs worker"),
    ],
)
def test_a_wrong_argument_is_one_line_and_nothing_is_written(tmp_path, arguments, message):
    with pytest.raises(UserError, match=message) as caught:
        odes_rl.train(**{"task": "Hopper-v5", "directory": tmp_path / "run", **arguments})
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "run").exists()


def test_a_class_that_can_be_imported_is_known_to_workers(tmp_path):
    policy = odes_rl.train(odd_environments.Keys, directory=tmp_path / "run", rollouts={"workers": 2}, **BRIEF)
    assert policy.config.task.id == "odd_environments:Keys"
    observation = {"a": np.zeros(1), "b": np.ones(2)}
    assert odes_rl.load(tmp_path / "run")(observation).tobytes() == policy(observation).tobytes()


MAKERS = {
    "a function inside another": lambda: odd_environments.Plain(),
    "a partial function": partial(odd_environments.Plain),
}


@pytest.mark.parametrize("maker", MAKERS.values(), ids=MAKERS)
def test_what_workers_cannot_import_runs_in_this_process_or_is_refused(maker, tmp_path, caplog, monkeypatch):
    monkeypatch.setattr(choosing, "available_cores", lambda: 2)
    words = "task: worker processes cannot import"
    for asked in ({"backend": "processes"}, {"workers": 2}, {"inference": "device"}):
        with pytest.raises(UserError, match=rf"{words} .*or use rollouts='serial'"):
            odes_rl.train(maker, rollouts=asked, directory=tmp_path / "run", **BRIEF)
    assert not (tmp_path / "run").exists()
    policy = odes_rl.train(maker, rollouts={"backend": "serial"}, **BRIEF)
    assert not caplog.records
    again = odes_rl.train(maker, **BRIEF)
    assert again.config.task == policy.config.task
    assert again.config.rollouts.backend == "serial"
    assert [r.levelno for r in caplog.records if words in r.getMessage()] == [logging.WARNING]
    assert again.evaluate(1).lengths.tolist() == [5]


@pytest.mark.parametrize("how", [{"directory": "run"}, {"run": {"directory": "run"}}, {"run.directory": "run"}])
def test_a_kept_run_of_a_local_task_is_warned_of(how, tmp_path, caplog, monkeypatch):
    monkeypatch.chdir(tmp_path)
    options = {**BRIEF, "rollouts": "serial"} | how
    options["run"] = {**BRIEF["run"], **options["run"]}
    odes_rl.train(lambda: odd_environments.Plain(), **options)
    assert "no other can load or resume the run; define it at the top level" in caplog.text
    assert (tmp_path / "run/config.yaml").exists()


def test_a_maker_without_a_name_is_not_taken_for_another_processs(tmp_path, caplog, monkeypatch):
    serial = {"rollouts": "serial", **BRIEF}
    kept = odes_rl.train(lambda: odd_environments.Plain(), directory=tmp_path / "run", **serial)
    assert "no other can load or resume the run; define it at the top level" in caplog.text
    monkeypatch.delitem(gymnasium.registry, kept.config.task.id)  # as in a process of its own
    other = odes_rl.train(lambda: odd_environments.Offset(), **serial)
    assert other.config.task.id != kept.config.task.id
    with pytest.raises(UserError, match=r"local/lambda-.* was an environment of the process that trained it; define"):
        odes_rl.load(tmp_path / "run").evaluate(1)


SCRIPT = """
import odd_environments
import odes_rl


class Mine(odd_environments.Plain):
    pass


brief = {"policy": "linear", "strategy": {"population": 2}, "run": {"generations": 1}, "max_steps": 5}
for task, workers in ((Mine, None), (odd_environments.Plain, 2)):
    policy = odes_rl.train(task, rollouts={"workers": workers}, **brief)
    print(policy.config.task.id, policy.config.rollouts.backend, policy([0.0, 0.0, 0.0]).tolist())
"""


def test_a_script_without_a_guard_and_a_notebook_train(tmp_path):
    """As a notebook's, its `__main__` is no file."""
    environment = {**os.environ, **import_path()}
    done = subprocess.run([sys.executable, "-"], input=SCRIPT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    mine, plain = done.stdout.splitlines()
    assert mine.startswith("__main__:Mine serial [")
    assert plain.replace("odd_environments:Plain auto", "__main__:Mine serial") == mine
    assert "Traceback" not in done.stderr


def test_where_no_evaluation_is_finite_the_policy_is_the_latest():
    def is_bad(seeds):
        return seeds.item(0) // 7 % 4 == 0

    pairs = ((seed, evaluation_seeds(seed, 1), training_seeds(seed, 0, 1, 2, 1)) for seed in range(100))
    seed = next(seed for seed, evaluated, trained in pairs if is_bad(evaluated) and not is_bad(trained))
    options = {**BRIEF, "run": {"generations": 1, "evaluation_episodes": 1, "seed": seed}}
    policy = odes_rl.train(odd_environments.SometimesNaN, rollouts="serial", **options)
    assert policy.restored.words == "checkpoint: latest, of generation 1"
