"""The manifolds that parameters live on, and any optax optimiser over them.

A manifold is a frozen dataclass that JAX does not know as a container: it is one leaf of a pytree that
mirrors the parameters. Tangent coordinates lie in a fixed linear space (vectors, symmetric or skew
matrices), so one optimiser serves a whole tree (`riemannian`) and only `exp` knows the manifold (equation 8 of
Choromanski et al. 2020).
"""

from odes_rl.manifolds.clip_up import clip_up
from odes_rl.manifolds.euclidean import Euclidean
from odes_rl.manifolds.frozen import Frozen
from odes_rl.manifolds.grassmann import Grassmann
from odes_rl.manifolds.manifold import Manifold
from odes_rl.manifolds.matrix_functions import commutator, expm, matmul
from odes_rl.manifolds.optimizer import Step, apply_updates, riemannian
from odes_rl.manifolds.orthogonal import Orthogonal
from odes_rl.manifolds.positive_definite import PositiveDefinite
from odes_rl.manifolds.schedules import OPTIMIZERS, OptimizerFamily, Schedule, named_optimizer, scheduled
from odes_rl.manifolds.sphere import Sphere
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
    "OPTIMIZERS",
    "Euclidean",
    "Frozen",
    "Grassmann",
    "Manifold",
    "Metric",
    "OptimizerFamily",
    "Orthogonal",
    "PositiveDefinite",
    "Schedule",
    "Sphere",
    "Step",
    "Stiefel",
    "Symmetric",
    "apply_updates",
    "clip_up",
    "commutator",
    "expm",
    "lift",
    "matmul",
    "named_optimizer",
    "riemannian",
    "scheduled",
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
    "grassmann": Grassmann,
    "sphere": Sphere,
    "positive_definite": PositiveDefinite,
}
