"""DM Control's manipulator and stacker, described. Free of JAX."""

import math
from collections.abc import Sequence
from typing import Any

from dm_control.suite.manipulator import _ARM_JOINTS, _CLOSE, _TOUCH_SENSORS
from dm_control.suite.stacker import _CLOSE as _STACKER_CLOSE

from odes_rl.rollouts.physics.description import Description, Part
from odes_rl.rollouts.physics.of_dm_control.building import (
    described,
    difference,
    joint,
    numbers,
    sensor,
    size_of,
    whole,
)
from odes_rl.rollouts.physics.words import Words

_PEG_DISTANCES = (("peg_grasp", "grasp"), ("peg_pinch", "pinch"), ("peg", "target_peg"), ("target_peg_tip", "peg_tip"))


def manipulator(control: Any) -> Description:
    """manipulator-bring_ball, -bring_peg, -insert_ball and -insert_peg."""
    task = control.task
    touch = [sensor(control, name, function="log1p") for name in _TOUCH_SENSORS]
    observation = {**_arm(control), "touch": touch}
    if task._fully_observable:
        observation |= {
            "hand_pos": _pose(control, "hand"),
            "object_pos": _pose(control, task._object),
            "object_vel": _joints(control, "qvel", task._object_joints),
            "target_pos": _pose(control, task._target),
        }

    def rewards(words: Words, features: Any, actions: Any, healthy: Any) -> Any:
        close = [
            words.tolerance_of_each(words.norm(features[1:, i : i + 3]), (0, _CLOSE), margin=_CLOSE * 2)
            for i in range(0, features.shape[1], 3)
        ]
        if not task._use_peg:
            return close[0]
        grasp, pinch, bring, bring_tip = close
        return words.array.maximum((bring + bring_tip) / 2, (grasp + pinch) / 2 / 3)

    pairs = _PEG_DISTANCES if task._use_peg else (("ball", "target_ball"),)
    varied = ["body_pos", "body_quat"]
    return described(control, observation, [_between(control, *pair) for pair in pairs], rewards, varied)


def stacker(control: Any) -> Description:
    """stacker-stack_2 and stacker-stack_4."""
    task, size = control.task, size_of(control, "geom", "target")
    touch = [part._replace(function="log1p") for part in whole(control, "sensordata")]
    observation = {**_arm(control), "touch": touch}
    if task._fully_observable:
        observation |= {
            "hand_pos": _pose(control, "hand"),
            "box_pos": [part for name in task._box_names for part in _pose(control, name)],
            "box_vel": _joints(control, "qvel", task._box_joint_names),
            "target_pos": _pose(control, "target")[:2],
        }

    def rewards(words: Words, features: Any, actions: Any, healthy: Any) -> Any:
        hand, *boxes = (words.norm(features[1:, i : i + 3]) for i in range(0, features.shape[1], 3))
        nearest = words.array.min(words.array.stack(boxes), axis=0)
        box_is_close = words.tolerance_of_each(nearest, margin=2 * size)
        return box_is_close * words.tolerance_of_each(hand, (0.1, math.inf), margin=_STACKER_CLOSE)

    features = [_between(control, name, "target") for name in ("grasp", *task._box_names)]
    return described(control, observation, features, rewards, varied=["body_pos"])


def _arm(control: Any) -> dict[str, list[Part]]:
    angles = _joints(control, "qpos", _ARM_JOINTS)
    return {
        "arm_pos": [angle._replace(function=name) for angle in angles for name in ("sin", "cos")],
        "arm_vel": _joints(control, "qvel", _ARM_JOINTS),
    }


def _joints(control: Any, field: str, names: Sequence[str]) -> list[Part]:
    return [joint(control, field, name) for name in names]


def _pose(control: Any, name: str) -> list[Part]:
    """Position and orientation in the plane of x and z."""
    places = (("xpos", 0), ("xpos", 2), ("xquat", 0), ("xquat", 2))
    return [numbers(control, field, name, column, column + 1) for field, column in places]


def _between(control: Any, end: str, start: str) -> Part:
    return difference(control, ("site_xpos", end), ("site_xpos", start))
