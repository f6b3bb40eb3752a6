"""Several devices share a generation: in processes of their own, since JAX counts its devices once."""

import functools
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]


@functools.cache
def outcome(devices: int, **options: Any) -> dict[str, Any]:
    """What `tests/sharing.py` prints on that many devices, and what it logs."""
    flags = f"{os.environ.get('XLA_FLAGS', '')} --xla_force_host_platform_device_count={devices}"
    command = [sys.executable, "-m", "tests.sharing", json.dumps(options)]
    done = subprocess.run(
        command,
        cwd=ROOT,
        env=os.environ | {"XLA_FLAGS": flags, "JAX_LOG_COMPILES": "1"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.rpartition("RESULT")[2]) | {"log": done.stderr}


@pytest.mark.parametrize("devices", [pytest.param(2, marks=pytest.mark.slow), 4])
def test_candidates_weights_and_updates_are_the_same_to_the_bit_on_several_devices(devices):
    assert outcome(devices)["digests"] == outcome(1)["digests"]
    assert len(set(outcome(1)["digests"])) == 8


@pytest.mark.parametrize("devices", [pytest.param(2, marks=pytest.mark.slow), 4])
def test_arrays_lie_on_all_devices_and_two_generations_compile_once(devices):
    found = outcome(devices)
    assert found["shared"] == [True, True]
    assert [found["log"].count(f"Compiling jit({name})") for name in ("candidate_weights", "tell")] == [1, 1]
    assert "devices share" not in found["log"]


@pytest.mark.slow
def test_orthogonal_perturbations_stay_on_one_device_and_say_so():
    options = {"strategy.perturbations": "orthogonal"}
    found = outcome(2, **options)
    assert found["digests"] == outcome(1, **options)["digests"]
    assert found["shared"] == [False, False]
    assert "one device draws" in found["log"]
