"""Loggers by name. Each imports what only it needs when it is opened."""

from collections.abc import Mapping
from typing import Any

from odes_rl.extras import require
from odes_rl.loggers.logger import LoggedRun, Logger, Writer
from odes_rl.parts import Registry
from odes_rl.validation import build_model


def _tensorboard(run: LoggedRun) -> Writer:
    from odes_rl.loggers.tensorboard import EventFiles

    return EventFiles(run.path / "events", run.counter)


def _wandb(run: LoggedRun) -> Writer:
    from odes_rl.loggers.weights_and_biases import open_wandb

    return open_wandb(run)


def _mlflow(run: LoggedRun) -> Writer:
    from odes_rl.loggers.mlflow_runs import open_mlflow

    return open_mlflow(run)


def _check_tensorboard(options: Mapping[str, Any]) -> None:
    from odes_rl.loggers.tensorboard import TensorBoardOptions

    build_model(TensorBoardOptions, options, "run.logger_options.tensorboard.")


def _check_wandb(options: Mapping[str, Any]) -> None:
    from odes_rl.loggers.weights_and_biases import WandbOptions

    require("the logger wandb", "wandb")
    build_model(WandbOptions, options, "run.logger_options.wandb.")


def _check_mlflow(options: Mapping[str, Any]) -> None:
    from odes_rl.loggers.mlflow_runs import MlflowOptions

    require("the logger mlflow", "mlflow")
    build_model(MlflowOptions, options, "run.logger_options.mlflow.")


LOGGERS = Registry(
    "logger",
    "loggers",
    Logger,
    {
        "tensorboard": Logger(_tensorboard, "TensorBoard events in the run's directory.", _check_tensorboard),
        "wandb": Logger(_wandb, "A run of Weights & Biases; offline unless an API key is set.", _check_wandb),
        "mlflow": Logger(_mlflow, "A run of MLflow, at MLFLOW_TRACKING_URI.", _check_mlflow),
    },
)
"""All loggers by name."""
