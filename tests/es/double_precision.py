"""A program for `test_double_precision.py`: all policies and kinds of strategies where JAX has 64 bits enabled."""

import itertools
from typing import Any

import jax
import jax.numpy as jnp

from odes_rl.es.config import StrategyConfig
from odes_rl.es.shaping import SHAPINGS
from odes_rl.es.strategy import make_strategy
from odes_rl.manifolds import Euclidean, Orthogonal, Stiefel
from odes_rl.policies import POLICIES, make_policy

MANIFOLDS = {"bias": Euclidean(), "W": Orthogonal(), "wide": Stiefel()}
SHAPES = {"bias": (3,), "W": (3, 3), "wide": (2, 5)}


def types(tree: Any) -> set[str]:
    """The types of all leaves."""
    return {str(leaf.dtype) for leaf in jax.tree.leaves(tree)}


def check_policy(name: str) -> None:
    """Parameters and weights of a batch are float32, also if parameters come in float64."""
    policy = make_policy(POLICIES[name].config.model_validate({}), 5, 2)
    params = policy.init(jax.random.key(0))
    assert types(params) == {"float32"}, (name, types(params))
    for dtype in (jnp.float32, jnp.float64):
        batch = jax.tree.map(lambda leaf, dtype=dtype: leaf.astype(dtype)[None], params)
        weights = jax.jit(jax.vmap(policy.materialise))(batch)
        assert types(weights) == {"float32"}, (name, types(weights))


def check_strategy(config: StrategyConfig, dtype: Any) -> None:
    """Candidates and updated parameters are of the parameters' type, and updates change them."""
    strategy = make_strategy(config, MANIFOLDS)
    params = {name: MANIFOLDS[name].random(jax.random.key(1), SHAPES[name]).astype(dtype) for name in SHAPES}
    state = first = strategy.init(jax.random.key(0), params)
    for _ in range(2):
        candidates = strategy.ask(state)
        state, _ = strategy.tell(state, jnp.asarray(candidates["bias"].sum(axis=1), jnp.float32))
        assert types(candidates) == types(state.params) == {jnp.dtype(dtype).name}, config
    assert jax.tree.map(lambda leaf: leaf.dtype, state) == jax.tree.map(lambda leaf: leaf.dtype, first), config
    assert abs(state.params["bias"] - first.params["bias"]).max() > 1e-5, config


def main() -> None:
    """Check them all."""
    assert jax.config.jax_enable_x64  # pyright: ignore[reportAttributeAccessIssue]
    for name in POLICIES:
        check_policy(name)
    schedules, optimizers = ("constant", "cosine", "inverse_sqrt"), ("sgd", "momentum", "adam")
    kinds = zip(SHAPINGS, itertools.cycle(optimizers), itertools.cycle(schedules), strict=False)
    for (shaping, optimizer, schedule), dtype in itertools.product(kinds, (jnp.float32, jnp.float64)):
        options = {"shaping": shaping, "optimizer": optimizer, "learning_rate_schedule": schedule, "top_k": 2}
        perturbations = "orthogonal" if shaping == "none" else "gaussian"
        space = "ambient" if shaping == "top_k" else "tangent"
        options |= {
            "learning_rate": 0.0025,
            "sigma_schedule": schedule,
            "perturbations": perturbations,
            "space": space,
            "population": 8,
        }
        check_strategy(StrategyConfig(**options), dtype)  # pyright: ignore[reportArgumentType]


if __name__ == "__main__":
    main()
