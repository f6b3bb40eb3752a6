"""Recurrent networks of long short-term memory (Hochreiter & Schmidhuber 1997), between affine layers."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

from odes_rl.supervised.models.affine_layer import AFFINE, affine, init_affine
from odes_rl.supervised.models.learnable import Params

State = tuple[tuple[jax.Array, jax.Array], ...]
"""What each layer remembers and says, [B, m] both."""


class Lstm(NamedTuple):
    """An affine layer, `layers` of long short-term memory, and an affine layer.

    Attributes:
        inputs: size n of an input.
        outputs: size k of an output.
        size: size m of each layer.
        layers: how many.
    """

    inputs: int
    outputs: int
    size: int
    layers: int

    def init(self, key: jax.Array) -> Params:
        """Weights start normal with deviation 1/√fan-in, biases at zero, that of the gate that keeps at one."""
        first, last, *keys = jax.random.split(key, self.layers + 2)
        inner = [init_affine(k, 2 * self.size, 4 * self.size) for k in keys]
        keeping = jnp.repeat(jnp.array([0.0, 1.0, 0.0, 0.0]), self.size)
        return {
            "input": init_affine(first, self.inputs, self.size),
            "layers": [layer | {"bias": keeping} for layer in inner],
            "output": init_affine(last, self.size, self.outputs),
        }

    @property
    def manifolds(self) -> Any:
        """Mirror the parameters."""
        return {"input": AFFINE, "layers": [AFFINE] * self.layers, "output": AFFINE}

    def start(self, examples: int) -> State:
        """The state before the first input."""
        nothing = jnp.zeros((examples, self.size))
        return ((nothing, nothing),) * self.layers

    def step(self, params: Params, state: State, u: jax.Array) -> tuple[State, jax.Array]:
        """The next state, and the output [B, k], of an input u [B, n]."""
        x, after = affine(params["input"], u), []
        for own, (memory, said) in zip(params["layers"], state, strict=True):
            write, keep, read, new = jnp.split(affine(own, jnp.concatenate([x, said], -1)), 4, -1)
            memory = jax.nn.sigmoid(keep) * memory + jax.nn.sigmoid(write) * jnp.tanh(new)
            x = jax.nn.sigmoid(read) * jnp.tanh(memory)
            after.append((memory, x))
        return tuple(after), affine(params["output"], x)

    def along(self, params: Params, state: State, inputs: jax.Array) -> tuple[State, jax.Array]:
        """The last state, and the outputs [T, B, k], of the inputs [T, B, n]."""
        return lax.scan(lambda state, u: self.step(params, state, u), state, inputs)
