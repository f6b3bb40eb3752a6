"""Compiled reading of MuJoCo's data: observations, features and health of described simulations. Free of JAX."""

import numpy as np

from odes_rl.act.compilation import compiled
from odes_rl.rollouts.native.mujoco_calls import fused_multiply_add, read_float
from odes_rl.rollouts.native.numpy_loops import call_loop
from odes_rl.rollouts.native.tables import DOUBLE, Tables


@compiled
def _component(address: int, origin: int, i: int) -> float:
    value = read_float(address + DOUBLE * i)
    return value - read_float(origin + DOUBLE * i) if origin else value


@compiled
def _local(fused: bool, vector: int, origin: int, frame: int, column: int) -> float:
    """One coordinate of a vector in a frame, in the order and rounding of NumPy's product."""
    total = _component(vector, origin, 0) * read_float(frame + DOUBLE * column)
    for i in range(1, 3):
        difference = _component(vector, origin, i)
        entry = read_float(frame + DOUBLE * (3 * i + column))
        total = fused_multiply_add(difference, entry, total) if fused else total + difference * entry
    return total


@compiled
def _numbers(part: np.ndarray, limits: np.ndarray, out: np.ndarray) -> None:
    """The numbers of a part [n] before its function."""
    address, origin, frame, fused = part[0], part[2], part[3], part[6] != 0
    low, high, absent = limits[0], limits[1], limits[2]
    for i in range(out.size):
        value = _local(fused, address, origin, frame, i) if frame else _component(address, origin, i)
        if value == absent:
            value = np.inf
        out[i] = low if value < low else high if value > high else value


@compiled
def _read(parts: np.ndarray, ranges: np.ndarray, out: np.ndarray) -> None:
    place = 0
    for k in range(parts.shape[0]):
        length, loop, extra = parts[k, 1], parts[k, 4], parts[k, 5]
        target = out[place : place + length]
        if loop:
            numbers = np.empty(length)
            _numbers(parts[k], ranges[k], numbers)
            call_loop(loop, extra, numbers.ctypes.data, target.ctypes.data, length)
        else:
            _numbers(parts[k], ranges[k], target)
        place += length


@compiled
def _distance(fused: bool, sides: np.ndarray) -> float:
    """How far two points are apart, in the order and rounding of NumPy's norm."""
    first, second, total = sides[0], sides[1], 0.0
    for k in range(first.shape[0]):
        for i in range(first[k, 1]):
            along = _component(first[k, 0], first[k, 2], i) - _component(second[k, 0], second[k, 2], i)
            total = fused_multiply_add(along, along, total) if fused else total + along * along
    return np.sqrt(total)


@compiled
def observe(tables: Tables, observation: np.ndarray) -> None:
    """Write the observation [n] float64 of the simulation."""
    _read(tables.observation, tables.observation_range, observation)
    for k in range(tables.distance_places.size):
        distance = _distance(tables.fused, tables.distances[k])
        observation[tables.distance_places[k]] = distance - tables.distance_less[k]


@compiled
def read_features(tables: Tables, features: np.ndarray) -> None:
    """Write the features [F] of the simulation."""
    _read(tables.features, tables.features_range, features)


@compiled
def is_healthy(tables: Tables) -> bool:
    """Whether the agent is healthy."""
    for k in range(tables.healthy.shape[0]):
        low, high = tables.healthy_range[k]
        for i in range(tables.healthy[k, 1]):
            value = read_float(tables.healthy[k, 0] + DOUBLE * i)
            if not (low < value and value < high):
                return False
    return True
