"""Shared by the flows along networks with constant parameters: ẋ = Σ_n g_n(t) f_n(x)."""

from odes_rl.act.field_flow import FieldFlowWeights
from odes_rl.flows.field_networks import FieldNetworks
from odes_rl.flows.trajectories.nodes import half_nodes
from odes_rl.manifolds import Euclidean
from odes_rl.policies.flow import FlowConfig, method_matrix
from odes_rl.policies.output import output_factor
from odes_rl.policies.policy import Params, Policy
from odes_rl.policies.projections import projected


def field_policy(config: FlowConfig, observation_size: int, action_size: int, networks: FieldNetworks) -> Policy:
    """A policy x(0) = Ω₁ s; ẋ = Σ_n g_n(t) f_n(x) for t from 0 to 1; a = Ω₂ x(1), in L fixed steps.

    Projections start normal with deviation 1/√fan-in.
    """
    sizes = (observation_size, action_size)
    init, manifolds = projected(config, config.hidden, sizes, Euclidean(), networks.manifolds, networks.init)

    def materialise(params: Params) -> FieldFlowWeights:
        return FieldFlowWeights(
            input=params["input"],
            gates=networks.gates(params, half_nodes(config.steps)),
            networks=params["networks"],
            biases=params["biases"],
            method=method_matrix(config),
            output=output_factor(config, params) * params["output"],
        )

    return Policy(init, manifolds, materialise, f"field_flow_{config.activation}")
