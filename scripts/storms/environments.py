"""Storms inside the environment: it raises, or answers NaN."""

import random

from storms.site import Site, require


def raise_inside(site: Site, times: int, chance: random.Random) -> str:
    """The environment raises: the run must stop with status 1, the traceback and the seed, and go on afterwards."""
    for _ in range(times):
        site.advance(chance.randint(1, 3))
        switch = site.folder / "raise"
        switch.touch()
        try:
            words = site.ended(1)
        finally:
            switch.unlink()
        for expected in ("raised in an episode with seed", "RuntimeError: a storm in the environment"):
            require(expected in words, f"standard error lacks {expected!r}: {words[-2000:]}")
        site.start()
        site.advance(1)
    return "stopped with seed and traceback, went on when mended"


def nan_at_random(site: Site) -> tuple[int, str]:
    """How many candidates were failed by NaN in all, and what became of the run."""
    failed = [line.get("failed_candidates", 0) for line in site.metrics()]
    require(sum(failed), "no candidate has met a NaN")
    return sum(failed), f"failed alone, in {sum(map(bool, failed))} of {len(failed) - 1} generations"
