"""Environments by the names of their tasks. Free of JAX."""

import logging
import math
from collections.abc import Iterable
from typing import Any, NamedTuple

import gymnasium
import numpy as np

from odes_rl.errors import UserError, one_line
from odes_rl.rollouts.flattening import choices_of
from odes_rl.rollouts.interfaces import check_resets, layers
from odes_rl.rollouts.making import made
from odes_rl.rollouts.setup import Setup
from odes_rl.rollouts.spaces import DISCRETE, action_bounds, check_spaces
from odes_rl.rollouts.tasks import log_physics_warnings
from odes_rl.rollouts.trial import try_out
from odes_rl.rollouts.wrappers import wrapped

_log = logging.getLogger(__name__)
_PLAIN = Setup()
_REPEATING = {gymnasium.wrappers.RepeatAction: "num_repeats", gymnasium.wrappers.MaxAndSkipObservation: "_skip"}
"""Wrappers of which one step is several of what they wrap, and their attributes that tell how many."""


class Task(NamedTuple):
    """The sizes and bounds of a task.

    Attributes:
        observation_size: entries of an observation, n.
        action_size: entries of an action, m; logits of all choices, if actions are discrete.
        low: lowest actions [m], float32 if the task's actions are, else float64; logits have no bounds.
        high: highest actions [m], of the same type.
        limit: steps after which an episode is truncated; None if nothing that is known limits them.
        choices: of a discrete action, how many values each of its entries has; empty for continuous actions.
    """

    observation_size: int
    action_size: int
    low: np.ndarray
    high: np.ndarray
    limit: int | None
    choices: tuple[int, ...] = ()


def make_environment(task: str, max_steps: int | None = None, setup: Setup = _PLAIN, **options: Any) -> gymnasium.Env:
    """The environment of the task of that name (`find_task`), with the options and in the wrappers of `setup`.

    An episode is truncated after `max_steps` steps of what is wrapped; None leaves the task its own limit. `options` go
    to Gymnasium, and override those of `setup`.

    Raises:
        UserError: if there is no such task, it needs what is missing here, its spaces do not suit a policy, its
            interface is an old one, or something in `setup` does not suit it.
        EnvironmentFailure: if the environment raises anything else as it is made.
    """
    environment = made(task, max_steps, setup, **options)
    log_physics_warnings()
    try:
        environment = wrapped(task, environment, setup.wrappers)
        spaces: Any = (getattr(environment, f"{kind}_space", None) for kind in ("observation", "action"))
        check_spaces(setup.words(task), *spaces)
        check_resets(task, environment)
    except UserError:
        close_all([environment], logging.DEBUG)
        raise
    return environment


def describe(environment: gymnasium.Env) -> Task:
    """The sizes and bounds of an environment from `make_environment`."""
    actions, choices = environment.action_space, ()
    if isinstance(actions, DISCRETE):
        choices, _ = choices_of(actions)
        high = np.full(sum(choices), np.inf, np.float32)
        low = -high
    else:
        assert isinstance(actions, gymnasium.spaces.Box)
        low, high = action_bounds(actions)
    size = gymnasium.spaces.flatdim(environment.observation_space)
    return Task(size, low.size, low, high, _limit(environment), choices)


def describe_task(
    task: str, squash: str = "clip", actions: str = "greedy", setup: Setup = _PLAIN, max_steps: int | None = None
) -> Task:
    """The sizes and bounds of the task of that name, whose episodes are truncated as `make_environment` says.

    If `setup` makes it to order, the beginnings of some episodes are tried out.

    Raises:
        UserError: as `make_environment` does; also if `squash` is tanh and an action has no bound, or if `actions` are
            sampled and not discrete.
        EnvironmentFailure: as `make_environment` does.
    """
    environment = make_environment(task, max_steps, setup)
    try:
        described = describe(environment)
        if not setup.is_plain:
            inner = setup._replace(wrappers=())
            try_out(task, setup, environment, lambda: make_environment(task, max_steps, inner))
    finally:
        close_all([environment], logging.DEBUG)  # those that are stepped will tell, if they raise too
    _check_head(task, described, squash, actions)
    return described


def _check_head(task: str, described: Task, squash: str, actions: str) -> None:
    if squash == "tanh" and described.choices:
        raise UserError(
            f"policy.squash is tanh, but {task} has discrete actions, whose logits are not squashed: leave it out"
        )
    if squash == "tanh" and not np.isfinite([described.low, described.high]).all():
        raise UserError(f"policy.squash: tanh needs bounded actions, but those of {task} are unbounded: use clip")
    if actions == "sampled" and not described.choices:
        raise UserError(f"task.actions is sampled, but {task} has no discrete actions to sample: leave it out")


def close_all(environments: Iterable[gymnasium.Env], level: int = logging.WARNING) -> None:
    """Close environments; one line at that `level` tells of those that raise, for what they were used for is done."""
    errors = []
    for environment in environments:
        try:
            environment.close()
        except Exception as error:
            errors.append(f"{environment} raised an exception in close: {type(error).__name__}: {one_line(error)}")
    if errors:
        _log.log(level, errors[0] + (f", and {len(errors) - 1} more" if errors[1:] else ""))


def inner_steps(environment: gymnasium.Env) -> int:
    """Steps of the innermost environment in one of `environment`, whose wrappers may repeat actions."""
    return _layers_within(environment)[-1][1]


def _limit(environment: gymnasium.Env) -> int | None:
    """Steps of `environment` after which an episode is truncated, by Gymnasium or, unknown to it, by DM Control."""
    limits = [
        math.ceil(layer._max_episode_steps / steps)
        for layer, steps in _layers_within(environment)
        if isinstance(layer, gymnasium.wrappers.TimeLimit)
    ]
    control = getattr(environment.unwrapped, "_env", None)
    own = getattr(control, "_step_limit", math.inf)
    if isinstance(own, int | float) and math.isfinite(own):
        limits.append(math.ceil(own / inner_steps(environment)))
    return min(limits, default=None)


def _layers_within(environment: gymnasium.Env) -> list[tuple[gymnasium.Env, int]]:
    """`environment` and what its wrappers wrap, each with the number of its steps in one of `environment`."""
    steps, found = 1, []
    for layer in layers(environment):
        found.append((layer, steps))
        for kind, attribute in _REPEATING.items():
            steps *= getattr(layer, attribute) if isinstance(layer, kind) else 1
    return found
