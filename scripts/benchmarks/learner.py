"""What learning costs beside rollouts: asking for candidates, materialising their weights, telling their returns.

Two tables. The grid sets ask and tell of a flat vector of parameters beside evosax's OpenES (as many directions,
mirrored; ranks; Adam; float32; compiled): measured in turn, medians, as ratios, with the memory that each plans for.
The other has our policies as they train. Shares are of a generation of --episode-steps steps an episode, at --rate
steps a second.

    .venv/bin/python scripts/benchmarks/learner.py --output learner.json
"""

import argparse
import statistics
from typing import Any

import jax
import jax.numpy as jnp
from contestants import CONTESTANTS
from costs import seconds_of
from measuring import say, table, write_report
from policies import SETTINGS, measure_policy

LARGEST = 10**9
GRID = {"sizes": [10**3, 10**4, 10**5, 10**6], "candidates": [10**2, 10**3, 10**4], "rounds": 7}
QUICK = {"sizes": [10**3, 10**4], "candidates": [10**2, 10**3], "rounds": 2}


def measure_cell(size: int, candidates: int, rounds: int) -> dict[str, Any]:
    """Medians in seconds of each contestant's ask and tell, their bytes, and the ratios of ours to evosax's."""
    contestants = {name: make(size, candidates) for name, make in CONTESTANTS.items()}
    returns = jax.random.normal(jax.random.key(1), (candidates,))
    rounds *= 1 if size * candidates >= 10**8 else 3 if size * candidates >= 10**7 else 10
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in contestants}
    for turn in range(rounds + 1):  # the first warms up
        for name, contestant in contestants.items():
            ask, asked = seconds_of(contestant.ask)
            tell, _ = seconds_of(contestant.tell, asked, returns)
            del asked
            if turn:
                times[name].append((ask, tell))
    cell: dict[str, Any] = {"size": size, "candidates": candidates}
    for name, contestant in contestants.items():
        ask, tell = (statistics.median(column) for column in zip(*times[name], strict=True))
        both = statistics.median(ask + tell for ask, tell in times[name])
        cell[name] = {"ask": ask, "tell": tell, "both": both, "bytes": contestant.bytes_used}
    cell["ratios"] = {figure: cell["ours"][figure] / cell["evosax"][figure] for figure in cell["ours"]}
    return cell


def grid_table(cells: list[dict[str, Any]], seconds_a_candidate: float) -> str:
    """The grid; times in milliseconds, memory in MiB."""
    header = ["parameters", "candidates", "ask ms", "evosax", "tell ms", "evosax", "(ask + tell) / evosax"]
    header += ["MiB", "evosax", "share of a generation"]
    rows = []
    for cell in cells:
        ours, theirs = cell["ours"], cell["evosax"]
        share = ours["both"] / (ours["both"] + cell["candidates"] * seconds_a_candidate)
        times = [f"{1e3 * value:.2f}" for figure in ("ask", "tell") for value in (ours[figure], theirs[figure])]
        memory = [f"{who['bytes'] / 2**20:,.0f}" for who in (ours, theirs)]
        ratio = f"**{cell['ratios']['both']:.2f}**"
        rows.append([f"{cell['size']:,}", f"{cell['candidates']:,}", *times, ratio, *memory, f"{share:.3%}"])
    return table(header, rows)


def policies_table(rows: dict[str, dict[str, float]], episode_steps: int) -> str:
    """Our policies; times in milliseconds, memory in MiB."""
    figures = ("ask", "materialise", "candidates", "tell")
    header = ["policy", "parameters", "population", *(f"{figure} ms" for figure in figures), "MiB", "env.step/s"]
    body = []
    for name, row in rows.items():
        spent = row["candidates"] + row["tell"]
        share = spent / (spent + row["population"] * episode_steps / row["rate"])
        times = [f"{1e3 * row[figure]:.1f}" for figure in figures]
        sizes = [f"{row['size']:,}", f"{row['population']}"]
        body.append([name, *sizes, *times, f"{row['bytes'] / 2**20:,.0f}", f"{row['rate']:,.0f}", f"{share:.2%}"])
    return table([*header, "share of a generation"], body)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="*", help="parameters of the grid")
    parser.add_argument("--candidates", type=int, nargs="*", help="candidates of the grid; even")
    parser.add_argument("--population", type=int, default=200, help="candidates a generation of our policies")
    parser.add_argument(
        "--rounds", type=int, help="rounds that medians are taken of; small cells get up to ten times as many"
    )
    parser.add_argument("--rate", type=float, help="env.step a second; default 20,000 in the grid, each task's own")
    parser.add_argument("--episode-steps", type=int, default=1000, help="environment steps an episode")
    parser.add_argument("--quick", action="store_true", help="a small grid, under a minute")
    parser.add_argument("--output", help="JSON file for the figures")
    options = parser.parse_args()
    for name, value in (QUICK if options.quick else GRID).items():
        if getattr(options, name) is None:
            setattr(options, name, value)
    return options


def main() -> None:
    """Measure, print both tables, write JSON."""
    options = parse()
    cells, policies = [], {}
    for size in options.sizes:
        for candidates in options.candidates:
            if size * candidates <= LARGEST:
                cells.append(measure_cell(size, candidates, options.rounds))
                say(f"{size:,} parameters, {candidates:,} candidates: {cells[-1]['ratios']['both']:.2f} of evosax's")
    for name, setting in SETTINGS.items():
        policies[name] = measure_policy(setting, options.population, options.rounds)
        policies[name]["rate"] = options.rate or setting.rate
        say(f"{name}: candidates {policies[name]['candidates']:.3f} s, tell {policies[name]['tell']:.3f} s")
    if cells:
        print(grid_table(cells, options.episode_steps / (options.rate or 20_000)), end="\n\n")
    print(policies_table(policies, options.episode_steps))
    write_report(options.output, options, {"grid": cells, "policies": policies})


if __name__ == "__main__":
    jax.config.update("jax_enable_x64", False)
    assert jnp.zeros(()).dtype == jnp.float32
    main()
