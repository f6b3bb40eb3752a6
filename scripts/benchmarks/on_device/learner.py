"""`ask`, `materialise` and `tell` of ODEtoODE on HalfCheetah, by the hidden size and the population."""

from typing import Any

import jax
from policies import Setting, measure_policy

from odes_rl.simulation.memory import available

_OBSERVATION, _ACTION = 17, 6


def measure(cell: dict[str, Any], seconds: float, report: Any) -> dict[str, Any]:
    """Medians in seconds, and the least bytes that each must move: what it reads of candidates and writes.

    `ask` writes the candidates; `materialise` reads them and writes their weights; `tell` draws the noise of all
    directions anew, and is set beside reading as much.
    """
    setting = Setting("ode_to_ode", {"hidden": cell["hidden"]}, _OBSERVATION, _ACTION, 0.0)
    row = measure_policy(setting, cell["population"], cell["rounds"], available(jax.local_devices()[0]))
    candidates = 4 * row["size"] * row["population"]
    moved = {"ask": candidates, "materialise": candidates + row["weights_bytes"], "tell": candidates // 2}
    return {**row, "moved": moved}
