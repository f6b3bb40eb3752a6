"""Parts that raise, as a user's own may: `broken_parts:SHAPING`."""

from typing import NoReturn

import jax

from odes_rl.es.shaping import ShapingFamily


def _raises(fitness: jax.Array) -> NoReturn:
    raise TypeError("this shaping is broken")


SHAPING = ShapingFamily(lambda config: _raises)
