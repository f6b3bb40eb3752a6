"""Which sections and options the entries of a comparison may hold."""

from collections.abc import Iterator, Mapping
from typing import Any

from odes_rl.compare.config import ONLY, POLICIES, SEEDS, THRESHOLD, VIDEO_MODELS, Comparable, Comparing
from odes_rl.config.layering import section_class
from odes_rl.config.naming import file_name
from odes_rl.errors import UserError, suggestion
from odes_rl.policies import POLICIES as FAMILIES
from odes_rl.supervised.models import MODELS
from odes_rl.validation import check_options


def reserved(config: Comparable) -> dict[str, str]:
    """Options that no section may set, and why."""
    budget = config.comparing.budget
    own = {
        "run.seed": "`seeds` of the comparison sets it",
        "run.directory": "`directory` of the comparison sets it",
        f"run.{budget}": f"`{budget}` of the comparison sets it",
    }
    if config.comparing is POLICIES:
        own["run.generations"] = f"`{budget}` of the comparison sets the end of every run"
        own["rollouts.workers"] = "the comparison distributes the cores: see its option --jobs"
    return own


def learner_name(config: Comparable, label: str) -> str:
    """The name of the policy, or of the model, with that label.

    Raises:
        UserError: if none has it, or it is `module:object` and there is no such thing.
    """
    named, learners = config.comparing.run.named, config.comparing.learners
    names = (FAMILIES if config.comparing is POLICIES else MODELS).names
    options = (config.learners[label] or {}).get(named) or {}
    if not isinstance(options, dict):
        raise UserError(f"{learners}.{label}.{named} is {options!r}, but must hold options, as {{name: {options}}}")
    name = options.get("name", label)
    if ":" in str(name):
        config.comparing.run.family(name)
        return name
    if name not in names:
        raise UserError(
            f"{learners}.{label}: unknown {named} {name!r}: "
            f"{suggestion(str(name), names)}; give its name as {named}: {{name: ...}}"
        )
    _check_kind(config, label, name)
    return name


def _check_kind(config: Comparable, label: str, name: str) -> None:
    """Models of videos and others are measured by different things."""
    if config.comparing is POLICIES:
        return
    first = next(iter(config.learners))
    if (MODELS.find(name).takes == "videos") != (config.comparing is VIDEO_MODELS):
        raise UserError(
            f"models.{label}: one of {name} and the model of {first!r} is a model of videos, the other is not: compare "
            "them in two files"
        )


def check_entries(config: Comparable, overrides: Mapping[str, str]) -> None:
    """Check the names of all sections and options in `config`, and of the `overrides` (dotted option → text).

    Raises:
        UserError: if one is unknown, or the comparison's own; or if two labels stand for one directory.
    """
    names = {learner_name(config, label) for label in config.learners}
    for prefix, entry, some in _entries(config, names):
        for section, options in entry.items():
            _check_section(config, prefix, section, options, some)
    for labels in (config.places, config.learners):
        files = [file_name(label) for label in labels]
        if len(set(files)) < len(files):
            raise UserError(f"two of the labels {', '.join(labels)} give the same directory: change one of them")
    for dotted in overrides:
        section, _, option = dotted.partition(".")
        _check_reserved(config, "", dotted, among_learners=False)
        if section == config.comparing.run.named:
            _check_options(config, "", section, [option.partition(".")[0]], names)


def _entries(config: Comparable, names: set[str]) -> Iterator[tuple[str, dict[str, Any], set[str]]]:
    """Prefix in messages, sections, and the learners of which one should have the options."""
    places, learners = config.comparing.places, config.comparing.learners
    yield "base.", config.base, names
    for label, entry in config.places.items():
        yield f"{places}.{label}.", _without(entry, *_keys_of_places(config.comparing)), names
        for learner, own in _own_entries(config, label).items():
            yield f"{places}.{label}.{learners}.{learner}.", own or {}, {learner_name(config, learner)}
    for label, entry in config.learners.items():
        yield f"{learners}.{label}.", _without(entry, SEEDS), {learner_name(config, label)}


