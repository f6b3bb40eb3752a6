"""A task that needs no MuJoCo, as an environment of Gymnasium and as a simulator: a point that leaves a bound."""

import gymnasium
import jax.numpy as jnp
import numpy as np
from gymnasium.spaces import Box

from odes_rl.act.linear import LinearWeights
from odes_rl.rollouts.environments import describe_task
from odes_rl.rollouts.protocol import EpisodeSettings, Moments
from odes_rl.simulation.backend import DeviceBackend
from odes_rl.simulation.simulator import Simulator, Start, Step

BOUND = 2.0
LIMIT = 25
TASK = "tests.simulation.fake:Drift"


class Drift(gymnasium.Env):
    """Moves by a tenth of the action and of its own place; over outside the bound, at the latest after LIMIT steps."""

    def __init__(self):
        self.observation_space = Box(-np.inf, np.inf, (3,), np.float64)
        self.action_space = Box(np.array([-1.0, -1.0]), np.array([1.0, 0.5]), dtype=np.float32)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.place, self.time = self.np_random.uniform(-1, 1, 2), 0
        return observe(np, self.place), {}

    def step(self, action):
        self.place, self.time = moved(self.place, action), self.time + 1
        over = bool(np.abs(self.place).max() > BOUND)
        return observe(np, self.place), reward(self.place, action), over, self.time == LIMIT, {}


def moved(place, action):
    return place + 0.1 * place + 0.1 * action


def observe(namespace, place):
    return namespace.concatenate([place, place[:1] * place[1:] + 5])


def reward(place, action):
    return place[0] - 0.1 * (action * action).sum()


def step(constants, state, action):
    place = moved(state, action) * constants
    over = jnp.abs(place).max() > BOUND
    return Step(place, observe(jnp, place), reward(place, action), over, ~jnp.isfinite(place).all())


def draw(seed):
    environment = Drift()
    observation, _ = environment.reset(seed=seed)
    return Start(environment.place.astype(np.float32), observation.astype(np.float32))


def settings(squash="clip", clip=np.inf, max_steps=None):
    return EpisodeSettings(TASK, max_steps, "linear", squash, clip)


def backend(asked=None, lanes: int | None = 1000, chunk=7, constants=1.0):
    asked = asked or settings()
    simulator = Simulator(step, constants, asked.max_steps or LIMIT)
    return DeviceBackend(asked, describe_task(TASK), simulator, draw, lanes, chunk)


def make_weights(candidates, seed=0):
    return LinearWeights(np.random.default_rng(seed).normal(size=(candidates, 2, 3)).astype(np.float32))


def make_statistics():
    """One entry never varied."""
    return Moments(np.asarray(50.0), np.array([0.1, -0.2, 5.0]), np.array([20.0, 30.0, 0.0]))


def make_seeds(candidates, episodes, seed=1):
    return np.random.default_rng(seed).integers(0, 2**31, (candidates, episodes))
