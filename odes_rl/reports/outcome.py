"""The results of a run in a few lines. Free of JAX."""

from collections.abc import Sequence
from pathlib import Path

from odes_rl.errors import UserError
from odes_rl.extras import require
from odes_rl.runs.files import METRICS
from odes_rl.runs.metrics import Metrics, read_metrics

_SCORE = "evaluation_score_"
"""Beginning of the names of the scores of starts."""


def outcome_lines(run: Path) -> list[str]:
    """The returns of the first and the last evaluation of the run at `run`, and the path of its curve, drawn anew.

    If it had several starts, the best one and the last scores of all are told too.

    What is missing, because no return was finite or the curve cannot be written, is said instead.

    Raises:
        UserError: if there are metrics that cannot be read.
    """
    lines = read_metrics(run / METRICS)
    evaluated = [line for line in lines if line.get("evaluation_return_mean") is not None]
    ends = [evaluated[0], *evaluated[1:][-1:]] if evaluated else []
    told = list(map(_evaluation_line, ends)) if ends else ["no evaluation had a finite return yet"]
    return [*_starts_line([line for line in lines if "evaluation_start" in line]), *told, curve_line(run)]


def _starts_line(evaluated: Sequence[Metrics]) -> list[str]:
    """The starts and their last scores, from the lines `evaluated` with several starts; nothing if there are none."""
    if not evaluated:
        return []
    last = {name: (line["generation"], line[name]) for line in evaluated for name in line if name.startswith(_SCORE)}
    scores = [
        f"start {name.removeprefix(_SCORE)} {'none' if score is None else f'{score:.2f}'} at generation {generation}"
        for name, (generation, score) in last.items()
    ]
    return [f"starts: start {evaluated[-1]['evaluation_start']} was the best; last scores: {', '.join(scores)}"]


def _evaluation_line(line: Metrics) -> str:
    mean, deviation = line["evaluation_return_mean"], line["evaluation_return_std"]
    spread = "" if deviation is None else f" ± {deviation:.2f}"
    failed = line.get("evaluation_failed")  # runs of earlier versions have no such count
    left_out = f", {failed} failed episode{'s' if failed > 1 else ''} left out" if failed else ""
    since = line.get("evaluations_since_improvement")
    still = f"; no gain beyond its noise in the last {since} evaluations" if since and since > 1 else ""
    return f"evaluation at generation {line['generation']}: return {mean:.2f}{spread}{left_out}{still}"


def curve_line(run: Path) -> str:
    """The path of the curve of the run at `run`, drawn anew, or why there is none."""
    try:
        require("the curve", "matplotlib")
        from odes_rl.reports.curves import plot_curves

        return f"curve: {plot_curves([run], run / 'curve')[0]}"
    except UserError as error:
        return f"no curve was drawn: {error}"
