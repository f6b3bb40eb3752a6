"""The compiled programs that run batches of episodes: as many at once as fit into the memory of a device."""

import logging
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from odes_rl.es.population import POPULATION, over_devices, whole_on_each
from odes_rl.rollouts.patience import telling_time
from odes_rl.simulation.compiling import compiler_options
from odes_rl.simulation.episodes import Normalising, Play, Tally, run_episodes
from odes_rl.simulation.memory import available, needed
from odes_rl.simulation.simulator import Simulator, Start

FEW = 8
"""Rows of a program at the least: evaluations of a few episodes share one."""
_log = logging.getLogger(__name__)


class Batch(NamedTuple):
    """Episodes that run at once.

    Attributes:
        weights: leaves [R, …].
        normalising: leaves [R, n].
        limits: [R] int32, environment steps of an episode at most.
        starts: leaves [R, E, …].
        wanted: [R, E] bool; the others fill the batch up.
    """

    weights: Any
    normalising: Normalising
    limits: Any
    starts: Start
    wanted: Any


class Program(NamedTuple):
    """A compiled program: `run(constants, batch) -> tally`, for batches of so many rows."""

    run: Callable[[Any, Batch], Tally]
    rows: int


class Programs:
    """Programs by the shape of what they are asked for; each is compiled once."""

    def __init__(self, simulator: Simulator, play: Play, most: int | None) -> None:
        """At most `most` environments are stepped at once on each device; None for as many as fit into its memory."""
        self._simulator, self._play, self._most = simulator, play, most
        self._found: dict[Any, Program] = {}

    def find(self, rows: int, mesh: Mesh | None, constants: Any, batch: Batch) -> Program:
        """The program for so many rows of episodes like those of `batch`, which has any number of rows.

        It depends on nothing but these and the memory: what ran before leads to no other program, and to no other bits.
        """
        rows = max(rows, FEW)
        episodes = batch.wanted.shape[1]
        key = (rows, episodes, mesh)
        if key not in self._found:
            self._found[key] = self._fitting(rows, mesh, constants, batch)
        return self._found[key]

    def _fitting(self, rows: int, mesh: Mesh | None, constants: Any, batch: Batch) -> Program:
        devices, episodes = (mesh.size if mesh else 1), batch.wanted.shape[1]
        limit = available(jax.local_devices()[0])
        share = -(-rows // devices)
        if self._most is not None:
            share = min(share, max(1, self._most // episodes))
        while True:
            batches = -(-rows // (share * devices))
            share = -(-rows // (batches * devices))  # as even as can be
            compiled = self._compile(share * devices, mesh, constants, batch)
            taken = needed(compiled)
            _log.info("%d environments at once take %.3g GB of %.3g", share * episodes, taken / 1e9, limit / 1e9)
            if taken <= limit or share == 1:
                return Program(compiled, share * devices)
            share = max(1, min(share - 1, int(share * limit / taken)))

    def _compile(self, rows: int, mesh: Mesh | None, constants: Any, batch: Batch) -> Any:
        run = partial(_run, self._simulator, self._play, mesh)
        sized = jax.tree.map(lambda leaf: jax.ShapeDtypeStruct((rows, *leaf.shape[1:]), leaf.dtype), batch)
        if mesh is None:
            jitted = jax.jit(run)
        else:
            whole, split = whole_on_each(mesh), NamedSharding(mesh, PartitionSpec(POPULATION))
            jitted = jax.jit(run, in_shardings=(whole, split), out_shardings=split)
        highest = jax.default_matmul_precision("highest")  # elsewhere 10 bits may be all there are
        with highest, telling_time(f"compiling the simulation of {rows * batch.wanted.shape[1]} environments at once"):
            return jitted.lower(constants, sized).compile(compiler_options())


def _run(simulator: Simulator, play: Play, mesh: Mesh | None, constants: Any, batch: Batch) -> Tally:
    def on_device(device: Any, constants: Any, batch: Batch) -> Tally:
        return run_episodes(simulator, play, constants, *batch)

    return over_devices(on_device, mesh, constants, batch)


def places(rows: int, at_once: int) -> np.ndarray:
    """[batches, at_once] int: the row at each place of batches of so many rows; −1 fills the last one up."""
    count = -(-rows // at_once)
    filled = np.full(count * at_once, -1)
    filled[:rows] = np.arange(rows)
    return filled.reshape(count, at_once)
