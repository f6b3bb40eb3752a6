"""A weight matrix of its own for each layer: a deep network, residual or plain."""

import jax

from odes_rl.flows.trajectories.trajectory import Trajectory
from odes_rl.manifolds import Euclidean


def per_layer(hidden: int, layers: int = 25, scale: float = 1.0) -> Trajectory:
    """Weights [L, h, h] that are the unconstrained parameter `W` itself, L = `layers`, h = `hidden`.

    Only the number of times matters, not their values. Entries start as normal of variance 1/h: the
    spectral radius of each layer is near 1 (DeepNet and DeepResNet in §5.1.2 of Choromanski et al. 2020,
    "Uncon-ResNet" in Davis et al. 2020).
    """
    manifolds = {"W": Euclidean(scale)}

    def init(key: jax.Array) -> dict[str, jax.Array]:
        return {"W": manifolds["W"].random(key, (layers, hidden, hidden))}

    def weights(params: dict[str, jax.Array], times: jax.Array) -> jax.Array:
        """The parameter.

        Raises:
            ValueError: if there are more or fewer times than layers.
        """
        if times.shape[0] != layers:
            raise ValueError(f"times are {times.shape[0]}, but there are {layers} layers: use layers={times.shape[0]}")
        return params["W"]

    return Trajectory(init, manifolds, weights)
