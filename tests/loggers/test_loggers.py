"""Loggers: each gets every line once, and none can end a run."""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

import odes_rl
from odes_rl.cli.program import main
from odes_rl.errors import UserError
from odes_rl.loggers import LOGGERS
from odes_rl.loggers.mlflow_runs import experiment_id
from odes_rl.loggers.progress import Logged
from odes_rl.runs.run_directory import RunDirectory
from odes_rl.training.train import train
from tests.loggers.notebooks import OWN_WRITERS, notebooks
from tests.made_runs import create_run, timeless

BRIEF: Any = {
    "policy": "linear",
    "strategy": {"population": 2},
    "rollouts": "serial",
    "run": {"generations": 2, "evaluate_every": 1, "evaluation_episodes": 1},
    "max_steps": 3,
}


def test_a_logger_of_ones_own_gets_every_line_and_replaces_the_default(tmp_path):
    logger, writers = notebooks()
    odes_rl.train("Pendulum-v1", directory=tmp_path / "run", loggers=[logger], **BRIEF)
    run = RunDirectory.open(tmp_path / "run")
    (writer,) = writers
    assert writer.lines == run.metrics()
    assert len(writer.lines) == 3
    assert writer.closed == 1
    assert writer.run.path == run.path
    assert (writer.run.counter, writer.run.config["task"]["id"]) == ("generation", "Pendulum-v1")
    assert run.config.run.loggers == ()
    assert not (run.path / "events").exists()


def test_names_and_loggers_go_together_and_a_config_names_one_by_its_module(tmp_path):
    logger, writers = notebooks()
    named = "tests.loggers.notebooks:OWN"
    odes_rl.train("Pendulum-v1", directory=tmp_path / "run", loggers=["tensorboard", named, logger], **BRIEF)
    run = RunDirectory.open(tmp_path / "run")
    assert run.config.run.loggers == ("tensorboard", named)
    assert len(list((run.path / "events").iterdir())) == 1
    assert OWN_WRITERS[-1].lines == writers[-1].lines == run.metrics()


def test_a_resumed_run_tells_what_it_has_cut_back(tmp_path):
    logger, writers = notebooks()
    odes_rl.train("Pendulum-v1", directory=tmp_path / "run", **BRIEF)
    longer = RunDirectory.open(tmp_path / "run", {"run.generations": 4}).config
    with RunDirectory(tmp_path / "run", longer, [logger]) as run:
        run.append_metrics({"generation": 3, "env_steps": 9})
        train(run, lambda metrics: None)
    assert [line["generation"] for line in writers[0].lines] == [0, 1, 2, 3, 4]
    assert writers[0].lines == run.metrics()


@pytest.mark.parametrize("most", [0, 2])
def test_one_that_fails_is_a_warning_and_the_run_is_as_without_it(most, tmp_path, caplog):
    (logger, writers), (other, others) = notebooks(most), notebooks()
    odes_rl.train("Pendulum-v1", directory=tmp_path / "whole", **BRIEF)
    assert not caplog.records
    odes_rl.train("Pendulum-v1", directory=tmp_path / "run", loggers=[logger, other], **BRIEF)
    (record,) = caplog.records
    assert "1 of the caller's failed and is left out (ConnectionError: the server is away)" in record.message
    whole, run = (RunDirectory.open(tmp_path / name) for name in ("whole", "run"))
    assert timeless(run) == timeless(whole)
    assert len(writers[0].lines) == most
    assert others[0].lines == run.metrics()


def test_what_cannot_be_removed_is_not_logged_twice(tmp_path):
    logged = Logged(tmp_path / "x.json", "generation")
    line = {"generation": 2, "a": 1.0, "b": None}
    assert logged.new(line) == {"a": 1.0}
    logged.note(line)
    logged.save("me")
    again = Logged(tmp_path / "x.json", "generation")
    assert again.identity == "me"
    assert again.new({"generation": 1, "a": 5.0}) == again.new(line) == {}
    assert again.new({**line, "evaluation": 3.0}) == {"evaluation": 3.0}
    assert again.new({"generation": 3, "a": 2}) == {"a": 2.0}


@pytest.mark.parametrize("name", ["wandb", "mlflow"])
def test_a_missing_package_is_one_line_that_says_what_to_install(name, tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, name, None)
    words = ["train", "--task.id", "Pendulum-v1", "--run.directory", str(tmp_path / "run"), "--run.loggers", name]
    assert main(words) == 2
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    assert f"the logger {name} needs the package {name}" in told
    assert f'pip install "odes-rl[{name}]"' in told
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"run.loggers": "[tensorbord]"}, "unknown logger 'tensorbord': did you mean 'tensorboard'"),
        ({"run.loggers": "tests.loggers.notebooks:Notebook"}, "but must be of type Logger"),
        (
            {"run.logger_options": "{wandb: {project: x}}"},
            "run.logger_options.wandb: run.loggers does not name it, but tensorboard: add it there, or set run.",
        ),
        (
            {"run.logger_options": "{tensorboard: {x: 1}}"},
            "unknown option run.logger_options.tensorboard.x: there are none",
        ),
        ({"run.logger_options": "{tensorboard: 3}"}, "run.logger_options.tensorboard is 3, but must hold options"),
        (
            {"run.loggers": "wandb", "run.logger_options": "{wandb: {projct: x}}"},
            "did you mean 'run.logger_options.wandb.project'",
        ),
        (
            {"run.loggers": "mlflow", "run.logger_options": "{mlflow: {experiment: 3}}"},
            "run.logger_options.mlflow.experiment is 3, but must be text",
        ),
    ],
)
def test_a_mistake_is_told_before_anything_is_written(options, words, tmp_path):
    with pytest.raises(UserError) as told:
        create_run(tmp_path / "run", **options)
    assert words in str(told.value)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("loggers", ["wandb", [3], 3])
