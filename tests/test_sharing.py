"""Several devices share a generation: in processes of their own, since JAX counts its devices once."""

import functools
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[1]
POPULATIONS = (4, 8, 16, 48, 200)
"""Of pairs, in 2, 4, 8, 8 and 4 groups: with 2, 4 or 8 devices each number of groups a device is met."""


class Outcome(NamedTuple):
    """What `tests/sharing.py` prints for each population, and what it logs."""

    digests: list[list[str]]
    devices: list[list[int]]
    log: str


@functools.cache
def outcome(devices: int, populations: tuple[int, ...], perturbations: str = "gaussian", bits: int = 32) -> Outcome:
    """That of so many devices, where JAX has 32 or 64 bits enabled.

    XLA optimises as it does for users, not as in other tests: here two programs must round alike.
    """
    options = {"strategy.perturbations": perturbations}
    flags = f"--xla_force_host_platform_device_count={devices}"
    command = [sys.executable, "-m", "tests.sharing", json.dumps(populations), json.dumps(options)]
    done = subprocess.run(
        command,
        cwd=ROOT,
        env=os.environ | {"XLA_FLAGS": flags, "JAX_LOG_COMPILES": "1", "JAX_ENABLE_X64": str(bits == 64)},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    digests, lie = zip(*json.loads(done.stdout.rpartition("RESULT")[2]), strict=True)
    return Outcome(list(digests), list(lie), done.stderr)


def compilations(found: Outcome) -> list[int]:
    """Of the functions that make a round's weights, the estimate from returns, and the update."""
    return [found.log.count(f"Compiling jit({name})") for name in ("candidate_weights", "estimate", "step")]


def test_where_each_device_has_one_group_all_bits_are_those_of_one_device():
    found = outcome(4, (8,))
    assert found.devices == [[4, 4]]
    assert found.digests == outcome(1, (8,)).digests
    assert len(set(found.digests[0])) == 8
    assert compilations(found) == [1, 2, 1]
    assert "devices share" not in found.log


def test_where_64_bits_are_enabled_the_strategy_and_the_policy_stay_in_single_precision():
    found = outcome(1, (8,), bits=64)
    assert found.digests[0][:2] == outcome(1, (8,)).digests[0][:2]  # candidates and weights; Adam's powers round better
    assert compilations(found) == [1, 2, 1]  # the state keeps its types


@pytest.mark.slow
@pytest.mark.parametrize("devices", [2, 4, 8])
def test_any_number_of_groups_a_device_gives_the_bits_of_one_device(devices):
    found = outcome(devices, POPULATIONS)
    assert found.devices == [[min(devices, groups)] * 2 for groups in (2, 4, 8, 8, 4)]
    for population, mine, theirs in zip(POPULATIONS, found.digests, outcome(1, POPULATIONS).digests, strict=True):
        assert mine == theirs, population


@pytest.mark.slow
def test_orthogonal_perturbations_stay_on_one_device_and_say_so():
    found = outcome(2, (16,), "orthogonal")
    assert found.digests == outcome(1, (16,), "orthogonal").digests
    assert found.devices == [[1, 1]]
    assert "one device draws" in found.log
