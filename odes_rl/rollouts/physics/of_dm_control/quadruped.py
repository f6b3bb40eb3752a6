"""DM Control's quadruped, described. Free of JAX."""

import math
from typing import Any

import mujoco
import numpy as np
from dm_control.suite.quadruped import _HEIGHTFIELD_ID

from odes_rl.rollouts.physics.description import Description, Part, Place
from odes_rl.rollouts.physics.of_dm_control.building import (
    ZZ,
    at,
    described,
    difference,
    hinges,
    joint,
    model_of,
    numbers,
    sensor,
    size_of,
    whole,
)
from odes_rl.rollouts.physics.words import Words

_NO_HIT = -1.0
"""What a rangefinder returns that hits nothing."""
_TYPES: Any = mujoco.mjtSensor  # type: ignore[attr-defined]


def quadruped_move(control: Any) -> Description:
    """quadruped-walk and quadruped-run."""
    goal = control.task._desired_speed

    def rewards(words: Words, features: Any, actions: Any, healthy: Any) -> Any:
        speed, bounds = features[1:, 1], (goal, math.inf)
        move = words.tolerance(speed, bounds, margin=goal, value_at_margin=0.5, sigmoid="linear")
        return _upright(words, features) * move

    features = [numbers(control, "xmat", "torso", ZZ), sensor(control, "velocimeter", 0, 1)]
    return described(control, _observation(control), features, rewards)


def quadruped_escape(control: Any) -> Description:
    """quadruped-escape."""
    terrain = float(model_of(control).hfield_size[_HEIGHTFIELD_ID, 0])
    frame = at(control, "xmat", "torso")
    observation = {
        **_observation(control),
        "origin": [numbers(control, "xpos", "torso", frame=frame, function="negative")],
        "rangefinder": _sensors(control, _TYPES.mjSENS_RANGEFINDER, absent=_NO_HIT, function="tanh"),
    }

    def rewards(words: Words, features: Any, actions: Any, healthy: Any) -> Any:
        distance, bounds = words.norm(features[1:, 1:]), (terrain, math.inf)
        escape = words.tolerance(distance, bounds, margin=terrain, value_at_margin=0, sigmoid="linear")
        return _upright(words, features, deviation_angle=20) * escape

    features = [numbers(control, "xmat", "torso", ZZ), numbers(control, "site_xpos", "workspace")]
    return described(control, observation, features, rewards, varied=["hfield_data"])


def quadruped_fetch(control: Any) -> Description:
    """quadruped-fetch."""
    origin, frame = at(control, "xpos", "torso"), at(control, "xmat", "torso")
    root = joint(control, "qvel", "root", 0, 3)
    ball = [
        numbers(control, "xpos", "ball", origin=origin, frame=frame, stacked=True),
        joint(control, "qvel", "ball_root", 0, 3, origin=Place("qvel", root.start), frame=frame, stacked=True),
        joint(control, "qvel", "ball_root", 3, frame=frame, stacked=True),
    ]
    target = numbers(control, "site_xpos", "target", origin=origin, frame=frame)
    arena = size_of(control, "geom", "floor") * np.sqrt(2)
    reach_radius = size_of(control, "site", "workspace") + size_of(control, "geom", "ball")
    target_radius = size_of(control, "site", "target")

    def rewards(words: Words, features: Any, actions: Any, healthy: Any) -> Any:
        def near(vectors: Any, radius: float) -> Any:
            return words.tolerance(words.norm(vectors), (0, radius), arena, "linear", value_at_margin=0)

        reach, fetch = near(features[1:, 1:3], reach_radius), near(features[1:, 3:], target_radius)
        return _upright(words, features) * (reach * (0.5 + 0.5 * fetch))

    features = [
        numbers(control, "xmat", "torso", ZZ),
        difference(control, ("site_xpos", "workspace"), ("xpos", "ball"), 0, 2),
        difference(control, ("site_xpos", "target"), ("xpos", "ball"), 0, 2),
    ]
    observation = {**_observation(control), "ball_state": ball, "target_position": [target]}
    return described(control, observation, features, rewards)


def _upright(words: Words, features: Any, deviation_angle: float = 0) -> Any:
    deviation = np.cos(np.deg2rad(deviation_angle))
    bounds, margin = (deviation, math.inf), 1 + deviation
    return words.tolerance(features[1:, 0], bounds, sigmoid="linear", margin=margin, value_at_margin=0)


def _observation(control: Any) -> dict[str, list[Part]]:
    joints = hinges(control)
    state = [joint(control, field, name) for field in ("qpos", "qvel") for name in joints]
    return {
        "egocentric_state": [*state, *whole(control, "act")],
        "torso_velocity": [sensor(control, "velocimeter")],
        "torso_upright": [numbers(control, "xmat", "torso", ZZ)],
        "imu": _sensors(control, _TYPES.mjSENS_GYRO, _TYPES.mjSENS_ACCELEROMETER),
        "force_torque": _sensors(control, _TYPES.mjSENS_FORCE, _TYPES.mjSENS_TORQUE, function="arcsinh"),
    }


def _sensors(control: Any, *types: int, **attributes: Any) -> list[Part]:
    """All sensors of these types, in the model's order."""
    model = model_of(control)
    names = [model.sensor(i).name for i in np.nonzero(np.isin(model.sensor_type, types))[0]]
    return [sensor(control, name, **attributes) for name in names]
