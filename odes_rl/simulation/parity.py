"""How far a step of MJX is from the environment's own, from the same states."""

from typing import Any, NamedTuple

import jax
import numpy as np

from odes_rl.rollouts.environments import close_all
from odes_rl.rollouts.flattening import flattener
from odes_rl.rollouts.protocol import EpisodeSettings
from odes_rl.simulation.compiling import compiler_options
from odes_rl.simulation.making import Described, describe_task
from odes_rl.simulation.models import edit
from odes_rl.simulation.simulator import Simulator, Start, Step


class Recording(NamedTuple):
    """T steps of an environment along its episodes.

    Attributes:
        starts: where each step begins, leaves [T, …] float64.
        actions: [T, m].
        observations: [T, n] after each step.
        rewards: [T].
        over: [T] bool, the task ended the episode there.
    """

    starts: Start
    actions: np.ndarray
    observations: np.ndarray
    rewards: np.ndarray
    over: np.ndarray


class Parity(NamedTuple):
    """How MJX's steps differ from those of an environment, of all steps the most.

    Attributes:
        observation: the largest difference of an entry, as a part of its size if that is above 1.
        reward: likewise.
        ends: steps that end the episode in one of both alone.
        steps: how many were compared.
        over: how many of these ended an episode.
    """

    observation: float
    reward: float
    ends: int
    steps: int
    over: int


def measure_parity(task: str, steps: int = 200, seed: int = 0, *, both_edited: bool = False) -> dict[str, Parity]:
    """The parity of the task of that name in `float32` and in `float64`, from states along episodes of random actions.

    If `both_edited`, the environment's model has the edits that MJX needs too, as another solver.

    Raises:
        UserError: if the backend `mjx` cannot run the task.
    """
    described = describe_task(EpisodeSettings(task, None, "linear", "clip"))
    try:
        if both_edited:
            edit(described.physics.model)
        recording = record(described, steps, seed)
        return {name: compare(described, recording, name) for name in ("float32", "float64")}
    finally:
        close_all([described.environment])


def record(described: Described, steps: int, seed: int) -> Recording:
    """Steps of an environment along episodes of random actions, which begin with resets from `seed` on."""
    from odes_rl.simulation.tasks import start_of

    environment, task, physics = described
    flatten, generator = flattener(environment.observation_space), np.random.default_rng(seed)
    low, high = np.maximum(task.low, -1), np.minimum(task.high, 1)
    rows: list[tuple[Any, ...]] = []
    ended = True
    while len(rows) < steps:
        if ended:
            environment.reset(seed=seed)
            seed += 1
        start = start_of(physics, np.float64)
        action = generator.uniform(low, high).astype(environment.action_space.dtype)
        observation, reward, over, truncated, _ = environment.step(action)
        rows.append((start, action, flatten(observation), float(reward), over))
        ended = over or truncated
    starts, *results = zip(*rows, strict=True)
    return Recording(jax.tree.map(lambda *leaves: np.stack(leaves), *starts), *map(np.array, results))


def compare(described: Described, recording: Recording, dtype: str) -> Parity:
    """How MJX's steps differ from recorded ones, in floats of that type."""
    from odes_rl.simulation.tasks import make_simulator

    with jax.enable_x64(dtype == "float64"), jax.default_matmul_precision("highest"):
        simulator = make_simulator(described.environment.unwrapped.__class__.__name__, described.physics)
        found = jax.device_get(_steps(simulator, recording, np.dtype(dtype)))
    assert found.reward.dtype == dtype, found.reward.dtype
    return Parity(
        observation=_difference(found.observation, recording.observations),
        reward=_difference(found.reward, recording.rewards),
        ends=int((found.over != recording.over).sum()),
        steps=len(recording.rewards),
        over=int(recording.over.sum()),
    )


def _steps(simulator: Simulator, recording: Recording, dtype: np.dtype) -> Step:
    states = jax.tree.map(lambda leaf: leaf.astype(dtype), recording.starts.state)
    actions = recording.actions.astype(min(dtype, recording.actions.dtype))  # what they cost is in their own type
    step = jax.jit(jax.vmap(simulator.step, in_axes=(None, 0, 0)), compiler_options=compiler_options())
    return step(simulator.constants, states, actions)


def _difference(found: np.ndarray, recorded: np.ndarray) -> float:
    return float(np.max(np.abs(found - recorded) / np.maximum(1, np.abs(recorded))))
