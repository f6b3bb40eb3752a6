"""The clock that the trainings of `time_to_reward.py` run against, and the judge of their policies."""

import time
from collections.abc import Callable
from typing import Any, NamedTuple


class Training(NamedTuple):
    """What a contestant is to do.

    Attributes:
        contestant: its name, in `published.CONTESTANTS`.
        task: Gymnasium id.
        max_steps: of an episode; None keeps the task's limit.
        seed: of the training.
        workers: processes for episodes, on as many cores.
        goal: mean return of an evaluation that ends the training.
        seconds: on the clock, at most.
        every: seconds on the clock between evaluations; an iteration that takes longer is evaluated at its end.
        episodes: of an evaluation.
        launched: time.monotonic() when the process was started.
    """

    contestant: str
    task: str
    max_steps: int | None
    seed: int
    workers: int
    goal: float
    seconds: float
    every: float
    episodes: int
    launched: float


class Policy(NamedTuple):
    """An unperturbed policy, for a rollout backend of odes_rl.

    Attributes:
        settings: `EpisodeSettings`: task, act rule, squashing, clipping.
        weights: of the act rule, leaves [1, …].
        moments: `Moments` that observations are normalised by.
    """

    settings: Any
    weights: Any
    moments: Any


class Outcome(NamedTuple):
    """How a training ended.

    Attributes:
        outcome: "reached" the goal; "limit" of seconds; "over", the contestant's own training has ended before.
        seconds: on the clock.
        steps: environment steps of training.
        iterations: finished ones.
        imports: seconds from the launch of the process to the start of the clock.
        first: seconds on the clock until the first iteration was done.
    """

    outcome: str
    seconds: float
    steps: int
    iterations: int
    imports: float
    first: float


class EnoughError(Exception):
    """Ends a training from within."""


class Watch:
    """The clock of a training, which stands still during evaluations.

    Contestants call `start` once their packages are imported, and `lap` after each iteration.
    """

    def __init__(self, training: Training, tell: Callable[[dict[str, Any]], None]) -> None:
        self.training, self.tell, self.judge = training, tell, Judge(training.episodes)
        self.steps, self.iterations, self.first, self.elapsed = 0, 0, 0.0, 0.0
        self.evaluated, self.outcome = 0.0, "over"
        self._policy: Callable[[], Policy] | None = None

    def start(self) -> None:
        """Start the clock: environments, worker processes and compilation count."""
        self.imports = time.monotonic() - self.training.launched
        self._started = time.monotonic()

    def lap(self, steps: int, policy: Callable[[], Policy]) -> None:
        """An iteration is done, after `steps` environment steps in all; `policy()` is what was learnt so far.

        Raises:
            EnoughError: if the goal is reached, or the time is up.
        """
        self.elapsed = time.monotonic() - self._started
        self.steps, self.iterations, self._policy = steps, self.iterations + 1, policy
        self.first = self.first or self.elapsed
        is_late = self.elapsed >= self.training.seconds
        if is_late or self.elapsed - self.evaluated >= self.training.every:
            self._evaluate()
        if is_late and self.outcome != "reached":
            self.outcome = "limit"
        if self.outcome != "over":
            raise EnoughError
        self._started = time.monotonic() - self.elapsed

    def finish(self) -> Outcome:
        """The outcome, once the training has ended; the last policy is evaluated."""
        if self.evaluated < self.elapsed:
            self._evaluate()
        return Outcome(self.outcome, self.elapsed, self.steps, self.iterations, self.imports, self.first)

    def _evaluate(self) -> None:
        assert self._policy is not None
        returns = self.judge.returns(self._policy())
        self.evaluated = self.elapsed
        mean = sum(returns) / len(returns)
        self.tell({"seconds": self.elapsed, "steps": self.steps, "mean": mean})
        if mean >= self.training.goal:
            self.outcome = "reached"


class Judge:
    """Evaluates all contestants' policies alike: the same code, the same episodes, in this process."""

    def __init__(self, episodes: int) -> None:
        self._episodes, self._backend = episodes, None

    def returns(self, policy: Policy) -> list[float]:
        """Returns of its episodes; NaN of one that failed."""
        from odes_rl.rollouts.seeds import evaluation_seeds
        from odes_rl.rollouts.serial import SerialBackend

        self._backend = self._backend or SerialBackend(policy.settings)
        seeds = evaluation_seeds(0, self._episodes)
        return self._backend.evaluate(policy.weights, policy.moments, seeds).returns[0].tolist()
