"""Environments that misbehave, registered under ids of this module, as `faulty_environments:Walk-v0`."""

import fcntl
import os
import signal
import sys
from pathlib import Path
from typing import cast

import gymnasium
import numpy as np
from gymnasium.envs.registration import EnvCreator
from gymnasium.spaces import Box, Dict, Text

LENGTH = 6
REWARDS = {"offset": (1.0, 1e8), "huge": (1e37, 0.0)}
"""Factors and offsets of rewards that single precision does not hold."""


class Walk(gymnasium.Env):
    """Adds up its actions; observes the sum, a random draw and the step; ends after LENGTH steps."""

    def __init__(self, fault="none"):
        self.observation_space = Box(-np.inf, np.inf, (3,), np.float64)
        self.action_space = Box(-1.0, 1.0, (2,), np.float32)
        self.fault = fault

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        if self.fault == "reset" and seed and seed % 2:
            raise RuntimeError("reset went wrong")
        self.time, self.sum = 0, 0.0
        return self._observe(), {}

    def step(self, action):
        self.time += 1
        self.sum += float(action.sum())
        if self.time == 3:
            self._misbehave()
        reward = np.nan if self.fault == "reward" and self.time == 3 else self.sum
        if self.fault in REWARDS:
            factor, offset = REWARDS[self.fault]
            reward = factor * reward + offset
        return self._observe(), reward, self.time == LENGTH, False, {}

    def _observe(self):
        draw = np.nan if self.fault == "observation" and self.time == 3 else self.np_random.normal()
        return np.array([self.sum, draw, self.time])

    def _misbehave(self):
        if self.fault == "step":
            raise RuntimeError("step went wrong")
        if self.fault == "exit":
            sys.exit("no licence")
        if self.fault == "divergence":
            from dm_control.rl.control import PhysicsError

            raise PhysicsError("diverged")
        if self.fault in ("killed", "stopped", "stopped_with_lock") and _countdown(Path(os.environ["TESTS_DEATHS"])):
            if self.fault == "stopped_with_lock":
                fcntl.lockf(int(sys.argv[3]), fcntl.LOCK_EX)  # the board's lock, as in the middle of a claim
            os.kill(os.getpid(), signal.SIGKILL if self.fault == "killed" else signal.SIGSTOP)


class Sleepy(Walk):
    """Says on a file that it runs, and then sleeps: a worker in the middle of an episode."""

    def step(self, action):
        import time

        Path(os.environ["TESTS_DEATHS"]).write_text(str(os.getpid()))
        time.sleep(60)
        return super().step(action)


class Forking(Walk):
    """Has a child of its own, which outlives it until the file is gone, or writes there that it has waited in vain."""

    def __init__(self, fault="none"):
        super().__init__(fault)
        import time

        file = Path(os.environ["TESTS_DEATHS"])
        if "jax" not in sys.modules and os.fork() == 0:  # in workers alone: the trainer's threads forbid it
            for _ in range(400):
                time.sleep(0.05)
                if not file.exists():
                    os._exit(0)
            file.with_name("in_vain").touch()
            os._exit(0)


class Gated(Walk):
    """Says in a directory, by a file of its process's number, that it runs, and waits there for the file `open`."""

    def step(self, action):
        import time

        directory = Path(os.environ["TESTS_GATE"])
        (directory / str(os.getpid())).touch()
        while not (directory / "open").exists():
            time.sleep(0.02)
        return super().step(action)


class Unsuited(Walk):
    """Has spaces that no policy here suits."""

    def __init__(self, fault="actions"):
        super().__init__()
        if fault == "actions" or fault == "text":
            self.action_space = Text(3)
        elif fault == "observations":
            self.observation_space = Dict({"kind": Text(3)})
        elif fault == "unbounded":
            self.action_space = Box(-np.inf, np.inf, (2,), np.float32)


class OnSomeSeeds(Walk):
    """Raises in the third step of every fifth training seed, or returns NaN there; evaluations go well."""

    def reset(self, *, seed=None, options=None):
        assert seed is not None
        self.faulty = seed < 2**30 and seed % 5 == 0
        return super().reset(seed=seed)

    def step(self, action):
        observation, reward, terminated, truncated, info = super().step(action)
        if self.faulty and self.time == 3:
            if self.fault == "raises":
                raise RuntimeError("step went wrong")
            reward = np.nan
        return observation, reward, terminated, truncated, info


def _countdown(file: Path) -> bool:
    """True as often as `file` says; each time it says one less. Workers count down together."""
    with file.open("r+") as counter:
        fcntl.flock(counter, fcntl.LOCK_EX)
        left = int(counter.read())
        counter.seek(0)
        counter.write(str(max(left - 1, 0)))
        counter.truncate()
    return left > 0


for name, entry, fault in (
    ("Walk", Walk, "none"),
    ("RaisingInStep", Walk, "step"),
    ("RaisingInReset", Walk, "reset"),
    ("Exiting", Walk, "exit"),
    ("BadReward", Walk, "reward"),
    ("BadObservation", Walk, "observation"),
    ("Diverging", Walk, "divergence"),
    ("Offset", Walk, "offset"),
    ("Huge", Walk, "huge"),
    ("Killed", Walk, "killed"),
    ("Stopped", Walk, "stopped"),
    ("StoppedWithLock", Walk, "stopped_with_lock"),
    ("Sleepy", Sleepy, "none"),
    ("Forking", Forking, "killed"),
    ("Gated", Gated, "none"),
    ("SometimesRaises", OnSomeSeeds, "raises"),
    ("SometimesNan", OnSomeSeeds, "nan"),
    ("TextActions", Unsuited, "actions"),
    ("TextObservations", Unsuited, "observations"),
    ("Unbounded", Unsuited, "unbounded"),
):
    gymnasium.register(f"{name}-v0", entry_point=cast("EnvCreator", entry), kwargs={"fault": fault})
