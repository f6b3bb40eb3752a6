"""The type of models of videos."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from odes_rl.supervised.models.learnable import Examples, Measures, Params

_EVALUATION_SEED = 0
"""Of the latent variables that an evaluation draws: the same for all models and epochs."""


class Terms(NamedTuple):
    """The two terms of the evidence lower bound of each frame after the first, means over videos, [T − 1] each.

    Attributes:
        squared_error: of a pixel.
        divergence: of the posterior from the prior, in nats.
    """

    squared_error: jax.Array
    divergence: jax.Array


class VideoModel(NamedTuple):
    """A model of videos as pure functions; videos are [B, T, h, w, n], from 0 to 1.

    Attributes:
        init: `init(key) -> params`.
        manifolds: a pytree that mirrors `params`, with the `Manifold` of each leaf.
        terms: `terms(params, videos, key) -> Terms`, with latent variables drawn from the posterior.
        predict: `predict(params, seen [B, s, h, w, n], count, key) -> [B, count, h, w, n]`, the frames after those that
            are given, with latent variables drawn from the prior.
        beta: weight of the divergence.
        settle: nothing is measured after an epoch.
        at_once: number of videos that an evaluation processes at once.
    """

    init: Callable[[jax.Array], Params]
    manifolds: Any
    terms: Callable[[Params, jax.Array, jax.Array], Terms]
    predict: Callable[[Params, jax.Array, int, jax.Array], jax.Array]
    beta: float
    settle: None = None
    at_once: int = 16

    def measure(self, params: Params, examples: Examples, key: jax.Array | None) -> tuple[jax.Array, Measures]:
        """Σ_t squared error of a pixel + β divergence (Denton & Fergus 2018), and the mean over frames of each term.

        The `negative_elbo` is that of a frame: the loss, divided by the number of frames in the sum.
        """
        (videos,) = examples
        error, divergence = self.terms(params, videos, jax.random.key(_EVALUATION_SEED) if key is None else key)
        loss = jnp.sum(error + self.beta * divergence)
        means = {"squared_error": jnp.mean(error), "divergence": jnp.mean(divergence)}
        return loss, {"negative_elbo": loss / error.shape[0]} | means
