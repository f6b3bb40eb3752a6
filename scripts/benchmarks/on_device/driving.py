"""Runs the stages of `device.py` in processes of their own, which may die, hang or run out of memory; free of JAX."""

import json
import subprocess
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import Any

from measuring import say

from on_device.plan import Cell, Stage, allotted

Outcome = dict[str, Any]
"""A cell with its `figures`, which are partial if it has a reason why it `failed`, and its `seconds`."""
_QUIET_SECONDS = 10.0
"""Between two words about a cell that takes long."""
_MARGIN_SECONDS = 3.0
"""Between the last moment that a cell is told of, and the one at which it is cut off."""


class Child:
    """A process that measures cells, one after the other; it ends when this one does, however that ends."""

    def __init__(self, command: Sequence[str], environment: Mapping[str, str]) -> None:
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(command, env=environment, stdin=pipe, stdout=pipe, text=True)
        self._lines: SimpleQueue[str | None] = SimpleQueue()
        threading.Thread(target=self._read, daemon=True).start()

    def measure(self, title: str, cell: Cell, deadline: float, record: Callable[[Outcome], None]) -> None:
        """`record` the outcome of a cell, and before it whatever is known, until time.monotonic() is `deadline`."""
        started = time.monotonic()
        outcome: Outcome = {"cell": cell, "figures": {}, "failed": "not finished"}

        def told(**known: Any) -> None:
            outcome.update(known, seconds=time.monotonic() - started)
            record(dict(outcome))

        told()
        with suppress(BrokenPipeError):
            self._send({"cell": cell, "until": deadline - _MARGIN_SECONDS})
        said = started
        while (left := deadline - time.monotonic()) > 0:
            if time.monotonic() - said >= _QUIET_SECONDS:
                said = time.monotonic()
                say(f"{title}: {said - started:.0f} s so far")
            try:
                line = self._lines.get(timeout=min(left, _QUIET_SECONDS))
            except Empty:
                continue
            if line is None:
                told(failed=f"its process ended with status {self._process.wait()}")
                return
            answer = json.loads(line)
            told(**answer)
            if "failed" in answer:
                return
        self.end()
        told(failed=f"cut off after {time.monotonic() - started:.0f} s")

    def is_running(self) -> bool:
        """Whether it can take another cell."""
        return self._process.poll() is None

    def end(self) -> None:
        """End it, whatever it does."""
        self._process.kill()
        self._process.wait()

    def _send(self, message: dict[str, Any]) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(message) + "\n")
        self._process.stdin.flush()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._lines.put(line)
        self._lines.put(None)


class StageRun:
    """The cells of a stage, measured until its time is up."""

    def __init__(
        self,
        stage: Stage,
        seconds: float,
        launch: Callable[[Stage, Cell], Child],
        changed: Callable[[list[Outcome]], None],
    ) -> None:
        """Cells are measured in processes that `launch(stage, cell)` makes; `cell` is the first of one.

        `changed(outcomes)` is called with all that are known, in the order of the stage.
        """
        self.stage = stage
        self.outcomes: dict[int, Outcome] = {}
        self._launch, self._changed = launch, changed
        self._waiting = deque(enumerate(stage.cells))
        self._deadline = time.monotonic() + seconds
        self._lock = threading.Lock()

    def run(self) -> None:
        """Measure all cells that there is time for."""
        threads = [threading.Thread(target=self._work, daemon=True) for _ in range(self.stage.at_once)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for number, cell in self._waiting:
            self._record(number, {"cell": cell, "figures": {}, "failed": "no time left", "seconds": 0.0})

    def _work(self) -> None:
        child: Child | None = None
        while (following := self._next()) is not None:
            number, cell = following
            if child is None or self.stage.is_fresh or not child.is_running():
                child = self._renewed(child, cell)
            title = f"{self.stage.name} {words(cell)}"
            child.measure(
                title, cell, self._cell_deadline(), lambda outcome, number=number: self._record(number, outcome)
            )
            outcome = self.outcomes[number]
            say(f"{title}: {outcome['failed'] or 'done'}, {outcome['seconds']:.1f} s")
            if outcome["failed"]:  # which may have left its memory full
                child.end()
        if child is not None:
            child.end()

    def _next(self) -> tuple[int, Cell] | None:
        with self._lock:
            if self._waiting and time.monotonic() < self._deadline:
                return self._waiting.popleft()
        return None

    def _renewed(self, child: Child | None, cell: Cell) -> Child:
        if child is not None:
            child.end()
        return self._launch(self.stage, cell)

    def _cell_deadline(self) -> float:
        """Of cells that take whatever time there is, none takes that of those after it."""
        if self.stage.name != "training":
            return self._deadline
        return time.monotonic() + allotted(self._deadline - time.monotonic(), [1.0] * (1 + len(self._waiting)))

    def _record(self, number: int, outcome: Outcome) -> None:
        with self._lock:
            self.outcomes[number] = outcome
            self._changed([self.outcomes[known] for known in sorted(self.outcomes)])


def words(value: Any) -> str:
    """A cell for people: the values of its entries."""
    if isinstance(value, dict):
        return " ".join(words(entry) for entry in value.values())
    return str(value)
