"""A storm over the disk: it is full, in the middle of a run."""

import os
import random
import resource
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

from odes_rl.runs.files import METRICS
from storms.site import Site, require

_BLOCK = 4096


@contextmanager
def small_disk(directory: Path, megabytes: int = 48) -> Iterator[bool]:
    """A small file system at `directory` while this lasts; False where we may not mount one."""
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", directory], capture_output=True, check=False
    )
    try:
        yield mounted.returncode == 0
    finally:
        if mounted.returncode == 0:
            subprocess.run(["umount", "--lazy", directory], check=True)


def fill_disk(site: Site, times: int, chance: random.Random, *, mounted: bool) -> str:
    """Leave between nothing and a checkpoint's room: the run must stop with one line, and go on when there is room.

    Where no small file system could be mounted, the trainer's files may grow no more instead.
    """
    for turn in range(times):
        site.advance(chance.randint(1, 6))
        ballast = site.run.parent / "ballast"
        _fill(ballast, chance.randrange(16)) if mounted else _limit(site, chance.randrange(3000))
        _check_words(site.ended(1))
        if mounted and turn == 0:
            site.start()
            _check_words(site.ended(1))
        ballast.unlink(missing_ok=True)
        site.start()
        site.advance(1)
    how = "a full tmpfs" if mounted else "RLIMIT_FSIZE in place of a full disk, for nothing may be mounted here"
    return f"{how}: stopped with one line, went on when there was room"


def _fill(ballast: Path, blocks_left: int) -> None:
    status = os.statvfs(ballast.parent)
    with suppress(OSError), ballast.open("wb", buffering=0) as file:  # the run may have taken the room meanwhile
        file.write(bytes(max(status.f_bavail * status.f_frsize - blocks_left * _BLOCK, 0)))


def _limit(site: Site, growth: int) -> None:
    assert site.trainer
    trainer = psutil.Process(site.trainer.pid)
    hard = trainer.rlimit(psutil.RLIMIT_FSIZE)[1]
    assert hard == resource.RLIM_INFINITY, hard
    trainer.rlimit(psutil.RLIMIT_FSIZE, ((site.run / METRICS).stat().st_size + growth, hard))


def _check_words(words: str) -> None:
    require(len(words.splitlines()) == 1, f"not one line: {words[-3000:]}")
    for expected in ("odes-rl: cannot write to", "free some space there", "odes-rl resume"):
        require(expected in words, f"the line lacks {expected!r}: {words}")
