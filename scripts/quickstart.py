"""Trains configs/quickstart.yaml into runs/quickstart, or goes on with the run that is there."""

import signal
import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType

from odes_rl.cli.program import main
from odes_rl.interrupts import interrupt, leave_after, signals_noted
from odes_rl.reports.outcome import outcome_lines
from odes_rl.runs.files import CONFIG, METRICS
from odes_rl.runs.metrics import read_metrics
from odes_rl.yaml_text import read_yaml

CONFIG_FILE = "configs/quickstart.yaml"
RUN = Path("runs/quickstart")
SECONDS = 280
"""Five minutes, less what a last checkpoint and the curve take."""


def quickstart(
    overrides: list[str], config: str | Path = CONFIG_FILE, run: Path = RUN, seconds: float = SECONDS
) -> int:
    """Train for at most `seconds`, then print where the return began and where it is; the exit status."""
    if not overrides and _is_finished(run):
        print(f"{run} is finished; to begin anew, remove it: rm -r {run}")
        _print_outcome(run, finished=True)
        return 0
    begun = (run / CONFIG).exists()
    print(f"{'going on with' if begun else 'training into'} {run}, for at most {seconds / 60:.3g} minutes")
    command = ["resume", str(run)] if begun else ["train", str(config), "--run.directory", str(run)]
    status, timed_out = within(seconds, lambda: main([*command, *overrides]))
    if timed_out and status in (0, 130):
        print("time is up")
        _print_outcome(run, finished=False)
        return 0
    return status


def within(seconds: float, action: Callable[[], int]) -> tuple[int, bool]:
    """What `action` returns, and whether it was asked to stop, as by Ctrl-C, because `seconds` had passed."""
    timed_out = False

    def stop(signal_number: int, frame: FrameType | None) -> None:
        nonlocal timed_out
        timed_out = True
        interrupt()

    signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        return action(), timed_out
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def _is_finished(run: Path) -> bool:
    if not (run / CONFIG).exists():
        return False
    return _generation(run) >= read_yaml(run / CONFIG)["run"]["generations"]


def _print_outcome(run: Path, *, finished: bool) -> None:
    for line in outcome_lines(run):
        print(line)
    more = f" --run.generations {2 * _generation(run)}" if finished else ""
    print(f"train further: .venv/bin/odes-rl resume {run}{more}")


def _generation(run: Path) -> int:
    lines = read_metrics(run / METRICS)
    return lines[-1]["generation"] if lines else 0


if __name__ == "__main__":
    with signals_noted(abandon=True):
        leave_after(lambda: quickstart(sys.argv[1:]))
