"""What curves show: returns over environment steps, or accuracies over epochs. Free of JAX."""

from collections.abc import Callable
from typing import NamedTuple


class Measure(NamedTuple):
    """What a curve shows.

    Attributes:
        steps: the metric along the axis.
        values: the metrics to show, of which the first that there is counts.
        steps_label: the axis in words.
        values_label: likewise.
        name: the option that names what learns.
        place: the option that says what is learnt.
        learner: what learns, in words.
        learners: more than one.
        task: what is learnt, in words.
        tasks: more than one.
        speed: the metric of how fast it goes.
        speed_label: that in words.
        values_form: how a value is written in a table.
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
"""Of supervised runs."""
