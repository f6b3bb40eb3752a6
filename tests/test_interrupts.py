"""Signals at any moment of any command: it ends soon, in one line, and what is on disk goes on to the same end."""

import os
import pty
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import psutil
import pytest
import yaml

from odes_rl import interrupts
from odes_rl.interrupts import Interrupted, check_interrupted, interrupt, interruptible, signals_noted
from odes_rl.runs.run_directory import RunDirectory
from odes_rl.training.train import train
from tests.comparisons import write_comparison
from tests.made_runs import TINY, fit_run, timeless, train_run

NUMBERS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
STATUS = {signal.SIGINT: 130, signal.SIGTERM: 143, signal.SIGHUP: 143}
MOMENTS = 50
"""Random moments of each signal in each command, in the slow test."""
PATIENCE = 60.0
"""Seconds that a program may take to end: far more than it does, for a machine that does other things besides."""
ENDLESS = 10**6
STUDY = {"study": "linear_systems", "systems": ["spiral"], "steps": ENDLESS, "points": 5}


@pytest.fixture(scope="module")
def place(tmp_path_factory) -> Path:
    """A directory with configs, a trained run and a fitted one."""
    directory = tmp_path_factory.mktemp("place")
    sections: dict[str, dict[str, object]] = {}
    for name, value in (TINY | {"rollouts.backend": "processes", "run.generations": ENDLESS}).items():
        section, option = name.split(".")
        sections.setdefault(section, {})[option] = value
    (directory / "train.yaml").write_text(yaml.safe_dump(sections))
    fit = {"model": {"width": 24, "steps": 10}, "run": {"epochs": ENDLESS, "checkpoint_every": 1}}
    (directory / "fit.yaml").write_text(yaml.safe_dump(fit))
    (directory / "study.yaml").write_text(yaml.safe_dump(STUDY))
    write_comparison(directory / "compare.yaml", env_steps=10**9)
    train_run(directory / "trained", run__generations=2)
    fit_run(directory / "fitted", run__epochs=2)
    return directory


def fresh(command: str, option: str) -> Callable[[Path, Path], list[str]]:
    return lambda place, out: [command, str(place / f"{command}.yaml"), option, str(out)]


def again(command: str) -> Callable[[Path, Path], list[str]]:
    """The command in a directory of its own, and `resume` once it holds a run."""
    begin = fresh(command, "--run.directory")
    return lambda place, out: ["resume", str(out)] if (out / "config.yaml").exists() else begin(place, out)


COMMANDS: dict[str, Callable[[Path, Path], list[str]]] = {
    "train": again("train"),
    "fit": again("fit"),
    "compare": fresh("compare", "--directory"),
    "compare --dry-run": lambda place, out: ["compare", str(place / "compare.yaml"), "--dry_run"],
    "study": fresh("study", "--directory"),
    "evaluate": lambda place, out: ["evaluate", str(place / "trained"), "--episodes", "2000"],
    "film": lambda place, out: ["evaluate", str(place / "trained"), "--episodes", "1", "--video", f"{out}.mp4"],
    "inspect": lambda place, out: ["inspect", str(place / "trained"), "--output", f"{out}.png"],
    "inspect a fit": lambda place, out: ["inspect", str(place / "fitted"), "--output", f"{out}.png"],
    "plot": lambda place, out: ["plot", str(place / "trained"), "--output", f"{out}.png"],
    "list": lambda place, out: ["list", "tasks"],
}
"""What is interrupted: arguments in the directory of `place`, to write to `out`."""
HEEDFUL = """
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job inherits that it is ignored,
signal.signal(signal.SIGHUP, signal.SIG_DFL)  # and what `nohup` starts that this is
from odes_rl.__main__ import main
main()
"""


def start(arguments: Sequence[str], **options: object) -> subprocess.Popen:
    """The program, once it notes signals; without a compilation cache, for compilers are to be interrupted too."""
    environment = {k: v for k, v in os.environ.items() if k != "JAX_COMPILATION_CACHE_DIR"}
    command = [sys.executable, "-c", HEEDFUL, *arguments]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | options
    process = subprocess.Popen(command, text=True, env=environment, **pipes)  # pyright: ignore
    while not _catches(process.pid, signal.SIGTERM) and process.poll() is None:
        time.sleep(0.002)
    return process


def _catches(pid: int, number: int) -> bool:
    status = Path(f"/proc/{pid}/status").read_text()
    mask = next(line for line in status.splitlines() if line.startswith("SigCgt"))
    return bool(int(mask.split()[1], 16) >> (number - 1) & 1)


def end(process: subprocess.Popen, number: int) -> bool:
    """Send the signal; whether the program was still at work. It must have ended well, and its children with it."""
    family = psutil.Process(process.pid).children(recursive=True) if process.poll() is None else []
    process.send_signal(number)
    said, errors = process.communicate(timeout=PATIENCE)
    assert "Traceback" not in said + errors, said + errors
    assert "Exception ignored" not in errors, errors
    _, alive = psutil.wait_procs(family, timeout=PATIENCE)
    assert not alive
    if process.returncode == 0:
        return False
    assert process.returncode == STATUS[signal.Signals(number)], (process.returncode, errors)
    assert [line for line in errors.splitlines() if "interrupted" in line] == errors.splitlines()[-1:], errors
    return True


