"""All that `odes-rl inspect` finds out about a policy."""

from typing import Any, NamedTuple

import jax
import numpy as np

from odes_rl.act import find_rule
from odes_rl.errors import UserError
from odes_rl.inspection.depth import Bounds, gradient_bounds, gradient_norms, hidden_states
from odes_rl.inspection.weights import Weights, look_at_weights
from odes_rl.rollouts.recording import record_episode
from odes_rl.rollouts.seeds import fresh_seeds
from odes_rl.training.evaluate import on_host
from odes_rl.training.experiment import episode_settings
from odes_rl.training.restoring import Restored


class Inspection(NamedTuple):
    """A policy of K steps, in an episode of T with finite observations.

    Attributes:
        title: which policy it is.
        checkpoint: out of which checkpoint, in words.
        total: the episode's return.
        states: [K + 1, T, h].
        gradients: [K + 1, T, m] ‖∂a_j/∂x_k‖ / ‖∂a_j/∂x_K‖.
        bounds: between which orthogonal weights would keep them in a flow of steps of 1/K; None for other networks.
        weights: None for a policy whose weights are no sequence of matrices [h, h].
    """

    title: str
    checkpoint: str
    total: float
    states: np.ndarray
    gradients: np.ndarray
    bounds: Bounds | None
    weights: Weights | None


def look_into(restored: Restored, seed: int = 0) -> Inspection:
    """Play the first of the episodes that `evaluate_restored` rolls out, and look into the policy meanwhile.

    Raises:
        UserError: if the policy has no depth, or the episode no finite observation, or states or gradients are not
            finite.
        EnvironmentFailure: if the environment raises.
    """
    config, experiment, state, words = restored
    rule = find_rule(experiment.policy.act_rule)
    batch, moments = on_host(restored)
    weights = jax.tree.map(lambda leaf: leaf[0], batch)
    settings = episode_settings(config, experiment.policy)
    episode = record_episode(settings, batch, moments, int(fresh_seeds(seed, 1)[0, 0]))
    # An episode ends with the first observation that is not finite.
    observations = episode.observations[np.isfinite(episode.observations).all(axis=1)]
    if not len(observations):
        raise UserError("no observation of the episode is finite, so nothing can be inspected: choose another --seed")
    states = hidden_states(rule, weights, observations)
    if len(states) < 2:
        raise UserError(f"the policy {config.policy.name} has no depth to inspect: give the run of another policy")
    norms = gradient_norms(rule, weights, observations)
    if not (np.isfinite(states).all() and np.isfinite(norms).all()):
        raise UserError("hidden states or gradients are not finite, so they cannot be drawn: training diverged")
    return Inspection(
        title=f"{config.policy.name} on {config.task.id}, generation {int(state.strategy.generation)}",
        checkpoint=words,
        total=episode.total,
        states=states,
        gradients=norms / norms[-1],
        bounds=_bounds(weights, len(states) - 1),
        weights=_weights(jax.device_get(state.strategy.params), weights),
    )


def _bounds(weights: Any, count: int) -> Bounds | None:
    step, method = (getattr(weights, name, None) for name in ("step", "method"))
    step = step if method is None else np.sum(method[-1])
    if step is None or not hasattr(weights, "layers") or not np.allclose(step * count, 1):
        return None
    return gradient_bounds(count, euler=method is None or len(method) == 1)


def _weights(params: Any, weights: Any) -> Weights | None:
    W = getattr(weights, "layers", None)
    return None if W is None or not len(W) else look_at_weights(params, W)
