"""The isospectral flow ISO of ODEtoODE: Ẇ = W [WᵀQW, N] on the orthogonal group."""

import jax

from odes_rl.flows.lie_steps import flow, lie_step
from odes_rl.flows.trajectories.trajectory import Trajectory
from odes_rl.manifolds import Manifold, Orthogonal, Symmetric
from odes_rl.manifolds.matrix_functions import commutator, matmul

_LEARNED = Orthogonal()


def double_bracket(Q: jax.Array, N: jax.Array, W: jax.Array) -> jax.Array:
    """[h, h] b(W) = [WᵀQW, N], skew when Q and N are symmetric.

    Choromanski et al. 2020, §3.1, whose H_t is to read WᵀQW: its spectrum is constant along the flow.
    """
    return commutator(matmul(W.mT, Q, W), N)


def isospectral(hidden: int, solver: str = "lie_euler", scale: float = 1.0, initial: Manifold = _LEARNED) -> Trajectory:
    """Weights [L, h, h] of the double-bracket flow, h = `hidden`; one Lie step to each of the times [L].

    Parameters: W₀ ∈ O(h) as `initial`, symmetric `Q` and `N`, all [h, h].

    W₀ is drawn from the Haar measure, Q and N from the Gaussian orthogonal ensemble with spectral radius near
    `scale`: W turns by about scale² radians in unit time. With Q and N that commute, W₀ = I would never move.
    `initial` is W₀'s manifold, for one that is frozen.

    Raises:
        UserError: if no Lie step is called `solver`.
    """
    step = lie_step(solver)
    manifolds = {"initial": initial, "Q": Symmetric(scale), "N": Symmetric(scale)}

    def init(key: jax.Array) -> dict[str, jax.Array]:
        keys = dict(zip(manifolds, jax.random.split(key, 3), strict=True))
        return {name: manifold.random(keys[name], (hidden, hidden)) for name, manifold in manifolds.items()}

    def weights(params: dict[str, jax.Array], times: jax.Array) -> jax.Array:
        return flow(step, lambda _, W: double_bracket(params["Q"], params["N"], W), params["initial"], times)

    return Trajectory(init, manifolds, weights)
