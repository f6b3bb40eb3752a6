"""Environments as people have them, registered under ids of this module, as `odd_environments:KeyOrder-v0`.

Unless they say otherwise they observe [3], act [2] and end after LENGTH steps.
"""

import os
import threading
import time
from typing import Any, cast

import gymnasium
import numpy as np
from gymnasium.envs.registration import EnvCreator
from gymnasium.spaces import Box, Dict, Discrete, MultiBinary, MultiDiscrete

LENGTH = 20


class Plain(gymnasium.Env):
    """Rewards an action for being near a function of what it observes."""

    observation_space: gymnasium.Space = Box(-np.inf, np.inf, (3,), np.float64)
    action_space: gymnasium.Space = Box(-1, 1, (2,), np.float32)
    length = LENGTH

    def reset(self, *, seed=None, options=None) -> Any:
        super().reset(seed=seed)
        self.state, self.time = self.np_random.normal(size=3), 0
        return self.observe(), {}

    def step(self, action) -> Any:
        self.time += 1
        reward = self.reward(action)
        self.state = 0.9 * self.state + 0.3 * self.np_random.normal(size=3)
        return self.observe(), reward, self.time >= self.length, False, {}

    def observe(self) -> Any:
        return self.state.copy()

    def reward(self, action) -> Any:
        return -float(np.sum((np.asarray(action, float) - 0.5 * np.tanh(self.state[:2])) ** 2))


class Spaceless(gymnasium.Env):
    """Says neither what it observes nor what it takes."""


class Talking(Plain):
    """Prints what it does, and can be seen."""

    metadata: dict[str, Any] = {"render_modes": ["rgb_array"], "render_fps": 50}  # noqa: RUF012

    def __init__(self, render_mode=None):
        self.render_mode = render_mode

    def step(self, action):
        print("step by step")
        os.write(1, b'["step", 77]\n')  # as a library in C does
        return super().step(action)

    def render(self) -> Any:
        return np.full((32, 32, 3), 10 * self.time, np.uint8)


class Timed(Talking):
    """Tells no rate, and has a method of the name under which Gymnasium's MuJoCo tasks tell a step's length."""

    metadata: dict[str, Any] = {"render_modes": ["rgb_array"], "render_fps": None}  # noqa: RUF012

    def dt(self):
        return 0.1


class Keys(Plain):
    """A dictionary, in the order of its space."""

    observation_space = Dict({"a": Box(-np.inf, np.inf, (1,)), "b": Box(-np.inf, np.inf, (2,))})

    def observe(self):
        return {"a": self.state[:1].copy(), "b": self.state[1:].copy()}


class KeyOrder(Keys):
    """Its keys come in another order at every other step."""

    def observe(self):
        entries = super().observe()
        return dict(reversed(list(entries.items()))) if self.time % 2 else entries


class KeyExtra(KeyOrder):
    """It has a key, too, that its space lacks."""

    def observe(self):
        return {"Z": np.zeros(5), **super().observe()}


class Empty(Plain):
    """Observes nothing."""

    observation_space = Box(-np.inf, np.inf, (0,))

    def observe(self):
        return np.zeros(0)


class Image(Plain):
    """Observes a picture among other things."""

    observation_space = Dict({"eye": Dict({"left": Box(0, 255, (8, 8, 3), np.uint8)}), "speed": Box(-1, 1, (3,))})


class FloatImage(Plain):
    """Observes a picture that a wrapper has scaled."""

    observation_space = Box(0, 1, (84, 84), np.float32)


class Board(Plain):
    """Observes a board of nine squares."""

    observation_space = Box(0, 2, (3, 3), np.uint8)

    def observe(self):
        return np.resize(np.abs(self.state) > 1, (3, 3)).astype(np.uint8)


class Matrix(Plain):
    """Observes a matrix as large as a picture."""

    observation_space = Box(-np.inf, np.inf, (16, 17), np.float64)

    def observe(self):
        return np.resize(self.state, (16, 17))


class Small(Plain):
    """Entries vary by 1e-8, as SI units have them."""

    def observe(self):
        return 1e-8 * self.state


class Constant(Plain):
    """Some entries never vary, one varies little beside its size."""

    observation_space = Box(-np.inf, np.inf, (6,), np.float64)

    def observe(self):
        x, y, _ = self.state
        return np.array([x, 9.81, -1e9 / 3, 0.0, 1e7 + 1e-3 * y, 0.1])


class Offset(Plain):
    """Rewards have 1e8 a step beside what can be learnt."""

    def reward(self, action):
        return 1e8 + super().reward(action)


class Huge(Plain):
    """Rewards near the end of single precision."""

    def reward(self, action):
        return 1e37 * super().reward(action)


class Bounded(Plain):
    """Refuses an action that is not in its space."""

    def step(self, action):
        assert self.action_space.contains(action), f"{action!r} is not in {self.action_space}"
        return super().step(action)


