"""Two evolution strategies on one flat vector, ours and evosax's OpenES, as `learner.py` measures them.

Both draw the same number of normal directions, mirror them, rank returns, and step by Adam; both are compiled.
evosax keeps a generation's candidates and reads the noise off them in `tell`; ours draws it again.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax
from costs import most_bytes
from evosax.algorithms.distribution_based.open_es import Open_ES
from evosax.core.fitness_shaping import centered_rank_fitness_shaping_fn

from odes_rl.es.config import StrategyConfig
from odes_rl.es.strategy import make_strategy
from odes_rl.manifolds import Euclidean

SIGMA, LEARNING_RATE = 0.05, 0.01


class Contestant(NamedTuple):
    """A strategy ready to be measured.

    Attributes:
        ask: `ask() -> candidates`.
        tell: `tell(candidates, returns) -> anything`.
        bytes_used: by `ask` or `tell`, whichever takes more: arguments, results and temporaries.
    """

    ask: Callable[[], Any]
    tell: Callable[[Any, jax.Array], Any]
    bytes_used: int


def ours(size: int, candidates: int) -> Contestant:
    """The strategy of `odes_rl.es` on a Euclidean vector [size]."""
    options: dict[str, Any] = {"optimizer": "adam", "shaping": "centred_ranks", "learning_rate": LEARNING_RATE}
    strategy = make_strategy(StrategyConfig(population=candidates, sigma=SIGMA, **options), Euclidean())
    state = strategy.init(jax.random.key(0), jnp.zeros(size))
    returns = jax.ShapeDtypeStruct((candidates,), jnp.float32)
    ask, tell = jax.jit(strategy.ask).lower(state).compile(), jax.jit(strategy.tell).lower(state, returns).compile()
    return Contestant(lambda: ask(state), lambda _, returns: tell(state, returns), most_bytes(ask, tell))


def evosax(size: int, candidates: int) -> Contestant:
    """OpenES of evosax with the same options; it minimises."""
    strategy = Open_ES(
        population_size=candidates,
        solution=jnp.zeros(size),
        use_antithetic_sampling=True,
        optimizer=optax.adam(LEARNING_RATE),
        std_schedule=optax.constant_schedule(SIGMA),
        fitness_shaping_fn=centered_rank_fitness_shaping_fn,
    )
    key, params = jax.random.key(0), strategy.default_params
    state = strategy.init(key, jnp.zeros(size), params)
    population = jax.ShapeDtypeStruct((candidates, size), jnp.float32)
    fitness = jax.ShapeDtypeStruct((candidates,), jnp.float32)
    ask = Open_ES.ask.lower(strategy, key, state, params).compile()
    tell = Open_ES.tell.lower(strategy, key, population, fitness, state, params).compile()
    return Contestant(
        lambda: ask(key, state, params)[0],
        lambda population, returns: tell(key, population, -returns, state, params),
        most_bytes(ask, tell),
    )


CONTESTANTS: dict[str, Callable[[int, int], Contestant]] = {"ours": ours, "evosax": evosax}
