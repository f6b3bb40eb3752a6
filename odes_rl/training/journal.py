"""What a training run writes: metrics, checkpoints, the best evaluation."""

from collections.abc import Callable, Collection

from odes_rl.rollouts.summaries import EVALUATION
from odes_rl.runs.metrics import Metrics, plain_metrics
from odes_rl.runs.run_directory import RunDirectory
from odes_rl.training.experiment import TrainingState
from odes_rl.training.restarts import taken
from odes_rl.training.stuck import Standstill


class Journal:
    """Writes a run down as it goes on; `report` receives each line of the metrics."""

    def __init__(self, run: RunDirectory, report: Callable[[Metrics], None]) -> None:
        self.run, self.report = run, report
        self._standstill: Standstill | None = None

    def record(self, state: TrainingState, metrics: Metrics) -> TrainingState:
        """Write a generation down; the `state` after it, with the best evaluation so far."""
        metrics = metrics | self._noted(metrics, self.run.metrics)
        self.run.append_metrics(metrics)
        generation = metrics["generation"]
        state = self._keep_best(state, metrics)
        is_over = self.run.config.run.is_over(generation, metrics["env_steps"])
        if generation % self.run.config.run.checkpoint_every == 0 or is_over:
            self.run.checkpoints.save(generation, state)
        self.report(metrics)
        return state

    def add_evaluation(self, state: TrainingState, evaluation: Metrics) -> None:
        """Add an `evaluation` to the last line of the metrics, which is of `state`."""
        *earlier, line = self.run.metrics()
        evaluation["worker_restarts"] += line["worker_restarts"]
        line |= plain_metrics(evaluation)
        line |= plain_metrics(self._noted(line, lambda: earlier))
        self._keep_best(state, line)  # first: a run that ends in between evaluates again
        self.run.amend_metrics(line)
        self.report(line)

    def cut_back(self, generation: int, forgotten: Collection[str] = ()) -> None:
        """Forget the metrics and the best checkpoints after `generation`, and those metrics of its own."""
        self.run.cut_back(generation, forgotten)
        self.run.checkpoints.forget_best(lambda best: best > generation)

    def forget_end(self, generation: int) -> None:
        """Cut the run back to `generation`, and forget what was evaluated only because the run ended there.

        A run that goes on has evaluations every `evaluate_every` generations, and no others: the metrics and the best
        checkpoint of one that never ended.
        """
        scheduled = self.run.config.run.is_scheduled
        names = {name for line in self.run.metrics() for name in line if name.startswith(EVALUATION)}
        self.cut_back(generation, () if scheduled(generation) else names)
        self.run.checkpoints.forget_best(lambda best: not scheduled(best))

    def save_before_leaving(self, state: TrainingState, cause: BaseException) -> None:
        """Save `state`, or say that it cannot be; not again, if that is the `cause` of leaving."""
        self.run.checkpoints.save_before_leaving(int(state.strategy.generation), state, cause)

    def _noted(self, metrics: Metrics, earlier: Callable[[], list[Metrics]]) -> Metrics:
        if self._standstill is None:
            self._standstill = Standstill(self.run.config, earlier())
        return self._standstill.noted(metrics)

    def _keep_best(self, state: TrainingState, metrics: Metrics) -> TrainingState:
        """Save the policy with these `metrics` if its evaluation is the best; the state, with the best one so far.

        An evaluation that is only the end's leaves the state as it is, and the earlier best beside it: see
        `forget_end`.
        """
        generation, score = metrics["generation"], metrics.get("evaluation_score")
        if score is None or not score > state.best_return:
            return state
        best = float(score)
        better = taken(state, metrics.get("evaluation_start"))._replace(best_return=best)
        scheduled = self.run.config.run.is_scheduled(generation)
        self.run.checkpoints.save_best(generation, better, keep_earlier=not scheduled)
        return state._replace(best_return=best) if scheduled else state
