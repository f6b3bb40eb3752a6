"""64 bits are enabled in a process of its own, since JAX has them or not from its start."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = Path(__file__).with_name("double_precision.py")


@pytest.mark.slow
def test_every_policy_and_kind_of_strategy_works_where_64_bits_are_enabled():
    environment = os.environ | {"JAX_ENABLE_X64": "1", "PYTHONPATH": str(PROGRAM.parents[2])}
    done = subprocess.run(
        [sys.executable, str(PROGRAM)], env=environment, capture_output=True, text=True, timeout=500, check=False
    )
    assert done.returncode == 0, done.stderr
