"""Trains configs/quickstart.yaml into runs/quickstart, or goes on with the run that is there."""

import signal
import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType

from odes_rl.cli.program import main
from odes_rl.config.layering import load_config
from odes_rl.interrupts import interrupt, leave_after, signals_noted
from odes_rl.reports.outcome import outcome_lines
from odes_rl.runs.files import CONFIG, METRICS
from odes_rl.runs.metrics import read_metrics

CONFIG_FILE = "configs/quickstart.yaml"
RUN = Path("runs/quickstart")
SECONDS = 280
"""Five minutes, less what a last checkpoint and the curve take."""


def quickstart(
    overrides: list[str], config: str | Path = CONFIG_FILE, run: Path = RUN, seconds: float = SECONDS
) -> int:
    """Train for at most `seconds`, then print where the return began and where it is; the exit status."""
    if any(option.startswith("--run.directory") for option in overrides):
        print("quickstart: --run.directory is set here: use odes-rl train", file=sys.stderr)
        return 2
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
    last = {"generation": 0, "env_steps": 0} | (read_metrics(run / METRICS) or [{}])[-1]
    return load_config(run / CONFIG).run.is_over(last["generation"], last["env_steps"])


def _print_outcome(run: Path, *, finished: bool) -> None:
    for line in outcome_lines(run):
        print(line)
    print(f"train further: .venv/bin/odes-rl resume {run}{_twice_as_long(run) if finished else ''}")


def _twice_as_long(run: Path) -> str:
    """The options with which a finished run goes on for as long again."""
    options = load_config(run / CONFIG).run
    ends = {"generations": options.generations, "env-steps": options.env_steps}
    return "".join(f" --run.{name} {2 * end}" for name, end in ends.items() if end is not None)


if __name__ == "__main__":
    with signals_noted(abandon=True):
        leave_after(lambda: quickstart(sys.argv[1:]))
