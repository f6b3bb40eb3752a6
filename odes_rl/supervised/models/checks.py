"""What a model of the user's own must be, found by its shapes, before anything is computed."""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp

from odes_rl.errors import UserError
from odes_rl.manifolds.trees import not_floats
from odes_rl.supervised.data.rows import Rows
from odes_rl.supervised.models import MODELS
from odes_rl.supervised.models.model import Model

_BATCH = 2
"""Number of examples whose outputs are looked at."""


def check_own_model(name: str, model: Any, examples: Sequence[Rows], output_size: int | None = None) -> None:
    """Check the `model` that `name` names, unless it is built in, by what it makes of the shapes of `examples`.

    Exceptions of its own functions are its own.

    Raises:
        UserError: if it is no model, its parameters are no floats, its outputs are not `output_size`, or it measures
            something else than scalars.
    """
    if name in MODELS:
        return
    told, key = f"model.name {name!r}:", jax.random.key(0)
    if not hasattr(model, "measure"):
        raise UserError(f"{told} its `build` returns {model!r}, but must return a Model")
    params = jax.eval_shape(model.init, key)
    inputs, *rest = (jax.ShapeDtypeStruct((_BATCH, *rows.shape[1:]), rows.dtype) for rows in examples)
    inputs = inputs.update(dtype=jnp.float32)
    if found := not_floats(params):
        raise UserError(f"{told} {found}")
    if isinstance(model, Model):
        outputs = jax.eval_shape(lambda params, seen: model.apply(params, seen, None), params, inputs)
        if getattr(outputs, "shape", None) != (wanted := (_BATCH, output_size)):
            found = getattr(outputs, "shape", outputs)
            raise UserError(f"{told} its outputs are {found}, but must be {wanted}: [inputs, classes]")
    match jax.eval_shape(lambda params, some: model.measure(params, some, None), params, (inputs, *rest)):
        case (loss, dict(measures)) if "loss" not in measures and all(map(_is_scalar, (loss, *measures.values()))):
            return
    raise UserError(f"{told} `measure` must return a scalar, the loss, and a dictionary of scalars of other names")


def _is_scalar(value: Any) -> bool:
    return getattr(value, "shape", None) == ()
