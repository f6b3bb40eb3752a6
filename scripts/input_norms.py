"""Norms of the input weights of fitted models, of the outermost pixel columns: at the start of the run, and now.

    .venv/bin/python scripts/input_norms.py RUN ... [--columns 4] [--width 28]

The models take grey images of --width pixels in a row, as vectors. These are the norms of docs/results.md.
"""

import argparse
from pathlib import Path
from typing import Any

import numpy as np

from odes_rl.config.layering import FITTING
from odes_rl.runs.run_directory import RunDirectory
from odes_rl.training.fit import initial_progress, restore_fit


def main() -> None:
    """Print a line for each run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", nargs="+", type=Path, metavar="RUN")
    parser.add_argument("--columns", type=int, default=4, help="that count as outermost, on either side")
    parser.add_argument("--width", type=int, default=28, help="of an image, in pixels")
    given = parser.parse_args()
    for path in given.runs:
        run = RunDirectory.open(path, {}, FITTING)
        fitting, state = restore_fit(run)
        start = initial_progress(fitting, run.config.run.seed).state
        norms = [outer_norm(fitting.model, each.params, given.width, given.columns) for each in (start, state)]
        print(f"{path}: {norms[0]:.1f} at the start, {norms[1]:.1f} now")


def outer_norm(model: Any, params: Any, width: int, columns: int) -> float:
    """Frobenius norm of the input weights of the first and the last `columns` pixel columns."""
    weights = np.asarray(model.layers(params).input["weight"])
    by_column = weights.reshape(len(weights), -1, width)
    return float(np.linalg.norm(np.concatenate([by_column[..., :columns], by_column[..., -columns:]], axis=-1)))


if __name__ == "__main__":
    main()
