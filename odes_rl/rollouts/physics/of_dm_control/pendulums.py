"""DM Control's acrobot, pendulum and poles on carts, described. Free of JAX."""

from typing import Any

from dm_control.suite.pendulum import _COSINE_BOUND

from odes_rl.rollouts.physics.description import Description, row
from odes_rl.rollouts.physics.of_dm_control.building import (
    XZ,
    ZZ,
    data_of,
    described,
    difference,
    joint,
    model_of,
    numbers,
    size_of,
    whole,
)
from odes_rl.rollouts.physics.words import Words


def acrobot(control: Any) -> Description:
    """acrobot-swingup and acrobot-swingup_sparse: the distance of the tip from the target."""
    radius, margin = size_of(control, "site", "target"), 0 if control.task._sparse else 1
    arms = [(arm, axis) for axis in (XZ, ZZ) for arm in ("upper_arm", "lower_arm")]
    observation = {
        "orientations": [numbers(control, "xmat", arm, axis, axis + 1) for arm, axis in arms],
        "velocity": whole(control, "qvel"),
    }

    def rewards(words: Words, features: Any, actions: Any, healthy: Any) -> Any:
        return words.tolerance_of_each(words.norm(features[1:]), (0, radius), margin=margin)

    to_target = difference(control, ("site_xpos", "target"), ("site_xpos", "tip"))
    return described(control, observation, [to_target], rewards)


def pendulum(control: Any) -> Description:
    """pendulum-swingup."""
    vertical, horizontal = (numbers(control, "xmat", "pole", axis, axis + 1) for axis in (ZZ, XZ))

    def rewards(words: Words, features: Any, actions: Any, healthy: Any) -> Any:
        return words.tolerance(features[1:, 0], (_COSINE_BOUND, 1))

    observation = {"orientation": [vertical, horizontal], "velocity": [joint(control, "qvel", "hinge")]}
    return described(control, observation, [vertical], rewards)


def cartpole(control: Any) -> Description:
    """cartpole-balance, cartpole-swingup, their sparse kinds, and two or three poles."""
    data, task = data_of(control), control.task
    cart, poles = joint(control, "qpos", "slider"), range(2, model_of(control).nbody)
    orientations = [row(data, "xmat", pole, axis, axis + 1) for pole in poles for axis in (ZZ, XZ)]
    observation = {"position": [cart, *orientations], "velocity": whole(control, "qvel")}
    cosines = [row(data, "xmat", pole, ZZ) for pole in poles]
    last = 1 + len(poles)

    def sparse(words: Words, features: Any, actions: Any, healthy: Any) -> Any:
        in_bounds = words.tolerance(features[1:, 0], task._CART_RANGE)
        return in_bounds * words.tolerance(features[1:, 1:last], task._ANGLE_COSINE_RANGE).prod(axis=1)

    def smooth(words: Words, features: Any, actions: Any, healthy: Any) -> Any:
        upright = (features[1:, 1:last] + 1) / 2
        centred = (1 + words.tolerance_of_each(features[1:, 0], margin=2)) / 2
        control_cost = words.tolerance(actions, margin=1, value_at_margin=0, sigmoid="quadratic")[:, 0]
        small_velocity = (1 + words.tolerance(features[1:, last:], margin=5).min(axis=1)) / 2
        return upright.mean(axis=1) * ((4 + control_cost) / 5) * small_velocity * centred

    features = [cart, *cosines, *whole(control, "qvel", 1)]
    return described(control, observation, features, sparse if task._sparse else smooth)
