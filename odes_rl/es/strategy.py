"""The evolution strategy of a config: its options become the values of a `RiemannianES`."""

import logging
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple

import jax
from jax.sharding import Mesh

from odes_rl.es.config import StrategyConfig
from odes_rl.es.optimizers import learning_rate_at, make_optimizer, make_stepping_optimizer, sigma_at
from odes_rl.es.perturbations import PERTURBATIONS
from odes_rl.es.population import population_mesh
from odes_rl.es.riemannian_es import RiemannianES
from odes_rl.es.scales import Adaptation
from odes_rl.es.shaping import SHAPINGS
from odes_rl.es.state import Estimate, StrategyState
from odes_rl.manifolds import tree_in_metric

_log = logging.getLogger(__name__)


class StrategyInfo(NamedTuple):
    """Diagnostics of one update, all scalars.

    Attributes:
        gradient_norm: of the gradient's tangent coordinates.
        update_norm: of the step's; 0 where there was no update.
        manifold_violation: the largest of any leaf, after the update.
        sigma: the perturbations' standard deviation in this generation.
        learning_rate: the step length in this generation.
    """

    gradient_norm: jax.Array
    update_norm: jax.Array
    manifold_violation: jax.Array
    sigma: jax.Array
    learning_rate: jax.Array


class Strategy(NamedTuple):
    """An evolution strategy as pure functions.

    `progress` is the part of the run that is over, in [0, 1]: schedules without a horizon go by it.

    Attributes:
        init: `init(key, params) -> state`.
        ask: `ask(state, round=0, progress=0.0) -> candidates`, leaves [C, …]; antithetic pairs stand side by side.
        estimate: `estimate(state, returns [C] or [R, C]) -> estimate`; returns that are not finite count as the worst
            finite one. It raises UserError for another number of returns than candidates.
        step: `step(state, estimate, progress=0.0) -> (state, info)`.
    """

    init: Callable[[jax.Array, Any], StrategyState]
    ask: Callable[..., Any]
    estimate: Callable[[StrategyState, jax.Array], Estimate]
    step: Callable[..., tuple[StrategyState, StrategyInfo]]

    def tell(
        self, state: StrategyState, returns: jax.Array, progress: jax.Array | float = 0.0
    ) -> tuple[StrategyState, StrategyInfo]:
        """The state after a step towards greater returns [C] or [R, C], and diagnostics of it."""
        return self.step(state, self.estimate(state, returns), progress)


def make_strategy(config: StrategyConfig, manifolds: Any, mesh: Mesh | None = None) -> Strategy:
    """The `RiemannianES` that `config` describes, on `manifolds` that mirror the parameters.

    The devices of `mesh`, if there is one, share the population; the result is the same to the bit.
    """
    es = RiemannianES(
        population=config.population,
        sigma=config.sigma,
        optimizer=partial(make_optimizer, config),
        manifolds=tree_in_metric(manifolds, config.metric),
        shaping=SHAPINGS.find(config.shaping).make(config),
        perturbations=PERTURBATIONS.find(config.perturbations),
        adaptation=Adaptation(config.scale_rate) if config.sigma_per_leaf == "learned" else None,
        antithetic=config.antithetic,
        space=config.space,
        mesh=mesh,
    )

    def ask(state: StrategyState, round: int | jax.Array = 0, progress: jax.Array | float = 0.0) -> Any:
        return replace(es, sigma=sigma_at(config, state.generation, progress)).ask(state, round)

    def step(
        state: StrategyState, estimate: Estimate, progress: jax.Array | float = 0.0
    ) -> tuple[StrategyState, StrategyInfo]:
        sigma = sigma_at(config, state.generation, progress)
        rate = learning_rate_at(config, state.generation, progress)
        stepping = replace(es, sigma=sigma, optimizer=partial(make_stepping_optimizer, config, rate))
        after, info = stepping.step(state, estimate)
        return after, StrategyInfo(*info, rate)

    def init(key: jax.Array, params: Any) -> StrategyState:
        return es.init(key, params, None if config.sigma_per_leaf == "none" else 1.0)

    return Strategy(init, ask, es.estimate, step)


def mesh_of(config: StrategyConfig) -> Mesh | None:
    """The devices of this process that share a generation, all of them if its directions divide; None for one."""
    if PERTURBATIONS.find(config.perturbations).local:
        return population_mesh(config.directions)
    if jax.local_device_count() > 1:
        _log.warning("perturbations are %s, which one device draws: the others stay idle", config.perturbations)
    return None
