"""Seeds of episodes: pure functions of what an episode is for, below 2³¹. Free of JAX.

Training draws from the lower half of that range and evaluation from the upper: it sees no training seed.
"""

import numpy as np

_HALF = 2**30
_ACTIONS = 0xAC7
"""Keeps what draws actions apart from what environments make of the same seed, or spawn of it."""


def training_seeds(
    run_seed: int, generation: int, directions: int, signs: int, episodes: int, first: int = 0
) -> np.ndarray:
    """[directions · signs, episodes] int64, of the directions from number `first` on.

    Both members of an antithetic pair (`signs` 2) share theirs.
    """
    seeds = [
        [_hash(run_seed, generation, direction, episode) % _HALF for episode in range(episodes)]
        for direction in range(first, first + directions)
    ]
    return np.repeat(np.array(seeds, np.int64), signs, axis=0)


def warmup_seeds(run_seed: int, episodes: int) -> np.ndarray:
    """[1, episodes] int64 of the episodes before the first generation."""
    seeds = [_hash(run_seed, 0, 0, episode, 1) % _HALF for episode in range(episodes)]
    return np.array([seeds], np.int64)


def sensitivity_seed(run_seed: int, generation: int) -> int:
    """Of the observations and directions with which the leaves of a generation are compared."""
    return _hash(run_seed, generation, 0, 0, 2) % _HALF


def evaluation_seeds(seed: int, episodes: int) -> np.ndarray:
    """[1, episodes] int64, the same at every evaluation, so that evaluations of a run compare like with like."""
    return _evaluation(seed, episodes, 0)


def fresh_seeds(seed: int, episodes: int) -> np.ndarray:
    """[1, episodes] int64 that no run has met, for the judgement of a policy that its evaluations have chosen."""
    return _evaluation(seed, episodes, 1)


def action_generator(seed: int) -> np.random.Generator:
    """What draws the actions of the episode with that seed, where they are sampled."""
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence(seed, spawn_key=(_ACTIONS,))))


def _evaluation(seed: int, episodes: int, stream: int) -> np.ndarray:
    quarter = _HALF // 2
    drawn = [_HALF + stream * quarter + _hash(seed, episode) % quarter for episode in range(episodes)]
    return np.array([drawn], np.int64)


def _hash(*numbers: int) -> int:
    return int(np.random.SeedSequence(numbers).generate_state(1)[0])
