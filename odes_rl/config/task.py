"""Options of the task."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, Field, model_validator

from odes_rl.errors import UserError
from odes_rl.rollouts.setup import Setup, Wrap
from odes_rl.validation import STRICT, plain
from odes_rl.yaml_text import parse_yaml

_CLIP = 10.0
_NORMALISING = {
    "warmup_episodes": (0,),
    "clip_observations": (_CLIP, None),
    "observation_weights": ("learning_rate",),
}
"""Options that only normalised observations have, and the values that ask for nothing."""
_WRAP = "a name, or a name and options as in {FrameStackObservation: {stack_size: 4}}"


def _wraps(values: Any) -> list[Any]:
    """Wrappers as configs hold them: a name, or a name with options."""
    listed = list(values) if isinstance(values, list | tuple) else [values]
    return [_plain_wrap(value) for value in listed]


def _plain_wrap(value: Any) -> str | dict[str, Any]:
    entry = value
    if isinstance(entry, str) and entry.startswith("{"):  # from the command line
        try:
            entry = parse_yaml(entry)
        except UserError:
            raise ValueError(f"a wrapper is {value!r}, but must be {_WRAP}") from None
    if isinstance(entry, str) and entry:
        return entry
    if isinstance(entry, Mapping) and len(entry) == 1:
        ((name, options),) = entry.items()
        if isinstance(name, str) and isinstance(options, Mapping | None):
            return {name: plain(options, name)} if options else name
    raise ValueError(f"a wrapper is {value!r}, but must be {_WRAP}")


def _wrap(entry: str | Mapping[str, Any]) -> Wrap:
    if isinstance(entry, str):
        return Wrap(entry, {})
    ((name, options),) = entry.items()
    return Wrap(name, options)


class TaskConfig(BaseModel):
    """The task: environment, episode length, observations and rewards."""

    model_config = STRICT

    id: str
    """Gymnasium id of the environment, as in `HalfCheetah-v5` or `dm_control/humanoid-stand-v0`; or `module:Id-v0`, or
    `module:object`, the environment's class or a function that makes one."""
    options: Annotated[Mapping[str, Any], AfterValidator(lambda options: plain(options, "options"))] = Field(default={})
    """Options of the environment, which go to `gymnasium.make`, as in `{frame_skip: 2}`; for DM Control's suite
    `{task_kwargs: {...}, environment_kwargs: {...}}`. `--task.options.frame-skip 2` sets one."""
    wrappers: Annotated[tuple[str | Mapping[str, Any], ...], BeforeValidator(_wraps)] = ()
    """Wrappers around the environment, in this order. Each is a name that `odes-rl list wrappers` shows, or
    `module:object`; or, with options, `{name: {option: value}}`."""
    max_steps: int | None = Field(default=None, ge=1)
    """Maximum environment steps of an episode; none keeps the limit of the task."""
    actions: Literal["greedy", "sampled"] = "greedy"
    """How logits choose discrete actions, in training and in evaluations. `greedy`: the largest one. `sampled`: drawn
    from their softmax, by the seed of the episode."""
    normalise_observations: bool = True
    """Shift and scale observations by their mean and standard deviation over all earlier generations."""
    observation_weights: Literal["learning_rate", "equal"] = "learning_rate"
    """How much observations count in the mean and deviation that normalise. `learning_rate`: as the learning rate of
    their generation, so that both come to rest when the parameters do. `equal`: all alike."""
    warmup_episodes: int = Field(default=0, ge=0)
    """Episodes of the unperturbed policy before the first generation. They give the first mean and deviation of
    observations, and count as environment steps."""
    clip_observations: float | None = Field(default=_CLIP, gt=0)
    """Entries of normalised observations are clipped to ± this value; none does not clip."""
    alive_bonus_shift: float = 0.0
    """Subtracted from the reward of each step in training, so that standing still is not rewarded."""

    @property
    def setup(self) -> Setup:
        """What the environment is made with."""
        return Setup(dict(self.options), tuple(map(_wrap, self.wrappers)))

    @property
    def clip(self) -> float | None:
        """The bound of normalised observations; None if there is none, or they are not normalised."""
        return self.clip_observations if self.normalise_observations else None

    @model_validator(mode="after")
    def _check_normalisation(self) -> "TaskConfig":
        for option, idle in _NORMALISING.items():
            value = getattr(self, option)
            if value not in idle and not self.normalise_observations:
                raise ValueError(f"{option} is {value}, but only normalised observations have it: leave it out")
        return self
