"""Motions of an environment under random actions, seen at irregular times: a latent ODE beside a recurrent network."""

from typing import Literal

import gymnasium
import jax.numpy as jnp
import numpy as np
from matplotlib.figure import Figure
from pydantic import Field

from odes_rl import UserError
from odes_rl.reports import COLOURS, dress_panel
from odes_rl.rollouts import make_environment
from odes_rl.studies import Findings, StudyFamily, Tell
from odes_rl_studies.time_series import Forecast, Series, SeriesConfig, compare, findings

_KINDS = 2
"""Draws of episodes: to train on, and to measure on."""


class MotionsConfig(SeriesConfig, frozen=True):
    """A latent ODE and a recurrent network, trained on the first half of observed motions and asked for all of them."""

    study: Literal["motions"] = "motions"
    task: str = "dm_control/pendulum-swingup-v0"
    """The environment whose observations are followed, under actions drawn at random."""
    horizon: int = Field(default=100, ge=4)
    """Steps of the environment from time 0 to 1."""
    entry: int = Field(default=0, ge=0)
    """The entry of the observation that the picture shows."""


def motions(config: MotionsConfig, tell: Tell) -> Findings:
    """Train both models on the first half of time, and measure them there and beyond."""
    if config.points > config.horizon + 1:
        raise UserError(f"points is {config.points}, but must be at most {config.horizon + 1}, one more than horizon")
    values = [record(config, count, kind, tell) for kind, count in enumerate((config.examples, config.test_examples))]
    if config.entry >= values[0].shape[-1]:
        raise UserError(f"entry is {config.entry}, but an observation has entries 0 to {values[0].shape[-1] - 1}")
    drawn, test = (observe(config, each, kind) for kind, each in enumerate(standardised(values)))
    found = compare(config, drawn, test, tell)
    figure = _draw(config, found, test)
    return findings(config, found, test, figure, "an entry, in units of its deviation in the first half of training")


def record(config: MotionsConfig, count: int, kind: int, tell: Tell) -> np.ndarray:
    """[count, horizon + 1, n] observations of episodes of the task under actions drawn uniformly.

    Raises:
        UserError: if there is no such task, its actions are discrete or have no bounds, or an episode ends early.
    """
    environment = make_environment(config.task)
    try:
        actions = environment.action_space
        if not isinstance(actions, gymnasium.spaces.Box):
            raise UserError(f"task {config.task!r} has discrete actions: choose one whose actions are numbers")
        if not np.isfinite([actions.low, actions.high]).all():
            raise UserError(f"task {config.task!r} has actions without bounds: choose one whose actions have them")
        episodes = []
        for episode in range(count):
            episodes.append(_episode(config, environment, _KINDS * episode + kind))
            if (episode + 1) % 100 == 0:
                tell(f"{episode + 1} of {count} episodes recorded")
        return np.array(episodes)
    finally:
        environment.close()


def standardised(values: list[np.ndarray]) -> list[np.ndarray]:
    """`values` [N, T, n] each, with mean 0 and deviation 1 of each entry in the first half of the first of them."""
    known = values[0][:, : values[0].shape[1] // 2]
    mean, deviation = known.mean((0, 1)), known.std((0, 1))
    return [(each - mean) / np.where(deviation > 1e-8, deviation, 1) for each in values]


def observe(config: MotionsConfig, values: np.ndarray, kind: int) -> Series:
    """The series of `values` [N, horizon + 1, n] at common irregular times, with noise.

    Each is observed at time 0. What is observed up to time 0.5 is seen.
    """
    shared, own = np.random.default_rng((config.seed, 1)), np.random.default_rng((config.seed, 2, kind))
    later = shared.choice(config.horizon, config.points - 1, replace=False) + 1
    taken = np.sort(np.append(later, 0))
    times, true = taken / config.horizon, values[:, taken]
    noisy = true + config.noise * own.standard_normal(true.shape)
    observed = (own.random(true.shape[:2]) < config.observed) | (times == 0)
    times, true, noisy = (jnp.asarray(each, jnp.float32) for each in (times, true, noisy))
    return Series(times, true, noisy, jnp.asarray(observed), jnp.asarray(observed) & (times <= 0.5))


def _episode(config: MotionsConfig, environment: gymnasium.Env, seed: int) -> np.ndarray:
    """[horizon + 1, n] observations of one episode, whose start and actions follow from `seed` and the study's own."""
    generator = np.random.default_rng((config.seed, 3, seed))
    observation, _ = environment.reset(seed=int(generator.integers(2**31)))
    space, actions = environment.observation_space, environment.action_space
    assert isinstance(actions, gymnasium.spaces.Box)
    seen = [gymnasium.spaces.flatten(space, observation)]
    while len(seen) <= config.horizon:
        action = generator.uniform(actions.low, actions.high).astype(actions.dtype)
        observation, _, terminated, truncated, _ = environment.step(action)
        seen.append(gymnasium.spaces.flatten(space, observation))
        if (terminated or truncated) and len(seen) <= config.horizon:
            raise UserError(
                f"task {config.task!r}: an episode ends after {len(seen) - 1} steps, but horizon is {config.horizon}: "
                "give a smaller one, or a task that does not end early"
            )
    return np.array(seen, np.float64)


def _draw(config: MotionsConfig, found: dict[str, Forecast], test: Series) -> Figure:
    figure = Figure(figsize=(12.5, 3.2), layout="constrained")
    panels = figure.subplots(1, 4, sharey=True)
    times, entry = np.asarray(test.times), config.entry
    for index, axes in enumerate(panels):
        seen = np.asarray(test.seen[index])
        axes.plot(times, test.true[index, :, entry], color="0.75", linewidth=4, label="true")
        for place, (name, forecast) in enumerate(found.items()):
            axes.plot(times, forecast.said[index, :, entry], ("-", "--")[place], color=COLOURS[place], label=name)
        axes.plot(times[seen], test.noisy[index, seen, entry], "o", color="black", markersize=4, label="seen")
        axes.axvline(0.5, color="0.5", linewidth=0.8)
        axes.set(title=f"test episode {index + 1}", xlabel="time")
        dress_panel(axes)
    panels[0].set_ylabel(f"observation, entry {entry}, in deviations")
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=4, frameon=False)
    return figure


STUDY = StudyFamily(MotionsConfig, motions)
