"""The crew: actors on a cluster, replaced when they die. Free of JAX."""

import itertools
import queue
import time
from collections import Counter
from concurrent.futures import Future
from contextlib import suppress
from typing import Any, NamedTuple

import numpy as np

from odes_rl.errors import UserError, one_line
from odes_rl.interrupts import check_interrupted
from odes_rl.rollouts.cluster.actor import EpisodeActor
from odes_rl.rollouts.processes import worker_environment
from odes_rl.rollouts.protocol import EnvironmentFailure, EpisodeSettings

PATIENCE_SECONDS = 180.0
"""For an actor to be ready, when none is."""
_LOOK_SECONDS = 0.2
_CLOSING_SECONDS = 2.0


class Event(NamedTuple):
    """An actor is ready (`units` is None), has answered for `units` [k], or has died: as the future says."""

    actor: int
    units: np.ndarray | None
    future: Future


class Crew:
    """`count` actors of one core each, known by numbers that are never used twice.

    Attributes:
        ready: batches in hand of each actor that has a node and lanes; the others wait for room on the cluster.
    """

    def __init__(self, ray: Any, settings: EpisodeSettings, lanes: int, count: int) -> None:
        self.ray = ray
        self.arguments = (tuple(settings), lanes)
        # Not detached: actors end with this driver, however it ends. We restart them ourselves, where there is room.
        self.actor_class = ray.remote(num_cpus=1, max_restarts=0, max_task_retries=0)(EpisodeActor).options(
            runtime_env={"env_vars": worker_environment()}
        )
        self.events: queue.SimpleQueue[Event] = queue.SimpleQueue()
        self.handles: dict[int, Any] = {}
        self.ready: Counter[int] = Counter()
        self.places: dict[int, tuple[str, int]] = {}
        self.numbers = itertools.count()
        for _ in range(count):
            self.hire()

    def hire(self) -> None:
        """Ask for one more actor; an event tells when it is ready."""
        number = next(self.numbers)
        self.handles[number] = self.actor_class.remote(*self.arguments)
        self._listen(number, None, self.handles[number].ready.remote())

    def hand_out(self, number: int, units: np.ndarray, blocks: list[Any]) -> None:
        """Have an actor run `units`, whose `blocks` are references to the cluster's store."""
        self.ready[number] += 1
        self._listen(number, units, self.handles[number].run.remote(units, *blocks))

    def next_event(self) -> Event:
        """Wait for what happens to any of the actors.

        Raises:
            EnvironmentFailure: if for long no actor is ready.
        """
        waiting_since = time.monotonic()
        while True:
            with suppress(queue.Empty):
                event = self.events.get(timeout=_LOOK_SECONDS)
                if event.actor in self.handles:  # else it died before: each of its batches says so
                    return event
            check_interrupted()
            if self.ready:
                waiting_since = time.monotonic()
            self._check_patience(time.monotonic() - waiting_since)

    def admit(self, event: Event) -> None:
        """Note that an actor is ready."""
        self.places[event.actor] = event.future.result()
        self.ready[event.actor] = 0

    def death(self, event: Event) -> Exception | None:
        """The cause of an actor's death, None if it is alive.

        Raises:
            EnvironmentFailure: if it lives, and its code raised.
            UserError: if it lives, and told of a user's mistake, such as a task that its node lacks.
        """
        error: Any = event.future.exception()
        if error is None:
            return None
        errors = self.ray.exceptions
        cause = error.cause if isinstance(error, errors.RayTaskError) else error
        if isinstance(cause, errors.RayError):
            return cause
        if isinstance(cause, UserError):
            raise UserError(one_line(cause)) from None
        raise EnvironmentFailure(f"an actor raised on the cluster:\n{error}") from None

    def dismiss(self, number: int) -> None:
        """End an actor, dead or alive, and forget it."""
        with suppress(Exception):  # whatever state it is in, it is no longer ours
            self.ray.kill(self.handles[number])
        self.handles.pop(number)
        self.ready.pop(number, None)
        self.places.pop(number, None)

    def close(self) -> None:
        """End all actors; those that are idle close their environments before, if they can do it in time."""
        with suppress(Exception):  # the cluster may be gone
            closing = [self.handles[number].close.remote() for number in self.ready]
            self.ray.wait(closing, num_returns=len(closing), timeout=_CLOSING_SECONDS)
        for number in list(self.handles):
            self.dismiss(number)

    def _listen(self, number: int, units: np.ndarray | None, reference: Any) -> None:
        reference.future().add_done_callback(lambda future: self.events.put(Event(number, units, future)))

    def _check_patience(self, seconds: float) -> None:
        if seconds < PATIENCE_SECONDS:
            return
        resources = self.ray.cluster_resources()
        raise EnvironmentFailure(
            f"no actor could be started for {seconds:.0f} seconds: {len(self.handles)} wait for a CPU each, and the "
            f"cluster has {resources.get('CPU', 0):g} CPUs in all (see `ray status`); resume the run when some are free"
        )


def describe(error: Exception) -> str:
    """A line about what an actor died of; of a long story the beginning and the end, where the cause is."""
    text = one_line(error)
    return text if len(text) <= 600 else f"{text[:200]} … {text[-400:]}"
