"""A trial of an environment that is made to order, before a run begins: it steps, and repeats. Free of JAX."""

from collections.abc import Callable
from contextlib import closing

import gymnasium
import numpy as np

from odes_rl.errors import UserError, raised
from odes_rl.rollouts.flattening import flattener
from odes_rl.rollouts.interfaces import first_observation, is_divergence
from odes_rl.rollouts.setup import Setup

_STEPS = 5


def try_out(task: str, setup: Setup, environment: gymnasium.Env, without_wrappers: Callable[[], gymnasium.Env]) -> None:
    """Run the beginnings of episodes in `environment`, which `setup` has made of the task of that name.

    Gymnasium allows environments that do not repeat an episode; they are not blamed on the wrappers.

    Raises:
        UserError: if it raises, observes something else than its space says, or if an episode that is repeated with
            its seed after another one is different.
    """
    try:
        repeats = _repeats(task, environment)
    except UserError:
        raise
    except Exception as error:
        if is_divergence(error):
            return
        raise UserError(f"{setup.culprit}: {setup.words(task)} fails: {raised(error)}") from error
    if repeats or not setup.wrappers:
        return
    with closing(without_wrappers()) as inner:
        blameless = not _repeats(task, inner)
    if not blameless:
        raise UserError(
            f"task.wrappers: {setup.words(task)} does not repeat an episode with the same seed, so results would "
            "depend on the workers: wrappers must begin afresh in reset, and draw numbers from self.np_random"
        )


def _repeats(task: str, environment: gymnasium.Env) -> bool:
    """Whether an episode begins in the same way when it is repeated with its seed, after another one."""
    first, _, again = (_beginning(task, environment, seed) for seed in (1, 2, 1))
    return np.array_equal(first, again, equal_nan=True)


def _beginning(task: str, environment: gymnasium.Env, seed: int) -> np.ndarray:
    """[T, n + 1] flat observations and rewards of an episode's first steps, with some actions."""
    flatten, actions = flattener(environment.observation_space), environment.action_space
    actions.seed(seed)
    steps = [np.append(flatten(first_observation(task, environment.reset(seed=seed))), 0.0)]
    for _ in range(_STEPS):
        observation, reward, terminated, truncated, _ = environment.step(actions.sample())
        steps.append(np.append(flatten(observation), float(reward)))
        if terminated or truncated:
            break
    return np.array(steps)
