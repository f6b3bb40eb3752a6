"""64 bits are enabled in a process of its own, since JAX has them or not from its start."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent


def failure_of(program: str) -> str:
    """What the program says if it fails; empty if it does not."""
    environment = os.environ | {"JAX_ENABLE_X64": "1", "PYTHONPATH": str(HERE.parents[1])}
    done = subprocess.run(
        [sys.executable, str(HERE / program)], env=environment, capture_output=True, text=True, timeout=500, check=False
    )
    return done.stderr if done.returncode else ""


def test_a_strategy_made_of_values_works_where_64_bits_are_enabled():
    assert failure_of("values_in_double_precision.py") == ""


@pytest.mark.slow
def test_every_policy_and_kind_of_strategy_works_where_64_bits_are_enabled():
    assert failure_of("double_precision.py") == ""
