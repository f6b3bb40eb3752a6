"""Gymnasium's MuJoCo tasks, laid bare. Free of JAX.

Each function here repeats what `step` of the environment of that name computes, over all steps of an episode at once;
attributes are read from the environment, so that its options are kept.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from odes_rl.rollouts.native.simulation import Interval, Scheme, Simulation, Stretch, address, stretch

_FASTEST = 10.0


def half_cheetah(environment: Any) -> Simulation:
    """HalfCheetah-v5, and Swimmer-v5, which rewards alike: speed along x, less what the action costs."""
    data = environment.data
    skipped = environment.observation_structure["skipped_qpos"]

    def rewards(features: np.ndarray, actions: np.ndarray, healthy: np.ndarray) -> np.ndarray:
        forward = environment._forward_reward_weight * _speed(environment, features[:, 0])
        return forward - _control_cost(environment, actions)

    observation = [stretch(data.qpos, skipped), stretch(data.qvel)]
    return _simulation(environment, Scheme.STEP, observation, [stretch(data.qpos, 0, 1)], [], rewards)


def hopper(environment: Any) -> Simulation:
    """Hopper-v5: healthy while the state, the height and the angle are in their ranges."""
    data = environment.data
    low, high = environment._healthy_state_range
    state = [
        Interval(address(data.qpos, 2), data.qpos.size - 2, low, high),
        Interval(address(data.qvel), data.qvel.size, low, high),
    ]
    return _upright(environment, state)


def walker2d(environment: Any) -> Simulation:
    """Walker2d-v5: healthy while the height and the angle are in their ranges."""
    return _upright(environment, [])


def _upright(environment: Any, state: list[Interval]) -> Simulation:
    data = environment.data
    skipped = environment.observation_structure["skipped_qpos"]
    healthy = [
        *state,
        Interval(address(data.qpos, 1), 1, *environment._healthy_z_range),
        Interval(address(data.qpos, 2), 1, *environment._healthy_angle_range),
    ]

    def rewards(features: np.ndarray, actions: np.ndarray, healthy: np.ndarray) -> np.ndarray:
        forward = environment._forward_reward_weight * _speed(environment, features[:, 0])
        gained = forward + healthy * environment._healthy_reward
        return gained - _control_cost(environment, actions)

    observation = [stretch(data.qpos, skipped), stretch(data.qvel, low=-_FASTEST, high=_FASTEST)]
    return _simulation(environment, Scheme.STEP, observation, [stretch(data.qpos, 0, 1)], healthy, rewards)


def ant(environment: Any) -> Simulation:
    """Ant-v5: healthy while the height is in its closed range and the state finite."""
    data, (low, high) = environment.data, environment._contact_force_range
    structure = environment.observation_structure
    torso = environment.model.body(environment._main_body).id
    forces = stretch(data.cfrc_ext, 6, low=low, high=high)
    observation = [stretch(data.qpos, structure["skipped_qpos"]), stretch(data.qvel)]
    observation += [forces] if environment._include_cfrc_ext_in_observation else []
    lowest, highest = environment._healthy_z_range
    healthy = [
        Interval(address(data.qpos), data.qpos.size, -np.inf, np.inf),
        Interval(address(data.qvel), data.qvel.size, -np.inf, np.inf),
        Interval(address(data.qpos, 2), 1, np.nextafter(lowest, -np.inf), np.nextafter(highest, np.inf)),
    ]

    def rewards(features: np.ndarray, actions: np.ndarray, healthy: np.ndarray) -> np.ndarray:
        forward = _speed(environment, features[:, 0]) * environment._forward_reward_weight
        gained = forward + healthy * environment._healthy_reward
        contact = np.clip(features[1:, 1:], low, high)
        contact_cost = environment._contact_cost_weight * np.sum(np.square(contact), axis=1)
        return gained - (_control_cost(environment, actions) + contact_cost)

    features = [stretch(data.xpos, 3 * torso, 3 * torso + 1), stretch(data.cfrc_ext)]
    return _simulation(environment, Scheme.STEP_AND_FORCES, observation, features, healthy, rewards)


def humanoid(environment: Any) -> Simulation:
    """Humanoid-v5: speed of the centre of mass; healthy while the height is in its range."""
    data, mass = environment.data, environment.model.body_mass
    included = {
        "cinert": (data.cinert, data.cinert.shape[1]),
        "cvel": (data.cvel, data.cvel.shape[1]),
        "qfrc_actuator": (data.qfrc_actuator, 6),
        "cfrc_ext": (data.cfrc_ext, data.cfrc_ext.shape[1]),
    }
    observation = [stretch(data.qpos, environment.observation_structure["skipped_qpos"]), stretch(data.qvel)]
    for name, (array, skipped) in included.items():
        if getattr(environment, f"_include_{name}_in_observation"):
            observation.append(stretch(array, skipped))
    healthy = [Interval(address(data.qpos, 2), 1, *environment._healthy_z_range)]
    positions = data.xipos.size

    def rewards(features: np.ndarray, actions: np.ndarray, healthy: np.ndarray) -> np.ndarray:
        bodies = features[:, :positions].reshape(len(features), -1, 3)
        centre = np.array([(np.einsum("b,bj->j", mass, rows) / mass.sum())[0] for rows in bodies])
        gained = environment._forward_reward_weight * _speed(environment, centre) + (
            healthy * environment._healthy_reward
        )
        control = environment._ctrl_cost_weight * np.sum(np.square(actions.astype(np.float64)), axis=1)
        contact = environment._contact_cost_weight * np.sum(np.square(features[1:, positions:]), axis=1)
        return gained - (control + np.clip(contact, *environment._contact_cost_range))

    features = [stretch(data.xipos), stretch(data.cfrc_ext)]
    return _simulation(environment, Scheme.STEP_AND_FORCES, observation, features, healthy, rewards)


def _speed(environment: Any, position: np.ndarray) -> np.ndarray:
    """[T] from positions [T + 1]."""
    return (position[1:] - position[:-1]) / environment.dt


def _control_cost(environment: Any, actions: np.ndarray) -> np.ndarray:
    """[T], in the actions' own type."""
    return environment._ctrl_cost_weight * np.sum(np.square(actions), axis=1)


def _simulation(
    environment: Any,
    scheme: Scheme,
    observation: list[Stretch],
    features: list[Stretch],
    healthy: list[Interval],
    rewards: Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray],
) -> Simulation:
    data = environment.data
    return Simulation(
        model=environment.model._address,
        data=data._address,
        control=address(data.ctrl),
        scheme=scheme,
        substeps=environment.frame_skip,
        observation=observation,
        features=features,
        healthy=healthy,
        ends=getattr(environment, "_terminate_when_unhealthy", False),
        warnings=0,
        rewards=rewards,
        limit=None,
    )


GYMNASIUM_TASKS: dict[str, Callable[[Any], Simulation]] = {
    "gymnasium.envs.mujoco.swimmer_v5:SwimmerEnv": half_cheetah,
    "gymnasium.envs.mujoco.half_cheetah_v5:HalfCheetahEnv": half_cheetah,
    "gymnasium.envs.mujoco.hopper_v5:HopperEnv": hopper,
    "gymnasium.envs.mujoco.walker2d_v5:Walker2dEnv": walker2d,
    "gymnasium.envs.mujoco.ant_v5:AntEnv": ant,
    "gymnasium.envs.mujoco.humanoid_v5:HumanoidEnv": humanoid,
}
"""By the environment's class."""
