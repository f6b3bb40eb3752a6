"""Where episodes begin, by their seeds: drawn on the host, ahead of the generation that needs them."""

from collections.abc import Callable
from typing import Any

import jax
import numpy as np

from odes_rl.simulation.simulator import Start


class Starts:
    """Draws each start once, by `draw(seed)`: antithetic candidates share theirs."""

    def __init__(self, draw: Callable[[int], Start]) -> None:
        self._draw = draw
        self._drawn: dict[int, Start] = {}
        self._foreseen: list[int] = []

    def of(self, seeds: np.ndarray) -> Start:
        """The starts for an array of seeds; leaves have its shape in front.

        Those for other seeds are forgotten, unless they are foreseen.
        """
        wanted, places = np.unique(seeds, return_inverse=True)
        drawn = [self._one(seed) for seed in wanted.tolist()]
        kept = {*self._foreseen, *wanted.tolist()}
        self._drawn = {seed: start for seed, start in self._drawn.items() if seed in kept}
        places = places.reshape(seeds.shape)
        return jax.tree.map(lambda *leaves: np.stack(leaves)[places], *drawn)

    def foresee(self, seeds: np.ndarray) -> None:
        """Note the seeds of episodes that will follow, for `draw_ahead`."""
        self._foreseen = np.unique(seeds).tolist()

    def draw_ahead(self) -> None:
        """Draw the starts that are foreseen, while a device runs other episodes."""
        for seed in self._foreseen:
            self._one(seed)

    def _one(self, seed: int) -> Any:
        if seed not in self._drawn:
            self._drawn[seed] = self._draw(seed)
        return self._drawn[seed]
