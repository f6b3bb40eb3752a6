"""Neural-ODE policies whose weights flow on manifolds, trained with evolution strategies.

The names in `__all__` are imported on first use, because workers import this package but not JAX.
"""

from typing import TYPE_CHECKING

from odes_rl.lazy import lazy_names

if TYPE_CHECKING:
    from odes_rl.errors import UserError
    from odes_rl.es import Adaptation, RiemannianES, perturbations, shaping
    from odes_rl.front.launching import train
    from odes_rl.front.loading import load
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
        clip_up,
        riemannian,
    )

__version__ = "0.1.0"
__all__ = [
    "Adaptation",
    "Euclidean",
    "Frozen",
    "Grassmann",
    "Manifold",
    "Orthogonal",
    "PositiveDefinite",
    "RiemannianES",
    "Sphere",
    "Stiefel",
    "Symmetric",
    "UserError",
    "apply_updates",
    "clip_up",
    "load",
    "perturbations",
    "riemannian",
    "shaping",
    "train",
]
_HOMES = dict.fromkeys(__all__, "odes_rl.manifolds") | {
    "Adaptation": "odes_rl.es",
    "RiemannianES": "odes_rl.es",
    "perturbations": "odes_rl.es",
    "shaping": "odes_rl.es",
    "UserError": "odes_rl.errors",
    "load": "odes_rl.front.loading",
    "train": "odes_rl.front.launching",
}
"""The module of each public name."""
__getattr__, __dir__ = lazy_names(__name__, _HOMES)
