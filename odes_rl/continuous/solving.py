"""Solving ż = f(t, z) with diffrax: which method, which steps, which adjoint."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from pydantic import BaseModel, Field, model_validator

from odes_rl.errors import check_name
from odes_rl.flows.ode_solvers import FIXED_ONLY, SOLVERS, Adjoint, make_adjoint, make_solver
from odes_rl.validation import STRICT

VectorField = Callable[[jax.Array, Any, Any], Any]
"""`field(t, z, params) -> ż`, a pytree like z."""


class Solving(BaseModel, frozen=True):
    """How an ordinary differential equation is solved, and its solution differentiated."""

    model_config = STRICT

    solver: str = "dopri5"
    """Diffrax's method, as in `euler`, `midpoint`, `bosh3`, `tsit5`, `dopri5`, `dopri8`, `kvaerno3`."""
    solver_steps: int | None = Field(default=None, ge=1)
    """Equal steps from end to end; none lets the method choose its steps by `tolerance`."""
    tolerance: float = Field(default=1e-3, gt=0)
    """Error of a step that is allowed, relative and absolute, where the method chooses its steps."""
    most_steps: int = Field(default=4096, ge=1)
    """Steps after which the method gives up, where it chooses them."""
    adjoint: Adjoint = "checkpointed"
    """How gradients come back: `direct` through all steps; `checkpointed` through steps made again; `backsolve` by the
    adjoint equation, backwards in depth."""

    @model_validator(mode="after")
    def _check_solver(self) -> "Solving":
        check_name("solver", self.solver, SOLVERS)
        if self.solver in FIXED_ONLY and self.solver_steps is None:
            raise ValueError(f"solver is {self.solver!r}, which cannot choose its steps: give solver_steps")
        return self


class Solution(NamedTuple):
    """The result of a solve.

    Attributes:
        states: a pytree like the start, with a leading axis [T] for the times asked for.
        steps: scalar, steps of the method, rejected ones included.
    """

    states: Any
    steps: jax.Array


def solve(
    solving: Solving,
    field: VectorField,
    params: Any,
    start: Any,
    times: jax.Array,
    jumps: tuple[float, ...] = (),
) -> Solution:
    """The solution of ż = field(t, z, params), z(times[0]) = `start`, at `times` [T], which rise or fall.

    With `solver_steps`, the last time must differ from the first.

    A batch is one state, solved with common steps. Gradients flow to `params` and `start`. A method that chooses its
    steps ends one at each of the times `jumps`, where the field is not continuous in t; equal steps take no notice.

    If the method gives up, because its steps are too many or the state is no longer finite, the states are infinite
    from there on: nothing raises, and whoever looks at them can say why.
    """
    import diffrax

    first, last = times[0], times[-1]
    control, dt0, most = _steps(solving, first, last, jumps)
    if jumps and solving.solver_steps is None:
        field, params = _inside(field, first, last, params)
    found = diffrax.diffeqsolve(
        diffrax.ODETerm(field),  # pyright: ignore[reportArgumentType]
        make_solver(solving.solver, tolerance=solving.tolerance),
        first,
        last,
        dt0,
        start,
        args=params,
        saveat=diffrax.SaveAt(ts=times),
        stepsize_controller=control,
        adjoint=make_adjoint(solving.adjoint),
        max_steps=most,
        throw=False,
    )
    return Solution(found.ys, found.stats["num_steps"])


def _inside(field: VectorField, first: jax.Array, last: jax.Array, params: Any) -> tuple[VectorField, Any]:
    """`field` between the ends alone: at an end that is a jump, it has the value that it has on this side of it.

    The ends are among its parameters, since a field that is solved backwards may close over no traced value. With
    respect to the time, its derivatives stay.
    """
    low, high = lax.stop_gradient((jnp.minimum(first, last), jnp.maximum(first, last)))
    ends = jnp.nextafter(low, high), jnp.nextafter(high, low)
    return lambda t, z, given: field(t + lax.stop_gradient(jnp.clip(t, *given[1]) - t), z, given[0]), (params, ends)


def _steps(
    solving: Solving, first: jax.Array, last: jax.Array, jumps: tuple[float, ...]
) -> tuple[Any, jax.Array | None, int]:
    """Diffrax's controller of the step, the first step, and how many there may be."""
    import diffrax

    count = solving.solver_steps
    if count is None:
        control = diffrax.PIDController(rtol=solving.tolerance, atol=solving.tolerance)
        if jumps:
            control = diffrax.ClipStepSizeController(control, jump_ts=jnp.array(jumps, first.dtype))
        return control, None, solving.most_steps
    if solving.adjoint == "backsolve":  # which takes the same controller backwards
        return diffrax.ConstantStepSize(), (last - first) / count, count + 1
    share = jnp.asarray(np.arange(count + 1) / count, first.dtype)
    ends = (1 - share) * first + share * last  # exact at both ends
    return diffrax.StepTo(ends), None, count


def counting(function: Callable[..., Any], count: Callable[[], None]) -> Callable[..., Any]:
    """`function`, a field, which calls `count` at each evaluation when it runs, those of a backward solve included."""

    def counted(*args: Any) -> Any:
        jax.debug.callback(count)
        return function(*args)

    return counted
