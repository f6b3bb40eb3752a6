"""Reads what a task's description names, in MuJoCo's data or in MJX's: `mjx.Data` has the same fields."""

from collections.abc import Sequence
from typing import Any

from odes_rl.rollouts.physics.description import Distance, Interval, Part


def read(namespace: Any, data: Any, parts: Sequence[Part | Distance]) -> Any:
    """[n] numbers of all `parts` of an mjData or an mjx.Data, of the arrays of that namespace, NumPy's or JAX's."""
    pieces = [_distance(namespace, data, p) if isinstance(p, Distance) else _part(namespace, data, p) for p in parts]
    return namespace.concatenate(pieces) if pieces else namespace.zeros(0)


def is_healthy(namespace: Any, data: Any, intervals: Sequence[Interval]) -> Any:
    """[] bool, whether all numbers are strictly within their intervals."""
    within = [
        namespace.all((low < numbers) & (numbers < high))
        for numbers, low, high in ((_part(namespace, data, part), low, high) for part, low, high in intervals)
    ]
    return namespace.all(namespace.array(within)) if within else namespace.array(True)


def _part(namespace: Any, data: Any, part: Part) -> Any:
    length = part.stop - part.start
    width = 3 if part.frame else length
    numbers = _numbers(data, part.field, part.start, width)
    if part.origin:
        numbers = numbers - _numbers(data, *part.origin, width)
    if part.frame:
        numbers = (numbers @ _numbers(data, *part.frame, 9).reshape(3, 3))[:length]
    if part.absent is not None:
        numbers = namespace.where(numbers == part.absent, namespace.inf, numbers)
    numbers = namespace.clip(numbers, part.low, part.high)
    return getattr(namespace, part.function)(numbers) if part.function else numbers


def _distance(namespace: Any, data: Any, distance: Distance) -> Any:
    """[1] of how far two points are apart."""
    first, second = (read(namespace, data, parts) for parts in (distance.first, distance.second))
    return namespace.sqrt(namespace.sum(namespace.square(first - second)))[None] - distance.less


def _numbers(data: Any, field: str, start: int, length: int) -> Any:
    special = getattr(data, "_impl", None)  # where MJX keeps what only one of its implementations has
    return getattr(special if hasattr(special, field) else data, field).reshape(-1)[start : start + length]
