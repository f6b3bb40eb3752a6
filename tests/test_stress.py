"""The storms of scripts/stress.py: a quarter of an hour at least, hence `slow`."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def stress(*arguments: str, seconds: float) -> subprocess.CompletedProcess:
    command = [sys.executable, ROOT / "scripts/stress.py", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=seconds, check=False)


def test_help_says_what_the_storms_do():
    done = stress("--help", seconds=100)
    assert done.returncode == 0, done.stderr
    assert {"--quick", "--seed", "checkpoints", "killed"} <= set(done.stdout.replace(",", " ").split())


@pytest.mark.slow
def test_a_run_comes_through_every_storm_with_the_bits_of_a_calm_one():
    done = stress(seconds=3600)
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr[-5000:]}"
    table = done.stdout.rpartition("| fault |")[2]
    assert "FAILED" not in table
    assert table.count("every bit that of the calm run") == 2
