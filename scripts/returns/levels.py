"""Returns that others have published, for orientation."""

from typing import NamedTuple

import gymnasium


class Level(NamedTuple):
    """A published return, in words, and the key of its source in `SOURCES`."""

    words: str
    source: str


SOURCES = {
    "zoo": "ARS as tuned in "
    "[rl-baselines3-zoo](https://github.com/DLR-RM/rl-baselines3-zoo/blob/master/benchmark.md): one run each, "
    "mean ± deviation over episodes, v3 of the environments",
    "contrib": "ARS of [sb3-contrib](https://sb3-contrib.readthedocs.io/en/master/modules/ars.html): 8 seeds",
    "solved": "the return at which Gymnasium counts a task as solved",
    "suite": "DM Control: the largest return that an episode can have",
}
"""What a level is of."""
LEVELS: dict[str, tuple[Level, ...]] = {
    "Swimmer-v5": (Level("355 ± 13 in 2 M", "zoo"), Level("241 ± 51", "contrib")),
    "HalfCheetah-v5": (Level("4815 ± 1341 in 12 M", "zoo"), Level("4398 ± 320", "contrib")),
    "Hopper-v5": (Level("3344 ± 6 in 7 M", "zoo"), Level("3320 ± 120", "contrib")),
    "Walker2d-v5": (Level("2994 in 75 M", "zoo"),),
    "Humanoid-v5": (),
    "Ant-v5": (Level("2334 in 75 M", "zoo"),),
    "HumanoidStandup-v5": (),
    "Reacher-v5": (),
    "Pusher-v5": (),
    "InvertedPendulum-v5": (),
    "InvertedDoublePendulum-v5": (),
    "dm_control/humanoid-stand-v0": (),
    "dm_control/humanoid-walk-v0": (),
    "dm_control/swimmer-swimmer6-v0": (),
    "dm_control/swimmer-swimmer15-v0": (),
    "dm_control/cheetah-run-v0": (),
    "dm_control/walker-walk-v0": (),
    "dm_control/cartpole-swingup-v0": (),
}
"""The tasks of the benchmark, in the order of the page, and what others reach on them."""


def levels_of(task: str) -> list[Level]:
    """What others reach on a task, and what counts as solved."""
    found = list(LEVELS.get(task, ()))
    if task.startswith("dm_control/"):
        return [*found, Level("1000", "suite")]
    spec = gymnasium.registry.get(task)
    threshold = spec.reward_threshold if spec else None
    return found if threshold is None else [*found, Level(f"{threshold:g}", "solved")]


def place_of(task: str) -> tuple[int, str]:
    """Sorts tasks: those of the benchmark in its order, then all others."""
    order = list(LEVELS)
    return (order.index(task) if task in order else len(order)), task
