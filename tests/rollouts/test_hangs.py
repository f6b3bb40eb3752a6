"""Workers that stop in an episode, while they start, or while they hold the lock: found, replaced, same bits."""

import os
import signal
import subprocess
import sys
import threading
import time

import psutil
import pytest
from rollout_cases import WALK, assert_same_bits
from rollout_cases import settings as make_settings

from odes_rl.rollouts import memory, processes, watch
from odes_rl.rollouts.processes import ProcessesBackend
from odes_rl.rollouts.protocol import EnvironmentFailure

STOPPED = "faulty_environments:Stopped-v0"
STOPPED_WITH_LOCK = "faulty_environments:StoppedWithLock-v0"
SLEEPY = "faulty_environments:Sleepy-v0"
DEADLINE = 4.0
"""Seconds; a worker needs one or two to start, more on a busy machine."""


def test_a_worker_that_stops_in_an_episode_is_replaced(faults, asked, expected):
    faults.write_text("1")
    with ProcessesBackend(make_settings(STOPPED), 2, lanes=2, deadline=DEADLINE) as backend:
        before = {worker.process.pid for worker in backend.workers}
        found = backend.evaluate(*asked)
        assert_same_bits(found, expected)
        assert found.restarts >= 1
        left = before - {worker.process.pid for worker in backend.workers}
        assert left
        assert not any(psutil.pid_exists(pid) for pid in left)
        assert_same_bits(backend.evaluate(*asked), expected)


@pytest.mark.slow
def test_a_worker_that_stops_while_it_starts_is_replaced(asked, expected):
    with ProcessesBackend(make_settings(WALK), 2, deadline=DEADLINE) as backend:
        os.kill(backend.workers[0].process.pid, signal.SIGSTOP)
        found = backend.evaluate(*asked)
    assert_same_bits(found, expected)
    assert found.restarts >= 1


@pytest.mark.slow
def test_a_worker_that_stops_with_the_lock_stops_the_others_and_all_are_replaced(faults, asked, expected):
    faults.write_text("1")
    with ProcessesBackend(make_settings(STOPPED_WITH_LOCK), 2, deadline=DEADLINE) as backend:
        found = backend.evaluate(*asked)
    assert_same_bits(found, expected)
    assert found.restarts >= 2


@pytest.mark.slow
def test_a_death_while_another_worker_holds_the_lock_for_ever_ends_that_one_too(faults, asked, expected, monkeypatch):
    """The trainer needs the lock to give a dead worker's units to others."""
    monkeypatch.setattr(processes, "_GRACE_SECONDS", 0.5)
    faults.write_text("1")

    def kill_the_other() -> None:
        pids = [worker.process.pid for worker in backend.workers]
        while (stopped := [psutil.Process(pid).status() == psutil.STATUS_STOPPED for pid in pids]) == [False, False]:
            time.sleep(0.02)
        os.kill(pids[stopped.index(False)], signal.SIGKILL)

    with ProcessesBackend(make_settings(STOPPED_WITH_LOCK), 2) as backend:
        thread = threading.Thread(target=kill_the_other)
        thread.start()
        found = backend.evaluate(*asked)
        thread.join()
    assert_same_bits(found, expected)
    assert found.restarts == 2


def test_an_environment_that_needs_longer_than_the_deadline_is_told_of_it(faults, asked, monkeypatch, caplog):
    monkeypatch.setattr(watch, "FUTILE_DEATHS", 1)
    with (
        ProcessesBackend(make_settings(SLEEPY), 1, deadline=3.0) as backend,
        pytest.raises(EnvironmentFailure, match=r"died 2 times in a row.*rollouts\.deadline, 3 seconds"),
    ):
        backend.evaluate(*asked)
    assert "took no environment step for 3 s" in caplog.text


def test_the_lock_is_waited_for_no_longer_than_one_is_patient():
    descriptor = memory.create()
    code = f"import fcntl, time; fcntl.lockf({descriptor}, fcntl.LOCK_EX); print('locked', flush=True); time.sleep(99)"
    holder = subprocess.Popen([sys.executable, "-c", code], pass_fds=[descriptor], stdout=subprocess.PIPE)
    with holder:
        assert holder.stdout
        assert holder.stdout.readline() == b"locked\n"
        with pytest.raises(TimeoutError), memory.locked(descriptor, patience=0.05):
            pass
        holder.kill()
    with memory.locked(descriptor, patience=5.0):
        pass
    os.close(descriptor)
