"""A program for `test_double_precision.py`: `RiemannianES` where JAX has 64 bits enabled."""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import optax

import odes_rl

MANIFOLDS = {"frame": odes_rl.Stiefel(), "bias": odes_rl.Euclidean()}
TARGET = 0.3


def fitness(params: Any) -> jax.Array:
    """Of one candidate: the largest entry of the frame counts, and the bias's distance from its target."""
    return params["frame"][0, 0] - jnp.sum((params["bias"] - TARGET) ** 2)


def check(frame: Any, bias: Any, **values: Any) -> None:
    """Parameters keep their types, and reach the optimum."""
    sigma, optimizer = optax.cosine_decay_schedule(0.1, 60), optax.adam(optax.cosine_decay_schedule(0.1, 60))
    es = odes_rl.RiemannianES(population=16, sigma=sigma, optimizer=optimizer, manifolds=MANIFOLDS, **values)
    first = es.init(jax.random.key(0), {"frame": jnp.eye(3, 2, -1, dtype=frame), "bias": jnp.zeros(2, bias)})

    def generation(state: Any, _: Any) -> Any:
        return es.tell(state, jax.vmap(fitness)(es.ask(state)))

    last, info = jax.jit(partial(jax.lax.scan, generation, length=60))(first)
    types = jax.tree.map(lambda leaf: leaf.dtype, first)
    assert jax.tree.map(lambda leaf: leaf.dtype, last) == types
    assert jax.tree.map(lambda leaf: leaf.dtype, es.ask(last)) == types.params == {"frame": frame, "bias": bias}
    assert abs(last.params["bias"] - TARGET).max() < 0.05, last.params
    assert last.params["frame"][0, 0] > 0.95, last.params
    assert info.manifold_violation[-1] < (1e-12 if frame == jnp.float64 else 1e-6)


if __name__ == "__main__":
    assert jax.config.jax_enable_x64  # pyright: ignore[reportAttributeAccessIssue]
    single, double = jnp.dtype(jnp.float32), jnp.dtype(jnp.float64)
    check(single, single)
    check(single, double, adaptation=odes_rl.Adaptation())
    check(double, double, shaping=odes_rl.shaping.centred_ranks, perturbations=odes_rl.perturbations.orthogonal)
