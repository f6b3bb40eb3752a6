"""The input and the output projection of every policy but the linear one."""

from collections.abc import Callable, Mapping
from typing import Any

import jax

from odes_rl.manifolds import Manifold
from odes_rl.policies.output import init_output, output_manifolds
from odes_rl.policies.policy import Params, PolicyConfig


def projected(
    config: PolicyConfig,
    hidden: int,
    sizes: tuple[int, int],
    projection: Manifold,
    inner: Mapping[str, Any],
    init_inner: Callable[[jax.Array], Params],
) -> tuple[Callable[[jax.Array], Params], dict[str, Any]]:
    """`init` and `manifolds` of a policy: Ω₁ as `input` [h, n], Ω₂ as `output` [m, h], and what lies between.

    Args:
        config: the architecture's options.
        hidden: h.
        sizes: n and m.
        projection: manifold of Ω₁ and Ω₂, which start at its random points.
        inner: manifolds of the other parameters.
        init_inner: `init_inner(key)`, where they start.
    """
    shapes = {"input": (hidden, sizes[0]), "output": (sizes[1], hidden)}

    def init(key: jax.Array) -> Params:
        keys = jax.random.split(key, 3)
        params = {name: projection.random(k, shape) for k, (name, shape) in zip(keys, shapes.items(), strict=False)}
        return params | init_inner(keys[2]) | init_output(config, sizes[1])

    return init, dict.fromkeys(shapes, projection) | dict(inner) | output_manifolds(config)
