"""Recorded episodes, and processes that replay them: through a bare Gymnasium loop, or through `mj_step` alone."""

import multiprocessing
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from typing import Any, NamedTuple

import mujoco
import numpy as np

from odes_rl.rollouts.board import Board
from odes_rl.rollouts.environments import flatten, make_environment
from odes_rl.rollouts.episodes import Lane

STATE = mujoco.mjtState.mjSTATE_FULLPHYSICS


class Episode(NamedTuple):
    """One recorded episode: the reset's seed, the physics' state after it, and the actions [T, m]."""

    seed: int
    state: np.ndarray
    actions: np.ndarray


class Recorder:
    """Stands in for a lane's environment, and keeps the episodes that pass through it."""

    def __init__(self, environment: Any) -> None:
        self.environment = environment
        self.episodes: list[Episode] = []

    def reset(self, seed: int) -> Any:
        """Begin an episode."""
        outcome = self.environment.reset(seed=seed)
        model, data, _ = physics(self.environment)
        state = np.empty(mujoco.mj_stateSize(model, STATE))
        mujoco.mj_getState(model, data, state, STATE)
        self.actions: list[np.ndarray] = []
        self.episodes.append(Episode(seed, state, np.empty((0, 0))))
        return outcome

    def step(self, action: np.ndarray) -> Any:
        """Pass a step on."""
        self.actions.append(action)
        outcome = self.environment.step(action)
        if outcome[2] or outcome[3]:
            self.episodes[-1] = self.episodes[-1]._replace(actions=np.array(self.actions))
        return outcome


def record_episodes(lane: Lane, board: Board) -> list[Episode]:
    """All episodes of a posted board."""
    recorder = lane.environment = Recorder(lane.environment)  # type: ignore[assignment]
    while (unit := board.claim(0)) is not None:
        lane.start(board, unit)
        while lane.step():
            pass
    return recorder.episodes


def physics(environment: Any) -> tuple[mujoco.MjModel, mujoco.MjData, int]:
    """The model, data and physics steps an environment step of a Gymnasium or DM Control environment."""
    inner = environment.unwrapped
    if hasattr(inner, "frame_skip"):
        return inner.model, inner.data, inner.frame_skip
    control = inner._env
    return control.physics.model.ptr, control.physics.data.ptr, control._n_sub_steps


def bare_loop(environment: Any, episodes: list[Episode]) -> None:
    """Replay `episodes` through `reset` and `step` of the environment."""
    for episode in episodes:
        environment.reset(seed=episode.seed)
        for action in episode.actions:
            flatten(environment.step(action)[0])


def physics_alone(environment: Any, episodes: list[Episode]) -> None:
    """Replay `episodes` through `mj_step`."""
    model, data, substeps = physics(environment)
    for episode in episodes:
        mujoco.mj_resetData(model, data)
        mujoco.mj_setState(model, data, episode.state, STATE)
        mujoco.mj_forward(model, data)
        for action in episode.actions:
            data.ctrl[:] = action
            mujoco.mj_step(model, data, substeps)


REPLAYS: dict[str, Callable[[Any, list[Episode]], None]] = {"bare_loop": bare_loop, "mj_step": physics_alone}


def shares_of(episodes: list[Episode], count: int) -> list[list[Episode]]:
    """`episodes` dealt to `count` shares of about equal steps: the longest first, each to the smallest share."""
    shares: list[list[Episode]] = [[] for _ in range(count)]
    for episode in sorted(episodes, key=lambda episode: -len(episode.actions)):
        min(shares, key=steps_of).append(episode)
    return shares


def steps_of(episodes: list[Episode]) -> int:
    """Environment steps of all `episodes` together."""
    return sum(len(episode.actions) for episode in episodes)


@contextmanager
def replayers(
    task: str, max_steps: int | None, episodes: list[Episode], count: int
) -> Iterator[Callable[[str], float]]:
    """`count` processes that hold their share of `episodes`; a function from a name in REPLAYS to steps a second.

    All start a replay together, and each takes its own time: the rate is the sum of theirs, so none counts while
    it waits for a slower one.
    """
    spawn = multiprocessing.get_context("spawn")
    together, connections, processes = spawn.Barrier(count), [], []
    for share in shares_of(episodes, count):
        ours, theirs = spawn.Pipe()
        processes.append(spawn.Process(target=_serve, args=(task, max_steps, share, together, theirs), daemon=True))
        processes[-1].start()
        theirs.close()
        connections.append(ours)

    def rate(name: str) -> float:
        for connection in connections:
            connection.send(name)
        return sum(connection.recv() for connection in connections)

    try:
        yield rate
    finally:
        for process in processes:
            process.terminate()  # not by a message: after a failure some may wait for the others
            process.join()


def _serve(task: str, max_steps: int | None, episodes: list[Episode], together: Any, commands: Connection) -> None:
    """Answer each name with the steps a second of that replay, until the pipe closes."""
    environment = make_environment(task, max_steps)
    environment.reset(seed=0)
    while True:
        try:
            replay = REPLAYS[commands.recv()]
        except EOFError:
            return
        together.wait()
        started = time.perf_counter()
        replay(environment, episodes)
        commands.send(steps_of(episodes) / (time.perf_counter() - started))
