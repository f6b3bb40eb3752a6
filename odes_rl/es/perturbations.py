"""Directions in which candidates leave the current parameters, and weighted sums of them."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax.sharding import Mesh

from odes_rl.es.noise import normal_rows, row_seeds
from odes_rl.es.population import in_turn, over_devices, part_size
from odes_rl.manifolds import Stiefel
from odes_rl.manifolds.matrix_functions import matmul
from odes_rl.parts import Registry

_AT_ONCE = 2**22
"""Entries of noise that are weighed at a time, 16 MB: enough rows for all cores, even of a million entries."""


def _unchanged(seeds: jax.Array, size: int) -> jax.Array:
    return seeds


class Perturbations(NamedTuple):
    """A kind of directions, whose entries have mean 0 and variance 1. `Perturbations(draw)` is one of your own.

    Directions may be drawn all at once, by `draw(key, count, size) -> [count, size]`, or in two parts: small seeds, and
    from any of them its direction, so that a generation's noise is never in memory as a whole.

    Attributes:
        seeds: `seeds(key, count, size) -> [count, …]`, all that tells one direction from another.
        directions: `directions(seeds [R, …], size) -> [R, size]`, for any of the seeds; without it they are directions.
        local: whether a device can draw its share of the directions by itself.
    """

    seeds: Callable[[jax.Array, int, int], jax.Array]
    directions: Callable[[jax.Array, int], jax.Array] = _unchanged
    local: bool = False

    def draw(self, key: jax.Array, count: int, size: int) -> jax.Array:
        """[count, size] all directions at once."""
        return self.directions(self.seeds(key, count, size), size)


def orthogonal_rows(key: jax.Array, count: int, size: int) -> jax.Array:
    """[count, size] rows that are orthogonal within blocks of at most `size`, each row alone still Gaussian.

    Directions are Haar-distributed, lengths those of independent Gaussian vectors (Choromanski et al. 2018,
    "Structured evolution with compact architectures for scalable policy optimization", §3.2).
    """
    block = min(count, size)
    blocks = -(-count // block)
    direction_key, length_key = jax.random.split(key)
    rows = Stiefel().random(direction_key, (blocks, block, size)).reshape(blocks * block, size)[:count]
    lengths = jnp.linalg.norm(normal_rows(row_seeds(length_key, count), size), axis=1, keepdims=True)
    return (rows * lengths).astype(jnp.float32)


def gaussian_seeds(key: jax.Array, count: int, size: int) -> jax.Array:
    """Independent standard normal entries, [count, size], from seeds [count, 3]."""
    return row_seeds(key, count)


gaussian = Perturbations(gaussian_seeds, normal_rows, local=True)
"""Independent standard normal entries."""
# Not local: a block is orthogonalised as a whole, and JAX's CPU client stops for good in LAPACK's QR where several
# devices call it at once with few threads (jaxlib 0.10).
orthogonal = Perturbations(orthogonal_rows)
"""`orthogonal_rows`: orthogonal directions, each still Gaussian."""

PERTURBATIONS = Registry(
    "perturbations", "perturbations", Perturbations, {"gaussian": gaussian, "orthogonal": orthogonal}
)
"""All kinds by name."""


def direction_weights(utilities: jax.Array, directions: int) -> jax.Array:
    """[P] what directions are summed with: from utilities [P, signs], the difference of the two signs, or the one's.

    Σ_p w_p ε_p / (C σ) is then the gradient estimate, equation 7 of Choromanski et al. 2020, C being P · signs.

    Raises:
        ValueError: if there are not as many utilities as `directions`, for one sign or two.
    """
    if utilities.ndim != 2 or utilities.shape[1] not in (1, 2) or len(utilities) != directions:
        raise ValueError(
            f"utilities are {utilities.shape}, but must be ({directions}, 1) or ({directions}, 2): "
            "a row for each direction, a column for each sign"
        )
    return utilities[:, 0] - utilities[:, 1] if utilities.shape[1] == 2 else utilities[:, 0]


def group_sums(
    weights: jax.Array,
    seeds: jax.Array,
    rows: Callable[[jax.Array], jax.Array],
    size: int,
    groups: int,
    mesh: Mesh | None = None,
) -> jax.Array:
    """[groups, size] sums of `weights` [P] times a row for each direction, over a few at a time.

    Args:
        weights: of the directions.
        seeds: [P, …] of the directions.
        rows: `rows(seeds [R, …]) -> [R, size]`, the directions or a function of their entries.
        size: of a row.
        groups: into which directions are split, whose number they divide.
        mesh: devices that share the groups.
    """
    share = len(weights) // groups
    part = part_size(share, _AT_ONCE // size)

    def weigh(totals: jax.Array, i: jax.Array, items: tuple[jax.Array, jax.Array]) -> jax.Array:
        weights, seeds = items
        return totals.at[i // (share // part)].add(matmul(weights, rows(seeds)).astype(totals.dtype))

    def group_totals(device: jax.Array | int, _: None, items: tuple[jax.Array, jax.Array]) -> jax.Array:
        """[groups of this device, size]: one loop, since XLA runs what is in two nested ones on a single core."""
        here = items[0].shape[0] * part // share
        dtype = jnp.promote_types(weights.dtype, jnp.float32)
        return in_turn(weigh, jnp.zeros((here, size), dtype), items, device)

    items = jax.tree.map(lambda leaf: leaf.reshape(-1, part, *leaf.shape[1:]), (weights, seeds))
    return over_devices(group_totals, mesh, None, items)
