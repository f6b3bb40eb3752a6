"""Films of episodes, rendered off-screen by a process of its own: which library renders is settled as MuJoCo loads.

That process is started as `python -m odes_rl.rollouts.filming`, and reads what to film from its standard input. Free of
JAX.
"""

import importlib
import os
import pickle
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Callable
from contextlib import redirect_stdout, suppress
from pathlib import Path
from typing import IO, Any, NamedTuple

from odes_rl.errors import UserError
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
_NO_PICTURE, _RAISED = 3, 4
"""Exit status if nothing can be rendered, or the environment raises."""
_STEP = b"step "
_SUITE = "dm_control/"


class Film(NamedTuple):
    """An episode to film, with the arguments of `record_episode`, and the output file."""

    settings: EpisodeSettings
    weights: Any
    statistics: Moments
    seed: int
    output: str


class NoPictureError(Exception):
    """The environment cannot be rendered here."""


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
        status, answer = _film_with(renderer, film, report)
        if status == 0:
            return float(answer)
        if status == _RAISED:
            raise EnvironmentFailure(answer)
        reason = answer.splitlines()[-1] if answer else f"exit status {status}"
        if status != _NO_PICTURE or "DependencyNotInstalled" in reason:  # no renderer has what is missing there
            raise UserError(f"cannot film {film.settings.task}: {reason}")
        reasons[renderer] = reason
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


def _film_with(renderer: str, film: Film, report: Callable[[int], None]) -> tuple[int, str]:
    """The exit status, and the last thing that the process said: the return, or what went wrong."""
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
        return process.returncode, answer or errors.read().decode(errors="replace").strip()


def _listen(output: IO[bytes], report: Callable[[int], None]) -> str:
    answer = b""
    for line in output:
        if line.startswith(_STEP):
            report(int(line.removeprefix(_STEP)))
        else:
            answer += line
    return answer.decode().strip()


def main() -> int:
    """Film what standard input describes; prints the steps done, and at the end the return or what went wrong."""
    film = pickle.loads(sys.stdin.buffer.read())
    try:
        with redirect_stdout(sys.stderr):  # what an environment prints is no answer
            total = _film(film)
        print(total)
        return 0
    except EnvironmentFailure as failure:
        print(failure)
        return _RAISED
    except NoPictureError as error:
        print(error)
        return _NO_PICTURE
    except (OSError, UserError) as error:
        print(error)
        return 1


def _film(film: Film) -> float:
    try:
        from odes_rl.rollouts.recording import record_episode

        if _has_mujoco(film.settings.task):
            importlib.import_module("mujoco")  # which raises what its renderer does
    except UserError as error:
        raise NoPictureError(error) from None
    except Exception:
        raise NoPictureError(traceback.format_exc(limit=0).strip()) from None
    try:
        with open_video(film.output) as video:
            camera = Camera(video)
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
    import gymnasium

    spec = gymnasium.registry.get(task.rpartition(":")[2])
    return task.startswith(_SUITE) or (spec is not None and "mujoco" in str(spec.entry_point))


class Camera:
    """Takes pictures of an environment, in its own time, for a video."""

    def __init__(self, video: Video) -> None:
        self.video = video
        self.step = 0
        self.every = 0

    def look(self, environment: Any) -> None:
        """Take the picture, unless this step is left out."""
        if not self.every:
            self._begin(environment)
        if self.step % self.every == 0:
            self.video.add(self._picture(environment))
            print(_STEP.decode(), self.step, sep="", file=sys.__stdout__, flush=True)
        self.step += 1

    def _begin(self, environment: Any) -> None:
        renderer = getattr(environment.unwrapped, "mujoco_renderer", None)
        if renderer is not None and renderer.model.ncam:
            renderer.camera_id = 0  # which follows the body; left alone Gymnasium takes a camera that stays
        seconds = getattr(environment.unwrapped, "dt", None) or 1 / environment.metadata.get("render_fps", 30)
        self.every = self.video.begin(seconds * inner_steps(environment))

    def _picture(self, environment: Any) -> Any:
        picture = None
        try:
            with suppress(NotImplementedError):
                picture = environment.render()
        except Exception:
            raise NoPictureError(traceback.format_exc(limit=0).strip()) from None
        if picture is None:
            raise UserError("its method render returns no picture [height, width, 3]: a film needs one")
        return picture


if __name__ == "__main__":
    leave_after(main)
