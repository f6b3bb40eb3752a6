"""DM Control's humanoids, described. Free of JAX."""

import math
from collections.abc import Sequence
from typing import Any

from dm_control.suite.humanoid import _STAND_HEIGHT
from dm_control.suite.humanoid_CMU import _STAND_HEIGHT as _CMU_STAND_HEIGHT

from odes_rl.rollouts.physics.description import Description, Part
from odes_rl.rollouts.physics.of_dm_control.building import (
    ZX,
    ZY,
    ZZ,
    at,
    described,
    numbers,
    sensor,
    small_control,
    whole,
)
from odes_rl.rollouts.physics.words import Words

_LIMBS = ("left_hand", "left_foot", "right_hand", "right_foot")
_CMU_LIMBS = ("lhand", "lfoot", "rhand", "rfoot")


def humanoid(control: Any) -> Description:
    """humanoid-stand, humanoid-walk and humanoid-run."""
    observation = _observation(control, "torso", _LIMBS)
    if control.task._pure_state:
        observation = {"position": whole(control, "qpos"), "velocity": whole(control, "qvel")}
    return _described(control, observation, "torso", ZZ, _STAND_HEIGHT)


def humanoid_cmu(control: Any) -> Description:
    """humanoid_CMU-stand, humanoid_CMU-walk and humanoid_CMU-run, whose thorax has its second axis up."""
    return _described(control, _observation(control, "thorax", _CMU_LIMBS), "thorax", ZY, _CMU_STAND_HEIGHT)


def _observation(control: Any, torso: str, limbs: Sequence[str]) -> dict[str, list[Part]]:
    origin, frame = at(control, "xpos", torso), at(control, "xmat", torso)
    return {
        "joint_angles": whole(control, "qpos", 7),
        "head_height": [numbers(control, "xpos", "head", 2)],
        "extremities": [numbers(control, "xpos", name, origin=origin, frame=frame) for name in limbs],
        "torso_vertical": [numbers(control, "xmat", torso, ZX)],
        "com_velocity": [sensor(control, f"{torso}_subtreelinvel")],
        "velocity": whole(control, "qvel"),
    }


def _described(
    control: Any, observation: dict[str, list[Part]], torso: str, upwards: int, stand_height: float
) -> Description:
    move_speed = control.task._move_speed

    def rewards(words: Words, features: Any, actions: Any, healthy: Any) -> Any:
        height, upright, velocity = features[1:, 0], features[1:, 1], features[1:, 2:]
        standing = words.tolerance_of_each(height, (stand_height, math.inf), margin=stand_height / 4)
        upright = words.tolerance(upright, (0.9, math.inf), sigmoid="linear", margin=1.9, value_at_margin=0)
        posture = small_control(words, actions) * (standing * upright)
        if move_speed == 0:
            return posture * words.tolerance(velocity, margin=2).mean(axis=1)
        bounds, speed = (move_speed, math.inf), words.norm(velocity)
        move = words.tolerance(speed, bounds, margin=move_speed, value_at_margin=0, sigmoid="linear")
        return posture * ((5 * move + 1) / 6)

    features = [
        numbers(control, "xpos", "head", 2),
        numbers(control, "xmat", torso, upwards, upwards + 1),
        sensor(control, f"{torso}_subtreelinvel", 0, 2),
    ]
    return described(control, observation, features, rewards)
