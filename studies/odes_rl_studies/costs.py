"""What a network of continuous depth costs: evaluations of its field, memory of a gradient."""

from collections.abc import Callable
from typing import Any

import jax

Count = Callable[[], None]
Function = Callable[[Any], Any]


def evaluation_counter(make: Callable[[Count], Function]) -> Callable[[Any], int]:
    """`evaluations(params)`: how often `make(count)`, a function of parameters, evaluates a field when it runs.

    The field is to call `count` (`odes_rl.continuous.solving.counting`).
    """
    seen = [0]

    def count() -> None:
        seen[0] += 1

    function = jax.jit(make(count))

    def evaluations(params: Any) -> int:
        seen[0] = 0
        jax.block_until_ready(function(params))
        jax.effects_barrier()
        return seen[0]

    return evaluations


def gradient_megabytes(loss: Function, params: Any) -> float:
    """Temporaries of the compiled gradient of `loss`, as `megabytes` tells."""
    return megabytes(jax.grad(loss), params)


def megabytes(function: Function, params: Any) -> float:
    """Temporaries of `function` of `params`, compiled, beyond arguments and results, by XLA's own account."""
    analysis = jax.jit(function).lower(params).compile().memory_analysis()
    assert analysis is not None, "this backend does not tell"
    return analysis.temp_size_in_bytes / 1e6
