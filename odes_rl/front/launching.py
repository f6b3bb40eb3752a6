"""`odes_rl.train`: a training run, from Python."""

import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import gymnasium

from odes_rl.config.layering import layer_values
from odes_rl.config.schema import ExperimentConfig
from odes_rl.errors import UserError
from odes_rl.front.loading import load
from odes_rl.front.options import Section, environment_options, gathered
from odes_rl.front.tasks import name_of, named_wrappers, warn_of_local, with_backend_for
from odes_rl.front.trained import TrainedPolicy
from odes_rl.interrupts import advising
from odes_rl.loggers import Logger
from odes_rl.runs.files import resume_command
from odes_rl.runs.lock import only_trainer
from odes_rl.runs.metrics import Metrics, plain_metrics
from odes_rl.runs.run_directory import RunDirectory
from odes_rl.training.initial import check_startable
from odes_rl.training.train import train as run_training

Report = Callable[[Metrics], None]


def train(
    task: str | Callable[..., Any] | Section,
    *,
    policy: Section = None,
    strategy: Section = None,
    rollouts: Section = None,
    run: Section = None,
    directory: str | Path | None = None,
    report: Report | None = None,
    loggers: Sequence[str | Logger] | None = None,
    **options: Any,
) -> TrainedPolicy:
    """Train a policy, and return it: that of the best evaluation, to be called on observations.

    The options are those of config files (docs/configuration.md): a section is a dictionary, a config object, or a name
    alone. A script needs no `if __name__ == "__main__"`, for worker processes do not import it, and a notebook will do.

    Args:
        task: a Gymnasium id, `module:Id-v0`, `module:object`; an environment's class, or a function that makes one;
            the section task; or a config, by its path or its name, as `half_cheetah`, which the others override.
            What worker processes cannot import, as of a notebook, runs in this process.
        policy: the section policy, or the policy's name.
        strategy: the section strategy, or a preset.
        rollouts: the section rollouts, or a backend.
        run: the section run.
        directory: of the run, which must not hold one yet; without it nothing is kept on disk.
        report: called with each line of the metrics.
        loggers: in place of `run.loggers`: names, and loggers of your own (`odes_rl.loggers.Logger`).
        options: single ones, which override all others: of the task by their names, as `max_steps=200`, any by
            `**{"section.option": value}`.

    Raises:
        UserError: any mistake in these; a directory that holds a run.
        EnvironmentFailure: if an environment raises.
        StorageError: if the run cannot be written.
        KeyboardInterrupt: on Ctrl-C, SIGTERM or SIGHUP, once a checkpoint is saved.
    """
    if report is not None and not callable(report):
        raise UserError(f"report is {report!r}, but must be a function that takes the metrics of a generation")
    sections = {"task": task, "policy": policy, "strategy": strategy, "rollouts": rollouts, "run": run}
    own = _own_loggers(loggers)
    if loggers is not None:
        options = {**options, "run.loggers": [logger for logger in loggers if isinstance(logger, str)]}
    with tempfile.TemporaryDirectory(prefix="odes_rl-") as temporary:
        config = _configure(sections, options, directory, Path(temporary, "run"))
        check_startable(config)  # reports mistakes before anything is written
        with RunDirectory.create(config.run.directory, config, own) as opened:
            kept = not opened.path.is_relative_to(temporary)
            again = f"resume with: {resume_command(opened.path)}"
            with advising(again if kept else "the run is not kept, because no directory was given"):
                _run(opened, report)
        trained = _trained(opened.path)
        return trained if kept else _without_directory(trained)


def _own_loggers(loggers: Sequence[str | Logger] | None) -> list[Logger]:
    listed = isinstance(loggers, Sequence) and not isinstance(loggers, str | Logger)
    if loggers is not None and not (listed and all(isinstance(logger, str | Logger) for logger in loggers)):
        raise UserError(f"loggers is {loggers!r}, but must be a list of names, or of odes_rl.loggers.Logger")
    return [logger for logger in loggers or () if isinstance(logger, Logger)]


def _configure(
    sections: dict[str, Any], options: Mapping[str, Any], directory: str | Path | None, temporary: Path
) -> ExperimentConfig:
    task = sections["task"]
    if isinstance(task, gymnasium.Env):
        raise UserError(f"task {task} is an environment instance: give its class, or a function that makes one")
    maker = task if callable(task) else None
    if maker:
        sections = {**sections, "task": name_of(maker, environment_options(options))}
    values, overrides = gathered(sections, options)
    for layer, name in ((values["task"], "wrappers"), (overrides, "task.wrappers")):
        if name in layer:
            layer[name] = named_wrappers(layer[name])
    if directory is not None:
        overrides = {**overrides, "run.directory": str(directory)}
    config = layer_values(values, overrides, default_directory=str(temporary))
    if maker:
        config = with_backend_for(config, maker)
    if config.run.directory != str(temporary):
        warn_of_local(config.task.id)
    return config


def _run(run: RunDirectory, report: Report | None) -> None:
    def tell(metrics: Metrics) -> None:
        if report:
            report(plain_metrics(metrics))

    with only_trainer(run.path):
        run_training(run, tell)


def _without_directory(trained: TrainedPolicy) -> TrainedPolicy:
    """`trained` of a run that is not kept: its config names no directory for another run."""
    config = trained.config
    run = config.run.model_construct(config.run.model_fields_set - {"directory"}, **dict(config.run))
    restored = trained.restored._replace(config=config.model_copy(update={"run": run}))
    return replace(trained, restored=restored)


def _trained(run: Path) -> TrainedPolicy:
    """The best policy of `run`, the latest if no evaluation of it had a finite return."""
    try:
        return load(run)
    except UserError:
        return load(run, "latest")
