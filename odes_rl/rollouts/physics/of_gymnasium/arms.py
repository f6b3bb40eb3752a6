"""Gymnasium's arms and pendulums, described. Free of JAX.

Each function here repeats what `step` of the environment of that name computes, over all steps of an episode at once;
attributes are read from the environment, so that its options are kept.
"""

from typing import Any

import numpy as np

from odes_rl.rollouts.physics.description import Description, Interval, Part, Scheme, place, row, stretch
from odes_rl.rollouts.physics.of_gymnasium.building import closed, described, sum_of_squares
from odes_rl.rollouts.physics.words import Words

_LARGEST_ANGLE = 0.2
_LOWEST_TIP = 1.0
_FASTEST = 10.0


def reacher(environment: Any) -> Description:
    """Reacher-v5: the distance of the fingertip from the target, and what the action costs."""
    data = environment.data
    angles = [stretch(data, "qpos", 0, 2, function=name) for name in ("cos", "sin")]
    rest = [stretch(data, "qpos", 2), stretch(data, "qvel", 0, 2)]
    to_finger = _between(environment, "fingertip", "target")

    def rewards(words: Words, features: Any, actions: Any, healthy: Any) -> Any:
        distance = -words.norm(features[1:]) * environment._reward_dist_weight
        return distance + -sum_of_squares(words, actions) * environment._reward_control_weight

    observation = [*angles, *rest, to_finger._replace(stop=to_finger.start + 2)]
    return described(environment, Scheme.STEP, observation, [to_finger], [], rewards)


def pusher(environment: Any) -> Description:
    """Pusher-v5: the distances of the object from the arm's tip and from the goal, and what the action costs."""
    data, model = environment.data, environment.model
    bodies = [row(data, "xpos", model.body(name).id) for name in ("tips_arm", "object", "goal")]

    def rewards(words: Words, features: Any, actions: Any, healthy: Any) -> Any:
        near = -words.norm(features[1:, :3]) * environment._reward_near_weight
        distance = -words.norm(features[1:, 3:]) * environment._reward_dist_weight
        control = -sum_of_squares(words, actions) * environment._reward_control_weight
        return distance + control + near

    observation = [stretch(data, "qpos", 0, 7), stretch(data, "qvel", 0, 7), *bodies]
    features = [_between(environment, "object", name) for name in ("tips_arm", "goal")]
    return described(environment, Scheme.STEP, observation, features, [], rewards)


def inverted_pendulum(environment: Any) -> Description:
    """InvertedPendulum-v5: ends when the pole leans, or the state is not finite."""
    data = environment.data
    observation = [stretch(data, "qpos"), stretch(data, "qvel")]
    healthy = [Interval(part, -np.inf, np.inf) for part in observation]
    healthy.append(Interval(stretch(data, "qpos", 1, 2), *closed(-_LARGEST_ANGLE, _LARGEST_ANGLE)))

    def rewards(words: Words, features: Any, actions: Any, healthy: Any) -> Any:
        return healthy * 1.0

    return described(environment, Scheme.STEP, observation, [], healthy, rewards, ends=True)


def inverted_double_pendulum(environment: Any) -> Description:
    """InvertedDoublePendulum-v5: ends when the tip is low."""
    data = environment.data
    observation = [
        stretch(data, "qpos", 0, 1),
        *(stretch(data, "qpos", 1, function=name) for name in ("sin", "cos")),
        stretch(data, "qvel", low=-_FASTEST, high=_FASTEST),
        stretch(data, "qfrc_constraint", 0, 1, low=-_FASTEST, high=_FASTEST),
    ]
    healthy = [Interval(row(data, "site_xpos", 0, 2), _LOWEST_TIP, np.inf)]

    def rewards(words: Words, features: Any, actions: Any, healthy: Any) -> Any:
        x, height, slow, fast = (features[1:, i] for i in (0, 2, 3, 4))
        distance = 0.01 * words.square(x) + words.square(height - 2)
        velocity = 1e-3 * words.square(slow) + 5e-3 * words.square(fast)
        return environment._healthy_reward * healthy - distance - velocity

    features = [row(data, "site_xpos", 0), stretch(data, "qvel", 1, 3)]
    return described(environment, Scheme.STEP, observation, features, healthy, rewards, ends=True)


def _between(environment: Any, end: str, start: str) -> Part:
    """The position of the body `end` as seen from the body `start`."""
    data, model = environment.data, environment.model
    return row(data, "xpos", model.body(end).id, origin=place(data, "xpos", model.body(start).id))
