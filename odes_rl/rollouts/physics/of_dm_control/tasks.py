"""Which of DM Control's tasks are described. Free of JAX."""

from collections.abc import Callable
from typing import Any

from odes_rl.rollouts.physics.description import Description
from odes_rl.rollouts.physics.of_dm_control.humanoids import humanoid
from odes_rl.rollouts.physics.of_dm_control.runners import cheetah
from odes_rl.rollouts.physics.of_dm_control.swimmers import swimmer

DM_CONTROL_TASKS: dict[str, Callable[[Any], Description]] = {
    "dm_control.suite.cheetah:Cheetah": cheetah,
    "dm_control.suite.swimmer:Swimmer": swimmer,
    "dm_control.suite.humanoid:Humanoid": humanoid,
}
"""By the class of the environment's task."""
