"""Options of the evolution strategy."""

import math
from typing import Annotated, Literal

from pydantic import BaseModel, Field, model_validator

from odes_rl.es.perturbations import PERTURBATIONS
from odes_rl.es.shaping import SHAPINGS
from odes_rl.manifolds import Metric
from odes_rl.manifolds.schedules import OPTIMIZERS, Schedule
from odes_rl.validation import STRICT, OneOf

_GROWN = 0.5
"""Part of the run after which a growing horizon is the task's limit."""
_PLAIN = {
    "sigma_per_leaf": "none",
    "episodes": 1,
    "sigma_schedule": "constant",
    "learning_rate_schedule": "constant",
    "optimizer": "sgd",
    "weight_decay": 0.0,
    "perturbations": "gaussian",
    "interactions": None,
}

PRESETS: dict[str, dict[str, dict[str, object]]] = {
    "default": {},
    "isotropic": {
        "strategy": {
            "sigma_per_leaf": "none",
            "sigma": 0.03,
            "learning_rate": 0.0025,
            "learning_rate_schedule": "constant",
            "shaping": "standardised",
            "interactions": None,
        },
        "policy": {"output_scale": 1.0, "squash": "clip", "linear_path": False},
        "task": {"clip_observations": None},
    },
    "ars": {
        "strategy": {
            **_PLAIN,
            "population": 2,
            "sigma": 0.01,
            "learning_rate": 0.000283,
            "antithetic": True,
            "space": "tangent",
            "shaping": "top_k",
            "top_k": 1,
        },
    },
    "paper": {
        "strategy": {
            **_PLAIN,
            "population": 200,
            "sigma": 0.1,
            "learning_rate": 0.01,
            "antithetic": False,
            "space": "ambient",
            "shaping": "none",
        },
        "policy": {
            "output_scale": 1.0,
            "learn_output_scale": False,
            "squash": "clip",
            "linear_path": False,
            "action_bias": False,
        },
        "task": {"normalise_observations": False},
    },
}
"""What each preset sets, a mapping from section to options; whatever it leaves out keeps its own default.

`isotropic` has one deviation for all leaves and no linear path; it was the default of earlier versions. `ars` is
augmented random search as rl-baselines3-zoo tunes it for Swimmer: its α = 0.02 and ν = 0.01 are 2αν/√2 here, since it
divides by the unbiased deviation of a single pair, which is √2 times ours. `paper` is the text of Choromanski et al.
2020, §5.1, to the letter.
"""


