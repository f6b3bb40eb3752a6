"""Control problems that are differentiable almost everywhere, with rewards between 0 and 1: rollouts in JAX."""

from collections.abc import Callable
from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

from odes_rl.act import find_rule
from odes_rl.policies import Policy

TaskName = Literal["point mass", "pendulum"]
Step = tuple[jax.Array, jax.Array]


class SmoothTask(NamedTuple):
    """A control problem.

    Attributes:
        sizes: of an observation, and of an action.
        starts: `starts(key, B) -> states [B, k]`.
        observe: `observe(states [B, k]) -> observations [B, n]`.
        advance: `advance(states [B, k], actions [B, m]) -> (states [B, k], rewards [B])`; actions in [−1, 1].
    """

    sizes: tuple[int, int]
    starts: Callable[[jax.Array, int], jax.Array]
    observe: Callable[[jax.Array], jax.Array]
    advance: Callable[[jax.Array, jax.Array], Step]


def mean_return(policy: Policy, task: SmoothTask, params: Any, starts: jax.Array, horizon: int) -> jax.Array:
    """Scalar mean reward a step, in [0, 1], of rollouts of `horizon` steps from states `starts` [B, k]."""
    weights = policy.materialise(params)
    act: Callable[..., jax.Array] = find_rule(policy.act_rule).array

    def advance(state: jax.Array, _: None) -> Step:
        state, reward = task.advance(state, jnp.tanh(act(weights, task.observe(state))))
        return state, jnp.mean(reward)

    return jnp.mean(lax.scan(advance, starts, None, length=horizon)[1])


def _move_point(state: jax.Array, action: jax.Array) -> Step:
    """ẍ = 4 a − ẋ/2 in steps of 0.1, reward exp(−|x|² − |ẋ|²/10): all smooth, with bounded derivatives."""
    place, velocity = state[:, :2], state[:, 2:]
    velocity = velocity + 0.1 * (4 * action - 0.5 * velocity)
    place = place + 0.1 * velocity
    reward = jnp.exp(-jnp.sum(place**2, -1) - 0.1 * jnp.sum(velocity**2, -1))
    return jnp.concatenate([place, velocity], -1), reward


def _swing(state: jax.Array, action: jax.Array) -> Step:
    """Gymnasium's Pendulum-v1, state [angle from upright, speed], torque 2 a; its cost, at most 16.3, as 1 − cost/16.3.

    The reward has kinks where the pendulum hangs, and speeds end at 8.
    """
    angle, speed = state[:, 0], state[:, 1]
    torque = 2 * action[:, 0]
    upright = (angle + jnp.pi) % (2 * jnp.pi) - jnp.pi
    cost = upright**2 + 0.1 * speed**2 + 0.001 * torque**2
    speed = jnp.clip(speed + 0.05 * (15 * jnp.sin(angle) + 3 * torque), -8, 8)
    return jnp.stack([angle + 0.05 * speed, speed], -1), 1 - cost / MOST_COST


MOST_COST = float(jnp.pi) ** 2 + 0.1 * 8**2 + 0.001 * 2**2
"""Of a step of the pendulum."""
TASKS: dict[TaskName, SmoothTask] = {
    "point mass": SmoothTask(
        (4, 2), lambda key, count: jax.random.uniform(key, (count, 4), minval=-1.0), lambda state: state, _move_point
    ),
    "pendulum": SmoothTask(
        (3, 1),
        lambda key, count: jax.random.uniform(key, (count, 2), minval=-1.0) * jnp.array([jnp.pi, 1.0]),
        lambda state: jnp.stack([jnp.cos(state[:, 0]), jnp.sin(state[:, 0]), state[:, 1]], -1),
        _swing,
    ),
}
"""A damped point mass in the plane that is to rest at 0; Gymnasium's pendulum, from its starting states."""
