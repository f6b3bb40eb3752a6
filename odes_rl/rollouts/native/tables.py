"""Descriptions as compiled code reads them: where numbers lie in memory, what is done with them. Free of JAX."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from odes_rl.rollouts.native.numpy_loops import loop_of
from odes_rl.rollouts.physics.description import Interval, Part, Physics, Place

DOUBLE = 8


class Tables(NamedTuple):
    """S simulations of one task.

    Addresses are 0 where a part lacks what they are of.

    Attributes:
        handles: [S, 4] addresses of model, data, controls and counters of warnings.
        calls: [3] scheme, substeps, and whether an unhealthy agent ends its episode.
        observation: [S, k, 6] address, length, and addresses of origin, frame, and the loop of the function and its
            data, of each part; limits in `observation_range` [k, 2].
        features: [S, f, 6], likewise, with `features_range` [f, 2].
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


def tables(simulations: Sequence[Physics]) -> Tables:
    """The tables of simulations of one task."""
    first = simulations[0].description
    healthy = [[_where(s.data, i.part)[:2] for i in s.description.healthy] for s in simulations]
    return Tables(
        handles=np.array([_handles(s) for s in simulations], np.int64),
        calls=np.array([first.scheme, first.substeps, first.ends], np.int64),
        observation=np.array([[_where(s.data, p) for p in s.description.observation] for s in simulations], np.int64),
        observation_range=_limits(first.observation),
        features=np.array([[_where(s.data, p) for p in s.description.features] for s in simulations], np.int64),
        features_range=_limits(first.features),
        healthy=np.array(healthy, np.int64).reshape(len(simulations), -1, 2),
        healthy_range=_limits(first.healthy),
        fused=products_are_fused(),
    )


def _handles(simulation: Physics) -> tuple[int, int, int, int]:
    data, diverges = simulation.data, simulation.description.diverges
    warnings = data.warning.number.__array_interface__["data"][0] if diverges else 0
    return simulation.model._address, data._address, _address(data, Place("ctrl", 0)), warnings


def _where(data: Any, part: Part) -> tuple[int, int, int, int, int, int]:
    length, loop = part.stop - part.start, loop_of(part.function) if part.function else (0, 0)
    plain = part.origin is None and part.frame is None and not np.isfinite([part.low, part.high]).any()
    assert plain or not part.function, part  # its loop reads MuJoCo's memory
    return (
        _address(data, Place(part.field, part.start)),
        length,
        _address(data, part.origin),
        _address(data, part.frame),
        *loop,
    )


def _address(data: Any, place: Place | None) -> int:
    if place is None:
        return 0
    array = getattr(data, place.field)
    assert array.dtype == np.float64, place
    assert array.flags.c_contiguous, place
    return array.__array_interface__["data"][0] + DOUBLE * place.start


def _limits(numbers: Sequence[Part] | Sequence[Interval]) -> np.ndarray:
    return np.array([(n.low, n.high) for n in numbers], np.float64).reshape(-1, 2)


def products_are_fused() -> bool:
    """Whether NumPy's product of a vector and a matrix uses fused multiply-adds, as its BLAS does on most machines."""
    small = 2.0**-30
    vector, matrix = np.array([0.0, 1.0, 1 + small]), np.zeros((3, 3))
    matrix[1:, 0] = -(1 + 2 * small), 1 + small
    # (1 + s)² − (1 + 2 s) is s², and 0 where the square is rounded before the difference is taken.
    return bool((vector @ matrix)[0] == small**2)
