"""Workers that are killed, trainers that are killed, and what is left behind."""

import gc
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from rollout_cases import WALK, assert_same_bits, questions
from rollout_cases import settings as make_settings

from odes_rl.rollouts import processes, watch
from odes_rl.rollouts.processes import ProcessesBackend
from odes_rl.rollouts.protocol import EnvironmentFailure

KILLED = "faulty_environments:Killed-v0"
SLEEPY = "faulty_environments:Sleepy-v0"


def wait_for(condition, seconds=30.0):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)


def kill(worker):
    os.kill(worker.process.pid, signal.SIGKILL)
    worker.process.wait()


@pytest.mark.parametrize(("count", "workers"), [(1, 1), (3, 2)])
def test_workers_killed_in_mid_episode_change_nothing_but_the_restarts(count, workers, faults, asked, expected):
    faults.write_text(str(count))
    with ProcessesBackend(make_settings(KILLED), workers, lanes=2) as backend:
        found = backend.evaluate(*asked)
        assert_same_bits(found, expected)
        assert 1 <= found.restarts <= count  # two that die at once may share a count
        again = backend.evaluate(*asked)
    assert_same_bits(again, expected)
    assert again.restarts == 0


def test_the_death_of_a_worker_is_seen_though_its_environments_child_lives_on(faults, asked, expected):
    faults.write_text("1")
    with ProcessesBackend(make_settings("faulty_environments:Forking-v0"), 1) as backend:
        found = backend.evaluate(*asked)
    assert_same_bits(found, expected)
    assert found.restarts == 1
    faults.unlink()  # the child goes
    assert not faults.with_name("in_vain").exists()


def test_a_worker_killed_from_outside_and_one_killed_while_idle(asked, expected):
    with ProcessesBackend(make_settings(WALK), 2) as backend:
        kill(backend.workers[1])  # perhaps before it is ready
        found = backend.evaluate(*asked)
        assert_same_bits(found, expected)
        assert found.restarts == 1
        for worker in backend.workers:
            kill(worker)
        found = backend.evaluate(*asked)
        assert_same_bits(found, expected)
        assert found.restarts == 2
        assert len({worker.process.pid for worker in backend.workers}) == 2


def test_workers_that_die_again_and_again_stop_the_run(faults, asked, monkeypatch):
    monkeypatch.setattr(watch, "FUTILE_DEATHS", 2)
    faults.write_text("1000")
    with (
        ProcessesBackend(make_settings(KILLED), 1) as backend,
        pytest.raises(EnvironmentFailure, match=r"died 3 times in a row without finishing an episode"),
    ):
        backend.evaluate(*asked)


def test_no_worker_memory_or_descriptor_is_left_after_closing(asked):
    shared = set(os.listdir("/dev/shm")) if os.path.isdir("/dev/shm") else set()
    with ProcessesBackend(make_settings(WALK), 1) as backend:
        backend.evaluate(*asked)
    descriptors = psutil.Process().num_fds()
    with ProcessesBackend(make_settings(WALK), 2) as backend:
        backend.evaluate(*asked)
        workers = [psutil.Process(worker.process.pid) for worker in backend.workers]
    assert not any(worker.is_running() for worker in workers)
    assert psutil.Process().num_fds() == descriptors
    assert (set(os.listdir("/dev/shm")) if shared else set()) <= shared


def test_closing_ends_workers_in_the_middle_of_an_episode(faults):
    """As after Ctrl-C: nobody waits for what runs."""
    backend = ProcessesBackend(make_settings(SLEEPY), 1).__enter__()
    layout_of, place = processes.layout_of, questions(WALK, 1, 1)
    layout = layout_of(*place)
    layout.place(processes.memory.view(backend.memory, layout.size())).post(*place)
    backend._command({0}, layout)
    wait_for(faults.exists)
    worker = psutil.Process(backend.workers[0].process.pid)
    started = time.monotonic()
    backend.__exit__()
    assert time.monotonic() - started < 3
    assert not worker.is_running()


def test_an_interruption_while_workers_start_leaves_nothing_open(asked, monkeypatch):
    with ProcessesBackend(make_settings(WALK), 1) as backend:
        backend.evaluate(*asked)
    gc.collect()  # what other tests left open
    before, started, start = psutil.Process().num_fds(), [], subprocess.Popen

    def interrupted(*arguments, **options):
        if started:
            raise KeyboardInterrupt
        started.append(start(*arguments, **options))
        return started[0]

    monkeypatch.setattr(processes.subprocess, "Popen", interrupted)
    with pytest.raises(KeyboardInterrupt), ProcessesBackend(make_settings(WALK), 2):
        pass
    gc.collect()
    assert started[0].returncode is not None
    assert psutil.Process().num_fds() == before


TRAINER = """
from rollout_cases import WALK, questions, settings
from odes_rl.rollouts.processes import ProcessesBackend
with ProcessesBackend(settings("{task}"), 2) as backend:
    print(*(worker.process.pid for worker in backend.workers), flush=True)
    backend.evaluate(*questions(WALK, 4, 2))
"""


@pytest.mark.parametrize("when", ["starting", "in an episode"])
def test_workers_end_within_five_seconds_of_their_killed_trainer(when, faults):
    trainer = subprocess.Popen(
        [sys.executable, "-c", TRAINER.format(task=SLEEPY)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(Path(__file__).parent), *sys.path])},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert trainer.stdout is not None
    workers = [psutil.Process(int(pid)) for pid in trainer.stdout.readline().split()]
    assert len(workers) == 2
    if when == "in an episode":
        wait_for(faults.exists)
    trainer.kill()
    trainer.wait()
    trainer.stdout.close()
    _, alive = psutil.wait_procs(workers, timeout=5)
    assert not alive
