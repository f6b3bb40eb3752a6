"""Whether weights that the device computes are those of the CPU: products of matrices may keep fewer digits there."""

from typing import Any

import jax
import numpy as np

from odes_rl.policies import make_policy, policy_config_class

_POLICIES = 8


def measure(cell: dict[str, Any], seconds: float, report: Any) -> dict[str, Any]:
    """Largest difference to the CPU's weights of ODEtoODE, as training computes them, and with `highest` precision."""
    options: dict[str, Any] = {"hidden": cell["hidden"]}
    policy = make_policy(policy_config_class("ode_to_ode")(**options), 17, 6)  # the sizes of HalfCheetah
    params = jax.jit(jax.vmap(policy.init))(jax.random.split(jax.random.key(0), _POLICIES))
    weights = _weights(policy, params)
    with jax.default_matmul_precision("highest"):
        precise = _weights(policy, params)
        processor = jax.local_devices(backend="cpu")[0]
        expected = _weights(policy, jax.device_put(params, processor))
    return {"difference": _difference(weights, expected), "precise": _difference(precise, expected)}


def _weights(policy: Any, params: Any) -> Any:
    """Weights where the parameters are."""
    return jax.device_get(jax.jit(jax.vmap(policy.materialise))(params))


def _difference(found: Any, expected: Any) -> float:
    differences = jax.tree.map(lambda one, other: float(np.abs(one - other).max()), found, expected)
    return max(jax.tree.leaves(differences))
