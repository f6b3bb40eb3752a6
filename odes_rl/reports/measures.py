"""The measured quantities of curves: returns over environment steps; accuracies or bounds over epochs. Free of JAX."""

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
        recorded_form: format of a value in a file for programs.
        about: what the values are of, for those who read a report.
        least: whether the least value is the best one.
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
    recorded_form: Callable[[float], str]
    about: str
    least: bool = False

    @property
    def steps_word(self) -> str:
        """`steps` or `epochs`."""
        return self.steps_label.rpartition(" ")[2]

    @property
    def sign(self) -> int:
        """Factor that makes larger values better ones."""
        return -1 if self.least else 1


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
    recorded_form="{:.2f}".format,
    about="Returns are those of the unperturbed policy, on episodes that training never sees; environment steps are "
    "those of training, without evaluations.",
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
    recorded_form="{:.4f}".format,
    about="Accuracies are those on the clean test examples, unless another set is named; training sees the clean "
    "training examples only.",
)
"""For classifiers."""
BOUNDS = ACCURACIES._replace(
    values=("test_negative_elbo",),
    values_label="negative ELBO",
    values_form="{:.3g}".format,
    recorded_form="{:.6g}".format,
    about="The negative evidence lower bound is that of a frame of the test videos: the squared error of a pixel and "
    "β times the divergence of the posterior from the prior. The least is the best.",
    least=True,
)
"""For models of videos."""
LOSSES = ACCURACIES._replace(
    values=("test_loss",),
    values_label="test loss",
    values_form="{:.3g}".format,
    recorded_form="{:.6g}".format,
    about="The loss is the mean of the test examples. The least is the best.",
    least=True,
)
"""For models of the user's own that measure neither of the above."""
FITTED = (ACCURACIES, BOUNDS, LOSSES)
"""For supervised runs, of which the first one that a run has counts."""
