"""Environment steps a second of a training run, beside a bare Gymnasium loop and MuJoCo's physics alone.

All three do the same physics: the episodes of one generation of ODEtoODE candidates are recorded first, and the bare
loop and `mj_step` replay their actions from their first states, one process a core. Measured in turn, medians of
several rounds.

    .venv/bin/python scripts/benchmarks/throughput.py --output throughput.json
"""

import argparse
import json
import multiprocessing
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

os.environ.setdefault("MUJOCO_GL", "disable")

import mujoco
import numpy as np

from odes_rl.act import ACT_RULES
from odes_rl.act.bounds import normalise, squash
from odes_rl.rollouts import available_cores
from odes_rl.rollouts.base import EpisodeSettings, Moments
from odes_rl.rollouts.board import layout_of
from odes_rl.rollouts.environments import flatten, make_environment
from odes_rl.rollouts.episodes import Lane
from odes_rl.rollouts.seeds import training_seeds

STATE = mujoco.mjtState.mjSTATE_FULLPHYSICS
TASKS = ("Swimmer-v5", "HalfCheetah-v5", "Hopper-v5", "dm_control/humanoid-stand-v0")


class Episode(NamedTuple):
    """One recorded episode: the reset's seed, the physics' state after it, and the actions [T, m]."""

    seed: int
    state: np.ndarray
    actions: np.ndarray


def physics(environment: Any) -> tuple[mujoco.MjModel, mujoco.MjData, int]:
    """The model, data and physics steps an environment step of a Gymnasium or DM Control environment."""
    inner = environment.unwrapped
    if hasattr(inner, "frame_skip"):
        return inner.model, inner.data, inner.frame_skip
    control = inner._env
    return control.physics.model.ptr, control.physics.data.ptr, control._n_sub_steps


@cache
def environment_of(task: str) -> Any:
    """One environment of that task in this process, reset once."""
    environment = make_environment(task)
    environment.reset(seed=0)
    return environment


def bare_loop(task: str, episodes: list[Episode]) -> None:
    """Replay `episodes` through `reset` and `step` of the environment."""
    environment = environment_of(task)
    for episode in episodes:
        environment.reset(seed=episode.seed)
        for action in episode.actions:
            flatten(environment.step(action)[0])


def physics_alone(task: str, episodes: list[Episode]) -> None:
    """Replay `episodes` through `mj_step`."""
    model, data, substeps = physics(environment_of(task))
    for episode in episodes:
        mujoco.mj_resetData(model, data)
        mujoco.mj_setState(model, data, episode.state, STATE)
        mujoco.mj_forward(model, data)
        for action in episode.actions:
            data.ctrl[:] = action
            mujoco.mj_step(model, data, substeps)


class Recorder:
    """Stands in for a lane's environment, and keeps the episodes that pass through it."""

    def __init__(self, environment: Any) -> None:
        self.environment = environment
        self.episodes: list[Episode] = []

    def reset(self, seed: int) -> Any:
        """Begin an episode."""
        outcome = self.environment.reset(seed=seed)
        model, data, _ = physics(self.environment)
        state = np.empty(mujoco.mj_stateSize(model, STATE))
        mujoco.mj_getState(model, data, state, STATE)
        self.episodes.append(Episode(seed, state, np.empty((0, 0))))
        self.actions: list[np.ndarray] = []
        return outcome

    def step(self, action: np.ndarray) -> Any:
        """Pass a step on."""
        self.actions.append(action)
        outcome = self.environment.step(action)
        if outcome[2] or outcome[3]:
            self.episodes[-1] = self.episodes[-1]._replace(actions=np.array(self.actions))
        return outcome


class Training:
    """A training run of ODEtoODE whose policy stands still, so that every generation costs the same."""

    def __init__(self, task: str, population: int, hidden: int, max_steps: int | None, directory: str) -> None:
        from odes_rl.experiment import initial_state, make_experiment, open_backend
        from odes_rl.records.layers import layer_values
        from odes_rl.records.run_directory import RunDirectory

        options = {
            "task.id": task,
            "task.max_steps": max_steps,
            "task.normalise_observations": False,
            "policy.hidden": hidden,
            "strategy.population": population,
            "strategy.learning_rate": 1e-9,
            "run.evaluate_every": 10**6,
        }
        self.config = layer_values({}, options, default_directory=directory)
        self.experiment = make_experiment(self.config)
        self.state = initial_state(self.experiment, seed=0)
        self.backend = open_backend(self.config, self.experiment.policy)
        self.run = RunDirectory.create(directory, self.config)
        self.inside = 0.0
        self._time_rollouts()

    def _time_rollouts(self) -> None:
        evaluate = self.backend.evaluate

        def timed(*arguments: Any) -> Any:
            started = time.perf_counter()
            try:
                return evaluate(*arguments)
            finally:
                self.inside = time.perf_counter() - started

        self.backend.evaluate = timed  # type: ignore[method-assign]

    def generation(self) -> tuple[int, float, float]:
        """Environment steps, seconds in all, and seconds in rollouts, of one generation with all its records."""
        from odes_rl.train import advance, record

        started = time.perf_counter()
        before = self.state.env_steps
        state, metrics = advance(self.config, self.experiment, self.backend, self.state)
        self.state = record(self.run, self.state, state, metrics, lambda line: None)
        return self.state.env_steps - before, time.perf_counter() - started, self.inside

    def record_episodes(self) -> list[Episode]:
        """The episodes of the first generation's candidates."""
        weights = self.experiment.candidate_weights(self.state.strategy)
        strategy = self.config.strategy
        seeds = training_seeds(0, 0, strategy.directions, 2, 1)
        statistics = Moments.empty(self.experiment.task.observation_size)
        layout = layout_of(weights, statistics, seeds)
        board = layout.place(bytearray(layout.size()))
        board.post(weights, statistics, seeds)
        lane = Lane(
            EpisodeSettings(self.config.task.id, self.config.task.max_steps, self.experiment.policy.act_rule, "clip")
        )
        recorder = lane.environment = Recorder(lane.environment)  # type: ignore[assignment]
        while (unit := board.claim(0)) is not None:
            lane.start(board, unit)
            while lane.step():
                pass
        return recorder.episodes


