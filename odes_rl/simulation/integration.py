"""Environment steps of MJX: the calls of MuJoCo that an environment makes, each traced once.

What is carried from one physics step to the next is the state alone; `mjx.Data`, a hundred times as large, is made of
it anew. MJX's own fourth-order step traces the forward dynamics four times, which takes four times as long to compile.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

from odes_rl.simulation.models import load_mjx

mjx: Any = load_mjx()
from mujoco.mjx._src import forward as _forward  # noqa: E402 - its integrators have no public parts

_RK4 = ((0.5, 1 / 6), (0.5, 1 / 3), (1.0, 1 / 3), (0.0, 1 / 6))
"""Of each stage: where the next one lies, as a part of the step, and its weight in the sum."""


class State(NamedTuple):
    """What MuJoCo carries from step to step: qpos [nq], qvel [nv], act [na], and qacc [nv] to start its solver from."""

    qpos: Any
    qvel: Any
    act: Any
    warmstart: Any


def data_of(template: Any, state: State) -> Any:
    """The `mjx.Data` like `template` in that state; nothing is computed from it yet."""
    qpos, qvel, act, warmstart = state
    return template.replace(qpos=qpos, qvel=qvel, act=act, qacc_warmstart=warmstart)


def state_of(data: Any) -> State:
    """The state of an `mjx.Data`, or of MuJoCo's own."""
    return State(data.qpos, data.qvel, data.act, data.qacc_warmstart)


def physics_step(model: Any, data: Any) -> Any:
    """The `mjx.Data` after `mj_step`: a new state; all else is that of the last evaluation of forces, as in MuJoCo."""
    if model.opt.integrator == mjx.IntegratorType.RK4:
        return _runge_kutta(model, data)
    data = mjx.forward(model, data)
    integrate = mjx.euler if model.opt.integrator == mjx.IntegratorType.EULER else mjx.implicit
    return integrate(model, data)


def _runge_kutta(model: Any, start: Any) -> Any:
    def stage(carry: Any, tableau: Any) -> tuple[Any, None]:
        data, sums, sensors = carry
        ahead, weight, is_first = tableau
        qvel = data.qvel
        data = mjx.forward(model, data)
        slopes = (qvel, data.qacc, data.act_dot)
        sums = jax.tree.map(lambda total, slope: total + weight * slope, sums, slopes)
        sensors = jnp.where(is_first, data.sensordata, sensors)
        following = data.replace(
            qpos=_forward._integrate_pos(model.jnt_type, start.qpos, ahead * qvel, model.opt.timestep),
            qvel=start.qvel + ahead * data.qacc * model.opt.timestep,
            act=start.act + ahead * data.act_dot * model.opt.timestep,
        )
        following = jax.tree.map(lambda new, old: new.astype(old.dtype), following, carry[0])  # some indices widen
        return (following, sums, sensors), None

    zeros = jax.tree.map(jnp.zeros_like, (start.qvel, start.qacc, start.act_dot))
    ahead, weights = (jnp.array(column) for column in zip(*_RK4, strict=True))
    tableau = (ahead, weights, jnp.arange(len(_RK4)) == 0)
    (data, (qvel, qacc, act_dot), sensors), _ = lax.scan(stage, (start, zeros, start.sensordata), tableau)
    data = data.replace(qpos=start.qpos, qvel=start.qvel, act=start.act, sensordata=sensors)
    return _forward._advance(model, data, act_dot, qacc, qvel)
