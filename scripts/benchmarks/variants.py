"""The ways to run ours that are measured: every backend on the CPU that is built in, and inference on the device."""

from contextlib import ExitStack
from typing import Any, NamedTuple

from measuring import missing
from ours import Generations, Trainer

from odes_rl.errors import UserError
from odes_rl.rollouts.backends import BACKENDS

_NEEDS = {"envpool": ("envpool",), "ray": ("ray",)}
"""Modules that a backend needs; an extra brings them."""


class Variant(NamedTuple):
    """One way to run: its name, options of the section `rollouts`, modules that must be installed."""

    name: str
    rollouts: dict[str, Any]
    needs: tuple[str, ...] = ()


def variants() -> list[Variant]:
    """All of them; `auto` is one of the others, and `mjx` has `device.py`."""
    backends = [name for name in BACKENDS if name not in ("auto", "mjx")]
    found = [Variant(name, {"backend": name}, _NEEDS.get(name, ())) for name in backends]
    return [*found, Variant("device", {"inference": "device"})]


def open_variants(
    names: list[str], trainer: Trainer, workers: int, stack: ExitStack
) -> tuple[dict[str, Generations], list[str]]:
    """Open backends until `stack` closes, and a note on each of `names` that cannot be had here or for this task."""
    opened: dict[str, Generations] = {}
    notes: list[str] = []
    for variant in variants():
        if variant.name not in names:
            continue
        if lacking := missing(variant.needs):
            notes.append(f"{variant.name} left out: {', '.join(lacking)} not installed")
            continue
        try:
            opened[variant.name] = stack.enter_context(trainer.backend(**variant.rollouts, workers=workers))
        except UserError as error:
            notes.append(f"{variant.name} left out: {error}")
    return opened, notes
