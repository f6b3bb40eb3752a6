"""The command line `odes-rl`. JAX is imported only by the commands that need it."""

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any, NamedTuple, Union

from pydantic import BaseModel

import odes_rl
from odes_rl.cli.arguments import flags, list_options, parse_command, print_help, split_arguments, subset
from odes_rl.cli.compare import Compare, compare
from odes_rl.cli.completion import completion_script
from odes_rl.cli.evaluate import Evaluate, evaluate
from odes_rl.cli.export import Export, export
from odes_rl.cli.fit import Fit, fit
from odes_rl.cli.inspect import Inspect, inspect
from odes_rl.cli.listing import List, list_names
from odes_rl.cli.plot import Plot, plot
from odes_rl.cli.search import Search, search
from odes_rl.cli.study import Study, load_study, study, study_lists
from odes_rl.cli.train import LISTS, Resume, Train, resume, train
from odes_rl.config import resumable
from odes_rl.errors import StorageError, UserError, check_name, one_line
from odes_rl.extras import required
from odes_rl.interrupts import Interrupted, check_interrupted, interruptible
from odes_rl.rollouts.protocol import EnvironmentFailure
from odes_rl.start_up import start_up


class Command(NamedTuple):
    """A subcommand.

    Attributes:
        model: its own arguments; the docstrings are its help.
        run: `run(arguments, overrides) -> exit status`.
        sections: config sections, and their options, that dotted overrides may name; None stands for all.
        saves: whether an interruption waits until it has saved or cleared away what it has; others are left to
            themselves.
    """

    model: type[BaseModel]
    run: Callable[[Any, Mapping[str, str]], int]
    sections: Mapping[str, Sequence[str]] | None = {}
    saves: bool = False


COMMANDS = {
    "train": Command(Train, train, None, saves=True),
    "fit": Command(Fit, fit, None, saves=True),
    "resume": Command(Resume, resume, resumable.TRAINING, saves=True),
    "evaluate": Command(Evaluate, evaluate),
    "inspect": Command(Inspect, inspect),
    "export": Command(Export, export),
    "plot": Command(Plot, plot),
    "compare": Command(Compare, compare, None, saves=True),
    "search": Command(Search, search, None, saves=True),
    "study": Command(Study, study, None, saves=True),
    "list": Command(List, list_names),
}


ABOUT = f"""{(odes_rl.__doc__ or "").splitlines()[0]}

`odes-rl --version` prints the version. `odes-rl --print-completion bash`, or zsh, prints a completion script.
"""
"""The first lines of the program's help."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command in `argv` (without the program's name); the exit status.

    0: success. 1: an environment failed, or a run cannot be written. 2: a mistake of the user, reported in one line.
    130: interrupted by Ctrl-C. 143: interrupted by SIGTERM or SIGHUP.
    """
    start_up()
    arguments = sys.argv[1:] if argv is None else list(argv)
    try:
        check_interrupted()  # imports take a second
        return _run_command(arguments)
    except UserError as error:
        print(f"odes-rl: {one_line(error)}", file=sys.stderr)
        return 2
    except StorageError as error:
        print(f"odes-rl: {one_line(error)}", file=sys.stderr)
        return 1
    except EnvironmentFailure as failure:
        print(failure, file=sys.stderr)
        return 1
    except KeyboardInterrupt as interrupt:
        return _tell_interrupted(interrupt)
    except OSError as error:
        return _after_lost_output(error)
    except (RuntimeError, AssertionError):
        return _tell_missing_device()


def _tell_interrupted(interrupt: KeyboardInterrupt) -> int:
    """Say so in one line, with the advice that came along; the exit status."""
    with suppress(OSError):  # the terminal may have gone
        print("; ".join(["odes-rl: interrupted", *getattr(interrupt, "__notes__", ())]), file=sys.stderr)
    return interrupt.status if isinstance(interrupt, Interrupted) else 130


def _tell_missing_device() -> int:
    """The exit status after an error for which JAX has no device, which is told in one line; else the error goes on."""
    if "jax" in sys.modules:
        from odes_rl.devices import platform

        try:
            platform()
        except UserError as error:
            print(f"odes-rl: {error}", file=sys.stderr)
            return 2
    raise


def _after_lost_output(error: OSError) -> int:
    """The exit status when nobody reads any more: the reader has seen enough, as `head` does, or a terminal hung up."""
    try:
        check_interrupted()
    except Interrupted as interrupt:
        return interrupt.status
    if not isinstance(error, BrokenPipeError):
        raise error
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


def _run_command(arguments: list[str]) -> int:
    if arguments[:1] == ["--version"]:
        print(f"odes-rl {odes_rl.__version__}")
        return 0
    if arguments[:1] == ["--print-completion"]:
        print(completion_script(" ".join(arguments[1:]), {name: c.model for name, c in COMMANDS.items()}), end="")
        return 0
    rest = [argument for argument in arguments if argument not in ("-h", "--help")]
    if not rest:
        print_help(Union[tuple(c.model for c in COMMANDS.values())], "odes-rl", ABOUT)  # noqa: UP007
        return 0 if arguments else 2
    name = check_name("command", rest[0], COMMANDS)
    with required(f"odes-rl {name}"):
        return _run_named(name, rest[1:], asks_for_help=rest != arguments)


def _run_named(name: str, arguments: list[str], *, asks_for_help: bool) -> int:
    command = COMMANDS[name]
    lists = LISTS | list_options(command.model)
    words, lists = study_lists(arguments) if command.model is Study else (arguments, lists)
    positional, options = split_arguments(words, flags(command.model), lists)
    every = command.sections == {}
    own = {option: text for option, text in options.items() if every or option in command.model.model_fields}
    overrides = {option: text for option, text in options.items() if option not in own}
    if asks_for_help:
        print_help(command.model, f"odes-rl {name}", sections=_sections(command, positional, overrides))
        return 0
    parsed = parse_command(command.model, positional, own)
    return command.run(parsed, overrides) if command.saves else interruptible(command.run, parsed, overrides)


def _kind_of_run(command: Command, positional: list[str]) -> Any:
    """The kind of run whose sections a command's overrides name, as the comparison or the run has it."""
    from odes_rl.config.layering import FITTING, TRAINING

    if command.model is Compare and positional:
        from odes_rl.compare.config import load_comparison

        return load_comparison(positional[0], {}).comparing.run
    if command.model is Resume and positional:
        from odes_rl.runs.run_directory import recorded_kind

        with suppress(UserError):  # there is no such run yet
            return recorded_kind(positional[0])
    return FITTING if command.model is Fit else TRAINING


def _sections(command: Command, positional: list[str], options: dict[str, str]) -> dict[str, BaseModel]:
    """The config sections that a command's overrides may name, valued as its other arguments have them."""
    if command.sections == {}:
        return {}
    if command.model is Study:
        return {"": load_study(positional[0], options)} if positional else {}
    from odes_rl.config.layering import FITTING, layer_values, make_config

    kind = _kind_of_run(command, positional)
    if command.model in (Train, Fit) and (positional or kind.place in options):
        config = make_config(next(iter(positional), None), options, kind)
    else:
        example = {} if kind is FITTING else {"task": {"id": "HalfCheetah-v5"}}
        options = {name: text for name, text in options.items() if not name.startswith(f"{kind.named}.")}
        config = layer_values(example, options, default_directory="runs/<name of the config file>", kind=kind)
    sections = {section: getattr(config, section) for section in type(config).model_fields}
    if command.sections is None:
        return sections
    resumed = resumable.FITTING if kind is FITTING else command.sections
    return {section: subset(sections[section], allowed) for section, allowed in resumed.items()}
