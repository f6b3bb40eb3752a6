"""What `device.py` measures: its stages in order of value, the cells of each, and how the time is shared out."""

from collections.abc import Sequence
from itertools import product
from typing import Any, NamedTuple

Cell = dict[str, Any]
"""One measurement: all that its stage needs to know, as JSON."""
TASKS = ("HalfCheetah-v5", "Humanoid-v5", "Swimmer-v5", "Hopper-v5", "dm_control/humanoid-stand-v0")
FULL = {
    "tasks": TASKS,
    "trainings": ["HalfCheetah-v5", "Humanoid-v5"],
    "candidates": [2048, 8192, 32, 32768, 512, 128],
    "training_candidates": 1024,
    "parity_steps": 200,
    "max_steps": 200,
    "episode_steps": 1000,
    "flags": ["", "--xla_gpu_deterministic_ops=true"],
    "hidden": [16, 64, 256],
    "populations": [200, 4096, 1024, 16384],
    "inference": [(16, 1024), (64, 1024), (256, 256), (1024, 32)],
    "generations": 10**6,
    "seconds": 3.0,
    "rounds": 3,
    "copy_bytes": 2**30,
}
QUICK = {
    "tasks": ["Swimmer-v5"],
    "trainings": ["Swimmer-v5"],
    "candidates": [8],
    "training_candidates": 8,
    "parity_steps": 8,
    "max_steps": 10,
    "episode_steps": 10,
    "flags": [""],
    "hidden": [4],
    "populations": [8],
    "inference": [(4, 8)],
    "generations": 5,
    "seconds": 0.0,
    "rounds": 1,
    "copy_bytes": 2**24,
}
"""`inference` has hidden sizes with candidates whose weights take 7 GB at most."""


class Stage(NamedTuple):
    """A kind of measurement, and all that is to be measured of it.

    Attributes:
        name: of its module here, whose `measure(cell, seconds, report)` returns the figures of a cell.
        share: of the time, as a weight beside those of the other stages.
        cells: in order of value.
        at_once: processes that measure cells at the same time.
        is_fresh: each cell has a process of its own.
    """

    name: str
    share: float
    cells: list[Cell]
    at_once: int = 1
    is_fresh: bool = False


def stages(sizes: dict[str, Any], cores: int, compilers: int) -> list[Stage]:
    """All stages of those `sizes` (`FULL`, `QUICK`) on a machine with so many `cores`.

    If there are several `compilers`, processes that compile, the stage `compile` makes the first runs of the stages
    after it, as many at the same time.
    """
    throughput, training = _throughput(sizes, cores), _training(sizes)
    first, later = [cell for cell in throughput if cell["backend"] == "mjx"], []
    tasks = len(sizes["tasks"])
    first, later = first[:tasks], first[tasks:]
    compiled = [
        {"of": name, "cell": cell}
        for name, cells in (("throughput", first), ("training", training), ("throughput", later))
        for cell in cells
    ]
    found = [
        Stage("machine", 2, [{"copy_bytes": sizes["copy_bytes"]}]),
        Stage("parity", 2, [{"task": task, "steps": sizes["parity_steps"]} for task in sizes["tasks"]], compilers),
        Stage("weights", 1, [{"hidden": hidden} for hidden in sizes["hidden"]]),
        Stage("compile", 7, compiled, compilers),
        Stage("throughput", 7 if compilers > 1 else 14, throughput),
        Stage("bits", 2, _bits(sizes), is_fresh=True),
        Stage("learner", 2, _learner(sizes)),
        Stage("inference", 2, _inference(sizes, cores)),
        Stage("training", 5, training),
    ]
    return [stage for stage in found if stage.name != "compile" or compilers > 1]


def allotted(left: float, shares: Sequence[float]) -> float:
    """Seconds for the first of the stages with those `shares`, of the `left` ones: what one leaves, all others get."""
    return max(0.0, left) * shares[0] / sum(shares)


def _mjx(sizes: dict[str, Any], task: str, candidates: int) -> Cell:
    common = {"task": task, "backend": "mjx", "hidden": sizes["hidden"][0]}
    return {**common, "candidates": candidates, "max_steps": sizes["max_steps"], "seconds": sizes["seconds"]}


def _throughput(sizes: dict[str, Any], cores: int) -> list[Cell]:
    """Breadth first: every task beside its processes, before other numbers of candidates."""
    first, *others = sizes["candidates"]
    cells = []
    for task in sizes["tasks"]:
        mjx = _mjx(sizes, task, first)
        cells += [{**mjx, "backend": "processes", "candidates": 8 * cores, "max_steps": sizes["episode_steps"]}, mjx]
    return cells + [_mjx(sizes, task, candidates) for candidates, task in product(others, sizes["tasks"])]


def _bits(sizes: dict[str, Any]) -> list[Cell]:
    (task, *_), (candidates, *_) = sizes["tasks"], sizes["candidates"]
    cell = _mjx(sizes, task, candidates)
    return [{**cell, "flags": flags, "turn": turn} for flags in sizes["flags"] for turn in range(2)]


def _learner(sizes: dict[str, Any]) -> list[Cell]:
    grid = product(sizes["populations"], sizes["hidden"])
    return [{"hidden": hidden, "population": population, "rounds": sizes["rounds"]} for population, hidden in grid]


def _inference(sizes: dict[str, Any], cores: int) -> list[Cell]:
    shape = {"task": sizes["tasks"][0], "workers": cores, "rounds": sizes["rounds"]}
    steps = min(20, sizes["max_steps"])
    return [
        {**shape, "hidden": hidden, "population": population, "max_steps": steps}
        for hidden, population in sizes["inference"]
    ]


def _training(sizes: dict[str, Any]) -> list[Cell]:
    shape = {"candidates": sizes["training_candidates"], "max_steps": sizes["episode_steps"]}
    return [{"task": task, **shape, "generations": sizes["generations"]} for task in sizes["trainings"]]
