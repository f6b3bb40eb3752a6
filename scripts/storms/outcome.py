"""What must hold after a storm: the numbers of a calm run, and nothing left behind."""

import re
from collections.abc import Iterator
from pathlib import Path

import psutil

from odes_rl.runs.run_directory import RunDirectory
from odes_rl.training.experiment import make_experiment, restorable_state
from storms.site import Site, require
from tests.made_runs import bits, timeless

_SHARED_MEMORY = Path("/dev/shm")
_EXPECTED = re.compile(
    r"config\.yaml|(metrics|launches)\.jsonl|lock|curve\.(png|pdf)|events/events\.out\.tfevents\.[^/]+"
    r"|checkpoints/(best/)?\d{8}\.\d+/(manifest\.json|state/.+)"
)


def compare(site: Site, calm: Site) -> str:
    """The final state of both runs, and every line of their metrics but for the clock, are the same bits."""
    stormy, quiet = (RunDirectory.open(each.run) for each in (site, calm))
    generations = [line["generation"] for line in stormy.metrics()]
    require(generations == list(range(len(generations))), f"gaps or doubles in the metrics: {generations}")
    ours, theirs = timeless(stormy), timeless(quiet)
    require(len(ours) == len(theirs), f"{len(ours)} lines of metrics, {len(theirs)} in the calm run")
    different = [(line, other) for line, other in zip(ours, theirs, strict=True) if line != other]
    require(not different, f"{len(different)} lines differ from the calm run's, first {different[:1]}")
    for which in ("latest", "best"):
        found, wanted = (_state(run, which) for run in (stormy, quiet))
        require(found == wanted, f"the {which} checkpoint has other bits than the calm run's")
    return f"{len(generations) - 1} generations, one line each; every bit that of the calm run"


def _state(run: RunDirectory, which: str) -> tuple[int, list[bytes]]:
    like = restorable_state(make_experiment(run.config))
    generation, state = run.checkpoints.restore(like, which)  # pyright: ignore[reportArgumentType]
    return generation, bits(state)


def shared_memory() -> set[str]:
    """Names of shared memory."""
    return {path.name for path in _SHARED_MEMORY.iterdir()} if _SHARED_MEMORY.is_dir() else set()


def leftovers(site: Site, shared_before: set[str]) -> str:
    """No process lives, no shared memory is left (a worker's has no name: it lives no longer than they), no file."""
    site.check_gone()
    used = _in_use()
    left = {name for name in shared_memory() - shared_before if str(_SHARED_MEMORY / name) not in used}
    require(not left, f"shared memory left: {left}")
    stray = [path for path in _files(site.run) if not _EXPECTED.fullmatch(path)] + list(_files(site.temporary))
    require(not stray, f"stray files: {stray}")
    return f"none of {len(site.family)} processes, no shared memory, no stray file"


def _files(directory: Path) -> Iterator[str]:
    yield from (str(path.relative_to(directory)) for path in directory.rglob("*") if not path.is_dir())


def _in_use() -> set[str]:
    """Files that some other program on this machine has mapped."""
    found: set[str] = set()
    for process in psutil.process_iter():
        try:
            found.update(entry.path for entry in process.memory_maps())
        except psutil.Error:
            continue
    return found
