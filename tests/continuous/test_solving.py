"""Solves: the hand-written recursion, the adjoints against each other, and what happens when a method gives up."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.integrate
from pydantic import ValidationError

from odes_rl.continuous.fields import Field, trajectory_field
from odes_rl.continuous.inputs import identity, linear
from odes_rl.continuous.network import continuous_network
from odes_rl.continuous.solving import Solving, counting, solve
from odes_rl.flows.ode_solvers import SOLVERS
from odes_rl.flows.trajectories.bucketed import bucketed
from odes_rl.flows.trajectories.gated import gated
from odes_rl.flows.trajectories.isospectral import isospectral
from odes_rl.flows.trajectories.trigonometric import trigonometric

TRAJECTORIES = {
    "isospectral": isospectral(6),
    "gated": gated(6, 2),
    "trigonometric": trigonometric(6, 3),
}
STEPS = 25


def parts(trajectory, activation="abs", **options):
    solving = Solving(**options)
    field = trajectory_field(6, trajectory, STEPS, activation)
    network = continuous_network(linear(4, 6), field, 3, solving)
    return network, jax.jit(network.init)(jax.random.key(0)), jax.random.normal(jax.random.key(1), (5, 4))


@pytest.mark.parametrize("name", TRAJECTORIES)
def test_euler_is_the_recursion_written_by_hand(name):
    network, params, x = parts(TRAJECTORIES[name], solver="euler", solver_steps=STEPS)
    found, steps = jax.jit(network.apply)(params, x)
    params = jax.tree.map(np.asarray, params)
    times = np.arange(STEPS + 1, dtype=np.float32) / STEPS
    W = np.asarray(jax.jit(TRAJECTORIES[name].weights)(params["field"]["trajectory"], times))
    z = np.asarray(x) @ params["inputs"]["weight"].T
    for i in range(STEPS):
        z = z + np.abs(z @ W[i].T) / STEPS
    np.testing.assert_allclose(found, z @ params["output"]["weight"].T, atol=2e-6)
    assert steps == STEPS


@pytest.mark.parametrize(
    "name", ["isospectral", *(pytest.param(n, marks=pytest.mark.slow) for n in ("gated", "trigonometric"))]
)
def test_direct_checkpointed_and_backsolve_gradients_agree(name):
    def gradient(adjoint, **options):
        network, params, x = parts(TRAJECTORIES[name], "tanh", adjoint=adjoint, **options)  # smooth
        return jax.jit(jax.grad(lambda p: jnp.sum(jnp.tanh(network.apply(p, x)[0]))))(params)

    fixed = {"solver": "bosh3", "solver_steps": 2 * STEPS}
    direct = gradient("direct", **fixed)
    for other, atol in (("checkpointed", 2e-6), ("backsolve", 2e-4)):
        pairs = zip(jax.tree.leaves(direct), jax.tree.leaves(gradient(other, **fixed)), strict=True)
        for expected, found in pairs:
            np.testing.assert_allclose(found, expected, atol=atol * (1 + float(jnp.abs(expected).max())))
    assert max(float(jnp.abs(leaf).max()) for leaf in jax.tree.leaves(direct)) > 0.1


@pytest.mark.parametrize("solver", SOLVERS)
def test_every_solver_finds_the_exponential_forwards_and_backwards(solver):
    solving = Solving(solver=solver, solver_steps=100)

    @jax.jit
    def end(duration):
        times = jnp.stack([jnp.zeros(()), duration])
        return solve(solving, lambda t, z, rate: rate * z, jnp.array(-0.7), jnp.ones(2), times).states[-1]

    first_order = solver in ("euler", "implicit_euler")
    for duration in (1.5, -1.5):
        np.testing.assert_allclose(end(duration), np.exp(-0.7 * duration), rtol=2e-2 if first_order else 1e-4)


def test_evaluations_are_counted_as_they_run_and_the_backward_solve_has_its_own():
    counts = {"forward": 0}

    def count():
        counts["forward"] += 1

    field = counting(lambda t, z, rate: -rate * z, count)
    solving = Solving(solver="midpoint", solver_steps=10, adjoint="backsolve")

    def end(rate):
        return solve(solving, field, rate, jnp.ones(1), jnp.array([0.0, 1.0])).states[-1].sum()

    jax.block_until_ready(jax.jit(end)(1.0))
    jax.effects_barrier()
    forward = counts["forward"]
    assert 20 <= forward <= 22
    jax.block_until_ready(jax.jit(jax.grad(end))(1.0))
    jax.effects_barrier()
    assert counts["forward"] - forward >= 2 * 20


def test_a_smaller_tolerance_takes_more_steps_and_errs_less():
    def swing(tolerance):
        solving = Solving(solver="tsit5", tolerance=tolerance)
        field = lambda t, z, _: jnp.array([z[1], -z[0]])  # noqa: E731
        return jax.jit(lambda times: solve(solving, field, None, jnp.array([1.0, 0.0]), times))(jnp.array([0.0, 10.0]))

    errors = []
    for tolerance in (1e-2, 1e-4, 1e-6):
        found = swing(tolerance)
        errors.append((int(found.steps), float(jnp.abs(found.states[-1, 0] - np.cos(10.0)))))
    steps, distances = zip(*errors, strict=True)
    assert steps[0] < steps[1] < steps[2]
    assert distances[0] > distances[1] > distances[2]


def reference(W, bias, start, pieces):
    """z(1) of ż = tanh(W(t) z + b), one piece of continuous weights after another."""
    z = start
    for index in range(pieces):
        middle = (index + 0.5) / pieces

        def field(t, z, middle=middle):
            return np.tanh(W(middle if pieces > 1 else t) @ z + bias)

        ends = (index / pieces, (index + 1) / pieces)
        z = scipy.integrate.solve_ivp(field, ends, z, "DOP853", rtol=1e-12, atol=1e-12).y[:, -1]
    return z


@pytest.mark.parametrize(("name", "pieces"), [("trigonometric", 1), ("bucketed", 3)])
def test_the_error_falls_with_the_tolerance_though_weights_change_or_jump_on_the_way(name, pieces):
    with jax.enable_x64(True):
        trajectory = {"trigonometric": trigonometric(4, 3, period=0.5), "bucketed": bucketed(4, 3)}[name]
        field = trajectory_field(4, trajectory, activation="tanh")
        params = jax.jit(field.init)(jax.random.key(0))
        params = jax.tree.map(lambda leaf: 4 * leaf, params) | {"bias": jnp.linspace(-1, 1, 4)}
        W = jax.jit(lambda t: trajectory.weights(params["trajectory"], t[None])[0])
        start = np.linspace(0.5, -1, 4)
        expected = reference(lambda t: np.asarray(W(jnp.asarray(t))), np.asarray(params["bias"]), start, pieces)
        errors, steps = [], []
        for tolerance in (1e-5, 1e-9):
            network = continuous_network(identity(4), field, None, Solving(tolerance=tolerance))
            found, count = jax.jit(network.apply)({"inputs": {}, "field": params}, start[None])
            errors.append(float(np.abs(found[0] - expected).max()))
            steps.append(int(count))
    assert 1e-3 > errors[0] > 10 * errors[1]
    assert errors[1] < 1e-7
    assert steps[0] < 60


def test_a_solve_over_jumps_is_exact_at_them_and_so_is_its_gradient_that_comes_back_over_them():
    solving, jumps = Solving(tolerance=1e-5), (0.25, 0.5)

    def field(t, z, levels):
        return levels[jnp.sum(t >= jnp.array(jumps))] * jnp.ones_like(z)

    levels, times = jnp.array([1.0, -2.0, 4.0]), jnp.array([0.0, 0.25, 0.5, 1.0])
    forward = jax.jit(lambda levels: solve(solving, field, levels, jnp.zeros(1), times, jumps))(levels)
    np.testing.assert_allclose(forward.states[:, 0], [0, 0.25, -0.25, 1.75], atol=1e-6)
    assert forward.steps < 12

    def end(levels):
        return solve(Solving(adjoint="backsolve"), field, levels, jnp.zeros(1), times[jnp.array([0, 3])], jumps).states[
            -1, 0
        ]

    np.testing.assert_allclose(jax.jit(jax.grad(end))(levels), [0.25, 0.25, 0.5], atol=1e-5)


@pytest.mark.parametrize(
    ("ends", "end"), [((0.25, 0.5), -0.5), ((0.5, 0.25), 0.5), ((0.5, 1.0), 2.0), ((1.0, 0.25), -1.5)]
)
def test_a_solve_that_begins_or_ends_at_a_jump_takes_the_value_on_its_own_side(ends, end):
    levels, jumps = jnp.array([1.0, -2.0, 4.0]), (0.25, 0.5)

    def field(t, z, levels):
        return levels[jnp.sum(t >= jnp.array(jumps))] * jnp.ones_like(z)

    found = jax.jit(lambda ends: solve(Solving(tolerance=1e-3), field, levels, jnp.zeros(1), ends, jumps))(
        jnp.array(ends)
    )
    np.testing.assert_allclose(found.states[-1, 0], end, atol=1e-6)


def test_a_solve_over_jumps_has_the_derivative_of_its_ends():
    def integral(ends):
        field = lambda t, z, _: 3 * t**2 * jnp.ones_like(z)  # noqa: E731
        return solve(Solving(tolerance=1e-5), field, None, jnp.zeros(1), ends, (0.5,)).states[-1, 0]

    np.testing.assert_allclose(jax.jit(jax.grad(integral))(jnp.array([0.1, 0.9])), [-0.03, 2.43], atol=1e-5)


def test_where_a_method_gives_up_states_are_infinite():
    found = solve(Solving(most_steps=3), lambda t, z, _: 50 * z, None, jnp.ones(1), jnp.array([0.0, 1.0]))
    assert not np.isfinite(found.states[-1]).any()


def test_equal_steps_end_where_they_are_to_end():
    """0.3 + (1.4 − 0.3) is not 1.4 in single precision."""
    times = jnp.array([0.3, 1.4])
    solution = solve(Solving(solver_steps=10), lambda t, z, params: -z, None, jnp.ones(1), times)
    np.testing.assert_allclose(solution.states[-1], [np.exp(-1.1)], rtol=1e-4)


def test_wrong_solvers_are_told():
    with pytest.raises(ValidationError, match="did you mean"):
        Solving(solver="dopri")
    with pytest.raises(ValidationError, match="give solver_steps"):
        Solving(solver="euler")


def test_each_example_reaches_its_own_depth_where_the_field_depends_on_time():
    """ż = t up to g is g²/2, not g/2."""
    field = Field(lambda key: {}, {}, lambda params: params, lambda params, t, z, x: jnp.broadcast_to(t, z.shape))
    network = continuous_network(identity(1), field, None, Solving(tolerance=1e-6), adaptive=1)
    params = network.init(jax.random.key(0))
    params["depth"] = {"weight": jnp.ones(1), "bias": jnp.array(2.0)}
    x = jnp.array([[0.0], [1.0], [-3.0]])
    ends, _ = network.apply(params, x)
    np.testing.assert_allclose(ends, x + (x + 2) ** 2 / 2, rtol=1e-5)
