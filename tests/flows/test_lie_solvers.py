"""The diffrax solvers: the same flow, on any grid, through the adjoints that can."""

from typing import Any

import diffrax
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from odes_rl.flows.lie_solvers import LIE_SOLVERS, LieEuler
from odes_rl.flows.lie_steps import LIE_STEPS, flow
from odes_rl.flows.trajectories.isospectral import double_bracket, isospectral
from odes_rl.manifolds.matrix_functions import expm

TIMES = jnp.arange(1, 11) / 10
PARAMS = jax.jit(isospectral(4, scale=0.8).init)(jax.random.key(0))


def field(t, W, params):
    return double_bracket(params["Q"], params["N"], W) * (1 + t)


def solve(params: Any, solver: Any, adjoint: Any = None, **saveat: Any) -> Any:
    return diffrax.diffeqsolve(
        *(diffrax.ODETerm(field), solver, 0.0, 1.0, 0.1, params["initial"]),
        args=params,
        saveat=diffrax.SaveAt(**saveat),
        adjoint=adjoint or diffrax.RecursiveCheckpointAdjoint(),
    )


def defect(W) -> float:
    return np.abs(np.asarray(W).mT @ np.asarray(W) - np.eye(4)).max()


def test_every_step_has_its_solver():
    assert LIE_SOLVERS.keys() == LIE_STEPS.keys()


@pytest.mark.parametrize("name", LIE_SOLVERS)
def test_the_scan_of_a_trajectory_is_the_diffrax_solve(name):
    @jax.jit
    def both(params):
        solution = diffrax.diffeqsolve(
            diffrax.ODETerm(lambda t, W, params: double_bracket(params["Q"], params["N"], W)),
            *(LIE_SOLVERS[name](), 0.0, 1.0, 0.1, params["initial"]),
            args=params,
            saveat=diffrax.SaveAt(ts=TIMES),
        )
        return isospectral(4, name).weights(params, TIMES), solution.ys

    weights, solved = both(PARAMS)
    np.testing.assert_allclose(weights, solved, atol=2e-6)


@pytest.mark.parametrize("name", LIE_SOLVERS)
def test_dense_output_stays_on_the_group_and_meets_the_grid(name):
    @jax.jit
    def evaluated(params):
        solution = solve(params, LIE_SOLVERS[name](), dense=True, ts=TIMES)
        at = jnp.concatenate([jnp.linspace(0.01, 0.99, 33), TIMES[:-1], jnp.array([0.2, 0.25])])
        return solution.ys, jax.vmap(solution.evaluate)(at), solution.evaluate(0.2, 0.25)

    met, found, difference = map(np.asarray, evaluated(PARAMS))
    assert defect(found[:33]) < 5e-6
    np.testing.assert_allclose(found[33:-2], met[:-1], atol=2e-6)
    np.testing.assert_allclose(difference, found[-1] - found[-2], atol=2e-6)


def test_between_grid_points_the_algebra_is_interpolated():
    @jax.jit
    def both(params):
        found = solve(params, LieEuler(), ts=jnp.array([0.07])).ys[0]
        return found, params["initial"] @ expm(0.07 * field(0.0, params["initial"], params))

    found, expected = both(PARAMS)
    np.testing.assert_allclose(found, expected, atol=2e-6)


def test_backwards_in_time_returns_to_the_start():
    @jax.jit
    def return_trip(params):
        solver = LIE_SOLVERS["rkmk4"]()
        there = solve(params, solver, t1=True).ys[0]
        return there, diffrax.diffeqsolve(diffrax.ODETerm(field), solver, 1.0, 0.0, -0.1, there, args=params).ys

    there, back = map(np.asarray, return_trip(PARAMS))
    np.testing.assert_allclose(back[0], PARAMS["initial"], atol=1e-3)
    assert np.abs(there - PARAMS["initial"]).max() > 0.1


@pytest.mark.parametrize(
    ("name", "adjoint"),
    [
        ("lie_euler", diffrax.DirectAdjoint()),
        ("rkmk4", diffrax.RecursiveCheckpointAdjoint()),
    ],
)
def test_adjoints_give_the_gradient_of_the_scan(name, adjoint):
    def scanned(params):
        start = params["initial"]
        return jnp.sum(flow(LIE_STEPS[name], lambda t, W: field(t, W, params), start, TIMES)[-1] * TIMES[:4])

    def solved(params):
        return jnp.sum(solve(params, LIE_SOLVERS[name](), adjoint, t1=True).ys[0] * TIMES[:4])

    expected = jax.jit(jax.grad(scanned))(PARAMS)
    for key, gradient in jax.jit(jax.grad(solved))(PARAMS).items():
        np.testing.assert_allclose(gradient, expected[key], atol=2e-5)
        assert np.abs(gradient).max() > 1e-2


def test_forward_mode_differentiates_too():
    @jax.jit
    def loss(scale):
        return solve(PARAMS | {"N": scale * PARAMS["N"]}, LieEuler(), diffrax.ForwardMode(), t1=True).ys[0]

    tangent = jax.jit(lambda scale: jax.jvp(loss, (scale,), (1.0,))[1])(1.0)
    np.testing.assert_allclose(tangent, (loss(1.01) - loss(0.99)) / 0.02, atol=1e-3)


def test_the_backsolve_adjoint_says_what_to_use_instead():
    def loss(params):
        return jnp.sum(solve(params, LieEuler(), diffrax.BacksolveAdjoint(), ts=TIMES).ys)

    with pytest.raises(TypeError, match=r"BacksolveAdjoint.*RecursiveCheckpointAdjoint.*Tsit5"):
        jax.grad(loss)(PARAMS)


@pytest.mark.parametrize("shape", [(3,), (2, 3), (5, 3, 3)])
def test_a_state_that_is_no_square_matrix_is_refused(shape):
    with pytest.raises(ValueError, match=r"shape .*\[d, d\].*vmap"):
        diffrax.diffeqsolve(
            diffrax.ODETerm(lambda t, W, args: jnp.zeros_like(W)),
            *(LieEuler(), 0.0, 1.0, 0.5, jnp.zeros(shape)),
        )
