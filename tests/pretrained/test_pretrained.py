"""Policies that come with the package: what their cards say is what they do, wherever a run's policy is taken."""

import json
import math
from functools import cache

import numpy as np
import pytest
import yaml

import odes_rl
from odes_rl.cli.program import main
from odes_rl.errors import UserError
from odes_rl.policies.counting import parameter_count
from odes_rl.pretrained.archive import read_pretrained
from odes_rl.pretrained.names import PREFIX, pretrained_names
from odes_rl.rollouts.config import RolloutsConfig
from odes_rl.training.evaluate import evaluate_restored
from odes_rl.training.restoring import restore
from tests.comparisons import write_comparison

NAMES = pretrained_names()
CHEETAH = "pretrained:HalfCheetah-v5/ode_to_ode"
LARGEST = 200_000
"""Bytes of a file: ODEtoODE with h = 64 on Humanoid has 130,000."""
loaded = cache(odes_rl.load)


def returned(name, episodes):
    """Returns in this process: workers would take longer to start than an episode."""
    restored = restore(name)
    config = restored.config.model_copy(update={"rollouts": RolloutsConfig(backend="serial")})
    return evaluate_restored(restored._replace(config=config), episodes).returns[0]


def check(returns, expected, deviation):
    """Equal on the machine that measured them; elsewhere of the same distribution."""
    error = abs(returns.mean() - expected.mean())
    assert error <= 4 * deviation / math.sqrt(len(returns)) + 0.02 * abs(expected.mean()), (returns, expected)


@pytest.mark.parametrize("name", NAMES)
def test_a_policy_returns_what_its_card_says(name):
    expected = read_pretrained(name).returns
    check(returned(name, 1), expected[:1], expected.std())


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_a_policy_returns_what_its_card_says_in_all_episodes(name):
    expected = read_pretrained(name).returns
    assert expected.size == 100
    check(returned(name, 100), expected, expected.std())


@pytest.mark.parametrize("name", NAMES)
def test_a_card_describes_its_policy_and_no_machine(name):
    policy = read_pretrained(name)
    card, restored = policy.card, restore(name)
    assert name == policy.name == f"{PREFIX}{restored.config.task.id}/{restored.config.policy.name}"
    assert card.parameters == parameter_count(restored.experiment.policy)
    assert card.seed == restored.config.run.seed
    assert int(restored.state.strategy.generation) == card.generation > 0
    seen = restored.state.moments.count  # along a cosine an observation counts half, or more
    assert card.env_steps / 2 - 1e6 <= seen <= card.env_steps  # a warm-up is not among what candidates have seen
    assert card.env_steps > 0
    assert card.runs > 0
    assert {"python", "jax", "numpy", "gymnasium"} <= card.versions.keys()
    assert "directory" not in card.config["run"]
    assert "rollouts" not in card.config
    assert np.isfinite(policy.returns).all()
    assert policy.path.stat().st_size <= LARGEST


def test_they_are_listed_with_their_returns(capsys):
    assert main(["list", "pretrained"]) == 0
    heading, *lines = capsys.readouterr().out.splitlines()
    assert heading.split() == ["name", "return", "±", "episodes", "env.", "steps", "parameters"]
    assert [line.split()[0] for line in lines] == NAMES
    policy = read_pretrained(CHEETAH)
    (line,) = [line for line in lines if line.startswith(f"{CHEETAH} ")]
    mean, deviation, card = policy.returns.mean(), policy.returns.std(), policy.card
    assert line.split()[1:] == [f"{mean:.2f}", f"{deviation:.2f}", "100", f"{card.env_steps:,}", f"{card.parameters}"]


def test_evaluate_says_which_policy_it_is(capsys):
    assert main(["evaluate", CHEETAH, "--episodes", "1"]) == 0
    words, line, *_ = capsys.readouterr().out.splitlines()
    card = read_pretrained(CHEETAH).card
    told = f"of seed {card.seed}, generation {card.generation}, {card.env_steps:,} environment steps"
    assert words == f"{CHEETAH}, {told}"
    assert line.startswith(f"return {returned(CHEETAH, 1).mean():.2f} (1 episode of")


def test_python_loads_one():
    policy = loaded(CHEETAH)
    assert policy(np.zeros(17)).shape == (6,)
    assert policy.generation == read_pretrained(CHEETAH).card.generation
    assert policy.config.task.id == "HalfCheetah-v5"


