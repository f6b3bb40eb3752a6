"""Finds environments with native stepping, and checks it against their own `step`. Free of JAX."""

import logging
from typing import Any, NamedTuple

import gymnasium
import numpy as np
from gymnasium.wrappers import OrderEnforcing, TimeLimit

from odes_rl.rollouts.environments import describe
from odes_rl.rollouts.native.gymnasium_tasks import GYMNASIUM_TASKS
from odes_rl.rollouts.native.mujoco_calls import load_library
from odes_rl.rollouts.native.simulation import Simulation, size, tables
from odes_rl.rollouts.native.stepping import advance, is_healthy, observe, read_features
from odes_rl.rollouts.spaces import flattener

_log = logging.getLogger(__name__)
_PROOF_STEPS = 5


def native_simulation(environment: gymnasium.Env) -> Simulation | None:
    """The simulation for native stepping of `environment`, or None if its own `step` must be used.

    It is None if the first steps of both differ in a bit, since another version of Gymnasium or DM Control may compute
    something else. Resets the environment.
    """
    limits, inner = unwrap(environment)
    simulation = _simulation(inner)
    if simulation is None or not load_library():
        return None
    limits += [simulation.limit] if simulation.limit else []
    simulation = simulation._replace(limit=min(limits, default=None))
    if not agrees(environment, simulation):
        _log.warning("%s steps differently from the native code: using its own step, which is slower", environment)
        return None
    return simulation


def unwrap(environment: gymnasium.Env) -> tuple[list[int], Any]:
    """Time limits, and the environment below wrappers that change neither observation nor reward."""
    limits: list[int] = []
    inner: Any = environment
    while type(inner) in (OrderEnforcing, TimeLimit):
        if type(inner) is TimeLimit:
            limits.append(inner._max_episode_steps)
        inner = inner.env
    return limits, inner


def _simulation(inner: Any) -> Simulation | None:
    if (make := GYMNASIUM_TASKS.get(class_name(inner))) is not None:
        return make(inner)
    if class_name(inner) != "shimmy.dm_control_compatibility:DmControlCompatibilityV0":
        return None
    control = inner._env
    if class_name(control) != "dm_control.rl.control:Environment":
        return None
    from odes_rl.rollouts.native.dm_control_tasks import DM_CONTROL_TASKS  # needs dm_control

    make = DM_CONTROL_TASKS.get(class_name(control.task))
    return make(control) if make is not None else None


def class_name(thing: object) -> str:
    """`module:class` of the type of `thing`."""
    return f"{type(thing).__module__}:{type(thing).__qualname__}"


class Steps(NamedTuple):
    """Results of T steps: observations [T + 1, n], rewards [T], and whether the episode ended at each [T]."""

    observations: np.ndarray
    rewards: np.ndarray
    ends: np.ndarray


def agrees(environment: gymnasium.Env, simulation: Simulation) -> bool:
    """Whether some steps of the simulation are bit-identical to those of `environment`."""
    task = describe(environment)
    if size(simulation.observation) != task.observation_size:
        return False
    low, high = np.maximum(task.low, -1), np.minimum(task.high, 1)
    draws = np.random.default_rng(0).uniform(low, high, (_PROOF_STEPS, task.action_size))
    actions = draws.astype(environment.action_space.dtype)
    mine, theirs = native_steps(environment, simulation, actions), own_steps(environment, actions)
    return all(map(np.array_equal, mine, theirs))


def native_steps(environment: gymnasium.Env, simulation: Simulation, actions: np.ndarray, seed: int = 0) -> Steps:
    """Steps of the simulation from a reset with that seed; an end does not stop them."""
    steps, table = len(actions), tables([simulation])
    observations = np.empty((steps + 1, size(simulation.observation)))
    features = np.empty((steps + 1, size(simulation.features)))
    healthy, ends = np.empty(steps, np.bool_), np.empty(steps, np.bool_)
    environment.reset(seed=seed)
    observe(table, 0, observations[0])
    read_features(table, 0, features[0])
    for t, action in enumerate(actions):
        ends[t] = not advance(table, 0, action)
        observe(table, 0, observations[t + 1])
        read_features(table, 0, features[t + 1])
        healthy[t] = is_healthy(table, 0)
        ends[t] |= simulation.ends and not healthy[t]
    return Steps(observations, simulation.rewards(features, actions, healthy), ends)


def own_steps(environment: gymnasium.Env, actions: np.ndarray, seed: int = 0) -> Steps:
    """The same through the environment's own `step`."""
    flatten = flattener(environment.observation_space)
    observations = [flatten(environment.reset(seed=seed)[0])]
    rewards, ends = [], []
    for action in actions:
        observation, reward, terminated, _, _ = environment.step(action)
        observations.append(flatten(observation))
        rewards.append(float(reward))
        ends.append(terminated)
    return Steps(np.array(observations), np.array(rewards), np.array(ends))
