"""EnvPool steps as the environments do, from a synchronised state, and its returns are distributed alike."""

import sys

import envpool
import gymnasium
import numpy as np
import pytest
from rollout_cases import make_seeds, make_statistics, make_weights
from rollout_cases import settings as make_settings

from odes_rl.errors import UserError
from odes_rl.rollouts.choosing import make_backend
from odes_rl.rollouts.config import RolloutsConfig
from odes_rl.rollouts.environments import describe, make_environment
from odes_rl.rollouts.envpool import EnvPoolBackend
from odes_rl.rollouts.envpool_tasks import EntryOrder, Pool, check_envpool_task, envpool_id
from odes_rl.rollouts.flattening import flattener
from odes_rl.rollouts.protocol import Moments
from odes_rl.rollouts.tasks import task_ids


@pytest.mark.parametrize(
    ("task", "name"),
    [
        ("HalfCheetah-v5", "HalfCheetah-v5"),
        ("dm_control/humanoid-stand-v0", "HumanoidStand-v1"),
        ("dm_control/swimmer-swimmer15-v0", "SwimmerSwimmer15-v1"),
        ("dm_control/ball_in_cup-catch-v0", "BallInCupCatch-v1"),
        ("dm_control/humanoid_CMU-run-v0", "HumanoidCMURun-v1"),
        ("dm_control/cartpole-swingup_sparse-v0", "CartpoleSwingupSparse-v1"),
    ],
)
def test_an_id_becomes_envpools(task, name):
    assert envpool_id(task) == name
    assert check_envpool_task(task) == name


def test_envpool_has_every_task_of_gymnasium_and_of_the_control_suite():
    known = set(envpool.list_all_envs())
    missing = {task for task in task_ids() if envpool_id(task) not in known}
    assert not [task for task in missing if task.endswith("-v5")]
    composed = ("_features-", "_vision-", "/CmuHumanoid", "/Rodent")
    assert not [task for task in missing if not any(word in task for word in composed)]
    assert len(task_ids()) - len(missing) > 60


def gymnasium_state(hidden):
    """Sets the state out of an observation that leaves out the first `hidden` positions, which change nothing."""

    def synchronise(environment, order, observation):
        simulated = environment.unwrapped
        seen = simulated.model.nq - hidden
        positions = np.concatenate([np.zeros(hidden), observation[:seen]])
        simulated.set_state(positions, observation[seen : seen + simulated.model.nv])

    return synchronise


def control_state(hidden):
    """The same by the entries' names, and forward dynamics without actuation, as dm_control does after a reset."""

    def synchronise(environment, order, observation):
        physics = environment.unwrapped._env.physics
        ends = np.cumsum(list(order.sizes.values()))
        entries = dict(zip(order.sizes, np.split(observation, ends[:-1]), strict=True))
        physics.data.qpos[:hidden] = 0
        physics.data.qpos[hidden:] = entries["position"]
        physics.data.qvel[:] = entries["velocity"]
        with physics.model.disable("actuation"):
            physics.forward()

    return synchronise


