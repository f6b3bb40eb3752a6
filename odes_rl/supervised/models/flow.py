"""Shared by the models that are flows or residual networks: two affine layers around steps x ← x + η f(W(t) x + b)."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
from pydantic import Field

from odes_rl.act.activations import activate
from odes_rl.continuous.affine_layer import affine
from odes_rl.flows.trajectories.trajectory import Trajectory
from odes_rl.manifolds import Euclidean
from odes_rl.supervised.models.depth import FlowGradient, LayersGradient, through_depth
from odes_rl.supervised.models.euler import euler_steps
from odes_rl.supervised.models.model import HiddenLayers, Model, ModelConfig, Params, dropped_out
from odes_rl.supervised.models.projections import ProjectionOptions

Biases = Literal["shared", "per_layer", "time"]


class FlowModelConfig(FlowGradient, ProjectionOptions, ModelConfig, frozen=True):
    """Options shared by the models that are flows."""

    steps: int = Field(default=100, ge=1)
    """Number L of Euler steps from time 0 to time 1, with step size η = 1/L."""


class ResNetModelConfig(LayersGradient, ProjectionOptions, ModelConfig, frozen=True):
    """Options shared by the models that are residual networks."""

    steps: int = Field(default=100, ge=1)
    """Number L of layers."""
    step: float = Field(default=1.0, gt=0)
    """Factor of each layer's change, x ← x + step · f(W x + b). Weights start inversely proportional to L · step."""


class Inner(NamedTuple):
    """What lies between the two affine layers, as pure functions.

    Attributes:
        init: `init(key) -> params`, a dictionary.
        manifolds: mirrors `params`.
        apply: `apply(params, x [B, h]) -> x [B, h]`.
        layers: `layers(params) -> (W [L, h, h], b [L, h], η)`; None if they are not of this form.
    """

    init: Callable[[jax.Array], Params]
    manifolds: dict[str, Any]
    apply: Callable[[Params, jax.Array], jax.Array]
    layers: Callable[[Params], tuple[jax.Array, jax.Array, float]] | None = None


def flow_model(
    config: FlowModelConfig | ResNetModelConfig,
    input_size: int,
    output_size: int,
    trajectory: Trajectory,
    times: jax.Array,
    step: float | None = None,
    biases: Biases = "shared",
) -> Model:
    """x_0 = A s + a; x_i = x_{i−1} + η f(W(t_i) x_{i−1} + b_i); outputs C x_L + c, with W at `times` [L].

    `step` replaces η = 1/L; 1 gives a residual network. The b_i are one b for all, one for each layer, or b + t_i c: a
    column of W that meets t. They start at zero. A and C are as `between` says.

    The weights are computed once for a whole batch. With another adjoint than `direct`, those that are functions of
    time are not kept either: each step computes its own.
    """
    steps = _Steps(config, trajectory, times, 1 / config.steps if step is None else step, biases)
    shapes = {"bias": (times.shape[0], config.width) if biases == "per_layer" else (config.width,)}
    shapes |= {"time": (config.width,)} if biases == "time" else {}
    manifolds = {"trajectory": trajectory.manifolds} | dict.fromkeys(shapes, Euclidean())

    def init(key: jax.Array) -> Params:
        return {"trajectory": trajectory.init(key)} | {name: jnp.zeros(shape) for name, shape in shapes.items()}

    inner = Inner(init, manifolds, steps.apply, steps.layers)
    return between(config, input_size, output_size, inner)


@dataclass(frozen=True)
class _Steps:
    """The steps of a flow, as `flow_model` has them."""

    config: FlowModelConfig | ResNetModelConfig
    trajectory: Trajectory
    times: jax.Array
    step: float
    biases: Biases

    def apply(self, params: Params, x: jax.Array) -> jax.Array:
        """x_L [B, h] from x_0."""
        return self._at_once(params, x) if self.config.adjoint == "direct" else self._one_by_one(params, x)

    def layers(self, params: Params) -> tuple[jax.Array, jax.Array, float]:
        """W [L, h, h], b [L, h] and η."""
        W = self.trajectory.weights(params["trajectory"], self.times)
        return W, jnp.broadcast_to(self._biases(params), W.shape[:2]), self.step

    def _biases(self, params: Params) -> jax.Array:
        """The b_i [L, h], or [h] where they are one."""
        b = params["bias"]
        return b if self.biases != "time" else b + self.times[:, None] * params["time"]

    def _at_once(self, params: Params, x: jax.Array) -> jax.Array:
        constant, count = self.trajectory.is_constant, self.times.shape[0]
        W = self.trajectory.weights(params["trajectory"], self.times[:1] if constant else self.times)
        W = W[0] if constant else W
        return euler_steps(self.config.activation, self.step, count, x, W, self._biases(params))

    def _one_by_one(self, params: Params, x: jax.Array) -> jax.Array:
        asked = self.trajectory.at is not None  # each step computes its own weights
        of_all = {"trajectory"} if asked else set()
        of_all |= {"bias", "time"} if self.biases != "per_layer" else set()
        W = None if asked else self.trajectory.weights(params["trajectory"], self.times)
        layers = (self.times, W, params["bias"] if self.biases == "per_layer" else None)
        shared = {name: params[name] for name in params if name in of_all}
        return through_depth(self._advance, x, shared, layers, self.config, self._prepare)

    def _prepare(self, shared: Params, layer: Any) -> tuple[jax.Array, jax.Array]:
        t, W, b = layer
        W = self.trajectory.weights(shared["trajectory"], t[None])[0] if W is None else W
        b = shared["bias"] if b is None else b
        return W, b if self.biases != "time" else b + t * shared["time"]

    def _advance(self, x: jax.Array, own: tuple[jax.Array, jax.Array]) -> jax.Array:
        W, b = own
        return x + self.step * activate(self.config.activation, x @ W.T + b)


def between(config: FlowModelConfig | ResNetModelConfig, input_size: int, output_size: int, inner: Inner) -> Model:
    """x(0) = A s + a; what `inner` makes of it; outputs C x(1) + c.

    A and C are on the manifold that `config.projections` names: Euclidean ones start normal with deviation 1/√fan-in.
    a and c start at zero.
    """
    ends = config.projection_layer
    manifolds = {"input": ends, **inner.manifolds, "output": ends}

    def init(key: jax.Array) -> Params:
        first, middle, last = jax.random.split(key, 3)
        return {
            "input": config.init_projection(first, input_size, config.width),
            **inner.init(middle),
            "output": config.init_projection(last, config.width, output_size),
        }

    def apply(params: Params, inputs: jax.Array, key: jax.Array | None) -> jax.Array:
        keys = (None, None) if key is None else jax.random.split(key)
        x = dropped_out(affine(params["input"], inputs), config.dropout, keys[0])
        x = inner.apply({name: params[name] for name in inner.manifolds}, x)
        return affine(params["output"], dropped_out(x, config.dropout, keys[1]))

    def layers(params: Params) -> HiddenLayers:
        assert inner.layers is not None, config.name
        W, b, step = inner.layers(params)
        return HiddenLayers(config.activation, step, params["input"], W, b, params["output"])

    return Model(init, manifolds, apply, layers if inner.layers is not None else None)
