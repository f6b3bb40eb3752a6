"""Sorting by isospectral flows: Brockett's, and learned ones (Choromanski et al. 2020, §7)."""

from typing import Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from pydantic import Field, PositiveFloat

from odes_rl.manifolds import Frozen, Manifold, Orthogonal, Symmetric
from odes_rl.reports import deviation
from odes_rl.studies import Findings, StudyConfig, StudyFamily, Tell
from odes_rl_studies.descent import minimise
from odes_rl_studies.sorting_flow import (
    KINDS,
    Judged,
    Kind,
    Params,
    diagonal,
    draw_lists,
    error,
    in_eigenbasis,
    judge,
    mean_minors,
    outputs_of,
    remainder,
    right,
    turned,
    weights,
)
from odes_rl_studies.sorting_pictures import Shown, draw_sorting

Method = Literal["Brockett", "learned start", "learned N", "both learned", "both from random"]
LEARNED: dict[Method, tuple[str, ...]] = {
    "Brockett": (),
    "learned start": ("initial",),
    "learned N": ("N",),
    "both learned": ("initial", "N"),
    "both from random": ("initial", "N"),
}
"""Which parameters a method learns. All begin with a start W₀ from the Haar measure and Brockett's N, but for the last,
whose N is from the Gaussian orthogonal ensemble."""
_FINER = 4


class SortingConfig(StudyConfig, frozen=True):
    """Sorting a list x by Ẇ = W[WᵀQW, N], Q = diag(x), up to time 1, with W₀ and N of Brockett, or learned."""

    study: Literal["sorting"] = "sorting"
    methods: tuple[Method, ...] = Field(default=tuple(LEARNED), min_length=1)
    """Which."""
    size: int = Field(default=6, ge=2)
    """Entries n of a list."""
    steps: int = Field(default=20, ge=1)
    """Lie–Euler steps L; stable where the range of the list times that of N's eigenvalues is below 2L."""
    factors: tuple[PositiveFloat, ...] = Field(default=(3.0, 6.0, 8.0, 9.0, 10.0, 12.0), min_length=1)
    """c of Brockett's N = c diag(1..n), of which the best is kept."""
    seeds: int = Field(default=4, ge=1)
    """Starts W₀, all at once."""
    training: int = Field(default=600, ge=1)
    """Steps of Adam on W₀ and N/c."""
    learning_rate: float = Field(default=0.03, gt=0)
    """Their length, which falls to a hundredth along half a cosine."""
    batch: int = Field(default=8, ge=1)
    """Lists a step and seed, always new ones, uniform on [0, 1]."""
    lists: int = Field(default=500, ge=10)
    """Of each kind and seed, fresh, that methods are judged by."""


class Result(NamedTuple):
    """W₀ and N of a method, judged as they are, with four times the steps, and read in the eigenbasis of N."""

    params: Params
    judged: Judged
    finer: Judged
    eigen: Judged


def sorting(config: SortingConfig, tell: Tell) -> Findings:
    """Learn by each method, and judge them all by the same fresh lists."""
    start_key, search_key, learn_key, *keys = jax.random.split(jax.random.key(config.seed), 3 + len(KINDS))
    start = brockett(start_key, config)
    shape = (config.seeds, config.lists, config.size)
    searched = search(start, draw_lists("uniform", search_key, shape), config)
    factor = min(searched, key=searched.__getitem__)
    tell(f"Brockett: the best c is {factor:g}")
    fresh: dict[Kind, jax.Array] = {kind: draw_lists(kind, k, shape) for kind, k in zip(KINDS, keys, strict=True)}
    results: dict[Method, Result] = {}
    for method in config.methods:
        params = learn(method, factor, start, learn_key, config, lambda line, m=method: tell(f"{m}: {line}"))
        judged, eigen = (judge(p, fresh, config.steps) for p in (params, in_eigenbasis(params)))
        results[method] = Result(params, judged, judge(params, fresh, _FINER * config.steps), eigen)
    heading = (
        *("method", "error", "deviation", "lists right", "error, eigenbasis", "lists right, eigenbasis"),
        *("mean minor of W₀V", "error, normal", "normal, finer steps", "error, close", "H(1) off diagonal"),
        "N off diagonal",
    )
    rows = [_row(method, result) for method, result in results.items()]
    shown = {method: _show(result.params, fresh["uniform"], config.steps) for method, result in results.items()}
    return Findings(heading, rows, draw_sorting(shown), _notes(searched, fresh["uniform"], list(results.values())))


