"""The process of a cell, or of several seeds of one, started as `python -m odes_rl.compare.cell OVERRIDES RUN …`.

It stops, with a checkpoint, when its standard input ends: so it does when whoever started it is gone, however that
came. The last line of its standard error says why it failed.
"""

import json
import os
import sys
import threading
import traceback
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from typing import Any

from odes_rl.compare.sizes import write_size
from odes_rl.config.layering import FITTING
from odes_rl.devices import platform
from odes_rl.errors import StorageError, UserError, first_and_last_line, one_line, raised
from odes_rl.interrupts import Interrupted, interrupt, leave_after, signals_noted
from odes_rl.rollouts.protocol import EnvironmentFailure
from odes_rl.runs.lock import only_trainer
from odes_rl.runs.run_directory import RunDirectory, recorded_kind
from odes_rl.training.fit import fit
from odes_rl.training.together import train_together
from odes_rl.training.train import train

_PATIENCE = 60.0
"""Seconds to wait for a process that a killed comparison has left, and which is about to end."""


def main(overrides: str, *paths: str) -> int:
    """Go on with the runs at `paths`; the exit status: 0 done, 1 failed, 130 or 143 interrupted.

    `overrides` (JSON, dotted option → value) change what is recorded.
    """
    try:
        threading.Thread(target=interrupt_at_the_end_of_input, daemon=True).start()
        platform()  # where there is none, the error is one line
        if recorded_kind(paths[0]) is FITTING:
            _fit(paths[0], json.loads(overrides))
        else:
            _train(paths, json.loads(overrides))
    except Interrupted as interrupt:
        return interrupt.status
    except (UserError, StorageError) as error:
        print(one_line(error), file=sys.stderr)
        return 1
    except EnvironmentFailure as failure:
        print(failure, first_and_last_line(failure), sep="\n", file=sys.stderr)
        return 1
    except Exception as error:  # also of a part of the user's own; JAX adds lines behind a traceback's last one
        traceback.print_exc()
        print(raised(error), file=sys.stderr)
        return 1
    return 0


def _train(paths: Sequence[str], overrides: Mapping[str, Any]) -> None:
    with ExitStack() as stack:
        runs = [stack.enter_context(RunDirectory.open(path, overrides)) for path in paths]
        for run in runs:
            stack.enter_context(only_trainer(run.path, _PATIENCE))
            write_size(run.path, run.config)
        if len(runs) == 1:
            train(runs[0], lambda metrics: None)
        else:
            train_together(runs, lambda run, metrics: None)


def _fit(path: str, overrides: Mapping[str, Any]) -> None:
    with RunDirectory.open(path, overrides, FITTING) as run, only_trainer(run.path, _PATIENCE):
        write_size(run.path, run.config)
        fit(run, lambda metrics: None)


def interrupt_at_the_end_of_input() -> None:
    """Interrupt this process when its standard input ends, as it does when its parent is gone; for a thread."""
    while os.read(sys.stdin.fileno(), 1):
        pass
    interrupt()


if __name__ == "__main__":
    with signals_noted(abandon=True):
        leave_after(lambda: main(*sys.argv[1:]))
