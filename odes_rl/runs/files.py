"""Files of a run directory, and writing them. Free of JAX."""

import errno
import os
import shlex
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from odes_rl.errors import StorageError, UserError, one_line
from odes_rl.yaml_text import dump_yaml

CONFIG = "config.yaml"
METRICS = "metrics.jsonl"
LAUNCHES = "launches.jsonl"
CHECKPOINTS = "checkpoints"
LOCK = "lock"
CELL = "cell.json"
REPORT = "report.html"
SEARCH = "search.yaml"
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
"""Error numbers for a full disk."""
_BELOW = ("seed_*", "*/seed_*", "*/*/seed_*")
"""Where runs lie below the directory of a policy, a task and a comparison."""


def resume_command(path: str | Path) -> str:
    """What continues the run at `path`, to be copied into a shell."""
    return f"odes-rl resume {shlex.quote(str(path))}"


def write_yaml(path: Path, content: Mapping[str, Any]) -> None:
    """Write `content` to the file at `path`, at once."""
    replace_text(path, dump_yaml(dict(content)))


def replace_text(path: Path, text: str) -> None:
    """Make `text` the content of the file at `path`; a kill leaves the old content or the new, no mixture."""
    replace_bytes(path, text.encode())


def replace_bytes(path: Path, content: bytes) -> None:
    """As `replace_text`, of `content` that is no text."""
    temporary = path.with_name(f"{path.name}.tmp")
    try:
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError:
        temporary.unlink(missing_ok=True)  # a full disk needs the room
        raise


@contextmanager
def writing_to(directory: Path) -> Iterator[None]:
    """Say of what fails to be written inside that it is `directory`, an existing one or to be made, and why.

    Raises:
        StorageError: in place of any OSError.
    """
    try:
        yield
    except OSError as error:
        fix = f"free some space there ({_free(directory)})" if error.errno in FULL else "correct this"
        reason = error.strerror or one_line(error)
        raise StorageError(f"cannot write to {str(directory)!r}: {reason}; {fix}") from error


def _free(directory: Path) -> str:
    existing = next(path for path in (directory, *directory.absolute().parents) if path.exists())
    return f"{shutil.disk_usage(existing).free / 1e6:.1f} MB are free"


def runs_below(path: Path) -> list[Path]:
    """The directories of the runs of a comparison, or of one of its tasks or policies, or of a search; sorted."""
    return sorted(run for pattern in _BELOW for run in path.glob(pattern) if (run / CONFIG).is_file())


def require_run(path: str | Path) -> Path:
    """`path` itself, if a run lies there.

    Raises:
        UserError: if none does.
    """
    if (Path(path) / CONFIG).is_file():
        return Path(path)
    if below := runs_below(Path(path)):
        raise UserError(f"{str(path)!r} holds no run, but has {len(below)} below it: name one, as {str(below[0])!r}")
    raise UserError(f"{str(path)!r} holds no run: it has no {CONFIG}; `odes-rl train` starts one")
