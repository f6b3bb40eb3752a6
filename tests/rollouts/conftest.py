"""What the tests of faults share: questions, the calm answers, and the file that tells environments to misbehave."""

import pytest
from rollout_cases import WALK, questions, settings

from odes_rl.rollouts.serial import SerialBackend


@pytest.fixture
def faults(tmp_path, monkeypatch):
    """The file that says how many more workers are to die or to stop, or whose life is going on."""
    file = tmp_path / "faults"
    monkeypatch.setenv("TESTS_DEATHS", str(file))
    return file


@pytest.fixture(scope="session")
def asked():
    return questions(WALK, 6, 2)


@pytest.fixture(scope="session")
def expected(asked):
    with SerialBackend(settings(WALK)) as backend:
        return backend.evaluate(*asked)
