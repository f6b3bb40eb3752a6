"""The command line `odes-rl`. JAX is imported only by the commands that need it."""

import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Union

from pydantic import BaseModel, ConfigDict, Field
from tyro.conf import Positional

from odes_rl.arguments import parse_command, print_help, split_arguments, subset
from odes_rl.errors import UserError, check_name, one_line, suggestion
from odes_rl.rollouts.base import EnvironmentFailure

if TYPE_CHECKING:
    from odes_rl.records.run_directory import RunDirectory

_STRICT = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class Train(BaseModel):
    """Train a policy as a YAML file says, in a new run directory. Options override the file's."""

    model_config = _STRICT

    config: Positional[str]
    """YAML file with the sections task, policy, strategy, rollouts and run, or parts of them."""


class Resume(BaseModel):
    """Go on with a run from its latest checkpoint, to the same result as without a pause."""

    model_config = _STRICT

    run: Positional[str]
    """Run directory."""


class Evaluate(BaseModel):
    """Roll out a run's policy, unperturbed, on episodes that training never sees."""

    model_config = _STRICT

    run: Positional[str]
    """Run directory."""
    episodes: int = Field(default=20, ge=1)
    """Episodes to roll out."""
    checkpoint: Literal["best", "latest"] = "best"
    """The checkpoint that holds the policy: of the best evaluation, or the latest."""
    seed: int = Field(default=0, ge=0, lt=2**31)
    """Seed of the episodes; the run's own seed repeats those of its evaluations."""


class Plot(BaseModel):
    """Draw reward curves as PNG and PDF; seeds of one experiment become mean and deviation."""

    model_config = _STRICT

    runs: Positional[tuple[str, ...]]
    """Run directories."""
    output: str = "curves.png"
    """File to write; the other format goes beside it."""


