"""Properties of weight matrices through depth, computed in float64."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np


class Bracket(NamedTuple):
    """A double-bracket flow at its K weight matrices, with H = WᵀQW.

    Attributes:
        eigenvalues: [K, h] of H, in increasing order; the flow keeps them.
        traces: [K] tr(HN), which do not decrease along the flow.
    """

    eigenvalues: np.ndarray
    traces: np.ndarray


class Weights(NamedTuple):
    """K weight matrices through depth.

    Attributes:
        distance: [K] max |WᵀW − I|.
        singular_values: [K, h].
        bracket: of a double-bracket flow, else None.
    """

    distance: np.ndarray
    singular_values: np.ndarray
    bracket: Bracket | None


def look_at_weights(params: Mapping[str, Any], W: np.ndarray) -> Weights:
    """Properties of the weights W [K, h, h] of `params`."""
    return Weights(distance_from_orthogonal(W), singular_values(W), bracket(params, W))


def distance_from_orthogonal(W: np.ndarray) -> np.ndarray:
    """[K] max |WᵀW − I| of matrices [K, h, h]."""
    W = W.astype(np.float64)
    return np.abs(W.mT @ W - np.eye(W.shape[-1])).max(axis=(-2, -1))


def singular_values(W: np.ndarray) -> np.ndarray:
    """[K, h] of matrices [K, h, h], or [K, p, q] with h the smaller side, in decreasing order."""
    return np.linalg.svd(W.astype(np.float64), compute_uv=False)


def bracket(params: Any, W: np.ndarray) -> Bracket | None:
    """Spectra and traces of the double-bracket flow with `params` at its weights [K, h, h]; None without.

    Choromanski et al. 2020, §3.1.
    """
    flow = params.get("trajectory") if isinstance(params, Mapping) else None
    if not isinstance(flow, Mapping) or not {"Q", "N"} <= flow.keys():
        return None
    W, Q, N = (np.asarray(matrix, np.float64) for matrix in (W, flow["Q"], flow["N"]))
    H = W.mT @ Q @ W
    return Bracket(np.linalg.eigvalsh((H + H.mT) / 2), np.einsum("kij,ji->k", H, N))