def brockett(key: jax.Array, config: SortingConfig) -> Params:
    """W₀ from the Haar measure and N = diag(1..n)."""
    shape = (config.seeds, config.size, config.size)
    N = jnp.diag(jnp.arange(1.0, config.size + 1))
    return {"initial": Orthogonal().random(key, shape), "N": jnp.broadcast_to(N, shape)}


def search(params: Params, lists: jax.Array, config: SortingConfig) -> dict[float, float]:
    """Errors with c N, means over seeds, by c."""
    return {c: float(error(outputs_of(_scaled(c, params), lists, config.steps), lists).mean()) for c in config.factors}


def learn(method: Method, factor: float, start: Params, key: jax.Array, config: SortingConfig, tell: Tell) -> Params:
    """W₀ and c N, c = `factor`, as `method` learns them from W₀ and N of `start`; Adam sees N, the flow c N."""
    manifolds: dict[str, Manifold] = {"initial": Orthogonal(), "N": Symmetric()}
    manifolds = {name: m if name in LEARNED[method] else Frozen(m) for name, m in manifolds.items()}

    def loss(params: Params, key: jax.Array) -> jax.Array:
        lists = draw_lists("uniform", key, (config.seeds, config.batch, config.size))
        return jnp.mean(error(outputs_of(_scaled(factor, params), lists, config.steps), lists) ** 2)

    params = start
    if method == "both from random":
        params = {**start, "N": Symmetric((config.size - 1) / 2).random(key, start["N"].shape)}
    if LEARNED[method]:
        rate = config.learning_rate
        params, _ = minimise(loss, manifolds, params, key, config.training, tell, learning_rate=rate, schedule="cosine")
    return _scaled(factor, params)


def _scaled(factor: float, params: Params) -> Params:
    return {**params, "N": factor * params["N"]}


def _row(method: Method, result: Result) -> tuple[object, ...]:
    params, judged, finer, eigen = result
    errors = judged.errors
    return (
        *(method, errors["uniform"].mean(), deviation(errors["uniform"]), judged.right),
        *(eigen.errors["uniform"].mean(), eigen.right),
        mean_minors(np.asarray(in_eigenbasis(params)["initial"])),
        *(errors["normal"].mean(), finer.errors["normal"].mean(), errors["close"].mean()),
        *(judged.remainder, float(remainder(params["N"]).mean())),
    )


def _show(params: Params, lists: jax.Array, steps: int) -> Shown:
    """The list of median range of the first seed, and all errors, up to time 2; at time 1 whether lists are right."""
    times = jnp.arange(2 * steps + 1) / steps
    along = diagonal(turned(jax.jit(weights)(params, lists, times), lists))
    typical = jnp.argsort(jnp.ptp(lists[0], axis=-1))[lists.shape[1] // 2]
    gaps = jnp.diff(jnp.sort(lists)).min(axis=-1)
    whole = right(along[steps], lists).all(axis=-1)
    shown = (times, along[:, 0, typical], lists[0, typical], params["N"][0], error(along, lists), gaps, whole)
    return Shown(*map(np.asarray, shown))


def _notes(searched: dict[float, float], lists: jax.Array, results: list[Result]) -> list[str]:
    n = lists.shape[-1]
    constant = jnp.broadcast_to(jnp.arange(1.0, n + 1) / (n + 1), lists.shape)
    change = max(abs(r.finer.errors["uniform"].mean() - r.judged.errors["uniform"].mean()) for r in results)
    N = jnp.stack([r.params["N"] for r in results])
    steps, spans = jnp.diff(diagonal(N)), jnp.ptp(jnp.linalg.eigvalsh(N), axis=-1)
    return [
        f"The error of a list as it comes is {error(lists, lists).mean():.4g}, that of the constants i/(n + 1), "
        f"which are the mean sorted list, {error(constant, lists).mean():.4g}.",
        f"Brockett's N is c diag(1..n); its errors by c: {', '.join(f'{c:g}: {e:.4g}' for c, e in searched.items())}.",
        f"Along the diagonal of each N are steps of {steps.min():.3g} to {steps.max():.3g}; its eigenvalues span "
        f"{spans.min():.3g} to {spans.max():.3g}.",
        f"With {_FINER} times the steps errors on uniform lists change by {change:.2g} at most.",
        f"|WᵀW − I| at time 1 is {max(r.judged.violation for r in results):.2g} at most, and an eigenvalue of H(1) is "
        f"at most {max(r.judged.drift for r in results):.2g} from its entry of the list.",
    ]


STUDY = StudyFamily(SortingConfig, sorting)
