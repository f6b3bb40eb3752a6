"""Writes the figures of docs/benchmark.md, its pictures and its data, from the directories of runs.

    .venv/bin/python scripts/benchmark_page.py RUNS ... [--machine NAME]    # directories of runs and of comparisons
    .venv/bin/python scripts/benchmark_page.py                             # from docs/data/benchmark_*.csv alone

Runs take the place of those of the same task, policy, environment steps and seed in the data; others there are kept.

The text of the page stands on the page; what stands between its markers is written anew.
"""

import argparse
import re
import sys
from collections.abc import Sequence
from pathlib import Path

from returns.runs import merged, read_data, read_directories, write_data
from returns.tables import Benchmark, details, draw, make_benchmark, summary

from odes_rl.errors import UserError

DOCS = Path(__file__).parents[1] / "docs"
MARKER = "<!-- {}: scripts/benchmark_page.py -->"
END = "<!-- end -->"


def main(arguments: Sequence[str] | None = None, docs: Path = DOCS) -> int:
    """Write the data, the pictures and the page below `docs`; the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", nargs="*", metavar="RUNS")
    parser.add_argument("--machine", default="not recorded", help="of runs that do not tell theirs")
    given = parser.parse_args(arguments)
    try:
        if given.runs:
            runs = merged(read_directories(given.runs, given.machine), docs / "data")
            write_data(runs, docs / "data")
        benchmark = make_benchmark(read_data(docs / "data"))
        parts = {**tables(benchmark), **draw(benchmark, docs / "images")}
    except UserError as error:
        print(f"benchmark_page: {error}", file=sys.stderr)
        return 2
    page = docs / "benchmark.md"
    page.write_text(filled(page.read_text(encoding="utf-8"), parts), encoding="utf-8")
    print(page)
    return 0


def tables(benchmark: Benchmark) -> dict[str, str]:
    """Marker → the tables that belong there."""
    return {"summary": summary(benchmark), "details": details(benchmark)}


def filled(page: str, parts: dict[str, str]) -> str:
    """`page` with each of `parts` after its marker, up to the end of what was there."""
    for name, text in parts.items():
        marker = MARKER.format(name)
        before, rest = page.split(marker)
        page = f"{before}{marker}\n\n{text}\n\n{END}{rest.partition(END)[2]}"
    return page


def shown(page: str, name: str) -> str:
    """What `page` has after the marker `name`."""
    found = re.search(f"{re.escape(MARKER.format(name))}\n\n(.*?)\n\n{re.escape(END)}", page, re.DOTALL)
    assert found, name
    return found[1]


if __name__ == "__main__":
    sys.exit(main())
