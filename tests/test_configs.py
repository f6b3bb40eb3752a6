"""The configurations that come with the package."""

from pathlib import Path

import pytest

from odes_rl.records.layers import load_config
from odes_rl.rollouts.environments import check_task

CONFIGS = sorted((Path(__file__).parents[1] / "configs").glob("*.yaml"))


def test_there_are_configs():
    assert "half_cheetah" in [path.stem for path in CONFIGS]


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_a_config_is_valid_small_and_of_a_real_task(path):
    config = load_config(path)
    check_task(config.task.id)
    assert config.run.directory == f"runs/{path.stem}"
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 40
