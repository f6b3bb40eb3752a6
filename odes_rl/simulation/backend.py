"""The backend `mjx`: the episodes of a generation in one program on JAX's devices."""

from collections.abc import Callable, Sequence
from typing import Any, Self

import jax
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from odes_rl.act import find_rule
from odes_rl.errors import UserError
from odes_rl.es.population import POPULATION, whole_on_each
from odes_rl.interrupts import interruptible
from odes_rl.rollouts.environments import Task
from odes_rl.rollouts.protocol import EpisodeSettings, Moments, Request, Rollouts
from odes_rl.simulation.episodes import Play, Tally
from odes_rl.simulation.programs import Batch, Programs, places
from odes_rl.simulation.rows import Rows, joined_rows, rows_of, split_rows
from odes_rl.simulation.simulator import Simulator, Start
from odes_rl.simulation.starts import Starts

CHUNK = 50
"""Environment steps between two looks at whether all episodes have ended."""


class DeviceBackend:
    """Runs each episode in its own lane of a program; weights stay on the device.

    **Its episodes are not those of the other backends**, though they begin in the same states: float32 rounds
    otherwise. It gives the same distribution of returns.
    """

    def __init__(
        self,
        settings: EpisodeSettings,
        task: Task,
        simulator: Simulator,
        draw: Callable[[int], Start],
        lanes: int | None,
        chunk: int = CHUNK,
        close: Callable[[], None] = lambda: None,
    ) -> None:
        """Run episodes of `task` in `simulator` from `draw(seed)`, at most `lanes` at once on each device.

        None: as many as fit into its memory.
        """
        rule, low, high = find_rule(settings.act_rule), task.low.astype(np.float32), task.high.astype(np.float32)
        play = Play(rule.array, settings.squash, low, high, settings.clip, chunk)
        self.settings, self.task, self.simulator = settings, task, simulator
        self.starts = Starts(draw)
        self.programs = Programs(simulator, play, lanes)
        self._close = close
        self._take = jax.jit(lambda weights, rows: jax.tree.map(lambda leaf: leaf[rows], weights))

    def foresee(self, episode_seeds: np.ndarray) -> None:
        """See `Foreseeing`."""
        self.starts.foresee(episode_seeds)

    def evaluate(
        self, weights: Any, statistics: Moments, episode_seeds: np.ndarray, steps: int | None = None
    ) -> Rollouts:
        """See `RolloutBackend.evaluate`.

        Raises:
            UserError: if the device runs out of memory.
            EnvironmentFailure: if an environment does not reset.
        """
        return self.evaluate_all([Request(weights, statistics, episode_seeds, steps)], 1)[0]

    def evaluate_all(self, requests: Sequence[Request], parties: int) -> list[Rollouts]:
        """See `Joining`.

        Raises:
            UserError: if the device runs out of memory.
            EnvironmentFailure: if an environment does not reset.
        """
        try:
            return interruptible(self._evaluate_all, requests, parties)
        except jax.errors.JaxRuntimeError as error:
            if "RESOURCE_EXHAUSTED" not in str(error) and "out of memory" not in str(error).lower():
                raise
            episodes = sum(request.episode_seeds.size for request in requests)
            raise UserError(
                f"rollouts.backend: mjx ran out of the device's memory with {episodes} episodes of "
                f"{self.settings.task}: set rollouts.lanes to fewer at once, or use rollouts.backend: processes"
            ) from error

    def _evaluate_all(self, requests: Sequence[Request], parties: int) -> list[Rollouts]:
        found: dict[int, Rollouts] = {}
        rows = [rows_of(request, self.simulator.limit) for request in requests]
        for kind in dict.fromkeys(each.seeds.shape for each in rows):
            chosen = [place for place, each in enumerate(rows) if each.seeds.shape == kind]
            joined = joined_rows([rows[place] for place in chosen])
            tally = self._run(joined, parties * kind[0])
            for place, own in zip(chosen, split_rows(tally, [len(rows[place].seeds) for place in chosen]), strict=True):
                found[place] = self._rollouts(own, requests[place])
        return [found[place] for place in range(len(requests))]

    def _run(self, rows: Rows, room: int) -> Tally:
        """The results [R, E] of the episodes of `rows`, by a program that has room for so many rows."""
        mesh, starts, constants = _mesh_of(rows.weights), self.starts.of(rows.seeds), self.simulator.constants
        if mesh is not None:
            constants = jax.device_put(constants, whole_on_each(mesh))
        whole = Batch(rows.weights, rows.normalising, rows.limits, starts, np.ones(rows.seeds.shape, np.bool_))
        program = self.programs.find(max(room, len(rows.seeds)), mesh, constants, whole)
        dispatched = [
            program.run(constants, self._batch(whole, rows.owners, chosen, mesh))
            for chosen in places(len(rows.seeds), program.rows)
        ]
        self.starts.draw_ahead()
        tallies = jax.device_get(dispatched)
        return Tally(*(np.concatenate(leaves)[: len(rows.seeds)] for leaves in zip(*tallies, strict=True)))

    def _batch(self, whole: Batch, owners: np.ndarray, rows: np.ndarray, mesh: Mesh | None) -> Batch:
        """The batch of those rows of `whole`; −1 is none."""
        chosen = np.maximum(rows, 0)
        normalising, limits, starts, wanted = jax.tree.map(lambda leaf: leaf[chosen], whole[1:])
        count, weights = jax.tree.leaves(whole.weights)[0].shape[0], whole.weights
        if not np.array_equal(owners[chosen], np.arange(count)):
            weights = self._take(weights, owners[chosen])
        batch = Batch(weights, normalising, limits, starts, wanted & (rows >= 0)[:, None])
        return batch if mesh is None else jax.device_put(batch, NamedSharding(mesh, PartitionSpec(POPULATION)))

    def _rollouts(self, tally: Tally, request: Request) -> Rollouts:
        shape, statistics = request.episode_seeds.shape, request.statistics
        tally = Tally(*(leaf.reshape(*shape, *leaf.shape[2:]) for leaf in tally))
        returns, sums = tally.returns.astype(np.float64), tally.sums.astype(np.float64)
        return Rollouts.counted(
            *(returns, tally.lengths.astype(np.int64), sums, tally.saturated, tally.failed),
            origin=statistics.mean.astype(np.float32).astype(np.float64),
            action_size=self.task.action_size,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self._close()


def _mesh_of(weights: Any) -> Mesh | None:
    """The mesh whose devices share the candidates' weights; None if a single one has them."""
    sharding = getattr(jax.tree.leaves(weights)[0], "sharding", None)
    mesh = sharding.mesh if isinstance(sharding, NamedSharding) else None
    return mesh if isinstance(mesh, Mesh) and mesh.size > 1 else None
