"""Blocks: a generation's questions in pieces, so that a node fetches only what its actors work on. Free of JAX."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from odes_rl.rollouts.board import Board, Layout
from odes_rl.rollouts.protocol import Moments, Request

_BLOCKS_AN_ACTOR = 4


class Block(NamedTuple):
    """All that episodes of k candidates depend on.

    Attributes:
        first: index of the first candidate.
        weights: leaves [k, …] float32.
        statistics: moments that observations are normalised by.
        seeds: [k, E] int64.
        steps: environment steps of an episode at most; None leaves it the limit of the task.
    """

    first: int
    weights: tuple[np.ndarray, ...]
    statistics: Moments
    seeds: np.ndarray
    steps: int | None


def candidates_a_block(candidates: int, actors: int) -> int:
    """The number of candidates in a block, so that each actor has a few blocks and putting them costs little."""
    return max(1, candidates // (_BLOCKS_AN_ACTOR * actors))


def split(request: Request, size: int) -> Iterator[Block]:
    """Blocks of `size` candidates each."""
    weights, statistics, episode_seeds, steps = request
    leaves = tuple(np.asarray(leaf, np.float32) for leaf in weights)
    for first in range(0, episode_seeds.shape[0], size):
        span = slice(first, first + size)
        yield Block(first, tuple(leaf[span] for leaf in leaves), statistics, episode_seeds[span], steps)


def board_of(units: np.ndarray, blocks: tuple[Block, ...]) -> Board:
    """A board of one episode a row for `units` [k] of the whole generation, all of whose `blocks` are there.

    It owns its arrays: the blocks, which may be read-only views of memory that a node shares, are copied from.
    """
    candidates, episodes = np.divmod(units, blocks[0].seeds.shape[1])
    holders = np.searchsorted([block.first for block in blocks], candidates, side="right") - 1
    rows = candidates - np.array([block.first for block in blocks])[holders]
    shapes = tuple((units.size, *leaf.shape[1:]) for leaf in blocks[0].weights)
    layout = Layout(units.size, 1, blocks[0].statistics.mean.size, shapes)
    board = layout.place(bytearray(layout.size()))
    places = [(blocks[holder], row) for holder, row in zip(holders, rows, strict=True)]
    weights = [[block.weights[leaf][row] for block, row in places] for leaf in range(len(shapes))]
    seeds = [[block.seeds[row, episode]] for (block, row), episode in zip(places, episodes, strict=True)]
    board.post(weights, blocks[0].statistics, np.array(seeds, np.int64), blocks[0].steps)
    return board
