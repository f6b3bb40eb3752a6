"""Contacts of capsules as MuJoCo finds them.

MJX finds others. It turns the contact frame of a capsule that stands on a plane, as legs do, and with it the pyramid of
friction; and it adds 1e-6 to the divisors of closest points, which shifts those on short capsules. In float64, one
environment step of Ant-v5 differs by as much as 1.3 in a velocity.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import jax
import jax.numpy as jnp

from odes_rl.simulation.models import load_mjx

mjx: Any = load_mjx()
from mujoco.mjx._src import collision_driver as _driver  # noqa: E402 - its table of functions has no public name
from mujoco.mjx._src import collision_primitive as _primitive  # noqa: E402
from mujoco.mjx._src import math as _math  # noqa: E402

_MINIMAL = 1e-15
"""mjMINVAL: segments are parallel if their determinant is smaller."""
_collider: Callable[..., Any] = _primitive.collider


@_collider(ncon=2)
def plane_capsule(plane: Any, capsule: Any) -> Any:
    """The contacts of both ends of a capsule; their first tangent is its axis, made orthogonal to the normal."""
    normal, axis = plane.mat[:, 2], capsule.mat[:, 2]
    first = _math.normalize(axis - normal * jnp.dot(normal, axis))
    frame = jnp.stack([normal, first, jnp.cross(normal, first)])
    ends = [capsule.pos + sign * axis * capsule.size[1] for sign in (1, -1)]
    found = [_primitive._plane_sphere(normal, plane.pos, end, capsule.size[0]) for end in ends]
    distances, positions = (jnp.stack(entries) for entries in zip(*found, strict=True))
    return distances, positions, jnp.stack([frame, frame])


@_collider(ncon=1)
def sphere_capsule(sphere: Any, capsule: Any) -> Any:
    """The contact of a sphere and the nearest point of a capsule's segment."""
    axis = capsule.mat[:, 2]
    along = jnp.clip(jnp.dot(axis, sphere.pos - capsule.pos), -capsule.size[1], capsule.size[1])
    return _of_spheres(sphere.pos, sphere.size[0], capsule.pos + along * axis, capsule.size[0])


@_collider(ncon=1)
def capsule_capsule(one: Any, other: Any) -> Any:
    """The contact of the nearest points of two capsules' segments; of parallel ones, MuJoCo may find a second."""
    axes = [capsule.mat[:, 2] * capsule.size[1] for capsule in (one, other)]
    x, y = nearest_places(one.pos - other.pos, *axes)
    return _of_spheres(one.pos + x * axes[0], one.size[0], other.pos + y * axes[1], other.size[0])


def nearest_places(difference: jax.Array, first: jax.Array, second: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Places, in [−1, 1], of the nearest points of two segments, along their halves `first` [3] and `second` [3].

    `difference` [3] is the middle of the first less that of the second. See mjraw_CapsuleCapsule.
    """
    a, b, c = jnp.dot(first, first), -jnp.dot(first, second), jnp.dot(second, second)
    u, v = -jnp.dot(first, difference), jnp.dot(second, difference)
    determinant = a * c - b * b
    x = jnp.where(determinant < _MINIMAL, 0.0, (c * u - b * v) / jnp.maximum(determinant, _MINIMAL))
    x = jnp.clip(x, -1, 1)
    y = (v - b * x) / c
    clipped = jnp.clip(y, -1, 1)
    return jnp.where(clipped == y, x, jnp.clip((u - b * clipped) / a, -1, 1)), clipped


def _of_spheres(one: jax.Array, radius: jax.Array, other: jax.Array, other_radius: jax.Array) -> Any:
    distance, position, normal = _primitive._sphere_sphere(one, radius, other, other_radius)
    return distance, position, _math.make_frame(normal)


_TYPES = mjx.GeomType
CAPSULES = {
    (_TYPES.PLANE, _TYPES.CAPSULE): plane_capsule,
    (_TYPES.SPHERE, _TYPES.CAPSULE): sphere_capsule,
    (_TYPES.CAPSULE, _TYPES.CAPSULE): capsule_capsule,
}


@contextmanager
def capsules_as_in_mujoco() -> Iterator[None]:
    """Have what is traced inside find contacts of capsules by the functions above."""
    table: Any = _driver._COLLISION_FUNC
    before = dict(table)
    table.update(CAPSULES)
    try:
        yield
    finally:
        table.update(before)
