"""MuJoCo's models as MJX takes them: what it lacks is edited out of a copy, where that is neutral or declared."""

import copy
from collections.abc import Callable, Sequence
from contextlib import redirect_stdout
from io import StringIO
from types import ModuleType
from typing import Any, NamedTuple

import jax
import mujoco

from odes_rl.errors import UserError, one_line
from odes_rl.extras import require
from odes_rl.rollouts.protocol import USE_PROCESSES

_mj: Any = mujoco  # its enums are made as it is loaded, unseen by type checkers


class Edit(NamedTuple):
    """A change that a model needs for MJX to take it.

    Attributes:
        reason: what MJX lacks.
        is_neutral: the physics are the same, to the bit; otherwise the change is one that users are told of.
        is_needed: whether a model needs it.
        apply: makes it, in place.
    """

    reason: str
    is_neutral: bool
    is_needed: Callable[[Any], bool]
    apply: Callable[[Any], None]


def _has_idle_collisions(model: Any) -> bool:
    off = int(_mj.mjtDisableBit.mjDSBL_CONTACT) | int(_mj.mjtDisableBit.mjDSBL_CONSTRAINT)
    return bool(model.opt.disableflags & off) and bool(model.geom_contype.any() or model.geom_conaffinity.any())


def _without_collisions(model: Any) -> None:
    model.geom_contype[:] = 0
    model.geom_conaffinity[:] = 0


def _counts_energy(model: Any) -> bool:
    return bool(model.opt.enableflags & int(_mj.mjtEnableBit.mjENBL_ENERGY))


def _without_energy(model: Any) -> None:
    model.opt.enableflags &= ~int(_mj.mjtEnableBit.mjENBL_ENERGY)


def _solves_by_pgs(model: Any) -> bool:
    return model.opt.solver == _mj.mjtSolver.mjSOL_PGS


def _with_newton(model: Any) -> None:
    model.opt.solver = _mj.mjtSolver.mjSOL_NEWTON


EDITS = {
    "no idle collisions": Edit(
        "MJX wants a function for every pair of geoms that could collide, contacts disabled or not",
        True,
        _has_idle_collisions,
        _without_collisions,
    ),
    "no energy": Edit("MJX does not compute energies, which no step reads", True, _counts_energy, _without_energy),
    "Newton for PGS": Edit(
        "MJX has no PGS; Newton solves the same problem, and does not stop short of its solution",
        False,
        _solves_by_pgs,
        _with_newton,
    ),
}
"""All edits, by name. A model gets those that it needs."""


def needed_edits(model: Any) -> list[str]:
    """The names of the edits that a MuJoCo `model` needs."""
    return [name for name, edit in EDITS.items() if edit.is_needed(model)]


def declared_edits(model: Any) -> list[str]:
    """The reasons of the edits that a MuJoCo `model` needs and that are not neutral."""
    return [EDITS[name].reason for name in needed_edits(model) if not EDITS[name].is_neutral]


def edited(model: Any) -> Any:
    """A copy of a MuJoCo `model` with the edits that it needs."""
    result = copy.copy(model)
    edit(result)
    return result


def edit(model: Any) -> None:
    """Make the edits that a MuJoCo `model` needs, in place."""
    for name in needed_edits(model):
        EDITS[name].apply(model)


def load_mjx() -> ModuleType:
    """The package `mujoco.mjx`.

    Raises:
        UserError: if it is not installed.
    """
    require("rollouts.backend: mjx", "mujoco.mjx")
    with redirect_stdout(StringIO()):  # it prints that its Warp is missing
        from mujoco import mjx

    return mjx


def _has_boxes_that_meet(model: Any) -> bool:
    from mujoco.mjx._src.collision_driver import geom_pairs  # which has no public name

    boxes = model.geom_type == _mj.mjtGeom.mjGEOM_BOX
    return any(boxes[one] and boxes[other] for one, other, _ in geom_pairs(model))


def put_model(task: str, model: Any, varied: Sequence[str] = ()) -> Any:
    """The `mjx.Model` of an edited MuJoCo `model`, in JAX's default type of floats; `task` is named in messages.

    Raises:
        UserError: if MJX is not installed, or lacks something that the model has and no edit removes, or has fixed one
            of the `varied` fields, whose values are to differ between environments.
    """
    mjx = load_mjx()
    try:
        if model.opt.noslip_iterations:  # which it would ignore without a word
            raise NotImplementedError("noslip iterations are not implemented")
        if _has_boxes_that_meet(model):  # it finds other contacts of them than MuJoCo
            raise NotImplementedError("collisions of two boxes as MuJoCo has them are not implemented")
        put = mjx.put_model(model, impl="jax")
        if fixed := [field for field in varied if not isinstance(getattr(put, field), jax.Array)]:
            raise NotImplementedError(f"resets that draw {', '.join(fixed)} are not implemented")
        return put
    except NotImplementedError as error:
        raise UserError(f"rollouts.backend: mjx cannot run {task}: {one_line(error)}; {USE_PROCESSES}") from error
