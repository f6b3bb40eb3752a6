"""Environment steps a second with actions computed by the workers, and by JAX's default device for all of them.

Whole generations of ODEtoODE on one task, by the size of the hidden state and the number of candidates; episodes are
cut short, since an action costs the same at every step. Both ways are measured in turn, after a round to warm up;
figures are medians of the rounds. Sizes whose weights take more than `--memory` GB are left out.

    .venv/bin/python scripts/benchmarks/inference.py --output inference.json
    .venv/bin/python scripts/benchmarks/inference.py --quick
"""

import argparse
import os
import tempfile
from contextlib import ExitStack
from functools import partial
from typing import Any, get_args

os.environ.setdefault("MUJOCO_GL", "disable")

import jax
from measuring import fill_in, in_turn, medians, say, table, write_report
from ours import Setting, Trainer

from odes_rl.rollouts.choosing import available_cores
from odes_rl.rollouts.config import RolloutsConfig

QUICK = {"hidden": [16], "population": [16], "rounds": 1, "max_steps": 10}
FULL = {"hidden": [16, 64, 256], "population": [64, 256, 1024, 4096], "rounds": 3, "max_steps": 20}
STEPS = 25
PLACES = get_args(RolloutsConfig.model_fields["inference"].annotation)


def weights_gigabytes(hidden: int, population: int) -> float:
    """Of the flow's matrices, which are the most of the candidates' weights; on a device they are there twice."""
    return 2 * 4e-9 * population * STEPS * hidden**2


def measure(hidden: int, population: int, options: argparse.Namespace) -> dict[str, Any]:
    """Medians of one size: steps a second either way, and their ratio."""
    setting = Setting(options.task, options.max_steps, hidden, population)
    with tempfile.TemporaryDirectory() as directory, ExitStack() as stack:
        trainer = Trainer(setting, directory)
        contestants = {}
        for place in PLACES:
            backend = trainer.backend(backend="processes", inference=place, workers=options.workers)
            contestants[place] = partial(stack.enter_context(backend).rate, 0.0)
        rates = in_turn(contestants, options.rounds, f"h = {hidden}, {population} candidates")
    middle = medians(rates)
    return {
        "hidden": hidden,
        "population": population,
        **middle,
        "device_over_workers": middle["device"] / middle["workers"],
        "rounds": rates,
    }


def main() -> None:
    """Measure all sizes, print a table, write JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--task", default="HalfCheetah-v5", help="Gymnasium id")
    parser.add_argument("--hidden", type=int, nargs="+", help="sizes of the hidden state")
    parser.add_argument("--population", type=int, nargs="+", help="candidates a generation")
    parser.add_argument("--workers", type=int, default=available_cores(), help="worker processes")
    parser.add_argument("--rounds", type=int, help="rounds that medians are taken of")
    parser.add_argument("--max-steps", type=int, help="steps an episode")
    parser.add_argument("--memory", type=float, default=5.0, help="GB that candidates' weights may take")
    parser.add_argument("--quick", action="store_true", help="small and short: says that all of it works")
    parser.add_argument("--output", help="JSON file for the figures")
    options = parser.parse_args()
    fill_in(options, QUICK if options.quick else FULL)
    results: dict[str, Any] = {"device": str(jax.devices()[0]), "sizes": []}
    for hidden in options.hidden:
        for population in options.population:
            if weights_gigabytes(hidden, population) > options.memory:
                say(f"h = {hidden}, {population} candidates: left out, the weights take too much memory")
                continue
            results["sizes"].append(measure(hidden, population, options))
    print(report(results))
    write_report(options.output, options, results)


def report(results: dict[str, Any]) -> str:
    """The Markdown table."""
    rows = [
        [
            str(row["hidden"]),
            f"{row['population']:,}",
            f"{row['workers']:,.0f}",
            f"{row['device']:,.0f}",
            f"{row['device_over_workers']:.2f}",
        ]
        for row in results["sizes"]
    ]
    return table(["h", "candidates", "workers", f"device ({results['device']})", "device / workers"], rows)


if __name__ == "__main__":
    main()
