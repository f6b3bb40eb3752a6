"""What a task observes and rewards, as parts of MuJoCo's data named by their fields. Free of JAX.

Every observation is a list of parts, so that one loop serves all tasks. Rewards need not be known before an episode
ends: what they depend on is kept, as features, and they are computed for all steps at once.
"""

from collections.abc import Callable, Sequence
from enum import IntEnum
from typing import Any, NamedTuple

import numpy as np

from odes_rl.rollouts.physics.words import Words

Rewards = Callable[[Words, Any, Any, Any], Any]


class Scheme(IntEnum):
    """The C calls of an environment step with k physics steps."""

    STEP = 0
    """`mj_step` k times."""
    STEP_AND_FORCES = 1
    """The same, then `mj_rnePostConstraint`, for tasks that use contact forces."""
    SPLIT = 2
    """`mj_step2`, `mj_step` k − 1 times, `mj_step1`: DM Control, whose data are up to date with qpos and qvel."""
    STEP_AND_UPDATE = 3
    """`mj_step` k times, `mj_step1`: the same with Runge-Kutta's integrator, which cannot be split."""


class Place(NamedTuple):
    """Where numbers begin in mjData: entry `start` of the array `field`, counted as if the array were flat."""

    field: str
    start: int


class Part(NamedTuple):
    """Numbers of mjData, and what is made of them: differences, then turned, then cut, then passed through a function.

    Attributes:
        field: name of a float64 array of mjData.
        start: its first entry, counted as if the array were flat.
        stop: the one after its last.
        low: numbers below are raised to it.
        high: numbers above are lowered to it.
        origin: as many numbers from here on are subtracted.
        frame: a rotation matrix [3, 3] is here. The three numbers from `start` on, less three of `origin`, are a
            vector, and the part has its first coordinates along the columns of the matrix, stop − start of them.
        stacked: the environment turns this vector with others, in one product of matrices, which may round otherwise.
        absent: this value, if given, stands for none, and is read as infinity.
        function: name of a function in NumPy, as in jax.numpy, of one number; "" leaves numbers as they are.
    """

    field: str
    start: int
    stop: int
    low: float = -np.inf
    high: float = np.inf
    origin: Place | None = None
    frame: Place | None = None
    stacked: bool = False
    absent: float | None = None
    function: str = ""


class Distance(NamedTuple):
    """One number: how far two points are apart, less a length.

    Attributes:
        first: parts that make up the one point; they may have an `origin`, and nothing else is done with them.
        second: as many parts, of the same sizes, that make up the other.
        less: the length.
    """

    first: tuple[Part, ...]
    second: tuple[Part, ...]
    less: float


class Interval(NamedTuple):
    """An agent is healthy while each number of a part is strictly between `low` and `high`."""

    part: Part
    low: float
    high: float


class Description(NamedTuple):
    """What a task's environment makes of MuJoCo's data, step by step.

    Attributes:
        observation: parts of the observation [n], and distances, one behind the other.
        features: parts which, with the actions, determine the rewards: [F] after the reset and each step.
        healthy: intervals outside which the agent is not healthy.
        ends: whether the episode ends when it is not.
        scheme: what a step calls.
        substeps: physics steps an environment step.
        rewards: `rewards(words, features [T + 1, F], actions [T, m], healthy [T]) -> [T]`.
        limit: environment steps an episode at most, set by the task itself; None if it sets none.
        diverges: whether a warning of MuJoCo's, such as of a state that is not finite, fails the episode.
        varied: fields of mjModel whose values a reset draws: they differ from episode to episode.
    """

    observation: Sequence[Part | Distance]
    features: Sequence[Part]
    healthy: Sequence[Interval]
    ends: bool
    scheme: Scheme
    substeps: int
    rewards: Rewards
    limit: int | None
    diverges: bool
    varied: Sequence[str] = ()


class Physics(NamedTuple):
    """One environment: its description, its mjModel and its mjData."""

    description: Description
    model: Any
    data: Any


def joined(parts: Sequence[Part | Distance]) -> list[Part | Distance]:
    """The same numbers in fewer parts: one for those that lie one behind the other."""
    found: list[Part | Distance] = []
    for part in parts:
        last = found[-1] if found else None
        if isinstance(part, Part) and isinstance(last, Part) and _continues(last, part):
            found[-1] = last._replace(stop=part.stop)
        else:
            found.append(part)
    return found


def _continues(last: Part, part: Part) -> bool:
    plain = part.origin is None and part.frame is None
    return plain and last == part._replace(start=last.start, stop=part.start)


def size(parts: Sequence[Part | Distance]) -> int:
    """How many numbers they hold."""
    return sum(part.stop - part.start if isinstance(part, Part) else 1 for part in parts)


def stretch(data: Any, field: str, start: int = 0, stop: int | None = None, **attributes: Any) -> Part:
    """Entries start … stop − 1 of a field of an mjData, counted as if it were flat; to its end if stop is None."""
    entries = range(getattr(data, field).size)[start:stop]
    return Part(field, entries.start, entries.stop, **attributes)


def row(data: Any, field: str, index: int, first: int = 0, last: int | None = None, **attributes: Any) -> Part:
    """Columns first … last − 1 of row `index` of a field of an mjData; all of them if they are not given."""
    width = getattr(data, field)[index].size
    columns = range(width)[first:last]
    return Part(field, index * width + columns.start, index * width + columns.stop, **attributes)


def place(data: Any, field: str, index: int, column: int = 0) -> Place:
    """Where that column of row `index` of a field of an mjData is."""
    return Place(field, row(data, field, index, column).start)
