"""The coupled hypernetwork flow against a loop written out, and diffrax's own solve."""

import diffrax
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from odes_rl.errors import UserError
from odes_rl.flows.ode_solvers import EXPLICIT
from odes_rl.flows.trajectories.coupled import coupled

TIMES = jnp.arange(25) / 25


def randomised(trajectory, seed=0):
    params = trajectory.init(jax.random.key(seed))
    return params | {
        name: 0.1 * jax.random.normal(jax.random.key(9), leaf.shape) for name, leaf in params.items() if "bias" in name
    }


def velocity(p, w, t=None):
    u = w if t is None else np.concatenate([[t], w])
    u = np.abs(p["inner"] @ u + p["inner_biases"])
    u = np.abs(p["middle"] @ u + p["middle_biases"])
    return p["outer"] @ u + p["outer_biases"]


@pytest.mark.parametrize("time_input", [False, True])
def test_eulers_solution_is_the_loop_written_out(time_input):
    trajectory = coupled(4, width=3, time_input=time_input, scale=1.0)
    params = randomised(trajectory)
    p = {key: np.asarray(leaf, np.float64) for key, leaf in params.items()}
    w, weights = p["initial"].reshape(-1), trajectory.weights(params, TIMES)
    np.testing.assert_array_equal(weights[0], params["initial"])
    for i in range(24):
        w = w + velocity(p, w, i / 25 if time_input else None) / 25
        np.testing.assert_allclose(weights[i + 1], w.reshape(4, 4), rtol=1e-4, atol=1e-5)
    assert np.abs(weights[-1] - weights[0]).max() > 0.1


def test_all_solvers_agree_with_a_precise_solution():
    params = randomised(coupled(4, width=3, scale=1.0))
    p = {key: np.asarray(leaf) for key, leaf in params.items()}
    precise = diffrax.diffeqsolve(
        diffrax.ODETerm(lambda t, w, args: _velocity(params, w)),
        *(diffrax.Tsit5(), 0.0, 1.0, 1e-3, params["initial"].reshape(-1)),
        max_steps=2000,
    )
    assert precise.ys is not None
    errors = {
        solver: np.abs(
            np.asarray(coupled(4, width=3, solver=solver, scale=1.0).weights(params, jnp.arange(1, 26) / 25)[-1])
            - np.asarray(precise.ys[0]).reshape(4, 4)
        ).max()
        for solver in EXPLICIT
    }
    assert p["initial"].shape == (4, 4)
    assert errors["euler"] < 0.1
    assert max(error for solver, error in errors.items() if solver != "euler") < 0.2 * errors["euler"]


def _velocity(params, w):
    for layer in ("inner", "middle"):
        w = jnp.abs(params[layer] @ w + params[f"{layer}_biases"])
    return params["outer"] @ w + params["outer_biases"]


def test_an_unknown_solver_names_the_nearest():
    with pytest.raises(UserError, match="'eulr': did you mean 'euler'"):
        coupled(2, solver="eulr")
