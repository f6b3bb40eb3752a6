"""What an act rule of the user's computes is translated to ONNX, or refused in one line; nothing is left behind."""

import re
import sys
from typing import Any, NamedTuple

import numpy as np
import pytest

from odes_rl.act import ActRule, find_rule
from odes_rl.errors import UserError
from odes_rl.export import PortablePolicy, write_policy
from tests.exported import act_by_onnx, made_up

N, M = 4, 2
BOUNDS = np.full(M, -np.inf, np.float32), np.full(M, np.inf, np.float32)
OBSERVATIONS = np.random.default_rng(3).normal(size=(5, N))


class Weights(NamedTuple):
    """The weights of the rules here: matrix [m, n]."""

    matrix: Any


def policy_of(array: Any) -> PortablePolicy:
    """A policy whose act rule has that array form."""
    rule: Any = ActRule(Weights, array, lambda weights, observation, action: None)
    weights = Weights(np.random.default_rng(0).normal(size=(M, N)).astype(np.float32))
    return PortablePolicy(rule, weights, np.zeros(N), np.ones(N), np.inf, "clip", *BOUNDS, np.dtype(np.float32), {})


def product(weights, x):
    return (weights.matrix @ x[..., None])[..., 0]


RULES = {
    "functions of the weights' namespace": lambda w, x: w.matrix.__array_namespace__().sin(product(w, x)) ** 2,
    "rows and columns": lambda w, x: x[:, 1:3] * x[..., -1:] + x[..., ::2] - x[..., 0, None],
    "concatenation and stacks": lambda w, x: np.concatenate([np.stack([x[..., 0], x[..., 2]], -1), x], axis=-1)[
        ..., :2
    ],
    "selections": lambda w, x: np.where(product(w, x) > 0, product(w, x), np.zeros_like(product(w, x)) - 1),
    "sums and places": lambda w, x: product(w, x) / np.sum(x**2, axis=-1, keepdims=True) + np.argmax(x, -1)[:, None],
    "mixed types": lambda w, x: np.float64(0.1) * np.astype(np.clip(product(w, x), -0.5, 0.5), np.float64),
    "another order": lambda w, x: 1 - w.matrix[0, :2] - np.exp(-np.abs(np.expand_dims(x[:, 1], -1))),
}


@pytest.mark.parametrize("name", RULES)
def test_operations_of_arrays_are_translated(tmp_path, name):
    policy = policy_of(RULES[name])
    own = np.asarray(policy.act(OBSERVATIONS))
    actions = act_by_onnx(write_policy(policy, tmp_path / "policy.onnx"), OBSERVATIONS)
    assert (actions.dtype, actions.shape) == (own.dtype, own.shape)
    assert len(np.unique(own)) > 2
    np.testing.assert_allclose(actions, own, rtol=1e-5, atol=1e-6)


def test_the_rule_of_a_package_is_translated(tmp_path):
    policy = made_up(tmp_path, "odes_rl_example.sines:SINES", policy__layers=2)
    asked = policy.restored.state.moments.mean + OBSERVATIONS[:, :1]
    assert find_rule(policy.portable().about["act_rule"]) is policy.acting.rule
    actions = act_by_onnx(policy.export(tmp_path / "sines.onnx"), asked)
    np.testing.assert_allclose(actions, policy(asked), rtol=1e-5, atol=1e-6)


def branching(weights, x):
    return product(weights, x) if x[0, 0] > 0 else product(weights, -x)


def of_a_batch(weights, x):
    return product(weights, x) / len(x.shape) / x.shape[0]


def of_a_value(weights, x):
    return product(weights, x) * x.example[0, 0]


REFUSED = [
    (lambda w, x: np.sort(product(w, x)), "the act rule uses sort, which the export to ONNX does not translate"),
    (lambda w, x: np.hypot(product(w, x), 1), "uses hypot"),
    (lambda w, x: product(w, x).reshape(-1), "uses ndarray.reshape"),
    (lambda w, x: x[..., np.array([1, 0])], "uses indexing by a ndarray"),
    (lambda w, x: x[..., 1::-1], "uses a slice backwards"),
    (lambda w, x: np.asarray(x)[..., :2], "uses a value that is known only when the policy acts"),
    (branching, "uses a value that is known only when the policy acts"),
    (of_a_batch, "does not compute the same whatever the observations are"),
    (of_a_value, "does not compute the same whatever the observations are"),
    (lambda w, x: w.matrix @ x, "the array form of the act rule raises on a batch of observations: ValueError: matmul"),
]


@pytest.mark.parametrize(("array", "message"), REFUSED)
def test_what_is_not_translated_is_one_line(tmp_path, array, message):
    with pytest.raises(UserError, match=re.escape(message)) as caught:
        write_policy(policy_of(array), tmp_path / "policy.onnx")
    assert "\n" not in str(caught.value)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(("kind", "package"), [("onnx", "onnx"), ("stablehlo", "flatbuffers")])
def test_a_missing_package_is_one_line_that_names_its_extra(tmp_path, monkeypatch, kind, package):
    policy = policy_of(product)
    for name in list(sys.modules):
        if name.partition(".")[0] == package or name.startswith("jax._src.export.serialization"):
            monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, package, None)
    message = f'the package {package}, which is not installed: pip install "odes-rl[{kind}]"'
    with pytest.raises(UserError, match=re.escape(message)):
        write_policy(policy, tmp_path / f"policy.{kind}")
    assert not list(tmp_path.iterdir())
