"""DM Control's ball in cup, finger, point mass and reacher, described. Free of JAX."""

from typing import Any

import numpy as np
from dm_control.suite.finger import _SPIN_VELOCITY

from odes_rl.rollouts.physics.description import Description, Distance, Part, Place
from odes_rl.rollouts.physics.of_dm_control.building import (
    described,
    difference,
    sensor,
    size_of,
    small_control,
    whole,
)
from odes_rl.rollouts.physics.words import Words


def ball_in_cup(control: Any) -> Description:
    """ball_in_cup-catch."""
    ball = size_of(control, "geom", "ball")
    reach = np.array([size_of(control, "site", "target", axis) - ball for axis in (0, 2)])

    def rewards(words: Words, features: Any, actions: Any, healthy: Any) -> Any:
        return words.array.all(abs(features[1:]) < reach, axis=1) * 1.0

    ends = ("site_xpos", "target"), ("xpos", "ball")
    features = [difference(control, *ends, axis, axis + 1) for axis in (0, 2)]
    return described(control, _state(control), features, rewards)


def point_mass(control: Any) -> Description:
    """point_mass-easy and point_mass-hard."""
    size = size_of(control, "geom", "target")

    def rewards(words: Words, features: Any, actions: Any, healthy: Any) -> Any:
        near = words.tolerance_of_each(words.norm(features[1:]), (0, size), margin=size)
        return near * small_control(words, actions)

    to_target = difference(control, ("geom_xpos", "target"), ("geom_xpos", "pointmass"))
    varied = ["wrap_prm"] if control.task._randomize_gains else []
    return described(control, _state(control), [to_target], rewards, varied)


def reacher(control: Any) -> Description:
    """reacher-easy and reacher-hard."""
    radii = size_of(control, "geom", "target") + size_of(control, "geom", "finger")

    def rewards(words: Words, features: Any, actions: Any, healthy: Any) -> Any:
        return words.tolerance(words.norm(features[1:]), (0, radii))

    to_target = difference(control, ("geom_xpos", "target"), ("geom_xpos", "finger"), 0, 2)
    observation = {**_state(control), "to_target": [to_target]}
    return described(control, observation, [to_target], rewards, varied=["geom_pos"])


def finger_spin(control: Any) -> Description:
    """finger-spin."""

    def rewards(words: Words, features: Any, actions: Any, healthy: Any) -> Any:
        return (features[1:, 0] <= -_SPIN_VELOCITY) * 1.0

    return described(control, _finger(control), [sensor(control, "hinge_velocity")], rewards)


def finger_turn(control: Any) -> Description:
    """finger-turn_easy and finger-turn_hard: the tip of the spun body reaches the target."""
    radius = control.task._target_radius
    target, tip = _from_hinge(control, "target"), _from_hinge(control, "tip")

    def rewards(words: Words, features: Any, actions: Any, healthy: Any) -> Any:
        return (words.norm(features[1:, :2] - features[1:, 2:]) - radius <= 0) * 1.0

    observation = {
        **_finger(control),
        "target_position": target,
        "dist_to_target": [Distance(tuple(target), tuple(tip), radius)],
    }
    return described(control, observation, [*target, *tip], rewards, varied=["site_pos"])


def _finger(control: Any) -> dict[str, list[Part]]:
    def sensors(*names: str, **attributes: Any) -> list[Part]:
        return [sensor(control, name, **attributes) for name in names]

    return {
        "position": [*sensors("proximal", "distal"), *_from_hinge(control, "tip")],
        "velocity": sensors("proximal_velocity", "distal_velocity", "hinge_velocity"),
        "touch": sensors("touchtop", "touchbottom", function="log1p"),
    }


def _from_hinge(control: Any, name: str) -> list[Part]:
    """Coordinates x and z of the position sensor of that name, less the hinge's."""
    start = sensor(control, "spinner").start
    return [sensor(control, name, axis, axis + 1, origin=Place("sensordata", start + axis)) for axis in (0, 2)]


def _state(control: Any) -> dict[str, list[Part]]:
    return {"position": whole(control, "qpos"), "velocity": whole(control, "qvel")}
