"""The results of a run in a few lines. Free of JAX."""

from pathlib import Path

from odes_rl.errors import UserError
from odes_rl.extras import require
from odes_rl.runs.files import METRICS
from odes_rl.runs.metrics import Metrics, read_metrics


def outcome_lines(run: Path) -> list[str]:
    """The returns of the first and the last evaluation of the run at `run`, and the path of its curve, drawn anew.

    What is missing, because no return was finite or the curve cannot be written, is said instead.

    Raises:
        UserError: if there are metrics that cannot be read.
    """
    evaluated = [line for line in read_metrics(run / METRICS) if line.get("evaluation_return_mean") is not None]
    ends = [evaluated[0], *evaluated[1:][-1:]] if evaluated else []
    return [*(map(_evaluation_line, ends) if ends else ["no evaluation had a finite return yet"]), curve_line(run)]


def _evaluation_line(line: Metrics) -> str:
    mean, deviation = line["evaluation_return_mean"], line["evaluation_return_std"]
    spread = "" if deviation is None else f" ± {deviation:.2f}"
    failed = line.get("evaluation_failed")  # runs of earlier versions have no such count
    left_out = f", {failed} failed episode{'s' if failed > 1 else ''} left out" if failed else ""
    return f"evaluation at generation {line['generation']}: return {mean:.2f}{spread}{left_out}"


def curve_line(run: Path) -> str:
    """The path of the curve of the run at `run`, drawn anew, or why there is none."""
    try:
        require("the curve", "matplotlib")
        from odes_rl.reports.curves import plot_curves

        return f"curve: {plot_curves([run], run / 'curve')[0]}"
    except UserError as error:
        return f"no curve was drawn: {error}"
