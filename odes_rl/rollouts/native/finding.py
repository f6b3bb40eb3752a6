"""Finds environments with native stepping, and checks it against their own `step`. Free of JAX."""

import logging
from typing import NamedTuple

import gymnasium
import numpy as np

from odes_rl.rollouts.environments import describe
from odes_rl.rollouts.flattening import flattener
from odes_rl.rollouts.native.mujoco_calls import load_library
from odes_rl.rollouts.native.reading import is_healthy, observe, read_features
from odes_rl.rollouts.native.stepping import advance
from odes_rl.rollouts.native.tables import tables
from odes_rl.rollouts.physics.description import Physics, size
from odes_rl.rollouts.physics.finding import describe_physics, known, unwrap
from odes_rl.rollouts.physics.words import NUMPY
from odes_rl.rollouts.setup import Setup

_log = logging.getLogger(__name__)
_PROOF_STEPS = 5
_PLAIN = Setup()
KEPT = frozenset(
    {
        *("forward_reward_weight", "ctrl_cost_weight", "contact_cost_weight", "contact_cost_range", "healthy_reward"),
        *("terminate_when_unhealthy", "healthy_z_range", "healthy_angle_range", "healthy_state_range", "frame_skip"),
        *("contact_force_range", "reset_noise_scale", "exclude_current_positions_from_observation", "main_body"),
        *(f"include_{name}_in_observation" for name in ("cfrc_ext", "cinert", "cvel", "qfrc_actuator")),
        *("reward_dist_weight", "reward_control_weight", "reward_near_weight"),
        *("uph_cost_weight", "impact_cost_weight", "impact_cost_range"),
        *(f"task_kwargs.{name}" for name in ("random", "time_limit", "fully_observable", "num_poles", "sparse")),
        *(f"environment_kwargs.{name}" for name in ("control_timestep", "n_sub_steps", "legacy_step")),
    }
)
"""Options that native stepping takes over from the environment, to the same bits; tests compare whole episodes."""


def native_simulation(environment: gymnasium.Env, setup: Setup = _PLAIN) -> Physics | None:
    """The description for native stepping of `environment`, or None if its own `step` must be used.

    It is None if something in `setup` forbids it (`obstacle`), or the first steps of both differ in a bit, since
    another version of Gymnasium or DM Control may compute something else. Resets the environment.
    """
    if obstacle(environment, setup):
        return None
    simulation = describe_physics(environment)
    if simulation is None or not load_library():
        return None
    if not agrees(environment, simulation):
        _log.warning("%s steps differently from the native code: using its own step, which is slower", environment)
        return None
    return simulation


def obstacle(environment: gymnasium.Env, setup: Setup) -> str | None:
    """What in `setup` keeps an `environment` from native stepping that its task has; None if nothing in it does."""
    if known(environment.unwrapped) is None:
        return None
    options = [name for name in setup.option_names if name not in KEPT]
    _, outermost = unwrap(environment)
    if outermost is not environment.unwrapped:
        return f"task.wrappers ({', '.join(wrap.name for wrap in setup.wrappers)})" if setup.wrappers else None
    return f"task.options ({', '.join(options)})" if options else None


class Steps(NamedTuple):
    """Results of T steps: observations [T + 1, n], rewards [T], and whether the episode ended at each [T]."""

    observations: np.ndarray
    rewards: np.ndarray
    ends: np.ndarray


def agrees(environment: gymnasium.Env, simulation: Physics) -> bool:
    """Whether some steps of the simulation are bit-identical to those of `environment`."""
    task = describe(environment)
    if size(simulation.description.observation) != task.observation_size:
        return False
    low, high = np.maximum(task.low, -1), np.minimum(task.high, 1)
    draws = np.random.default_rng(0).uniform(low, high, (_PROOF_STEPS, task.action_size))
    actions = draws.astype(environment.action_space.dtype)
    mine, theirs = native_steps(environment, simulation, actions), own_steps(environment, actions)
    return all(map(np.array_equal, mine, theirs))


def native_steps(environment: gymnasium.Env, simulation: Physics, actions: np.ndarray, seed: int = 0) -> Steps:
    """Steps of the simulation from a reset with that seed; an end does not stop them."""
    steps, table, description = len(actions), tables(simulation), simulation.description
    observations = np.empty((steps + 1, size(description.observation)))
    features = np.empty((steps + 1, size(description.features)))
    healthy, ends = np.empty(steps, np.bool_), np.empty(steps, np.bool_)
    environment.reset(seed=seed)
    observe(table, observations[0])
    read_features(table, features[0])
    for t, action in enumerate(actions):
        ends[t] = not advance(table, action)
        observe(table, observations[t + 1])
        read_features(table, features[t + 1])
        healthy[t] = is_healthy(table)
        ends[t] |= description.ends and not healthy[t]
    return Steps(observations, description.rewards(NUMPY, features, actions, healthy), ends)


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
