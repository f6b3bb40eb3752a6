"""A flow along any trajectory: the built-in ones are the policies that have them, and options are checked."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from odes_rl.errors import UserError
from odes_rl.flows.trajectories import TRAJECTORIES
from odes_rl.flows.trajectories.constant import constant
from odes_rl.flows.trajectories.trajectory import Trajectory
from odes_rl.policies import make_policy
from odes_rl.policies.ode_to_ode import OdeToOdeConfig
from odes_rl.policies.policy import PolicyConfig
from odes_rl.policies.trajectory_flow import TrajectoryFlowConfig
from odes_rl.validation import build_model


def configured(**values: object) -> TrajectoryFlowConfig:
    return build_model(TrajectoryFlowConfig, {"hidden": 4, "steps": 3, **values}, "policy.")


@pytest.mark.parametrize("name", [name for name in TRAJECTORIES if name != "per_layer"])
def test_every_trajectory_gives_a_policy(name):
    policy = make_policy(configured(trajectory=name, steps=5), 5, 2)
    weights = jax.jit(lambda key: policy.materialise(policy.init(key)))(jax.random.key(0))
    assert weights.layers.shape == (5, 4, 4)


def test_pieces_that_no_step_would_see_are_refused():
    make_policy(configured(trajectory="bucketed", trajectory_options={"buckets": 3}), 5, 2)
    with pytest.raises(UserError, match="'bucketed': it has 4 pieces, but 3 times see no more"):
        make_policy(configured(trajectory="bucketed", trajectory_options={"buckets": 4}), 5, 2)


def test_along_the_isospectral_flow_it_is_ode_to_odes_flow_at_other_nodes():
    def sizes(config: PolicyConfig) -> dict[str, tuple[int, ...]]:
        params = jax.eval_shape(make_policy(config, 5, 2).init, jax.random.key(0))
        return {jax.tree_util.keystr(path): leaf.shape for path, leaf in jax.tree_util.tree_leaves_with_path(params)}

    assert sizes(configured()) == sizes(OdeToOdeConfig(hidden=4, steps=3))


@pytest.mark.parametrize(("integrator", "times"), [("euler", 3), ("rk4", 7)])
def test_layers_are_as_many_as_the_integrator_has_times(integrator, times):
    options = {"trajectory": "per_layer", "integrator": integrator}
    make_policy(configured(**options, trajectory_options={"layers": times}), 5, 2)
    with pytest.raises(UserError, match=f"'per_layer': times are {times}, but there are 25 layers: use layers={times}"):
        make_policy(configured(**options), 5, 2)


def test_options_reach_the_trajectory():
    params = make_policy(configured(trajectory="polynomial", trajectory_options={"degree": "7"}), 5, 2).init(
        jax.random.key(0)
    )
    assert np.shape(params["trajectory"]["coefficients"]) == (8, 4, 4)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"trajectory": "polynom"}, "policy.trajectory: unknown trajectory 'polynom': did you mean 'polynomial'"),
        ({"trajectory": "os:path"}, "trajectory 'os:path' is of type module, but must be of type Callable"),
        ({"trajectory_options": {"scal": 1}}, "unknown option trajectory_options.scal: did you mean"),
        ({"trajectory_options": {"scale": "wide"}}, "trajectory_options.scale is 'wide', but must be a number"),
        ({"trajectory_options": "scale"}, "trajectory_options is 'scale', which is not a mapping: write it as in"),
    ],
)
def test_a_wrong_trajectory_or_option_is_told_in_one_line(values, said):
    with pytest.raises(UserError, match=said):
        configured(**values)


@pytest.mark.parametrize(
    ("name", "options", "said"),
    [
        ("givens", {"rounds": 0}, "rounds is 0 and hidden 4, allowed are"),
        ("coupled", {"width": 0}, "width is 0, allowed is width ≥ 1"),
        ("gated", {"inputs": "t", "width": 0}, "width is 0, allowed is width ≥ 1"),
        ("hypernetwork", {"width": -2}, "width is -2, allowed is width ≥ 1"),
        ("hypernetwork", {"embedding": 0}, "embedding is 0, allowed is embedding ≥ 1"),
    ],
)
def test_what_a_factory_refuses_is_told(name, options, said):
    with pytest.raises(UserError, match=rf"policy\.trajectory '{name}': {said}"):
        make_policy(configured(trajectory=name, trajectory_options=options), 5, 2)


def five(hidden: int) -> Trajectory:
    """Five matrices, whatever the times."""
    return constant(hidden)._replace(weights=lambda params, times: jnp.zeros((5, hidden, hidden)))


def test_weights_of_another_number_than_the_times_are_told():
    with pytest.raises(UserError, match=r"its weights at 3 times are \(5, 4, 4\), but must be \(3, 4, 4\)"):
        make_policy(configured(trajectory=f"{__name__}:five"), 5, 2)


def test_an_option_may_be_a_number_or_none():
    slow, printed = (configured(trajectory="trigonometric", trajectory_options={"period": p}) for p in (1.5, None))
    params = make_policy(slow, 5, 2).init(jax.random.key(0))
    layers = [make_policy(config, 5, 2).materialise(params).layers for config in (slow, printed)]
    assert not np.allclose(layers[0], layers[1])
