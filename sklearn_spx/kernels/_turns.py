"""Turns of work that bands of an image take together, some hundred microseconds each.

To wake a thread takes as long as such a turn. So those that wait look again and again, within
compiled code, for a while; after that they sleep between looks, so that the processor is free for
others.
"""

import time
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ._bits import count_at, count_up
from .compilation import njit, rule

__all__ = ["Turns", "end_turn", "next_turn"]

_LOOKS = 1 << 17  # some ten to hundred microseconds
_APART = 8  # numbers between two counts: threads that write to one line of the cache are slow
_CLOSED = np.iinfo(np.int64).min


class Turns:
    """Turns that one thread opens, and others, the followers, take.

    Parameters
    ----------
    n : int
        Followers.

    Attributes
    ----------
    counts : int64 ndarray
        Turns that were opened, and those that each follower has taken.
    """

    def __init__(self, n: int) -> None:
        self.counts: NDArray[np.int64] = np.zeros((n + 1) * _APART, np.int64)

    def open(self) -> None:
        """Let the followers take the next turn."""
        _open(self.counts)

    def wait(self, failed: Callable[[], bool]) -> bool:
        """Wait until each of them has taken it; False if ``failed()`` before."""
        while not _all_taken(self.counts):
            if failed():
                return False
            time.sleep(0)
        return True

    def close(self) -> None:
        """Let the followers end."""
        self.counts[0] = _CLOSED

    def follow(self, work: Callable[[NDArray[Any]], bool]) -> None:
        """Call ``work(counts)``, which takes turns as in `next_turn`, until it is over.

        It returns whether it is; if not, it has waited for long.
        """
        while not work(self.counts):
            time.sleep(0)


@rule
def next_turn(counts, band):
    """Wait for the next turn.

    Parameters
    ----------
    counts : INOUT, of Turns
    band : int, from 1: the band of the one that opens turns is 0

    Returns
    -------
    turn : int, its number, from 0; -1 if none was opened for long, -2 if none will be
    """
    taken = counts[_APART * band]
    for _ in range(_LOOKS):
        opened = count_at(counts, 0)
        if opened < 0:
            return -2
        if opened > taken:
            return taken
    return -1


@rule
def end_turn(counts, band):
    """Say that the turn is taken; arguments as of `next_turn`."""
    count_up(counts, _APART * band)


@njit
def _open(counts):
    count_up(counts, 0)


@njit
def _all_taken(counts):
    """Wait until all followers have taken all turns; False if they have not for long."""
    for _ in range(_LOOKS):
        taken = True
        for i in range(_APART, counts.size, _APART):
            taken &= count_at(counts, i) == counts[0]
        if taken:
            return True
    return False
