"""A run with a user's own shaping, perturbations and optimiser: trained by workers, resumed, and refused if wrong."""

from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from odes_rl.cli.program import main
from odes_rl.errors import UserError
from odes_rl.es.config import StrategyConfig
from odes_rl.es.returns import told_returns
from odes_rl.es.strategy import make_strategy
from odes_rl.manifolds import Euclidean
from odes_rl.runs.run_directory import RunDirectory
from odes_rl.validation import build_model
from tests.made_runs import timeless, train_run

OWN: dict[str, Any] = {
    "shaping": "own_parts:SIGNS",
    "perturbations": "own_parts:RADEMACHER",
    "optimizer": "own_parts:LION",
}


@pytest.fixture(autouse=True)
def _findable(monkeypatch):
    monkeypatch.syspath_prepend(str(Path(__file__).parent))


def test_the_parts_are_those_that_the_config_names():
    config = StrategyConfig(**OWN, population=4, sigma=0.5, learning_rate=0.25)
    strategy = make_strategy(config, Euclidean())
    state = strategy.init(jax.random.key(0), jnp.zeros(3))
    candidates = strategy.ask(state)
    np.testing.assert_array_equal(np.abs(candidates), 0.5)
    after, _ = strategy.tell(state, candidates.sum(axis=1))
    assert set(np.abs(np.asarray(after.params))) <= {0.0, 0.25}  # Lion steps by a sign


def test_a_shaping_of_ones_own_gets_the_returns_as_they_are():
    config = StrategyConfig(shaping=OWN["shaping"], population=4)
    returns = np.array([1.0, 2.0, 3.0, np.nan])
    np.testing.assert_array_equal(told_returns(config, returns), returns)
    with pytest.raises(UserError, match="shaping own_parts:SIGNS takes them as they are"):
        told_returns(config, 1e39 * returns)


def test_a_run_with_them_goes_on_where_it_was(tmp_path):
    options = {f"strategy__{name}": place for name, place in OWN.items()}
    whole, _ = train_run(tmp_path / "whole", run__generations=4, **options)
    part, _ = train_run(tmp_path / "part", run__generations=2, **options)
    assert main(["resume", str(part.path), "--run.generations", "4"]) == 0
    assert timeless(RunDirectory.open(part.path)) == timeless(whole)


def test_an_optimiser_that_is_none_is_told_in_one_line():
    strategy = make_strategy(StrategyConfig(optimizer="own_parts:NOTHING", learning_rate=0.1), Euclidean())
    with pytest.raises(UserError, match="optimizer 'own_parts:NOTHING' makes None, but must make a transformation"):
        strategy.init(jax.random.key(0), jnp.zeros(3))


@pytest.mark.parametrize(
    ("option", "value", "said"),
    [
        ("shaping", "own_parts:signs", "shaping 'own_parts:signs' is of type function, but must be of type Shaping"),
        ("perturbations", "own_parts:LION", "is of type OptimizerFamily, but must be of type Perturbations"),
        ("optimizer", "own_parts:LIONS", "has no 'LIONS'; did you mean 'LION'"),
        ("optimizer", "adm", "strategy.optimizer: unknown optimizer 'adm': did you mean 'adam'"),
        ("shaping", "nowhere:SIGNS", "there is no 'nowhere' in the current directory"),
    ],
)
def test_a_wrong_part_is_told_in_one_line(option, value, said):
    with pytest.raises(UserError, match=said):
        build_model(StrategyConfig, {option: value}, "strategy.")
