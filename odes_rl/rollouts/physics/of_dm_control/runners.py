"""DM Control's cheetah, described. Free of JAX."""

import math
from typing import Any

from dm_control.suite.cheetah import _RUN_SPEED

from odes_rl.rollouts.physics.description import Description, stretch
from odes_rl.rollouts.physics.of_dm_control.building import data_of, described, sensor, velocities
from odes_rl.rollouts.physics.words import Words


def cheetah(control: Any) -> Description:
    """cheetah-run."""

    def rewards(words: Words, features: Any, actions: Any, healthy: Any) -> Any:
        bounds = (_RUN_SPEED, math.inf)
        return words.tolerance(features[1:, 0], bounds, margin=_RUN_SPEED, value_at_margin=0, sigmoid="linear")

    observation = {"position": [stretch(data_of(control), "qpos", 1)], "velocity": velocities(control)}
    return described(control, observation, [sensor(control, "torso_subtreelinvel", 0, 1)], rewards)
