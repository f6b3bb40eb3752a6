"""A look into policies: what is told and drawn is what the mathematics says."""

import jax.numpy as jnp
import matplotlib.image
import numpy as np
import pytest

from odes_rl.act import ACT_RULES
from odes_rl.act.residual_flow import ResidualFlowWeights
from odes_rl.cli.program import main
from odes_rl.config.layering import layer_values
from odes_rl.inspection.depth import gradient_bounds, gradient_norms, hidden_states
from odes_rl.inspection.look import look_into
from odes_rl.inspection.picture import draw_inspection
from odes_rl.inspection.weights import bracket, distance_from_orthogonal, singular_values
from odes_rl.rollouts.protocol import EnvironmentFailure
from odes_rl.runs.run_directory import RunDirectory
from odes_rl.training.evaluate import evaluate_restored
from odes_rl.training.restoring import restore_run
from odes_rl.training.train import train
from tests.act_weights import rule_weights
from tests.made_runs import TINY, create_run, train_run

H, N, M, L = 6, 5, 3, 4
DEEP = [name for name in ACT_RULES if name != "linear"]


def observations(count=3):
    return np.random.default_rng(3).normal(size=(count, N)).astype(np.float32)


@pytest.mark.parametrize("name", DEEP)
def test_hidden_states_are_those_on_the_way_to_the_action(name):
    rule, weights = ACT_RULES[name], rule_weights(name, (H, N, M, L))
    states = hidden_states(rule, weights, observations())
    steps = L + 1 if "network" in name else L  # of the network as many layers as biases
    assert states.shape == (steps + ("network" not in name), 3, H)
    if "network" not in name:
        np.testing.assert_allclose(states[0], observations() @ weights.input.T, rtol=1e-5)
    actions = rule.array(weights, observations())
    offset = getattr(weights, "offset", 0)
    np.testing.assert_allclose(states[-1] @ weights.output.T + offset, actions, rtol=1e-4, atol=1e-5)


def test_a_linear_policy_has_no_hidden_states():
    assert hidden_states(ACT_RULES["linear"], rule_weights("linear", (H, N, M, L)), observations()).size == 0


@pytest.mark.parametrize("name", [name for name in DEEP if name.endswith("tanh")])
def test_gradients_follow_finite_differences(name):
    rule, weights = ACT_RULES[name], rule_weights(name, (H, N, M, L))
    exact = type(weights)(*(leaf.astype(np.float64) for leaf in weights))
    seen = observations(2)
    norms = gradient_norms(rule, weights, seen)
    count = len(norms)
    for k in range(count):
        for t in range(2):
            columns = [
                (shifted(rule, exact, seen[t], k, 1e-5 * unit) - shifted(rule, exact, seen[t], k, -1e-5 * unit)) / 2e-5
                for unit in np.eye(H)
            ]
            np.testing.assert_allclose(norms[k, t], np.linalg.norm(columns, axis=0), rtol=1e-4, atol=1e-6)


def shifted(rule, weights, observation, k, shift):
    """The action in float64 if hidden state number `k` is shifted."""
    left = iter(range(1000))
    return rule.array(
        weights, observation.astype(np.float64), lambda state: state + shift[:, None] if next(left) == k else state
    )


def test_gradients_attain_the_bounds_of_eulers_method():
    rule = ACT_RULES["residual_flow_abs"]
    eye = np.eye(H, dtype=np.float32)
    layers, biases = np.broadcast_to(eye, (25, H, H)), np.zeros((25, H), np.float32)
    weights = ResidualFlowWeights(eye, layers, biases, np.full((1,), 1 / 25, np.float32), eye)
    low, high = gradient_bounds(25, euler=True)
    assert (low[0], high[0]) == (pytest.approx(0.3604, abs=1e-4), pytest.approx(2.6658, abs=1e-4))
    for sign, bound in ((-1, low), (1, high)):
        norms = gradient_norms(rule, weights, np.full((1, H), sign, np.float32))
        np.testing.assert_allclose(norms[:, 0] / norms[-1, 0], np.repeat(bound[:, None], H, axis=1), rtol=1e-5)


def test_bounds_of_a_flow_are_the_limit_of_eulers():
    for fine, limit in zip(gradient_bounds(10_000, euler=True), gradient_bounds(10_000, euler=False), strict=True):
        np.testing.assert_allclose(fine, limit, rtol=1e-4)


def test_numbers_of_matrices():
    rotation = np.array([[0.0, 1], [-1, 0]], np.float32)
    W = np.stack([rotation, 2 * rotation, np.diag([3, 0.5]).astype(np.float32)])
    np.testing.assert_allclose(distance_from_orthogonal(W), [0, 3, 8])
    np.testing.assert_allclose(singular_values(W), [[1, 1], [2, 2], [3, 0.5]])


