"""Which sections and options the entries of a comparison may hold."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from odes_rl.compare.config import CompareConfig
from odes_rl.errors import UserError, suggestion
from odes_rl.policies import policy_names
from odes_rl.records.layers import SECTIONS, section_class
from odes_rl.validation import check_options

THRESHOLD, POLICIES = "threshold", "policies"
"""What the entry of a task may hold beside sections."""
RESERVED = {
    "run.seed": "`seeds` of the comparison sets it",
    "run.directory": "`directory` of the comparison sets it",
    "run.env_steps": "`env_steps` of the comparison sets it",
    "run.generations": "`env_steps` of the comparison sets the end of every run",
    "rollouts.workers": "the comparison shares out the cores: see its option --jobs",
}
"""Options that no section may set, and why."""


def policy_name(config: CompareConfig, label: str) -> str:
    """The name of the policy with that label.

    Raises:
        UserError: if no policy has it.
    """
    name = ((config.policies[label] or {}).get("policy") or {}).get("name", label)
    if name not in policy_names():
        raise UserError(
            f"policies.{label}: no policy is called {name!r}: "
            f"{suggestion(str(name), policy_names())}; give its name as policy: {{name: ...}}"
        )
    return name


def check_entries(config: CompareConfig, overrides: Mapping[str, str]) -> None:
    """Check the names of all sections and options in `config`, and of the `overrides` (dotted option → text).

    Raises:
        UserError: if one is unknown, or the comparison's own; or if two labels stand for one directory.
    """
    names = {policy_name(config, label) for label in config.policies}
    for prefix, entry, some in _entries(config, names):
        for section, options in entry.items():
            _check_section(prefix, section, options, some)
    for labels in (config.tasks, config.policies):
        files = [file_name(label) for label in labels]
        if len(set(files)) < len(files):
            raise UserError(f"two of the labels {', '.join(labels)} give one directory: change one of them")
    for dotted in overrides:
        section, _, option = dotted.partition(".")
        _check_reserved("", dotted, among_policies=False)
        if section == "policy":
            _check_options("", section, [option], names)


def _entries(config: CompareConfig, names: set[str]) -> Iterator[tuple[str, dict[str, Any], set[str]]]:
    """Prefix in messages, sections, and the policies of which one should have the options."""
    yield "base.", config.base, names
    for label, entry in config.tasks.items():
        yield f"tasks.{label}.", {k: v for k, v in (entry or {}).items() if k not in (THRESHOLD, POLICIES)}, names
        for policy, own in _own_entries(config, label).items():
            yield f"tasks.{label}.policies.{policy}.", own or {}, {policy_name(config, policy)}
    for label, entry in config.policies.items():
        yield f"policies.{label}.", entry or {}, {policy_name(config, label)}


def _own_entries(config: CompareConfig, task: str) -> dict[str, Any]:
    """What single policies have of their own on a task."""
    entries = (config.tasks[task] or {}).get(POLICIES) or {}
    if not isinstance(entries, dict):
        raise UserError(f"tasks.{task}.policies is {entries!r}, but must hold entries of policies")
    for label, entry in entries.items():
        if label not in config.policies:
            hint = suggestion(str(label), config.policies)
            raise UserError(f"tasks.{task}.policies.{label} is no label of policies: {hint}")
        if not isinstance(entry, dict | None):
            raise UserError(f"tasks.{task}.policies.{label} is {entry!r}, but must hold sections")
    return entries


def _check_section(prefix: str, section: str, options: Any, policies: set[str]) -> None:
    if section not in SECTIONS:
        of_task = prefix.startswith("tasks.") and ".policies." not in prefix
        allowed = [*SECTIONS, THRESHOLD, POLICIES] if of_task else SECTIONS
        raise UserError(f"{prefix}{section} is no section: {suggestion(section, allowed)}")
    if not isinstance(options, dict | None):
        raise UserError(f"{prefix}{section} is {options!r}, but must hold options")
    for option in options or {}:
        _check_reserved(prefix, f"{section}.{option}", among_policies=prefix.startswith("policies."))
    _check_options(prefix, section, [str(option) for option in options or {}], policies)


def _check_reserved(prefix: str, dotted: str, *, among_policies: bool) -> None:
    if dotted in RESERVED:
        raise UserError(f"{prefix}{dotted} cannot be set here: {RESERVED[dotted]}")
    if dotted == "policy.name" and not among_policies:
        raise UserError(f"{prefix}{dotted} cannot be set here: the entries of `policies` set it")


def _check_options(prefix: str, section: str, options: list[str], policies: set[str]) -> None:
    """Each option must be one that some of the `policies` have, if the section is theirs."""
    models = [section_class(section, policy) for policy in sorted(policies)]
    known = {option for model in models for option in model.model_fields}
    widest = max(models, key=lambda model: len(model.model_fields))
    check_options(widest, dict.fromkeys(option for option in options if option not in known), f"{prefix}{section}.")


def file_name(label: str) -> str:
    """The directory that stands for a label."""
    return re.sub(r"[^\w.+-]+|^\.+$", "_", label)