def test_from_python_loggers_are_a_list(loggers, tmp_path):
    with pytest.raises(UserError, match="must be a list of names"):
        odes_rl.train("Pendulum-v1", directory=tmp_path / "run", loggers=loggers, **BRIEF)
    assert not list(tmp_path.iterdir())


def test_all_that_have_a_name_say_what_they_are(capsys):
    assert main(["list", "loggers"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == list(LOGGERS)
    assert all(len(line.split()) > 3 for line in lines)


def interrupted_and_resumed(path: Path, **options: Any) -> RunDirectory:
    """A run whose process is gone after generation 3, with a checkpoint of generation 2, and which then goes on."""
    with create_run(path, **options, run__evaluate_every=1) as run:

        def stop(line: Mapping[str, Any]) -> None:
            if line["generation"] == 3:
                for leftover in (run.path / "checkpoints").glob("00000003*"):
                    leftover.rmdir()
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            train(run, stop)
    for saved in (run.path / "checkpoints").glob("00000003*"):
        for file in saved.iterdir():
            file.unlink()
        saved.rmdir()
    with RunDirectory.open(path) as run:
        train(run, lambda metrics: None)
    return run


@pytest.mark.slow
def test_weights_and_biases_has_each_line_once_in_one_run(tmp_path, monkeypatch):
    from tests.loggers.offline_runs import history_of

    for name in ("WANDB_MODE", "WANDB_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    for name in ("HOME", "WANDB_CONFIG_DIR", "WANDB_CACHE_DIR"):
        monkeypatch.setenv(name, str(tmp_path / "home"))
    options = {
        "run.loggers": ["tensorboard", "wandb"],
        "run.logger_options": {"wandb": {"project": "mine", "tags": ["a"]}},
    }
    run = interrupted_and_resumed(tmp_path / "run", **options)
    first, second = sorted((run.path / "wandb").glob("offline-run-*/*.wandb"), key=lambda file: file.stat().st_mtime)
    assert first.name == second.name
    runs, lines = zip(*map(history_of, (first, second)), strict=True)
    assert {(entry.project, entry.display_name, tuple(entry.tags)) for entry in runs} == {("mine", "run", ("a",))}
    steps = [line["_step"] for line in (*lines[0], *lines[1])]
    assert steps == [0, 1, 2, 3, 4]
    expected = [line["evaluation_return_mean"] for line in run.metrics()]
    assert [line["evaluation_return_mean"] for line in (*lines[0], *lines[1])] == pytest.approx(expected)


@pytest.mark.slow
def test_mlflow_runs_that_start_at_once_share_a_new_experiment(tmp_path):
    from mlflow import MlflowClient

    uri = f"sqlite:///{tmp_path}/mlflow.db"

    class Late(MlflowClient):
        """Another run creates the experiment after this one has looked."""

        def get_experiment_by_name(self, name):
            found = super().get_experiment_by_name(name)
            if found is None:
                MlflowClient(uri).create_experiment(name)
            return found

    (experiment,) = {experiment_id(Late(uri), "new"), experiment_id(MlflowClient(uri), "new")}
    assert MlflowClient(uri).get_experiment(experiment).name == "new"


@pytest.mark.slow
def test_mlflows_file_is_named_where_a_folder_of_an_earlier_version_lies(tmp_path, monkeypatch):
    from mlflow import MlflowClient

    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    Path("mlruns/0").mkdir(parents=True)
    Path("mlruns/0/meta.yaml").write_text("experiment_id: '0'\nname: Default\n")
    with create_run(tmp_path / "run", **{"run.loggers": ["mlflow"]}) as run:
        run.append_metrics({"generation": 0, "env_steps": 0, "return_mean": 1.0})
    identity = Logged(tmp_path / "run/mlflow.json", "generation").identity
    assert identity is not None
    assert MlflowClient("sqlite:///mlflow.db").get_run(identity).data.metrics["return_mean"] == 1.0


@pytest.mark.slow
def test_mlflow_has_each_line_once_in_one_run(tmp_path):
    from mlflow import MlflowClient

    uri = f"sqlite:///{tmp_path}/mlflow.db"
    mlflow = {"tracking_uri": uri, "experiment": "mine", "tags": {"a": "b"}}
    run = interrupted_and_resumed(
        tmp_path / "run", **{"run.loggers": ["mlflow"], "run.logger_options": {"mlflow": mlflow}}
    )
    client = MlflowClient(uri)
    experiment = client.get_experiment_by_name("mine")
    assert experiment is not None
    (logged,) = client.search_runs([experiment.experiment_id])
    assert (logged.info.run_name, logged.info.status, logged.data.tags["a"]) == ("run", "FINISHED", "b")
    assert logged.data.params["task.id"] == "Hopper-v5"
    history = client.get_metric_history(logged.info.run_id, "evaluation_return_mean")
    expected = [(line["generation"], line["evaluation_return_mean"]) for line in run.metrics()]
    assert sorted((entry.step, entry.value) for entry in history) == expected
    renamed = {"mlflow": {**mlflow, "name": "longer", "tags": {"c": "d"}}}
    with RunDirectory.open(run.path, {"run.generations": 5, "run.logger_options": renamed}) as longer:
        train(longer, lambda metrics: None)
    (logged,) = client.search_runs([experiment.experiment_id])
    assert (logged.info.run_name, logged.data.tags["a"], logged.data.tags["c"]) == ("longer", "b", "d")
