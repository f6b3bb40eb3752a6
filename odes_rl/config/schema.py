"""The configurations of experiments, of training and of fitting: sections of typed, validated options."""

from collections.abc import Mapping
from itertools import pairwise
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
    """Directory of a run whose policy this one starts from, or `pretrained:TASK/POLICY`: its parameters, and its mean
    and deviation of observations. All else starts anew. It is read once, when the run starts; `task.warmup_episodes`
    are left out."""
    initial_checkpoint: Literal["best", "latest"] = "best"
    """Checkpoint of the run `initial`, as `odes-rl evaluate` has them."""
    restarts: int = Field(default=1, ge=1)
    """Number of starts, each with initial parameters and perturbations of its own. Each generation advances all that
    are left; after `restart_generations`, twice as many, four times as many and so on, the worse half ends, until one
    is left. The environment steps of all count."""
    restart_generations: int = Field(default=10, ge=1)
    """Generations before the first half of the starts ends."""
    evaluate_every: int = Field(default=10, ge=1)
    """Generations between evaluations of the unperturbed policy. The last generation is always evaluated."""
    evaluation_episodes: int = Field(default=8, ge=1)
    """Number of episodes in an evaluation."""
    stuck_evaluations: int | None = Field(default=8, ge=1)
    """The run warns once that it is stuck after this number of evaluations without an improvement on the best one by
    more than a standard error. none never warns."""
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

    @model_validator(mode="after")
    def _check_restarts(self) -> "RunConfig":
        if self.restarts > 1 and self.initial is not None:
            raise ValueError(f"restarts is {self.restarts}, but all would start from initial: leave one of them out")
        if self.generations is not None and self.generations < self.selecting_generations:
            raise ValueError(
                f"generations is {self.generations}, but {self.restarts} restarts take {self.selecting_generations} "
                "until one is left: give so many, or fewer restarts or restart_generations"
            )
        return self

    @property
    def selecting_generations(self) -> int:
        """Generations until one start is left."""
        return self.restart_generations * 2 ** ((self.restarts - 1).bit_length() - 1) if self.restarts > 1 else 0

    @property
    def selecting_updates(self) -> int:
        """Updates of all starts together until one is left."""
        ends = [self.restart_generations * 2**halving for halving in range((self.restarts - 1).bit_length())]
        return sum((end - start) * self.starts_after(start) for start, end in pairwise([0, *ends]))

    def starts_after(self, generation: int) -> int:
        """Number of starts that are left after `generation` updates, and the selection that may follow them."""
        halvings = (generation // self.restart_generations).bit_length()
        return -(-self.restarts // 2**halvings)

    def is_over(self, generation: int, env_steps: int) -> bool:
        """Whether a run has ended after `generation` updates and `env_steps` environment steps."""
        enough_generations = self.generations is not None and generation >= self.generations
        return enough_generations or (self.env_steps is not None and env_steps >= self.env_steps)

    def progress(self, generation: int, env_steps: int) -> float:
        """Part of the run, in [0, 1], that is over after `generation` updates and `env_steps` environment steps."""
        done = [n / limit for n, limit in ((generation, self.generations), (env_steps, self.env_steps)) if limit]
        return min(max(done), 1.0)

    def is_scheduled(self, generation: int) -> bool:
        """Whether `generation` has a scheduled evaluation, independent of the length of the run."""
        selecting = generation > 0 and self.starts_after(generation) < self.starts_after(generation - 1)
        return selecting or generation % self.evaluate_every == 0

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

    @model_validator(mode="after")
    def _check_restarts(self) -> "ExperimentConfig":
        least, steps = self.run.selecting_updates * self.episodes, self.run.env_steps
        if steps is not None and steps < least:
            raise ValueError(
                f"run.env_steps is {steps}, but {self.run.restarts} run.restarts take {least} episodes until one is "
                "left: give more, or fewer run.restarts or run.restart_generations"
            )
        return self

    @model_validator(mode="after")
    def _check_lanes(self) -> "ExperimentConfig":
        lanes, episodes = self.rollouts.lanes, self.strategy.episodes
        if self.rollouts.backend == "mjx" and lanes is not None and lanes < episodes:
            raise ValueError(
                f"rollouts.lanes is {lanes}, but must be at least strategy.episodes, which is {episodes}: with mjx the "
                "episodes of a candidate run at once"
            )
        return self

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
    """Run directory. Default: `runs/<name of the config file>`, or `runs/<stem of data.source>` without a file."""
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
