"""NANODEs whose weights are Chebyshev polynomials of time: plain, with batch normalisation, and made orthogonal."""

from collections.abc import Callable
from typing import Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from odes_rl.continuous import affine
from odes_rl.flows import Trajectory, householder, left_nodes, polynomial
from odes_rl.manifolds import Euclidean
from odes_rl.supervised import FlowModelConfig, Params, flow_model
from odes_rl_studies.digits import Classifier, Digits, Learned, shares_right

Variant = Literal["plain", "batch norm", "Householder"]
VARIANTS: tuple[Variant, ...] = ("plain", "batch norm", "Householder")
Normalised = Literal["product", "state"]
_DEGREE = 4
"""Of the polynomials, as in figures 2 and 3 of Davis et al. 2020."""
TIMES = np.linspace(0, 1, 51, dtype=np.float32)
"""Where singular values of W are taken."""
_CHANCE = 0.2
"""A training ends at chance if fewer of its digits are right: twice what one answer for all gets."""


class StabilisedFlow(NamedTuple):
    """A flow between affine layers, and its parts.

    Attributes:
        classifier: in which batch normalisation is by all the images.
        end: `end(params, images [B, n], counted) -> x(1) [B, h]`, batch normalisation by the first `counted` of them.
        trajectory: of W.
    """

    classifier: Classifier
    end: Callable[[Params, jax.Array, int], jax.Array]
    trajectory: Trajectory


class Trained(NamedTuple):
    """What R learning rates made of S seeds.

    Attributes:
        losses: [D, R, S] of each step's batch.
        train: [R, S] share that is right of the digits trained on.
        test: [R, S] likewise of the others.
        norms: [R, S] their mean ‖x(1)‖.
        singular: [R, S, T, h] singular values of W at `TIMES`, descending.
        seconds: of one step of one training.
    """

    losses: np.ndarray
    train: np.ndarray
    test: np.ndarray
    norms: np.ndarray
    singular: np.ndarray
    seconds: float


def trajectory_of(variant: Variant, width: int) -> Trajectory:
    """W(t) [h, h], h = `width`: a polynomial of degree 4, or the product of the reflections in the rows of one.

    Coefficients start normal of variance 1/h, as in figure 2 of Davis et al. 2020.
    """
    free = polynomial(width, _DEGREE, "chebyshev")
    free = free._replace(init=lambda key: {"coefficients": Euclidean().random(key, (_DEGREE + 1, width, width))})
    return householder(width, free) if variant == "Householder" else free


def stabilised_flow(variant: Variant, width: int, steps: int, digits: Digits, normalised: Normalised) -> StabilisedFlow:
    """ẋ = |W(t) x + b| from time 0 to 1 between affine layers, in Euler steps of length 1 / `steps`.

    Batch normalisation takes z = W(t) x, or z = x before it is multiplied, to γ (z − mean) / √(variance + 10⁻⁵), each
    step by its own mean and variance. γ [h], which starts at one, is common to all steps, as the shift b is.
    """
    trajectory, times = trajectory_of(variant, width), left_nodes(steps)
    options = FlowModelConfig(name="nanode", width=width, steps=steps)
    flow = flow_model(options, digits.images.shape[1], digits.classes, trajectory, times)
    scale = {"scale": jnp.ones(width)} if variant == "batch norm" else {}
    before, after = (bool(scale) and normalised == place for place in ("state", "product"))

    def end(params: Params, images: jax.Array, counted: int) -> jax.Array:
        def advance(x: jax.Array, W: jax.Array) -> tuple[jax.Array, None]:
            z = (params["scale"] * standardised(x, counted) if before else x) @ W.T
            z = params["scale"] * standardised(z, counted) if after else z
            return x + jnp.abs(z + params["bias"]) / steps, None

        weights = trajectory.weights(params["trajectory"], times)
        return lax.scan(advance, affine(params["input"], images), weights)[0]

    classifier = Classifier(
        init=lambda key: flow.init(key) | scale,
        manifolds=flow.manifolds | dict.fromkeys(scale, Euclidean()),
        apply=lambda params, images: affine(params["output"], end(params, images, len(images))),
    )
    return StabilisedFlow(classifier, end, trajectory)


def standardised(z: jax.Array, counted: int) -> jax.Array:
    """[B, h] `z` less the mean of its first `counted` rows, over their standard deviation."""
    seen = z[:counted]
    return (z - seen.mean(axis=0)) * lax.rsqrt(seen.var(axis=0) + 1e-5)


def measure(flow: StabilisedFlow, learned: Learned, digits: Digits) -> Trained:
    """What was learned, with batch normalisation by all digits that are trained on."""

    def look(params: Params) -> tuple[jax.Array, jax.Array, jax.Array]:
        x = flow.end(params, digits.images, digits.training)
        weights = flow.trajectory.weights(params["trajectory"], jnp.asarray(TIMES))
        norm = jnp.linalg.norm(x[digits.training :], axis=-1).mean()
        return affine(params["output"], x), norm, jnp.linalg.svd(weights, compute_uv=False)

    logits, norms, singular = jax.jit(jax.vmap(look))(learned.params)
    looks = (*shares_right(digits, logits), np.asarray(norms), np.asarray(singular))
    axes = learned.losses.shape[1:]
    train, test, norms, singular = (a.reshape(*axes, *a.shape[1:]) for a in looks)
    return Trained(learned.losses, train, test, norms, singular, learned.seconds)


def failed(trained: Trained) -> np.ndarray:
    """[R, S] whether a loss is not finite, or the end at chance."""
    return ~np.isfinite(trained.losses).all(axis=0) | (trained.train < _CHANCE)
