"""The command `plot`."""

from collections.abc import Mapping

from pydantic import BaseModel

from odes_rl.validation import STRICT


class Plot(BaseModel):
    """Draw reward curves, one panel for each task. Seeds of one experiment become mean and standard deviation."""

    model_config = STRICT

    runs: tuple[str, ...]
    """Directories of runs, or of comparisons, which include all of their runs."""
    output: str = "curves"
    """File for the figure, with the extension .png, .pdf or .svg; without an extension, a PNG and a PDF."""
    metric: str | None = None
    """Metric to draw; none draws evaluations, or the mean return of candidates if there are none."""


def plot(command: Plot, overrides: Mapping[str, str]) -> int:
    """Draw curves and print the files' paths.

    Raises:
        UserError: a path without a run, no such metric, or an output that cannot be written.
    """
    from odes_rl.reports.curves import plot_curves

    for path in plot_curves(command.runs, command.output, command.metric):
        print(path)
    return 0
