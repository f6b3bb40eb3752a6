"""Native stepping beside the physics alone and the environment's own step, in one process, by its own CPU time.

Programs that share the machine take no part in CPU time, as they do in the time that passes; what is left of them is
what they push out of the caches.
"""

import statistics
import tempfile
import time
from argparse import Namespace
from collections.abc import Callable
from typing import Any

from act_cost import act_seconds
from measuring import Contestant, in_turn, medians, table
from ours import Setting, Trainer
from recording import steps_of
from replay import bare_loop, physics_alone

from odes_rl.rollouts.board import posted
from odes_rl.rollouts.environments import make_environment
from odes_rl.rollouts.episodes import run_units
from odes_rl.rollouts.lanes import make_lanes
from odes_rl.rollouts.native.lane import NativeLane

TASKS = (
    *("Reacher-v5", "Pusher-v5", "dm_control/cartpole-swingup-v0", "dm_control/finger-spin-v0"),
    *("dm_control/fish-swim-v0", "dm_control/hopper-hop-v0", "dm_control/quadruped-walk-v0"),
    *("dm_control/reacher-hard-v0", "dm_control/walker-walk-v0"),
)


def measure_stepping(task: str, options: Namespace) -> dict[str, Any]:
    """Medians of the rates of a task, in environment steps a second of CPU time, and what they say."""
    with tempfile.TemporaryDirectory() as directory:
        hidden = options.hidden or (64 if "Humanoid" in task else 16)
        trainer = Trainer(Setting(task, options.max_steps, hidden, options.population), directory)
        episodes = trainer.record_episodes()
        act = act_seconds(trainer.experiment, trainer.state.strategy.params)
    (lane,) = make_lanes(trainer.episode_settings(), 1)
    assert isinstance(lane, NativeLane), f"{task} has no native stepping"
    environment = make_environment(task, options.max_steps)
    environment.reset(seed=0)

    def native() -> None:
        board = posted(*trainer.questions())
        run_units([lane], board, lambda: board.claim(worker=0))

    def resets() -> None:
        for episode in episodes:
            environment.reset(seed=episode.seed)

    runs: dict[str, Callable[[], None]] = {
        "physics": lambda: physics_alone(environment, episodes),
        "own step": lambda: bare_loop(environment, episodes),
        "native": native,
        "resets": resets,
    }
    contestants = {name: _rate(run, steps_of(episodes), options.seconds) for name, run in runs.items()}
    rates = in_turn(contestants, options.rounds, task)
    return {"rates": medians(rates), "rounds": rates, **summary(rates, act)}


def summary(rates: dict[str, list[float]], act: float) -> dict[str, float]:
    """Medians over rounds of ratios within each, and what resets and acting, of `act` seconds, take of native steps."""

    def ratio(name: str, other: str) -> float:
        return statistics.median(a / b for a, b in zip(rates[name], rates[other], strict=True))

    native = statistics.median(rates["native"])
    return {
        "native_over_physics": ratio("native", "physics"),
        "own_over_physics": ratio("own step", "physics"),
        "native_over_own": ratio("native", "own step"),
        "reset_share": ratio("native", "resets"),
        "act_share": act * native,
    }


def stepping_table(results: dict[str, dict[str, Any]]) -> str:
    """Rates and ratios, as a Markdown table."""
    names, ratios = ("physics", "own step", "native"), ("own_over_physics", "native_over_physics", "native_over_own")
    header = ["task", *names, "own step / physics", "native / physics", "native / own step", "resets", "act"]
    rows = [
        [
            task,
            *(f"{figures['rates'][name]:,.0f}" for name in names),
            *(f"{figures[name]:.2f}" for name in ratios),
            *(f"{figures[name]:.0%}" for name in ("reset_share", "act_share")),
        ]
        for task, figures in results.items()
    ]
    return table(header, rows)


def _rate(run: Callable[[], None], steps: int, seconds: float) -> Contestant:
    """Steps a second of CPU time of that run, repeated until at least `seconds` of it have passed."""

    def rate() -> float:
        started, times, elapsed = time.process_time(), 0, 0.0
        while not times or elapsed < seconds:
            run()
            times, elapsed = times + 1, time.process_time() - started
        return times * steps / elapsed

    return rate
