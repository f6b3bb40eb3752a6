"""A comparison on a device: all seeds of a policy in one process."""

import pytest

from odes_rl.cli.program import main
from odes_rl.runs.metrics import read_metrics
from tests.comparisons import write_comparison


@pytest.mark.slow
def test_seeds_train_together_and_stop_and_go_on(tmp_path, capfd):
    changes = {"seeds": 2, "env_steps": 200, "directory": str(tmp_path / "runs")}
    changes |= {"tasks": {"Swimmer-v5": None}, "policies": {"autonomous": None}}
    path = write_comparison(tmp_path / "device.yaml", **changes)
    assert main(["compare", str(path), "--rollouts.backend", "mjx"]) == 0
    runs = sorted((tmp_path / "runs").glob("*/*/seed_*"))
    assert [(run / "cell.log").exists() for run in runs] == [True, False]
    returns = [[line["return_mean"] for line in read_metrics(run / "metrics.jsonl")[1:]] for run in runs]
    assert [len(each) for each in returns] == [2, 2]
    assert returns[0] != returns[1]
    assert main(["compare", str(path), "--rollouts.backend", "mjx", "--env-steps", "300"]) == 0
    longer = [[line["return_mean"] for line in read_metrics(run / "metrics.jsonl")[1:]] for run in runs]
    assert [len(each) for each in longer] == [3, 3]
    assert [each[:2] for each in longer] == returns
    assert "seed 1" in capfd.readouterr().out
