"""The command `list`."""

from collections.abc import Mapping
from typing import Literal

from pydantic import BaseModel

from odes_rl.validation import STRICT


class List(BaseModel):
    """Show what there is to choose from: policies, tasks or presets."""

    model_config = STRICT

    what: Literal["policies", "tasks", "presets"]
    """What to list."""


def list_names(command: List, overrides: Mapping[str, str]) -> int:
    """Print the names of policies with what they are, of tasks, or of presets with what they set."""
    listings = {"policies": _policy_lines, "tasks": _task_lines, "presets": _preset_lines}
    for line in listings[command.what]():
        print(line)
    return 0


def _policy_lines() -> list[str]:
    from odes_rl.policies import policy_config_class, policy_names

    return [f"{name:14} {(policy_config_class(name).__doc__ or '').splitlines()[0]}" for name in policy_names()]


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
