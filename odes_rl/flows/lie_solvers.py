"""Diffrax solvers for Ẇ = W b(t, W) on a matrix group: the vector field returns the algebra element b(t, W).

    diffrax.diffeqsolve(diffrax.ODETerm(b), LieEuler(), t0, t1, dt0, W0)

They fit a constant step or `StepTo`, `SaveAt` on any grid and dense output, and the direct, forward-mode and
recursive-checkpoint adjoints. They have no error estimate, so no adaptive step.

Not `diffrax.BacksolveAdjoint`: with a Lie solver of its own it is refused, but one that is given a Euclidean solver,
`BacksolveAdjoint(solver=diffrax.Tsit5())`, silently reads the term's b as Ẇ, and its gradients are of another flow.
"""

from typing import Any, ClassVar

import jax
import jax.numpy as jnp
from diffrax import RESULTS, AbstractLocalInterpolation, AbstractSolver, AbstractTerm

from odes_rl.flows.lie_steps import LieStep, advance, lie_euler, rkmk4
from odes_rl.manifolds.matrix_functions import expm, matmul

_Step = tuple[jax.Array, None, dict[str, jax.Array], None, RESULTS]


class AlgebraInterpolation(AbstractLocalInterpolation):
    """W₀ exp(s u) for the fraction s of a step: on the group, which a linear interpolation of W leaves.

    Attributes:
        t0: start of the step.
        t1: end of the step.
        y0: W₀ [d, d].
        u: [d, d], the step's algebra increment.
    """

    t0: Any
    t1: Any
    y0: jax.Array
    u: jax.Array

    def evaluate(self, t0: Any, t1: Any = None, left: bool = True) -> jax.Array:
        """W at t0 [d, d], or if t1 is given its increase from t0 to t1."""
        del left
        if t1 is not None:
            return self.evaluate(t1) - self.evaluate(t0)
        length = self.t1 - self.t0
        # A step of length 0 is one that a batched solve has already left behind.
        fraction = (t0 - self.t0) / jnp.where(length == 0, 1, length)
        return matmul(self.y0, expm(fraction * self.u))


class LieEuler(AbstractSolver):
    """W ← W exp(Δt b(t, W)), first order (equation 5 of Choromanski et al. 2020)."""

    term_structure: ClassVar = AbstractTerm
    interpolation_cls: ClassVar = AlgebraInterpolation

    def order(self, terms: Any) -> int:
        """One."""
        return 1

    def init(self, terms: Any, t0: Any, t1: Any, y0: Any, args: Any) -> None:
        """Nothing is kept between steps; raises as `require_matrix` does."""
        require_matrix(y0)

    def step(self, terms: Any, t0: Any, t1: Any, y0: Any, args: Any, solver_state: None, made_jump: Any) -> _Step:
        """W [d, d] at t1 from W at t0, as diffrax wants it."""
        return _lie_solver_step(lie_euler, terms, t0, t1, y0, args)

    def func(self, terms: Any, t0: Any, y0: Any, args: Any) -> Any:
        """[d, d] the algebra element b(t0, W)."""
        return terms.vf(t0, y0, args)


class RungeKuttaMuntheKaas4(AbstractSolver):
    """The fourth-order method of Munthe-Kaas 1998, in the right-trivialised form of `lie_steps.rkmk4`.

    Dense output between the ends of a step is W₀ exp(s u), of second order.
    """

    term_structure: ClassVar = AbstractTerm
    interpolation_cls: ClassVar = AlgebraInterpolation

    def order(self, terms: Any) -> int:
        """Four."""
        return 4

    def init(self, terms: Any, t0: Any, t1: Any, y0: Any, args: Any) -> None:
        """Nothing is kept between steps; raises as `require_matrix` does."""
        require_matrix(y0)

    def step(self, terms: Any, t0: Any, t1: Any, y0: Any, args: Any, solver_state: None, made_jump: Any) -> _Step:
        """W [d, d] at t1 from W at t0, as diffrax wants it."""
        return _lie_solver_step(rkmk4, terms, t0, t1, y0, args)

    def func(self, terms: Any, t0: Any, y0: Any, args: Any) -> Any:
        """[d, d] the algebra element b(t0, W)."""
        return terms.vf(t0, y0, args)


LIE_SOLVERS: dict[str, type[AbstractSolver]] = {"lie_euler": LieEuler, "rkmk4": RungeKuttaMuntheKaas4}
"""Solvers by the name of their step in `LIE_STEPS`."""


def require_matrix(y0: Any) -> None:
    """Check that the state is one square matrix [d, d].

    Raises:
        TypeError: if it is a container, as it is in the backward solve of `diffrax.BacksolveAdjoint`.
        ValueError: if it is an array of another shape.
    """
    if not hasattr(y0, "shape"):
        raise TypeError(
            f"a Lie solver's state is {type(y0).__name__}, but must be one matrix [d, d]. If this came from "
            "differentiating with diffrax.BacksolveAdjoint, whose backward state is a tuple in no group: use "
            "diffrax.RecursiveCheckpointAdjoint() or DirectAdjoint(), or solve Ẇ = W b(t, W) itself with a "
            "Euclidean solver (term W @ b(t, W), diffrax.Tsit5())"
        )
    if len(y0.shape) != 2 or y0.shape[0] != y0.shape[1]:
        raise ValueError(f"a Lie solver's state has shape {y0.shape}, allowed is [d, d]: use jax.vmap for batches")


def _lie_solver_step(step: LieStep, terms: Any, t0: Any, t1: Any, y0: jax.Array, args: Any) -> _Step:
    control = terms.contr(t0, t1)
    u = step(lambda t, W: terms.vf_prod(t, W, args, control), t0, t1, y0)
    return advance(y0, u), None, {"y0": y0, "u": u}, None, RESULTS.successful
