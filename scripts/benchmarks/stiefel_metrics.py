"""What Adam's first step on a wide Stiefel leaf is spent on, and how far step and search differ in direction.

For random points and normal gradients: the share of the step's squared length that leaves the point where it is, and
the cosine between the directions in which the canonical metric steps and in which candidates are drawn.
"""

from functools import partial

import jax
import jax.numpy as jnp

from odes_rl.manifolds import Stiefel

SHAPES = ((6, 16), (2, 16), (16, 17), (17, 64), (64, 348))
DRAWS = 20


def share_and_cosine(key: jax.Array, shape: tuple[int, int]) -> tuple[jax.Array, jax.Array]:
    canonical, embedded = Stiefel(), Stiefel("embedded")
    point_key, gradient_key = jax.random.split(key)
    point, gradient = canonical.random(point_key, shape), jax.random.normal(gradient_key, shape)
    coordinates = canonical.to_tangent(point, gradient)
    step = jnp.sign(coordinates)  # Adam's first
    moves = canonical.horizontal(point, step)
    ways = [(point @ metric.to_tangent(point, gradient)).ravel() for metric in (canonical, embedded)]
    cosine = ways[0] @ ways[1] / (jnp.linalg.norm(ways[0]) * jnp.linalg.norm(ways[1]))
    return jnp.sum((step - moves) ** 2) / jnp.sum(step**2), cosine


def main() -> None:
    print("| leaf | share that moves nothing | cosine of step and search |", "| --- | ---: | ---: |", sep="\n")
    for shape in SHAPES:
        keys = jax.random.split(jax.random.key(0), DRAWS)
        shares, cosines = jax.vmap(partial(share_and_cosine, shape=shape))(keys)
        print(f"| {shape[0]} × {shape[1]} | {shares.mean():.0%} | {cosines.mean():.3f} |")


if __name__ == "__main__":
    main()
