"""How much memory a device has left, and how much of it a compiled program takes."""

import os
from pathlib import Path
from typing import Any

_SHARE = 0.8
"""Of what is left: an allocator loses some between blocks."""


def available(device: Any) -> int:
    """Bytes that a program may take on `device`; on a CPU, of the memory that the system can give without swapping."""
    told = device.memory_stats() or {}
    if "bytes_limit" in told:
        return int(_SHARE * (told["bytes_limit"] - told.get("bytes_in_use", 0)))
    return int(_SHARE * _of_host())


def needed(compiled: Any) -> int:
    """Bytes that a compiled program takes on each of its devices: what it is given, what it returns, and in between."""
    account = compiled.memory_analysis()
    if account is None:  # a back end that keeps none
        return 0
    return account.temp_size_in_bytes + account.argument_size_in_bytes + account.output_size_in_bytes


def _of_host() -> int:
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
        (line,) = [line for line in lines if line.startswith("MemAvailable:")]
        return 1024 * int(line.split()[1])
    except (OSError, ValueError):
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2
