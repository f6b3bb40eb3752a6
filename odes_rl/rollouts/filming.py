"""Films of episodes, rendered off-screen by a process of its own: which library renders is settled as MuJoCo loads.

That process is started as `python -m odes_rl.rollouts.filming`, and reads what to film from its standard input. Free of
JAX.
"""

import importlib
import json
import numbers
import os
import pickle
import subprocess
import sys
import tempfile
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import IO, Any, NamedTuple

import gymnasium
import numpy as np

from odes_rl.errors import UserError, raised
from odes_rl.interrupts import leave_after
from odes_rl.rollouts.environments import inner_steps
from odes_rl.rollouts.protocol import EnvironmentFailure, EpisodeSettings, Moments
from odes_rl.rollouts.video import Video, open_video
from odes_rl.start_up import RENDERER, import_path, python_command

RENDERERS = ("egl", "osmesa") if sys.platform == "linux" else ("glfw",)
"""Values of MUJOCO_GL to try, where it is not set."""
_FIXES = {
    "egl": "on Debian and Ubuntu `apt-get install libegl1`",
    "osmesa": "on Debian and Ubuntu `apt-get install libosmesa6`",
    "glfw": "needs a display; without one use MUJOCO_GL=egl or MUJOCO_GL=osmesa",
}
"""Values of MUJOCO_GL that choose a library, and what to do where it does not render."""
_NO_CHOICE = ("", "disable", "disabled", "off", "false", "0", "enable", "enabled", "on", "true", "1")
"""MuJoCo's other values."""
_STEP, _RETURN, _RAISED, _NO_RENDERER, _REFUSED = "step", "return", "raised", "no renderer", "refused"
"""What the process tells: a step is filmed; the return; the environment raises; this library does not render here; the
film is one that cannot be made, which is its user's mistake."""
_SUITE = "dm_control/"
_RATE = 30.0
"""Environment steps a second, where an environment does not tell."""


class Film(NamedTuple):
    """An episode to film, with the arguments of `record_episode`, and the output file."""

    settings: EpisodeSettings
    weights: Any
    statistics: Moments
    seed: int
    output: str


class NoRendererError(Exception):
    """The library that is to render does not work here."""


def film_episode(film: Film, report: Callable[[int], None]) -> float:
    """Film an episode; its return, NaN if it failed. `report(step)` is called as steps are filmed.

    An older film of that name is replaced once the new one is whole.

    Raises:
        UserError: if nothing renders here, or the file cannot be written.
        EnvironmentFailure: if the environment raises.
    """
    output = Path(film.output)
    part = output.with_stem(f"{output.stem}.part")  # its ending tells what kind of film it is
    try:
        total = _film_with_any(film._replace(output=str(part)), report)
        part.replace(output)
    finally:
        part.unlink(missing_ok=True)
    return total


def _film_with_any(film: Film, report: Callable[[int], None]) -> float:
    """Film with the first renderer that works here."""
    reasons = {}
    for renderer in renderers():
        kind, answer = _film_with(renderer, film, report)
        if kind == _RETURN:
            return answer
        if kind == _RAISED:
            raise EnvironmentFailure(answer)
        if kind == _REFUSED:
            raise UserError(f"cannot film {film.settings.task}: {answer}")
        reasons[renderer] = answer
    tried = "; or ".join(f"{renderer}: {_FIXES[renderer]} ({reason})" for renderer, reason in reasons.items())
    raise UserError(f"no renderer works for {film.settings.task} here: install what is missing; {tried}")


def renderers() -> tuple[str, ...]:
    """Which libraries to try.

    Raises:
        UserError: if MUJOCO_GL chooses none that there is.
    """
    here = os.environ.get("MUJOCO_GL", "disable")
    chosen = os.environ.get(RENDERER, "") if here == "disable" else here
    name = chosen.strip().lower()
    if name in _NO_CHOICE:
        return RENDERERS
    if name not in _FIXES:
        raise UserError(f"MUJOCO_GL is {chosen!r}, but must be one of {', '.join(_FIXES)}, or unset, for a film")
    return (name,)


def _film_with(renderer: str, film: Film, report: Callable[[int], None]) -> tuple[str, Any]:
    """The last thing that the process tells: the return, or what went wrong."""
    environment = dict(os.environ) | {"MUJOCO_GL": renderer} | import_path()
    with tempfile.TemporaryFile() as errors:
        with subprocess.Popen(
            python_command("odes_rl.rollouts.filming"),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            env=environment,
        ) as process:
            assert process.stdin
            assert process.stdout
            with suppress(BrokenPipeError), process.stdin:  # of a process that has ended; why is told below
                process.stdin.write(pickle.dumps(film))
            answer = _listen(process.stdout, report)
        errors.seek(0)
        said = errors.read().decode(errors="replace").split("\n")
    return answer or (_REFUSED, next(filter(None, reversed(said)), f"exit status {process.returncode}"))


