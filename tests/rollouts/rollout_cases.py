"""What the tests of the backends share: tasks, weights, and the comparison to the last bit."""

import numpy as np

from odes_rl.act.residual_flow import ResidualFlowWeights
from odes_rl.rollouts.environments import describe_task
from odes_rl.rollouts.processes import ProcessesBackend
from odes_rl.rollouts.protocol import EpisodeSettings, Moments

WALK = "faulty_environments:Walk-v0"
HIDDEN, LAYERS = 8, 4


def settings(task, max_steps=None, squash="clip"):
    return EpisodeSettings(task, max_steps, "residual_flow_abs", squash)


def make_weights(task, candidates, seed=0, scale=1.0):
    """Random weights of `candidates` policies for that task."""
    sizes = describe_task(task)
    generator = np.random.default_rng(seed)

    def draw(*shape):
        return (scale * generator.normal(size=(candidates, *shape)) / shape[-1] ** 0.5).astype(np.float32)

    return ResidualFlowWeights(
        input=draw(HIDDEN, sizes.observation_size),
        layers=draw(LAYERS, HIDDEN, HIDDEN),
        biases=draw(LAYERS, HIDDEN),
        step=np.full((candidates, 1), 1 / LAYERS, np.float32),
        output=draw(sizes.action_size, HIDDEN),
    )


def make_statistics(task):
    """Moments as after some generations, one entry of which never varied."""
    size = describe_task(task).observation_size
    generator = np.random.default_rng(1)
    squares = 100 * generator.uniform(0.5, 2, size)
    squares[-1] = 0
    return Moments(np.asarray(100.0), generator.normal(0, 0.1, size), squares)


def make_seeds(candidates, episodes, seed=2):
    return np.random.default_rng(seed).integers(0, 2**31, (candidates, episodes))


def questions(task, candidates=4, episodes=2, seed=0):
    """Arguments of `evaluate`."""
    seeds = make_seeds(candidates, episodes, seed)
    return make_weights(task, candidates, seed), make_statistics(task), seeds


def ask_processes(settings, workers, lanes, questions):
    with ProcessesBackend(settings, workers, lanes) as backend:
        return backend.evaluate(*questions)


def assert_same_bits(left, right):
    """Equal rollouts, restarts left aside."""
    for name in ("returns", "lengths", "saturated", "failed"):
        np.testing.assert_array_equal(getattr(left, name), getattr(right, name), err_msg=name)
    assert len(left.moments) == len(right.moments)
    for mine, theirs in zip(left.moments, right.moments, strict=True):
        for a, b in zip(mine, theirs, strict=True):
            np.testing.assert_array_equal(a, b)
