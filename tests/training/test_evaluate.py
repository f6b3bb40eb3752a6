"""What `evaluate` and its like say of a run: which policy it was, and what is not known."""

import numpy as np
import pytest

from odes_rl.cli.evaluate import describe_returns
from odes_rl.cli.program import main
from odes_rl.rollouts.protocol import Moments, Rollouts
from odes_rl.runs.run_directory import RunDirectory
from odes_rl.training.evaluate import rolled_out_by
from odes_rl.training.restoring import restore_run
from odes_rl.training.train import train
from tests.made_runs import create_run, fit_run, timeless, train_run


def interrupt_at(generation):
    def report(line):
        if line["generation"] == generation:
            raise KeyboardInterrupt

    return report


def interrupted(directory, generation):
    """A run that was interrupted after that generation, with no evaluation but the first."""
    with create_run(directory, run__evaluate_every=10) as run, pytest.raises(KeyboardInterrupt):
        train(run, interrupt_at(generation + 1))
    return str(run.path)


def told(capsys, *arguments):
    assert main(list(arguments)) == 0
    return capsys.readouterr().out.splitlines()


def test_evaluate_says_which_checkpoint_it_took(tmp_path, capsys):
    run, state = train_run(tmp_path / "run", run__seed=3, strategy__learning_rate=1.0)
    best = run.checkpoints.restore(state, "best")[0]
    lines = told(capsys, "evaluate", str(run.path), "--episodes", "2")
    assert lines[0].startswith(f"checkpoint: best, of generation {best}")
    assert lines[1].endswith("(mean ± standard deviation of 2 episodes)")
    lines = told(capsys, "evaluate", str(run.path), "--episodes", "1", "--checkpoint", "latest")
    assert lines[0] == "checkpoint: latest, of generation 4"
    assert "±" not in lines[1]
    assert lines[1].split(" (")[1].startswith("1 episode of ")
    assert told(capsys, "inspect", str(run.path))[0].startswith(f"checkpoint: best, of generation {best}")


def test_episodes_by_another_backend_are_the_same(tmp_path, capsys):
    run, _ = train_run(tmp_path / "run", run__generations=1)
    own = told(capsys, "evaluate", str(run.path), "--episodes", "2")
    assert told(capsys, "evaluate", str(run.path), "--episodes", "2", "--backend", "auto") == own
    assert main(["evaluate", str(run.path), "--backend", "serail"]) == 2
    assert "unknown backend 'serail': did you mean 'serial'?" in capsys.readouterr().err


def test_another_backend_has_the_workers_of_the_run(tmp_path):
    run, _ = train_run(tmp_path / "run", run__generations=1, rollouts__workers=1, rollouts__lanes=3)
    rollouts = rolled_out_by(restore_run(run), "processes").config.rollouts
    assert (rollouts.backend, rollouts.workers, rollouts.lanes) == ("processes", 1, None)


@pytest.mark.parametrize(
    ("generation", "words"),
    [
        (0, "checkpoint: best, of generation 0: the untrained policy"),
        (2, "checkpoint: latest, of generation 2: only the untrained policy has been evaluated so far"),
    ],
)
def test_an_untrained_policy_is_called_so_and_not_taken_where_there_is_another(tmp_path, capsys, generation, words):
    run = interrupted(tmp_path / "run", generation)
    assert told(capsys, "evaluate", run, "--episodes", "2")[0] == words


def test_a_run_interrupted_before_its_first_checkpoint_is_begun_by_resume(tmp_path, capsys):
    whole, _ = train_run(tmp_path / "whole")
    path = str(create_run(tmp_path / "run").path)
    for command in ("evaluate", "inspect"):
        assert main([command, path]) == 2
        error = capsys.readouterr().err
        assert error.count("\n") == 1
        assert f"{path!r} has no checkpoint yet: start it with `odes-rl resume {path}`" in error
    assert main(["plot", path, "--output", str(tmp_path / "x.png")]) == 2
    assert capsys.readouterr().err.count("\n") == 1
    assert main(["resume", path]) == 0
    assert timeless(RunDirectory.open(path)) == timeless(whole)


def test_a_fit_interrupted_before_its_first_checkpoint_is_begun_by_resume(tmp_path, capsys):
    run, _ = fit_run(tmp_path / "whole")
    path = str(RunDirectory.create(tmp_path / "run", run.config).path)
    assert main(["inspect", path]) == 2
    assert f"start it with `odes-rl resume {path}`" in capsys.readouterr().err
    assert main(["resume", path]) == 0
    assert "accuracy after epoch 4:" in capsys.readouterr().out


def test_returns_of_failed_episodes_are_left_out_and_one_has_no_deviation():
    failed = np.array([[False, True, True]])
    moments = [Moments.empty(1)]
    rollouts = Rollouts(np.array([[3.0, np.nan, np.nan]]), np.array([[7, 1, 1]]), moments, np.zeros((1, 3)), failed, 0)
    assert describe_returns(rollouts) == [
        "return 3.00 (1 episode of 7 steps)",
        "failed (not in the statistics): 2 of 3 episodes",
    ]
    alone = rollouts._replace(failed=np.ones((1, 1), bool), returns=np.full((1, 1), np.nan))
    assert describe_returns(alone) == ["failed (not in the statistics): 1 of 1 episode"]


def test_an_evaluation_of_one_episode_has_no_deviation(tmp_path, capsys):
    run, _ = train_run(tmp_path / "run", run__generations=1, run__evaluation_episodes=1)
    assert [line["evaluation_return_std"] for line in run.metrics()] == [None, None]
    assert main(["resume", str(run.path)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert all("±" not in line for line in lines)
    assert any(line.startswith("evaluation at generation 1: return ") for line in lines)