def storm(command: str, number: int, moments: int, place: Path, out: Path) -> int:
    """Interrupt the command at so many random moments of its first seconds; how often it was at work."""
    chance, at_work = random.Random(f"{command} {number}"), 0
    whole = 12.0
    film = Path(f"{out}.mp4")
    for _ in range(moments):
        film.unlink(missing_ok=True)
        process, started = start(COMMANDS[command](place, out)), time.monotonic()
        moment = chance.uniform(0.0, whole)
        while time.monotonic() - started < moment and process.poll() is None:
            time.sleep(0.005)
        if process.poll() is not None:
            whole = time.monotonic() - started
        interrupted = end(process, number)
        at_work += interrupted
        assert not interrupted or not film.exists(), "half a film was left"
    return at_work


@pytest.mark.slow
@pytest.mark.parametrize("number", NUMBERS, ids=lambda number: number.name)
@pytest.mark.parametrize("command", COMMANDS)
def test_a_signal_ends_a_command_at_any_moment(command, number, place, tmp_path):
    assert storm(command, number, MOMENTS, place, tmp_path / "out") > MOMENTS / 4


@pytest.mark.parametrize(
    ("command", "number"), [("train", signal.SIGTERM), ("compare", signal.SIGHUP), ("study", signal.SIGINT)]
)
def test_a_signal_ends_a_command(command, number, place, tmp_path):
    assert storm(command, number, 1, place, tmp_path / "out") == 1


@pytest.mark.slow
def test_a_run_that_is_interrupted_again_and_again_ends_as_a_calm_one(place, tmp_path):
    storm("train", signal.SIGTERM, 8, place, tmp_path / "out")
    with RunDirectory.open(tmp_path / "out") as run:
        done = (run.checkpoints.latest_generation() or 0) + 1
    with RunDirectory.open(tmp_path / "out", {"run.generations": done, "rollouts.backend": "serial"}) as run:
        train(run, lambda metrics: None)
    calm, _ = train_run(tmp_path / "calm", run__generations=done)
    assert timeless(run) == timeless(calm)


@pytest.mark.slow
@pytest.mark.parametrize("moment", [3.0, 6.0, 9.0])
def test_a_second_signal_ends_it_at_once_and_hurts_nothing(moment, place, tmp_path):
    process = start(COMMANDS["train"](place, tmp_path / "out"))
    time.sleep(moment)
    process.send_signal(signal.SIGTERM)
    time.sleep(0.6)
    assert end(process, signal.SIGTERM) or process.returncode == 0
    process = start(COMMANDS["train"](place, tmp_path / "out"))
    time.sleep(12)
    assert end(process, signal.SIGTERM)


@pytest.mark.slow
def test_a_terminal_that_hangs_up_ends_training_after_a_checkpoint(place, tmp_path):
    ours, theirs = pty.openpty()
    arguments = COMMANDS["train"](place, tmp_path / "out")
    process = start(arguments, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True)
    os.close(theirs)
    metrics = tmp_path / "out/metrics.jsonl"
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and (not metrics.exists() or metrics.read_bytes().count(b"\n") < 4):
        os.read(ours, 65536)
    os.close(ours)
    process.send_signal(signal.SIGHUP)
    assert process.wait(PATIENCE) == 143
    with RunDirectory.open(tmp_path / "out") as run:
        assert (run.checkpoints.latest_generation() or 0) >= 2


def test_a_signal_is_noted_and_raised_where_the_program_looks():
    with signals_noted():
        check_interrupted()
        os.kill(os.getpid(), signal.SIGTERM)
        with pytest.raises(Interrupted) as caught:
            check_interrupted()
    assert caught.value.status == 143
    check_interrupted()


def test_signals_so_close_that_they_are_one_request_end_nothing_at_once():
    with signals_noted():
        os.kill(os.getpid(), signal.SIGHUP)
        os.kill(os.getpid(), signal.SIGHUP)
        interrupt()
        with pytest.raises(Interrupted):
            check_interrupted()


def test_what_was_ignored_stays_so():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with signals_noted():
            os.kill(os.getpid(), signal.SIGHUP)
            check_interrupted()
    finally:
        assert signal.signal(signal.SIGHUP, before) is signal.SIG_IGN


def test_a_long_computation_is_left_to_itself():
    begun = []

    def compute() -> None:
        begun.append(True)
        interrupt()
        time.sleep(60)

    started = time.monotonic()
    with pytest.raises(Interrupted), signals_noted(abandon=True):
        interruptible(compute)
    assert begun
    assert time.monotonic() - started < 30


def test_an_interruptible_computation_answers_and_raises_as_it_is():
    with signals_noted(abandon=True):
        assert interruptible(max, 3, 4) == 4
        with pytest.raises(ZeroDivisionError):
            interruptible(divmod, 1, 0)
    assert interruptible(max, 3, 4) == 4


def test_handlers_are_as_they_were():
    before = [signal.getsignal(number) for number in NUMBERS]
    with signals_noted(), signals_noted():
        assert all(signal.getsignal(number) is interrupts._note for number in NUMBERS)
    assert [signal.getsignal(number) for number in NUMBERS] == before
