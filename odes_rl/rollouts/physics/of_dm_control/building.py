"""What the descriptions of DM Control's tasks share. Free of JAX.

Each function of this room repeats what `get_observation` and `get_reward` of the task of that name compute. Rewards go
through DM Control's own `tolerance`, over all steps of an episode at once where it rounds an array as it does a number.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import mujoco
import numpy as np

from odes_rl.rollouts.physics.description import (
    Description,
    Distance,
    Part,
    Place,
    Rewards,
    Scheme,
    joined,
    place,
    row,
    stretch,
)
from odes_rl.rollouts.physics.words import Words

XX, XY, XZ, YX, YY, YZ, ZX, ZY, ZZ = range(9)
"""Entries of a rotation matrix: the component along the first axis, of the world, of the second axis, of the body."""


def numbers(control: Any, field: str, name: str, first: int = 0, last: int | None = None, **attributes: Any) -> Part:
    """Columns of what `field` has of the body, geom or site of that name."""
    return row(data_of(control), field, _index(control, field, name), first, last, **attributes)


def difference(
    control: Any, end: tuple[str, str], start: tuple[str, str], first: int = 0, last: int | None = None
) -> Part:
    """Columns of one point, less those of another, each the field and the name of a body, geom or site."""
    return numbers(control, *end, first, last, origin=at(control, *start, first))


def at(control: Any, field: str, name: str, column: int = 0) -> Place:
    """Where that column is of what `field` has of the body, geom or site of that name."""
    return place(data_of(control), field, _index(control, field, name), column)


def _index(control: Any, field: str, name: str) -> int:
    kind = field.partition("_")[0] if "_" in field else "body"
    return getattr(model_of(control), kind)(name).id


def size_of(control: Any, kind: str, name: str, axis: int = 0) -> float:
    """A size of the geom or site of that name."""
    model = model_of(control)
    return float(getattr(model, f"{kind}_size")[getattr(model, kind)(name).id, axis])


def joint(control: Any, field: str, name: str, first: int = 0, last: int | None = None, **attributes: Any) -> Part:
    """Entries of `qpos` or `qvel` of the joint of that name."""
    found, entries = model_of(control).joint(name), getattr(data_of(control).joint(name), field)
    start = int((found.qposadr if field == "qpos" else found.dofadr)[0])
    columns = range(entries.size)[first:last]
    return Part(field, start + columns.start, start + columns.stop, **attributes)


def sensor(control: Any, name: str, first: int = 0, last: int | None = None, **attributes: Any) -> Part:
    """Numbers of the sensor of that name."""
    found = model_of(control).sensor(name)
    numbers = range(int(found.dim[0]))[first:last]
    start = int(found.adr[0])
    return Part("sensordata", start + numbers.start, start + numbers.stop, **attributes)


def whole(control: Any, field: str, start: int = 0) -> list[Part]:
    """All entries of a field from `start` on."""
    return [stretch(data_of(control), field, start)]


def small_control(words: Words, actions: Any) -> Any:
    """[T]: 1 for no action, 0.8 for one at its bounds."""
    quadratic = words.tolerance(actions, margin=1, value_at_margin=0, sigmoid="quadratic")
    return (4 + quadratic.mean(axis=1)) / 5


def model_of(control: Any) -> Any:
    """The mjModel of an environment of DM Control."""
    return control.physics.model.ptr


def hinges(control: Any) -> list[str]:
    """Names of the joints that turn about an axis, in the model's order."""
    model = model_of(control)
    return [model.joint(i).name for i in np.nonzero(model.jnt_type == mujoco.mjtJoint.mjJNT_HINGE)[0]]  # type: ignore[attr-defined]


def data_of(control: Any) -> Any:
    """Its mjData."""
    return control.physics.data.ptr


def described(
    control: Any,
    observation: Mapping[str, Sequence[Part | Distance]],
    features: Sequence[Part],
    rewards: Rewards,
    varied: Sequence[str] = (),
) -> Description:
    """A description with what the tasks of DM Control share; parts of the observation are in the order of their names.

    That is the order in which Gymnasium's Dict space flattens them.
    """
    return Description(
        observation=joined([part for name in sorted(observation) for part in observation[name]]),
        features=features,
        healthy=[],
        ends=False,
        scheme=_scheme(control),
        substeps=control._n_sub_steps,
        rewards=rewards,
        limit=math.ceil(control._step_limit) if math.isfinite(control._step_limit) else None,
        diverges=True,
        varied=varied,
    )


def _scheme(control: Any) -> Scheme:
    if not control.physics.legacy_step:
        return Scheme.STEP
    runge_kutta = mujoco.mjtIntegrator.mjINT_RK4  # type: ignore[attr-defined]
    return Scheme.STEP_AND_UPDATE if model_of(control).opt.integrator == runge_kutta else Scheme.SPLIT
