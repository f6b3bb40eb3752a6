"""The configurations of experiments, of training and of fitting: sections of typed, validated options."""

from typing import ClassVar

from pydantic import BaseModel, Field, SerializeAsAny, model_validator

from odes_rl.es.config import StrategyConfig
from odes_rl.policies.policy import PolicyConfig
from odes_rl.rollouts.config import RolloutsConfig
from odes_rl.supervised.config import DataConfig, OptimizerConfig
from odes_rl.supervised.models.model import ModelConfig
from odes_rl.validation import STRICT


class TaskConfig(BaseModel):
    """What is to be learnt."""

    model_config = STRICT

    id: str
    """Gymnasium id of the environment, as in `HalfCheetah-v5` or `dm_control/humanoid-stand-v0`; or `module:Id-v0`, or
    `module:object`, the environment's class or a function that makes one."""
    max_steps: int | None = Field(default=None, ge=1)
    """Environment steps after which an episode is cut; none keeps the task's own limit."""
    normalise_observations: bool = True
    """Shift and scale observations by their mean and standard deviation over all earlier generations."""
    warmup_episodes: int = Field(default=0, ge=0)
    """Episodes of the unperturbed policy before the first generation, which give the first mean and deviation of
    observations; they count as environment steps."""
    clip_observations: float | None = Field(default=None, gt=0)
    """Largest entry of a normalised observation, of either sign: beyond it they are cut; none cuts nothing."""
    alive_bonus_shift: float = 0.0
    """Subtracted from each step's reward in training, so that standing still is not worth learning."""

    @model_validator(mode="after")
    def _check_normalisation(self) -> "TaskConfig":
        for option, default in (("warmup_episodes", 0), ("clip_observations", None)):
            value = getattr(self, option)
            if value != default and not self.normalise_observations:
                raise ValueError(f"{option} is {value}, but only normalised observations have it: leave it out")
        return self


class RunConfig(BaseModel):
    """How long to train, and what to write down meanwhile."""

    model_config = STRICT
    counter: ClassVar = "generation"
    """What the metrics of a run count."""

    directory: str = Field(min_length=1)
    """Where the run is recorded; `runs/<name of the config file>` if left out, and without a file `runs/<task.id>`."""
    generations: int | None = Field(default=200, ge=1)
    """Updates of the policy; none sets no limit, if env_steps does."""
    env_steps: int | None = Field(default=None, ge=1)
    """Environment steps of training after which no generation begins; none sets no limit. What is reached first ends
    the run."""
    seed: int = Field(default=0, ge=0, lt=2**31)
    """Seed of the parameters, the perturbations and the episodes."""
    evaluate_every: int = Field(default=10, ge=1)
    """Generations between evaluations of the unperturbed policy; the last generation has one, too."""
    evaluation_episodes: int = Field(default=8, ge=1)
    """Episodes of an evaluation."""
    checkpoint_every: int = Field(default=10, ge=1)
    """Generations between checkpoints."""
    keep_checkpoints: int = Field(default=3, ge=1)
    """Latest checkpoints kept; the best one is kept besides."""
    failing_generations: int | None = Field(default=10, ge=1)
    """Generations in a row, in each of which every candidate failed, after which the run ends with an error; none goes
    on to its end, which is an error too if no other came."""

    @model_validator(mode="after")
    def _check_end(self) -> "RunConfig":
        if self.generations is None and self.env_steps is None:
            raise ValueError("neither generations nor env_steps sets an end: give one of them")
        return self

    def is_over(self, generation: int, env_steps: int) -> bool:
        """Whether a run of so many generations, with so many environment steps, has come to its end."""
        enough_generations = self.generations is not None and generation >= self.generations
        return enough_generations or (self.env_steps is not None and env_steps >= self.env_steps)

    def is_scheduled(self, generation: int) -> bool:
        """Whether the policy of `generation` is evaluated however far the run goes."""
        return generation % self.evaluate_every == 0

    def is_evaluated(self, generation: int, env_steps: int) -> bool:
        """Whether the policy of `generation`, after so many environment steps, is evaluated: also at the end."""
        return self.is_scheduled(generation) or self.is_over(generation, env_steps)


class ExperimentConfig(BaseModel):
    """All that a training run depends on; `odes_rl.config.layering` builds it from its sources."""

    model_config = STRICT

    task: TaskConfig
    policy: SerializeAsAny[PolicyConfig]
    strategy: StrategyConfig
    rollouts: RolloutsConfig
    run: RunConfig

    @property
    def episodes(self) -> int:
        """Episodes of a generation."""
        return self.strategy.population * self.strategy.episodes


class FitRunConfig(BaseModel):
    """How long to fit, and what to write down meanwhile."""

    model_config = STRICT
    counter: ClassVar = "epoch"
    """What the metrics of a run count."""

    directory: str = Field(min_length=1)
    """Where the run is recorded; `runs/<name of the config file>` if left out, and without a file
    `runs/<data.source>`."""
    epochs: int = Field(default=20, ge=1)
    """Passes over the training examples."""
    seed: int = Field(default=0, ge=0, lt=2**31)
    """Seed of the parameters, the batches, the dropout and the corruptions."""
    evaluate_every: int = Field(default=1, ge=1)
    """Epochs between evaluations on the test examples; the last epoch has one, too."""
    checkpoint_every: int = Field(default=5, ge=1)
    """Epochs between checkpoints."""
    keep_checkpoints: int = Field(default=2, ge=1)
    """Latest checkpoints kept."""

    def is_scheduled(self, epoch: int) -> bool:
        """Whether the model is evaluated after `epoch`, however far the run goes."""
        return epoch % self.evaluate_every == 0


class FitConfig(BaseModel):
    """All that a supervised run depends on; `odes_rl.config.layering` builds it from its sources."""

    model_config = STRICT

    data: DataConfig
    model: SerializeAsAny[ModelConfig]
    optimizer: OptimizerConfig
    run: FitRunConfig
