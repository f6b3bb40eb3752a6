"""The configurations of experiments, of training and of fitting: sections of typed, validated options."""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, Field, SerializeAsAny, model_validator

from odes_rl.config.task import TaskConfig
from odes_rl.es.config import StrategyConfig
from odes_rl.loggers import LOGGERS
from odes_rl.policies.policy import PolicyConfig
from odes_rl.rollouts.config import RolloutsConfig
from odes_rl.supervised.config import DataConfig, OptimizerConfig
from odes_rl.supervised.models.model import ModelConfig
from odes_rl.validation import STRICT


class RunConfig(BaseModel):
    """Length of training, evaluations, checkpoints and the run directory."""

    model_config = STRICT
    counter: ClassVar = "generation"
    """The counter in the metrics of a run."""

    directory: str = Field(min_length=1)
    """Run directory. Default: `runs/<name of the config file>`, or `runs/<task.id>` without a file."""
    generations: int | None = Field(default=200, ge=1)
    """Number of updates of the policy; none sets no limit, but then env_steps must."""
    env_steps: int | None = Field(default=None, ge=1)
    """No generation starts after this number of environment steps of training; none sets no limit. The run ends at
    whichever of generations and env_steps is reached first."""
    seed: int = Field(default=0, ge=0, lt=2**31)
    """Seed of the initial parameters, the perturbations and the episodes."""
    initial: str | None = Field(default=None, min_length=1)
    """Directory of a run whose policy this one starts from: its parameters, and its mean and deviation of observations.
    All else starts anew. It is read once, when the run starts; `task.warmup_episodes` are left out."""
    initial_checkpoint: Literal["best", "latest"] = "best"
    """Checkpoint of the run `initial`, as `odes-rl evaluate` has them."""
    evaluate_every: int = Field(default=10, ge=1)
    """Generations between evaluations of the unperturbed policy. The last generation is always evaluated."""
    evaluation_episodes: int = Field(default=8, ge=1)
    """Number of episodes in an evaluation."""
    checkpoint_every: int = Field(default=10, ge=1)
    """Generations between checkpoints."""
    keep_checkpoints: int = Field(default=3, ge=1)
    """Number of latest checkpoints to keep. The best one is always kept."""
    failing_generations: int | None = Field(default=10, ge=1)
    """The run stops with an error after this number of consecutive generations in which every candidate failed. none
    sets no limit; the run still ends with an error if every generation failed."""
    loggers: tuple[Annotated[str, LOGGERS], ...] = ("tensorboard",)
    """Where metrics go beside `metrics.jsonl`; `[]` is nowhere else."""
    logger_options: Mapping[str, Any] = {}
    """Options of loggers, as in `{wandb: {project: mine}}`; docs/loggers.md has them."""

    @model_validator(mode="after")
    def _check_end(self) -> "RunConfig":
        if self.generations is None and self.env_steps is None:
            raise ValueError("neither generations nor env_steps sets an end: give one of them")
        return self

    @model_validator(mode="after")
    def _check_initial(self) -> "RunConfig":
        if self.initial is None and self.initial_checkpoint != "best":
            raise ValueError(f"initial_checkpoint is {self.initial_checkpoint}, but no run is given as initial")
        return self

    def is_over(self, generation: int, env_steps: int) -> bool:
        """Whether a run has ended after `generation` updates and `env_steps` environment steps."""
        enough_generations = self.generations is not None and generation >= self.generations
        return enough_generations or (self.env_steps is not None and env_steps >= self.env_steps)

    def is_scheduled(self, generation: int) -> bool:
        """Whether `generation` has a scheduled evaluation, independent of the length of the run."""
        return generation % self.evaluate_every == 0

    def is_evaluated(self, generation: int, env_steps: int) -> bool:
        """Whether the policy of `generation` is evaluated: by schedule, or because the run ends there."""
        return self.is_scheduled(generation) or self.is_over(generation, env_steps)


class ExperimentConfig(BaseModel):
    """The complete configuration of a training run; `odes_rl.config.layering` builds it from its sources."""

    model_config = STRICT

    task: TaskConfig
    policy: SerializeAsAny[PolicyConfig]
    strategy: StrategyConfig
    rollouts: RolloutsConfig
    run: RunConfig

    @property
    def episodes(self) -> int:
        """Episodes that run at once: of a round of a generation."""
        return self.strategy.population * self.strategy.episodes


class FitRunConfig(BaseModel):
    """Length of fitting, evaluations, checkpoints and the run directory."""

    model_config = STRICT
    counter: ClassVar = "epoch"
    """The counter in the metrics of a run."""

    directory: str = Field(min_length=1)
    """Run directory. Default: `runs/<name of the config file>`, or `runs/<data.source>` without a file."""
    epochs: int = Field(default=20, ge=1)
    """Passes over the training examples."""
    seed: int = Field(default=0, ge=0, lt=2**31)
    """Seed of the initial parameters, the batches, the dropout and the corruptions."""
    evaluate_every: int = Field(default=1, ge=1)
    """Epochs between evaluations on the test examples. The last epoch is always evaluated."""
    checkpoint_every: int = Field(default=5, ge=1)
    """Epochs between checkpoints."""
    keep_checkpoints: int = Field(default=2, ge=1)
    """Number of latest checkpoints to keep."""
    loggers: tuple[Annotated[str, LOGGERS], ...] = ("tensorboard",)
    """Where metrics go beside `metrics.jsonl`; `[]` is nowhere else."""
    logger_options: Mapping[str, Any] = {}
    """Options of loggers, as in `{wandb: {project: mine}}`; docs/loggers.md has them."""

    def is_scheduled(self, epoch: int) -> bool:
        """Whether `epoch` has a scheduled evaluation, independent of the length of the run."""
        return epoch % self.evaluate_every == 0


class FitConfig(BaseModel):
    """The complete configuration of a supervised run; `odes_rl.config.layering` builds it from its sources."""

    model_config = STRICT

    data: DataConfig
    model: SerializeAsAny[ModelConfig]
    optimizer: OptimizerConfig
    run: FitRunConfig
