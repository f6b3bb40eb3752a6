"""A storm over checkpoints: the newest one is cut at a random byte."""

import io
import logging
import random
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

from odes_rl.cli.program import main
from odes_rl.runs.files import CHECKPOINTS
from storms.site import Site, require


def truncate_checkpoints(site: Site, times: int, chance: random.Random) -> str:
    """Cut a random file of the newest checkpoint; `odes-rl resume` must say so and go on from the one before."""
    for _ in range(times):
        newest, previous = sorted(site.run.glob(f"{CHECKPOINTS}/[0-9]*"))[:-3:-1]
        file = chance.choice([path for path in sorted(newest.rglob("*")) if path.is_file() and path.stat().st_size])
        with file.open("r+b") as stream:
            stream.truncate(chance.randrange(file.stat().st_size))
        generation = int(newest.name.partition(".")[0])
        words = _resume(site.run, generation + 1)
        require(f"checkpoint {newest} is damaged" in words, f"no word of the damage to {file}: {words}")
        require(str(previous) not in words, f"the one before is damaged too: {words}")
        require(site.generation() == generation + 1, f"the run is at {site.generation()}, not {generation + 1}")
    return "the one before was used each time, with a warning"


def _resume(run: Path, generations: int) -> str:
    """Resume in this process, which saves half a minute of imports each ten times; what it said."""
    told = io.StringIO()
    handler = logging.StreamHandler(told)
    logging.getLogger("odes_rl").addHandler(handler)
    options = ["--run.generations", str(generations), "--rollouts.backend", "serial"]
    try:
        with redirect_stdout(io.StringIO()), redirect_stderr(told):
            status = main(["resume", str(run), *options])
    finally:
        logging.getLogger("odes_rl").removeHandler(handler)
    require(status == 0, f"resume ended with status {status}: {told.getvalue()}")
    return told.getvalue()
