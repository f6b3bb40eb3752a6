"""The command `list`."""

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, Field

from odes_rl.config.packaged import packaged_configs
from odes_rl.errors import UserError, one_line
from odes_rl.parts import Part, Registry
from odes_rl.pretrained.names import pretrained_names
from odes_rl.validation import STRICT, build_model

if TYPE_CHECKING:
    from odes_rl.policies.policy import PolicyConfig
    from odes_rl.rollouts.environments import Task


def _of_config(family: Any) -> str | None:
    return family.config.__doc__


def _of_trajectory(factory: Callable[..., Any]) -> str:
    from odes_rl.flows.trajectories.options import options_of

    options = [f"{name}={field.default}" for name, field in options_of(factory).model_fields.items()]
    return f"{(factory.__doc__ or '').partition(chr(10))[0]} Options: {', '.join(options) or 'none'}"


PARTS: dict[str, tuple[str, str, Callable[[Any], str | None]]] = {
    "policies": ("odes_rl.policies", "POLICIES", _of_config),
    "trajectories": ("odes_rl.flows.trajectories", "TRAJECTORIES", _of_trajectory),
    "act_rules": ("odes_rl.act", "ACT_RULES", lambda rule: rule.weights.__doc__),
    "backends": ("odes_rl.rollouts.backends", "BACKENDS", lambda family: family.about),
    "wrappers": ("odes_rl.rollouts.wrappers", "WRAPPERS", lambda wrapper: wrapper.__doc__),
    "shapings": ("odes_rl.es.shaping", "SHAPINGS", lambda family: family.about),
    "perturbations": ("odes_rl.es.perturbations", "PERTURBATIONS", lambda kind: kind.seeds.__doc__),
    "optimizers": ("odes_rl.manifolds.schedules", "OPTIMIZERS", lambda family: family.about),
    "loggers": ("odes_rl.loggers", "LOGGERS", lambda logger: logger.about),
    "models": ("odes_rl.supervised.models", "MODELS", _of_config),
    "studies": ("odes_rl.studies", "STUDIES", _of_config),
}
"""What is listed of parts: the module and the name of their registry, and what a part says of itself."""


class List(BaseModel):
    """List the available parts, built in or offered by an installed package; packaged configs; pretrained policies."""

    model_config = STRICT

    what: Literal[
        "policies",
        "tasks",
        "presets",
        "trajectories",
        "act_rules",
        "backends",
        "wrappers",
        "shapings",
        "perturbations",
        "optimizers",
        "loggers",
        "models",
        "studies",
        "configs",
        "pretrained",
    ]
    """What to list."""
    task: str | None = None
    """Show the sizes of the policies on this task, as configured and matched to ODEtoODE."""
    hidden: int | None = Field(default=None, ge=1)
    """Hidden size of the policies, with `task`; none uses the default of each policy."""


def list_names(command: List, overrides: Mapping[str, str]) -> int:
    """Print the parts of the given kind with a line about each, or the sizes of policies on a task.

    Raises:
        UserError: no such task, or a task or hidden size for something other than policies.
    """
    if command.task is None and command.hidden is not None:
        raise UserError(f"hidden is {command.hidden}, but sizes depend on the task: add --task Swimmer-v5, or another")
    if command.task is not None and command.what != "policies":
        raise UserError(f"task is {command.task!r}, but only policies have sizes: odes-rl list policies --task ...")
    for line in _size_lines(command.task, command.hidden) if command.task else _lines(command.what):
        print(line)
    return 0


def _lines(what: str) -> list[str]:
    if what == "tasks":
        return _task_lines()
    if what == "presets":
        return _preset_lines()
    if what == "configs":
        return _config_lines()
    if what == "pretrained":
        return _pretrained_lines()
    module, name, about = PARTS[what]
    registry = getattr(import_module(module), name)
    return part_lines(registry, about) if registry.names else [import_module("odes_rl.studies").NONE_INSTALLED]


def part_lines(registry: Registry[Part], about: Callable[[Part], str | None]) -> list[str]:
    """A line for each part: its name, the first line of `about(part)`, and the package that offers it.

    For a part that cannot be loaded, the line gives the reason.
    """
    width = max(map(len, registry.names), default=0)
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
    lines = [f"{'policy':15} {'hidden':>6} {'parameters':>10} {'free':>8} {'matched hidden':>14} {'parameters':>10}"]
    for name in POLICIES.names:
        try:
            model = policy_config_class(name)
            sized = {"hidden": hidden} if hidden is not None and "hidden" in model.model_fields else {}
            lines.append(_size_line(build_model(model, {"name": name, **sized}, "policy."), sizes))
        except UserError as error:
            lines.append(f"{name:15} cannot be loaded: {one_line(error)}")
    return lines


def _size_line(config: "PolicyConfig", task: "Task") -> str:
    from odes_rl.policies import make_policy, match_parameters
    from odes_rl.policies.counting import free_dimensions, parameter_count
    from odes_rl.policies.residual import Matchable

    n, m = task.observation_size, task.action_size
    policy, hidden = make_policy(config, n, m), getattr(config, "hidden", "")
    line = f"{config.name:15} {hidden:>6} {parameter_count(policy):>10} {free_dimensions(policy):>8}"
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
    lines.append("policy.ablation (of ode_to_ode)")
    for name, values in ABLATIONS.items():
        options = [f"policy.{option}={value}" for option, value in values.items()]
        lines.append(f"{name:21} {' '.join(options) or 'no ablation'}")
    return lines


def _config_lines() -> list[str]:
    """The packaged configs below the commands that take them."""
    lines, configs = [], packaged_configs()
    width = max(map(len, configs), default=0)
    for name, config in configs.items():
        heading = f"odes-rl {config.command} CONFIG"
        lines += [*[heading] * (heading not in lines), f"{name:{width}} {config.about}"]
    return lines


def _pretrained_lines() -> list[str]:
    """A line for each pretrained policy: its name, what it returns, and how it was trained."""
    from odes_rl.pretrained.archive import read_pretrained

    found = [read_pretrained(name) for name in pretrained_names()]
    width = max((len(policy.name) for policy in found), default=0)
    lines = [f"{'name':{width}} {'return':>9} {'±':>8} {'episodes':>8} {'env. steps':>12} {'parameters':>10}"]
    for policy in found:
        mean, deviation = policy.returns.mean(), policy.returns.std()
        sizes = f"{policy.returns.size:>8} {policy.card.env_steps:>12,} {policy.card.parameters:>10}"
        lines.append(f"{policy.name:{width}} {mean:>9.2f} {deviation:>8.2f} {sizes}")
    return lines
