"""A driver's time on a Ray cluster: from joining or starting it to leaving it as it was. Free of JAX."""

import importlib
import logging
import os
import signal
import socket
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from odes_rl.errors import UserError, one_line
from odes_rl.extras import install

_log = logging.getLogger(__name__)

_CONNECT_SECONDS = 5.0


def import_ray() -> Any:
    """The package ray.

    Raises:
        UserError: if it is not installed.
    """
    try:
        return importlib.import_module("ray")
    except ImportError as error:
        raise UserError(
            "rollouts.backend: ray needs the package ray, which cannot be imported "
            f"({one_line(error)}): {install('ray')}"
        ) from error


@contextmanager
def ray_session(address: str | None) -> Iterator[Any]:
    """The package ray, connected: to the cluster at `address`, or as `ray.init` finds or starts one for None.

    A connection that is there already is used, and stays; one of ours ends, and with it a cluster that it started.

    Raises:
        UserError: if ray is not installed, or there is no cluster at that address.
    """
    ray = import_ray()
    if ray.is_initialized():
        yield ray
        return
    _check_address(address)
    try:
        with _sigterm_kept():
            _connect(ray, address)
        with _messages_logged():
            yield ray
    finally:
        ray.shutdown()


def _check_address(address: str | None) -> None:
    """Find out within seconds that nobody answers: Ray itself tries for minutes."""
    if address is not None and "://" in address:
        raise UserError(
            f"rollouts.address: {address!r} is an address for Ray's client; train on a node of the cluster and give "
            "its host:port (6379 if `ray start` did not say another), or auto"
        )
    target = address if address not in (None, "auto") else os.environ.get("RAY_ADDRESS") or address
    if target in (None, "auto", "local"):
        return
    host, _, port = str(target).rpartition(":")
    try:
        socket.create_connection((host.strip("[]"), int(port)), _CONNECT_SECONDS).close()
    except (OSError, ValueError, OverflowError) as error:
        raise _unreachable(target, error) from error


def _connect(ray: Any, address: str | None) -> None:
    try:
        with warnings.catch_warnings():
            # That JAX does not like forks: those of a cluster's start become other programs at once.
            warnings.filterwarnings("ignore", "os.fork", RuntimeWarning)
            ray.init(address=address, include_dashboard=False, log_to_driver=False, logging_level=logging.ERROR)
    except (ConnectionError, RuntimeError, ValueError, TimeoutError) as error:
        raise _unreachable(address, error) from error


def _unreachable(address: str | None, error: Exception) -> UserError:
    return UserError(
        f"rollouts.address: no Ray cluster to join at {address!r} ({one_line(error)}); give the host:port that "
        "`ray start --head` printed, auto on a node of a running cluster, or local to start one on this machine"
    )


@contextmanager
def _sigterm_kept() -> Iterator[None]:
    """Keep our handler of SIGTERM, which `ray.init` replaces by its own."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        if before is not None:
            signal.signal(signal.SIGTERM, before)


@contextmanager
def _messages_logged() -> Iterator[None]:
    """Log what Ray reports of its nodes; it prints it in colours on standard output, whatever it is told."""
    worker: Any = importlib.import_module("ray._private.worker")
    printer = getattr(worker, "print_to_stdstream", None)

    def log(data: dict[str, Any], **_: Any) -> None:
        _log.info("Ray: %s", one_line(" ".join(data["lines"])))

    if printer is None:  # another version of Ray: it prints
        yield
        return
    worker.print_to_stdstream = log
    try:
        yield
    finally:
        worker.print_to_stdstream = printer
