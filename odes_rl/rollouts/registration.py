"""Whether another process would find a task that this one knows. Free of JAX."""

import os
import subprocess
import sys
from functools import cache

import gymnasium

from odes_rl.errors import UserError
from odes_rl.rollouts.setup import Setup

_CODE = "import sys; from odes_rl.rollouts.tasks import find_task; find_task(sys.argv[1])"


@cache
def check_known_elsewhere(task: str) -> None:
    """Check that worker processes, too, will find the task with that id, which this process knows.

    Raises:
        UserError: if they will not; it says what to do.
    """
    module, colon, name = task.rpartition(":")
    if colon:
        if not is_importable(module):
            raise UserError(
                f"task.id: worker processes cannot import the module {module!r} of {task!r}: put its file into "
                "the current directory, or a directory of PYTHONPATH, or use rollouts.backend: serial"
            )
        return
    spec = gymnasium.registry.get(name)
    if name.startswith("dm_control/") or (spec and str(spec.entry_point).startswith("gymnasium.")):
        return
    if not _fresh_process_finds(name):
        raise UserError(
            f"task.id: {name!r} is registered only in this process, not in worker processes: name the module that "
            f"registers it, as in task.id: my_module:{name} (a file in the current directory, or in a directory of "
            "PYTHONPATH), or use rollouts.backend: serial"
        )


def check_importable_elsewhere(setup: Setup) -> None:
    """Check that worker processes, too, can import the wrappers in `setup`.

    Raises:
        UserError: if they cannot; it says what to do.
    """
    for wrap in setup.wrappers:
        module, colon, _ = wrap.name.partition(":")
        if colon and not is_importable(module):
            raise UserError(
                f"task.wrappers: worker processes cannot import the module {module!r} of {wrap.name!r}: put its file "
                "into the current directory, or a directory of PYTHONPATH, or use rollouts.backend: serial"
            )


def is_importable(module: str) -> bool:
    """Whether another process would find the module by its name, loaded here or not."""
    package = module.partition(".")[0]
    finders = [finder for finder in sys.meta_path if hasattr(finder, "find_spec")]
    return package != "__main__" and any(finder.find_spec(package, None) for finder in finders)


def _fresh_process_finds(task: str) -> bool:
    from odes_rl.rollouts.processes import worker_environment

    environment = {**os.environ, **worker_environment()}
    command = [sys.executable, "-P", "-c", _CODE, task]
    answer = subprocess.run(command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    return answer.returncode == 0 or "no task" not in answer.stderr  # of anything else the workers will tell
