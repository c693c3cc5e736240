"""Sorting of edges: pairs of a key and what it belongs to, 32 bits each, in one number of 64.

A counting sort by digits, from the lowest to the highest: linear, and equal keys stay in order.
Digits are those in which the keys of a range can differ, counted in one reading; one that all have
in common is no pass.
"""

import numpy as np

from ..compilation import njit

_WIDEST = 11  # bits of a digit: as many streams as a cache has lines for


@njit(allocates=True)
def sort_pairs(pairs, scratch, low, high):
    """Sort by key, stably; return the array, of the two, that has them.

    Parameters
    ----------
    pairs : INOUT (n,) uint64, keys in the upper half
    scratch : SCRATCH (n,) uint64
    low, high : int, all keys are from low to high - 1
    """
    if pairs.size < 2:
        return pairs
    n_bits = 0
    while (high - low - 1) >> n_bits:
        n_bits += 1
    n_digits = -(-n_bits // _WIDEST)
    if n_digits == 0:
        return pairs
    wide = -(-n_bits // n_digits)
    last = (1 << wide) - 1
    places = np.zeros((n_digits, last + 1), np.int64)
    for pair in pairs:
        key = np.int64(pair >> np.uint64(32)) - low
        for digit in range(n_digits):
            places[digit, (key >> (digit * wide)) & last] += 1
    for digit in range(n_digits):
        place = places[digit]
        if place.max() == pairs.size:
            continue
        before = 0
        for b in range(place.size):
            before, place[b] = before + place[b], before
        shift = digit * wide
        for pair in pairs:
            b = ((np.int64(pair >> np.uint64(32)) - low) >> shift) & last
            scratch[place[b]] = pair
            place[b] += 1
        pairs, scratch = scratch, pairs
    return pairs