def test_the_bracket_of_a_rotation():
    params = {"trajectory": {"Q": np.diag([1.0, 2]), "N": np.diag([10.0, 100]), "initial": np.eye(2)}}
    found = bracket(params, np.array([[[1.0, 0], [0, 1]], [[0, 1], [-1, 0]]]))  # the second swaps Q's eigenvalues
    assert found is not None
    np.testing.assert_allclose(found.eigenvalues, [[1, 2], [1, 2]], atol=1e-12)
    np.testing.assert_allclose(found.traces, [210, 120])
    assert bracket({"trajectory": {"layers": jnp.zeros((2, 3, 3))}}, np.zeros((2, 3, 3))) is None
    assert bracket({"matrix": jnp.zeros((2, 3))}, np.zeros((2, 3, 3))) is None


POLICIES = {
    "ode_to_ode": {"policy__hidden": 6},
    "ode_to_ode rk4": {"policy__name": "ode_to_ode", "policy__integrator": "rk4"},
    "nanode": {"policy__name": "nanode"},
    "base_ode": {"policy__name": "base_ode"},
    "deep_net": {"policy__name": "deep_net"},
    "deep_res_net": {"policy__name": "deep_res_net"},
}
PANELS = {"ode_to_ode": 6, "ode_to_ode rk4": 6, "nanode": 5, "base_ode": 3, "deep_net": 5, "deep_res_net": 5}


@pytest.fixture(scope="module", params=POLICIES)
def inspected(request, tmp_path_factory):
    run, _ = train_run(tmp_path_factory.mktemp("inspected"), run__generations=2, **POLICIES[request.param])
    return request.param, run, look_into(restore_run(run))


def test_the_episode_is_the_first_that_evaluate_plays(inspected):
    _, run, found = inspected
    assert found.total == evaluate_restored(restore_run(run), 2).returns[0, 0]


def test_orthogonal_weights_keep_their_promises(inspected):
    name, _, found = inspected
    if not name.startswith("ode_to_ode"):
        return
    assert found.weights.distance.max() < 1e-5
    assert np.abs(found.weights.bracket.eigenvalues - found.weights.bracket.eigenvalues[0]).max() < 1e-5
    assert (np.diff(found.weights.bracket.traces) > 0).all()
    low, high = (bound[:, None, None] for bound in found.bounds)
    assert (low * (1 - 1e-4) <= found.gradients).all()
    assert (found.gradients <= high * (1 + 1e-4)).all()


def drawn(line):
    return np.asarray(line.get_ydata())


def test_the_picture_has_its_panels_and_their_lines_are_the_data(inspected):
    name, _, found = inspected
    figure = draw_inspection(found)
    panels = {axes.get_title(): axes for axes in figure.axes if axes.get_title()}
    assert len(panels) == PANELS[name]
    assert all(axes.get_xlabel() and axes.get_ylabel() for axes in panels.values())
    sizes, gradients = panels["norm of hidden states"], panels["gradients of actions through depth"]
    np.testing.assert_allclose(drawn(sizes.lines[0]), np.median(np.linalg.norm(found.states, axis=-1), axis=1))
    medians = np.median(found.gradients.reshape(len(found.gradients), -1), axis=1)
    np.testing.assert_allclose(drawn(gradients.lines[0]), medians)
    assert (found.bounds is None) == (name in ("base_ode", "deep_net", "deep_res_net"))
    for line, bound in zip(gradients.lines[1:], found.bounds or (), strict=True):
        np.testing.assert_allclose(drawn(line), bound)
    if found.weights:
        np.testing.assert_allclose(drawn(panels["distance of W from O(h)"].lines[0]), found.weights.distance)


def test_the_command_tells_and_draws(inspected, tmp_path, capsys):
    _, run, found = inspected
    assert main(["inspect", str(run.path), "--output", str(tmp_path / "inside")]) == 0
    told = capsys.readouterr().out
    assert f"return {found.total:.2f}" in told
    assert ("bounds for orthogonal weights" in told) == (found.bounds is not None)
    assert (tmp_path / "inside.pdf").stat().st_size > 1000
    picture = matplotlib.image.imread(tmp_path / "inside.png")
    assert picture.shape[1] == 2220
    assert picture.std() > 0.05


def test_a_policy_without_depth_is_told_in_a_line(tmp_path, capsys):
    options = {k: v for k, v in TINY.items() if not k.startswith("policy.")} | {"policy.name": "linear"}
    with RunDirectory.create(tmp_path / "run", layer_values({}, options, default_directory=str(tmp_path))) as run:
        train(run, lambda metrics: None)
    assert main(["inspect", str(run.path)]) == 2
    assert "the policy linear has no depth" in capsys.readouterr().err


def test_the_observation_that_fails_an_episode_is_left_out(tmp_path):
    task = {"task__id": "faulty_environments:BadObservation-v0", "rollouts__backend": "serial"}
    with create_run(tmp_path / "run", policy__hidden=6, **task) as run, pytest.raises(EnvironmentFailure):
        train(run, lambda metrics: None)
    found = look_into(restore_run(run, "latest"))
    assert np.isnan(found.total)
    assert found.states.shape[1] == 3
    assert np.isfinite(found.states).all()
    assert np.isfinite(found.gradients).all()
    assert main(["inspect", str(run.path), "--checkpoint", "latest", "--output", str(tmp_path / "inside")]) == 0
    assert (tmp_path / "inside.png").exists()
