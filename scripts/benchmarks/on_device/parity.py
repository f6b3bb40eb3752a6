"""How far a step of MJX in float32 is from the environment's own, from states along its episodes."""

from typing import Any

from odes_rl.rollouts.environments import close_all
from odes_rl.rollouts.protocol import EpisodeSettings
from odes_rl.simulation.making import describe_task
from odes_rl.simulation.parity import compare, record

TOLERANCE = 1e-3
"""Of observations and rewards."""


def measure(cell: dict[str, Any], seconds: float, report: Any) -> dict[str, Any]:
    """Largest differences of observations and rewards, and steps that end an episode in one of both alone."""
    described = describe_task(EpisodeSettings(cell["task"], None, "linear", "clip"))
    try:
        parity = compare(described, record(described, cell["steps"], seed=0), "float32")
    finally:
        close_all([described.environment])
    agrees = max(parity.observation, parity.reward) <= TOLERANCE and parity.ends == 0
    return {**parity._asdict(), "agrees": agrees}
