"""How far environment steps of the backend mjx are from the environments' own, from the same states.

States are recorded along episodes of random actions. Differences are parts of a number's size if that is above 1.

    .venv/bin/python scripts/benchmarks/physics_parity.py --output parity.json
    .venv/bin/python scripts/benchmarks/physics_parity.py --tasks InvertedPendulum-v5 --steps 20
"""

import argparse
import os
from typing import Any

from odes_rl.caching import keep_programs

os.environ.setdefault("MUJOCO_GL", "disable")
keep_programs()  # before JAX is imported

from measuring import write_report  # noqa: E402

from odes_rl.errors import UserError  # noqa: E402
from odes_rl.rollouts.tasks import task_ids  # noqa: E402
from odes_rl.simulation.parity import measure_parity  # noqa: E402

_COLUMNS = "{:38} {:>18} {:>18} {:>18} {:>18} {:>8}"


def line(task: str, found: dict[str, Any]) -> str:
    """A row of the table."""
    single, precise = found["float32"], found["float64"]
    figures = [f"{value:.1e}" for parity in (single, precise) for value in (parity.observation, parity.reward)]
    return _COLUMNS.format(task, *figures, f"{single.ends + precise.ends}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tasks", nargs="+", default=None, help="all that are described")
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--output")
    options = parser.parse_args()
    results: dict[str, Any] = {}
    print(_COLUMNS.format("task", "float32 observed", "float32 reward", "float64 observed", "float64 reward", "ends"))
    for task in options.tasks or task_ids():
        try:
            found = measure_parity(task, options.steps)
        except UserError as error:
            results[task] = str(error)
            print(f"{task}: {error}", flush=True)
            continue
        results[task] = {name: parity._asdict() for name, parity in found.items()}
        print(line(task, found), flush=True)
        write_report(options.output, options, results)
    write_report(options.output, options, results)


if __name__ == "__main__":
    main()
