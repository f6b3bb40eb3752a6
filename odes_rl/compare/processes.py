"""The processes of cells: started, watched, stopped."""

import json
import os
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from odes_rl.caching import program_cache
from odes_rl.compare.cells import Cell
from odes_rl.compare.standing import free_options
from odes_rl.config.schema import ExperimentConfig
from odes_rl.runs.files import CONFIG, writing_to
from odes_rl.runs.run_directory import RunDirectory
from odes_rl.start_up import import_path, python_command

LOG = "cell.log"
INTERRUPTED = (130, 143)
"""Exit statuses of a cell that was."""
_PATIENCE = 60.0
"""Seconds that a process has to save its checkpoint when it is told to stop."""


class Running(NamedTuple):
    """Cells and their process."""

    cells: Sequence[Cell]
    process: subprocess.Popen

    @property
    def log(self) -> Path:
        """What the process prints."""
        return self.cells[0].path / LOG


def start_cells(cells: Sequence[Cell], workers: int) -> Running:
    """Start training `cells`, or going on with them, in one process, with so many worker processes.

    Of several cells, all differ in their seeds alone. Those that go on take over what may have changed since.

    Raises:
        UserError: if a run's directory cannot be made.
        StorageError: if nothing can be written there.
    """
    for cell in cells:
        if not (cell.path / CONFIG).exists():
            RunDirectory.create(cell.path, cell.config).close()
    config = cells[0].config
    overrides = free_options(config)
    if isinstance(config, ExperimentConfig):
        overrides["rollouts.workers"] = workers
    arguments = [json.dumps(overrides), *(str(cell.path) for cell in cells)]
    return Running(cells, start_process("odes_rl.compare.cell", arguments, cells[0].path / LOG))


def start_process(module: str, arguments: Sequence[str], log: Path) -> subprocess.Popen:
    """Start `python -m module` in one thread; what it prints goes to the file `log`. `stop` ends it.

    Raises:
        StorageError: if the log cannot be written.
    """
    with writing_to(log.parent):
        output = log.open("wb")
    with output:
        return subprocess.Popen(
            [*python_command(module), *arguments],
            stdin=subprocess.PIPE,  # its end tells the process to stop
            stdout=output,
            stderr=output,
            env=one_threaded(),
            start_new_session=True,  # Ctrl-C is for us to handle, not for all at once
        )


def one_threaded() -> dict[str, str]:
    """The environment of a process that computes in one thread."""
    # One thread, however many workers: large products round by the number of threads, and a cell that goes on with
    # another share of the cores has to give the same bits. PJRT_NPROC is what XLA takes for the number of cores.
    threads = ("PJRT_NPROC", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
    defaults = {"XLA_PYTHON_CLIENT_PREALLOCATE": "false"}  # or the first cell takes the whole of a GPU
    environment = defaults | dict(os.environ) | dict.fromkeys(threads, "1") | import_path()
    return environment | program_cache(environment)


def failure(running: Running) -> str | None:
    """Why the ended process of cells failed, in one line; None if it did not."""
    status = running.process.returncode
    if status == 0:
        return None
    if status in INTERRUPTED:
        return "it was interrupted by a signal"
    if status < 0:
        return f"its process was ended by signal {-status}, see {running.log}"
    text = running.log.read_text(encoding="utf-8", errors="replace")
    lines = [line for line in text.splitlines() if line.strip()]
    return f"{lines[-1].strip()}, see {running.log}" if lines else f"exit status {status}"


def stop(processes: Sequence[subprocess.Popen]) -> None:
    """Have all processes of `start_process` save their checkpoints and end; whichever does not in time is killed."""
    try:
        for process in processes:
            if process.stdin:
                process.stdin.close()
        deadline = time.monotonic() + _PATIENCE
        for process in processes:
            process.wait(max(deadline - time.monotonic(), 0.0))
    except subprocess.TimeoutExpired:
        pass
    finally:
        for process in processes:
            process.kill()
            process.wait()