def act_seconds(training: Training, repetitions: int = 20_000) -> float:
    """Seconds that normalising, acting and squashing take in one environment step."""
    policy, task = training.experiment.policy, training.experiment.task
    rule = ACT_RULES[policy.act_rule]
    stacked = training.experiment.policy_weights(training.state.strategy.params)
    weights = rule.weights(*(np.array(leaf[0]) for leaf in stacked))
    n, m = task.observation_size, task.action_size
    observation, mean, deviation, sums = np.ones(n), np.zeros(n), np.ones(n), np.zeros((2, n))
    normalised, raw, action = np.empty(n, np.float32), np.empty(m, np.float32), np.empty(m, np.float32)
    times = []
    for _ in range(2):  # the first round compiles
        started = time.perf_counter()
        for _ in range(repetitions):
            normalise(observation, mean, deviation, sums, normalised)
            rule.kernel(weights, normalised, raw)
            squash(0, raw, task.low, task.high, action)
        times.append((time.perf_counter() - started) / repetitions)
    return times[-1]


def measure(task: str, population: int, hidden: int, rounds: int, max_steps: int | None) -> dict[str, float]:
    """Medians over `rounds` of all figures for one task."""
    cores = available_cores()
    with tempfile.TemporaryDirectory() as directory, multiprocessing.get_context("spawn").Pool(cores) as pool:
        training = Training(task, population, hidden, max_steps, directory)
        episodes = training.record_episodes()
        steps = sum(len(episode.actions) for episode in episodes)
        rates: dict[str, list[float]] = {"training": [], "bare_loop": [], "mj_step": [], "outside": []}
        with training.backend:
            for turn in range(rounds + 1):  # the first warms all three up
                done, seconds, inside = training.generation()
                shares = [(task, episodes[core::cores]) for core in range(cores)]
                bare = time_of(pool.starmap, bare_loop, shares)
                alone = time_of(pool.starmap, physics_alone, shares)
                if turn:
                    figures = (done / seconds, steps / bare, steps / alone, 1 - inside / seconds)
                    for name, figure in zip(rates, figures, strict=True):
                        rates[name].append(figure)
        return summary({name: statistics.median(values) for name, values in rates.items()}, act_seconds(training))


def summary(medians: dict[str, float], act: float) -> dict[str, float]:
    """The figures of a task with their ratios."""
    cores = available_cores()
    return {
        **medians,
        "training_over_bare_loop": medians["training"] / medians["bare_loop"],
        "training_over_mj_step": medians["training"] / medians["mj_step"],
        "act_microseconds": 1e6 * act,
        "act_share": act * medians["training"] / cores,
    }


def time_of(call: Callable[..., object], *arguments: object) -> float:
    """Seconds that `call(*arguments)` takes."""
    started = time.perf_counter()
    call(*arguments)
    return time.perf_counter() - started


def print_table(results: dict[str, dict[str, float]]) -> None:
    """The figures as a Markdown table."""
    print("| task | training | bare loop | mj_step | / bare | / mj_step | outside rollouts | act µs | act share |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- | --- |")
    for task, row in results.items():
        print(
            f"| {task} | {row['training']:,.0f} | {row['bare_loop']:,.0f} | {row['mj_step']:,.0f} "
            f"| {row['training_over_bare_loop']:.2f} | {row['training_over_mj_step']:.2f} "
            f"| {row['outside']:.1%} | {row['act_microseconds']:.1f} | {row['act_share']:.1%} |"
        )


def main() -> None:
    """Measure all tasks, print a table, write JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tasks", nargs="+", default=list(TASKS), help="Gymnasium ids")
    parser.add_argument("--population", type=int, default=64, help="candidates a generation")
    parser.add_argument("--hidden", type=int, default=16, help="size of the hidden state")
    parser.add_argument("--rounds", type=int, default=5, help="rounds that medians are taken of")
    parser.add_argument("--max-steps", type=int, default=None, help="steps an episode at most")
    parser.add_argument("--output", help="JSON file for the figures")
    options = parser.parse_args()
    results = {}
    for task in options.tasks:
        results[task] = measure(task, options.population, options.hidden, options.rounds, options.max_steps)
        print(f"{task}: {results[task]}", file=sys.stderr)
    print_table(results)
    if options.output:
        Path(options.output).write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
