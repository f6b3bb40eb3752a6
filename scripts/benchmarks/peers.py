"""The peers: sb3-contrib's ARS and EvoTorch's GymNE, each with a linear policy in a process of its own.

Each is measured in two settings. Both are two-sided searches over a linear policy without bias, one episode a
candidate, worker processes for all cores with one thread each, environments without checkers and monitors; one
normalises observations, as ours always does and as both projects' examples do, the other does not, and is faster.
Their parameters stand still (steps of 1e-9), so that every iteration costs the same. One measurement is whole
iterations: candidates, episodes, update.
"""

import logging
import multiprocessing
import os
import sys
import time
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from functools import partial
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from types import MappingProxyType
from typing import Any, NamedTuple

import gymnasium
import numpy as np
from measuring import Contestant

from odes_rl.rollouts.environments import describe, make_environment
from odes_rl.rollouts.flattening import flattener

_NOISE = 0.05
"""Standard deviation of the parameters' noise: the default of sb3-contrib's ARS."""
_STANDSTILL = 1e-9
_GRACE_SECONDS = 30.0


class Race(NamedTuple):
    """What all peers are given: a task, its episodes' limit, candidates, processes, seconds a measurement."""

    task: str
    max_steps: int | None
    population: int
    workers: int
    seconds: float


class Peer(NamedTuple):
    """A peer: the modules it needs, and `iterations(race, normalise)`: each `next` does one and gives its steps."""

    needs: tuple[str, ...]
    iterations: Callable[[Race, bool], Generator[int, None, None]]


def flat_environment(task: str, max_steps: int | None) -> gymnasium.Env:
    """The environment with float32 observations [n], as both peers' networks read them."""
    environment = make_environment(task, max_steps)
    size, flatten = describe(environment).observation_size, flattener(environment.observation_space)
    space = gymnasium.spaces.Box(-np.inf, np.inf, (size,), np.float32)
    return gymnasium.wrappers.TransformObservation(environment, lambda entry: flatten(entry).astype(np.float32), space)


@contextmanager
def ars(make: Callable[[], Any], workers: int, **settings: Any) -> Iterator[tuple[Any, Callable[[], int]]]:
    """sb3-contrib's ARS with a linear policy, and a function that does one iteration and returns its steps.

    Each of `workers` processes evaluates candidates in an environment of its own, which `make` makes.
    """
    from sb3_contrib import ARS
    from sb3_contrib.common.vec_env import AsyncEval

    search = ARS("LinearPolicy", make(), **settings)
    pool = AsyncEval([make] * workers, search.policy)
    pool.closed = True  # or the first call of `learn` would close it

    def iterate() -> int:
        before = search.num_timesteps
        search.learn(1, async_eval=pool, log_interval=None, reset_num_timesteps=False)  # type: ignore[arg-type]
        return search.num_timesteps - before

    try:
        yield search, iterate
    finally:
        pool.closed = False
        pool.close()


def vectorised(task: str, max_steps: int | None, normalise: bool) -> Any:
    """One environment as Stable-Baselines3 takes it."""
    from stable_baselines3.common.vec_env import DummyVecEnv, VecNormalize

    environment = DummyVecEnv([partial(flat_environment, task, max_steps)])
    return VecNormalize(environment, norm_reward=False) if normalise else environment


