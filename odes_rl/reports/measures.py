"""The measured quantities of curves: returns over environment steps, or accuracies over epochs. Free of JAX."""

from collections.abc import Callable
from typing import NamedTuple


class Measure(NamedTuple):
    """The metrics of a curve, and their names.

    Attributes:
        steps: metric of the horizontal axis.
        values: metrics to draw; the first one that a run has is used.
        steps_label: label of the horizontal axis.
        values_label: label of the vertical axis.
        name: option with the name of the policy or model.
        place: option with the name of the task or data set.
        learner: `policy` or `model`.
        learners: plural of `learner`.
        task: `task` or `data set`.
        tasks: plural of `task`.
        speed: metric of the speed.
        speed_label: label of the speed.
        values_form: format of a value in a table.
    """

    steps: str
    values: tuple[str, ...]
    steps_label: str
    values_label: str
    name: str
    place: str
    learner: str
    learners: str
    task: str
    tasks: str
    speed: str
    speed_label: str
    values_form: Callable[[float], str]


def _number(value: float) -> str:
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.1f}"


RETURNS = Measure(
    steps="env_steps",
    values=("evaluation_return_mean", "return_mean"),
    steps_label="environment steps",
    values_label="return",
    name="policy.name",
    place="task.id",
    learner="policy",
    learners="policies",
    task="task",
    tasks="tasks",
    speed="env_steps_per_second",
    speed_label="env.step/s",
    values_form=_number,
)
ACCURACIES = Measure(
    steps="epoch",
    values=("test_accuracy",),
    steps_label="epochs",
    values_label="test accuracy",
    name="model.name",
    place="data.source",
    learner="model",
    learners="models",
    task="data set",
    tasks="data sets",
    speed="examples_per_second",
    speed_label="examples/s",
    values_form="{:.2%}".format,
)
"""For supervised runs."""