class List(BaseModel):
    """Show what there is to choose from: policies, tasks or presets."""

    model_config = _STRICT

    what: Positional[Literal["policies", "tasks", "presets"]]
    """What to list."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command in `argv` (without the program's name); the exit status.

    0: done; 1: an environment failed; 2: a mistake of the user, told in one line; 130: interrupted.
    """
    arguments = sys.argv[1:] if argv is None else list(argv)
    try:
        return _run_command(arguments)
    except UserError as error:
        print(f"odes-rl: {one_line(error)}", file=sys.stderr)
        return 2
    except EnvironmentFailure as failure:
        print(failure, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("odes-rl: interrupted", file=sys.stderr)
        return 130


def train(command: Train, overrides: Mapping[str, str]) -> int:
    """Start a run; what it needs is put together once before anything is written.

    Raises:
        UserError: any mistake in the config, or a directory that holds a run.
    """
    from odes_rl.experiment import make_experiment
    from odes_rl.records.layers import load_config
    from odes_rl.records.run_directory import RunDirectory

    config = load_config(command.config, overrides)
    make_experiment(config)
    with RunDirectory.create(config.run.directory, config) as run:
        return _train(run)


def resume(command: Resume, overrides: Mapping[str, str]) -> int:
    """Continue a run.

    Raises:
        UserError: no run, an option that may not change, fewer generations than are done, no usable checkpoint.
    """
    from odes_rl.records.run_directory import RunDirectory

    _check_resumable(overrides)
    with RunDirectory.open(command.run, overrides) as run:
        done = run.checkpoints.latest_generation() or 0
        if run.config.run.generations < done:
            raise UserError(
                f"run.generations is {run.config.run.generations}, but {command.run} has {done} already: "
                f"give {done} or more"
            )
        return _train(run)


def evaluate(command: Evaluate) -> int:
    """Roll out a run's policy and print its return.

    Raises:
        UserError: no run, no usable checkpoint.
        EnvironmentFailure: if an environment raises.
    """
    from odes_rl.evaluate import evaluate_run
    from odes_rl.records.run_directory import RunDirectory

    run = RunDirectory.open(command.run)
    rollouts = evaluate_run(run, command.episodes, command.seed, command.checkpoint)
    returns = rollouts.returns[~rollouts.failed]
    if not returns.size:
        print(f"all {command.episodes} episodes failed: not finite, or diverged physics")
        return 0
    print(
        f"return {returns.mean():.2f} ± {returns.std():.2f} (mean ± standard deviation of {returns.size} episodes)"
    )
    print(f"from {returns.min():.2f} to {returns.max():.2f}, {rollouts.lengths.mean():.0f} steps an episode")
    if rollouts.failed.any():
        print(f"left out: {int(rollouts.failed.sum())} failed episodes")
    return 0


def plot(command: Plot) -> int:
    """Draw curves and print the files' paths.

    Raises:
        UserError: a path without a run, or an output that cannot be written.
    """
    from odes_rl.reports.curves import plot_curves

    for path in plot_curves(command.runs, command.output):
        print(path)
    return 0


def list_names(command: List) -> int:
    """Print the names of policies with what they are, of tasks, or of presets with what they set."""
    listings = {"policies": _policy_lines, "tasks": _task_lines, "presets": _preset_lines}
    for line in listings[command.what]():
        print(line)
    return 0


_MODELS: dict[str, type[BaseModel]] = {
    "train": Train,
    "resume": Resume,
    "evaluate": Evaluate,
    "plot": Plot,
    "list": List,
}
_WITH_OVERRIDES: dict[str, Callable[[Any, Mapping[str, str]], int]] = {"train": train, "resume": resume}
_PLAIN: dict[str, Callable[[Any], int]] = {"evaluate": evaluate, "plot": plot, "list": list_names}
_RESUMABLE = {
    "run": ("generations", "checkpoint_every", "keep_checkpoints"),
    "rollouts": ("backend", "workers", "lanes"),
}
"""What a resumed run may change: how far it goes and how it is computed and kept, never its numbers."""


def _run_command(arguments: list[str]) -> int:
    wants_help = any(argument in ("-h", "--help") for argument in arguments)
    rest = [argument for argument in arguments if argument not in ("-h", "--help")]
    if not rest:
        print_help(Union[tuple(_MODELS.values())], "odes-rl")  # noqa: UP007 - made from the table
        return 0 if wants_help else 2
    name = check_name("command", rest[0], _MODELS)
    positional, options = split_arguments(rest[1:])
    model = _MODELS[name]
    if wants_help:
        print_help(model, f"odes-rl {name}", _sections(name, positional, options))
        return 0
    if name in _WITH_OVERRIDES:
        return _WITH_OVERRIDES[name](parse_command(model, positional, {}), options)
    return _PLAIN[name](parse_command(model, positional, options))


def _sections(name: str, positional: list[str], options: dict[str, str]) -> dict[str, BaseModel]:
    """The dotted options of a command, with the values that the config file and the other arguments give."""
    if name not in _WITH_OVERRIDES:
        return {}
    from odes_rl.records.layers import layer_values, load_config

    if name == "train" and positional:
        config = load_config(positional[0], options)
    else:
        values = {"task": {"id": "HalfCheetah-v5"}}
        config = layer_values(values, options, default_directory="runs/<name of the config file>")
    sections = {section: getattr(config, section) for section in type(config).model_fields}
    if name == "train":
        return sections
    return {section: subset(sections[section], allowed) for section, allowed in _RESUMABLE.items()}


def _check_resumable(overrides: Mapping[str, str]) -> None:
    allowed = [f"{section}.{option}" for section, options in _RESUMABLE.items() for option in options]
    for name in overrides:
        if name not in allowed:
            raise UserError(
                f"resume cannot change {name}, for a resumed run gives the numbers of an uninterrupted one: "
                f"{suggestion(name, allowed)}"
            )


def _train(run: "RunDirectory") -> int:
    from odes_rl.progress import show_progress
    from odes_rl.train import train as run_training

    try:
        with show_progress(run.config.run.generations) as report:
            run_training(run, report)
    except KeyboardInterrupt:
        print(f"interrupted; go on with: odes-rl resume {run.path}")
        return 130
    _print_outcome(run)
    return 0


def _print_outcome(run: "RunDirectory") -> None:
    from odes_rl.reports.curves import plot_curves

    evaluated = [line for line in run.metrics() if line.get("evaluation_return_mean") is not None]
    print(f"run: {run.path}")
    if evaluated:
        last = evaluated[-1]
        mean, deviation = last["evaluation_return_mean"], last["evaluation_return_std"]
        print(f"evaluation at generation {last['generation']}: return {mean:.2f} ± {deviation:.2f}")
        print(f"evaluation at the start: return {evaluated[0]['evaluation_return_mean']:.2f}")
    curve, _ = plot_curves([run.path], run.path / "curve.png")
    print(f"curve: {curve}")


def _policy_lines() -> list[str]:
    from odes_rl.policies import policy_config_class, policy_names

    return [
        f"{name:14} {(policy_config_class(name).__doc__ or '').splitlines()[0]}" for name in policy_names()
    ]


def _task_lines() -> list[str]:
    from odes_rl.rollouts.environments import task_ids

    return task_ids()


def _preset_lines() -> list[str]:
    from odes_rl.es.config import PRESETS

    lines = []
    for name, sections in PRESETS.items():
        options = [f"{s}.{o}={v}" for s, values in sections.items() for o, v in values.items()]
        lines.append(f"{name:9} {' '.join(options) or 'the default of every option'}")
    return lines


if __name__ == "__main__":
    sys.exit(main())
