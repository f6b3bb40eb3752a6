"""What a run shows meanwhile."""

import io
import re

import pytest
from rich.console import Console

from odes_rl.cli.progress import fitting_course, show_progress, training_course

LINES = [
    {"generation": 0, "env_steps": 0, "evaluation_return_mean": -7.0},
    {"generation": 1, "env_steps": 10, "return_mean": 1.25, "env_steps_per_second": 1234.0},
    {"generation": 2, "env_steps": 20, "return_mean": None, "env_steps_per_second": 1234.0},
    {"generation": 3, "env_steps": 30, "return_mean": 2.5, "env_steps_per_second": 1234.0},
]


def shown(*, terminal: bool, seconds: float = 0.0) -> str:
    stream = io.StringIO()
    console = Console(file=stream, force_terminal=terminal, width=200)
    with show_progress(training_course(3), console, seconds) as report:
        for metrics in LINES:
            report(metrics)
    return stream.getvalue()


def test_elsewhere_than_on_a_terminal_there_are_plain_lines():
    lines = shown(terminal=False).splitlines()
    assert len(lines) == 4
    assert lines[1] == "generation 1/3, return 1.2, evaluation -7.0, 1,234 steps/s"
    assert lines[2].startswith("generation 2/3, return 1.2, evaluation -7.0, 1,234 steps/s, 0:00:0")
    assert lines[2].endswith("left")
    assert lines[3] == "generation 3/3, return 2.5, evaluation -7.0, 1,234 steps/s"


@pytest.mark.parametrize("terminal", [True, False])
def test_the_time_left_is_reckoned_without_what_compiles(monkeypatch, terminal):
    clock, stream = {"now": 0.0}, io.StringIO()
    monkeypatch.setattr("odes_rl.cli.progress.time.monotonic", lambda: clock["now"])
    console = Console(file=stream, force_terminal=terminal, width=200)
    with show_progress(training_course(12), console, 0.0) as report:
        for generation, now in enumerate([0.0, 90.0, 100.0, 110.0]):
            clock["now"] = now
            report({"generation": generation, "env_steps": 10 * generation})
    times = re.findall(r"(\d:\d\d:\d\d) left", stream.getvalue())
    assert times[-1] == "0:01:30"
    assert set(times) <= {"0:01:40", "0:01:30"}  # a bar is drawn in its own time, not at each report


def test_of_two_limits_the_one_that_is_reached_first_counts():
    stream = io.StringIO()
    with show_progress(training_course(3, 10**9), Console(file=stream, width=200), 0.0) as report:
        for metrics in LINES:
            report(metrics)
    assert [line.split(",")[0] for line in stream.getvalue().splitlines()[1:]] == [
        "generation 1/3",
        "generation 2/3",
        "generation 3/3",
    ]


def test_lines_come_now_and_then_and_the_last_always():
    lines = shown(terminal=False, seconds=1000.0).splitlines()
    assert [line.split(",")[0] for line in lines] == ["generation 0/3", "generation 3/3"]


def test_a_terminal_has_a_bar_that_ends_full():
    text = shown(terminal=True)
    assert "3/3" in text
    assert "return 2.5, evaluation -7.0, 1,234 steps/s" in text


def test_a_run_with_a_budget_of_environment_steps_counts_those():
    stream = io.StringIO()
    with show_progress(training_course(None, 30), Console(file=stream, width=200), 0.0) as report:
        for metrics in LINES:
            report(metrics)
    lines = stream.getvalue().splitlines()
    assert lines[1].startswith("environment step 10/30, return 1.2")
    assert lines[2].endswith("left")
    assert lines[3].startswith("environment step 30/30")
    assert not lines[3].endswith("left")


def test_a_supervised_run_tells_loss_and_accuracy():
    stream = io.StringIO()
    with show_progress(fitting_course(2), Console(file=stream, width=200), 0.0) as report:
        report({"epoch": 1, "train_loss": 0.25, "test_accuracy": 0.5, "examples_per_second": 1500.0})
        report({"epoch": 2, "train_loss": 0.125, "examples_per_second": 1500.0})
    lines = stream.getvalue().splitlines()
    assert lines[0].startswith("epoch 1/2, loss 0.2500, test accuracy 50.00%, 1,500 examples/s")
    assert lines[1] == "epoch 2/2, loss 0.1250, test accuracy 50.00%, 1,500 examples/s"
