"""An exported policy gives the run's own actions: every policy, act rule and squash, in every format."""

import numpy as np
import pytest

from odes_rl.act import ACT_RULES
from odes_rl.export import FORMATS, PortablePolicy, write_policy
from odes_rl.policies import POLICIES
from tests.act_weights import rule_weights
from tests.exported import ACT, act_alone, kernel_actions, made_up, observations_of

N, M = 5, 3
OPTIONS = {
    "ode_to_ode": {"policy__integrator": "rk4", "task__clip_observations": 0.8},
    "nanode": {"policy__activation": "tanh"},
    "base_ode": {"policy__activation": "relu", "task__normalise_observations": False},
    "con_res_net": {"task__clip_observations": 1.5},
}
"""Of single policies of the zoo; every second one has the squash tanh."""


def exported(directory, policy, name):
    """The files of a policy, one of each format."""
    return {kind: write_policy(policy, directory / f"{name}.{kind}") for kind in FORMATS}


@pytest.fixture(scope="module")
def zoo(tmp_path_factory):
    """Policy → its files, observations, and the run's own actions for these; by NumPy alone in the format npz."""
    directory, found = tmp_path_factory.mktemp("zoo"), {}
    for place, name in enumerate(POLICIES):
        policy = made_up(directory, name, policy__squash=("clip", "tanh")[place % 2], **OPTIONS.get(name, {}))
        observations = observations_of(policy)
        files = exported(directory, policy.portable(), name)
        found[name] = files, observations, policy(observations)
    alone, modules = act_alone(directory, {files["npz"].name: asked for files, asked, _ in found.values()})
    assert "numpy" in modules
    assert not modules & {"odes_rl", "jax", "gymnasium", "onnx"}
    return found, alone


def assert_near(actions, own):
    assert actions.shape == own.shape
    assert actions.dtype == own.dtype
    assert np.abs(actions - own).max() <= 1e-5 * np.abs(own).max()


@pytest.mark.parametrize("name", POLICIES)
def test_a_policy_acts_as_in_its_run(zoo, name):
    files, observations, own = zoo[0][name]
    assert len(np.unique(own)) > own.size / 2, "bounds hide what is computed"
    assert_near(zoo[1][files["npz"].name], own)
    for kind, act in ACT.items():
        assert_near(act(files[kind], observations), own)
        assert_near(act(files[kind], observations[:1]), own[:1])


def unbounded(rule, **changes):
    """A policy of that act rule, whose actions are the rule's outputs."""
    weights = rule_weights(rule, (4, N, M, 3))
    bounds = np.full(M, -np.inf, np.float32), np.full(M, np.inf, np.float32)
    about = {"act_rule": rule}
    dtype = np.dtype(np.float32)
    made = PortablePolicy(ACT_RULES[rule], weights, np.zeros(N), np.ones(N), np.inf, "clip", *bounds, dtype, about)
    return made._replace(**changes)


def test_every_act_rule_is_translated(tmp_path):
    observations = np.random.default_rng(2).normal(size=(4, N))
    files = {rule: exported(tmp_path, unbounded(rule), rule) for rule in ACT_RULES}
    alone, _ = act_alone(tmp_path, {kinds["npz"].name: observations for kinds in files.values()})
    for rule, kinds in files.items():
        own = kernel_actions(unbounded(rule), observations)
        assert_near(alone[kinds["npz"].name], own)
        assert_near(ACT["onnx"](kinds["onnx"], observations), own)
        assert_near(np.asarray(unbounded(rule).act(observations)), own)


def test_an_observation_that_is_not_finite_gives_nan(tmp_path):
    observations = np.random.default_rng(2).normal(size=(4, N))
    observations[:3, 1] = np.nan, np.inf, -np.inf
    low, high, files = np.full(M, -1, np.float32), np.full(M, 1, np.float32), []
    for rule in ("network_tanh", "residual_flow_relu", "linear"):
        for clip in (1.0, np.inf):
            files.append(exported(tmp_path, unbounded(rule, low=low, high=high, clip=clip), f"{rule}_{clip}"))
    alone, _ = act_alone(tmp_path, {kinds["npz"].name: observations for kinds in files})
    for kinds in files:
        for actions in (alone[kinds["npz"].name], *(act(kinds[kind], observations) for kind, act in ACT.items())):
            assert np.isnan(actions[:3]).all()
            assert np.isfinite(actions[3]).all()


def test_a_large_mean_costs_no_digits_unless_float32_is_asked_for(tmp_path):
    policy = unbounded("linear", mean=np.full(N, 1e6), deviation=np.full(N, 1e-2))
    observations = policy.mean + 1e-2 * np.random.default_rng(2).normal(size=(3, N))
    own = kernel_actions(policy, (observations - policy.mean) / policy.deviation)
    for kind, act in ACT.items():
        assert_near(act(write_policy(policy, tmp_path / f"double.{kind}"), observations), own)
        single = write_policy(policy, tmp_path / f"single.{kind}", dtype="float32")
        assert np.abs(act(single, observations.astype(np.float32)) - own).max() > 0.1 * np.abs(own).max()


@pytest.mark.parametrize("kind", ["float64", "float16", "uint8"])
def test_actions_are_of_the_tasks_type(tmp_path, kind):
    policy = unbounded("linear", dtype=np.dtype(kind), low=np.zeros(M), high=np.array([1.0, 3.0, 250.0]))
    policy = policy._replace(weights=policy.weights._replace(matrix=50 * policy.weights.matrix))
    observations = np.random.default_rng(2).normal(size=(6, N))
    raw = kernel_actions(policy, observations).astype(np.float64)
    own = np.clip(raw, policy.low, policy.high)
    own = (own if policy.dtype.kind == "f" else np.rint(own)).astype(kind)
    files = exported(tmp_path, policy, kind)
    assert len(np.unique(own)) > M
    for actions in (
        act_alone(tmp_path, {files["npz"].name: observations})[0][files["npz"].name],
        *(act(files[name], observations) for name, act in ACT.items()),
    ):
        assert actions.dtype == own.dtype
        np.testing.assert_allclose(actions.astype(float), own.astype(float), rtol=1e-3 if kind == "float16" else 1e-5)
