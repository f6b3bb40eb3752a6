"""A network of continuous depth, put together: input network, vector field, depth, solver, output network."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from odes_rl.continuous.affine_layer import AFFINE, affine, init_affine
from odes_rl.continuous.fields import Field, network_field
from odes_rl.continuous.inputs import Inputs
from odes_rl.continuous.solving import Solution, Solving, VectorField, solve
from odes_rl.flows.trajectories.trajectory import Params


class ContinuousNetwork(NamedTuple):
    """ż = f(t, z; x), z(0) = h_x(x), y = h_y(z(1)), as pure functions (Massaroli et al. 2020).

    Attributes:
        init: `init(key) -> params`.
        manifolds: mirrors `params`.
        flow: `flow(params, x [B, n], times [T]) -> Solution` with states [T, B, h]; times from 0 to 1.
        apply: `apply(params, x [B, n]) -> (y [B, k], steps)`, the outputs and the steps of the solver.
        depth: `depth(params, x [B, n]) -> [B]`, up to which each example is solved; 1 unless it is adaptive.
    """

    init: Callable[[jax.Array], Params]
    manifolds: Any
    flow: Callable[[Params, jax.Array, jax.Array], Solution]
    apply: Callable[[Params, jax.Array], tuple[jax.Array, jax.Array]]
    depth: Callable[[Params, jax.Array], jax.Array]


def continuous_network(
    inputs: Inputs,
    field: Field,
    output_size: int | None,
    solving: Solving,
    *,
    adaptive: int | None = None,
    depth_widths: Sequence[int] = (),
) -> ContinuousNetwork:
    """The network of these parts. The output is affine in z(1); with `output_size` None it is z(1) itself.

    States may be images, [B, side, side, channels] in place of [B, h], if inputs and field are of images.

    With `adaptive`, the size n of x, depth is g(x) = c·x + c_0 for each example instead of 1, and may be negative: in
    s = t/g(x) from 0 to 1 the field is g f(g s, z). c starts at zero and c_0 at 1. The field's `jumps` are at another s
    for each example, and no steps end there. With `depth_widths` g is a network with hidden layers of
    these widths, which starts as `network_field` does.
    """
    manifolds: dict[str, Any] = {"inputs": inputs.manifolds, "field": field.manifolds}
    if output_size is not None:
        manifolds["output"] = AFFINE
    reach = _depth(adaptive, depth_widths) if adaptive is not None else None
    if reach is not None:
        manifolds["depth"] = reach.manifolds

    def init(key: jax.Array) -> Params:
        first, middle, last = jax.random.split(key, 3)
        params: dict[str, Any] = {"inputs": inputs.init(first), "field": field.init(middle)}
        if output_size is not None:
            params["output"] = init_affine(last, inputs.size, output_size)
        if reach is not None:
            params["depth"] = reach.init(jax.random.fold_in(last, 0))
        return params

    def depth(params: Params, x: jax.Array) -> jax.Array:
        return jnp.ones(x.shape[:1]) if reach is None else reach.apply(params["depth"], x)

    def flow(params: Params, x: jax.Array, times: jax.Array) -> Solution:
        prepared, start = field.prepare(params["field"]), inputs.apply(params["inputs"], x)
        if reach is None:
            return solve(solving, _of_input(field), (prepared, x), start, times, field.jumps)
        return solve(solving, _scaled(field), (prepared, x, depth(params, x)), start, times)

    def apply(params: Params, x: jax.Array) -> tuple[jax.Array, jax.Array]:
        solution = flow(params, x, jnp.array([0.0, 1.0]))
        end = solution.states[-1]
        if output_size is None:
            return end, solution.steps
        return affine(params["output"], end.reshape(end.shape[0], -1)), solution.steps

    return ContinuousNetwork(init, manifolds, flow, apply, depth)


class _Depth(NamedTuple):
    """g(x) [B] of x [B, n]."""

    init: Callable[[jax.Array], Params]
    manifolds: Any
    apply: Callable[[Params, jax.Array], jax.Array]


def _depth(size: int, widths: Sequence[int]) -> _Depth:
    if widths:
        network, now = network_field(size, widths, 1), jnp.zeros(())
        return _Depth(network.init, network.manifolds, lambda params, x: network.apply(params, now, x, x)[:, 0])
    return _Depth(lambda key: {"weight": jnp.zeros(size), "bias": jnp.ones(())}, AFFINE, affine)


def _of_input(field: Field) -> VectorField:
    def applied(t: jax.Array, z: jax.Array, args: Any) -> jax.Array:
        prepared, x = args
        return field.apply(prepared, t, z, x)

    return applied


def _scaled(field: Field) -> VectorField:
    """The field of each example in a time of its own, up to its depth."""

    def scaled(s: jax.Array, z: jax.Array, args: Any) -> jax.Array:
        prepared, x, depth = args

        def one(depth: jax.Array, z: jax.Array, x: jax.Array) -> jax.Array:
            return depth * field.apply(prepared, depth * s, z[None], x[None])[0]

        return jax.vmap(one)(depth, z, x)

    return scaled
