"""A training run to do things to: real processes, found by their parentage."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import psutil
import yaml

from odes_rl.runs.files import CONFIG, METRICS
from odes_rl.runs.metrics import Metrics, read_metrics

ROOT = Path(__file__).parents[2]
ENDLESS = 10**6
_ENVIRONMENTS = Path(__file__).parent


class StormError(Exception):
    """Something did not hold. The message says what."""


def require(condition: object, message: str) -> None:
    if not condition:
        raise StormError(message)


class Site:
    """A run in `folder`/`name`, its trainer, and every process that it ever had.

    Attributes:
        run: the run's directory.
        family: trainers and workers, living and dead.
    """

    def __init__(self, folder: Path, name: str, config: dict[str, Any], *, sleep: float = 0.0) -> None:
        self.folder = folder
        self.run = folder / name / "run"
        self.run.parent.mkdir()
        self.temporary = folder / f"{name}-tmp"
        self.temporary.mkdir()
        self.config = folder / f"{name}.yaml"
        self.config.write_text(yaml.safe_dump(config), encoding="utf-8")
        self.log = folder / f"{name}.log"
        self.errors = folder / f"{name}.errors"
        self.environment = _environment(folder, self.temporary, sleep)
        self.trainer: subprocess.Popen | None = None
        self.family: set[psutil.Process] = set()

    def start(self, *options: str, generations: int = ENDLESS) -> None:
        """Begin the run, or go on with it; standard error begins anew."""
        begun = (self.run / CONFIG).exists()
        command = ["resume", str(self.run)] if begun else ["train", str(self.config), "--run.directory", str(self.run)]
        with self.log.open("a") as log, self.errors.open("w") as errors:
            self.trainer = subprocess.Popen(
                [sys.executable, "-m", "odes_rl", *command, "--run.generations", str(generations), *options],
                cwd=ROOT,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=errors,
            )
        self.family.add(psutil.Process(self.trainer.pid))

    def workers(self) -> list[psutil.Process]:
        """The trainer's workers that live; their own children, which importing a library may need, join the family."""
        assert self.trainer
        try:
            trainer = psutil.Process(self.trainer.pid)
            self.family.update(trainer.children(recursive=True))
            workers = trainer.children()
        except psutil.NoSuchProcess:
            return []
        self.family.update(workers)
        return workers

    def metrics(self) -> list[Metrics]:
        """The lines written so far."""
        return read_metrics(self.run / METRICS)

    def generation(self) -> int:
        """The last generation that the metrics tell of, -1 before the first."""
        lines = self.metrics()
        return lines[-1]["generation"] if lines else -1

    def wait_for(self, condition: Callable[[], bool], what: str, seconds: float = 180.0) -> None:
        """Wait for `condition` while the trainer lives."""
        end = time.monotonic() + seconds
        while not condition():
            assert self.trainer
            require(self.trainer.poll() is None, f"the trainer ended before {what}: {self.errors.read_text()[-2000:]}")
            require(time.monotonic() < end, f"waited {seconds:g} s in vain for {what}")
            self.workers()
            time.sleep(0.05)

    def advance(self, generations: int = 2) -> None:
        """Wait until that many more generations are done."""
        aim = max(self.generation(), 0) + generations
        self.wait_for(lambda: self.generation() >= aim, f"generation {aim}")

    def ended(self, status: int, seconds: float = 120.0) -> str:
        """Wait for the trainer to end by itself with that exit status; its last words on standard error."""
        assert self.trainer
        self.workers()
        try:
            found = self.trainer.wait(seconds)
        except subprocess.TimeoutExpired:
            raise StormError(f"the trainer had not ended after {seconds:g} s") from None
        words = self.errors.read_text()
        require(found == status, f"the trainer ended with status {found}, not {status}: {words[-2000:]}")
        self.check_gone()
        return words

    def stop(self) -> None:
        """End the trainer as clusters do, by SIGTERM."""
        assert self.trainer
        self.trainer.send_signal(signal.SIGTERM)
        self.ended(143)

    def check_gone(self) -> None:
        """No trainer and no worker lives ten seconds after the trainer ended, nor has left anything behind."""
        _, alive = psutil.wait_procs(list(self.family), timeout=10)
        require(not alive, f"orphans: {alive}")

    def close(self) -> None:
        """Kill what still runs, after a failure."""
        if self.trainer and self.trainer.poll() is None:
            self.workers()
            self.trainer.kill()
            self.trainer.wait()
            psutil.wait_procs(list(self.family), timeout=10)


def share_with_trainers(folder: Path) -> None:
    """Give this process, which resumes runs too, what `_environment` gives trainers."""
    os.environ["STORM_FOLDER"] = str(folder)
    sys.path.append(str(_ENVIRONMENTS))
    jax.config.update("jax_compilation_cache_dir", str(folder / "jax"))


def _environment(folder: Path, temporary: Path, sleep: float) -> dict[str, str]:
    own = {
        "STORM_FOLDER": str(folder),
        "STORM_SLEEP": str(sleep),
        "TMPDIR": str(temporary),
        "JAX_COMPILATION_CACHE_DIR": str(folder / "jax"),
        "PYTHONPATH": os.pathsep.join([str(ROOT), str(_ENVIRONMENTS)]),
    }
    return {**os.environ, **own}
