"""Whether JAX sees the device, what it is, and its memory's bandwidth: that of a copy, which reads and writes."""

import statistics
import time
from typing import Any

import jax
import jax.numpy as jnp

_COPIES = 20


def measure(cell: dict[str, Any], seconds: float, report: Any) -> dict[str, Any]:
    """The device that JAX computes on, and bytes a second read and written together, median of copies."""
    devices = jax.local_devices()
    told = devices[0].memory_stats() or {}
    known = {
        "platform": devices[0].platform,
        "device": devices[0].device_kind,
        "devices": len(devices),
        "memory": told.get("bytes_limit"),
        "version": devices[0].client.platform_version.splitlines()[0],
    }
    report(known)
    return {**known, "bandwidth": bandwidth(cell["copy_bytes"])}


def bandwidth(size: int) -> float:
    """Bytes a second of a copy of `size` bytes."""
    copy = jax.jit(jnp.copy)
    array = jax.block_until_ready(jnp.zeros(size // 4, jnp.float32))
    times = []
    for _ in range(1 + _COPIES):  # the first warms up
        started = time.perf_counter()
        jax.block_until_ready(copy(array))
        times.append(time.perf_counter() - started)
    return 2 * size / statistics.median(times[1:])
