"""The starts of a run, of which the better half goes on at each selection.

Successive halving (Jamieson & Talwalkar 2016, "Non-stochastic best arm identification and hyperparameter
optimization"). The starts train side by side: a run with several of them has one line of metrics for each generation,
and one state for each checkpoint, as a run with one start has.
"""

import logging
import math
from collections.abc import Sequence

from odes_rl.config.schema import RunConfig
from odes_rl.rollouts.protocol import Rollouts
from odes_rl.rollouts.summaries import evaluation_metrics
from odes_rl.runs.metrics import Metrics
from odes_rl.training.experiment import Start, TrainingState

_log = logging.getLogger(__name__)


def starts_of(state: TrainingState) -> list[TrainingState]:
    """The starts that are left, the leading one first, each as the state of a run without others."""
    alone = state._replace(others=())
    others = [alone._replace(start=n, strategy=strategy, moments=moments) for n, strategy, moments in state.others]
    return [alone, *others]


def together(starts: Sequence[TrainingState]) -> TrainingState:
    """The state of a run with these starts, the leading one first: the inverse of `starts_of`."""
    first, *rest = starts
    others = tuple(Start(state.start or 0, state.strategy, state.moments) for state in rest)
    return first._replace(start=first.start if others else None, others=others)


def taken(state: TrainingState, number: int | None) -> TrainingState:
    """The start of that `number` alone, as a run that has selected it; the only one if one is left."""
    chosen = next((start for start in starts_of(state) if start.start == number), state)
    return chosen._replace(start=None, others=())


def selected(options: RunConfig, state: TrainingState, rollouts: Sequence[Rollouts]) -> tuple[TrainingState, Metrics]:
    """The state after an evaluation, and the metrics of that: `rollouts` of each of `starts_of(state)`.

    The best start leads from then on, and the worse half ends where the options say so. An evaluation that is only the
    end's leaves all as it is, so that a longer run goes the way of one that never ended. Of equal starts the first is
    the better one; a start whose episodes all failed is worse than any other.
    """
    starts, told = starts_of(state), [evaluation_metrics(evaluated) for evaluated in rollouts]
    if len(starts) == 1:
        return state, told[0]
    scores = {start.start or 0: metrics["evaluation_score"] for start, metrics in zip(starts, told, strict=True)}
    order = sorted(range(len(starts)), key=lambda i: (-_worth(told[i]["evaluation_score"]), starts[i].start))
    metrics = told[order[0]] | {
        "worker_restarts": sum(metrics["worker_restarts"] for metrics in told),
        "evaluation_start": starts[order[0]].start,
        **{f"evaluation_score_{number}": scores[number] for number in sorted(scores)},
    }
    generation = int(state.strategy.generation)
    if not options.is_scheduled(generation):
        return state, metrics
    return together([starts[i] for i in order[: options.starts_after(generation)]]), metrics


def joined_metrics(starts: Sequence[TrainingState], lines: Sequence[Metrics]) -> Metrics:
    """The metrics of a generation: those of the leading start, unless all its candidates failed and another's did not.

    `lines` are those of each of `starts`. With more than one, `start` says which one it is, and `starts` how many
    there were.
    """
    if len(lines) == 1:
        return lines[0]
    shown = next((i for i, line in enumerate(lines) if math.isfinite(line["return_mean"])), 0)
    restarts = sum(line["worker_restarts"] for line in lines)
    return lines[shown] | {"worker_restarts": restarts, "start": starts[shown].start, "starts": len(lines)}


def warn_of_costs(options: RunConfig, first: TrainingState, state: TrainingState) -> None:
    """Warn after the first generation if the run seems to end before one start is left; `first` is the state before."""
    each = (state.env_steps - first.env_steps) / options.restarts
    needed = first.env_steps + each * options.selecting_updates
    if options.env_steps is not None and options.restarts > 1 and needed > options.env_steps:
        _log.warning(
            "run.restarts: %d starts take about %.2g environment steps until one is left, but run.env_steps is %d: "
            "give more, or fewer run.restarts or run.restart_generations",
            *(options.restarts, needed, options.env_steps),
        )


def warn_if_undecided(state: TrainingState) -> None:
    """Warn of starts that are left where a run ends."""
    if state.others:
        _log.warning(
            "run.restarts: the run has ended with %d starts left; `odes-rl resume` with more run.env_steps goes on "
            "with them",
            len(state.others) + 1,
        )


def _worth(score: float) -> float:
    return score if math.isfinite(score) else -math.inf