def test_export_writes_here_and_not_into_the_package(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["export", CHEETAH]) == 0
    assert f"{CHEETAH}, of seed" in capsys.readouterr().out
    assert [path.name for path in tmp_path.iterdir()] == ["HalfCheetah-v5_ode_to_ode_policy.npz"]
    with np.load("HalfCheetah-v5_ode_to_ode_policy.npz") as file:
        np.testing.assert_array_equal(file["weights.layers"], loaded(CHEETAH).weights().layers)


@pytest.mark.slow
def test_inspect_writes_here_and_not_into_the_package(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["inspect", CHEETAH]) == 0
    assert f"{CHEETAH}, of seed" in capsys.readouterr().out
    names = [f"HalfCheetah-v5_ode_to_ode_inspection.{ending}" for ending in ("pdf", "png")]
    assert sorted(path.name for path in tmp_path.iterdir()) == names


def start(directory, options):
    """The status of `train`, for a run with the policy's options that starts from it."""
    config = {
        "task": {"id": "HalfCheetah-v5", "max_steps": 10},
        "policy": read_pretrained(CHEETAH).card.config["policy"],
        "strategy": {"population": 2},
        "rollouts": {"backend": "serial"},
        "run": {"directory": str(directory / "run"), "generations": 1, "evaluation_episodes": 2, "initial": CHEETAH},
    }
    path = directory / "config.yaml"
    path.write_text(yaml.safe_dump(config), encoding="utf-8")
    return main(["train", str(path), *(part for name, value in options.items() for part in (f"--{name}", value))])


def test_a_run_starts_from_one(tmp_path):
    assert start(tmp_path, {}) == 0
    line = json.loads((tmp_path / "run/metrics.jsonl").read_text(encoding="utf-8").splitlines()[0])
    assert line["initial_generation"] == read_pretrained(CHEETAH).card.generation
    assert yaml.safe_load((tmp_path / "run/config.yaml").read_text(encoding="utf-8"))["run"]["initial"] == CHEETAH


HIDDEN = read_pretrained(CHEETAH).card.config["policy"]["hidden"]
UNFIT = [
    ({"policy.hidden": "3"}, f"give the policy its options (policy.hidden {HIDDEN}), and HalfCheetah-v5 or a task"),
    ({"policy.hidden": "3"}, "does not fit: params["),
    ({"task.id": "Hopper-v5"}, "here; give HalfCheetah-v5 or a task of the same sizes"),
    ({"run.initial": "pretrained:HalfCheetah-v5/ode"}, f"did you mean '{CHEETAH}'?"),
    ({"run.initial-checkpoint": "latest"}, f"checkpoint is 'latest', but {CHEETAH} is the best of its run alone"),
]


@pytest.mark.parametrize(("options", "message"), UNFIT)
def test_what_does_not_fit_is_one_line_and_leaves_nothing(tmp_path, capsys, options, message):
    assert start(tmp_path, options) == 2
    error = capsys.readouterr().err
    assert error.startswith("odes-rl: run.initial: ")
    assert message in error
    assert error.count("\n") == 1
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("command", ["evaluate", "inspect", "export"])
def test_an_unknown_name_is_one_line_that_says_what_there_is(command, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main([command, "pretrained:HalfCheetah/ode_to_ode"]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert "unknown pretrained policy 'pretrained:HalfCheetah/ode_to_ode': did you mean 'pretrained:" in error
    assert not [*tmp_path.iterdir()]


def test_a_comparison_tells_an_unknown_name_before_it_starts(tmp_path, capsys):
    path = write_comparison(tmp_path / "tiny.yaml", directory=str(tmp_path / "runs"))
    assert main(["compare", str(path), "--run.initial", "pretrained:none", "--dry-run"]) == 2
    assert capsys.readouterr().err.startswith("odes-rl: run.initial: unknown pretrained policy 'pretrained:none': ")


def test_there_is_no_latest_checkpoint_and_no_curve():
    with pytest.raises(UserError, match="checkpoint is 'latest', but"):
        odes_rl.load(CHEETAH, "latest")
    assert main(["plot", CHEETAH]) == 2


def test_a_wheel_carries_them(installed, tmp_path):
    assert [line.split()[0] for line in installed.run(tmp_path, "list", "pretrained").splitlines()[1:]] == NAMES
