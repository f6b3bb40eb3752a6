"""Which of DM Control's tasks are described. Free of JAX."""

from collections.abc import Callable
from typing import Any

from odes_rl.rollouts.physics.description import Description
from odes_rl.rollouts.physics.of_dm_control.dog import dog_move, dog_stand
from odes_rl.rollouts.physics.of_dm_control.humanoids import humanoid, humanoid_cmu
from odes_rl.rollouts.physics.of_dm_control.manipulators import manipulator, stacker
from odes_rl.rollouts.physics.of_dm_control.pendulums import acrobot, cartpole, pendulum
from odes_rl.rollouts.physics.of_dm_control.quadruped import quadruped_escape, quadruped_fetch, quadruped_move
from odes_rl.rollouts.physics.of_dm_control.runners import cheetah, hopper, walker
from odes_rl.rollouts.physics.of_dm_control.swimmers import fish_swim, fish_upright, swimmer
from odes_rl.rollouts.physics.of_dm_control.targets import ball_in_cup, finger_spin, finger_turn, point_mass, reacher

DM_CONTROL_TASKS: dict[str, Callable[[Any], Description]] = {
    "dm_control.suite.acrobot:Balance": acrobot,
    "dm_control.suite.ball_in_cup:BallInCup": ball_in_cup,
    "dm_control.suite.cartpole:Balance": cartpole,
    "dm_control.suite.cheetah:Cheetah": cheetah,
    "dm_control.suite.dog:Move": dog_move,
    "dm_control.suite.dog:Stand": dog_stand,
    "dm_control.suite.finger:Spin": finger_spin,
    "dm_control.suite.finger:Turn": finger_turn,
    "dm_control.suite.fish:Swim": fish_swim,
    "dm_control.suite.fish:Upright": fish_upright,
    "dm_control.suite.hopper:Hopper": hopper,
    "dm_control.suite.humanoid:Humanoid": humanoid,
    "dm_control.suite.humanoid_CMU:HumanoidCMU": humanoid_cmu,
    "dm_control.suite.manipulator:Bring": manipulator,
    "dm_control.suite.pendulum:SwingUp": pendulum,
    "dm_control.suite.point_mass:PointMass": point_mass,
    "dm_control.suite.quadruped:Escape": quadruped_escape,
    "dm_control.suite.quadruped:Fetch": quadruped_fetch,
    "dm_control.suite.quadruped:Move": quadruped_move,
    "dm_control.suite.reacher:Reacher": reacher,
    "dm_control.suite.stacker:Stack": stacker,
    "dm_control.suite.swimmer:Swimmer": swimmer,
    "dm_control.suite.walker:PlanarWalker": walker,
}
"""By the class of the environment's task."""
