"""An act rule of the user's acts everywhere, and leaves nothing in the cache that another process cannot load."""

import sys
from pathlib import Path
from typing import Any

import numba
import numpy as np
import pytest

from odes_rl.act import find_rule
from odes_rl.act.linear import linear
from odes_rl.errors import UserError
from odes_rl.inspection.depth import hidden_states
from odes_rl.rollouts.processes import ProcessesBackend
from odes_rl.rollouts.protocol import EnvironmentFailure, EpisodeSettings, Moments
from odes_rl.rollouts.serial import SerialBackend

NAME = "rule_of_a_user"
RULE = """
from typing import Any, NamedTuple
from numba import njit
from odes_rl.act.rule import ActRule, multiply
from odes_rl.act.linear import linear

class AffineWeights(NamedTuple):
    matrix: Any
    offset: Any

def array(weights, observations):
    return (weights.matrix @ observations[..., None])[..., 0] + weights.offset

@njit
def kernel(weights, observation, action):
    multiply(weights.matrix, observation, action)
    for i in range(action.size):
        action[i] += weights.offset[i]

@njit
def wrong(weights, observation, action):
    action[:] = weights.nothing

RULE = ActRule(AffineWeights, array, kernel)
BORROWED = ActRule(AffineWeights, array, linear.kernel)
WRONG = RULE._replace(kernel=wrong)
"""
TASK, N, M = "HalfCheetah-v5", 17, 6


@pytest.fixture(scope="module")
def rules(tmp_path_factory):
    directory = tmp_path_factory.mktemp("rules")
    (directory / f"{NAME}.py").write_text(RULE, encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(directory)
        yield
    sys.modules.pop(NAME, None)


def settings(rule: str, squash: str = "clip") -> EpisodeSettings:
    return EpisodeSettings(TASK, 5, f"{NAME}:{rule}", squash)


def questions() -> tuple[Any, Moments, np.ndarray]:
    draw = np.random.default_rng(0).normal(size=(2, M, N + 1)).astype(np.float32)
    return (draw[..., :N], draw[..., N]), Moments.empty(N), np.arange(4).reshape(2, 2)


def test_workers_know_it_and_the_cache_does_not(rules):
    with SerialBackend(settings("RULE")) as serial, ProcessesBackend(settings("RULE"), workers=1) as processes:
        ours, theirs = (backend.evaluate(*questions()) for backend in (serial, processes))
    assert ours.returns.tobytes() == theirs.returns.tobytes()
    assert theirs.restarts == 0
    action, leaves = np.empty(M, np.float32), questions()[0]
    borrowed: Any = find_rule(f"{NAME}:BORROWED")
    weights = borrowed.weights(*(leaf[0] for leaf in leaves))
    borrowed.kernel(weights, np.ones(N, np.float32), action)
    np.testing.assert_allclose(action, leaves[0][0].sum(axis=1), rtol=1e-4)
    extended: Any = find_rule(f"{NAME}:RULE + path")
    path, bias = np.ones((M, N), np.float32), np.full(M, 2, np.float32)
    longer = extended.weights(*(leaf[0] for leaf in leaves), path, bias)
    extended.kernel(longer, np.ones(N, np.float32), action)
    np.testing.assert_allclose(action, leaves[0][0].sum(axis=1) + leaves[1][0] + N + 2, rtol=1e-4)
    assert hidden_states(extended, longer, np.ones((1, N), np.float32)).size == 0
    linear.kernel(linear.weights(leaves[0][0]), np.ones(N, np.float32), action)
    indices = list(Path(numba.config.CACHE_DIR).rglob("*.nbi"))  # type: ignore[attr-defined]
    assert any(b"LinearWeights" in index.read_bytes() for index in indices)
    assert not [index for index in indices if NAME.encode() in index.read_bytes()]


def test_what_a_worker_cannot_resolve_is_one_line(rules):
    absent = settings("ABSENT")
    with ProcessesBackend(absent, workers=1) as backend, pytest.raises(UserError) as caught:
        backend.evaluate(*questions())
    with pytest.raises(UserError) as told:
        find_rule(absent.act_rule)
    assert str(caught.value) == str(told.value)


def test_a_kernel_that_does_not_compile_ends_no_worker_again_and_again(rules):
    with ProcessesBackend(settings("WRONG"), workers=1) as backend:
        with pytest.raises(EnvironmentFailure, match=r"a worker raised:[\s\S]*nothing"):
            backend.evaluate(*questions())
        assert backend.workers[0].process.wait(10) == 0
