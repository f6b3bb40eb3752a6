"""What `train`, `fit` and `resume` have around a run that they take to its end."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from odes_rl.cli.progress import Course, Report, show_progress
from odes_rl.errors import StorageError
from odes_rl.interrupts import advising
from odes_rl.runs.files import resume_command
from odes_rl.runs.lock import only_trainer


@contextmanager
def continuing(path: Path, course: Course) -> Iterator[Report]:
    """The progress of the run at `path`, which this process alone continues; what ends it says how to resume.

    Raises:
        UserError: if another process trains it.
        StorageError: if the run cannot be written.
        KeyboardInterrupt: if interrupted.
    """
    again = f"resume with: {resume_command(path)}"
    try:
        with advising(again), only_trainer(path), show_progress(course) as report:
            yield report
    except StorageError as error:
        raise StorageError(f"{error}, then {again}") from error
