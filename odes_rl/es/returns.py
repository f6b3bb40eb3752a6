"""Returns as the strategy is told them, in single precision."""

import numpy as np

from odes_rl.errors import UserError
from odes_rl.es.config import StrategyConfig
from odes_rl.es.shaping import SHAPINGS

_LARGEST = float(np.finfo(np.float32).max)


def told_returns(config: StrategyConfig, returns: np.ndarray) -> np.ndarray:
    """[C] float32 returns that mean to `config.shaping` what `returns` [C] float64 do; what is not finite is NaN.

    A cast alone would swallow what candidates differ by where all returns are large, as 10⁸ and a little, and make
    infinity of what is beyond 10³⁸. So what the update does not depend on is taken out first: all but their order for
    ranks (unless learned scales rank the means of directions), shift and scale where they are divided by their
    deviation, the shift alone for pairs whose returns are taken as they are, since only their differences count.

    Raises:
        UserError: if shaping `none` wants numbers that float32 does not hold.
    """
    told = np.full(returns.shape, np.nan, np.float32)
    finite = np.isfinite(returns)
    values = returns[finite]
    if not values.size:
        return told
    depends_on = SHAPINGS.find(config.shaping).depends_on
    if depends_on == "order" and config.sigma_per_leaf != "learned":
        told[finite] = np.unique(values, return_inverse=True)[1]
    elif depends_on in ("order", "shape"):
        told[finite] = _without_shift_and_scale(values)
    else:
        only_differences = depends_on == "differences" and config.antithetic
        told[finite] = _as_they_are(config.shaping, values - np.median(values) if only_differences else values)
    return told


def _as_they_are(shaping: str, values: np.ndarray) -> np.ndarray:
    largest = np.abs(values).max()
    if largest > _LARGEST:
        raise UserError(
            f"returns reach {largest:.3g}, but shaping {shaping} takes them as they are, to {_LARGEST:.1g} at most: "
            "set strategy.shaping to standardised, or scale the rewards"
        )
    return values


def _without_shift_and_scale(values: np.ndarray) -> np.ndarray:
    """Within ±1, with the median at 0: one return far from all others leaves them their digits."""
    small = _by_power_of_two(values)
    return _by_power_of_two(small - np.median(small))


def _by_power_of_two(values: np.ndarray) -> np.ndarray:
    """`values` over the power of two that brings the largest below 1: without rounding."""
    return np.ldexp(values, -np.frexp(np.abs(values).max())[1])
