"""What JAX spends on compiling, as JAX itself tells it."""

from typing import Any

import jax

_SECONDS = {
    "/jax/core/compile/jaxpr_trace_duration": "trace",
    "/jax/core/compile/jaxpr_to_mlir_module_duration": "lower",
    "/jax/core/compile/backend_compile_duration": "compile",
}
_COUNTS = {"/jax/compilation_cache/cache_hits": "kept", "/jax/compilation_cache/cache_misses": "new"}


class Compiling:
    """Seconds of tracing, lowering and compiling, and programs that were `kept` from before or are `new`."""

    def __init__(self) -> None:
        self._clear()
        jax.monitoring.register_event_duration_secs_listener(self._add_seconds)
        jax.monitoring.register_event_listener(self._count)

    def taken(self) -> dict[str, Any]:
        """What was spent since the last call."""
        taken = dict(self._sums)
        self._clear()
        return taken

    def _clear(self) -> None:
        self._sums: dict[str, Any] = dict.fromkeys(_SECONDS.values(), 0.0) | dict.fromkeys(_COUNTS.values(), 0)

    def _add_seconds(self, event: str, duration_secs: float, **_: Any) -> None:
        if event in _SECONDS:
            self._sums[_SECONDS[event]] += duration_secs

    def _count(self, event: str, **_: Any) -> None:
        if event in _COUNTS:
            self._sums[_COUNTS[event]] += 1
