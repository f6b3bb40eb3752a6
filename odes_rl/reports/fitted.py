"""The results of a supervised run in a few lines. Free of JAX."""

from pathlib import Path

from odes_rl.reports.outcome import curve_line
from odes_rl.runs.files import METRICS
from odes_rl.runs.metrics import Metrics, read_metrics

_END = "_accuracy"


def fitted_lines(run: Path) -> list[str]:
    """What was measured after the last epoch of the run at `run` on the test examples, and on each corruption of them.

    Then come the temporary memory of its training, if known, and the path of its curve, drawn anew.

    Raises:
        UserError: if there are metrics that cannot be read.
    """
    evaluated = [line for line in read_metrics(run / METRICS) if "test_loss" in line]
    if not evaluated:
        return ["no epoch has been evaluated yet"]
    last = evaluated[-1]
    measured = _bound_lines(last) or _accuracy_lines(last) or _loss_lines(last)
    return [*measured, *_memory_lines(last), curve_line(run)]


def _accuracy_lines(line: Metrics) -> list[str]:
    accuracies = [f"  {name:14} {accuracy:.2%}" for name, accuracy in evaluated_accuracies(line).items()]
    if not accuracies:
        return []
    diverged = " the loss is not finite, training diverged" if line["test_loss"] is None else ""
    return [f"accuracy after epoch {line['epoch']}:{diverged}", *accuracies]


def _loss_lines(line: Metrics) -> list[str]:
    """All that a model of the user's own measures."""
    found = {name: value for name, value in line.items() if name.startswith("test_")}
    told = [f"  {name:14} {'not finite' if value is None else f'{value:.4g}'}" for name, value in found.items()]
    return [f"after epoch {line['epoch']}:", *told]


def _bound_lines(line: Metrics) -> list[str]:
    if "test_negative_elbo" not in line:
        return []
    if line["test_negative_elbo"] is None:
        return [f"negative ELBO after epoch {line['epoch']}: not finite, training diverged"]
    return [
        f"negative ELBO after epoch {line['epoch']}: {line['test_negative_elbo']:.4g} a frame and pixel, with squared "
        f"error {line['test_squared_error']:.4g} of a pixel and divergence {line['test_divergence']:.4g} nats a frame"
    ]


def _memory_lines(line: Metrics) -> list[str]:
    size = line.get("activation_bytes")
    return [] if size is None else [f"activations: {size / 1e6:.1f} MB, the temporary memory of training (XLA)"]


def evaluated_accuracies(line: Metrics) -> dict[str, float]:
    """Set → accuracy on it, of a line of the metrics."""
    names = [name.removesuffix(_END) for name in line if name.endswith(_END) and name != f"train{_END}"]
    return {name: line[name + _END] for name in names}