class StrategyConfig(BaseModel):
    """Options of the evolution strategy."""

    model_config = STRICT

    preset: Annotated[str, OneOf(PRESETS)] = "default"
    """A named set of options, the ground for the others; `odes-rl list presets` shows them."""
    population: int = Field(default=32, ge=1)
    """Candidates evaluated in a generation, or in each round of it (`interactions`); even if `antithetic`."""
    interactions: Annotated[int, Field(ge=1)] | Literal["full"] | None = "full"
    """Environment steps that the episodes of a generation's candidates have, at the least: until then, rounds of
    `population` more candidates follow. `full`: as many as if each of the first round lasted to the `horizon`, so
    that more candidates are drawn while they fall early. none: one round."""
    max_rounds: int = Field(default=16, ge=1)
    """Rounds of a generation, at the most, for `interactions`."""
    horizon: Annotated[int, Field(ge=1)] | Literal["growing"] | None = None
    """Environment steps of a training episode, at the most. none: the task's limit. `growing`: a part of it at the
    start of the run, and all of it from half of the run on. Evaluations always have whole episodes."""
    horizon_start: float = Field(default=0.25, gt=0, le=1)
    """Part of the task's limit that a `growing` horizon begins with; it grows by the same factor in equal parts of the
    run."""
    episodes: int = Field(default=1, ge=1)
    """Episodes a candidate; its return is their mean."""
    sigma: float = Field(default=0.3, gt=0)
    """How far candidates lie from the current policy, in the units that sigma_per_leaf sets."""
    sigma_per_leaf: Literal["none", "sensitivity", "learned"] = "sensitivity"
    """A scale for each leaf of the parameters; its deviation is sigma times it. `sensitivity`: scales with which each
    leaf moves the actions by an equal share of sigma, on observations like those seen so far; sigma is then the root
    mean square of an action's change, in half ranges. `learned`: measured at the start, then learned as in PGPE."""
    sigma_limit: float = Field(default=0.03, gt=0)
    """Largest deviation that a measurement (of `sensitivity`, and the first of `learned`) gives the entries of a leaf.
    A leaf that it bounds moves the actions less, the others more."""
    sensitivity_every: int = Field(default=10, ge=1)
    """Generations between measurements, for `sigma_per_leaf: sensitivity`."""
    scale_rate: float = Field(default=0.1, gt=0)
    """Learning rate of the scales, for `sigma_per_leaf: learned`; none changes by more than a fifth in a generation."""
    sigma_schedule: Schedule = "constant"
    """How sigma changes: not at all, down to a hundredth along half a cosine, or as 1/√generation."""
    learning_rate: float | None = Field(default=None, gt=0)
    """Step length of the update. none, for `optimizer: sgd`, is sigma² √population / 2 and follows `sigma_schedule`:
    noise alone moves the parameters by half as far as a candidate is away; with `top_k` by up to 0.86 times as far."""
    learning_rate_schedule: Schedule = "cosine"
    """How the learning rate changes; the choices are those of sigma_schedule."""
    schedule_horizon: int | None = Field(default=None, ge=1)
    """Generations that a cosine schedule takes to fall to a hundredth, where it stays. none is the length of the run,
    by its generations or its env_steps; a run that is made longer then goes back along the cosine."""
    optimizer: Annotated[str, OPTIMIZERS] = "sgd"
    """Optimiser over tangent coordinates."""
    momentum: float = Field(default=0.9, ge=0, lt=1)
    """Decay of the momentum, for `momentum` and `clip_up`; first decay rate of `adam`."""
    weight_decay: float = Field(default=0.0, ge=0)
    """Decoupled weight decay, on Euclidean leaves only. Of a leaf with a scale, that scale is a factor of it."""
    antithetic: bool = True
    """Evaluate each perturbation with both signs, on the same episode seeds."""
    perturbations: Annotated[str, PERTURBATIONS] = "gaussian"
    """Independent directions, or blocks of exactly orthogonal ones with Gaussian-distributed lengths."""
    space: Literal["ambient", "tangent"] = "tangent"
    """Where candidates lie: at θ + σε as it is, or on the manifold."""
    metric: Metric = "canonical"
    """Of orthogonal and Stiefel leaves, for the step: the canonical one, which the papers' update has, or the embedded
    one, in which candidates are drawn (`space: tangent`)."""
    shaping: Annotated[str, SHAPINGS] = "top_k"
    """How returns become utilities; `odes-rl list shapings` describes them. `differences` leaves out what the episodes
    of a pair have in common, such as their start; with `signs` all pairs count alike, too."""
    top_k: int | None = Field(default=None, ge=1)
    """Directions that `top_k` shaping keeps: those with the best return of either sign. none is half of them. As many
    for each round."""

    @model_validator(mode="after")
    def _check_population(self) -> "StrategyConfig":
        if self.antithetic and self.population % 2:
            raise ValueError(
                f"population is {self.population}, but antithetic pairs need an even one: "
                f"use {self.population + 1}, or antithetic: false"
            )
        if SHAPINGS.find(self.shaping).pairs and not self.antithetic:
            raise ValueError(
                f"shaping {self.shaping} compares the two signs of a direction, but antithetic is false: "
                "use shaping: standardised, or antithetic: true"
            )
        one_round = self.interactions is None or self.max_rounds == 1
        if one_round and self.population == 1 and SHAPINGS.find(self.shaping).depends_on in ("shape", "order"):
            raise ValueError(
                f"population is 1, but shaping {self.shaping} compares candidates: use 2 or more, or shaping: none"
            )
        if one_round and self.directions == 1 and self.sigma_per_leaf == "learned":
            raise ValueError(
                f"population is {self.population}, but sigma_per_leaf: learned compares directions, and a generation "
                "has only one: use a larger population"
            )
        if self.shaping == "top_k" and self.kept > self.directions:
            raise ValueError(f"top_k is {self.top_k}, but a generation has only {self.directions} directions")
        return self

    @model_validator(mode="after")
    def _check_learning_rate(self) -> "StrategyConfig":
        if self.learning_rate is None and self.optimizer != "sgd":
            raise ValueError(f"optimizer {self.optimizer} has no default for learning_rate: give one, such as 0.01")
        return self

    @model_validator(mode="after")
    def _check_interactions(self) -> "StrategyConfig":
        episodes = self.population * self.episodes
        if isinstance(self.interactions, int) and self.interactions <= episodes:
            raise ValueError(
                f"interactions is {self.interactions}, but the {episodes} episodes of a round always have as many "
                f"environment steps: give more than {episodes}, or none"
            )
        return self

    def horizon_at(self, progress: float, limit: int | None) -> int | None:
        """Environment steps of a training episode, at most, after that part of the run, in [0, 1].

        `limit` is that of the task; None if it has none.
        """
        if isinstance(self.horizon, int):
            return min(self.horizon, limit or self.horizon)
        if self.horizon is None or limit is None:
            return limit
        return math.ceil(limit * self.horizon_part(progress))

    def horizon_part(self, progress: float) -> float:
        """Part of the task's limit that a growing horizon has after that part of the run, in [0, 1]."""
        return self.horizon_start ** max(0.0, 1.0 - progress / _GROWN)

    def wanted_steps(self, horizon: int | None) -> int:
        """Environment steps of a generation, at the least, where an episode has at most `horizon`."""
        if self.interactions == "full":
            return self.population * self.episodes * (horizon or 0)
        return self.interactions or 0

    def rounds(self, steps: float, horizon: int | None) -> int:
        """Rounds of a generation whose episodes have so many environment `steps` in the mean, and at most `horizon`."""
        wanted = self.wanted_steps(horizon) / (self.population * self.episodes * steps)
        return min(max(math.ceil(wanted), 1), self.max_rounds)

    @property
    def rate(self) -> float:
        """The learning rate before its schedule."""
        return self.learning_rate or self.sigma**2 * self.population**0.5 / 2

    @property
    def kept(self) -> int:
        """Directions that `top_k` shaping keeps."""
        return self.top_k or max(self.directions // 2, 1)

    @property
    def directions(self) -> int:
        """Perturbations drawn in a round: half the population if antithetic."""
        return self.population // 2 if self.antithetic else self.population
