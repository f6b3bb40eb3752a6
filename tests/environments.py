"""Environments for whole training runs that misbehave on some training seeds and on no evaluation seed."""

import gymnasium
import numpy as np

from tests.rollouts.tests_environments import Walk


class OnSomeSeeds(Walk):
    """Raises in the third step of every fifth training seed, or returns NaN there."""

    def __init__(self, raises=True):
        super().__init__()
        self.raises = raises

    def reset(self, *, seed=None, options=None):
        assert seed is not None
        self.faulty = seed < 2**30 and seed % 5 == 0
        return super().reset(seed=seed)

    def step(self, action):
        observation, reward, terminated, truncated, info = super().step(action)
        if self.faulty and self.time == 3:
            if self.raises:
                raise RuntimeError("step went wrong")
            reward = np.nan
        return observation, reward, terminated, truncated, info


for name, raises in (("SometimesRaises", True), ("SometimesNan", False)):
    gymnasium.register(f"{name}-v0", entry_point=f"{__name__}:OnSomeSeeds", kwargs={"raises": raises})