class DoubleBounds(Bounded):
    """Bounds that single precision rounds outwards."""

    action_space = Box(np.array([-0.1, -0.7]), np.array([0.1, 0.7]), dtype=np.float64)


class HalfBounds(Bounded):
    """Actions of half precision."""

    action_space = Box(-0.1, 0.7, (2,), np.float16)


class Integers(Bounded):
    """Actions are whole numbers."""

    action_space = Box(-5, 5, (2,), np.int64)

    def reward(self, action):
        assert np.abs(action).max() <= 5
        return super().reward(action)


class WideIntegers(Bounded):
    """All whole numbers of 64 bits, not all of which double precision has."""

    info = np.iinfo(np.int64)
    action_space = Box(info.min, info.max, (2,), np.int64)


class Choices(Bounded):
    """Actions are −1, 0 and 1."""

    action_space: gymnasium.Space = Discrete(3, start=-1)

    def reward(self, action):
        return -float(np.sum((np.reshape(action, -1) - 2 * np.tanh(self.state[0])) ** 2))


class ManyChoices(Choices):
    """A matrix of choices, two of which begin at 1."""

    action_space = MultiDiscrete(np.array([[2, 3], [4, 1]]), start=np.array([[1, 1], [0, 0]]))


class Switches(Choices):
    """Three switches."""

    action_space = MultiBinary(3)


class SometimesNaN(Plain):
    """A quarter of the episodes has a reward that is not a number."""

    def reset(self, *, seed=None, options=None):
        self.bad = seed is not None and (seed // 7) % 4 == 0
        return super().reset(seed=seed)

    def reward(self, action):
        return np.nan if self.bad and self.time == 3 else super().reward(action)


class SometimesVast(SometimesNaN):
    """A quarter of the episodes observes a number whose square is too large for double precision."""

    def observe(self):
        return self.state * 1e200 if self.bad and self.time == 3 else super().observe()

    def reward(self, action):
        return Plain.reward(self, action)


class AlwaysNaN(Plain):
    """No episode has a reward that is a number."""

    def reward(self, action):
        return np.nan


class NoEnd(Plain):
    """Never ends."""

    length = 10**18


class Threads(Plain):
    """Starts a thread that never ends: with an episode, so that whoever lists tasks has none."""

    def reset(self, **kwargs):
        threading.Thread(target=time.sleep, args=(1e6,)).start()
        return super().reset(**kwargs)


class OldStep(Plain):
    """Four values from `step`, as before Gymnasium."""

    def step(self, action):
        observation, reward, done, _, info = super().step(action)
        return observation, reward, done, info


class Batched(Plain):
    """The end of an episode as an array, as environments that run many episodes tell it."""

    def step(self, action):
        observation, reward, over, _, info = super().step(action)
        return observation, reward, np.array([over, over]), False, info


class OldReset(Plain):
    """An observation alone from `reset`, likewise."""

    def reset(self, *, seed=None, options=None):
        return super().reset(seed=seed)[0]


class NoSeed(Plain):
    """No seed for `reset`, likewise."""

    def reset(self):  # type: ignore[override]
        return super().reset()


class NoOptions(Plain):
    """No options for `reset`."""

    def reset(self, seed=None):  # type: ignore[override]
        return super().reset(seed=seed)


class Unwritten(Plain):
    """Can be made to be seen, but has no method that shows it."""

    def __init__(self, render_mode=None):
        self.render_mode = render_mode


class Blank(Unwritten):
    """Shows nothing."""

    def render(self) -> Any:
        return None


class Grey(Unwritten):
    """Shows shades alone."""

    def render(self) -> Any:
        return np.zeros((32, 48), np.uint8)


class Reals(Unwritten):
    """Shows colours between 0 and 1."""

    def render(self) -> Any:
        return np.zeros((32, 48, 3))


class RenderFails(Unwritten):
    """Raises as it is to be shown."""

    def render(self) -> Any:
        raise RuntimeError("no light")


class StepFails(Talking):
    """Raises in a step, with more than one line."""

    def step(self, action):
        raise RuntimeError("no step\nstep size too small")


class Chance(Plain):
    """Adds noise to rewards that no seed sets."""

    noise = np.random.default_rng()

    def reward(self, action) -> Any:
        return super().reward(action) + self.noise.normal()


class CloseFails(Plain):
    """Raises as it is closed."""

    def close(self):
        raise RuntimeError("close went wrong")


class TellsOfClose(Plain):
    """Writes a line to a file as it is closed."""

    def __init__(self, file):
        self.file = file

    def close(self):
        with open(self.file, "a") as file:
            file.write("closed\n")


class MakingFails(Plain):
    """Raises as it is made."""

    def __init__(self):
        raise RuntimeError("making went wrong")


for _kind in list(globals().values()):
    if isinstance(_kind, type) and issubclass(_kind, Plain | Spaceless):
        gymnasium.register(f"{_kind.__name__}-v0", entry_point=cast("EnvCreator", _kind))
gymnasium.register("Limited-v0", entry_point=cast("EnvCreator", OldStep), max_episode_steps=9)
