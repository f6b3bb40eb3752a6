"""DM Control's tasks, laid bare. Free of JAX.

Each function here repeats what `get_observation` and `get_reward` of the task of that name compute; rewards go through
DM Control's own `tolerance`, over all steps of an episode at once, where it rounds an array as it does a number.
"""

import math
from collections.abc import Callable
from typing import Any

import mujoco
import numpy as np
from dm_control.utils import rewards as _rewards

from odes_rl.rollouts.native.simulation import Scheme, Simulation, Stretch, address, stretch

_tolerance: Any = _rewards.tolerance
_AT_MARGIN = 0.1
"""Default value of `tolerance` at the margin."""


def tolerance_of_each(x: np.ndarray, bounds: tuple[float, float], margin: float, sigmoid: str) -> np.ndarray:
    """[T]: what `tolerance` gives for each number of x [T], with sigmoid `gaussian` or `long_tail`.

    For an array it squares by a product, for a number by the power function, which rounds otherwise now and then.
    """
    lower, upper = bounds
    distance = np.where(x < lower, lower - x, x - upper) / margin
    gaussian = sigmoid == "gaussian"
    scale = np.sqrt(-2 * np.log(_AT_MARGIN)) if gaussian else np.sqrt(1 / _AT_MARGIN - 1)
    squares = np.array([scaled**2 for scaled in (distance * scale).tolist()])
    outside = np.exp(-0.5 * squares) if gaussian else 1 / (squares + 1)
    return np.where((lower <= x) & (x <= upper), 1.0, outside)


def cheetah(control: Any) -> Simulation:
    """cheetah-run."""
    data, model = control.physics.data.ptr, control.physics.model.ptr
    from dm_control.suite.cheetah import _RUN_SPEED

    def rewards(features: np.ndarray, actions: np.ndarray, healthy: np.ndarray) -> np.ndarray:
        bounds = (_RUN_SPEED, math.inf)
        return _tolerance(features[1:, 0], bounds, margin=_RUN_SPEED, value_at_margin=0, sigmoid="linear")

    observation = {"position": [stretch(data.qpos, 1)], "velocity": [stretch(data.qvel)]}
    return _simulation(control, observation, [_sensor(model, data, "torso_subtreelinvel")], rewards)


def swimmer(control: Any) -> Simulation:
    """swimmer-swimmer6 and swimmer-swimmer15: the distance of the nose from the target."""
    data, model = control.physics.data.ptr, control.physics.model.ptr

    size = model.geom_size[model.geom("target").id, 0]
    nose_to_target = Stretch(
        address(data.geom_xpos, 3 * model.geom("target").id),
        length=2,
        origin=address(data.geom_xpos, 3 * model.geom("nose").id),
        frame=address(data.xmat, 9 * model.body("head").id),
    )

    def rewards(features: np.ndarray, actions: np.ndarray, healthy: np.ndarray) -> np.ndarray:
        distance = np.array([np.linalg.norm(row) for row in features[1:]])
        return tolerance_of_each(distance, (0, size), 5 * size, "long_tail")

    velocities = [
        part
        for start in range(12, data.sensordata.size, 6)
        for part in (stretch(data.sensordata, start, start + 2), stretch(data.sensordata, start + 5, start + 6))
    ]
    observation = {"joints": [stretch(data.qpos, 3)], "to_target": [nose_to_target], "body_velocities": velocities}
    return _simulation(control, observation, [nose_to_target], rewards)


def humanoid(control: Any) -> Simulation:
    """humanoid-stand, humanoid-walk and humanoid-run."""
    data, model = control.physics.data.ptr, control.physics.model.ptr
    torso, head = model.body("torso").id, model.body("head").id
    velocity, height = _sensor(model, data, "torso_subtreelinvel"), stretch(data.xpos, 3 * head + 2, 3 * head + 3)
    limbs = [
        Stretch(
            address(data.xpos, 3 * model.body(name).id),
            length=3,
            origin=address(data.xpos, 3 * torso),
            frame=address(data.xmat, 9 * torso),
        )
        for name in ("left_hand", "left_foot", "right_hand", "right_foot")
    ]
    vertical = stretch(data.xmat, 9 * torso + 6, 9 * torso + 9)
    observation = {
        "joint_angles": [stretch(data.qpos, 7)],
        "head_height": [height],
        "extremities": limbs,
        "torso_vertical": [vertical],
        "com_velocity": [velocity],
        "velocity": [stretch(data.qvel)],
    }
    if control.task._pure_state:
        observation = {"position": [stretch(data.qpos)], "velocity": [stretch(data.qvel)]}

    def rewards(features: np.ndarray, actions: np.ndarray, healthy: np.ndarray) -> np.ndarray:
        head_height, upright, velocity = features[1:, 0], features[1:, 1], features[1:, 2:]
        return _humanoid_rewards(control.task._move_speed, head_height, upright, velocity, actions)

    upright = stretch(data.xmat, 9 * torso + 8, 9 * torso + 9)
    return _simulation(control, observation, [height, upright, velocity], rewards)


def _humanoid_rewards(
    move_speed: float, head_height: np.ndarray, upright: np.ndarray, velocity: np.ndarray, actions: np.ndarray
) -> np.ndarray:
    from dm_control.suite.humanoid import _STAND_HEIGHT

    standing = tolerance_of_each(head_height, (_STAND_HEIGHT, math.inf), _STAND_HEIGHT / 4, "gaussian")
    upright = _tolerance(upright, bounds=(0.9, math.inf), sigmoid="linear", margin=1.9, value_at_margin=0)
    small_control = _tolerance(actions, margin=1, value_at_margin=0, sigmoid="quadratic").mean(axis=1)
    small_control = (4 + small_control) / 5
    if move_speed == 0:
        dont_move = _tolerance(velocity[:, :2], margin=2).mean(axis=1)
        return small_control * (standing * upright) * dont_move
    speed = np.array([np.linalg.norm(row) for row in velocity[:, :2]])
    bounds = (move_speed, math.inf)
    move = _tolerance(speed, bounds, margin=move_speed, value_at_margin=0, sigmoid="linear")
    return small_control * (standing * upright) * ((5 * move + 1) / 6)


def _sensor(model: Any, data: Any, name: str) -> Stretch:
    sensor = model.sensor(name)
    start = int(sensor.adr[0])
    return stretch(data.sensordata, start, start + int(sensor.dim[0]))


def _simulation(
    control: Any,
    observation: dict[str, list[Stretch]],
    features: list[Stretch],
    rewards: Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray],
) -> Simulation:
    data, model = control.physics.data.ptr, control.physics.model.ptr
    assert control.physics.legacy_step
    assert model.opt.integrator != mujoco.mjtIntegrator.mjINT_RK4  # type: ignore[attr-defined]
    return Simulation(
        model=model._address,
        data=data._address,
        control=address(data.ctrl),
        scheme=Scheme.SPLIT,
        substeps=control._n_sub_steps,
        observation=[part for name in sorted(observation) for part in observation[name]],  # a Dict space sorts its keys
        features=features,
        healthy=[],
        ends=False,
        warnings=data.warning.number.__array_interface__["data"][0],
        rewards=rewards,
        limit=math.ceil(control._step_limit) if math.isfinite(control._step_limit) else None,
    )


DM_CONTROL_TASKS: dict[str, Callable[[Any], Simulation]] = {
    "dm_control.suite.cheetah:Cheetah": cheetah,
    "dm_control.suite.swimmer:Swimmer": swimmer,
    "dm_control.suite.humanoid:Humanoid": humanoid,
}
"""By the class of the environment's task."""
