"""How far leaves move the actions, against actions of moved policies; and runs that measure it."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from odes_rl.act import find_rule
from odes_rl.config.layering import layer_values, make_config
from odes_rl.manifolds import tree_ambient, tree_perturb
from odes_rl.policies import LinearConfig, make_policy
from odes_rl.rollouts.environments import describe_task
from odes_rl.rollouts.protocol import Moments
from odes_rl.runs.run_directory import RunDirectory
from odes_rl.training.experiment import make_experiment
from odes_rl.training.rescaling import typical_observations
from odes_rl.training.sensitivity import action_units, equal_shares, leaf_sensitivities, sensitivity_scales
from odes_rl.training.train import train
from tests.made_runs import bits, timeless

KEY = jax.random.key(0)
OBSERVATIONS = jax.random.normal(jax.random.key(1), (64, 3))
UNITS = np.array([2.0], np.float32)
LIMIT = 30.0


def policy_of(name, **options):
    sizes = {} if name == "linear" else {"policy.hidden": "6", "policy.steps": "4"}
    config = make_config(
        None, {"task.id": "Pendulum-v1", "policy.name": name, "run.directory": "x", **sizes, **options}
    )
    return make_policy(config.policy, 3, 1)


def changes(policy, params):
    """A function of scales and sigma: root mean square of the change of an action, in half ranges, of candidates."""
    act = find_rule(policy.act_rule).array

    def change(scales, sigma, key):
        leaves, structure = jax.tree.flatten(params)
        noise = [jax.random.normal(k, x.shape) for k, x in zip(jax.random.split(key, len(leaves)), leaves, strict=True)]
        scaled = jax.tree.map(lambda scale, n: scale * n, scales, structure.unflatten(noise))
        moved = tree_perturb(policy.manifolds, params, scaled, sigma)
        return (act(policy.materialise(moved), OBSERVATIONS) - act(policy.materialise(params), OBSERVATIONS)) / UNITS

    def root_mean_square(scales, sigma):
        keys = jax.random.split(KEY, 400)
        return jnp.sqrt(jnp.mean(jax.vmap(change, (None, None, 0))(scales, sigma, keys) ** 2))

    return jax.jit(root_mean_square)


DIRECT = {"policy.linear_path": True, "policy.action_bias": True, "policy.learn_output_scale": True}


@pytest.mark.parametrize(
    ("name", "options"), [("ode_to_ode", {}), ("ode_to_ode", DIRECT), ("linear", {}), ("hyper_net", {})]
)
def test_sigma_is_the_root_mean_square_of_an_actions_change(name, options):
    policy = policy_of(name, **options)
    params = policy.init(KEY)
    scales = jax.jit(lambda p: sensitivity_scales(policy, UNITS, p, OBSERVATIONS, KEY, LIMIT))(params)
    assert changes(policy, params)(scales, 0.003) == pytest.approx(0.003, rel=0.15)


def test_candidates_off_the_manifold_are_measured_where_they_are():
    def scales(space):
        options = {
            "task.id": "Pendulum-v1",
            "policy.squash": "clip",
            "run.directory": "x",
            "policy.hidden": "6",
            "policy.steps": "4",
        }
        experiment = make_experiment(make_config(None, options | {"strategy.space": space}))
        params = experiment.policy.init(KEY)
        return experiment, params, experiment.leaf_scales(params, OBSERVATIONS, KEY, LIMIT)

    experiment, params, measured = scales("ambient")
    around = experiment.policy._replace(manifolds=tree_ambient(experiment.policy.manifolds))
    assert changes(around, params)(measured, 0.003) == pytest.approx(0.003, rel=0.15)
    assert changes(around, params)(scales("tangent")[2], 0.003) > 1.2 * 0.003


def test_sensitivities_are_those_of_finite_differences_and_each_leaf_moves_alike():
    policy = policy_of("ode_to_ode")
    params = policy.init(KEY)
    measured = jax.jit(lambda p: leaf_sensitivities(policy, UNITS, p, OBSERVATIONS, KEY))(params)
    change = changes(policy, params)
    for chosen in range(len(jax.tree.leaves(params))):
        leaves, structure = jax.tree.flatten(jax.tree.map(jnp.zeros_like, measured))
        alone = structure.unflatten([leaf + (place == chosen) for place, leaf in enumerate(leaves)])
        sensitivity = jax.tree.leaves(measured)[chosen]
        assert change(alone, 1e-3) == pytest.approx(1e-3 * float(sensitivity), rel=0.3)


@pytest.mark.parametrize(
    ("sensitivities", "limit", "expected"),
    [
        ([1.0, 2.0], 9.0, [0.5**0.5, 0.5**0.5 / 2]),
        ([0.1, 1.0], 2.0, [2.0, 0.96**0.5]),  # the first is at the limit, and the second takes what it leaves
        ([0.1, 0.1, 1.0], 1.0, [1.0, 1.0, 0.98**0.5]),
        ([0.1, 0.2], 1.0, [1.0, 1.0]),  # all are at the limit
        ([0.0, 2.0], 9.0, [1.0, 0.5]),
        ([np.nan, 2.0], 0.5, [0.5, 0.5]),
        ([5.0, 1e5], 0.1, [0.1, 0.75**0.5 / 1e5]),  # in single precision the first is lost beside the second
    ],
)
def test_leaves_share_sigma_equally_up_to_the_limit(sensitivities, limit, expected):
    moving = jnp.ones(len(sensitivities), bool)
    assert equal_shares(jnp.array(sensitivities), moving, limit) == pytest.approx(expected)


def test_a_frozen_leaf_does_not_take_a_share():
    frozen = policy_of("ode_to_ode", **{"policy.projections": "frozen"})
    params = frozen.init(KEY)
    scales = jax.jit(lambda p: sensitivity_scales(frozen, UNITS, p, OBSERVATIONS, KEY, LIMIT))(params)
    assert changes(frozen, params)(scales, 0.003) == pytest.approx(0.003, rel=0.2)


def test_units_are_half_ranges_of_clipped_actions():
    pendulum = describe_task("Pendulum-v1", "clip")
    assert action_units(pendulum, "clip").tolist() == [2.0]
    assert action_units(pendulum, "tanh").tolist() == [1.0]


def test_policies_that_observe_what_is_not_finite_keep_scales_of_one():
    policy = policy_of("linear")
    scales = sensitivity_scales(policy, UNITS, policy.init(KEY), jnp.full((4, 3), jnp.nan), KEY, LIMIT)
    assert all(float(scale) == 1.0 for scale in jax.tree.leaves(scales))


def test_typical_observations_have_the_moments_of_what_was_seen():
    seen = Moments(np.array(50.0), np.array([3.0, -1.0, 7.0]), np.array([50 * 4.0, 50 * 0.25, 0.0]))
    raw = np.asarray(typical_observations(seen, KEY, normalised=False))
    np.testing.assert_allclose(raw.mean(axis=0), [3.0, -1.0, 7.0], atol=0.4)
    np.testing.assert_allclose(raw.std(axis=0), [2.0, 0.5, 0.0], rtol=0.15)
    normalised = np.asarray(typical_observations(seen, KEY, normalised=True))
    np.testing.assert_allclose(normalised.mean(axis=0), np.zeros(3), atol=0.2)
    np.testing.assert_allclose(normalised.std(axis=0), [1.0, 1.0, 0.0], rtol=0.15)


def test_of_a_linear_map_only_second_moments_matter():
    """The sensitivity of M in M s is the root of the sum of the squares of s, however its entries are correlated."""
    n, m = 40, 20
    policy = make_policy(LinearConfig(), n, m)
    generator = np.random.default_rng(0)
    correlated = generator.normal(size=(256, 2)) @ generator.normal(size=(2, n))
    correlated /= np.sqrt((correlated**2).mean(axis=0))
    typical = typical_observations(Moments.empty(n), KEY, normalised=True)
    for observations in (jnp.asarray(correlated, jnp.float32), typical):
        found = leaf_sensitivities(policy, np.full(m, 2.0), policy.init(KEY), observations, KEY)
        assert float(found["matrix"]) == pytest.approx(n**0.5 / 2, rel=0.1)


SHORT = {
    "task.id": "Pendulum-v1",
    "task.max_steps": 30,
    "policy.name": "linear",
    "strategy.population": 6,
    "strategy.sensitivity_every": 2,
    "strategy.sigma_limit": 1.0,
    "strategy.optimizer": "clip_up",
    "strategy.learning_rate": 0.1,
    "strategy.learning_rate_schedule": "constant",
    "rollouts.backend": "serial",
    "run.evaluation_episodes": 1,
}


def run_of(directory, generations, **options):
    config = layer_values({}, SHORT | options | {"run.generations": generations}, default_directory="unused")
    with RunDirectory.create(directory, config) as run:
        return run, train(run, lambda metrics: None)


@pytest.mark.parametrize("kind", ["sensitivity", "learned"])
def test_a_run_that_measures_scales_resumes_to_the_same_bits_with_any_workers(kind, tmp_path):
    options = {"strategy.sigma_per_leaf": kind}
    whole, state = run_of(tmp_path / "whole", 4, **options)
    run_of(tmp_path / "parts", 3, **options)
    with RunDirectory.open(tmp_path / "parts", {"run.generations": 4, "rollouts.backend": "processes"}) as parts:
        assert bits(train(parts, lambda metrics: None)) == bits(state)
    assert timeless(parts) == timeless(whole)
    assert state.env_steps == 4 * 6 * 30  # no episode is played to measure
    (scale,) = jax.tree.leaves(state.strategy.scales)
    assert 0 < float(scale) != 1
