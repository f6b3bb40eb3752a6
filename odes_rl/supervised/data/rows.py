"""Examples that are taken by their numbers: an array, or what is made or read only when it is asked for."""

from typing import Protocol

import numpy as np


class Rows(Protocol):
    """N examples of the same shape and dtype; every NumPy array is one of these."""

    @property
    def shape(self) -> tuple[int, ...]:
        """[N, …]."""
        ...

    @property
    def dtype(self) -> np.dtype:
        """Of each entry."""
        ...

    def __len__(self) -> int:
        """N."""
        ...

    def __getitem__(self, numbers: np.ndarray, /) -> np.ndarray:
        """[B, …] the examples of those `numbers` [B]."""
        ...
