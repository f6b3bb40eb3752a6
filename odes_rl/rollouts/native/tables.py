"""Descriptions as compiled code reads them: where numbers lie in memory, what is done with them. Free of JAX."""

from collections.abc import Sequence
from functools import cache
from typing import Any, NamedTuple

import numpy as np

from odes_rl.rollouts.native.numpy_loops import loop_of
from odes_rl.rollouts.physics.description import Distance, Part, Physics, Place, size

DOUBLE = 8
_COLUMNS = 7
"""Numbers that a table has of a part."""


class Tables(NamedTuple):
    """Where compiled code finds what it reads and writes of one simulation, and the constants that it needs.

    Addresses are 0 where a part lacks what they are of.

    Attributes:
        handles: [4] addresses of model, data, controls and counters of warnings.
        calls: [3] scheme, substeps, and whether an unhealthy agent ends its episode.
        observation: [k, 7] address, length, addresses of origin, frame, and the loop of the function and its data,
            and whether the product with the frame is fused, of each part; `observation_range` [k, 3] has lowest and
            highest number, and the one that stands for none, or NaN.
        distances: [d, 2, p, 7] the parts of both points of each distance in the observation, likewise; its place
            there in `distance_places` [d], and the length that is subtracted in `distance_less` [d].
        features: [f, 7], likewise, with `features_range` [f, 3].
        healthy: [b, 2] address and length of each interval; limits in `healthy_range` [b, 2].
        fused: whether squares are summed with one rounding for each product and sum. NumPy's norm does so where its
            product of a vector and a matrix does.
    """

    handles: np.ndarray
    calls: np.ndarray
    observation: np.ndarray
    observation_range: np.ndarray
    distances: np.ndarray
    distance_places: np.ndarray
    distance_less: np.ndarray
    features: np.ndarray
    features_range: np.ndarray
    healthy: np.ndarray
    healthy_range: np.ndarray
    fused: bool


def tables(simulation: Physics) -> Tables:
    """The tables of a simulation."""
    data, description = simulation.data, simulation.description
    observation, features = description.observation, description.features
    healthy = [_where(data, i.part)[:2] for i in description.healthy]
    distances = [part for part in observation if isinstance(part, Distance)]
    places = [size(observation[:i]) for i, part in enumerate(observation) if isinstance(part, Distance)]
    return Tables(
        handles=np.array(_handles(simulation), np.int64),
        calls=np.array([description.scheme, description.substeps, description.ends], np.int64),
        observation=_places(data, observation),
        observation_range=_ranges(observation),
        distances=_sides(simulation),
        distance_places=np.array(places, np.int64),
        distance_less=np.array([distance.less for distance in distances], np.float64),
        features=_places(data, features),
        features_range=_ranges(features),
        healthy=np.array(healthy, np.int64).reshape(-1, 2),
        healthy_range=np.array([(i.low, i.high) for i in description.healthy], np.float64).reshape(-1, 2),
        fused=products_are_fused(),
    )


def _handles(simulation: Physics) -> tuple[int, int, int, int]:
    data, diverges = simulation.data, simulation.description.diverges
    warnings = data.warning.number.__array_interface__["data"][0] if diverges else 0
    return simulation.model._address, data._address, _address(data, Place("ctrl", 0)), warnings


def _places(data: Any, parts: Sequence[Part | Distance]) -> np.ndarray:
    places = [_where(data, part) for part in map(_read_first, parts)]
    return np.array(places, np.int64).reshape(-1, _COLUMNS)


def _read_first(part: Part | Distance) -> Part:
    """What is read in the place of a distance, before that is written there."""
    return part if isinstance(part, Part) else part.first[0]._replace(stop=part.first[0].start + 1)


def _sides(simulation: Physics) -> np.ndarray:
    """[d, 2, p, 7]: the parts of both points of each distance."""
    distances = [part for part in simulation.description.observation if isinstance(part, Distance)]
    sides = [[[_where(simulation.data, part) for part in side] for side in distance[:2]] for distance in distances]
    shape = (len(distances), 2, -1 if sides else 0, _COLUMNS)
    return np.array(sides, np.int64).reshape(shape)


def _where(data: Any, part: Part) -> tuple[int, ...]:
    loop, extra = loop_of(part.function) if part.function else (0, 0)
    start, origin, frame = (_address(data, p) for p in (Place(part.field, part.start), part.origin, part.frame))
    fused = products_are_fused(3 if part.stacked else 1)
    return start, part.stop - part.start, origin, frame, loop, extra, int(fused)


def _address(data: Any, place: Place | None) -> int:
    if place is None:
        return 0
    array = getattr(data, place.field)
    assert array.dtype == np.float64, place
    assert array.flags.c_contiguous, place
    return array.__array_interface__["data"][0] + DOUBLE * place.start


def _ranges(parts: Sequence[Part | Distance]) -> np.ndarray:
    read = [_read_first(part) for part in parts]
    ranges = [(part.low, part.high, np.nan if part.absent is None else part.absent) for part in read]
    return np.array(ranges, np.float64).reshape(-1, 3)


@cache
def products_are_fused(rows: int = 1) -> bool:
    """Whether NumPy's product of `rows` vectors and a matrix uses fused multiply-adds.

    Its BLAS has other code for several vectors than for one, which fuses on other processors.
    """
    small = 2.0**-30
    vectors, matrix = np.array([[0.0, 1.0, 1 + small]] * rows).squeeze(), np.zeros((3, 3))
    matrix[1:, 0] = -(1 + 2 * small), 1 + small
    # (1 + s)² − (1 + 2 s) is s², and 0 where the square is rounded before the difference is taken.
    return bool(np.all((vectors @ matrix)[..., 0] == small**2))
