"""Measures the speed of runs without records, and the overhead of a run, on this machine."""

import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np

from odes_rl.compare.cells import Cell
from odes_rl.compare.processes import failure, start_cells, stop
from odes_rl.config.schema import ExperimentConfig
from odes_rl.errors import UserError
from odes_rl.interrupts import check_interrupted, interruptible
from odes_rl.policies import make_policy
from odes_rl.rollouts.environments import describe_task
from odes_rl.rollouts.protocol import EnvironmentFailure, Moments
from odes_rl.rollouts.seeds import fresh_seeds
from odes_rl.rollouts.serial import SerialBackend
from odes_rl.runs.files import METRICS
from odes_rl.runs.metrics import Metrics, read_metrics
from odes_rl.training.experiment import episode_settings

_LOOK_SECONDS = 0.1
"""Between two looks at a run that probes."""
_SECONDS = 0.5
"""That episodes of a probe take, at the least."""
_EPISODES = 20
"""Episodes of a run that probes another backend, or two generations if that is more: the first compiles everything."""
_MIDDLE = 1 / 3
"""Part of a run after which a growing horizon is about as long as in the mean of its generations."""
_START, _COMPILING, _REPORT = 2.5, 2.5, 1.0
"""What a run takes, in units of the time that a process takes to load the package: to start, and in the first run of a
policy on a task, or of a model, to compile; and what the report takes for a task. In seconds of the processor, where
loading took 1.9 s: to start 5.8 and 3.6 for ODEtoODE and `linear` on HalfCheetah, 6.9 for ODEtoODE with h = 64 on
Humanoid; to compile 6.1, 2.0 and 7.2; the report of one task 2."""


class Rate(NamedTuple):
    """Environment steps or epochs a second of a cell, and the source of this figure."""

    per_second: float
    source: str


class Overhead(NamedTuple):
    """Seconds that a run takes to start, and to compile what no run before it has compiled; and a task's report."""

    start: float
    compiling: float
    report: float


def measure_overhead() -> Overhead:
    """An estimate of the overhead, from the time that the package takes to load."""
    started = time.monotonic()
    interruptible(subprocess.check_call, [sys.executable, "-c", "import odes_rl.compare.cell"])
    loading = time.monotonic() - started
    return Overhead(_START * loading, _COMPILING * loading, _REPORT * loading)


def probe(cell: Cell, workers: int) -> Rate:
    """The rate of `cell`, from some episodes of its task, or from a short run in a temporary directory.

    Raises:
        UserError: if it fails.
    """
    source = f"from a probe of {cell.learner}"
    if not isinstance(cell.config, ExperimentConfig):
        learning, last = _rate_of_run(cell, workers, {"epochs": 2, "evaluate_every": 1})
        return Rate(1 / (1 / learning + last["evaluation_seconds"] / cell.config.run.evaluate_every), source)
    rollouts, run, strategy = cell.config.rollouts, cell.config.run, cell.config.strategy
    if rollouts.backend in ("auto", "serial", "processes") and rollouts.inference == "workers":
        per_second, episodes = _rate_of_episodes(cell.config)
        plain = workers * per_second
    else:
        generations = max(2, _EPISODES // cell.config.episodes)
        limits = {"generations": generations, "env_steps": None, "evaluation_episodes": 1, "restarts": 1}
        plain, last = _rate_of_run(cell, workers, limits)
        episodes = last["population"] * strategy.episodes
    evaluations = run.evaluation_episodes / (run.evaluate_every * episodes)  # which count no steps
    return Rate(plain / (1 + evaluations), source)


def _rate_of_episodes(config: ExperimentConfig) -> tuple[float, float]:
    """Environment steps a second of one process, and whole episodes' worth of steps in a generation.

    With weights of zeros: their shapes cost nothing to know.
    """
    task = describe_task(config.task.id, setup=config.task.setup, max_steps=config.task.max_steps)
    policy = make_policy(config.policy, task.observation_size, task.action_size)
    shapes = jax.eval_shape(policy.materialise, jax.eval_shape(policy.init, jax.random.key(0)))
    weights = jax.tree.map(lambda leaf: np.zeros((1, *leaf.shape), leaf.dtype), shapes)
    statistics, steps, episodes = Moments.empty(task.observation_size), 0, 0
    try:
        with SerialBackend(episode_settings(config, policy)) as backend:
            backend.evaluate(weights, statistics, fresh_seeds(0, 1))  # loads the kernels
            started = time.perf_counter()
            while time.perf_counter() - started < _SECONDS:
                steps += int(backend.evaluate(weights, statistics, fresh_seeds(0, 1)).lengths.sum())
                episodes += 1
    except EnvironmentFailure as error:
        raise UserError(f"a probe of {config.task.id} failed: {str(error).splitlines()[-1]}") from error
    speed, length = steps / (time.perf_counter() - started), steps / episodes
    horizon = config.strategy.horizon_at(_MIDDLE, task.limit)
    trained = min(length, horizon or length)
    return speed, config.episodes * config.strategy.rounds(trained, horizon) * trained / length


def _rate_of_run(cell: Cell, workers: int, options: dict[str, Any]) -> tuple[float, Metrics]:
    """The rate of a run like `cell`'s with other `options` of its section `run`, without what compiles everything.

    And the last line of its metrics.
    """
    with tempfile.TemporaryDirectory() as directory:
        changes = {"evaluate_every": 10**6, **options, "directory": f"{directory}/run"}
        changes |= {"loggers": (), "logger_options": {}}  # a probe is none of the runs that are asked for
        run: Any = cell.config.run.model_copy(update=changes)
        config: Any = cell.config.model_copy(update={"run": run})
        running = start_cells([cell._replace(path=Path(directory, "run"), config=config)], workers)
        try:
            while running.process.poll() is None:
                check_interrupted()
                time.sleep(_LOOK_SECONDS)
            if reason := failure(running):
                raise UserError(f"a probe of {cell.task} failed: {reason.partition(', see')[0]}")
        finally:
            stop([running.process])
        lines = read_metrics(Path(directory, "run", METRICS))
    steps = cell.comparing.measure.steps
    first, last = lines[1 if isinstance(cell.config, ExperimentConfig) else -2], lines[-1]
    return (last[steps] - first[steps]) / (last["wall_seconds"] - first["wall_seconds"]), last
