"""Which of Gymnasium's tasks are described. Free of JAX."""

from collections.abc import Callable
from typing import Any

from odes_rl.rollouts.physics.description import Description
from odes_rl.rollouts.physics.of_gymnasium.arms import (
    inverted_double_pendulum,
    inverted_pendulum,
    pusher,
    reacher,
)
from odes_rl.rollouts.physics.of_gymnasium.humanoids import humanoid, humanoid_standup
from odes_rl.rollouts.physics.of_gymnasium.runners import ant, half_cheetah, hopper, walker2d

GYMNASIUM_TASKS: dict[str, Callable[[Any], Description]] = {
    "gymnasium.envs.mujoco.swimmer_v5:SwimmerEnv": half_cheetah,
    "gymnasium.envs.mujoco.half_cheetah_v5:HalfCheetahEnv": half_cheetah,
    "gymnasium.envs.mujoco.hopper_v5:HopperEnv": hopper,
    "gymnasium.envs.mujoco.walker2d_v5:Walker2dEnv": walker2d,
    "gymnasium.envs.mujoco.ant_v5:AntEnv": ant,
    "gymnasium.envs.mujoco.humanoid_v5:HumanoidEnv": humanoid,
    "gymnasium.envs.mujoco.humanoidstandup_v5:HumanoidStandupEnv": humanoid_standup,
    "gymnasium.envs.mujoco.reacher_v5:ReacherEnv": reacher,
    "gymnasium.envs.mujoco.pusher_v5:PusherEnv": pusher,
    "gymnasium.envs.mujoco.inverted_pendulum_v5:InvertedPendulumEnv": inverted_pendulum,
    "gymnasium.envs.mujoco.inverted_double_pendulum_v5:InvertedDoublePendulumEnv": inverted_double_pendulum,
}
"""By the environment's class."""
