"""Matching of graphs by an isospectral flow, beside sorting, which is matching of diagonal matrices."""

from typing import Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.figure import Figure
from pydantic import Field, NonNegativeFloat
from scipy.optimize import quadratic_assignment

from odes_rl.manifolds import Orthogonal
from odes_rl.reports import COLOURS, MARKERS, dress_panel
from odes_rl.studies import Findings, StudyConfig, StudyFamily, Tell
from odes_rl_studies.matching_flow import centred, distance, match, nearest_permutation, spectral

Method = Literal["flow alone", "flow with penalties", "spectral", "FAQ"]
METHODS: tuple[Method, ...] = ("flow alone", "flow with penalties", "spectral", "FAQ")


class MatchingConfig(StudyConfig, frozen=True):
    """Graphs whose nodes are permuted and whose weights are noisy, matched again; and lists that are sorted so."""

    study: Literal["matching"] = "matching"
    size: int = Field(default=8, ge=3)
    """Nodes n of a graph, and entries of a list."""
    graphs: int = Field(default=40, ge=1)
    """Graphs at each level of noise, and lists."""
    noises: tuple[NonNegativeFloat, ...] = Field(default=(0.0, 0.01, 0.03, 0.1), min_length=1)
    """Standard deviations of the noise in a weight; weights are uniform on [0, 1]."""
    starts: int = Field(default=32, ge=1)
    """Starts W₀ of the flow from the Haar measure, of which the best end is kept."""
    steps: int = Field(default=600, ge=1)
    """Lie–Euler steps of the flow."""
    cubes: float = Field(default=0.03, ge=0)
    """Weight of the penalty that leads to permutations, at the end; it grows from 0."""
    pull: float = Field(default=0.1, ge=0)
    """Weight of the sum of the entries of W, which chooses signs."""


class Problem(NamedTuple):
    """G pairs Q and N [G, n, n], centred, and the permutations [G, n, n] that were hidden in them."""

    name: str
    Q: np.ndarray
    N: np.ndarray
    hidden: np.ndarray


class Solved(NamedTuple):
    """Which of G pairs a method matched at least as well as what was hidden: [G, R] by each start, and [G] by the best.

    `violation` is that of the manifold, at the end, and `W` [n, n] the end of the first start of the first pair.
    """

    each: np.ndarray
    best: np.ndarray
    distances: np.ndarray
    violation: float | None
    W: np.ndarray | None


def matching(config: MatchingConfig, tell: Tell) -> Findings:
    """Match all pairs by all methods; the share that is matched at least as well as by the hidden permutation."""
    problems = [graphs(config, noise) for noise in config.noises] + [lists(config)]
    found: dict[tuple[str, Method], Solved] = {}
    for problem in problems:
        for method in METHODS:
            found[problem.name, method] = solve(problem, method, config)
            tell(f"{problem.name}, {method}: {found[problem.name, method].best.mean():.0%} solved")
    heading = ("pairs", "method", "solved, one start", f"solved, best of {config.starts}", "distance", "violation")
    rows = [
        (name, method, s.each.mean() if s.W is not None else None, s.best.mean(), s.distances.mean(), s.violation)
        for (name, method), s in found.items()
    ]
    notes = (
        f"{config.graphs} pairs each, n = {config.size}. A pair is solved if ‖PᵀQP − N‖ is at most that of the hidden "
        "permutation; Q and N are centred and have norm 1. `spectral` and `FAQ` have no random start.",
    )
    return Findings(heading, rows, _draw(config, problems, found), notes)


def graphs(config: MatchingConfig, noise: float) -> Problem:
    """Complete graphs with uniform weights Q, and N = PᵀQP + noise for random P; Q and P are the same at any noise."""
    generator = np.random.default_rng(config.seed)
    shape = (config.graphs, config.size, config.size)
    weights, errors = (np.triu(draw, 1) for draw in (generator.random(shape), generator.normal(size=shape)))
    Q, errors = weights + weights.swapaxes(1, 2), errors + errors.swapaxes(1, 2)
    hidden = np.stack([np.eye(config.size)[generator.permutation(config.size)] for _ in Q])
    N = hidden.swapaxes(1, 2) @ Q @ hidden + noise * errors
    return Problem(f"graphs, noise {noise:g}", centred(Q), centred(N), hidden)


