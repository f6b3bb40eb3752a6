"""The parts of the example package do what the documentation says of them."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from odes_rl.act import find_rule
from odes_rl.config.layering import layer_values
from odes_rl.policies import make_policy
from odes_rl.policies.counting import free_dimensions, parameter_count
from odes_rl.rollouts.backends import Choice
from odes_rl.rollouts.protocol import EpisodeSettings, Moments
from odes_rl.rollouts.serial import SerialBackend
from odes_rl_example.geodesic import geodesic
from odes_rl_example.orthogonality import ORTHOGONALITY, OrthogonalityConfig
from odes_rl_example.reach import Reach
from odes_rl_example.sines import SinesConfig
from odes_rl_example.skew import Skew
from odes_rl_example.threads import THREADS

POLICY = "odes_rl_example.sines:SINES"


def test_the_manifold_keeps_its_points():
    skew = Skew()
    point = skew.random(jax.random.key(0), (3, 3))
    gradient = jax.random.normal(jax.random.key(1), (3, 3))
    moved = skew.perturb(skew.exp(point, skew.to_tangent(point, gradient)), gradient, 0.1)
    assert float(jnp.abs(moved - point).max()) > 0.1
    assert float(skew.violation(moved)) < 1e-6
    projection = jax.jacfwd(lambda noise: skew.to_tangent(point, noise).reshape(-1))(point).reshape(9, 9)
    assert skew.dimension((3, 3)) == skew.stored((3, 3)) == np.linalg.matrix_rank(projection) == 3


def test_the_trajectory_is_a_geodesic_of_the_orthogonal_group():
    trajectory = geodesic(4)
    params = trajectory.init(jax.random.key(0))
    start, half, whole = trajectory.weights(params, jnp.array([0.0, 0.5, 1.0]))
    np.testing.assert_allclose(start, params["initial"], atol=1e-6)
    np.testing.assert_allclose(half @ start.T @ half, whole, atol=1e-5)
    assert float(jnp.abs(whole - start).max()) > 0.1


def test_the_manifolds_dimensions_are_counted():
    policy = make_policy(SinesConfig(name=POLICY, hidden=4, linear_path=False), 4, 4)
    orthogonal, skew = 3 * 6, 6
    assert free_dimensions(policy) == orthogonal + skew
    assert parameter_count(policy) == 3 * 16 + skew


def test_the_policy_is_configured_and_both_forms_of_its_rule_agree():
    options = {"policy.name": POLICY, "policy.layers": "3", "policy.output_scale": "1"}
    config = layer_values({"task": {"id": "HalfCheetah-v5"}}, options, default_directory="runs/x")
    policy = make_policy(config.policy, 17, 6)
    weights = jax.tree.map(np.asarray, policy.materialise(policy.init(jax.random.key(0))))
    assert weights.layers.shape == (3, 16, 16)
    rule = find_rule(policy.act_rule)
    observation = np.linspace(-1, 1, 17, dtype=np.float32)
    action, states = np.empty(6, np.float32), []
    rule.kernel(weights, observation, action)
    seen = rule.array(weights, observation, lambda state: (states.append(state), state)[1])
    np.testing.assert_allclose(action, seen, rtol=1e-5, atol=1e-6)
    assert np.abs(action).max() > 0.01
    assert [state.shape for state in states] == [(16, 1)] * 4


def test_the_policy_may_have_a_linear_path_biases_and_gains():
    options = {"linear_path": True, "action_bias": True, "learn_output_scale": True}
    policy, plain = (make_policy(SinesConfig(name=POLICY, layers=3, **more), 17, 6) for more in (options, {}))
    params = policy.init(jax.random.key(0)) | {"path": jnp.ones((6, 17)), "bias": jnp.arange(6.0)}
    weights = jax.tree.map(np.asarray, policy.materialise(params))
    rule, observation = find_rule(policy.act_rule), np.linspace(-1, 2, 17, dtype=np.float32)
    raw = np.empty((2, 6), np.float32)
    rule.kernel(weights, observation, raw[0])
    inner = jax.tree.map(np.asarray, plain.materialise(plain.init(jax.random.key(0))))
    find_rule(plain.act_rule).kernel(inner, observation, raw[1])
    np.testing.assert_allclose(raw[0], raw[1] + observation.sum() + np.arange(6), rtol=1e-5)
    np.testing.assert_allclose(raw[0], rule.array(weights, observation), rtol=1e-5)


def test_the_backend_gives_the_bits_of_serial():
    settings = EpisodeSettings("HalfCheetah-v5", 10, "linear", "clip")
    weights = (np.random.default_rng(0).normal(size=(4, 6, 17)).astype(np.float32),)
    seeds = np.arange(8).reshape(4, 2)
    choice = Choice("threads", workers=3, lanes=1)
    with THREADS.make(choice, settings, None) as threads, SerialBackend(settings) as serial:
        ours, theirs = (b.evaluate(weights, Moments.empty(17), seeds) for b in (threads, serial))
    assert ours.returns.tobytes() == theirs.returns.tobytes()
    assert ours.lengths.tolist() == [[10, 10]] * 4


def test_the_environment_shows_where_its_point_is():
    environment = Reach(render_mode="rgb_array")
    (x, y), _ = environment.reset(seed=0)
    rows, columns = np.nonzero(environment.render()[..., 1])
    assert columns.mean() == pytest.approx(32 + 16 * x, abs=1)
    assert rows.mean() == pytest.approx(31 - 16 * y, abs=1)


def test_the_study_finds_more_rounding_where_the_weights_turn_more():
    config = OrthogonalityConfig(study="orthogonality", directory="unused", turns=(0.1, 30.0), hidden=4)
    told = []
    findings = ORTHOGONALITY.run(config, told.append)
    small, large = (float(str(error)) for _, error in findings.rows)
    assert 0 < small < large < 1e-3
    assert len(told) == 2
