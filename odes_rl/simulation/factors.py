"""Cholesky factors in MJX on a CPU: of one matrix after the other.

jaxlib 0.10 hands the matrices of a batch to the threads that run programs, and waits for them in one of these threads.
Where all threads wait at once, as two independent batches have them do on two cores, the program never ends.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import jax
from jax.custom_batching import sequential_vmap
from jax.scipy import linalg

from odes_rl.simulation.models import load_mjx

mjx: Any = load_mjx()
from mujoco.mjx._src import forward as _forward  # noqa: E402 - the modules that factor matrices, under `jax.scipy`
from mujoco.mjx._src import smooth as _smooth  # noqa: E402
from mujoco.mjx._src import solver as _solver  # noqa: E402


def _one_by_one(function: Callable[..., jax.Array]) -> Callable[..., jax.Array]:
    """The function, a batch of whose arguments is a loop on a CPU."""
    looped = sequential_vmap(function)
    return lambda *arrays: (looped if jax.default_backend() == "cpu" else function)(*arrays)


_factor = _one_by_one(lambda matrix: linalg.cho_factor(matrix)[0])
_solve = _one_by_one(lambda factor, right: linalg.cho_solve((factor, False), right))


def cho_factor(matrix: jax.Array) -> tuple[jax.Array, bool]:
    """As jax.scipy.linalg.cho_factor, of [n, n]."""
    return _factor(matrix), False


def cho_solve(factor: tuple[jax.Array, bool], right: jax.Array) -> jax.Array:
    """As jax.scipy.linalg.cho_solve, for a factor of `cho_factor` and [n]."""
    return _solve(factor[0], right)


class _Jax:
    """What MJX's modules know as `jax`: with these functions in place of its own."""

    scipy = SimpleNamespace(linalg=SimpleNamespace(cho_factor=cho_factor, cho_solve=cho_solve))

    def __getattr__(self, name: str) -> Any:
        return getattr(jax, name)


@contextmanager
def factored_one_by_one() -> Iterator[None]:
    """Have what is traced inside factor matrices by the functions above."""
    modules: tuple[Any, ...] = (_forward, _smooth, _solver)
    for module in modules:
        module.jax = _Jax()
    try:
        yield
    finally:
        for module in modules:
            module.jax = jax
