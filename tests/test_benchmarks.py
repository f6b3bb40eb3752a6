"""The benchmark, at a size that says nothing but that it runs."""

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import numpy as np

BENCHMARKS = Path(__file__).parents[1] / "scripts/benchmarks"
FIGURES = "training bare_loop mj_step outside training_over_bare_loop training_over_mj_step act_microseconds act_share"


def test_throughput_measures_every_figure(tmp_path):
    sizes = ["--tasks", "Hopper-v5", "--population", "4", "--hidden", "4", "--rounds", "1", "--max-steps", "20"]
    output = tmp_path / "throughput.json"
    command = [sys.executable, BENCHMARKS / "throughput.py", *sizes, "--output", output]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    (figures,) = json.loads(output.read_text()).values()
    assert set(figures) == set(FIGURES.split())
    assert min(figures.values()) > 0
    assert max(figures["outside"], figures["act_share"]) < 1
    assert "| Hopper-v5 |" in done.stdout


def test_shares_are_even_in_steps_and_leave_no_episode_out():
    spec = importlib.util.spec_from_file_location("replay", BENCHMARKS / "replay.py")
    assert spec
    assert spec.loader
    replay = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(replay)
    lengths = [3, 100, 7, 5, 60, 50]
    episodes = [replay.Episode(seed, np.zeros(1), np.zeros((n, 1))) for seed, n in enumerate(lengths)]
    shares = replay.shares_of(episodes, 2)
    assert sorted(episode.seed for share in shares for episode in share) == list(range(len(lengths)))
    assert {replay.steps_of(share) for share in shares} == {112, 113}
