"""A run on a real task with the backend mjx, end to end."""

import pytest

from odes_rl import extras
from odes_rl.cli.program import main
from odes_rl.rollouts import patience
from odes_rl.training.train import train
from tests.made_runs import bits, create_run, timeless, train_run

OPTIONS = {
    "task__id": "InvertedPendulum-v5",  # which falls early, and has the smallest model of those that do
    "task__max_steps": 20,
    "rollouts__backend": "mjx",
    "run__generations": 2,
    "run__checkpoint_every": 1,
}


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    return train_run(tmp_path_factory.mktemp("mjx") / "run", **OPTIONS)


def test_a_run_that_was_interrupted_goes_on_to_the_same_bits(whole, tmp_path):
    def stop(line):
        if line["generation"] == 1:
            raise KeyboardInterrupt

    run, state = whole
    with create_run(tmp_path / "run", **OPTIONS) as interrupted, pytest.raises(KeyboardInterrupt):
        train(interrupted, stop)
    with interrupted.open(interrupted.path) as resumed:
        continued = train(resumed, lambda line: None)
    assert bits(continued) == bits(state)
    assert timeless(resumed) == timeless(run)
    assert run.metrics()[-1]["failed_candidates"] == 0
    assert 0 < state.moments.count == state.env_steps < 2 * 6 * 20


def test_evaluation_on_both_physics_tells_the_gap(whole, capsys, caplog, monkeypatch):
    run, _ = whole
    monkeypatch.setattr(patience, "SECONDS", 0.02)
    assert main(["evaluate", str(run.path), "--episodes", "3", "--backend", "serial"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines[1:5]] == ["backend", "serial", "mjx", "transfer"]
    (serial, mjx), gap = (float(line.split()[1]) for line in lines[2:4]), float(lines[4].split()[2])
    assert gap == pytest.approx(serial - mjx, abs=0.011)
    assert abs(gap) < 0.1 + 0.05 * abs(serial)
    assert "compiling the simulation of 8 environments at once has taken 0.02 s so far" in caplog.text
    assert main(["evaluate", str(run.path), "--episodes", "3", "--backend", "mjx"]) == 0
    assert capsys.readouterr().out.splitlines()[1].startswith(lines[3].split()[1].join(("return ", "")))


def test_where_mjx_is_missing_there_are_the_others_returns_and_no_gap(whole, capsys, monkeypatch):
    run, _ = whole
    monkeypatch.setattr(extras, "is_installed", lambda module: module != "mujoco.mjx")
    assert main(["evaluate", str(run.path), "--episodes", "3", "--backend", "serial"]) == 0
    *_, returns, spread, gap = capsys.readouterr().out.splitlines()
    assert returns.startswith("return ")
    assert spread.startswith("from ")
    assert gap.startswith("no gap to mjx, with which the policy was trained: rollouts.backend: mjx needs the package")
