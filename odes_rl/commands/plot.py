"""The command `plot`."""

from collections.abc import Mapping

from pydantic import BaseModel

from odes_rl.validation import STRICT


class Plot(BaseModel):
    """Draw reward curves as PNG and PDF; seeds of one experiment become mean and deviation."""

    model_config = STRICT

    runs: tuple[str, ...]
    """Run directories."""
    output: str = "curves.png"
    """File to write; the other format goes beside it."""


def plot(command: Plot, overrides: Mapping[str, str]) -> int:
    """Draw curves and print the files' paths.

    Raises:
        UserError: a path without a run, or an output that cannot be written.
    """
    from odes_rl.reports.curves import plot_curves

    for path in plot_curves(command.runs, command.output):
        print(path)
    return 0
