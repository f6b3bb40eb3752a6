"""64 bits are enabled in a process of its own, since JAX has them or not from its start."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from trained_bits import trained_bits

HERE = Path(__file__).parent


def run(program: str) -> subprocess.CompletedProcess[str]:
    """The program, where 64 bits are enabled."""
    environment = os.environ | {"JAX_ENABLE_X64": "1", "PYTHONPATH": str(HERE.parents[1])}
    command = [sys.executable, str(HERE / program)]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=500, check=False)


def failure_of(program: str) -> str:
    """What the program says if it fails; empty if it does not."""
    done = run(program)
    return done.stderr if done.returncode else ""


def test_a_strategy_made_of_values_works_where_64_bits_are_enabled():
    assert failure_of("values_in_double_precision.py") == ""


def test_a_training_run_has_the_same_bits_where_64_bits_are_enabled():
    done = run("trained_bits.py")
    assert (done.returncode, done.stdout.splitlines()[-1:]) == (0, [trained_bits()]), done.stderr


@pytest.mark.slow
def test_every_policy_and_kind_of_strategy_works_where_64_bits_are_enabled():
    assert failure_of("double_precision.py") == ""
