"""The manifolds that parameters live on: Euclidean space, symmetric, orthogonal and Stiefel matrices.

A manifold is a frozen dataclass that JAX does not know as a container: it is one leaf of a pytree that
mirrors the parameters. Tangent coordinates lie in a fixed linear space (vectors, symmetric or skew
matrices), so one optimiser serves a whole tree and only `exp` knows the manifold (equation 8 of Choromanski
et al. 2020).
"""

from odes_rl.manifolds.base import Manifold
from odes_rl.manifolds.euclidean import Euclidean
from odes_rl.manifolds.frozen import Frozen
from odes_rl.manifolds.orthogonal import Orthogonal
from odes_rl.manifolds.stiefel import Metric, Stiefel, lift
from odes_rl.manifolds.symmetric import Symmetric
from odes_rl.manifolds.trees import (
    tree_ambient,
    tree_exp,
    tree_horizontal,
    tree_in_metric,
    tree_perturb,
    tree_to_tangent,
    tree_violation,
)

__all__ = [
    "MANIFOLDS",
    "Euclidean",
    "Frozen",
    "Manifold",
    "Metric",
    "Orthogonal",
    "Stiefel",
    "Symmetric",
    "lift",
    "tree_ambient",
    "tree_exp",
    "tree_horizontal",
    "tree_in_metric",
    "tree_perturb",
    "tree_to_tangent",
    "tree_violation",
]

MANIFOLDS: dict[str, type[Manifold]] = {
    "euclidean": Euclidean,
    "symmetric": Symmetric,
    "orthogonal": Orthogonal,
    "stiefel": Stiefel,
}
