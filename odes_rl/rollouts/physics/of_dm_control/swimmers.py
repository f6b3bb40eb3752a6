"""DM Control's swimmer, described. Free of JAX."""

from typing import Any

from odes_rl.rollouts.physics.description import Description, Part, place, row, stretch
from odes_rl.rollouts.physics.of_dm_control.building import data_of, described, model_of
from odes_rl.rollouts.physics.words import Words


def swimmer(control: Any) -> Description:
    """swimmer-swimmer6 and swimmer-swimmer15: the distance of the nose from the target."""
    data, model = data_of(control), model_of(control)
    target, nose = model.geom("target").id, model.geom("nose").id
    size = float(model.geom_size[target, 0])
    nose_to_target = row(
        *(data, "geom_xpos", target, 0, 2),
        origin=place(data, "geom_xpos", nose),
        frame=place(data, "xmat", model.body("head").id),
    )

    def rewards(words: Words, features: Any, actions: Any, healthy: Any) -> Any:
        distance = words.norm(features[1:])
        return words.tolerance_of_each(distance, (0, size), margin=5 * size, sigmoid="long_tail")

    bodies = [
        part
        for start in range(12, data.sensordata.size, 6)
        for part in (Part("sensordata", start, start + 2), Part("sensordata", start + 5, start + 6))
    ]
    observation = {"joints": [stretch(data, "qpos", 3)], "to_target": [nose_to_target], "body_velocities": bodies}
    return described(control, observation, [nose_to_target], rewards, varied=["geom_pos"])
