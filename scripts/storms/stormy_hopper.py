"""Hopper-v5 with faults: `stormy_hopper:StormyHopper-v0`.

Some training seeds give a NaN as observation or reward, the same ones every time. It raises while the file `raise`
lies in the folder that STORM_FOLDER names, and each step takes STORM_SLEEP seconds longer, so that faults hit episodes
in their middle.
"""

import os
import time
from pathlib import Path

import gymnasium
import numpy as np
from gymnasium.envs.mujoco.hopper_v5 import HopperEnv

_FIRST_EVALUATION_SEED = 2**30


class StormyHopper(HopperEnv):
    """Hopper's physics, rewards and episodes."""

    def reset(self, *, seed=None, options=None):
        """Begin an episode; its seed decides whether it will go wrong."""
        training = seed is not None and seed < _FIRST_EVALUATION_SEED
        self.bad_observation = training and seed % 31 == 0
        self.bad_reward = training and seed % 37 == 0
        self.steps = 0
        return super().reset(seed=seed, options=options)

    def step(self, action):
        """Step, and go wrong where that is due."""
        observation, reward, terminated, truncated, info = super().step(action)
        self.steps += 1
        time.sleep(float(os.environ.get("STORM_SLEEP", "0")))
        if (Path(os.environ["STORM_FOLDER"]) / "raise").exists():
            raise RuntimeError("a storm in the environment")
        if self.steps == 3:
            observation = np.where(self.bad_observation, np.nan, observation)
            reward = np.nan if self.bad_reward else reward
        return observation, reward, terminated, truncated, info


gymnasium.register("StormyHopper-v0", entry_point=StormyHopper, max_episode_steps=1000)
