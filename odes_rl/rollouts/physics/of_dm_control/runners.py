"""DM Control's cheetah, walker and hopper, described. Free of JAX."""

import math
from typing import Any

from dm_control.suite.cheetah import _RUN_SPEED
from dm_control.suite.hopper import _HOP_SPEED
from dm_control.suite.hopper import _STAND_HEIGHT as _HOPPER_STAND_HEIGHT
from dm_control.suite.walker import _STAND_HEIGHT as _WALKER_STAND_HEIGHT

from odes_rl.rollouts.physics.description import Description, row
from odes_rl.rollouts.physics.of_dm_control.building import (
    XX,
    XZ,
    ZZ,
    data_of,
    described,
    difference,
    model_of,
    numbers,
    sensor,
    small_control,
    whole,
)
from odes_rl.rollouts.physics.words import Words


def cheetah(control: Any) -> Description:
    """cheetah-run."""

    def rewards(words: Words, features: Any, actions: Any, healthy: Any) -> Any:
        bounds = (_RUN_SPEED, math.inf)
        return words.tolerance(features[1:, 0], bounds, margin=_RUN_SPEED, value_at_margin=0, sigmoid="linear")

    observation = {"position": whole(control, "qpos", 1), "velocity": whole(control, "qvel")}
    return described(control, observation, [sensor(control, "torso_subtreelinvel", 0, 1)], rewards)


def walker(control: Any) -> Description:
    """walker-stand, walker-walk and walker-run."""
    data, move_speed = data_of(control), control.task._move_speed
    height, upright = numbers(control, "xpos", "torso", 2), numbers(control, "xmat", "torso", ZZ)
    bodies = range(1, model_of(control).nbody)
    observation = {
        "orientations": [row(data, "xmat", body, axis, axis + 1) for body in bodies for axis in (XX, XZ)],
        "height": [height],
        "velocity": whole(control, "qvel"),
    }

    def rewards(words: Words, features: Any, actions: Any, healthy: Any) -> Any:
        height, upright, speed = features[1:, 0], features[1:, 1], features[1:, 2]
        bounds, margin = (_WALKER_STAND_HEIGHT, math.inf), _WALKER_STAND_HEIGHT / 2
        standing = words.tolerance_of_each(height, bounds, margin=margin)
        stand = (3 * standing + (1 + upright) / 2) / 4
        return stand if move_speed == 0 else stand * (5 * _moving(words, speed, move_speed) + 1) / 6

    return described(control, observation, [height, upright, sensor(control, "torso_subtreelinvel", 0, 1)], rewards)


def hopper(control: Any) -> Description:
    """hopper-stand and hopper-hop."""
    hopping = control.task._hopping
    observation = {
        "position": whole(control, "qpos", 1),
        "velocity": whole(control, "qvel"),
        "touch": [sensor(control, name, function="log1p") for name in ("touch_toe", "touch_heel")],
    }

    def rewards(words: Words, features: Any, actions: Any, healthy: Any) -> Any:
        standing = words.tolerance(features[1:, 0], (_HOPPER_STAND_HEIGHT, 2))
        return standing * (_moving(words, features[1:, 1], _HOP_SPEED) if hopping else small_control(words, actions))

    height = difference(control, ("xipos", "torso"), ("xipos", "foot"), 2)
    return described(control, observation, [height, sensor(control, "torso_subtreelinvel", 0, 1)], rewards)


def _moving(words: Words, speed: Any, goal: float) -> Any:
    """[T]: 1 from the speed that is the goal on, 0.5 at half of it."""
    return words.tolerance(speed, (goal, math.inf), margin=goal / 2, value_at_margin=0.5, sigmoid="linear")
