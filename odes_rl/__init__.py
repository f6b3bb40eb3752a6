"""Neural-ODE policies whose weights flow on manifolds, trained with evolution strategies."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from odes_rl.front.launching import train
    from odes_rl.front.loading import load

__version__ = "0.1.0"
__all__ = ["load", "train"]
_HOMES = {
    "load": "odes_rl.front.loading",
    "train": "odes_rl.front.launching",
}
"""The module of each public name. It is imported when the name is asked for: a worker, which has no JAX, never does."""


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})
