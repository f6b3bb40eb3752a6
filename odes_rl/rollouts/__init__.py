"""Rollouts: environments stepped through episodes by interchangeable backends. Free of JAX."""

from typing import TYPE_CHECKING

from odes_rl.lazy import lazy_names

if TYPE_CHECKING:
    from odes_rl.rollouts.backends import BACKENDS, BackendFamily, Choice
    from odes_rl.rollouts.board import Board, posted
    from odes_rl.rollouts.environments import close_all, describe_task, make_environment
    from odes_rl.rollouts.episodes import Lane, run_units
    from odes_rl.rollouts.protocol import EpisodeSettings, Moments, RolloutBackend, Rollouts

__all__ = [
    "BACKENDS",
    "BackendFamily",
    "Board",
    "Choice",
    "EpisodeSettings",
    "Lane",
    "Moments",
    "RolloutBackend",
    "Rollouts",
    "close_all",
    "describe_task",
    "make_environment",
    "posted",
    "run_units",
]
_HOMES = {
    **dict.fromkeys(("BACKENDS", "BackendFamily", "Choice"), "odes_rl.rollouts.backends"),
    **dict.fromkeys(("Board", "posted"), "odes_rl.rollouts.board"),
    **dict.fromkeys(("close_all", "describe_task", "make_environment"), "odes_rl.rollouts.environments"),
    **dict.fromkeys(("Lane", "run_units"), "odes_rl.rollouts.episodes"),
    **dict.fromkeys(("EpisodeSettings", "Moments", "RolloutBackend", "Rollouts"), "odes_rl.rollouts.protocol"),
}
"""The module of each public name; a worker imports what it needs alone."""
__getattr__, __dir__ = lazy_names(__name__, _HOMES)
