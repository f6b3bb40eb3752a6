"""DM Control's dog, described. Free of JAX."""

import math
from typing import Any

from dm_control.suite.dog import _MIN_UPRIGHT_COSINE

from odes_rl.rollouts.physics.description import Description, Part, Rewards
from odes_rl.rollouts.physics.of_dm_control.building import (
    ZX,
    ZZ,
    at,
    described,
    hinges,
    joint,
    numbers,
    sensor,
    whole,
)
from odes_rl.rollouts.physics.words import Words

_BODIES = ("skull", "torso", "pelvis")
_TOUCH = ("palm_L", "palm_R", "sole_L", "sole_R")


def dog_stand(control: Any) -> Description:
    """dog-stand: heights and the weight that it is compared with are those of the last reset."""
    return described(control, _observation(control), _features(control), _rewards(control))


def dog_move(control: Any) -> Description:
    """dog-walk, dog-trot and dog-run: standing, and the speed of the centre of mass along the torso."""
    goal, standing = control.task._move_speed, _rewards(control)
    bounds, margin = (goal, 2 * goal), max(1.0, goal)

    def rewards(words: Words, features: Any, actions: Any, healthy: Any) -> Any:
        speed = features[1:, -1]
        forward = words.tolerance(speed, bounds, margin=margin, value_at_margin=0, sigmoid="linear")
        return standing(words, features, actions, healthy) * ((4 * forward + 1) / 5)

    forward = sensor(control, "torso_linvel", 0, 1, frame=at(control, "xmat", "torso"))
    return described(control, _observation(control), [*_features(control), forward], rewards)


def _features(control: Any) -> list[Part]:
    return [
        *(numbers(control, "xpos", name, 2) for name in _BODIES[1:]),
        *(numbers(control, "xmat", name, ZZ) for name in _BODIES),
        *(sensor(control, name) for name in _TOUCH),
    ]


def _rewards(control: Any) -> Rewards:
    torso_height, pelvis_height = control.task._stand_height.tolist()
    weight = float(control.task._body_weight)

    def rewards(words: Words, features: Any, actions: Any, healthy: Any) -> Any:
        torso = words.tolerance_of_each(features[1:, 0], (torso_height, math.inf), margin=torso_height)
        pelvis = words.tolerance_of_each(features[1:, 1], (pelvis_height, math.inf), margin=pelvis_height)
        bounds, margin = (_MIN_UPRIGHT_COSINE, math.inf), _MIN_UPRIGHT_COSINE + 1
        upright = words.tolerance(features[1:, 2:5], bounds, sigmoid="linear", margin=margin, value_at_margin=0)
        force, bounds = features[1:, 5:9].sum(axis=1), (weight, math.inf)
        touch = words.tolerance(force, bounds, margin=weight, sigmoid="linear", value_at_margin=0.9)
        return torso * pelvis * upright[:, 0] * upright[:, 1] * upright[:, 2] * touch

    return rewards


def _observation(control: Any) -> dict[str, list[Part]]:
    joints = hinges(control)

    def sensors(*names: str) -> list[Part]:
        return [sensor(control, name) for name in names]

    return {
        "joint_angles": [joint(control, "qpos", name) for name in joints],
        "joint_velocites": [joint(control, "qvel", name) for name in joints],
        "torso_pelvis_height": [numbers(control, "xpos", name, 2) for name in _BODIES[1:]],
        "z_projection": [numbers(control, "xmat", name, ZX) for name in _BODIES],
        "torso_com_velocity": [sensor(control, "torso_linvel", frame=at(control, "xmat", "torso"))],
        "inertial_sensors": sensors("accelerometer", "velocimeter", "gyro"),
        "foot_forces": sensors("foot_L", "foot_R", "hand_L", "hand_R"),
        "touch_sensors": sensors(*_TOUCH),
        "actuator_state": whole(control, "act"),
    }
