"""How far environment steps of the backend mjx are from the environments' own, from the same states.

States are recorded along episodes of random actions. Differences are parts of a number's size if that is above 1.
`--both-edited` gives the environments the edits that MJX's models need, such as another solver. `--returns` compares
whole episodes instead: 100 of one policy, of at most --steps environment steps.

    .venv/bin/python scripts/benchmarks/physics_parity.py --output parity.json
    .venv/bin/python scripts/benchmarks/physics_parity.py --tasks InvertedPendulum-v5 --steps 20
    .venv/bin/python scripts/benchmarks/physics_parity.py --tasks Humanoid-v5 HumanoidStandup-v5 --both-edited
    .venv/bin/python scripts/benchmarks/physics_parity.py --returns --steps 100
"""

import argparse
import os
from functools import partial
from typing import Any

from odes_rl.caching import keep_programs

os.environ.setdefault("MUJOCO_GL", "disable")
keep_programs()  # before JAX is imported

from measuring import write_report  # noqa: E402

from odes_rl.errors import UserError  # noqa: E402
from odes_rl.rollouts.tasks import task_ids  # noqa: E402
from odes_rl.simulation.parity import measure_parity  # noqa: E402
from odes_rl.simulation.returns import measure_returns  # noqa: E402

_COLUMNS = "{:38} {:>18} {:>18} {:>18} {:>18} {:>8}"
_STEPS = ("task", "float32 observed", "float32 reward", "float64 observed", "float64 reward", "ends")
_RETURNS = ("task", "mean with mjx", "environment's", "standard error", "median difference", "episodes")


def compare_steps(task: str, steps: int, **options: bool) -> tuple[dict[str, Any], list[str]]:
    """What one step from each state differs by: the result, and the figures of its row."""
    found = measure_parity(task, steps, **options)
    single, precise = found["float32"], found["float64"]
    figures = [f"{value:.1e}" for parity in (single, precise) for value in (parity.observation, parity.reward)]
    return {name: parity._asdict() for name, parity in found.items()}, [*figures, f"{single.ends + precise.ends}"]


def compare_returns(task: str, steps: int) -> tuple[dict[str, Any], list[str]]:
    """What the returns of whole episodes differ by: the result, and the figures of its row."""
    found = measure_returns(task, steps=steps)
    figures = [*found.means, found.standard_error, found.median_difference]
    names = ("mjx", "environment", "standard_error", "median_difference")
    return dict(zip(names, figures, strict=True)), [*(f"{value:.6g}" for value in figures), f"{len(found.mjx)}"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tasks", nargs="+", default=None, help="all that are described")
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--both-edited", action="store_true", help="edit the environments' models as MJX's")
    parser.add_argument("--returns", action="store_true", help="compare the returns of whole episodes")
    parser.add_argument("--output")
    options = parser.parse_args()
    edited_steps = partial(compare_steps, both_edited=options.both_edited)
    measure, columns = (compare_returns, _RETURNS) if options.returns else (edited_steps, _STEPS)
    results: dict[str, Any] = {}
    print(_COLUMNS.format(*columns))
    for task in options.tasks or task_ids():
        try:
            results[task], figures = measure(task, options.steps)
            print(_COLUMNS.format(task, *figures), flush=True)
        except UserError as error:
            results[task] = str(error)
            print(f"{task}: {error}", flush=True)
        write_report(options.output, options, results)


if __name__ == "__main__":
    main()
