"""Work that is done ahead, by a thread, while what came before is in use. Free of JAX."""

import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

Item = TypeVar("Item")
Made = TypeVar("Made")
_WAIT_SECONDS = 0.1
"""Between two looks whether anybody still wants what is made."""


@contextmanager
def made_ahead(make: Callable[[Item], Made], items: Sequence[Item], ahead: int = 2) -> Iterator[Iterator[Made]]:
    """`make(item)` of all `items`, in order, of which up to `ahead` are ready before they are asked for.

    An exception of `make` is raised where its result is asked for. The thread ends with the context.
    """
    ready: queue.Queue[tuple[Any, BaseException | None]] = queue.Queue(ahead)
    over = threading.Event()

    def work() -> None:
        for item in items:
            try:
                result = make(item), None
            except Exception as error:
                result = None, error
            while not over.is_set():
                try:
                    ready.put(result, timeout=_WAIT_SECONDS)
                    break
                except queue.Full:
                    continue
            if over.is_set() or result[1] is not None:
                return

    def taken() -> Iterator[Made]:
        for _ in items:
            result, error = ready.get()
            if error is not None:
                raise error
            yield result

    worker = threading.Thread(target=work, daemon=True)
    worker.start()
    try:
        yield taken()
    finally:
        over.set()
        worker.join()
