"""A linear path beside an act rule: both forms, whatever the rule."""

import pickle
import sys

import jax
import numpy as np
import pytest

from odes_rl.act import ACT_RULES, find_rule
from odes_rl.act.path import weights_with_path
from odes_rl.errors import UserError
from odes_rl.inspection.depth import gradient_norms, hidden_states
from tests.act_weights import MAKERS, rule_weights, with_path

SIZES = H, N, M, L = 6, 5, 3, 4
COMPILED = [name for name in ACT_RULES if name == "linear" or name.endswith("_abs")]
"""One rule of each kind: the path knows nothing of activations, and compiling takes long."""
OBSERVATION = np.random.default_rng(7).normal(size=N).astype(np.float32)


def kernel_action(rule, weights, observation=OBSERVATION):
    action = np.full(M, 99, np.float32)
    rule.kernel(weights, observation, action)
    return action


@pytest.mark.parametrize("name", ACT_RULES)
def test_both_forms_add_the_path_and_the_bias_to_what_the_rule_gives(name):
    inner = rule_weights(name, SIZES)
    rule, weights = with_path(name, inner)
    expected = ACT_RULES[name].array(inner, OBSERVATION) + weights.path @ OBSERVATION + weights.bias
    np.testing.assert_allclose(rule.array(weights, OBSERVATION), expected, rtol=1e-5, atol=1e-6)
    if name in COMPILED:
        np.testing.assert_allclose(kernel_action(rule, weights), expected, rtol=1e-5, atol=1e-6)
    batch = jax.tree.map(lambda leaf: np.stack([leaf, 2 * leaf]), weights)
    together = rule.array(batch, np.stack([OBSERVATION, OBSERVATION]))
    np.testing.assert_allclose(together[0], expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", COMPILED)
def test_a_path_of_zeros_changes_no_bit(name):
    inner = rule_weights(name, SIZES)
    rule, weights = with_path(name, inner)
    zeros = weights._replace(path=0 * weights.path, bias=0 * weights.bias)
    np.testing.assert_array_equal(kernel_action(rule, zeros), kernel_action(ACT_RULES[name], inner))


def test_what_is_not_finite_reaches_the_action():
    rule, weights = with_path("residual_flow_abs", rule_weights("residual_flow_abs", SIZES))
    for field in ("path", "bias"):
        bad = weights._replace(**{field: np.full_like(getattr(weights, field), np.nan)})
        assert np.isnan(kernel_action(rule, bad)).all()
    observation = np.where(np.arange(N) == 2, np.inf, OBSERVATION).astype(np.float32)
    assert not np.isfinite(kernel_action(rule, weights, observation)).any()


@pytest.mark.parametrize("name", ["linear", "network_tanh"])
def test_hidden_states_are_those_of_the_rule(name):
    inner = rule_weights(name, SIZES)
    rule, weights = with_path(name, inner)
    assert rule is find_rule(f"{name} + path")
    for look in (hidden_states, gradient_norms) if name != "linear" else (hidden_states,):
        np.testing.assert_array_equal(
            look(rule, weights, OBSERVATION[None]), look(ACT_RULES[name], inner, OBSERVATION[None])
        )


def test_other_processes_find_the_types_that_kept_code_is_for():
    for kind in MAKERS:
        extended = weights_with_path(kind)
        assert extended._fields == (*kind._fields, "path", "bias")
        assert getattr(sys.modules[extended.__module__], extended.__name__) is extended
        assert pickle.loads(pickle.dumps(extended)) is extended


def test_a_rule_that_there_is_not_and_fields_that_are_taken_are_one_line():
    with pytest.raises(UserError, match="unknown act rule 'linaer': did you mean 'linear'"):
        find_rule("linaer + path")
    with pytest.raises(UserError, match="LinearWeightsWithPath has a field 'bias', as a linear path has: rename it"):
        find_rule("linear + path + path")
