"""The completion script that `odes-rl --print-completion SHELL` prints."""

import types
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from odes_rl.cli.arguments import flags, positional_fields, spelled
from odes_rl.config import resumable
from odes_rl.config.packaged import packaged_configs
from odes_rl.errors import check_name
from odes_rl.parts import Registry
from odes_rl.pretrained.names import PREFIX, pretrained_names
from odes_rl.validation import OneOf

Choices = Mapping[str, Sequence[str]]
"""Option, as it is written → the values to choose from, if there are such."""
SHELLS = {"bash": "", "zsh": "autoload -U +X compinit bashcompinit && compinit && bashcompinit\n"}
"""Shell → what makes it understand the script."""
_OF_POLICIES = ("evaluate", "inspect", "export")
"""Commands that take a pretrained policy in place of a run."""
_SCRIPT = """\
_odes_rl() {{
    local word="$2" before="$3" command="" entry words=""
    for entry in "${{COMP_WORDS[@]}}"; do
        case "$entry" in {names}) command="$entry"; break ;; esac
    done
    if [[ "$before" == --print-completion ]]; then
        words="{shells}"
    elif [[ -z "$command" || "$word" == "$command" ]]; then
        words="{commands} --help --version --print-completion"
    else
        case "$command $before" in
{values}
            {flags}"$command "[!-]*)
                case "$command ${{word:0:1}}" in
{options}
                esac ;;
        esac
    fi
    COMPREPLY=($(compgen -W "$words" -- "$word"))
}}
complete -o default -F _odes_rl odes-rl
"""
"""Where there are no words, the shell completes files."""


def completion_script(shell: str, commands: Mapping[str, type[BaseModel]]) -> str:
    """The script for a `shell`, of all `commands`: name → its own arguments.

    It completes commands, options, packaged configs, and values where there is a choice; files everywhere else.

    Raises:
        UserError: for another shell than bash and zsh.
    """
    beginning = SHELLS[check_name("shell", shell, SHELLS)]
    values, options, flagged = [], [], []
    for command, model in commands.items():
        own, dotted = _own(model), _dotted(command)
        switches = [f"--{spelled(name)}" for name in flags(model)]
        chosen = {option: words for option, words in {**own, **dotted}.items() if words and option not in switches}
        values += [_case(f"{command} {option}", words) for option, words in chosen.items()]
        options += [
            _case(f"{command} -", [*own, *dotted, "--help"]),
            *([_case(f"{command} p", pretrained_names())] if command in _OF_POLICIES else []),
            _case(f"{command} ", _first_words(command, model)),
        ]
        if command in _OF_POLICIES:  # bash takes a colon, and what is in front of it, for words
            names = [name.removeprefix(PREFIX) for name in pretrained_names()]
            values += [_case(f"{command} {word}", names) for word in (PREFIX[:-1], PREFIX[-1])]
        flagged += [f'"{command} {switch}"|' for switch in switches]
    return beginning + _SCRIPT.format(
        names="|".join(commands),
        shells=" ".join(SHELLS),
        commands=" ".join(commands),
        values="\n".join(values),
        flags="".join(flagged),
        options="\n".join(options),
    )


def _case(pattern: str, words: Sequence[str]) -> str:
    end = "*" if pattern.endswith(" ") else ""
    return f'            "{pattern}"{end}) words="{" ".join(words)}" ;;'


def _own(model: type[BaseModel]) -> Choices:
    from odes_rl.rollouts.task_list import trainable_tasks

    own = [name for name in model.model_fields if name not in positional_fields(model)]
    choices = {f"--{spelled(name)}": _choices(model.model_fields[name]) for name in own}
    return choices | ({"--task": trainable_tasks()} if "--task" in choices else {})


def _first_words(command: str, model: type[BaseModel]) -> Sequence[str]:
    """The values to choose from for what comes without an option, if there are such."""
    if "config" in positional_fields(model):
        return [name for name, config in packaged_configs().items() if config.command == command]
    return [word for field in positional_fields(model).values() for word in _choices(field)]


def _dotted(command: str) -> Choices:
    """The options of configs that a `command` takes, whatever policy, model or study they are of."""
    from odes_rl.config.layering import FITTING, TRAINING
    from odes_rl.studies import STUDIES

    if command == "study":
        models = [family.config for family in STUDIES.find_each().values()]
        fields = [field for model in models for field in model.model_fields.items()]
        return {f"--{spelled(name)}": _choices(field) for name, field in fields} | {"--study": STUDIES.names}
    kinds = {
        "train": [TRAINING],
        "fit": [FITTING],
        "resume": [TRAINING, FITTING],
        "compare": [TRAINING, FITTING],
        "search": [TRAINING],
    }
    found = {option: words for kind in kinds.get(command, ()) for option, words in _of_sections(kind)}
    if command != "resume":
        return found
    options = [*resumable.dotted(resumable.FITTING), *resumable.dotted(resumable.TRAINING)]
    return {f"--{spelled(option)}": found[f"--{spelled(option)}"] for option in options}


def _of_sections(kind: Any) -> Iterator[tuple[str, Sequence[str]]]:
    from odes_rl.config.layering import section_class
    from odes_rl.policies import POLICIES
    from odes_rl.rollouts.task_list import trainable_tasks
    from odes_rl.supervised.models import MODELS

    named = {"policy": POLICIES.names, "model": MODELS.names}
    known = {"task.id": trainable_tasks(), **{f"{section}.name": names for section, names in named.items()}}
    for section in kind.sections:
        for name in named.get(section, [kind.default]):
            for option, field in section_class(section, name, kind).model_fields.items():
                dotted = f"{section}.{option}"
                yield f"--{spelled(dotted)}", known.get(dotted) or _choices(field)


def _choices(field: FieldInfo) -> list[str]:
    """The values to choose from: of a part those that have a name, of others those that are all there are."""
    tables = [entry for entry in field.metadata if isinstance(entry, Registry | OneOf)]
    return tables[0].names if tables else _listed(field.annotation)


def _listed(annotation: Any) -> list[str]:
    """The values that `annotation` lists, but for `none`."""
    if annotation is bool:
        return ["true", "false"]
    if get_origin(annotation) is Literal:
        return [str(choice) for choice in get_args(annotation)]
    if get_origin(annotation) in (Union, types.UnionType):
        words = [word for choice in get_args(annotation) for word in _listed(choice)]
        return [*words, "none"] if words else []
    return []
