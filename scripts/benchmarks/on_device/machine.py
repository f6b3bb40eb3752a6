"""Whether JAX sees the device, what it is, and its memory's bandwidth: that of a copy, which reads and writes."""

import statistics
from typing import Any

import jax
import jax.numpy as jnp
from costs import seconds_of

_COPIES, _SECONDS = 3, 2.0


def measure(cell: dict[str, Any], seconds: float, report: Any) -> dict[str, Any]:
    """The device that JAX computes on, and bytes a second read and written together, median of copies."""
    devices = jax.local_devices()
    told = devices[0].memory_stats() or {}
    known = {
        "platform": devices[0].platform,
        "device": devices[0].device_kind,
        "devices": len(devices),
        "memory": told.get("bytes_limit"),
        "version": devices[0].client.platform_version[:200],
    }
    report(known)
    return {**known, "bandwidth": bandwidth(cell["copy_bytes"])}


def bandwidth(size: int) -> float:
    """Bytes a second of a copy of `size` bytes."""
    copy = jax.jit(jnp.copy)
    array = jax.block_until_ready(jnp.zeros(size // 4, jnp.float32))
    times: list[float] = []
    while len(times) <= _COPIES or sum(times) < _SECONDS:
        times.append(seconds_of(copy, array)[0])
    return 2 * size / statistics.median(times[1:])  # the first one warms up