def _keys_of_places(comparing: Comparing) -> list[str]:
    """Keys of the entry of a task or data set that are no sections."""
    return [THRESHOLD, SEEDS, ONLY, comparing.budget, comparing.learners]


def _without(entry: Mapping[str, Any] | None, *keys: str) -> dict[str, Any]:
    return {key: value for key, value in (entry or {}).items() if key not in keys}


def _own_entries(config: Comparable, task: str) -> dict[str, Any]:
    """The checked entries of single policies or models on a task."""
    places, learners = config.comparing.places, config.comparing.learners
    entries = (config.places[task] or {}).get(learners) or {}
    if not isinstance(entries, dict):
        raise UserError(f"{places}.{task}.{learners} is {entries!r}, but must hold entries of {learners}")
    for label, entry in entries.items():
        if label not in config.learners:
            hint = suggestion(str(label), config.learners)
            raise UserError(f"{places}.{task}.{learners}.{label} is not a label of {learners}: {hint}")
        if not isinstance(entry, dict | None):
            raise UserError(f"{places}.{task}.{learners}.{label} is {entry!r}, but must hold sections")
        if label not in config.learners_of(task):
            raise UserError(f"{places}.{task}.{learners}.{label} has options, but {label!r} is not in `{ONLY}` there")
    return entries


def _check_section(config: Comparable, prefix: str, section: str, options: Any, names: set[str]) -> None:
    comparing = config.comparing
    if section not in comparing.run.sections:
        of_place = prefix.startswith(f"{comparing.places}.") and f".{comparing.learners}." not in prefix
        more = _keys_of_places(comparing) if of_place else []
        more += [SEEDS] if prefix.startswith(f"{comparing.learners}.") else []
        raise UserError(f"{prefix}{section} is not a section: {suggestion(section, [*comparing.run.sections, *more])}")
    if not isinstance(options, dict | None):
        raise UserError(f"{prefix}{section} is {options!r}, but must hold options")
    for option in options or {}:
        among_learners = prefix.startswith(f"{comparing.learners}.")
        _check_reserved(config, prefix, f"{section}.{option}", among_learners=among_learners)
    _check_options(config, prefix, section, [str(option) for option in options or {}], names)


def _check_reserved(config: Comparable, prefix: str, dotted: str, *, among_learners: bool) -> None:
    reasons = reserved(config)
    if dotted in reasons:
        raise UserError(f"{prefix}{dotted} cannot be set here: {reasons[dotted]}")
    if dotted == f"{config.comparing.run.named}.name" and not among_learners:
        raise UserError(f"{prefix}{dotted} cannot be set here: the entries of `{config.comparing.learners}` set it")


def _check_options(config: Comparable, prefix: str, section: str, options: list[str], names: set[str]) -> None:
    """Each option must be one that some of the learners called `names` have, if the section is theirs."""
    models = [section_class(section, name, config.comparing.run) for name in sorted(names)]
    known = {option for model in models for option in model.model_fields}
    unknown = [option for option in options if option not in known]
    for option in unknown:
        if others := _learners_with(config, section, option):
            raise UserError(
                f"{prefix}{section}.{option} is an option of {', '.join(others)}, "
                f"but not of {', '.join(sorted(names))}: leave it out"
            )
    widest = max(models, key=lambda model: len(model.model_fields))
    check_options(widest, dict.fromkeys(unknown), f"{prefix}{section}.")


def _learners_with(config: Comparable, section: str, option: str) -> list[str]:
    """All policies, or models, that have the option in that section of theirs."""
    run = config.comparing.run
    if section != run.named:
        return []
    registry = FAMILIES if config.comparing is POLICIES else MODELS
    return [name for name in registry.names if option in section_class(section, name, run).model_fields]
