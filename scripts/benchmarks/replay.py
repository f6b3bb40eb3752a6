"""Processes that replay recorded episodes: through a bare Gymnasium loop, or through MuJoCo's steps alone."""

import multiprocessing
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from typing import Any

from measuring import Contestant
from recording import Episode, physics_of, steps_of

from odes_rl.rollouts.environments import make_environment
from odes_rl.rollouts.flattening import flattener


def bare_loop(environment: Any, episodes: list[Episode]) -> None:
    """Replay `episodes` through `reset` and `step` of the environment."""
    flatten = flattener(environment.observation_space)
    for episode in episodes:
        environment.reset(seed=episode.seed)
        for action in episode.actions:
            flatten(environment.step(action)[0])


def physics_alone(environment: Any, episodes: list[Episode]) -> None:
    """Replay `episodes` through the physics' C calls, from their first states: bitwise the same motion."""
    physics = physics_of(environment)
    step, control = physics.step, physics.data.ctrl
    for episode in episodes:
        physics.restore(episode.first)
        for action in episode.actions:
            control[:] = action
            step()


REPLAYS: dict[str, Callable[[Any, list[Episode]], None]] = {"physics": physics_alone, "bare loop": bare_loop}


def shares_of(episodes: list[Episode], count: int) -> list[list[Episode]]:
    """`episodes` dealt to `count` shares of about equal steps: the longest first, each to the smallest share."""
    shares: list[list[Episode]] = [[] for _ in range(count)]
    for episode in sorted(episodes, key=lambda episode: -len(episode.actions)):
        min(shares, key=steps_of).append(episode)
    return shares


@contextmanager
def replayers(
    task: str, max_steps: int | None, episodes: list[Episode], count: int, seconds: float
) -> Iterator[dict[str, Contestant]]:
    """Contestants by their name in REPLAYS: `count` processes that hold their share of `episodes`.

    All start a replay together, and each takes its own time: the rate is the sum of theirs, so none counts while
    it waits for a slower one. A replay is repeated for at least `seconds`.
    """
    spawn = multiprocessing.get_context("spawn")
    together, connections, processes = spawn.Barrier(count), [], []
    for share in shares_of(episodes, count):
        ours, theirs = spawn.Pipe()
        arguments = (task, max_steps, share, seconds, together, theirs)
        processes.append(spawn.Process(target=_serve, args=arguments, daemon=True))
        processes[-1].start()
        theirs.close()
        connections.append(ours)

    def rate(name: str) -> float:
        for connection in connections:
            connection.send(name)
        return sum(connection.recv() for connection in connections)

    try:
        yield {name: lambda name=name: rate(name) for name in REPLAYS}
    finally:
        for process in processes:
            process.terminate()  # not by a message: after a failure some may wait for the others
            process.join()


def _serve(
    task: str, max_steps: int | None, episodes: list[Episode], seconds: float, together: Any, commands: Connection
) -> None:
    """Answer each name with the steps a second of that replay, until the pipe closes."""
    environment = make_environment(task, max_steps)
    environment.reset(seed=0)
    while True:
        try:
            replay = REPLAYS[commands.recv()]
        except EOFError:
            return
        together.wait()
        commands.send(_rate(lambda replay=replay: replay(environment, episodes), steps_of(episodes), seconds))


def _rate(replay: Callable[[], None], steps: int, seconds: float) -> float:
    started, times, elapsed = time.perf_counter(), 0, 0.0
    while not times or elapsed < seconds:
        replay()
        times, elapsed = times + 1, time.perf_counter() - started
    return times * steps / elapsed
