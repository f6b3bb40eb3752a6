"""Wrappers as people write them, named as `odd_wrappers:Noisy`."""

from typing import Any

import gymnasium
import numpy as np
from gymnasium.spaces import Box


class Noisy(gymnasium.Wrapper):
    """Adds noise that grows with the step to observations, drawn from the generator that reset has seeded."""

    def __init__(self, env: gymnasium.Env, scale: float = 0.1) -> None:
        super().__init__(env)
        self.scale = scale

    def reset(self, *, seed=None, options=None) -> Any:
        observation, info = self.env.reset(seed=seed, options=options)
        self.steps = 0
        return self._noisy(observation), info

    def step(self, action) -> Any:
        observation, reward, terminated, truncated, info = self.env.step(action)
        self.steps += 1
        return self._noisy(observation), reward, terminated, truncated, info

    def _noisy(self, observation):
        return observation + self.scale * (1 + self.steps) * self.np_random.normal(size=observation.shape)


class Keeping(gymnasium.RewardWrapper):
    """Rewards grow from one episode to the next."""

    rewarded = 0

    def reward(self, reward):
        self.rewarded += 1
        return float(reward) + self.rewarded


class Longer(gymnasium.ObservationWrapper):
    """Observes more than its space says."""

    def observation(self, observation):
        return np.append(observation, 1.0)


class Plates(gymnasium.ActionWrapper):
    """Takes its actions as a matrix of one column."""

    def __init__(self, env: gymnasium.Env) -> None:
        super().__init__(env)
        assert isinstance(env.action_space, Box)
        self.action_space = Box(env.action_space.low[:, None], env.action_space.high[:, None])

    def action(self, action):
        assert self.action_space.contains(action)
        return action[:, 0]


class Failing(gymnasium.Wrapper):
    """Raises where it is told to."""

    def __init__(self, env: gymnasium.Env, where: str = "step") -> None:
        super().__init__(env)
        self.where = where
        if where == "init":
            raise RuntimeError("wrapping went wrong")

    def reset(self, **options) -> Any:
        if self.where == "reset":
            raise RuntimeError("reset went wrong")
        return self.env.reset(**options)

    def step(self, action) -> Any:
        raise RuntimeError("step went wrong")


def nothing(env):
    """Returns no environment."""


def cut(env, steps):
    """A function that wraps."""
    return gymnasium.wrappers.TimeLimit(env, steps)
