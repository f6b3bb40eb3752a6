"""One training for `time_to_reward.py`, in a process of its own.

The argument is a `Training` as JSON. Each evaluation is a line of JSON on standard output, and the last line an
`Outcome`; whatever the libraries print goes to standard error.
"""

import json
import logging
import os
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Any, TextIO

os.environ.setdefault("MUJOCO_GL", "disable")

from stopwatch import EnoughError, Outcome, Training, Watch


def run(training: Training, tell: Callable[[dict[str, Any]], None]) -> Outcome:
    """Train; `tell` receives the evaluations as they come."""
    from published import CONTESTANTS

    watch = Watch(training, tell)
    with suppress(EnoughError):
        CONTESTANTS[training.contestant].train(training, watch)
    return watch.finish()


def own_standard_output() -> TextIO:
    """Standard output for this program alone: what libraries print to it goes to standard error from here on."""
    stream = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    return stream


def _keep_to_cores(count: int) -> None:
    """Let this process, and those that it starts, run on `count` cores alone, the same each time."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:count])


def main() -> None:
    """Train as the argument says."""
    lines = own_standard_output()
    training = Training(**json.loads(sys.argv[1]))
    _keep_to_cores(training.workers)
    logging.disable(logging.INFO)
    outcome = run(training, lambda evaluation: print(json.dumps(evaluation), file=lines))
    print(json.dumps(outcome._asdict()), file=lines)


if __name__ == "__main__":
    main()
