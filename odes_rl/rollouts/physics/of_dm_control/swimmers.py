"""DM Control's swimmer and fish, described. Free of JAX."""

from typing import Any

from dm_control.suite.fish import _JOINTS

from odes_rl.rollouts.physics.description import Description, Part
from odes_rl.rollouts.physics.of_dm_control.building import (
    ZZ,
    at,
    data_of,
    described,
    joint,
    numbers,
    size_of,
    whole,
)
from odes_rl.rollouts.physics.words import Words


def swimmer(control: Any) -> Description:
    """swimmer-swimmer6 and swimmer-swimmer15: the distance of the nose from the target."""
    size = size_of(control, "geom", "target")
    origin, frame = at(control, "geom_xpos", "nose"), at(control, "xmat", "head")
    nose_to_target = numbers(control, "geom_xpos", "target", 0, 2, origin=origin, frame=frame)

    def rewards(words: Words, features: Any, actions: Any, healthy: Any) -> Any:
        distance = words.norm(features[1:])
        return words.tolerance_of_each(distance, (0, size), margin=5 * size, sigmoid="long_tail")

    bodies = [
        part
        for start in range(12, data_of(control).sensordata.size, 6)
        for part in (Part("sensordata", start, start + 2), Part("sensordata", start + 5, start + 6))
    ]
    observation = {"joints": whole(control, "qpos", 3), "to_target": [nose_to_target], "body_velocities": bodies}
    return described(control, observation, [nose_to_target], rewards, varied=["geom_pos"])


def fish_upright(control: Any) -> Description:
    """fish-upright."""

    def rewards(words: Words, features: Any, actions: Any, healthy: Any) -> Any:
        return words.tolerance_of_each(features[1:, 0], (1, 1), margin=1)

    return described(control, _fish(control), [numbers(control, "xmat", "torso", ZZ)], rewards)


def fish_swim(control: Any) -> Description:
    """fish-swim: the mouth reaches the target, which it sees in its own frame."""
    origin, frame = at(control, "geom_xpos", "mouth"), at(control, "geom_xmat", "mouth")
    mouth_to_target = numbers(control, "geom_xpos", "target", origin=origin, frame=frame)
    radii = size_of(control, "geom", "mouth") + size_of(control, "geom", "target")

    def rewards(words: Words, features: Any, actions: Any, healthy: Any) -> Any:
        in_target = words.tolerance_of_each(words.norm(features[1:, :3]), (0, radii), margin=2 * radii)
        is_upright = 0.5 * (features[1:, 3] + 1)
        return (7 * in_target + is_upright) / 8

    features = [mouth_to_target, numbers(control, "xmat", "torso", ZZ)]
    return described(control, {**_fish(control), "target": [mouth_to_target]}, features, rewards, varied=["geom_pos"])


def _fish(control: Any) -> dict[str, list[Part]]:
    return {
        "joint_angles": [joint(control, "qpos", name) for name in _JOINTS],
        "upright": [numbers(control, "xmat", "torso", ZZ)],
        "velocity": whole(control, "qvel"),
    }
