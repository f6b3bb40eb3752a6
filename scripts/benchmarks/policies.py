"""Our policies in `learner.py`: what their parameters cost to move, materialise and update, as they train."""

import math
import statistics
from functools import partial
from typing import Any, NamedTuple

import jax
from costs import most_bytes, seconds_of

from odes_rl.es.config import StrategyConfig
from odes_rl.es.population import group_count
from odes_rl.es.strategy import make_strategy
from odes_rl.policies import make_policy, policy_config_class
from odes_rl.training.experiment import weights_of


class Setting(NamedTuple):
    """A policy on a task: its options, the task's sizes, and environment steps a second on two cores."""

    policy: str
    options: dict[str, Any]
    observation_size: int
    action_size: int
    rate: float


SETTINGS = {
    "ODEtoODE, h = 16, HalfCheetah": Setting("ode_to_ode", {"hidden": 16}, 17, 6, 60_000),
    "ODEtoODE, h = 64, Humanoid": Setting("ode_to_ode", {"hidden": 64}, 348, 17, 2_000),
    "linear, HalfCheetah": Setting("linear", {}, 17, 6, 60_000),
    "linear, Humanoid": Setting("linear", {}, 348, 17, 2_000),
}


def measure_policy(setting: Setting, population: int, rounds: int, memory: float = math.inf) -> dict[str, float]:
    """Medians in seconds of ask, materialise, both compiled together as in training ("candidates"), and tell.

    Raises:
        MemoryError: if one of these needs more than so many bytes of memory.
    """
    config = policy_config_class(setting.policy)(**setting.options)
    policy = make_policy(config, setting.observation_size, setting.action_size)
    strategy = make_strategy(StrategyConfig(population=population), policy.manifolds)
    state = strategy.init(jax.random.key(0), policy.init(jax.random.key(1)))
    returns = jax.random.normal(jax.random.key(2), (population,))
    weights = partial(weights_of, policy, group_count(population // 2), None)
    asked = jax.eval_shape(strategy.ask, state)
    calls = {
        "ask": (strategy.ask, (state,)),
        "materialise": (weights, (asked,)),
        "candidates": (lambda state: weights(strategy.ask(state)), (state,)),
        "tell": (strategy.tell, (state, returns)),
    }
    compiled = {name: jax.jit(call).lower(*given).compile() for name, (call, given) in calls.items()}
    needed = most_bytes(*compiled.values())
    if needed > memory:
        raise MemoryError(f"{needed / 1e9:.1f} GB are needed, and {memory / 1e9:.1f} GB are free")
    calls["materialise"] = (weights, (compiled["ask"](state),))
    times: dict[str, list[float]] = {name: [] for name in calls}
    for turn in range(rounds + 1):  # the first warms up
        for name, (_, given) in calls.items():
            seconds = seconds_of(compiled[name], *given)[0]  # the result is let go: it may fill half of the memory
            times[name] += [seconds] if turn else []
    medians = {name: statistics.median(values) for name, values in times.items()}
    size = sum(leaf.size for leaf in jax.tree.leaves(state.params))
    written = sum(leaf.size * leaf.dtype.itemsize for leaf in jax.tree.leaves(jax.eval_shape(weights, asked)))
    needed = most_bytes(compiled["candidates"], compiled["tell"])
    return {**medians, "size": size, "population": population, "bytes": needed, "weights_bytes": written}