ROUNDING = 1e-11
"""EnvPool has a MuJoCo of its own (3.6), in which sums may be ordered otherwise: errors of 1e-13 were seen."""
SYNCHRONISED = {
    "Swimmer-v5": (gymnasium_state(2), ROUNDING),
    "HalfCheetah-v5": (gymnasium_state(1), ROUNDING),
    "Hopper-v5": (gymnasium_state(1), ROUNDING),
    "Walker2d-v5": (gymnasium_state(1), ROUNDING),
    "Ant-v5": (gymnasium_state(2), ROUNDING),
    "InvertedPendulum-v5": (gymnasium_state(0), ROUNDING),
    "Humanoid-v5": (gymnasium_state(2), 1e-6),  # contact forces, which a solver finds to its tolerance
    "dm_control/cheetah-run-v0": (control_state(1), ROUNDING),
    "dm_control/humanoid-run_pure_state-v0": (control_state(0), ROUNDING),
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("task", SYNCHRONISED)
def test_a_step_from_the_same_state_is_the_same(task):
    synchronise, tolerance = SYNCHRONISED[task]
    settings = make_settings(task)
    order = EntryOrder(settings)
    environment: gymnasium.Env = make_environment(task)
    bounds, generator = describe(environment), np.random.default_rng(0)
    flatten = flattener(environment.observation_space)
    pool = Pool(settings, order, 1, 1)
    for _ in range(3):
        pool.reset(np.array([0]))
        batch = pool.receive()
        assert batch.first.all()
        environment.reset(seed=0)
        synchronise(environment, order, batch.observations[0])
        for _ in range(3):
            action = generator.uniform(bounds.low, bounds.high).astype(np.float32)
            pool.step(np.array([0]), action[None])
            batch = pool.receive()
            observation, reward, terminated, *_ = environment.step(action.astype(environment.action_space.dtype))
            np.testing.assert_allclose(batch.observations[0], flatten(observation), rtol=tolerance, atol=tolerance)
            np.testing.assert_allclose(batch.rewards[0], float(reward), rtol=1e-6, atol=1e-6)  # float32
            assert batch.over[0] == terminated
    pool.close()
    environment.close()


def test_observations_are_arranged_as_ours_and_the_rest_is_left_out():
    """EnvPool tells of fish-swim in another order, and more of finger-spin."""
    for task in ("dm_control/fish-swim-v0", "dm_control/finger-spin-v0"):
        order = EntryOrder(make_settings(task))
        told = {name: np.full((2, size), float(i)) for i, (name, size) in enumerate(order.sizes.items())}
        reversed_and_more = {"more": np.zeros((2, 3)), **dict(reversed(list(told.items())))}
        expected = np.repeat(np.arange(len(order.sizes)), list(order.sizes.values()))
        np.testing.assert_array_equal(order.arrange(reversed_and_more), [expected, expected])
        pool = Pool(make_settings(task), order, 2, 1)
        pool.reset(np.arange(2))
        assert pool.receive().observations.shape == (1, order.task.observation_size)
        pool.close()


def evaluate(name, task, max_steps, episodes):
    """One policy's episodes."""
    asked = make_weights(task, 1), make_statistics(task), make_seeds(1, episodes)
    with make_backend(RolloutsConfig(backend=name, workers=2), make_settings(task, max_steps)) as backend:
        return backend.evaluate(*asked)


@pytest.mark.parametrize(
    ("task", "max_steps", "episodes"),
    [("Hopper-v5", None, 400), ("dm_control/cheetah-run-v0", 40, 150), ("dm_control/swimmer-swimmer6-v0", 15, 150)],
)
def test_returns_are_distributed_as_those_of_serial(task, max_steps, episodes):
    theirs, ours = (evaluate(name, task, max_steps, episodes) for name in ("envpool", "serial"))
    assert not theirs.failed.any()
    for name in ("returns", "lengths", "saturated"):
        mine, other = getattr(ours, name)[0], getattr(theirs, name)[0]
        error = np.sqrt((mine.var() + other.var()) / episodes)
        assert abs(mine.mean() - other.mean()) <= 5 * error + 1e-12, name
        assert 0.5 * mine.std() <= other.std() <= 2 * mine.std() + 1e-12, name
    assert theirs.moments[0].count == theirs.lengths.sum()
    spread = ours.moments[0].standard_deviation()
    varied = np.isfinite(spread)
    distance = (theirs.moments[0].mean - ours.moments[0].mean)[varied] / spread[varied]
    assert np.abs(distance).max() < 0.8  # seven standard errors of independent episodes


def test_episodes_of_so_many_steps_are_followed_by_whole_ones():
    asked = make_weights("Hopper-v5", 2), make_statistics("Hopper-v5"), make_seeds(2, 30)
    with make_backend(RolloutsConfig(backend="envpool", workers=2), make_settings("Hopper-v5")) as backend:
        short, whole = backend.evaluate(*asked, 5), backend.evaluate(*asked)
    assert (short.lengths == 5).all()
    assert not short.failed.any()
    assert whole.lengths.min() > 5


def test_a_step_earns_once_however_many_episodes_an_environment_runs():
    """InvertedPendulum-v5 gives 1 for each step but the last: the 8th or, one time in ten, the 9th."""
    found = evaluate("envpool", "InvertedPendulum-v5", None, 1000)
    assert len(np.unique(found.lengths)) > 1
    assert found.lengths.max() < 1000
    np.testing.assert_array_equal(found.returns, found.lengths - 1)


def test_an_evaluation_may_have_any_shape():
    task = "Swimmer-v5"
    with EnvPoolBackend(make_settings(task, 7), workers=2) as backend:
        for candidates, episodes in ((1, 1), (1, 3), (10, 5), (4, 4), (1, 3)):
            asked = make_weights(task, candidates), make_statistics(task), make_seeds(candidates, episodes)
            found = backend.evaluate(*asked)
            assert (found.lengths == 7).all()
            assert [moments.count for moments in found.moments] == [7 * episodes] * candidates
            assert np.isfinite(found.returns).all()
        assert sorted(backend.pools) == [1, 3, 16, 32]


def test_an_episode_is_cut_no_later_than_dm_control_ends_it():
    task = "dm_control/cartpole-balance-v0"
    asked = make_weights(task, 1), Moments.empty(5), make_seeds(1, 1)
    with EnvPoolBackend(make_settings(task, 5000), workers=1) as backend:
        assert backend.evaluate(*asked).lengths.tolist() == [[1000]]


def test_a_bad_candidate_fails_alone_and_leaves_its_environment_usable():
    task = "HalfCheetah-v5"
    weights, statistics, seeds = make_weights(task, 3), make_statistics(task), make_seeds(3, 10)
    weights.output[1] = np.nan
    with EnvPoolBackend(make_settings(task, 6), workers=1) as backend:
        for _ in range(2):
            found = backend.evaluate(weights, statistics, seeds)
            assert found.failed.tolist() == [[False] * 10, [True] * 10, [False] * 10]
            assert found.lengths.tolist() == [[6] * 10, [1] * 10, [6] * 10]
            assert [moments.count for moments in found.moments] == [60, 0, 60]


def test_two_backends_do_not_share_their_initial_states():
    """With a constant seed every run would meet the same few."""
    returns = [evaluate("envpool", "Swimmer-v5", 2, 8).returns for _ in range(2)]
    assert not np.isin(returns[0], returns[1]).any()


def test_a_task_that_it_lacks_is_refused_with_the_nearest_one_and_the_fix():
    with pytest.raises(UserError, match=r"no task 'dm_control/walker-wlk-v0'; it has 'dm_control/walker-walk-v0'; use"):
        check_envpool_task("dm_control/walker-wlk-v0")
    with pytest.raises(UserError, match=r"no task 'faulty_environments:Walk-v0'.*backend: processes"):
        EnvPoolBackend(make_settings("faulty_environments:Walk-v0"), 1)


def test_a_task_whose_own_environment_cannot_reset_without_a_renderer_runs():
    found = evaluate("envpool", "dm_control/quadruped-escape-v0", 5, 2)
    assert found.lengths.tolist() == [[5, 5]]


def test_without_the_package_the_fix_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "envpool", None)
    with pytest.raises(UserError, match=r'pip install "odes-rl\[envpool\]", or use rollouts.backend: processes'):
        make_backend(RolloutsConfig(backend="envpool"), make_settings("HalfCheetah-v5"))


def test_other_observations_than_ours_are_refused():
    order = EntryOrder(make_settings("HalfCheetah-v5"))
    with pytest.raises(UserError, match="other observations or actions"):
        Pool(make_settings("Hopper-v5"), order, 1, 1)
