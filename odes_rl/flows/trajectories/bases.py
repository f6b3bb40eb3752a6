"""The bases of NANODE by name, with the options that policies and supervised models share (Davis et al. 2020, §2.3)."""

from collections.abc import Callable
from typing import Annotated

from pydantic import BaseModel, Field

from odes_rl.flows.trajectories.bucketed import bucketed
from odes_rl.flows.trajectories.gated_kernels import gated_kernels
from odes_rl.flows.trajectories.givens import givens
from odes_rl.flows.trajectories.householder import householder
from odes_rl.flows.trajectories.hypernetwork import hypernetwork
from odes_rl.flows.trajectories.polynomial import polynomial
from odes_rl.flows.trajectories.random_features import random_features
from odes_rl.flows.trajectories.trajectory import Trajectory
from odes_rl.flows.trajectories.trigonometric import trigonometric
from odes_rl.validation import STRICT, OneOf

BASES: dict[str, Callable[["BasisOptions", int, int], Trajectory]] = {
    "trigonometric": lambda own, hidden, units: trigonometric(hidden, own.degree, own.period),
    "monomial": lambda own, hidden, units: polynomial(hidden, own.degree, "monomial"),
    "chebyshev": lambda own, hidden, units: polynomial(hidden, own.degree, "chebyshev"),
    "legendre": lambda own, hidden, units: polynomial(hidden, own.degree, "legendre"),
    "random_features": lambda own, hidden, units: random_features(hidden, own.features, own.bandwidth),
    "bucketed": lambda own, hidden, units: bucketed(hidden, own.buckets),
    "hypernetwork": lambda own, hidden, units: hypernetwork(hidden, own.embedding, units),
    "gated": lambda own, hidden, units: gated_kernels(hidden, own.kernels),
    "givens": lambda own, hidden, units: givens(hidden, max(own.degree, 1)),
}
"""The trajectory of each basis for options, h, and units of a hypernetwork."""


class BasisOptions(BaseModel, frozen=True):
    """How weights depend on time."""

    model_config = STRICT

    basis: Annotated[str, OneOf(BASES)] = "trigonometric"
    """The functions of time. `bucketed`: constant on intervals. `hypernetwork`: a network of the time and a learned
    embedding of each entry. `gated`: matrices that are weighted by sigmoids of time. `givens`: rotations in coordinate
    planes, which keep the weights orthogonal."""
    degree: int = Field(default=5, ge=0)
    """Degree d. Coefficients of an entry: 2d + 1 of a trigonometric polynomial, d + 1 of the others. `givens` has d
    rounds, at least one."""
    period: float | None = Field(default=None, gt=0)
    """Period of the slowest trigonometric terms; none uses cos t and sin t as in the paper, nearly collinear on [0,
    1]."""
    features: int = Field(default=16, ge=1)
    """Number of `random_features`."""
    bandwidth: float = Field(default=1.0, gt=0)
    """Standard deviation of the frequencies of `random_features`."""
    buckets: int = Field(default=5, ge=1)
    """Number of intervals of `bucketed`; if equal to `steps`, each step has its own matrix."""
    kernels: int = Field(default=4, ge=1)
    """Number of matrices of `gated`."""
    embedding: int = Field(default=1, ge=1)
    """Size of each entry's embedding in `hypernetwork`."""
    householder: bool = False
    """Use the rows of the matrices as vectors of Householder reflections, whose product is orthogonal."""


def check_basis(options: BasisOptions, hidden: int, steps: int, size: str) -> None:
    """Check that the basis suits h = `hidden`, whose option is called `size`, and the number of `steps`.

    Raises:
        ValueError: if there are more buckets than steps, or no plane to turn in.
    """
    if options.basis == "bucketed" and options.buckets > steps:
        raise ValueError(f"buckets is {options.buckets}, but there are only {steps} steps: use {steps}")
    if options.basis == "givens" and hidden < 2:
        raise ValueError(f"basis givens turns pairs of axes: it needs {size} ≥ 2")


def basis_trajectory(options: BasisOptions, hidden: int, units: int) -> Trajectory:
    """The trajectory [L, h, h] of the options, h = `hidden`; `units` are those of the hypernetwork."""
    trajectory = BASES[options.basis](options, hidden, units)
    return householder(hidden, trajectory) if options.householder else trajectory
