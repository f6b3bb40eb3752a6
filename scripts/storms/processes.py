"""Storms over processes: workers killed and stopped, trainers killed."""

import os
import random
import signal
import time

import psutil

from storms.site import Site, require

HANG_SECONDS = 30.0
_KILLS_AT_ONCE = 5


def kill_workers(site: Site, times: int, chance: random.Random) -> str:
    """SIGKILL a random worker, again and again, whatever it is at: also while it starts up.

    After every few there is time for a generation, for none is finished while no worker lives as long as it takes to
    start.
    """
    before, restarts = site.generation(), _restarts(site)
    for killed in range(times):
        victim = _any_worker(site, chance, among=1)
        victim.kill()
        psutil.wait_procs([victim], timeout=10)
        time.sleep(chance.uniform(0.0, 0.8))
        if killed % _KILLS_AT_ONCE == 0:
            site.advance(1)
    site.advance()
    counted = _restarts(site) - restarts
    require(0 < counted <= times, f"{times} workers were killed, and {counted} restarts counted")
    return f"{counted} restarts counted, {site.generation() - before} generations done meanwhile"


def stop_worker(site: Site, times: int, chance: random.Random) -> str:
    """SIGSTOP a worker for half a minute: it must be found and replaced before that is over."""
    longest = 0.0
    for _ in range(times):
        time.sleep(chance.uniform(0.0, 1.0))
        victim = _any_worker(site, chance, among=2)
        restarts, started = _restarts(site), time.monotonic()
        victim.suspend()
        _, alive = psutil.wait_procs([victim], timeout=HANG_SECONDS)
        longest = max(longest, time.monotonic() - started)
        for process in alive:
            process.resume()
        require(not alive, f"a stopped worker was not found in {HANG_SECONDS:g} s")
        site.wait_for(lambda before=restarts: _restarts(site) > before, "the restart to be counted")
    return f"found and replaced after {longest:.0f} s at the latest"


def kill_trainer(site: Site, times: int, chance: random.Random) -> str:
    """SIGKILL the trainer at a random moment, some of them while it starts up, and resume."""
    before = site.generation()
    for turn in range(times):
        if turn % 4 == 3:
            time.sleep(chance.uniform(0.0, 4.0))
        else:
            site.advance(1)
            time.sleep(chance.uniform(0.0, 1.0))
        site.workers()
        assert site.trainer
        os.kill(site.trainer.pid, signal.SIGKILL)
        site.trainer.wait()
        site.check_gone()
        site.start()
    site.advance()
    return f"resumed each time, no worker outlived its trainer; {site.generation() - before} generations done"


def _any_worker(site: Site, chance: random.Random, among: int) -> psutil.Process:
    """One of the workers, once there are as many as `among`."""
    found: list[psutil.Process] = []

    def enough() -> bool:
        found[:] = site.workers()
        return len(found) >= among

    site.wait_for(enough, f"{among} workers")
    return chance.choice(found)


def _restarts(site: Site) -> int:
    return sum(line.get("worker_restarts", 0) for line in site.metrics())
