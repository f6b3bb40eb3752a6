"""NANODE: a flow whose weights are trigonometric polynomials of time (Davis et al. 2020)."""

from typing import Literal

from pydantic import Field

from odes_rl.manifolds import Euclidean
from odes_rl.policies.base import Policy
from odes_rl.policies.residual import ResidualConfig, left_nodes, residual_policy
from odes_rl.trajectories.trigonometric import trigonometric


class NanodeConfig(ResidualConfig, frozen=True):
    """A flow whose weights are trigonometric polynomials of time."""

    name: Literal["nanode"] = "nanode"
    degree: int = Field(default=5, ge=0)
    """Degree d of the polynomials: 2d + 1 coefficients an entry."""
    period: float | None = Field(default=None, gt=0)
    """Period of the slowest terms; none is cos t, sin t as printed, nearly collinear on [0, 1]."""


def nanode(config: NanodeConfig, observation_size: int, action_size: int) -> Policy:
    """The flow ẋ = f(W_t x), without biases (Choromanski et al. 2020, §5.1.2).

    Projections start normal with deviation 1/√fan-in.
    """
    return residual_policy(
        config,
        observation_size,
        action_size,
        trajectory=trigonometric(config.hidden, config.degree, config.period),
        times=left_nodes(config.steps),
        step=1 / config.steps,
        projection=Euclidean(),
        biases=0,
    )
