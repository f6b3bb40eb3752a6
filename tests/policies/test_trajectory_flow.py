"""A flow along any trajectory: the built-in ones are the policies that have them, and options are checked."""

import jax
import numpy as np
import pytest

from odes_rl.errors import UserError
from odes_rl.flows.trajectories import TRAJECTORIES
from odes_rl.policies import make_policy
from odes_rl.policies.ode_to_ode import OdeToOdeConfig
from odes_rl.policies.policy import PolicyConfig
from odes_rl.policies.trajectory_flow import TrajectoryFlowConfig
from odes_rl.validation import build_model


def configured(**values: object) -> TrajectoryFlowConfig:
    return build_model(TrajectoryFlowConfig, {"hidden": 4, "steps": 3, **values}, "policy.")


@pytest.mark.parametrize("name", [name for name in TRAJECTORIES if name != "per_layer"])
def test_every_trajectory_gives_a_policy(name):
    policy = make_policy(configured(trajectory=name), 5, 2)
    weights = jax.jit(lambda key: policy.materialise(policy.init(key)))(jax.random.key(0))
    assert weights.layers.shape == (3, 4, 4)


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


def test_what_a_factory_refuses_is_told():
    with pytest.raises(UserError, match=r"policy\.trajectory 'givens': rounds is 0 and hidden 4, allowed are"):
        make_policy(configured(trajectory="givens", trajectory_options={"rounds": 0}), 5, 2)
