"""The first and the last affine layer of a model, whose matrices may be on a Stiefel manifold."""

from typing import Annotated

import jax
import jax.numpy as jnp
from pydantic import BaseModel

from odes_rl.continuous.affine_layer import AFFINE, init_affine
from odes_rl.flows.trajectories.orthogonal_flows import PROJECTIONS
from odes_rl.manifolds import Manifold
from odes_rl.supervised.models.model import Params
from odes_rl.validation import STRICT, OneOf


class ProjectionOptions(BaseModel, frozen=True):
    """The manifold of the first and the last matrix of a model."""

    model_config = STRICT

    projections: Annotated[str, OneOf(PROJECTIONS)] = "euclidean"
    """Matrices of the first and the last affine layer. `euclidean`: unconstrained. `stiefel`: orthonormal columns or
    rows, as in the policies of Choromanski et al. 2020, §3.2. `frozen`: the same, but not trained."""

    @property
    def projection_layer(self) -> dict[str, Manifold]:
        """Manifolds of such an affine layer."""
        return AFFINE | {"weight": PROJECTIONS[self.projections]}

    def init_projection(self, key: jax.Array, inputs: int, outputs: int, scale: float = 1.0) -> Params:
        """Weight [outputs, inputs] and bias [outputs], zero. Euclidean weights start as `init_affine` has them."""
        if self.projections == "euclidean":
            return init_affine(key, inputs, outputs, scale)
        return {"weight": self.projection_layer["weight"].random(key, (outputs, inputs)), "bias": jnp.zeros(outputs)}
