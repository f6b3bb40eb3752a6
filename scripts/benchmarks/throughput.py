"""Environment steps a second of a training run, beside a bare Gymnasium loop and MuJoCo's physics alone.

All three do the same physics: the episodes of one generation of ODEtoODE candidates are recorded first, and the bare
loop (resets included) and `mj_step` replay their actions from their first states, one process a core. Measured in
turn, medians of several rounds.

A training run's generation is all of it: candidates, rollouts, update, metrics written down, and a checkpoint's time
spread over the generations between two (`run.checkpoint_every`, 10). Evaluations are left out: they are rollouts too.

    .venv/bin/python scripts/benchmarks/throughput.py --output throughput.json
"""

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

os.environ.setdefault("MUJOCO_GL", "disable")

import numpy as np
from replay import Episode, record_episodes, replayers

from odes_rl.act import ACT_RULES
from odes_rl.act.bounds import normalise, squash
from odes_rl.rollouts import available_cores
from odes_rl.rollouts.base import EpisodeSettings, Moments
from odes_rl.rollouts.board import layout_of
from odes_rl.rollouts.episodes import Lane
from odes_rl.rollouts.seeds import training_seeds

TASKS = ("Swimmer-v5", "HalfCheetah-v5", "Hopper-v5", "dm_control/humanoid-stand-v0")
FIGURES = ("training", "bare_loop", "mj_step", "outside")


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
            "run.checkpoint_every": 10**6,  # `generation` adds their time
        }
        self.config = layer_values({}, options, default_directory=directory)
        self.experiment = make_experiment(self.config)
        self.state = initial_state(self.experiment, seed=0)
        self.backend = open_backend(self.config, self.experiment.policy)
        self.run = RunDirectory.create(directory, self.config)
        self.checkpoint_every = type(self.config.run).model_fields["checkpoint_every"].default
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

    def generation(self) -> tuple[float, float]:
        """Environment steps a second of one generation with all its records, and the share outside rollouts."""
        from odes_rl.train import advance, record

        started, before = time.perf_counter(), self.state.env_steps
        state, metrics = advance(self.config, self.experiment, self.backend, self.state)
        self.state = record(self.run, self.state, state, metrics, lambda line: None)
        seconds = time.perf_counter() - started + self._checkpoint_seconds() / self.checkpoint_every
        return (self.state.env_steps - before) / seconds, 1 - self.inside / seconds

    def _checkpoint_seconds(self) -> float:
        started = time.perf_counter()
        self.run.checkpoints.save(int(self.state.strategy.generation), self.state)
        return time.perf_counter() - started

    def record_episodes(self) -> list[Episode]:
        """The episodes of the first generation's candidates."""
        weights = self.experiment.candidate_weights(self.state.strategy)
        seeds = training_seeds(0, 0, self.config.strategy.directions, 2, 1)
        statistics = Moments.empty(self.experiment.task.observation_size)
        layout = layout_of(weights, statistics, seeds)
        board = layout.place(bytearray(layout.size()))
        board.post(weights, statistics, seeds)
        task, act_rule = self.config.task, self.experiment.policy.act_rule
        return record_episodes(Lane(EpisodeSettings(task.id, task.max_steps, act_rule, "clip")), board)


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
    rounds_figures: list[tuple[float, ...]] = []
    with tempfile.TemporaryDirectory() as directory:
        training = Training(task, population, hidden, max_steps, directory)
        episodes = training.record_episodes()
        with training.backend, replayers(task, max_steps, episodes, available_cores()) as replay_rate:
            for turn in range(rounds + 1):  # the first warms all three up
                rate, outside = training.generation()
                figures = (rate, replay_rate("bare_loop"), replay_rate("mj_step"), outside)
                if turn:
                    rounds_figures.append(figures)
        medians = [statistics.median(figures) for figures in zip(*rounds_figures, strict=True)]
        return summary(dict(zip(FIGURES, medians, strict=True)), act_seconds(training))


def summary(medians: dict[str, float], act: float) -> dict[str, float]:
    """The figures of a task with their ratios."""
    return {
        **medians,
        "training_over_bare_loop": medians["training"] / medians["bare_loop"],
        "training_over_mj_step": medians["training"] / medians["mj_step"],
        "act_microseconds": 1e6 * act,
        "act_share": act * medians["training"] / available_cores(),
    }


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
