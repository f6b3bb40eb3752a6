"""Episodes of our lanes, recorded step by step, and the physics beneath an environment."""

# pyright: reportAttributeAccessIssue=false
# MuJoCo's C part has no stubs.

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import mujoco
import numpy as np

from odes_rl.rollouts.board import Board
from odes_rl.rollouts.episodes import Lane

STATE = mujoco.mjtState.mjSTATE_INTEGRATION
"""The warm start of the constraint solver included: without it a replay is another episode in its last bits."""


class Episode(NamedTuple):
    """One recorded episode.

    Attributes:
        seed: of the reset.
        first: the physics' state after the reset.
        actions: [T, m], as the lane gave them to the environment.
        last: the physics' state at the end.
    """

    seed: int
    first: np.ndarray
    actions: np.ndarray
    last: np.ndarray


class Physics(NamedTuple):
    """What is beneath an environment; `step()` makes the C calls of one environment step, and no others."""

    model: mujoco.MjModel
    data: mujoco.MjData
    step: Callable[[], None]

    def state(self) -> np.ndarray:
        """All that the next step depends on but the control, [s]."""
        state = np.empty(mujoco.mj_stateSize(self.model, STATE))
        mujoco.mj_getState(self.model, self.data, state, STATE)
        return state

    def restore(self, state: np.ndarray) -> None:
        """Go back to a `state` [s] and what follows from it."""
        mujoco.mj_resetData(self.model, self.data)
        mujoco.mj_setState(self.model, self.data, state, STATE)
        mujoco.mj_forward(self.model, self.data)
        mujoco.mj_setState(self.model, self.data, state, STATE)  # mj_forward has moved the warm start


def physics_of(environment: Any) -> Physics:
    """The physics of a MuJoCo environment of Gymnasium or of DM Control."""
    inner = environment.unwrapped
    if hasattr(inner, "frame_skip"):
        step = partial(mujoco.mj_step, inner.model, inner.data, inner.frame_skip)
        return Physics(inner.model, inner.data, step)
    control = inner._env
    model, data = control.physics.model.ptr, control.physics.data.ptr
    return Physics(model, data, _control_step(model, data, control._n_sub_steps, control.physics.legacy_step))


def _control_step(model: mujoco.MjModel, data: mujoco.MjData, count: int, legacy: bool) -> Callable[[], None]:
    """The calls of dm_control's `Physics.step` (dm_control/mujoco/engine.py)."""
    if not legacy:
        return partial(mujoco.mj_step, model, data, count)
    runge_kutta = model.opt.integrator == mujoco.mjtIntegrator.mjINT_RK4.value

    def step() -> None:
        if runge_kutta:
            mujoco.mj_step(model, data, count)
        else:
            mujoco.mj_step2(model, data)
            if count > 1:
                mujoco.mj_step(model, data, count - 1)
        mujoco.mj_step1(model, data)

    return step


class Recorder:
    """Stands in for a lane's environment, and keeps the episodes that pass through it."""

    def __init__(self, environment: Any) -> None:
        self.environment = environment
        self.episodes: list[Episode] = []

    def reset(self, seed: int) -> Any:
        """Begin an episode."""
        outcome = self.environment.reset(seed=seed)
        self.physics = physics_of(self.environment)  # DM Control may compile a new model for an episode
        self.seed, self.first = seed, self.physics.state()
        self.actions: list[np.ndarray] = []
        return outcome

    def step(self, action: np.ndarray) -> Any:
        """Pass a step on."""
        self.actions.append(action)
        outcome = self.environment.step(action)
        if outcome[2] or outcome[3]:
            self.episodes.append(Episode(self.seed, self.first, np.array(self.actions), self.physics.state()))
        return outcome


def record_episodes(lane: Lane, board: Board) -> list[Episode]:
    """All episodes of a posted board; `lane` is of the general kind, which calls the environment at every step."""
    recorder = lane.environment = Recorder(lane.environment)  # type: ignore[assignment]
    while (unit := board.claim(0)) is not None:
        lane.start(board, unit)
        while lane.step():
            pass
    return recorder.episodes


def steps_of(episodes: list[Episode]) -> int:
    """Environment steps of all `episodes` together."""
    return sum(len(episode.actions) for episode in episodes)
