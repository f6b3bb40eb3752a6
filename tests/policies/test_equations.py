"""Each flow and network against its equation in plain NumPy, with every integrator."""

import jax
import numpy as np
import pytest
import scipy.linalg

from odes_rl.act import find_rule
from odes_rl.policies import make_policy, policy_config_class

N, M, H, L = 7, 3, 6, 10
OBSERVATION = np.linspace(-1, 1.5, N)
F = np.abs


def build(name, **options):
    published = {"linear_path": False, "output_scale": 1.0}
    config = policy_config_class(name).model_validate({"name": name, "hidden": H, "steps": L, **published, **options})
    policy = make_policy(config, N, M)
    params = jax.jit(policy.init)(jax.random.key(4))
    generator = np.random.default_rng(5)
    params = jax.tree.map(lambda leaf: leaf + 0.1 * generator.normal(size=leaf.shape).astype(np.float32), params)
    return policy, params


def act(policy, params):
    weights = jax.jit(policy.materialise)(params)
    weights = type(weights)(*(np.asarray(leaf) for leaf in weights))
    action = np.empty(M, np.float32)
    find_rule(policy.act_rule).kernel(weights, OBSERVATION.astype(np.float32), action)
    return action


def doubles(params):
    return jax.tree.map(lambda leaf: np.asarray(leaf, np.float64), params)


def euler(field, x):
    for i in range(L):
        x = x + field(i / L, x) / L
    return x


def midpoint(field, x):
    for i in range(L):
        x = x + field((i + 0.5) / L, x + field(i / L, x) / (2 * L)) / L
    return x


def rk4(field, x):
    for i in range(L):
        t, e = i / L, 1 / L
        k1 = field(t, x)
        k2 = field(t + e / 2, x + e / 2 * k1)
        k3 = field(t + e / 2, x + e / 2 * k2)
        k4 = field(t + e, x + e * k3)
        x = x + e / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
    return x


INTEGRATORS = {"euler": euler, "midpoint": midpoint, "rk4": rk4}


def autonomous(p):
    return lambda t, x: F(p["trajectory"]["W"] @ x)


def app_node(p):
    W = np.concatenate([p["trajectory"]["W"], p["biases"].T], axis=1)
    return lambda t, x: F(W @ np.array([*x, t]))


def base_ode(p):
    (A,), (b,) = p["networks"], p["biases"]
    return lambda t, x: A[2] @ F(A[1] @ F(A[0] @ x + b[0]) + b[1]) + b[2]


def gated_kernels(p):
    def field(t, x):
        gates = 1 / (1 + np.exp(-(p["gate_slopes"] * t + p["gate_offsets"])))
        networks = zip(gates, p["networks"], p["biases"], strict=True)
        return sum(g * (A[1] @ F(A[0] @ x + b[0]) + b[1]) for g, A, b in networks)

    return field


def nanode(p):
    c = p["trajectory"]["coefficients"]

    def field(t, x):
        waves = [np.cos(k * t) for k in range(6)] + [np.sin(k * t) for k in range(1, 6)]
        return F(np.tensordot(waves, c, axes=1) @ x)

    return field


FIELDS = {
    "autonomous": autonomous,
    "app_node": app_node,
    "base_ode": base_ode,
    "gated_kernels": gated_kernels,
    "nanode": nanode,
}


@pytest.mark.parametrize("name", FIELDS)
@pytest.mark.parametrize("integrator", INTEGRATORS)
def test_flows_follow_their_equations(name, integrator):
    policy, params = build(name, integrator=integrator)
    p = doubles(params)
    expected = p["output"] @ INTEGRATORS[integrator](FIELDS[name](p), p["input"] @ OBSERVATION)
    np.testing.assert_allclose(act(policy, params), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("integrator", ["midpoint", "rk4"])
def test_ode_to_ode_takes_its_weights_at_the_stages_times(integrator):
    """Which lie half a step apart, and so does the grid of the weights' flow."""
    policy, params = build("ode_to_ode", integrator=integrator)
    p = doubles(params)
    W, Q, K = (p["trajectory"][key] for key in ("initial", "Q", "N"))
    weights = [W]
    for _ in range(2 * L):
        G = W.T @ Q @ W
        W = W @ scipy.linalg.expm((G @ K - K @ G) / (2 * L))
        weights.append(W)

    def field(t, x):
        return F(weights[round(2 * L * t)] @ x + p["biases"][0])

    expected = p["output"] @ INTEGRATORS[integrator](field, p["input"] @ OBSERVATION)
    np.testing.assert_allclose(act(policy, params), expected, rtol=1e-4, atol=1e-5)


def test_hyper_nets_weights_flow_along_a_network():
    policy, params = build("hyper_net", width=4)
    p = doubles(params)
    t, x, w = p["trajectory"], p["input"] @ OBSERVATION, p["trajectory"]["initial"].reshape(-1)
    for _ in range(L):
        x = x + F(w.reshape(H, H) @ x) / L
        u = F(t["middle"] @ F(t["inner"] @ w + t["inner_biases"]) + t["middle_biases"])
        w = w + (t["outer"] @ u + t["outer_biases"]) / L
    np.testing.assert_allclose(act(policy, params), p["output"] @ x, rtol=1e-4, atol=1e-5)


def test_deep_net_is_a_plain_network_with_as_many_hidden_layers_as_steps():
    policy, params = build("deep_net")
    p = doubles(params)
    assert p["layers"].shape == (L - 1, H, H)
    x = F(p["input"] @ OBSERVATION + p["biases"][0])
    for W, b in zip(p["layers"], p["biases"][1:], strict=True):
        x = F(W @ x + b)
    np.testing.assert_allclose(act(policy, params), p["output"] @ x + p["offset"], rtol=1e-4, atol=1e-5)


def test_a_deep_net_of_one_layer_has_no_matrix_between():
    policy, params = build("deep_net", steps=1)
    p = doubles(params)
    expected = p["output"] @ F(p["input"] @ OBSERVATION + p["biases"][0]) + p["offset"]
    np.testing.assert_allclose(act(policy, params), expected, rtol=1e-4, atol=1e-5)


def test_con_res_net_adds_the_same_layer_again_and_again():
    policy, params = build("con_res_net")
    p = doubles(params)
    x = p["input"] @ OBSERVATION
    for _ in range(L):
        x = x + F(p["trajectory"]["W"] @ x + p["biases"][0])
    np.testing.assert_allclose(act(policy, params), p["output"] @ x, rtol=1e-4, atol=1e-5)
