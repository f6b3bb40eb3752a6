"""`scripts/pretrain.py` keeps the policy of the run with the best evaluation, as it is."""

import shutil
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from odes_rl.pretrained.archive import read_file
from odes_rl.training.evaluate import evaluate_restored
from odes_rl.training.restoring import restore_run
from tests.made_runs import train_run


@pytest.fixture(scope="module")
def script() -> ModuleType:
    path = Path(__file__).parents[2] / "scripts/pretrain.py"
    spec = spec_from_file_location("pretrain", path)
    assert spec
    assert spec.loader
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Two seeds, as a comparison has them."""
    directory = tmp_path_factory.mktemp("runs")
    options = {"strategy__learning_rate": 0.3, "run__evaluate_every": 1}
    return [train_run(directory / f"Hopper-v5/ode_to_ode/seed_{n}", run__seed=n, **options)[0] for n in (3, 4)]


def best(run):
    return max(line.get("evaluation_score", -np.inf) for line in run.metrics())


def test_the_best_run_is_kept_with_its_card(script, runs, tmp_path, capsys):
    assert script.main([str(runs[0].path.parents[2]), "--episodes", "3", "--output", str(tmp_path)]) == 0
    chosen = max(runs, key=best)
    restored, policy = restore_run(chosen), read_file(tmp_path / "Hopper-v5/ode_to_ode.npz")
    card = policy.card
    assert (card.task, card.policy, card.seed, card.runs) == ("Hopper-v5", "ode_to_ode", chosen.config.run.seed, 2)
    assert card.generation == int(restored.state.strategy.generation)
    assert card.evaluation == best(chosen)
    (line,) = [line for line in chosen.metrics() if line["generation"] == card.generation]
    assert card.env_steps == line["env_steps"]
    np.testing.assert_array_equal(policy.returns, evaluate_restored(restore_run(chosen), 3).returns[0])
    params = restored.state.strategy.params
    np.testing.assert_array_equal(policy.arrays["params['input']"], params["input"])
    np.testing.assert_array_equal(policy.arrays["moments.mean"], restored.state.moments.mean)
    assert (policy.config.task, policy.config.policy) == (chosen.config.task, chosen.config.policy)
    assert policy.config.strategy == chosen.config.strategy
    assert str(tmp_path.parents[1]) not in str(card)
    assert f"seed {card.seed}, best of 2; {policy.returns.mean():.2f} ± " in capsys.readouterr().out


def test_what_cannot_be_kept_is_one_line(script, runs, tmp_path, capsys):
    output = ["--output", str(tmp_path / "kept")]
    assert script.main([str(runs[0].path), "--policies", "nanode", *output]) == 2
    assert "pretrain: no run is of a policy nanode" in capsys.readouterr().err
    copy = shutil.copytree(runs[0].path, tmp_path / "copy")
    config = (copy / "config.yaml").read_text(encoding="utf-8")
    (copy / "config.yaml").write_text(config.replace("initial: null", "initial: runs/other"), encoding="utf-8")
    assert script.main([str(copy), *output]) == 2
    assert "began with the policy of 'runs/other': leave it out" in capsys.readouterr().err
    assert not (tmp_path / "kept").exists()
