"""The configuration of an experiment: five sections of typed, validated options."""

from typing import Literal

from pydantic import BaseModel, Field, SerializeAsAny

from odes_rl.es.config import StrategyConfig
from odes_rl.policies.base import PolicyConfig
from odes_rl.validation import STRICT


class TaskConfig(BaseModel):
    """What is to be learnt."""

    model_config = STRICT

    id: str
    """Gymnasium id of the environment, as in `HalfCheetah-v5` or `dm_control/humanoid-stand-v0`."""
    max_steps: int | None = Field(default=None, ge=1)
    """Environment steps after which an episode is cut; none keeps the task's own limit."""
    normalise_observations: bool = True
    """Shift and scale observations by their mean and standard deviation over all earlier generations."""
    alive_bonus_shift: float = 0.0
    """Subtracted from each step's reward in training, so that standing still is not worth learning."""


class RolloutsConfig(BaseModel):
    """How episodes are run."""

    model_config = STRICT

    backend: Literal["auto", "serial", "processes"] = "auto"
    """Where episodes run: in this process, in worker processes, or whichever suits the machine."""
    workers: int | None = Field(default=None, ge=1)
    """Worker processes; none means one for each core."""
    lanes: int = Field(default=1, ge=1)
    """Environments that a worker steps in turn."""


class RunConfig(BaseModel):
    """How long to train, and what to write down meanwhile."""

    model_config = STRICT

    directory: str = Field(min_length=1)
    """Where the run is recorded; `runs/<name of the config file>` if left out."""
    generations: int = Field(default=200, ge=1)
    """Updates of the policy."""
    seed: int = Field(default=0, ge=0, lt=2**31)
    """Seed of the parameters, the perturbations and the episodes."""
    evaluate_every: int = Field(default=10, ge=1)
    """Generations between evaluations of the unperturbed policy."""
    evaluation_episodes: int = Field(default=8, ge=1)
    """Episodes of an evaluation."""
    checkpoint_every: int = Field(default=10, ge=1)
    """Generations between checkpoints."""
    keep_checkpoints: int = Field(default=3, ge=1)
    """Latest checkpoints kept; the best one is kept besides."""


class ExperimentConfig(BaseModel):
    """All that a training run depends on; `odes_rl.records.layers` builds it from its sources."""

    model_config = STRICT

    task: TaskConfig
    policy: SerializeAsAny[PolicyConfig]
    strategy: StrategyConfig
    rollouts: RolloutsConfig
    run: RunConfig
