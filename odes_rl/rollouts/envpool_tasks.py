"""EnvPool's environments for our task ids, with the observations and actions that our tasks have. Free of JAX."""

import importlib
import re
import secrets
import warnings
from typing import Any

import numpy as np

from odes_rl.errors import UserError, nearest, one_line
from odes_rl.extras import install
from odes_rl.rollouts.batches import Batch
from odes_rl.rollouts.environments import close_all, describe, describe_task, make_environment
from odes_rl.rollouts.protocol import USE_PROCESSES, EpisodeSettings
from odes_rl.rollouts.setup import Setup
from odes_rl.rollouts.spaces import action_bounds
from odes_rl.rollouts.tasks import task_ids

_DM_CONTROL = "dm_control/"


def envpool_id(task: str) -> str:
    """EnvPool's id for the task of that Gymnasium id, which EnvPool may lack.

    Gymnasium's tasks have the same id there; `dm_control/swimmer-swimmer15-v0` is `SwimmerSwimmer15-v1`.
    """
    if not task.startswith(_DM_CONTROL):
        return task
    words = re.split("[-_]", task.removeprefix(_DM_CONTROL).removesuffix("-v0"))
    return "".join(word[:1].upper() + word[1:] for word in words) + "-v1"


def load_envpool() -> Any:
    """The package `envpool`.

    Raises:
        UserError: if it is not installed.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # one of its dependencies misses a display
            return importlib.import_module("envpool")
    except ImportError as error:
        raise UserError(
            f"rollouts.backend: envpool is not installed ({one_line(error)}): {install('envpool')}, or {USE_PROCESSES}"
        ) from error


def check_envpool_task(task: str) -> str:
    """EnvPool's id for `task`.

    Raises:
        UserError: if EnvPool lacks the task, or is not installed.
    """
    ids = set(load_envpool().list_all_envs())
    if (name := envpool_id(task)) in ids:
        return name
    guess = nearest(task, [ours for ours in task_ids() if envpool_id(ours) in ids])
    hint = f"it has {guess!r}; " if guess else ""
    raise UserError(f"rollouts.backend: envpool has no task {task!r}; {hint}{USE_PROCESSES}")


def check_envpool_setup(setup: Setup) -> None:
    """Check that `setup` leaves the environment as EnvPool has it.

    Raises:
        UserError: if it does not: EnvPool's environments are its own, in C++.
    """
    if not setup.is_plain:
        raise UserError(f"rollouts.backend: envpool takes no task.options and no task.wrappers; {USE_PROCESSES}")


def check_envpool_actions(task: str) -> None:
    """Check that `task` has actions that the backend gives to EnvPool.

    Raises:
        UserError: if they are discrete.
    """
    if describe_task(task).choices:
        raise UserError(
            f"rollouts.backend: envpool has continuous actions only, but {task} has discrete ones; {USE_PROCESSES}"
        )


class EntryOrder:
    """How EnvPool's observations become ours.

    EnvPool may observe more than the task does, and in another order, but always by the same names.
    """

    def __init__(self, settings: EpisodeSettings) -> None:
        environment = make_environment(settings.task)
        self.task = describe(environment)
        self.sizes = {name: _size(space) for name, space in _entries(environment.observation_space).items()}
        close_all([environment])

    def check(self, pool: Any) -> None:
        """Check that an EnvPool has the task's observations and actions.

        Raises:
            UserError: if it has not.
        """
        theirs = {name: _size(space) for name, space in _entries(pool.observation_space).items()}
        pairs = zip(action_bounds(pool.action_space), (self.task.low, self.task.high), strict=True)
        same_actions = all(np.array_equal(a.astype(np.float32), b.astype(np.float32)) for a, b in pairs)
        if not (same_actions and self.sizes.items() <= theirs.items()):
            raise UserError(
                f"rollouts.backend: envpool has other observations or actions for this task ({theirs}, not "
                f"{self.sizes}); {USE_PROCESSES}"
            )

    def arrange(self, observations: Any) -> np.ndarray:
        """[B, n] float64 of EnvPool's observations of B environments."""
        entries = _entries(observations)
        if len(self.sizes) == 1:
            (name,) = self.sizes
            return np.asarray(_rows(entries[name]), np.float64)
        return np.concatenate([_rows(entries[name]) for name in self.sizes], axis=1, dtype=np.float64)


class Pool:
    """`size` environments stepped by `threads` threads; half of them are heard of at once, so that no thread waits.

    An environment is either flying (sent to the threads) or at rest (heard of, or never sent).
    """

    def __init__(self, settings: EpisodeSettings, order: EntryOrder, size: int, threads: int) -> None:
        self.order = order
        self.size = size
        self.batch = max(1, size // 2)
        name = check_envpool_task(settings.task)
        self.environments = load_envpool().make_gymnasium(
            name,
            num_envs=size,
            batch_size=self.batch,
            num_threads=min(threads, size),
            seed=secrets.randbits(30),  # its resets cannot be seeded: at least no two runs share theirs
            **_step_limit(name, settings),
        )
        order.check(self.environments)
        self.bounds = action_bounds(self.environments.action_space)
        self.flying = np.zeros(size, np.bool_)

    def reset(self, ids: np.ndarray) -> None:
        """Have environments at rest begin new episodes."""
        # The public `reset` would also wait for a batch, and drop its rewards.
        self.environments._reset(ids.astype(np.int32))
        self.flying[ids] = True

    def step(self, ids: np.ndarray, actions: np.ndarray) -> None:
        """Have environments at rest take a step with `actions` [len(ids), m]."""
        self.environments.send(actions, ids)
        self.flying[ids] = True

    def receive(self) -> Batch:
        """Wait for the next `batch` environments, which come to rest; resting ones are reset to make up the number."""
        missing = self.batch - int(self.flying.sum())
        if missing > 0:
            self.reset(np.flatnonzero(~self.flying)[:missing])
        observations, rewards, terminated, truncated, info = self.environments.recv()
        ids = info["env_id"]
        self.flying[ids] = False
        return Batch(ids, self.order.arrange(observations), rewards, info["elapsed_step"] == 0, terminated | truncated)

    def settle(self) -> None:
        """Wait until all environments are at rest."""
        while self.flying.any():
            self.receive()

    def close(self) -> None:
        """End the threads."""
        self.environments.close()
        del self.environments


def _step_limit(name: str, settings: EpisodeSettings) -> dict[str, int]:
    if settings.max_steps is None:
        return {}
    if not settings.task.startswith(_DM_CONTROL):
        return {"max_episode_steps": settings.max_steps}
    own = load_envpool().make_spec(name).config.max_episode_steps  # which dm_control keeps to as well
    return {"max_episode_steps": min(settings.max_steps, own)}


def _entries(observation: Any) -> dict[str, Any]:
    return dict(observation.items()) if hasattr(observation, "items") else {"": observation}


def _size(space: Any) -> int:
    return int(np.prod(space.shape))


def _rows(entry: np.ndarray) -> np.ndarray:
    return entry.reshape(entry.shape[0], -1)
