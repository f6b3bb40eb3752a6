"""The configurations that come with the package."""

import subprocess
import sys
from pathlib import Path

import pytest

from odes_rl.config.layering import FITTING, load_config
from odes_rl.rollouts.tasks import find_task
from odes_rl.search.config import load_search
from tests.test_house import PAPERS_TASKS

CONFIGS = sorted((Path(__file__).parents[1] / "configs").glob("*.yaml"))


def test_there_are_configs():
    assert "half_cheetah" in [path.stem for path in CONFIGS]


@pytest.mark.parametrize("task", PAPERS_TASKS)
def test_each_of_the_papers_tasks_has_a_config_with_ode_to_ode(task):
    configs = [load_config(path) for path in CONFIGS]
    assert any((config.task.id, config.policy.name) == (task, "ode_to_ode") for config in configs)


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_a_config_is_valid_small_and_of_a_real_task(path):
    config = load_config(path)
    find_task(config.task.id)
    assert config.run.directory == f"runs/{path.stem}"
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 40


@pytest.mark.parametrize("path", [CONFIGS[0].parent / "supervised/digits.yaml"], ids=lambda path: path.stem)
def test_a_supervised_config_is_valid_and_small(path):
    config = load_config(path, kind=FITTING)
    assert config.run.directory == f"runs/{path.stem}"
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 40


def test_candidates_with_two_large_projections_are_made_and_do_not_hang():
    """In a process of its own, since what once hung cannot be interrupted."""
    code = (
        "from odes_rl.training.experiment import initial_state, make_experiment\n"
        "from odes_rl.config.layering import load_config\n"
        f"config = load_config({str(CONFIGS[0].parent / 'humanoid.yaml')!r}, {{'strategy.population': 128}})\n"
        "experiment = make_experiment(config)\n"
        "weights = experiment.candidate_weights(initial_state(experiment, 0).strategy, 0)\n"
        "assert weights.input.shape == (128, 64, 348)\n"
    )
    assert subprocess.run([sys.executable, "-c", code], timeout=200, check=False).returncode == 0


@pytest.mark.parametrize("path", sorted((CONFIGS[0].parent / "search").glob("*.yaml")), ids=lambda path: path.stem)
def test_a_search_is_valid_and_small(path):
    search = load_search(path, {}, {})
    find_task(search.base.task.id)
    assert search.config.directory == f"runs/search/{path.stem}"
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 40
