"""Whether another process would find the task that this one knows. Free of JAX."""

import os
import re
import subprocess
import sys
from functools import cache
from typing import Any

import gymnasium
from gymnasium.envs.registration import EnvSpec

from odes_rl.errors import UserError
from odes_rl.rollouts.setup import Setup

_CODE = "import sys; from odes_rl.rollouts.registration import registered; print(registered(sys.argv[1]))"


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
    if name.startswith("dm_control/") or _registered_elsewhere(name, registered(name)):
        return
    raise UserError(
        f"task.id: {name!r} is registered only in this process, or otherwise than in worker processes: name the "
        f"module that registers it, as in task.id: my_module:{name} (a file in the current directory, or in a "
        "directory of PYTHONPATH), or use rollouts.backend: serial"
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


def registered(name: str) -> str:
    """What Gymnasium makes by that id in this process, in words; empty if nothing."""
    spec: EnvSpec | None = gymnasium.registry.get(name)
    if spec is None:
        return ""
    maker: Any = spec.entry_point
    place = maker if isinstance(maker, str) or maker is None else f"{maker.__module__}:{maker.__qualname__}"
    words = f"{place} {spec.max_episode_steps} {spec.kwargs} {spec.additional_wrappers}"
    return re.sub(" at 0x[0-9a-f]+", "", words)


@cache
def _registered_elsewhere(name: str, words: str) -> bool:
    """Whether `registered` says those words in a process of its own, too."""
    from odes_rl.rollouts.processes import worker_environment

    environment = {**os.environ, **worker_environment()}
    command = [sys.executable, "-P", "-c", _CODE, name]
    answer = subprocess.run(command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if answer.returncode:  # the workers will tell why
        return True
    return answer.stdout.endswith(f"{words}\n")  # packages of environments may print something before
