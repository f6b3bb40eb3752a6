"""Tasks with MuJoCo's physics on a device, made of their descriptions."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from odes_rl.rollouts.physics.description import Description, Physics, Scheme
from odes_rl.simulation.collisions import capsules_as_in_mujoco
from odes_rl.simulation.factors import factored_one_by_one
from odes_rl.simulation.integration import State, data_of, mjx, physics_step, state_of
from odes_rl.simulation.models import edited, put_model
from odes_rl.simulation.reading import is_healthy, read
from odes_rl.simulation.simulator import Simulator, Start, Step
from odes_rl.simulation.words import JAX

_LARGEST = 1e10
"""mjMAXVAL: a number of the state beyond it is what MuJoCo warns of, and takes for divergence."""
_UPDATED = (Scheme.SPLIT, Scheme.STEP_AND_UPDATE)


class TaskState(NamedTuple):
    """Of one environment: MuJoCo's state, features [F] there, and the model's fields that its reset drew."""

    physics: State
    features: Any
    varied: dict[str, Any]


class Constants(NamedTuple):
    """Of all environments: the `mjx.Model`, and an `mjx.Data` with what no step changes."""

    model: Any
    template: Any


def make_simulator(task: str, physics: Physics) -> Simulator:
    """The simulator of the task of that name, whose environment has that description, model and data.

    Raises:
        UserError: if MJX lacks something that the model has.
    """
    description, model, _ = physics
    put = put_model(task, edited(model), description.varied)
    constants = Constants(put, mjx.make_data(put))

    def step(constants: Constants, state: TaskState, action: jax.Array) -> Step:
        return _step(description, constants, state, action)

    return Simulator(step, constants, description.limit)


def start_of(physics: Physics, dtype: Any = np.float32) -> Start:
    """The start of an episode whose environment is in the state from which it is to go on; arrays of that type."""
    description, model, data = physics

    def read_all(parts: Any) -> np.ndarray:
        return np.array(read(np, data, parts), dtype)

    varied = {field: np.array(getattr(model, field), dtype) for field in description.varied}
    state = State(*(np.array(entry, dtype) for entry in state_of(data)))
    return Start(TaskState(state, read_all(description.features), varied), read_all(description.observation))


def _step(description: Description, constants: Constants, state: TaskState, action: jax.Array) -> Step:
    model = constants.model.replace(**state.varied)
    template = constants.template.replace(ctrl=constants.template.ctrl.at[: action.size].set(action))
    with capsules_as_in_mujoco(), factored_one_by_one():
        physics, (features, observation, healthy) = _after_physics(description, model, template, state)
    rewards = description.rewards(JAX, jnp.stack([state.features, features]), action[None], healthy[None])
    sound = jnp.array([jnp.all(jnp.abs(leaf) <= _LARGEST) for leaf in (physics.qpos, physics.qvel, physics.warmstart)])
    over = ~healthy if description.ends else jnp.zeros_like(healthy)
    return Step(TaskState(physics, features, state.varied), observation, rewards[0], over, ~sound.all())


def _after_physics(
    description: Description, model: Any, template: Any, state: TaskState
) -> tuple[State, tuple[jax.Array, jax.Array, jax.Array]]:
    """The state, and features, observation and health, after the physics steps of an environment step.

    What a description reads is read at each of them, since that is smaller than what it is read from.
    """
    updated = description.scheme in _UPDATED

    def look(data: Any) -> Any:
        if updated:
            return data.sensordata
        if description.scheme == Scheme.STEP_AND_FORCES:
            data = mjx.rne_postconstraint(model, data)
        return _look(description, data)

    def substep(_: int, carry: Any) -> Any:
        data = physics_step(model, data_of(template, carry[0]))
        return state_of(data), look(data)

    shapes = jax.eval_shape(look, data_of(template, state.physics))
    seen = jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), shapes)
    physics, seen = lax.fori_loop(0, description.substeps, substep, (state.physics, seen))
    if updated:
        data = data_of(template, physics).replace(sensordata=seen)
        data = mjx.sensor_vel(model, mjx.fwd_velocity(model, mjx.sensor_pos(model, mjx.fwd_position(model, data))))
        seen = _look(description, data)
    return physics, seen


def _look(description: Description, data: Any) -> tuple[jax.Array, jax.Array, jax.Array]:
    features, observation = (read(jnp, data, parts) for parts in (description.features, description.observation))
    return features, observation, is_healthy(jnp, data, description.healthy)