def _listen(output: IO[bytes], report: Callable[[int], None]) -> tuple[str, Any] | None:
    for line in output:
        kind, answer = json.loads(line)
        if kind != _STEP:
            return kind, answer
        report(answer)
    return None


def main() -> None:
    """Film what standard input describes; tells the steps done, and at the end the return or what went wrong."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what an environment prints, or a library beneath it, is no answer
    film = pickle.loads(sys.stdin.buffer.read())

    def tell(kind: str, answer: Any) -> None:
        print(json.dumps([kind, answer]), file=answers, flush=True)

    try:
        tell(_RETURN, _film(film, partial(tell, _STEP)))
    except EnvironmentFailure as failure:
        tell(_RAISED, str(failure))
    except NoRendererError as error:
        tell(_NO_RENDERER, str(error))
    except (OSError, UserError) as error:
        tell(_REFUSED, str(error))


def _film(film: Film, report: Callable[[int], None]) -> float:
    try:
        from odes_rl.rollouts.recording import record_episode

        if _has_mujoco(film.settings.task):
            importlib.import_module("mujoco")  # which raises what its renderer does
    except Exception as error:
        raise NoRendererError(raised(error)) from None
    try:
        with open_video(film.output) as video:
            camera = Camera(film.settings.task, video, report)
            options = {"render_mode": "rgb_array", **_picture_options(film.settings.task, video.size)}
            episode = (film.settings, film.weights, film.statistics, film.seed)
            return record_episode(*episode, camera.look, **options).total
    except BaseException:
        Path(film.output).unlink(missing_ok=True)  # also where whoever listened has been interrupted, and is gone
        raise


def _picture_options(task: str, size: tuple[int, int]) -> dict[str, Any]:
    """Options of Gymnasium for frames of that width and height, if the task has such options."""
    width, height = size
    if task.startswith(_SUITE):
        return {"render_kwargs": {"width": width, "height": height, "camera_id": 0}}
    return {"width": width, "height": height} if _has_mujoco(task) else {}


def _has_mujoco(task: str) -> bool:
    """Whether DM Control or Gymnasium is known to make the task with MuJoCo."""
    spec = gymnasium.registry.get(task.rpartition(":")[2])
    return task.startswith(_SUITE) or (spec is not None and "mujoco" in str(spec.entry_point))


class Camera:
    """Takes pictures of a task's environment, in its own time, for a video; reports their steps."""

    def __init__(self, task: str, video: Video, report: Callable[[int], None]) -> None:
        self.task = task
        self.video = video
        self.report = report
        self.step = 0
        self.every = 0

    def look(self, environment: Any) -> None:
        """Take the picture, unless this step is left out."""
        if not self.every:
            self._begin(environment)
        if self.step % self.every == 0:
            self.video.add(self._picture(environment))
            self.report(self.step)
        self.step += 1

    def _begin(self, environment: Any) -> None:
        renderer = getattr(environment.unwrapped, "mujoco_renderer", None)
        if renderer is not None and renderer.model.ncam:
            renderer.camera_id = 0  # which follows the body; left alone Gymnasium takes a camera that stays
        dt = getattr(environment.unwrapped, "dt", None)
        given = float(dt) if isinstance(dt, numbers.Real) else 0.0  # others may have a method of this name
        seconds = given or 1 / (environment.metadata.get("render_fps") or _RATE)
        self.every = self.video.begin(seconds * inner_steps(environment))

    def _picture(self, environment: Any) -> np.ndarray:
        picture = None
        try:
            with suppress(NotImplementedError):
                picture = environment.render()
        except Exception as error:
            raise self._failure(error) from None
        if picture is None:
            raise UserError("its method render returns no picture [height, width, 3]: a film needs one")
        picture = np.asarray(picture)
        if picture.dtype != np.uint8 or picture.ndim != 3 or picture.shape[2] != 3:
            found = f"{list(picture.shape)} of {picture.dtype}"
            raise UserError(f"its method render returns a picture {found}: a film needs [height, width, 3] of uint8")
        return picture

    def _failure(self, error: Exception) -> Exception:
        """What `error`, which rendering raised, is to its user."""
        if isinstance(error, gymnasium.error.DependencyNotInstalled):  # no other renderer has what is missing
            return UserError(raised(error))
        if "mujoco" in sys.modules:
            return NoRendererError(raised(error))
        return EnvironmentFailure.of(f"{self.task} raised an exception in render", error)


if __name__ == "__main__":
    leave_after(main)
