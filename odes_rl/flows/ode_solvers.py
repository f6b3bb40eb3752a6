"""Diffrax's solvers and adjoints by name. Diffrax is imported only when it is needed, since its import is slow."""

from typing import Any, Literal

from odes_rl.errors import check_name

EXPLICIT = {
    "euler": "Euler",
    "heun": "Heun",
    "midpoint": "Midpoint",
    "ralston": "Ralston",
    "bosh3": "Bosh3",
    "tsit5": "Tsit5",
    "dopri5": "Dopri5",
    "dopri8": "Dopri8",
}
"""Diffrax's class of each explicit Runge–Kutta method."""
SOLVERS = EXPLICIT | {
    "reversible_heun": "ReversibleHeun",
    "implicit_euler": "ImplicitEuler",
    "kvaerno3": "Kvaerno3",
    "kvaerno4": "Kvaerno4",
}
"""Diffrax's class of each solver of an ordinary differential equation."""
FIXED_ONLY = ("euler", "implicit_euler")
"""Solvers that estimate no error, and so cannot choose their steps."""
Adjoint = Literal["direct", "checkpointed", "backsolve"]


_ROOT_SHARE = 0.1
"""Tolerance of Newton's method in implicit solvers, as a fraction of the tolerance of the solver."""


def make_solver(name: str, allowed: dict[str, str] = SOLVERS, tolerance: float = 1e-3) -> Any:
    """The solver called `name`; an implicit one solves its equations to a tenth of `tolerance`.

    Raises:
        UserError: if none of `allowed` is; names the nearest.
    """
    import diffrax

    solver: Any = getattr(diffrax, allowed[check_name("solver", name, allowed)])
    if not issubclass(solver, diffrax.AbstractImplicitSolver):
        return solver()
    precision = _ROOT_SHARE * tolerance
    return solver(root_finder=diffrax.VeryChord(rtol=precision, atol=precision))  # pyright: ignore[reportCallIssue]


def make_adjoint(name: Adjoint) -> Any:
    """How a solve is differentiated: through its loop; through its steps, made again from checkpoints; or backwards.

    The memory of the second grows with the root of the steps, or less, that of the third not at all; it alone is
    inexact, by the solver's error.
    """
    import diffrax

    adjoints = {
        "direct": diffrax.DirectAdjoint,
        "checkpointed": diffrax.RecursiveCheckpointAdjoint,
        "backsolve": diffrax.BacksolveAdjoint,
    }
    return adjoints[name]()
