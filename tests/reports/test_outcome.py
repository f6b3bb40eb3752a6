"""What is said when training ends, also when there is nothing good to say."""

import json

import pytest
import yaml

from odes_rl.errors import UserError
from odes_rl.reports.outcome import outcome_lines


@pytest.fixture
def run(tmp_path):
    (tmp_path / "config.yaml").write_text(yaml.safe_dump({"task": {"id": "Swimmer-v5"}, "policy": {"name": "linear"}}))
    return tmp_path


def write(run, returns):
    keys = ("evaluation_return_mean", "evaluation_return_std")
    lines = [{"generation": i, "env_steps": 100 * i} | dict.fromkeys(keys, value) for i, value in enumerate(returns)]
    (run / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))


def test_first_and_last_evaluation_and_the_curve(run):
    write(run, [1.0, 2.0, 3.0, None])
    first, last, curve = outcome_lines(run)
    assert first == "evaluation at generation 0: return 1.00 ± 1.00"
    assert last == "evaluation at generation 2: return 3.00 ± 3.00"
    assert curve == f"curve: {run / 'curve.png'}"
    assert (run / "curve.png").is_file()
    assert (run / "curve.pdf").is_file()


@pytest.mark.parametrize(
    ("since", "end"), [(0, ""), (1, ""), (2, "; no gain beyond its noise in the last 2 evaluations")]
)
def test_evaluations_without_a_gain_are_told_from_the_second_on(run, since, end):
    write(run, [1.0, 2.0, 3.0])
    metrics = run / "metrics.jsonl"
    first, second, last = map(json.loads, metrics.read_text().splitlines())
    last["evaluations_since_improvement"] = since
    metrics.write_text("".join(json.dumps(line) + "\n" for line in (first, second, last)))
    assert outcome_lines(run)[1] == f"evaluation at generation 2: return 3.00 ± 3.00{end}"


def test_a_single_evaluation_is_told_once(run):
    write(run, [1.0])
    assert len(outcome_lines(run)) == 2


def test_a_run_of_failures_alone_has_no_curve_and_is_no_mistake(run):
    write(run, [None, None])
    nothing, curve = outcome_lines(run)
    assert "no evaluation" in nothing
    assert "no curve was drawn" in curve
    assert not list(run.glob("curve*"))


def test_broken_metrics_are_a_mistake(run):
    (run / "metrics.jsonl").write_text("{\n")
    with pytest.raises(UserError, match="line 1"):
        outcome_lines(run)