def lists(config: MatchingConfig) -> Problem:
    """Q = diag(x) of uniform lists x and N = diag(1..n): the best permutation sorts x."""
    eye = np.eye(config.size)
    x = np.random.default_rng(config.seed).random((config.graphs, config.size))
    hidden = eye[np.argsort(x)].swapaxes(1, 2)
    N = np.broadcast_to(np.arange(1.0, config.size + 1) * eye, (config.graphs, *eye.shape))
    return Problem("lists, sorted", centred(x[..., None] * eye), centred(N), hidden)


def solve(problem: Problem, method: Method, config: MatchingConfig) -> Solved:
    """What one method makes of all pairs."""
    allowed = distance(problem.hidden, problem.Q, problem.N) + 1e-6
    violation = W = None
    if method in ("flow alone", "flow with penalties"):
        shape = (len(problem.Q), config.starts, config.size, config.size)
        start = Orthogonal().random(jax.random.key(config.seed), shape)
        cubes, pull = (config.cubes, config.pull) if method == "flow with penalties" else (0.0, 0.0)
        Q, N = (jnp.asarray(part, jnp.float32)[:, None] for part in (problem.Q, problem.N))
        ends = match(start, Q, N, cubes, pull, config.steps)
        violation, W = float(Orthogonal().violation(ends)), np.asarray(ends[0, 0])
        scores = np.asarray(ends if pull else ends**2, np.float64)  # alone, the flow does not choose signs
        found = np.stack([[nearest_permutation(one) for one in several] for several in scores])
    else:
        one = spectral if method == "spectral" else _faq
        found = np.stack([one(Q, N) for Q, N in zip(problem.Q, problem.N, strict=True)])[:, None]
    distances = distance(found, problem.Q[:, None], problem.N[:, None])
    each = distances <= allowed[:, None]
    return Solved(each, np.any(each, axis=1), np.min(distances, axis=1), violation, W)


def _faq(Q: np.ndarray, N: np.ndarray) -> np.ndarray:
    """The permutation that SciPy's fast approximate quadratic assignment finds (Vogelstein et al. 2015)."""
    columns = quadratic_assignment(N, Q, options={"maximize": True}).col_ind
    return np.eye(len(Q))[columns].T


def _draw(config: MatchingConfig, problems: list[Problem], found: dict[tuple[str, Method], Solved]) -> Figure:
    figure = Figure(figsize=(12.4, 3.3), layout="constrained")
    shares, *panels = figure.subplots(1, 4, width_ratios=(1.5, 1, 1, 1))
    places = np.arange(len(problems))
    for index, method in enumerate(METHODS):
        solved = [100 * found[problem.name, method].best.mean() for problem in problems]
        style = {"color": COLOURS[index], "marker": MARKERS[index], "linestyle": "none"}
        shares.plot(places + 0.08 * (index - 1.5), solved, **style, label=method)
    shares.set_xticks(places, [problem.name.replace(", ", ",\n") for problem in problems], fontsize=7)
    shares.set(ylabel="solved (%)", ylim=(-3, 103), title=f"best of {config.starts} starts")
    shares.legend(frameon=False, fontsize=8)
    dress_panel(shares)
    first = problems[0]
    matrices = (
        ("hidden permutation", first.hidden[0]),
        *((method, found[first.name, method].W) for method in METHODS[:2]),
    )
    for axes, (title, matrix) in zip(panels, matrices, strict=True):
        axes.imshow(matrix, cmap="RdBu", vmin=-1, vmax=1)
        axes.set_title(title if title == "hidden permutation" else f"W of one start, {title}", fontsize=9)
        axes.set(xticks=[], yticks=[])
    return figure


STUDY = StudyFamily(MatchingConfig, matching)
