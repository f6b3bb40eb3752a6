"""The command `list`."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, Field

from odes_rl.errors import UserError
from odes_rl.validation import STRICT

if TYPE_CHECKING:
    from odes_rl.policies.policy import PolicyConfig
    from odes_rl.rollouts.environments import Task


class List(BaseModel):
    """Show what there is to choose from: policies, tasks, presets, supervised models, or studies."""

    model_config = STRICT

    what: Literal["policies", "tasks", "presets", "models", "studies"]
    """What to list."""
    task: str | None = None
    """Show how large the policies are on that task, at their own size and matched to ODEtoODE's."""
    hidden: int | None = Field(default=None, ge=1)
    """Size of the policies' hidden state, for `task`; none is each policy's default."""


def list_names(command: List, overrides: Mapping[str, str]) -> int:
    """Print the names of policies with what they are or how large, of tasks, or of presets with what they set.

    Raises:
        UserError: if there is no such task, or sizes are asked for of something else than policies on a task.
    """
    if command.task is None and command.hidden is not None:
        raise UserError(f"hidden is {command.hidden}, but sizes depend on the task: add --task Swimmer-v5, or another")
    if command.task is not None and command.what != "policies":
        raise UserError(f"task is {command.task!r}, but only policies have sizes: odes-rl list policies --task ...")
    listings = {
        "policies": _policy_lines,
        "tasks": _task_lines,
        "presets": _preset_lines,
        "models": _model_lines,
        "studies": _study_lines,
    }
    for line in _size_lines(command.task, command.hidden) if command.task else listings[command.what]():
        print(line)
    return 0


def _policy_lines() -> list[str]:
    from odes_rl.policies import policy_config_class, policy_names

    return [f"{name:14} {(policy_config_class(name).__doc__ or '').splitlines()[0]}" for name in policy_names()]


def _model_lines() -> list[str]:
    from odes_rl.supervised.models import model_config_class, model_names

    return [f"{name:14} {(model_config_class(name).__doc__ or '').splitlines()[0]}" for name in model_names()]


def _study_lines() -> list[str]:
    from odes_rl.studies import STUDIES

    return [f"{name:18} {(family.config.__doc__ or '').splitlines()[0]}" for name, family in STUDIES.items()]


def _size_lines(task: str, hidden: int | None) -> list[str]:
    """A line for each policy: hidden size and parameters, free dimensions, and size and parameters when matched."""
    from odes_rl.policies import policy_config_class, policy_names
    from odes_rl.rollouts.environments import describe_task

    sizes = describe_task(task)
    lines = [f"{'policy':14} {'hidden':>6} {'parameters':>10} {'free':>8} {'matched hidden':>14} {'parameters':>10}"]
    for name in policy_names():
        model = policy_config_class(name)
        sized = {"hidden": hidden} if hidden is not None and "hidden" in model.model_fields else {}
        lines.append(_size_line(model.model_validate({"name": name, **sized}), sizes))
    return lines


def _size_line(config: "PolicyConfig", task: "Task") -> str:
    from odes_rl.policies import make_policy, match_parameters
    from odes_rl.policies.counting import free_dimensions, parameter_count
    from odes_rl.policies.residual import Matchable

    n, m = task.observation_size, task.action_size
    policy, hidden = make_policy(config, n, m), getattr(config, "hidden", "")
    line = f"{config.name:14} {hidden:>6} {parameter_count(policy):>10} {free_dimensions(policy):>8}"
    if not isinstance(config, Matchable):
        return line
    matched = match_parameters(config.model_copy(update={"match_parameters": "ode_to_ode"}), n, m)
    return f"{line} {matched.hidden:>14} {parameter_count(make_policy(matched, n, m)):>10}"  # type: ignore[attr-defined]


def _task_lines() -> list[str]:
    from odes_rl.rollouts.task_list import trainable_tasks

    return trainable_tasks()


def _preset_lines() -> list[str]:
    """The values of strategy.preset, then those of policy.ablation."""
    from odes_rl.es.config import PRESETS
    from odes_rl.policies.ode_to_ode import ABLATIONS

    lines = ["strategy.preset"]
    for name, sections in PRESETS.items():
        options = [f"{s}.{o}={v}" for s, values in sections.items() for o, v in values.items()]
        lines.append(f"{name:9} {' '.join(options) or 'the default of every option'}")
    lines.append("policy.ablation, of ode_to_ode")
    for name, values in ABLATIONS.items():
        options = [f"policy.{option}={value}" for option, value in values.items()]
        lines.append(f"{name:21} {' '.join(options) or 'nothing is left out'}")
    return lines
