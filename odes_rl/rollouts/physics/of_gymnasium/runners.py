"""Gymnasium's MuJoCo tasks that move forward on legs or swim, described. Free of JAX.

Each function here repeats what `step` of the environment of that name computes, over all steps of an episode at once;
attributes are read from the environment, so that its options are kept.
"""

from typing import Any

import numpy as np

from odes_rl.rollouts.physics.description import Description, Interval, Scheme, row, stretch
from odes_rl.rollouts.physics.of_gymnasium.building import closed, control_cost, described, speed, sum_of_squares
from odes_rl.rollouts.physics.words import Words

_FASTEST = 10.0


def half_cheetah(environment: Any) -> Description:
    """HalfCheetah-v5, and Swimmer-v5, which rewards alike: speed along x, less what the action costs."""
    data = environment.data
    skipped = environment.observation_structure["skipped_qpos"]

    def rewards(words: Words, features: Any, actions: Any, healthy: Any) -> Any:
        forward = environment._forward_reward_weight * speed(environment, features[:, 0])
        return forward - control_cost(words, environment, actions)

    observation = [stretch(data, "qpos", skipped), stretch(data, "qvel")]
    return described(environment, Scheme.STEP, observation, [stretch(data, "qpos", 0, 1)], [], rewards)


def hopper(environment: Any) -> Description:
    """Hopper-v5: healthy while the state, the height and the angle are in their ranges."""
    data = environment.data
    low, high = environment._healthy_state_range
    state = [Interval(stretch(data, "qpos", 2), low, high), Interval(stretch(data, "qvel"), low, high)]
    return _upright(environment, state)


def walker2d(environment: Any) -> Description:
    """Walker2d-v5: healthy while the height and the angle are in their ranges."""
    return _upright(environment, [])


def _upright(environment: Any, state: list[Interval]) -> Description:
    data = environment.data
    skipped = environment.observation_structure["skipped_qpos"]
    healthy = [
        *state,
        Interval(stretch(data, "qpos", 1, 2), *environment._healthy_z_range),
        Interval(stretch(data, "qpos", 2, 3), *environment._healthy_angle_range),
    ]

    def rewards(words: Words, features: Any, actions: Any, healthy: Any) -> Any:
        forward = environment._forward_reward_weight * speed(environment, features[:, 0])
        gained = forward + healthy * environment._healthy_reward
        return gained - control_cost(words, environment, actions)

    observation = [stretch(data, "qpos", skipped), stretch(data, "qvel", low=-_FASTEST, high=_FASTEST)]
    return described(environment, Scheme.STEP, observation, [stretch(data, "qpos", 0, 1)], healthy, rewards)


def ant(environment: Any) -> Description:
    """Ant-v5: healthy while the height is in its closed range and the state finite."""
    data, (low, high) = environment.data, environment._contact_force_range
    torso = environment.model.body(environment._main_body).id
    observation = [stretch(data, "qpos", environment.observation_structure["skipped_qpos"]), stretch(data, "qvel")]
    if environment._include_cfrc_ext_in_observation:
        observation.append(stretch(data, "cfrc_ext", 6, low=low, high=high))
    lowest, highest = environment._healthy_z_range
    healthy = [
        Interval(stretch(data, "qpos"), -np.inf, np.inf),
        Interval(stretch(data, "qvel"), -np.inf, np.inf),
        Interval(stretch(data, "qpos", 2, 3), *closed(lowest, highest)),
    ]

    def rewards(words: Words, features: Any, actions: Any, healthy: Any) -> Any:
        forward = speed(environment, features[:, 0]) * environment._forward_reward_weight
        gained = forward + healthy * environment._healthy_reward
        contact = words.array.clip(features[1:, 1:], low, high)
        contact_cost = environment._contact_cost_weight * sum_of_squares(words, contact)
        return gained - (control_cost(words, environment, actions) + contact_cost)

    features = [row(data, "xpos", torso, 0, 1), stretch(data, "cfrc_ext")]
    return described(environment, Scheme.STEP_AND_FORCES, observation, features, healthy, rewards)
