"""Measures cells of one stage of `device.py`, which starts this program: each line of standard input is a cell.

The argument is the stage. Each line of standard output has what is known of the cell, as JSON: `figures`, and at its
end `failed`, which is null or a reason, and `compiling`. The process ends when standard input does.
"""

import json
import os
import sys
import threading
import time
from collections.abc import Callable
from importlib import import_module
from queue import SimpleQueue
from typing import Any, TextIO

os.environ.setdefault("MUJOCO_GL", "disable")

from timed_training import own_standard_output

Measure = Callable[[dict[str, Any], float, Callable[[dict[str, Any]], None]], dict[str, Any]]
"""`measure(cell, seconds, report) -> figures`, which takes about so many seconds where it has a choice.

`report(figures)` tells those that are known before the end.
"""


def serve(measure: Measure, output: TextIO, compiling: Callable[[], dict[str, Any]] = dict) -> None:
    """Measure the cells that come, until no more do."""
    questions: SimpleQueue[str] = SimpleQueue()
    threading.Thread(target=_read, args=(questions,), daemon=True).start()

    def tell(**known: Any) -> None:
        print(json.dumps(known), file=output)

    while True:
        question = json.loads(questions.get())
        try:
            figures = measure(
                question["cell"], question["until"] - time.monotonic(), lambda figures: tell(figures=figures)
            )
            tell(figures=figures, failed=None, compiling=compiling())
        except Exception as error:  # whatever a device or a driver comes up with: the next cell may fare better
            tell(failed=f"{type(error).__name__}: {str(error).strip()[:500]}", compiling=compiling())


def _read(questions: SimpleQueue[str]) -> None:
    """Ends the process with standard input: in the middle of a measurement, too."""
    for line in sys.stdin:
        questions.put(line)
    os._exit(1)


def main() -> None:
    """Measure the cells of the stage that the argument names."""
    output = own_standard_output()
    from odes_rl.caching import keep_programs

    keep_programs()  # before JAX is imported
    from on_device.compiling import Compiling

    serve(import_module(f"on_device.{sys.argv[1]}").measure, output, Compiling().taken)


if __name__ == "__main__":
    main()
