"""A generation cut into groups, the same whatever the number of devices, which take whole groups.

Whatever rounds by the shape of its arrays, as batched products do, is computed group by group or in even parts of one:
so results are the same to the bit on one device or on eight.
"""

import logging
import math
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.sharding import Mesh, NamedSharding, PartitionSpec

POPULATION = "population"
"""Name of the mesh's one axis."""
_MOST_GROUPS = 8
Carry = TypeVar("Carry")

_log = logging.getLogger(__name__)


def group_count(directions: int) -> int:
    """Groups that a generation's directions fall into: as many as divide both them and 8."""
    return math.gcd(directions, _MOST_GROUPS)


def part_size(group: int, about: int) -> int:
    """How many of a group's items to compute at a time: the divisor of `group` whose ratio to `about` is nearest 1."""
    divisors = [d for d in range(1, group + 1) if group % d == 0]
    return min(divisors, key=lambda d: abs(math.log(d / max(about, 1))))


def in_turn(
    step: Callable[[Carry, jax.Array, Any], Carry], start: Carry, items: Any, device: jax.Array | int = 0
) -> Carry:
    """`carry = step(carry, i, item i)` from `start` on, for each of `items`, leaves [n, …]; the last carry.

    The loop counts from `device` · n, so that its length is unknown to a compiler: one of a single turn would be
    dissolved, its body fused with what stands around it, and rounded otherwise than in a longer loop.
    """
    (count,) = {leaf.shape[0] for leaf in jax.tree.leaves(items)}
    first = device * count

    def turn(number: jax.Array, carry: Carry) -> Carry:
        i = number - first
        item = jax.tree.map(lambda leaf: lax.dynamic_index_in_dim(leaf, i, keepdims=False), items)
        return step(carry, i, item if count > 1 else lax.optimization_barrier((item, number))[0])

    return lax.fori_loop(first, first + count, turn, start)


def by_parts(function: Callable[[Any], Any], size: int, items: Any, device: jax.Array | int = 0) -> Any:
    """`function(part)` of each `size` items in turn; leaves [n, …] to leaves [n, …], n a multiple of `size`."""
    parts = jax.tree.map(lambda leaf: leaf.reshape(-1, size, *leaf.shape[1:]), items)
    count = jax.tree.leaves(parts)[0].shape[0]
    shapes = jax.eval_shape(function, jax.tree.map(lambda leaf: leaf[0], parts))
    start = jax.tree.map(lambda made: jnp.zeros((count, *made.shape), made.dtype), shapes)

    def write(results: Any, i: jax.Array, part: Any) -> Any:
        return jax.tree.map(lambda leaf, made: leaf.at[i].set(made), results, function(part))

    results = in_turn(write, start, parts, device)
    return jax.tree.map(lambda leaf: leaf.reshape(-1, *leaf.shape[2:]), results)


def over_devices(function: Callable[[Any, Any, Any], Any], mesh: Mesh | None, shared: Any, items: Any) -> Any:
    """`function(device, shared, items)`, leaves [n, …], on each device of `mesh` with its share of `items` [n, …].

    All have `shared`; `device` is the device's number. Without a mesh there is one, of number 0.
    """
    if mesh is None:
        return function(0, shared, items)

    def on_device(shared: Any, items: Any) -> Any:
        return function(lax.axis_index(POPULATION), shared, items)

    split, whole = PartitionSpec(POPULATION), PartitionSpec()
    # Unchecked: the check wants the constant start of every loop marked as differing between devices.
    return jax.shard_map(on_device, mesh=mesh, in_specs=(whole, split), out_specs=split, check_vma=False)(shared, items)


def gathered(mesh: Mesh | None, array: jax.Array) -> jax.Array:
    """`array` whole on each device, so that what follows runs in one order."""
    return array if mesh is None else lax.with_sharding_constraint(array, whole_on_each(mesh))


def whole_on_each(mesh: Mesh) -> NamedSharding:
    """The sharding of what every device has all of."""
    return NamedSharding(mesh, PartitionSpec())


def population_mesh(directions: int, devices: Sequence[Any] | None = None) -> Mesh | None:
    """The mesh over as many devices (default: this process's) as share the groups evenly; None for a single one.

    Warns if some stay idle.
    """
    devices = jax.local_devices() if devices is None else devices
    used = max(n for n in range(1, len(devices) + 1) if group_count(directions) % n == 0)
    if used < len(devices):
        _log.warning(
            "%d of %d devices share a generation: 2, 4 or 8 can, if they divide its directions, which are %d",
            *(used, len(devices), directions),
        )
    return Mesh(np.array(devices[:used]), (POPULATION,)) if used > 1 else None
