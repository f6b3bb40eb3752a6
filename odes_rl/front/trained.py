"""A trained policy, to be called on what its task observes."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np
from gymnasium.spaces import Space

import odes_rl
from odes_rl.config.schema import ExperimentConfig
from odes_rl.errors import UserError
from odes_rl.export import PortablePolicy, array_head, write_policy
from odes_rl.rollouts.acting import Acting
from odes_rl.rollouts.board import Board, posted
from odes_rl.rollouts.environments import close_all, make_environment
from odes_rl.training.evaluate import evaluate_restored, on_host
from odes_rl.training.experiment import episode_settings
from odes_rl.training.restoring import Restored


class Evaluation(NamedTuple):
    """Results of a policy in E episodes.

    Attributes:
        returns: [E] float64, sums of rewards; NaN where the episode failed.
        lengths: [E] int64, environment steps.
        failed: [E] bool, episodes that ended by a non-finite action or return, or by diverged physics.
    """

    returns: np.ndarray
    lengths: np.ndarray
    failed: np.ndarray


@dataclass(frozen=True, eq=False, repr=False)
class TrainedPolicy:
    """A policy out of a run; `policy(observation)` is its action. Get one from `odes_rl.load` or `odes_rl.train`.

    It needs the run's files no more.

    Attributes:
        restored: what was read: config, experiment, state.
        acting: how policies act in the task.
        board: holds the weights, and what observations are normalised by.
        spaces: of the task's observations and actions.
    """

    restored: Restored
    acting: Acting
    board: Board
    spaces: tuple[Space, Space]

    @classmethod
    def of(cls, restored: Restored) -> "TrainedPolicy":
        """The policy that `restore_run` read.

        Raises:
            UserError: if its task is not to be had here.
        """
        settings = episode_settings(restored.config, restored.experiment.policy)
        environment = make_environment(settings.task, settings.max_steps, settings.setup)
        spaces = environment.observation_space, environment.action_space
        acting = Acting(settings, *spaces)
        close_all([environment])
        return cls(restored, acting, posted(*on_host(restored), np.zeros((1, 1), np.int64)), spaces)

    def __call__(self, observation: Any, generator: np.random.Generator | None = None) -> Any:
        """The action for an observation, in the task's own shape and type, or B actions for a batch of B.

        An action of a `Discrete` space is a number, and a batch of them [B].

        Args:
            observation: raw, as the environment gives it, a dictionary too, or flat [n]; a batch has one more axis,
                the first. Every row of a batch is computed by itself, to the bits of a single one.
            generator: draws discrete actions from the softmax of the logits; without it the largest logit chooses,
                whatever `task.actions` says.

        Raises:
            UserError: if the observation does not suit the task, an action is not finite, or there is a generator and
                actions are not discrete.
        """
        if generator is not None and not self.restored.experiment.task.choices:
            raise UserError(f"the actions of {self.config.task.id} are continuous, not drawn: leave out the generator")
        rows, head = self.acting.rows(observation), self.acting.head
        if rows.ndim == 1:
            return self._act(rows, generator)
        actions = [self._act(row, generator) for row in rows]
        return np.array(actions, head.dtype).reshape(len(actions), *head.shape)

    def _act(self, flat: np.ndarray, generator: np.random.Generator | None) -> Any:
        n, acting = self.acting.observation_size, self.acting
        normalised, raw = np.empty(n, np.float32), np.empty(acting.head.size, np.float32)  # its own in every thread
        acting.normalise(flat, self.board, np.zeros((2, n)), normalised)
        acting.rule.kernel(acting.weights(self.board, 0), normalised, raw)
        action, saturated = acting.head(raw, generator)
        if saturated < 0:
            raise UserError(f"the policy's output is {raw.tolist()} for the observation {flat.tolist()}: not finite")
        return action

    @property
    def config(self) -> ExperimentConfig:
        """The run's configuration, for this machine."""
        return self.restored.config

    @property
    def generation(self) -> int:
        """Updates behind the policy."""
        return int(self.restored.state.strategy.generation)

    @property
    def params(self) -> Any:
        """The parameters on their manifolds, a pytree of arrays."""
        return jax.device_get(self.restored.state.strategy.params)

    def weights(self) -> Any:
        """The arrays that acting needs, as its act rule takes them: a copy, a NamedTuple."""
        return jax.tree.map(np.copy, self.acting.weights(self.board, 0))

    def portable(self) -> PortablePolicy:
        """The policy as arrays and a rule, which need neither the run nor the task."""
        config, acting, board = self.config, self.acting, self.board
        settings = episode_settings(config, self.restored.experiment.policy)
        about = {
            "task": config.task.id,
            "options": json.dumps(dict(config.task.options)),
            "wrappers": json.dumps(config.task.model_dump(mode="json")["wrappers"]),
            "policy": config.policy.name,
            "act_rule": settings.act_rule,
            "generation": str(self.generation),
            "observation_space": str(self.spaces[0]),
            "action_space": str(self.spaces[1]),
            "odes_rl": odes_rl.__version__,
        }
        head = array_head(acting.head)
        return PortablePolicy(
            acting.rule, self.weights(), board.mean.copy(), board.deviation.copy(), settings.clip, head, about
        )

    def export(self, path: str | Path, format: str | None = None, dtype: str = "float64") -> Path:
        """Write the policy to a file that other programs act with, as `odes-rl export` does; the file.

        Discrete actions are the greedy ones, those of `policy(observation)`.

        Args:
            path: the file; its ending is the format, unless that is given.
            format: `npz`, `onnx` or `stablehlo`.
            dtype: type of the observations that the exported policy takes; float32 where its runtime has no float64.

        Raises:
            UserError: no such format, directory or type; a package that the format needs is missing; an act rule that
                it cannot hold.
            StorageError: if the file cannot be written.
        """
        return write_policy(self.portable(), path, format, dtype)

    def evaluate(self, episodes: int = 20, seed: int = 0) -> Evaluation:
        """Roll the policy out, as `odes-rl evaluate` does: to the same numbers.

        Args:
            episodes: how many, E.
            seed: of the episodes, which neither training nor the run's own evaluations have seen.

        Raises:
            UserError: if there is to be no episode, or the seed is out of range.
            EnvironmentFailure: if an environment raises.
        """
        for name, value, least in (("episodes", episodes, 1), ("seed", seed, 0)):
            if isinstance(value, bool) or not isinstance(value, int | np.integer) or not least <= value < 2**31:
                raise UserError(f"{name} is {value!r}, but must be a whole number from {least} to 2³¹ − 1")
        rollouts = evaluate_restored(self.restored, int(episodes), int(seed))
        return Evaluation(rollouts.returns[0], rollouts.lengths[0], rollouts.failed[0])

    def __repr__(self) -> str:
        return f"<policy {self.config.policy.name} on {self.config.task.id}, {self.restored.words}>"
