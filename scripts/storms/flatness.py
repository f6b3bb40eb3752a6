"""Memory over many generations."""

import psutil

from storms.site import Site, require

_TOLERANCE = 1.05


def flat_memory(site: Site, first: int, last: int) -> str:
    """Resident memory of trainer and workers after generation `last` is what it was after generation `first`."""
    site.start(generations=last + 20)
    before = _memory_at(site, first)
    after = _memory_at(site, last)
    site.ended(0)
    told = []
    for name in before:
        told.append(f"{name} {before[name] / 1e6:.0f} → {after[name] / 1e6:.0f} MB")
        require(after[name] <= _TOLERANCE * before[name], f"memory grows: {told[-1]}")
    return f"generation {first} → {last}: {', '.join(told)}"


def _memory_at(site: Site, generation: int) -> dict[str, int]:
    site.wait_for(lambda: site.generation() >= generation, f"generation {generation}", seconds=600)
    assert site.trainer
    workers = sorted(site.workers(), key=lambda worker: worker.pid)
    processes = {"trainer": psutil.Process(site.trainer.pid)}
    processes |= {f"worker {index}": worker for index, worker in enumerate(workers)}
    return {name: process.memory_info().rss for name, process in processes.items()}
