"""Environments for whole training runs that misbehave on some training seeds and on no evaluation seed."""

import gymnasium
import numpy as np

from tests.rollouts.tests_environments import Walk


class OnSomeSeeds(Walk):
    """Raises in the third step of every fifth training seed, or returns NaN there."""

    def __init__(self, raises):
        super().__init__()
        self.raises = raises

    def reset(self, *, seed=None, options=None):
        self.faulty = seed < 2**30 and seed % 5 == 0
        return super().reset(seed=seed)

    def step(self, action):
        observation, reward, *rest = super().step(action)
        if self.faulty and self.time == 3:
            if self.raises:
                raise RuntimeError("step went wrong")
            reward = np.nan
        return observation, reward, *rest


gymnasium.register("SometimesRaises-v0", entry_point=OnSomeSeeds, kwargs={"raises": True})
gymnasium.register("SometimesNan-v0", entry_point=OnSomeSeeds, kwargs={"raises": False})
