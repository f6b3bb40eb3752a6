"""How far each leaf of the parameters moves the actions, and the scales that make all leaves move them alike."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from odes_rl.act import find_rule
from odes_rl.manifolds import Frozen
from odes_rl.policies.policy import Params, Policy
from odes_rl.rollouts.environments import Task

_DIRECTIONS = 16
"""Random directions in which each leaf is moved."""


def action_units(task: Task, squash: str) -> np.ndarray:
    """[m] what an output is measured in: half the range of its action where outputs have units of actions, else 1."""
    bounded = squash == "clip" and not task.choices and np.isfinite(task.low) & np.isfinite(task.high)
    return np.where(bounded, (task.high - task.low) / 2, 1.0).astype(np.float32)


def sensitivity_scales(
    policy: Policy, units: np.ndarray, params: Params, observations: jax.Array, key: jax.Array, limit: jax.Array | float
) -> Any:
    """A scale for each leaf, float32, at most `limit`: sigma times it moves the actions by an equal share of sigma.

    A leaf at the limit moves them less, and leaves more to the others. With all leaves moved at once, sigma is then the
    root mean square of the change of an action, to first order, unless all are at the limit
    (docs/mathematics.md, "A scale for each leaf").

    Args:
        policy: whose leaves they are.
        units: [m] of the actions.
        params: its current parameters.
        observations: [B, n] float32, normalised, as the policy sees them.
        key: of the random directions.
        limit: the largest scale.
    """
    sensitivities = leaf_sensitivities(policy, units, params, observations, key)
    leaves, structure = jax.tree.flatten(sensitivities)
    moving = jnp.array([not isinstance(m, Frozen) for m in structure.flatten_up_to(policy.manifolds)])
    return structure.unflatten(list(equal_shares(jnp.stack(leaves), moving, limit)))


def equal_shares(sensitivities: jax.Array, moving: jax.Array, limit: jax.Array | float) -> jax.Array:
    """[n] scales f of leaves with sensitivities s [n]: f s is the same for all that are `moving` [n], or f the limit.

    The sum of (f s)² over them is 1, if the limit allows it. What does not move, or has no finite sensitivity above 0,
    has the scale 1 or the limit, if that is less.
    """
    used = moving & jnp.isfinite(sensitivities) & (sensitivities > 0)
    s = jnp.where(used, sensitivities, 0.0)
    largest = jnp.sort(limit * s)  # how far each can move the actions; 0 of what is not used
    before = jnp.cumsum(jnp.concatenate([jnp.zeros_like(largest[:1]), largest[:-1] ** 2]))
    level = jnp.sqrt(jnp.maximum(1 - before, 0.0) / jnp.arange(s.size, 0, -1))  # the share, if those before are at it
    fits = level <= largest
    share = jnp.where(fits.any(), level[jnp.argmax(fits)], jnp.inf)
    return jnp.where(used, jnp.minimum(share / jnp.where(used, s, 1.0), limit), jnp.minimum(1.0, limit))


def leaf_sensitivities(
    policy: Policy, units: np.ndarray, params: Params, observations: jax.Array, key: jax.Array
) -> Any:
    """Scalars, a tree as the parameters: √E (∂a/∂s)² over actions a, observations and directions.

    A leaf moves by s along a random direction, on its manifold. Arguments as of `sensitivity_scales`.
    """
    act = find_rule(policy.act_rule).array
    leaves, structure = jax.tree.flatten(params)
    manifolds = structure.flatten_up_to(policy.manifolds)

    def outputs(noise: list[jax.Array], lengths: jax.Array) -> jax.Array:
        moved = [m.perturb(x, n, s) for m, x, n, s in zip(manifolds, leaves, noise, lengths, strict=True)]
        return act(policy.materialise(structure.unflatten(moved)), observations) / units

    def mean_square(leaf: jax.Array) -> jax.Array:
        """Of the change along the leaf of that number."""
        along = (jnp.arange(len(leaves)) == leaf).astype(jnp.float32)

        def change(key: jax.Array) -> jax.Array:
            keys = jax.random.split(key, len(leaves))
            noise = [jax.random.normal(k, x.shape, x.dtype) for k, x in zip(keys, leaves, strict=True)]
            _, changed = jax.jvp(lambda s: outputs(noise, s), (jnp.zeros_like(along),), (along,))
            return jnp.mean(changed**2)

        return jnp.mean(jax.vmap(change)(jax.random.split(jax.random.fold_in(key, leaf), _DIRECTIONS)))

    squares = lax.map(mean_square, jnp.arange(len(leaves)))
    return structure.unflatten(list(jnp.sqrt(squares)))
