"""The contestants of `time_to_reward.py`: linear policies, and ODEtoODE, each trained in its project's own settings.

- odes_rl: `odes-rl train --task.id TASK --policy.name POLICY` and nothing else, in the length that it has by default.
- ARS: sb3-contrib's, in the settings of rl-baselines3-zoo (`hyperparams/ars.yml`), published for Swimmer-v4 and
  HalfCheetah-v4; two processes as the zoo has them for `n_envs: 2`, by `AsyncEval`.
- PGPE: EvoTorch's with ClipUp, in the settings that `examples/scripts/rl_clipup.py` there has for Walker2d-v4 and a
  linear policy with bias: 100 candidates, v_max = 0.015, σ = 15 v_max / √d, a step of 0.75 v_max. They are those of
  Toklu et al. 2020 (`train_agents/train_walker2d.sh` of pgpelib) but for the step, which is 0.5 v_max in the paper.
  Neither has settings for Swimmer or HalfCheetah. The script takes Walker2d's bonus for standing, 1, off each reward;
  these two tasks have none.
"""

from collections.abc import Callable, Mapping
from functools import partial
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
from own_runs import train_ours
from stopwatch import Policy, Training, Watch


class Contestant(NamedTuple):
    """What trains.

    Attributes:
        needs: modules that it cannot do without.
        tasks: that it has settings for; None for any.
        train: `train(training, watch)` until its own training is over, or `watch` ends it.
    """

    needs: tuple[str, ...]
    tasks: tuple[str, ...] | None
    train: Callable[[Training, Watch], None]


class Zoo(NamedTuple):
    """Settings of rl-baselines3-zoo for ARS; episodes a candidate, and an offset of rewards of 0, are defaults."""

    n_timesteps: int
    learning_rate: float
    delta_std: float
    n_delta: int
    n_top: int
    normalise: bool


ZOO: Mapping[str, Zoo] = MappingProxyType(
    {
        "Swimmer-v5": Zoo(2_000_000, 0.02, 0.01, 1, 1, normalise=False),
        "HalfCheetah-v5": Zoo(12_500_000, 0.02, 0.03, 32, 4, normalise=True),
    }
)
CLIP_UP: Mapping[str, Any] = MappingProxyType(
    {
        "popsize": 100,
        "popsize_max": 800,
        "num_interactions": 75_000,
        "radius_init": 15 * 0.015,
        "center_learning_rate": 0.75 * 0.015,
        "optimizer": "clipup",
        "optimizer_config": {"max_speed": 0.015, "momentum": 0.9},
        "stdev_learning_rate": 0.1,
        "stdev_max_change": 0.2,
    }
)
"""Of EvoTorch's PGPE."""
CLIP_UP_GENERATIONS = 500


def train_ars(training: Training, watch: Watch) -> None:
    """sb3-contrib's ARS."""
    from peers import ars, vectorised

    zoo = ZOO[training.task]
    make = partial(vectorised, training.task, training.max_steps, zoo.normalise)
    watch.start()
    settings = {name: value for name, value in zoo._asdict().items() if name not in ("n_timesteps", "normalise")}
    with ars(make, training.workers, seed=training.seed, **settings) as (search, iterate):
        while search.num_timesteps < zoo.n_timesteps:
            iterate()
            watch.lap(search.num_timesteps, partial(policy_of_ars, search, training))


def policy_of_ars(search: Any, training: Training) -> Policy:
    """What ARS has learnt."""
    (matrix,) = (parameter.detach().numpy() for parameter in search.policy.parameters())
    statistics = search.get_vec_normalize_env()
    if statistics is None:
        return linear_policy(training, matrix)
    deviation = np.sqrt(statistics.obs_rms.var + statistics.epsilon)
    return linear_policy(training, matrix, None, (statistics.obs_rms.mean, deviation), statistics.clip_obs)


def train_pgpe(training: Training, watch: Watch) -> None:
    """EvoTorch's PGPE with ClipUp."""
    import torch
    from evotorch.algorithms import PGPE
    from peers import gym_problem, ray_processes

    watch.start()
    torch.manual_seed(training.seed)  # not the problem's own: EvoTorch 0.6.1 fails with one and actors
    with ray_processes(training.workers):
        problem = gym_problem(training.task, training.max_steps, training.workers, bias=True, normalise=True)
        searcher = PGPE(problem, **CLIP_UP)
        searcher.step()  # evaluates the first candidates; each further step begins with the update they give
        learnt = partial(policy_of_pgpe, searcher, training)
        problem.before_eval_hook.append(lambda _: watch.lap(problem.interaction_count, learnt))
        for _ in range(CLIP_UP_GENERATIONS):
            searcher.step()


def policy_of_pgpe(searcher: Any, training: Training) -> Policy:
    """The centre of the search distribution."""
    problem = searcher.problem
    matrix, bias = (leaf.detach().numpy() for leaf in problem.make_net(searcher.status["center"]).parameters())
    statistics = problem.get_observation_stats()
    return linear_policy(training, matrix, bias, (statistics.mean, statistics.stdev))


def linear_policy(
    training: Training,
    matrix: np.ndarray,
    bias: np.ndarray | None = None,
    normalisation: tuple[np.ndarray, np.ndarray] | None = None,
    clip: float = np.inf,
) -> Policy:
    """The policy a = M s + b, cut to the actions' bounds, of M [m, n] and b [m].

    s is (observation − mean) / deviation within ±clip, for the `normalisation` mean [n], deviation [n].
    """
    from odes_rl.act.linear import LinearWeights
    from odes_rl.act.path import SUFFIX, LinearWeightsWithPath
    from odes_rl.rollouts.protocol import EpisodeSettings, Moments

    m, n = matrix.shape
    offset = np.zeros(m, np.float32) if bias is None else bias
    parts = [leaf.astype(np.float32)[None] for leaf in (matrix, np.zeros((m, n)), offset)]
    weights = LinearWeights(parts[0]) if bias is None else LinearWeightsWithPath(*parts)
    rule = "linear" if bias is None else "linear" + SUFFIX
    moments = Moments.empty(n)
    if normalisation is not None:
        mean, deviation = (np.asarray(values, np.float64) for values in normalisation)
        moments = Moments(np.array(2.0), mean, 2 * deviation**2)  # of two observations with this mean and deviation
    return Policy(EpisodeSettings(training.task, training.max_steps, rule, "clip", clip), weights, moments)


_PUBLISHED = tuple(ZOO)
CONTESTANTS: Mapping[str, Contestant] = MappingProxyType(
    {
        "odes_rl, linear": Contestant((), None, partial(train_ours, "linear")),
        "odes_rl, ode_to_ode": Contestant((), None, partial(train_ours, "ode_to_ode")),
        "sb3-contrib's ARS": Contestant(("torch", "sb3_contrib"), _PUBLISHED, train_ars),
        "EvoTorch's PGPE": Contestant(("torch", "evotorch", "ray"), _PUBLISHED, train_pgpe),
    }
)
