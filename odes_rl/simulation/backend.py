"""The backend `mjx`: the episodes of a generation in one program on JAX's devices."""

from collections.abc import Callable
from typing import Any, Self

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from odes_rl.act import find_rule
from odes_rl.errors import UserError
from odes_rl.es.population import POPULATION, whole_on_each
from odes_rl.interrupts import interruptible
from odes_rl.rollouts.environments import Task
from odes_rl.rollouts.protocol import EpisodeSettings, Moments, Rollouts
from odes_rl.simulation.episodes import Normalising, Play, Tally
from odes_rl.simulation.programs import Batch, Programs, places
from odes_rl.simulation.simulator import Simulator, Start
from odes_rl.simulation.starts import Starts

CHUNK = 50
"""Environment steps between two looks at whether all episodes have ended."""
_RESOLUTION = 1e-6
"""Of an entry's mean: float32 does not tell smaller deviations from rounding."""


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
        lanes: int,
        chunk: int = CHUNK,
        close: Callable[[], None] = lambda: None,
    ) -> None:
        """Run episodes of `task` in `simulator` from `draw(seed)`, at most `lanes` at once on each device."""
        rule, low, high = find_rule(settings.act_rule), task.low.astype(np.float32), task.high.astype(np.float32)
        play = Play(rule.array, settings.squash, low, high, settings.clip, simulator.limit, chunk)
        self.settings, self.task, self.simulator = settings, task, simulator
        self.starts = Starts(draw)
        self.programs = Programs(simulator, play, lanes)
        self._close = close
        self._take = jax.jit(lambda weights, rows: jax.tree.map(lambda leaf: leaf[rows], weights))

    def foresee(self, episode_seeds: np.ndarray) -> None:
        """See `Foreseeing`."""
        self.starts.foresee(episode_seeds)

    def evaluate(self, weights: Any, statistics: Moments, episode_seeds: np.ndarray) -> Rollouts:
        """See `RolloutBackend.evaluate`.

        Raises:
            UserError: if the device runs out of memory.
            EnvironmentFailure: if an environment does not reset.
        """
        try:
            return interruptible(self._evaluate, weights, statistics, episode_seeds)
        except jax.errors.JaxRuntimeError as error:
            if "RESOURCE_EXHAUSTED" not in str(error) and "out of memory" not in str(error).lower():
                raise
            raise UserError(
                f"rollouts.backend: mjx ran out of the device's memory with {episode_seeds.size} episodes of "
                f"{self.settings.task}: set rollouts.lanes to fewer at once, or use rollouts.backend: processes"
            ) from error

    def _evaluate(self, weights: Any, statistics: Moments, episode_seeds: np.ndarray) -> Rollouts:
        candidates, episodes = episode_seeds.shape
        if candidates == 1:  # a policy that is evaluated: its episodes become rows, of which a program has more
            seeds, owners = episode_seeds.reshape(-1, 1), np.zeros(episodes, np.int64)
        else:
            seeds, owners = episode_seeds, np.arange(candidates)
        tally = self._run(jax.tree.map(jnp.asarray, weights), statistics, seeds, owners)
        return self._rollouts(
            Tally(*(leaf.reshape(candidates, episodes, *leaf.shape[2:]) for leaf in tally)), statistics
        )

    def _run(self, weights: Any, statistics: Moments, seeds: np.ndarray, owners: np.ndarray) -> Tally:
        """The results [R, E] of episodes with `seeds` [R, E], with the weights of candidate owners [r] in row r."""
        mesh, starts = _mesh_of(weights), self.starts.of(seeds)
        constants, normalising = self.simulator.constants, _normalising(statistics)
        if mesh is not None:
            constants, normalising = jax.device_put((constants, normalising), whole_on_each(mesh))
        example = Batch(weights, starts, np.ones(seeds.shape, np.bool_))
        program = self.programs.find(len(seeds), mesh, (constants, normalising, example))
        dispatched = [
            program.run(constants, normalising, self._batch(weights, starts, owners, rows, mesh))
            for rows in places(len(seeds), program.rows)
        ]
        self.starts.draw_ahead()
        tallies = jax.device_get(dispatched)
        return Tally(*(np.concatenate(leaves)[: len(seeds)] for leaves in zip(*tallies, strict=True)))

    def _batch(self, weights: Any, starts: Start, owners: np.ndarray, rows: np.ndarray, mesh: Mesh | None) -> Batch:
        """The batch of those rows; −1 is none."""
        candidates = owners[np.maximum(rows, 0)]
        episodes = starts.observation.shape[1]
        count = jax.tree.leaves(weights)[0].shape[0]
        if not np.array_equal(candidates, np.arange(count)):
            weights = self._take(weights, candidates)
        wanted = np.repeat((rows >= 0)[:, None], episodes, axis=1)
        batch = Batch(weights, jax.tree.map(lambda leaf: leaf[np.maximum(rows, 0)], starts), wanted)
        return batch if mesh is None else jax.device_put(batch, NamedSharding(mesh, PartitionSpec(POPULATION)))

    def _rollouts(self, tally: Tally, statistics: Moments) -> Rollouts:
        lengths, origin = tally.lengths.astype(np.int64), _origin(statistics).astype(np.float64)
        return Rollouts(
            returns=np.where(tally.failed, np.nan, tally.returns.astype(np.float64)),
            lengths=lengths,
            moments=[
                Moments.of_sums(count, origin, sums, ~failed)
                for count, sums, failed in zip(lengths, tally.sums.astype(np.float64), tally.failed, strict=True)
            ],
            saturated=tally.saturated / np.maximum(lengths * self.task.action_size, 1),
            failed=tally.failed,
            restarts=0,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self._close()


def _origin(statistics: Moments) -> np.ndarray:
    return statistics.mean.astype(np.float32)


def _normalising(statistics: Moments) -> Normalising:
    centre, deviation = statistics.centre(), statistics.standard_deviation()
    resolved = np.where(deviation <= _RESOLUTION * np.abs(centre), np.inf, deviation)
    return Normalising(centre.astype(np.float32), resolved.astype(np.float32), _origin(statistics))


def _mesh_of(weights: Any) -> Mesh | None:
    """The mesh whose devices share the candidates' weights; None if a single one has them."""
    sharding = getattr(jax.tree.leaves(weights)[0], "sharding", None)
    mesh = sharding.mesh if isinstance(sharding, NamedSharding) else None
    return mesh if isinstance(mesh, Mesh) and mesh.size > 1 else None
