"""What compiled functions cost: seconds and bytes."""

import time
from collections.abc import Callable
from typing import Any

import jax


def most_bytes(*compiled: Any) -> int:
    """Bytes that the hungriest of the compiled functions needs at once."""
    plans = [function.memory_analysis() for function in compiled]
    return max(plan.argument_size_in_bytes + plan.output_size_in_bytes + plan.temp_size_in_bytes for plan in plans)


def seconds_of(function: Callable[..., Any], *arguments: Any) -> tuple[float, Any]:
    """How long a call takes until its result is there, and the result."""
    started = time.perf_counter()
    result = jax.block_until_ready(function(*arguments))
    return time.perf_counter() - started, result
