"""An exported policy gives the run's own actions: every policy, act rule and squash, in every format."""

import json

import jax
import numpy as np
import onnx
import pytest
from gymnasium.spaces import Box, Discrete, MultiBinary, MultiDiscrete

from odes_rl.act import ACT_RULES
from odes_rl.export import FORMATS, Bounds, PortablePolicy, array_head, write_policy
from odes_rl.policies import POLICIES
from odes_rl.rollouts.heads import make_head
from tests.act_weights import rule_weights
from tests.exported import ACT, act_alone, kernel_actions, made_up, observations_of

N, M = 5, 3
OPTIONS = {
    "ode_to_ode": {"policy__integrator": "rk4", "task__clip_observations": 0.8},
    "nanode": {"policy__activation": "tanh"},
    "base_ode": {"policy__activation": "relu", "policy__linear_path": False, "task__normalise_observations": False},
    "con_res_net": {"task__clip_observations": 1.5},
    "deep_net": {"policy__action_bias": True, "policy__learn_output_scale": True},
    "linear": {"policy__action_bias": True},
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
        policy = made_up(
            directory, name, policy__squash=("clip", "tanh", "rescale", "tanh")[place % 4], **OPTIONS.get(name, {})
        )
        observations = observations_of(policy)
        files = exported(directory, policy.portable(), name)
        found[name] = files, observations, policy(observations)
    alone, modules = act_alone(directory, {files["npz"].name: asked for files, asked, _ in found.values()})
    assert "numpy" in modules
    assert not modules & {"odes_rl", "jax", "gymnasium", "onnx"}
    return found, alone


def answers(directory, policy, observations):
    """The actions of the policy in each format."""
    files = exported(directory, policy, "policy")
    alone, _ = act_alone(directory, {files["npz"].name: observations})
    return [alone[files["npz"].name], *(act(files[kind], observations) for kind, act in ACT.items())]


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


UNBOUNDED = Bounds("clip", np.full(M, -np.inf, np.float32), np.full(M, np.inf, np.float32), (M,), np.dtype(np.float32))


def unbounded(rule, **changes):
    """A policy of that act rule, whose actions are the rule's outputs."""
    weights, about = rule_weights(rule, (4, N, M, 3)), {"act_rule": rule}
    policy = PortablePolicy(ACT_RULES[rule], weights, np.zeros(N), np.ones(N), np.inf, UNBOUNDED, about)
    return policy._replace(**changes)


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
    head, files = UNBOUNDED._replace(low=np.full(M, -1, np.float32), high=np.full(M, 1, np.float32)), []
    for rule in ("network_tanh", "residual_flow_relu", "linear"):
        for clip in (1.0, np.inf):
            files.append(exported(tmp_path, unbounded(rule, head=head, clip=clip), f"{rule}_{clip}"))
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


def test_float32_is_all_that_a_policy_of_that_type_computes_with(tmp_path):
    policy = unbounded("linear")
    files = [write_policy(policy, tmp_path / f"single.{kind}", dtype="float32") for kind in ("onnx", "stablehlo")]
    model, function = onnx.load(files[0]), jax.export.deserialize(bytearray(files[1].read_bytes()))
    types = {constant.data_type for constant in model.graph.initializer}
    types |= {attribute.i for node in model.graph.node for attribute in node.attribute if node.op_type == "Cast"}
    assert types <= {onnx.TensorProto.FLOAT, onnx.TensorProto.INT64}
    assert "f64" not in function.mlir_module()


@pytest.mark.parametrize("kind", ["float64", "float16", "uint8"])
@pytest.mark.parametrize(("squash", "scale"), [("rescale", 1.0), ("clip", 50.0)])
def test_continuous_actions_are_of_the_tasks_type_and_shape(tmp_path, kind, squash, scale):
    space = Box(0, np.array([[[1], [3], [250]]]).astype(kind), (1, 3, 1), kind)
    low, high = np.zeros(M), np.array([1.0, 3.0, 250.0])
    policy = unbounded("linear", head=Bounds(squash, low, high, space.shape, np.dtype(kind)))
    policy = policy._replace(weights=policy.weights._replace(matrix=scale * policy.weights.matrix))
    observations = np.random.default_rng(2).normal(size=(6, N))
    own = kernel_actions(policy, observations).astype(np.float64)
    own = np.clip((low + high) / 2 + (high - low) / 2 * own if squash == "rescale" else own, low, high)
    own = (own if policy.head.dtype.kind == "f" else np.rint(own)).astype(kind).reshape(6, *space.shape)
    assert len(np.unique(own)) > M
    for actions in answers(tmp_path, policy, observations):
        assert (actions.dtype, actions.shape) == (own.dtype, own.shape)
        assert all(action in space for action in actions)
        np.testing.assert_allclose(actions.astype(float), own.astype(float), rtol=1e-3 if kind == "float16" else 1e-5)


SPACES = [
    Discrete(3),
    Discrete(3, start=-1),
    MultiDiscrete([2, 4, 3], dtype=np.int32),
    MultiDiscrete(np.array([[2, 4], [3, 2]]), start=np.array([[1, 0], [0, 5]])),
    MultiBinary(3),
    MultiBinary((2, 3)),
]


@pytest.mark.parametrize("space", SPACES, ids=str)
def test_discrete_actions_are_the_greedy_ones_of_their_space(tmp_path, space):
    head = make_head(space, "clip")
    weights = rule_weights("linear", (4, N, head.size, 3))
    policy = unbounded("linear", weights=weights, head=array_head(head))
    observations = np.random.default_rng(2).normal(size=(20, N))
    own = np.array([head(logits)[0] for logits in kernel_actions(policy, observations)])
    assert len(np.unique(own, axis=0)) > 1
    assert all(action in space for action in own.astype(space.dtype))
    for actions in answers(tmp_path, policy, observations):
        assert (actions.dtype, actions.shape) == (space.dtype, own.shape)
        np.testing.assert_array_equal(actions, own)


def test_a_run_of_a_discrete_task_acts_the_same(tmp_path):
    policy = made_up(tmp_path, "ode_to_ode", "CartPole-v1")
    observations = observations_of(policy, 20)
    for actions in answers(tmp_path, policy.portable(), observations):
        np.testing.assert_array_equal(actions, policy(observations))
        assert set(actions.tolist()) == {0, 1}


def test_a_file_says_what_its_task_was_made_with(tmp_path):
    changes = {
        "task__options": {"frame_skip": 2},
        "task__wrappers": [{"RescaleAction": {"min_action": -2, "max_action": 2}}],
    }
    archive = np.load(made_up(tmp_path, "linear", **changes).export(tmp_path / "policy.npz"))
    assert json.loads(str(archive["options"])) == changes["task__options"]
    assert json.loads(str(archive["wrappers"])) == changes["task__wrappers"]
