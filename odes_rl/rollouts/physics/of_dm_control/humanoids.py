"""DM Control's humanoid, described. Free of JAX."""

import math
from typing import Any

from dm_control.suite.humanoid import _STAND_HEIGHT

from odes_rl.rollouts.physics.description import Description, place, stretch
from odes_rl.rollouts.physics.of_dm_control.building import (
    ZX,
    ZZ,
    body,
    data_of,
    described,
    model_of,
    sensor,
    small_control,
    velocities,
)
from odes_rl.rollouts.physics.words import Words

_LIMBS = ("left_hand", "left_foot", "right_hand", "right_foot")


def humanoid(control: Any) -> Description:
    """humanoid-stand, humanoid-walk and humanoid-run."""
    data, torso = data_of(control), model_of(control).body("torso").id
    origin, frame = place(data, "xpos", torso), place(data, "xmat", torso)
    velocity, height = sensor(control, "torso_subtreelinvel"), body(control, "head", "xpos", 2)
    observation = {
        "joint_angles": [stretch(data, "qpos", 7)],
        "head_height": [height],
        "extremities": [body(control, name, "xpos", origin=origin, frame=frame) for name in _LIMBS],
        "torso_vertical": [body(control, "torso", "xmat", ZX)],
        "com_velocity": [velocity],
        "velocity": velocities(control),
    }
    if control.task._pure_state:
        observation = {"position": [stretch(data, "qpos")], "velocity": velocities(control)}

    def rewards(words: Words, features: Any, actions: Any, healthy: Any) -> Any:
        return _rewards(words, control.task._move_speed, features[1:], actions)

    return described(control, observation, [height, body(control, "torso", "xmat", ZZ), velocity], rewards)


def _rewards(words: Words, move_speed: float, features: Any, actions: Any) -> Any:
    """From features [T, 4]: height of the head, cosine to the vertical, and velocity."""
    height, upright, velocity = features[:, 0], features[:, 1], features[:, 2:4]
    standing = words.tolerance_of_each(height, (_STAND_HEIGHT, math.inf), margin=_STAND_HEIGHT / 4)
    upright = words.tolerance(upright, (0.9, math.inf), sigmoid="linear", margin=1.9, value_at_margin=0)
    posture = small_control(words, actions) * (standing * upright)
    if move_speed == 0:
        return posture * words.tolerance(velocity, margin=2).mean(axis=1)
    bounds, speed = (move_speed, math.inf), words.norm(velocity)
    move = words.tolerance(speed, bounds, margin=move_speed, value_at_margin=0, sigmoid="linear")
    return posture * ((5 * move + 1) / 6)
