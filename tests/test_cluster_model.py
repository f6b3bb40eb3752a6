"""The benchmark's model of a cluster: simple cases that anybody can reckon."""

import importlib
from pathlib import Path

import pytest


@pytest.fixture
def model(monkeypatch):
    monkeypatch.syspath_prepend(str(Path(__file__).parents[1] / "scripts/benchmarks"))
    return importlib.import_module("cluster_model")


def costs(model, **changes):
    free = {"episode": 1.0, "batch": 0.0, "put": 0.0, "learn": 0.0, "weights": 0.0, "answer": 0.0}
    return model.Costs(**free | changes)


def test_with_nothing_but_episodes_cores_do_the_work_in_even_shares(model):
    assert model.forecast(costs(model), 10, 100, 1e9).total() == pytest.approx(10.5)
    assert model.forecast(costs(model), 100, 10, 1e9).total() == pytest.approx(1.0)


def test_the_trainers_batches_and_the_network_go_on_beside_the_work(model):
    busy = model.forecast(costs(model, batch=1.0), 10, 100, 1e9)
    assert busy.total() == busy.trainer == model.batches(100, 10, 1.0) > 20
    far = model.forecast(costs(model, weights=900.0, answer=100.0), 10, 100, 1e3)
    assert far.total() == far.network == pytest.approx(100.0)


def test_learning_and_putting_come_before(model):
    found = model.forecast(costs(model, learn=0.5, put=0.01, weights=10.0), 10, 100, 1e9)
    assert found.total() == pytest.approx(10.5 + 50 + 10)


def test_one_unit_each_is_one_batch_each(model):
    assert model.batches(7, 100, 1.0) == 7
