"""Compiled stepping: environment steps and whole episodes of described simulations. Free of JAX.

The global interpreter lock is released: a worker hears of its trainer's end while it steps.
"""

from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

import mujoco
import numpy as np

from odes_rl.act.bounds import normalise, squash
from odes_rl.act.choice import act, compiled_with
from odes_rl.act.compilation import compiled
from odes_rl.rollouts.native.mujoco_calls import (
    mj_rne_post_constraint,
    mj_step,
    mj_step1,
    mj_step2,
    read_int,
    write_float,
)
from odes_rl.rollouts.native.reading import is_healthy, observe, read_features
from odes_rl.rollouts.native.tables import DOUBLE, Tables
from odes_rl.rollouts.physics.description import Scheme

GOES_ON, OVER, FAILED = range(3)
_FORCES, _SPLIT, _UPDATE = int(Scheme.STEP_AND_FORCES), int(Scheme.SPLIT), int(Scheme.STEP_AND_UPDATE)
_WARNINGS = int(mujoco.mjtWarning.mjNWARNING)  # type: ignore[attr-defined]
"""Kinds of warnings that MuJoCo counts: pairs of int32, the last value and the count."""


@compiled
def _warnings(tables: Tables) -> int:
    counters, total = tables.handles[3], 0
    if counters:
        for i in range(_WARNINGS):
            total += read_int(counters + DOUBLE * i)
    return total


@compiled
def _step_physics(scheme: int, substeps: int, model: int, data: int) -> None:
    if scheme == _SPLIT:
        mj_step2(model, data)
        substeps -= 1
    for _ in range(substeps):
        mj_step(model, data)
    if scheme in (_SPLIT, _UPDATE):
        mj_step1(model, data)
    elif scheme == _FORCES:
        mj_rne_post_constraint(model, data)


@compiled
def advance(tables: Tables, action: np.ndarray) -> bool:
    """Step the simulation with action [m]; False if its physics diverged."""
    model, data, control = tables.handles[0], tables.handles[1], tables.handles[2]
    for i in range(action.size):
        write_float(control + DOUBLE * i, action[i])
    warned = _warnings(tables)
    _step_physics(tables.calls[0], tables.calls[1], model, data)
    return _warnings(tables) == warned


class Memory(NamedTuple):
    """Records of an episode of at most T steps, from which its rewards are computed.

    Attributes:
        features: [T + 1, F] after the reset and each step.
        actions: [T, m].
        healthy: [T] bool.
    """

    features: np.ndarray
    actions: np.ndarray
    healthy: np.ndarray


class Bounds(NamedTuple):
    """How actions are bounded: the squash's place in SQUASHES, and the lowest and highest [m]."""

    code: int
    low: np.ndarray
    high: np.ndarray


class Normalising(NamedTuple):
    """How observations are normalised and about what their moments are taken, each [n] as on the board; then a cut.

    Attributes:
        mean: what is subtracted.
        deviation: what it is divided by.
        origin: what moments are taken about.
        clip: normalised observations are cut to ±clip.
    """

    mean: np.ndarray
    deviation: np.ndarray
    origin: np.ndarray
    clip: float


@compiled
def apply(
    tables: Tables, raw: np.ndarray, bounds: Bounds, length: np.ndarray, memory: Memory, t: int
) -> tuple[int, int]:
    """Step the simulation with an act rule's output [m], as step `t` of `memory`; its outcome, and saturated entries.

    Adds to `length` [1].
    """
    length[0] += 1
    saturated = squash(bounds.code, raw, bounds.low, bounds.high, memory.actions[t])
    if saturated < 0:
        return FAILED, 0
    if not advance(tables, memory.actions[t]):
        return FAILED, saturated
    read_features(tables, memory.features[t + 1])
    memory.healthy[t] = is_healthy(tables)
    return (OVER if tables.calls[2] and not memory.healthy[t] else GOES_ON), saturated


@cache
def compile_episode(rule: str) -> Callable[..., tuple[int, int, int]]:
    """The function that runs episodes with the act rule of that name; it is compiled when first called.

    `episode(tables, weights, normalising, bounds, sums [2, n], length [1], memory) -> (outcome, steps, saturated)`
    steps the simulation until its episode ends or the memory is full. It adds to `sums` and `length`, step by step.
    """

    @compiled_with(rule)(nogil=True)
    def episode(
        tables: Tables,
        weights: Any,
        normalising: Normalising,
        bounds: Bounds,
        sums: np.ndarray,
        length: np.ndarray,
        memory: Memory,
    ) -> tuple[int, int, int]:
        mean, deviation, origin, clip = normalising
        observation = np.empty(mean.size)
        normalised = np.empty(mean.size, np.float32)
        raw = np.empty(bounds.low.size, np.float32)
        total = 0
        read_features(tables, memory.features[0])
        for t in range(memory.healthy.size):
            observe(tables, observation)
            normalise(observation, mean, deviation, origin, clip, sums, normalised)
            act(rule, weights, normalised, raw)
            outcome, saturated = apply(tables, raw, bounds, length, memory, t)
            total += saturated
            if outcome != GOES_ON:
                return outcome, t + 1, total
        return GOES_ON, memory.healthy.size, total

    return episode
