"""What Optuna is asked: the values of the next trial, and which trials to end early."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from odes_rl.search.config import Search
from odes_rl.search.space import grid

if TYPE_CHECKING:
    import optuna

PARTS = 10
"""A run reports its evaluations at every such part of its environment steps: trials are compared at equal ones."""


def propose(search: Search, trials: "Sequence[optuna.trial.FrozenTrial]") -> dict[str, Any]:
    """The values of the trial after `trials`: a pure function of the search and of these."""
    import optuna

    if search.config.sampler == "grid":
        tried = [trial.params for trial in trials]
        return next(point for point in grid(search.parameters) if point not in tried)
    # A copy in memory, so that nothing is written before all values are known.
    study = optuna.create_study(
        direction="maximize", study_name="search", sampler=_sampler(search, len(trials)), pruner=make_pruner(search)
    )
    study.add_trials(trials)
    return study.ask({parameter.name: parameter.distribution for parameter in search.parameters}).params


def make_pruner(search: Search) -> "optuna.pruners.BasePruner":
    """The pruner that the search names; resources are parts of runs."""
    from optuna.pruners import HyperbandPruner, MedianPruner, NopPruner

    if search.config.pruner == "median":
        return MedianPruner(search.config.startup_trials, n_warmup_steps=PARTS // 4)
    if search.config.pruner == "hyperband":
        return HyperbandPruner(min_resource=1, max_resource=PARTS * len(search.seeds))
    return NopPruner()


def _sampler(search: Search, number: int) -> "optuna.samplers.BaseSampler":
    """The sampler of the trial `number`: seeded for each, since a sampler's own state ends with its process."""
    from optuna.samplers import RandomSampler, TPESampler

    seed = int(np.random.SeedSequence([search.config.seed, number]).generate_state(1)[0])
    if search.config.sampler == "random":
        return RandomSampler(seed)
    return TPESampler(n_startup_trials=search.config.startup_trials, seed=seed)
