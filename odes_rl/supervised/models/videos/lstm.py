"""Recurrent networks of long short-term memory (Hochreiter & Schmidhuber 1997), between affine layers."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

from odes_rl.continuous.affine_layer import AFFINE, affine, init_affine
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
        """Weights start normal with deviation 1/√fan-in, biases at zero, that of the forget gate at one."""
        first, last, *keys = jax.random.split(key, self.layers + 2)
        inner = [init_affine(k, 2 * self.size, 4 * self.size) for k in keys]
        biases = jnp.repeat(jnp.array([0.0, 1.0, 0.0, 0.0]), self.size)
        return {
            "input": init_affine(first, self.inputs, self.size),
            "layers": [layer | {"bias": biases} for layer in inner],
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
        for layer, (cell, hidden) in zip(params["layers"], state, strict=True):
            gates = affine(layer, jnp.concatenate([x, hidden], -1))
            input_gate, forget_gate, output_gate, candidate = jnp.split(gates, 4, -1)
            cell = jax.nn.sigmoid(forget_gate) * cell + jax.nn.sigmoid(input_gate) * jnp.tanh(candidate)
            x = jax.nn.sigmoid(output_gate) * jnp.tanh(cell)
            after.append((cell, x))
        return tuple(after), affine(params["output"], x)

    def along(self, params: Params, state: State, inputs: jax.Array) -> tuple[State, jax.Array]:
        """The last state, and the outputs [T, B, k], of the inputs [T, B, n]."""
        return lax.scan(lambda state, u: self.step(params, state, u), state, inputs)
