"""The command `list`."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, Field

from odes_rl.errors import UserError, one_line
from odes_rl.parts import Part, Registry
from odes_rl.validation import STRICT

if TYPE_CHECKING:
    from odes_rl.policies.policy import PolicyConfig
    from odes_rl.rollouts.environments import Task


class List(BaseModel):
    """Show what there is to choose from: built in, or in an installed package that offers it."""

    model_config = STRICT

    what: Literal["policies", "tasks", "presets", "trajectories", "act_rules", "backends", "models", "studies"]
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
        "trajectories": _trajectory_lines,
        "act_rules": _act_rule_lines,
        "backends": _backend_lines,
        "models": _model_lines,
        "studies": _study_lines,
    }
    for line in _size_lines(command.task, command.hidden) if command.task else listings[command.what]():
        print(line)
    return 0


def _policy_lines() -> list[str]:
    from odes_rl.policies import POLICIES

    return part_lines(POLICIES, lambda family: family.config.__doc__)


def _model_lines() -> list[str]:
    from odes_rl.supervised.models import MODELS

    return part_lines(MODELS, lambda family: family.config.__doc__)


def _study_lines() -> list[str]:
    from odes_rl.studies import NONE_INSTALLED, STUDIES

    return part_lines(STUDIES, lambda family: family.config.__doc__) if STUDIES.names else [NONE_INSTALLED]


def _trajectory_lines() -> list[str]:
    from odes_rl.flows.trajectories import TRAJECTORIES
    from odes_rl.flows.trajectories.options import options_of

    def about(factory: Callable[..., Any]) -> str:
        options = [f"{name}={field.default}" for name, field in options_of(factory).model_fields.items()]
        return " ".join([(factory.__doc__ or "").partition("\n")[0], f"Options: {', '.join(options) or 'none'}"])

    return part_lines(TRAJECTORIES, about)


def _act_rule_lines() -> list[str]:
    from odes_rl.act import ACT_RULES

    return part_lines(ACT_RULES, lambda rule: rule.weights.__doc__)


def _backend_lines() -> list[str]:
    from odes_rl.rollouts.backends import BACKENDS

    return part_lines(BACKENDS, lambda family: family.about)


def part_lines(registry: Registry[Part], about: Callable[[Part], str | None]) -> list[str]:
    """A line for each part: its name, the first line that it says `about` itself, and the package that it comes from.

    One that cannot be loaded says why.
    """
    width = max(map(len, registry.names))
    lines = []
    for name in registry.names:
        try:
            said = (about(registry.find(name)) or "").partition("\n")[0]
        except UserError as error:
            said = f"cannot be loaded: {one_line(error)}"
        lines.append(f"{name:{width}} {said}{_origin(registry, name)}".rstrip())
    return lines


def _origin(registry: Registry[Any], name: str) -> str:
    point = registry.plug_ins.get(name)
    return f" [{point.dist.name if point.dist else point.module}]" if point else ""


def _size_lines(task: str, hidden: int | None) -> list[str]:
    """A line for each policy: hidden size and parameters, free dimensions, and size and parameters when matched."""
    from odes_rl.policies import POLICIES, policy_config_class
    from odes_rl.rollouts.environments import describe_task

    sizes = describe_task(task)
    lines = [f"{'policy':14} {'hidden':>6} {'parameters':>10} {'free':>8} {'matched hidden':>14} {'parameters':>10}"]
    for name in POLICIES.names:
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
