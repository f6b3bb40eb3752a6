"""What steps a task on a device, whatever its physics."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax


class Step(NamedTuple):
    """One environment step.

    Attributes:
        state: after it.
        observation: [n] in that state.
        reward: [] of the step.
        over: [] bool, the task has ended the episode.
        failed: [] bool, the physics diverged.
    """

    state: Any
    observation: jax.Array
    reward: jax.Array
    over: jax.Array
    failed: jax.Array


class Simulator(NamedTuple):
    """A task on a device.

    Attributes:
        step: `step(constants, state, action [m]) -> Step` of one environment; pure, to be vmapped.
        constants: a pytree that all environments share, such as a model.
        limit: environment steps of an episode; None if nothing limits them.
    """

    step: Callable[[Any, Any, jax.Array], Step]
    constants: Any
    limit: int | None


class Start(NamedTuple):
    """Where an episode begins: the state, a pytree as `Simulator.step` has it, and what is observed there [n]."""

    state: Any
    observation: Any
