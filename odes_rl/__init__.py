"""Neural-ODE policies whose weights flow on manifolds, trained with evolution strategies.

What `__all__` names is imported when it is first asked for: workers import this package, and no JAX.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from odes_rl.manifolds import (
        Euclidean,
        Frozen,
        Grassmann,
        Manifold,
        Orthogonal,
        PositiveDefinite,
        Sphere,
        Stiefel,
        Symmetric,
        apply_updates,
        riemannian,
    )

__all__ = [
    "Euclidean",
    "Frozen",
    "Grassmann",
    "Manifold",
    "Orthogonal",
    "PositiveDefinite",
    "Sphere",
    "Stiefel",
    "Symmetric",
    "apply_updates",
    "riemannian",
]
__version__ = "0.1.0"

_ROOMS = dict.fromkeys(__all__, "odes_rl.manifolds")
"""Where each public name is at home."""


def __getattr__(name: str) -> object:
    if name not in _ROOMS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(_ROOMS[name]), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
