"""The command `plot`."""

from collections.abc import Mapping

from pydantic import BaseModel

from odes_rl.validation import STRICT


class Plot(BaseModel):
    """Draw reward curves, a panel a task; seeds of one experiment become mean and deviation."""

    model_config = STRICT

    runs: tuple[str, ...]
    """Directories of runs, or of comparisons, which stand for all of their runs."""
    output: str = "curves"
    """Picture to write, which ends in .png, .pdf or .svg; without an ending a PNG and a PDF."""
    metric: str | None = None
    """Column of the metrics to draw; none takes evaluations, or else the mean return of candidates."""


def plot(command: Plot, overrides: Mapping[str, str]) -> int:
    """Draw curves and print the files' paths.

    Raises:
        UserError: a path without a run, no such metric, or an output that cannot be written.
    """
    from odes_rl.reports.curves import plot_curves

    for path in plot_curves(command.runs, command.output, command.metric):
        print(path)
    return 0
