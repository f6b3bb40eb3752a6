"""Stochastic video generation with a learned prior (Denton & Fergus 2018)."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

from odes_rl.continuous.gaussian import Gaussian, divergence, sample
from odes_rl.errors import UserError
from odes_rl.supervised.models.learnable import Params
from odes_rl.supervised.models.videos.coding import COARSEST, Decoder, Encoder, coding
from odes_rl.supervised.models.videos.config import VideoModelConfig
from odes_rl.supervised.models.videos.lstm import Lstm
from odes_rl.supervised.models.videos.model import Terms, VideoModel
from odes_rl.supervised.models.videos.stage import MakeRest


def video_generation(config: VideoModelConfig, shape: tuple[int, ...], rest: MakeRest) -> VideoModel:
    """The model of videos with frames of `shape` (h, w, n), whose blocks have that `rest`.

    With h_t the encoding of frame t: the posterior of z_t sees h_2 … h_t, the prior h_1 … h_{t−1}, and the predicted
    encoding of frame t is made of h_1 … h_{t−1} and z_2 … z_t. The decoder also sees what the encoder's blocks say of
    the frame before, or of the last frame that is given.

    Raises:
        UserError: if frames of that shape cannot be halved to 4 × 4.
    """
    height, width, colours = shape
    sides = max(height // COARSEST, 1).bit_length() - 1
    if height != width or height != COARSEST * 2**sides or not sides:
        raise UserError(
            f"frames are {height} × {width}, but {config.name} takes squares whose side is a power of two, 8 or more: "
            "give data.side such a one, or videos of such frames"
        )
    encoder, decoder = coding(config, rest, sides, colours)
    network = _Network(
        config,
        encoder,
        decoder,
        predictor=Lstm(config.encoding + config.latent, config.encoding, config.recurrent, config.layers),
        prior=Lstm(config.encoding, 2 * config.latent, config.recurrent, 1),
        posterior=Lstm(config.encoding, 2 * config.latent, config.recurrent, 1),
    )
    return VideoModel(network.init, network.manifolds, network.terms, network.predict, config.beta)


class _Network(NamedTuple):
    """The parts, and what they do with parameters."""

    config: VideoModelConfig
    encoder: Encoder
    decoder: Decoder
    predictor: Lstm
    prior: Lstm
    posterior: Lstm

    @property
    def parts(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in ("encoder", "decoder", "predictor", "prior", "posterior")}

    def init(self, key: jax.Array) -> Params:
        keys = jax.random.split(key, len(self.parts))
        return {name: part.init(k) for (name, part), k in zip(self.parts.items(), keys, strict=True)}

    @property
    def manifolds(self) -> Any:
        return {name: part.manifolds for name, part in self.parts.items()}

    def terms(self, params: Params, videos: jax.Array, key: jax.Array) -> Terms:
        """All frames are encoded at once, and decoded at once: only the recurrent networks go from one to the next."""
        frames = videos.swapaxes(0, 1)
        count, examples = frames.shape[:2]
        h, said = self.encoded(params, frames)
        seen = min(self.config.seen, count - 1)
        skips = self.skips(params, [x[:seen] for x in said])
        there = jnp.minimum(jnp.arange(count - 1), seen - 1)
        posterior, prior, z, _ = self.inferred(params, h, key)
        said_of_next = self.predictor.along(params["predictor"], self.predictor.start(examples), _joined(h[:-1], z))[1]
        skips = [_flat(x[there]) for x in skips]
        decoded = self.decoder.apply(params["decoder"], _flat(jnp.tanh(said_of_next)), skips)
        error = jnp.mean((decoded.reshape(frames[1:].shape) - frames[1:]) ** 2, (1, 2, 3, 4))
        return Terms(error, jnp.mean(divergence(posterior, prior), -1))

    def predict(self, params: Params, seen: jax.Array, count: int, key: jax.Array) -> jax.Array:
        """The latent variables of frames that are given come from the posterior."""
        seen_key, key = jax.random.split(key)
        frames = seen.swapaxes(0, 1)
        h, said = self.encoded(params, frames)
        skips = [x[0] for x in self.skips(params, [x[-1:] for x in said])]
        _, _, z, prior_state = self.inferred(params, h, seen_key)
        start = self.predictor.start(frames.shape[1])
        predictor_state, _ = self.predictor.along(params["predictor"], start, _joined(h[:-1], z))

        def one(carry: Any, key: jax.Array) -> tuple[Any, jax.Array]:
            prior_state, predictor_state, h = carry
            prior_state, told = self.prior.step(params["prior"], prior_state, h)
            prior = _gaussian(told)
            z = sample(key, prior)
            predictor_state, told = self.predictor.step(params["predictor"], predictor_state, _joined(h, z))
            frame = self.decoder.apply(params["decoder"], jnp.tanh(told), skips)
            return (prior_state, predictor_state, self.encoder.apply(params["encoder"], frame)[0]), frame

        predicted = lax.scan(one, (prior_state, predictor_state, h[-1]), jax.random.split(key, count))[1]
        return predicted.swapaxes(0, 1)

    def encoded(self, params: Params, frames: jax.Array) -> tuple[jax.Array, list[jax.Array]]:
        """Encodings [T, B, g] of frames [T, B, h, w, n], and what each block says of them."""
        h, said = self.encoder.apply(params["encoder"], _flat(frames))
        return jax.tree.map(lambda x: x.reshape(*frames.shape[:2], *x.shape[1:]), (h, said))

    def skips(self, params: Params, said: list[jax.Array]) -> list[jax.Array]:
        """What the decoder adds, [S, B, …], of what the encoder `said` of S frames."""
        added = self.decoder.skips(params["decoder"], [_flat(x) for x in said])
        return [x.reshape(*said[0].shape[:2], *x.shape[1:]) for x in added]

    def inferred(self, params: Params, h: jax.Array, key: jax.Array) -> tuple[Gaussian, Gaussian, jax.Array, Any]:
        """Posterior, prior and a sample of the posterior, [T − 1, B, d], of encodings [T, B, g]; the prior's state."""
        start = self.prior.start(h.shape[1])
        posterior = _gaussian(self.posterior.along(params["posterior"], start, h[1:])[1])
        state, told = self.prior.along(params["prior"], start, h[:-1])
        z = sample(key, posterior)
        return posterior, _gaussian(told), z, state


def _gaussian(told: jax.Array) -> Gaussian:
    return Gaussian(*jnp.split(told, 2, -1))


def _joined(*parts: jax.Array) -> jax.Array:
    return jnp.concatenate(parts, -1)


def _flat(x: jax.Array) -> jax.Array:
    """[T·B, …] of [T, B, …]."""
    return x.reshape(-1, *x.shape[2:])