def augmented_random_search(race: Race, normalise: bool) -> Generator[int, None, None]:
    """Iterations of sb3-contrib's ARS, its asynchronous evaluation in processes."""
    make = partial(vectorised, race.task, race.max_steps, normalise)
    settings = {"n_delta": race.population // 2, "learning_rate": _STANDSTILL, "delta_std": _NOISE, "seed": 0}
    with ars(make, race.workers, **settings) as (_, iterate):
        while True:
            yield iterate()


@contextmanager
def ray_processes(count: int) -> Iterator[None]:
    """Ray, for so many actors; started here if it is not yet."""
    import ray

    if not ray.is_initialized():
        quiet = {"include_dashboard": False, "log_to_driver": False, "logging_level": logging.ERROR}
        ray.init("local", num_cpus=count, **quiet)  # not a cluster that happens to run here
    try:
        yield
    finally:
        ray.shutdown()


def gym_problem(task: str, max_steps: int | None, workers: int, *, bias: bool, normalise: bool) -> Any:
    """EvoTorch's problem of a linear policy on a task, evaluated by so many Ray actors."""
    from evotorch.neuroevolution import GymNE

    return GymNE(
        flat_environment,
        f"Linear(obs_length, act_length, bias={bias})",
        env_config={"task": task, "max_steps": max_steps},
        num_actors=workers,
        observation_normalization=normalise,
    )


def gym_neuroevolution(race: Race, normalise: bool) -> Generator[int, None, None]:
    """Generations of EvoTorch's PGPE on its GymNE, evaluated by Ray actors."""
    from evotorch.algorithms import PGPE

    # Twice the cores by name: the actors of one setting idle while the other's work.
    with ray_processes(len(SETTINGS) * race.workers):
        problem = gym_problem(race.task, race.max_steps, race.workers, bias=False, normalise=normalise)
        searcher = PGPE(
            problem,
            popsize=race.population,
            stdev_init=_NOISE,
            center_learning_rate=_STANDSTILL,
            stdev_learning_rate=0.0,
        )
        while True:
            before = problem.interaction_count
            searcher.step()
            yield problem.interaction_count - before


PEERS: Mapping[str, Peer] = MappingProxyType(
    {
        "ARS": Peer(("torch", "sb3_contrib"), augmented_random_search),
        "GymNE": Peer(("torch", "evotorch", "ray"), gym_neuroevolution),
    }
)
SETTINGS: Mapping[str, bool] = MappingProxyType({"": False, ", normalising": True})
"""What follows a peer's name in a contestant's, and whether that setting normalises observations."""


@contextmanager
def contestants(names: list[str], race: Race, settings: list[str]) -> Iterator[dict[str, Contestant]]:
    """The peers with these names in those of SETTINGS; their processes start at once, the first rate waits for it."""
    with ExitStack() as stack:
        rates = {name: stack.enter_context(_process(name, race)) for name in names}
        yield {name + suffix: partial(rates[name], suffix) for suffix in settings for name in names}


@contextmanager
def _process(name: str, race: Race) -> Iterator[Callable[[str], float]]:
    spawn = multiprocessing.get_context("spawn")
    ours, theirs = spawn.Pipe()
    process = spawn.Process(target=_serve, args=(name, race, theirs))
    process.start()
    theirs.close()

    def rate(setting: str) -> float:
        ours.send(setting)
        try:
            return ours.recv()
        except EOFError:
            raise RuntimeError(f"{name} ended on {race.task}; standard error has its last words") from None

    try:
        yield rate
    finally:
        ours.close()
        _end(process)


def _end(process: BaseProcess) -> None:
    process.join(_GRACE_SECONDS)
    if process.is_alive():
        process.terminate()
        process.join()


def _serve(name: str, race: Race, connection: Connection) -> None:
    """Answer each name in SETTINGS with the steps a second of whole iterations, until the pipe closes."""
    limits = {f"{library}_NUM_THREADS": "1" for library in ("OMP", "OPENBLAS", "MKL")}
    os.environ.update(limits, PYTHONPATH=os.pathsep.join(path or "." for path in sys.path))  # for its own processes
    logging.disable(logging.INFO)
    with ExitStack() as stack:
        started: dict[str, Iterator[int]] = {}
        while True:
            try:
                setting = connection.recv()
            except EOFError:
                return
            if setting not in started:
                started[setting] = stack.enter_context(closing(PEERS[name].iterations(race, SETTINGS[setting])))
            connection.send(_rate(started[setting], race.seconds))


def _rate(iterations: Iterator[int], seconds: float) -> float:
    started, steps, elapsed = time.perf_counter(), 0, 0.0
    while not steps or elapsed < seconds:
        steps += next(iterations)
        elapsed = time.perf_counter() - started
    return steps / elapsed
