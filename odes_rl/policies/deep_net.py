"""DeepNet: a plain deep network (Choromanski et al. 2020)."""

from typing import Literal

import jax
import jax.numpy as jnp

from odes_rl.act.network import NetworkWeights
from odes_rl.manifolds import Euclidean
from odes_rl.policies.output import output_factor
from odes_rl.policies.policy import Params, Policy
from odes_rl.policies.projections import projected
from odes_rl.policies.residual import Matchable, ResidualConfig


class DeepNetConfig(ResidualConfig, Matchable, frozen=True):
    """A plain deep network."""

    name: Literal["deep_net"] = "deep_net"


def deep_net(config: DeepNetConfig, observation_size: int, action_size: int) -> Policy:
    """The network x_1 = f(Ω₁ s + b_1); x_i = f(W_i x_{i−1} + b_i), i = 2..L; a = Ω₂ x_L + c.

    L = `steps` hidden layers (25 in §5.1.2). Matrices start normal with deviation 1/√fan-in, with which f(x) = |x|
    keeps lengths, W_i times √2 for relu, which halves squares (He et al. 2015); biases at zero.
    """
    shape = (config.steps - 1, config.hidden, config.hidden)
    manifolds = {
        "layers": Euclidean(2**0.5 if config.activation == "relu" else 1.0),
        "biases": Euclidean(),
        "offset": Euclidean(),
    }

    def init_inner(key: jax.Array) -> Params:
        biases = {"biases": jnp.zeros((config.steps, config.hidden)), "offset": jnp.zeros((action_size,))}
        return {"layers": manifolds["layers"].random(key, shape), **biases}

    def materialise(params: Params) -> NetworkWeights:
        factor = output_factor(config, params)
        hidden = (params["input"], params["layers"], params["biases"])
        return NetworkWeights(*hidden, factor * params["output"], (factor * params["offset"][:, None])[:, 0])

    sizes = (observation_size, action_size)
    init, all_manifolds = projected(config, config.hidden, sizes, Euclidean(), manifolds, init_inner)
    return Policy(init, all_manifolds, materialise, f"network_{config.activation}")
