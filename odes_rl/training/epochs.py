"""The epochs of fitting as compiled programs: whole ones, or one step after another with batches made ahead."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from odes_rl.interrupts import interruptible
from odes_rl.supervised.data.ahead import made_ahead
from odes_rl.supervised.data.rows import Rows
from odes_rl.supervised.learner import EpochInfo, FitState, Learner, Measured, Point

Report = Callable[[Mapping[str, Any]], None]
"""Receives metrics."""


class Epochs(NamedTuple):
    """How a fitting trains for an epoch.

    Attributes:
        run: `run(state, watch) -> (state, info)`; `watch` receives metrics of the unfinished epoch, if it is not None.
        examples: number of those that an epoch trains on.
        activation_bytes: temporary memory of the compiled program, by XLA's account; None if it gives none.
    """

    run: Callable[[FitState, Report | None], tuple[FitState, EpochInfo]]
    examples: int
    activation_bytes: int | None


def whole_epochs(learner: Learner, state: FitState, examples: Sequence[Rows]) -> Epochs:
    """Epochs that are one program each, for short steps; the data is on the device.

    `state` has the shapes and dtypes of a state.
    """
    data = jax.device_put(tuple(examples))
    rows = jax.eval_shape(partial(learner.plan, count=len(examples[0])), state).rows
    program = jax.jit(learner.epoch).lower(state, data).compile()

    def run(state: FitState, watch: Report | None) -> tuple[FitState, EpochInfo]:
        return interruptible(ready, program, state, data)

    return Epochs(run, rows.size, activation_bytes(program))


def step_by_step(learner: Learner, state: FitState, examples: Sequence[Rows]) -> Epochs:
    """Epochs of steps that are one program each, for long steps and large data, which stays in the host's memory.

    A thread gathers batches while the steps before them run. `state` has the shapes and dtypes of a state.
    """
    plan = jax.jit(partial(learner.plan, count=len(examples[0])))
    finish = jax.jit(learner.finish)
    rows, keys, rate = jax.eval_shape(plan, state)
    count = rows.size
    point = Point(state.params, state.optimizer)
    batch = tuple(jax.ShapeDtypeStruct((rows.shape[1], *part.shape[1:]), part.dtype) for part in examples)
    first = jax.ShapeDtypeStruct(keys.shape[1:], keys.dtype)
    program = jax.jit(learner.step, donate_argnums=0).lower(point, batch, first, rate).compile()

    def gathered(chosen: np.ndarray) -> Any:
        return jax.device_put(tuple(part[chosen] for part in examples))

    def run(state: FitState, watch: Report | None) -> tuple[FitState, EpochInfo]:
        rows, keys, rate = plan(state)
        rows = list(np.asarray(rows))
        point = jax.tree.map(jnp.copy, Point(state.params, state.optimizer))  # a step takes over the buffers of its own
        measured: list[Measured] = []
        with made_ahead(gathered, rows) as batches:
            for key, batch in zip(keys, batches, strict=True):
                point, found = interruptible(program, point, batch, key, rate)
                measured.append(found)
                if len(measured) > 1:  # the device has one step to do while this one waits
                    interruptible(jax.block_until_ready, measured[-2])
                    if watch is not None:
                        watch(_so_far(state, measured[-2], (len(measured) - 1) / len(rows)))
        means = jax.tree.map(lambda *steps: jnp.stack(steps), *measured)
        sample = jax.device_put(examples[0][np.concatenate(rows)[: learner.settling]])
        return interruptible(ready, finish, state, point, means, rate, sample)

    return Epochs(run, count, activation_bytes(program))


def activation_bytes(program: Any) -> int | None:
    """Temporary memory of a compiled `program`, most of which are activations; None where XLA gives no account."""
    analysis = program.memory_analysis()
    return None if analysis is None else int(analysis.temp_size_in_bytes)


def _so_far(state: FitState, measured: Measured, share: float) -> Mapping[str, Any]:
    told = {f"train_{name}": float(value) for name, value in measured.measures.items()}
    return {"epoch": int(state.epoch) + share, "train_loss": float(measured.loss)} | told


def ready(function: Callable[..., Any], *arguments: Any) -> Any:
    """`function(*arguments)`, once it is computed."""
    return jax.block_until_ready(function(*arguments))
