"""Runs of MLflow."""

import os
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from odes_rl.loggers.logger import Line, LoggedRun
from odes_rl.loggers.progress import Logged
from odes_rl.validation import STRICT, build_model

if TYPE_CHECKING:
    from mlflow import MlflowClient
_DEFAULT = "sqlite:///mlflow.db"
"""Named, since MLflow itself takes a folder `mlruns`, to which it no longer writes unless that is allowed."""
_RETRIES, _TIMEOUT = "3", "10"
"""Of a request, the latter in seconds; with MLflow's pauses between them a minute in all."""
_MOST_AT_ONCE = 100
"""Parameters of a request: the limit of MLflow's servers."""


class MlflowOptions(BaseModel):
    """Where and how a run is logged; MLflow's environment variables count where one is left out."""

    model_config = STRICT

    tracking_uri: str | None = None
    """Server, or `sqlite:///FILE`. Default: MLFLOW_TRACKING_URI, else `mlflow.db` in the current directory."""
    experiment: str | None = None
    """Name of the experiment. Default: MLFLOW_EXPERIMENT_NAME, else `odes_rl`."""
    name: str | None = None
    """Name of the run. Default: that of its directory."""
    tags: Mapping[str, str] = {}
    """Tags."""


class MlflowWriter:
    """Writes to one run of MLflow."""

    def __init__(self, client: "MlflowClient", logged: Logged) -> None:
        self.client, self.logged = client, logged
        assert logged.identity is not None
        self.identity = logged.identity

    def rewrite(self, lines: Sequence[Line]) -> None:
        """Log what is not logged yet: nothing can be removed there."""
        for line in lines:
            self.append(line)

    def append(self, line: Line) -> None:
        """Log a line at its step."""
        from mlflow.entities import Metric

        if new := self.logged.new(line):
            now, step = int(time.time() * 1000), int(line[self.logged.counter])
            self.client.log_batch(self.identity, [Metric(name, value, now, step) for name, value in new.items()])
            self.logged.note(line)
            self.logged.save(self.identity)

    def close(self) -> None:
        """Mark the run as finished; one that goes on is marked as running again."""
        self.client.set_terminated(self.identity)


def open_mlflow(run: LoggedRun) -> MlflowWriter:
    """The MLflow run of `run`: a new one, or the one that it has been logged to."""
    from mlflow import MlflowClient, is_tracking_uri_set

    # MLflow's own seven retries of two minutes each hold up training where the server is away.
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", _RETRIES)
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", _TIMEOUT)
    options = build_model(MlflowOptions, run.options, "run.logger_options.mlflow.")
    own = is_tracking_uri_set() or os.environ.get("MLFLOW_ALLOW_FILE_STORE")
    client = MlflowClient(options.tracking_uri or (None if own else _DEFAULT))
    logged = Logged(run.path / "mlflow.json", run.counter)
    if logged.identity is None:
        logged.save(_create(client, run, options))
    else:
        client.update_run(logged.identity, status="RUNNING", name=options.name)
        for tag, value in options.tags.items():
            client.set_tag(logged.identity, tag, value)
    return MlflowWriter(client, logged)


def _create(client: "MlflowClient", run: LoggedRun, options: MlflowOptions) -> str:
    from mlflow.entities import Param

    name = options.experiment or os.environ.get("MLFLOW_EXPERIMENT_NAME") or "odes_rl"
    created = client.create_run(experiment_id(client, name), run_name=options.name or run.name, tags=dict(options.tags))
    values: dict[str, Any] = {f"{s}.{o}": v for s, entries in run.config.items() for o, v in entries.items()}
    params = [Param(option, str(value)) for option, value in values.items()]
    for start in range(0, len(params), _MOST_AT_ONCE):
        client.log_batch(created.info.run_id, params=params[start : start + _MOST_AT_ONCE])
    return created.info.run_id


def experiment_id(client: "MlflowClient", name: str) -> str:
    """The id of the experiment of that name, which a run that starts at the same time may be creating."""
    from mlflow.exceptions import MlflowException

    if found := client.get_experiment_by_name(name):
        return found.experiment_id
    try:
        return client.create_experiment(name)
    except MlflowException:
        if found := client.get_experiment_by_name(name):
            return found.experiment_id
        raise
