"""The process of one cell, started as `python -m odes_rl.compare.cell RUN ENV_STEPS WORKERS`.

It stops, with a checkpoint, when its standard input ends: so it does when whoever started it is gone, however that
came. The last line of its standard error says why it failed.
"""

import json
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from odes_rl.errors import StorageError, UserError, one_line
from odes_rl.experiment import make_experiment
from odes_rl.interrupts import terminated_as_interrupted
from odes_rl.policies.counting import parameter_count
from odes_rl.records.files import CELL, replace_text
from odes_rl.records.lock import only_trainer
from odes_rl.records.run_directory import RunDirectory
from odes_rl.rollouts.base import EnvironmentFailure
from odes_rl.train import train

_PATIENCE = 60.0
"""Seconds to wait for another trainer of the run to end."""


def main(path: str, env_steps: str, workers: str) -> int:
    """Train the run at `path` up to `env_steps`; the exit status: 0 done, 1 failed, 130 interrupted."""
    try:
        with terminated_as_interrupted():
            threading.Thread(target=_interrupt_at_the_end_of_input, daemon=True).start()
            _train(path, {"run.env_steps": env_steps, "rollouts.workers": workers})
    except KeyboardInterrupt:
        return 130
    except (UserError, StorageError) as error:
        print(one_line(error), file=sys.stderr)
        return 1
    except EnvironmentFailure as failure:
        lines = str(failure).splitlines()
        print(failure, " ".join(dict.fromkeys([lines[0], lines[-1]])), sep="\n", file=sys.stderr)
        return 1
    return 0


def _train(path: str, overrides: dict[str, str]) -> None:
    with RunDirectory.open(path, overrides) as run, _only_trainer_at_last(run.path):
        parameters = parameter_count(make_experiment(run.config).policy)
        replace_text(Path(path) / CELL, json.dumps({"parameters": parameters}) + "\n")
        train(run, lambda metrics: None)


@contextmanager
def _only_trainer_at_last(path: Path) -> Iterator[None]:
    """As `only_trainer`, but wait for a process that a killed comparison has left, and which is about to end."""
    deadline = time.monotonic() + _PATIENCE
    with ExitStack() as stack:
        while True:
            try:
                stack.enter_context(only_trainer(path))
                break
            except UserError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.2)
        yield


def _interrupt_at_the_end_of_input() -> None:
    while os.read(sys.stdin.fileno(), 1):
        pass
    os.kill(os.getpid(), signal.SIGTERM)  # SIGINT is ignored below a shell that put the comparison in the background


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
