"""Environment steps a second of the backend `mjx` by the number of candidates, and of `processes` on all cores.

Episodes do not end at a fall. Those of `mjx` have few different starts, which are drawn before; what drawing one costs
is told, and in a training it is done while the device steps. Those of `processes` are whole, and reset.
"""

import statistics
import time
from typing import Any

import numpy as np

from odes_rl.simulation.backend import DeviceBackend
from odes_rl.simulation.memory import needed
from on_device.generation import Generation, opened

_DRAWN = 8


def first(cell: dict[str, Any]) -> dict[str, Any]:
    """What the first run of a cell tells: its seconds, compiling included."""
    with opened(cell) as generation:
        return {"first": generation.run()[0]}


def measure(cell: dict[str, Any], seconds: float, report: Any) -> dict[str, Any]:
    """Steps a second of generations, for at least the cell's `seconds`; the median is `rate`."""
    with opened(cell) as generation:
        figures: dict[str, Any] = {"first": generation.run()[0], **_of_device(generation)}
        rates: list[float] = []
        until = time.perf_counter() + cell["seconds"]
        while not rates or time.perf_counter() < until:
            elapsed, rollouts = generation.run()
            rates.append(int(rollouts.lengths.sum()) / elapsed)
            figures |= {"rate": statistics.median(rates), "rates": rates, "failed": int(rollouts.failed.sum())}
            report(figures)
    return figures


def _of_device(generation: Generation) -> dict[str, Any]:
    """Environments that are stepped at once, bytes of their program, and seconds to draw a start."""
    backend = generation.backend
    if not isinstance(backend, DeviceBackend):
        return {}
    (program,) = backend.programs._found.values()
    started = time.perf_counter()
    backend.starts.of(np.arange(_DRAWN))
    drawn = (time.perf_counter() - started) / _DRAWN
    return {"at_once": program.rows, "bytes": needed(program.run), "start": drawn}
