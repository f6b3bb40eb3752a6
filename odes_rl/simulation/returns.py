"""How the returns of a policy with MJX compare with those with the environment itself, from the same starts."""

from typing import NamedTuple

import numpy as np

from odes_rl.act.linear import LinearWeights
from odes_rl.rollouts.environments import describe_task
from odes_rl.rollouts.protocol import EpisodeSettings, Moments
from odes_rl.rollouts.serial import SerialBackend
from odes_rl.simulation.making import make_backend


class Returns(NamedTuple):
    """Returns of E episodes of one policy by both physics.

    Attributes:
        mjx: [E], sums of rewards.
        environment: [E], from the same starts.
    """

    mjx: np.ndarray
    environment: np.ndarray

    @property
    def means(self) -> tuple[float, float]:
        """The mean return with MJX, and with the environment."""
        return float(self.mjx.mean()), float(self.environment.mean())

    @property
    def standard_error(self) -> float:
        """Of the environment's mean return."""
        return float(self.environment.std(ddof=1) / np.sqrt(len(self.environment)))

    @property
    def median_difference(self) -> float:
        """How far the two returns from one start are apart, half of them at most."""
        return float(np.median(np.abs(self.mjx - self.environment)))


def measure_returns(task: str, episodes: int = 100, steps: int = 100, seed: int = 0) -> Returns:
    """The returns of the first `steps` environment steps with a linear policy that is drawn with `seed`.

    Raises:
        UserError: if the backend `mjx` cannot run the task.
    """
    sizes, generator = describe_task(task), np.random.default_rng(seed)
    weights = LinearWeights(
        0.1 * generator.normal(size=(1, sizes.action_size, sizes.observation_size)).astype(np.float32)
    )
    seeds = np.random.default_rng(seed).integers(0, 2**31, (1, episodes))
    settings, statistics = EpisodeSettings(task, steps, "linear", "tanh"), Moments.empty(sizes.observation_size)
    with make_backend(settings, episodes) as device, SerialBackend(settings) as serial:
        found = (backend.evaluate(weights, statistics, seeds) for backend in (device, serial))
        return Returns(*(each.returns[0] for each in found))
