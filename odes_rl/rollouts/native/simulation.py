"""A simulation laid bare: where the numbers of an environment lie in memory, and what it does with them. Free of JAX.

Every task's observation is a list of stretches of MuJoCo's data, so that one compiled loop serves all of them. Rewards
need not be known before an episode ends: what they depend on is kept, and NumPy computes them afterwards, in the
environment's own words.
"""

from collections.abc import Callable, Sequence
from enum import IntEnum
from typing import NamedTuple

import numpy as np

DOUBLE = 8


class Scheme(IntEnum):
    """The C calls of an environment step with k physics steps."""

    STEP = 0
    """`mj_step` k times."""
    STEP_AND_FORCES = 1
    """The same, then `mj_rnePostConstraint`, for tasks that use contact forces."""
    SPLIT = 2
    """`mj_step2`, `mj_step` k − 1 times, `mj_step1`: DM Control with Euler integration."""


class Stretch(NamedTuple):
    """`length` numbers that lie one behind the other.

    Attributes:
        address: of the first number.
        length: how many.
        low: numbers below are raised to it.
        high: numbers above are lowered to it.
        origin: address of a point [3], with which the stretch is a point too: its coordinates from `origin` on …
        frame: … along the columns of the rotation matrix [3, 3] at this address; 0 leaves the numbers as they are.
    """

    address: int
    length: int
    low: float = -np.inf
    high: float = np.inf
    origin: int = 0
    frame: int = 0


class Interval(NamedTuple):
    """An agent is healthy while each of `length` numbers from `address` on is strictly between `low` and `high`."""

    address: int
    length: int
    low: float
    high: float


class Simulation(NamedTuple):
    """One environment, laid bare.

    Attributes:
        model: address of its mjModel.
        data: address of its mjData.
        control: address of its m controls.
        scheme: what a step calls.
        substeps: physics steps an environment step.
        observation: stretches which make up the observation [n].
        features: stretches which, with the actions, determine the rewards: [F] after the reset and each step.
        healthy: intervals outside which the agent is not healthy.
        ends: whether the episode ends when it is not.
        warnings: address of MuJoCo's counters of warnings, any of which fails the episode; 0 if none does.
        rewards: `rewards(features [T + 1, F], actions [T, m], healthy [T]) -> [T]`.
        limit: environment steps an episode at most; None if there is no limit.
    """

    model: int
    data: int
    control: int
    scheme: Scheme
    substeps: int
    observation: Sequence[Stretch]
    features: Sequence[Stretch]
    healthy: Sequence[Interval]
    ends: bool
    warnings: int
    rewards: Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]
    limit: int | None


class Tables(NamedTuple):
    """S simulations of one task as compiled code reads them.

    Attributes:
        handles: [S, 4] addresses of model, data, controls and warnings.
        calls: [3] scheme, substeps, and whether an unhealthy agent ends its episode.
        observation: [S, k, 4] address, length, origin and frame of each stretch; limits in `observation_range` [k, 2].
        features: [S, f, 4], likewise, with `features_range` [f, 2].
        healthy: [S, b, 2] address and length of each interval; limits in `healthy_range` [b, 2].
        fused: whether products of a vector and a matrix round once for each product and sum, as NumPy's do here.
    """

    handles: np.ndarray
    calls: np.ndarray
    observation: np.ndarray
    observation_range: np.ndarray
    features: np.ndarray
    features_range: np.ndarray
    healthy: np.ndarray
    healthy_range: np.ndarray
    fused: bool


def tables(simulations: Sequence[Simulation]) -> Tables:
    """The tables of simulations of one task."""
    first = simulations[0]
    healthy = [[(i.address, i.length) for i in s.healthy] for s in simulations]
    return Tables(
        handles=np.array([(s.model, s.data, s.control, s.warnings) for s in simulations], np.int64),
        calls=np.array([first.scheme, first.substeps, first.ends], np.int64),
        observation=_places([s.observation for s in simulations]),
        observation_range=_limits(first.observation),
        features=_places([s.features for s in simulations]),
        features_range=_limits(first.features),
        healthy=np.array(healthy, np.int64).reshape(len(simulations), -1, 2),
        healthy_range=_limits(first.healthy),
        fused=products_are_fused(),
    )


def _places(lists: list[Sequence[Stretch]]) -> np.ndarray:
    return np.array([[(s.address, s.length, s.origin, s.frame) for s in stretches] for stretches in lists], np.int64)


def _limits(numbers: Sequence[Stretch] | Sequence[Interval]) -> np.ndarray:
    return np.array([(n.low, n.high) for n in numbers], np.float64).reshape(-1, 2)


def size(stretches: Sequence[Stretch]) -> int:
    """How many numbers they hold."""
    return sum(s.length for s in stretches)


def address(array: np.ndarray, index: int = 0) -> int:
    """The address of entry `index` of a float64 `array`, counted as if it were flat."""
    assert array.dtype == np.float64, array.dtype
    assert array.flags.c_contiguous
    return array.__array_interface__["data"][0] + DOUBLE * index


def stretch(
    array: np.ndarray, start: int = 0, stop: int | None = None, low: float = -np.inf, high: float = np.inf
) -> Stretch:
    """The stretch of entries start … stop − 1 of an array of MuJoCo's data, counted as if it were flat."""
    length = len(range(array.size)[start:stop])
    return Stretch(address(array, start), length, low, high)


def products_are_fused() -> bool:
    """Whether NumPy's product of a vector and a matrix uses fused multiply-adds, as its BLAS does on most machines."""
    small = 2.0**-30
    vector, matrix = np.array([0.0, 1.0, 1 + small]), np.zeros((3, 3))
    matrix[1:, 0] = -(1 + 2 * small), 1 + small
    # (1 + s)² − (1 + 2 s) is s², and 0 where the square is rounded before the difference is taken.
    return bool((vector @ matrix)[0] == small**2)
