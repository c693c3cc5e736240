"""Masks as COCO stores them: lengths of runs of 0 and 1 in turn, column after column.

Compressed, a count is its difference from the count two before (from the fourth on), in digits of
five bits, the lowest first; each is a character from "0" on, and a sixth bit says that there are
more.
"""

from itertools import pairwise

import numpy as np

_ZERO = 48  # of ASCII
_DIGITS = 8  # of 5 bits, more than any count needs


def region_counts(nodes, n_nodes):
    """Counts of the mask of each of the regions 0 .. n - 1 of a label image."""
    flat = nodes.T.ravel()
    firsts = np.flatnonzero(np.concatenate([[True], flat[1:] != flat[:-1]]))
    lengths = np.diff(np.append(firsts, flat.size))
    order = np.argsort(flat[firsts], kind="stable")
    own, firsts, lengths = flat[firsts][order], firsts[order], lengths[order]
    ends = firsts + lengths
    starts = np.searchsorted(own, np.arange(n_nodes + 1))
    before = np.concatenate([[0], ends[:-1]])
    before[starts[:-1]] = 0
    pairs = np.stack([firsts - before, lengths], axis=1)
    found = []
    for start, stop in pairwise(starts):
        rest = flat.size - ends[stop - 1]
        counts = pairs[start:stop].ravel()
        found.append(np.append(counts, rest) if rest else counts)
    return found


def compressed(counts):
    """Counts as COCO's string."""
    values = np.array(counts, np.int64)
    values[3:] -= np.asarray(counts, np.int64)[1:-2]
    digits = np.zeros((values.size, _DIGITS), np.uint8)
    used = np.zeros(digits.shape, bool)
    is_open = np.ones(values.size, bool)
    for k in range(_DIGITS):
        low, values = values & 31, values >> 5
        more = np.where(low & 16, values != -1, values != 0)
        digits[:, k] = low + np.where(more, 32, 0) + _ZERO
        used[:, k] = is_open
        is_open = is_open & more
    return digits[used].tobytes().decode("ascii")


def uncompressed(text):
    """Counts of COCO's string, a list; ValueError if it is none."""
    counts, value, shift = [], 0, 0
    for character in text:
        digit = ord(character) - _ZERO
        if not 0 <= digit < 64:
            raise ValueError(f"the character {character!r} is none of COCO's")
        value |= (digit & 31) << shift
        shift += 5
        if not digit & 32:
            if digit & 16:
                value -= 1 << shift
            counts.append(value + (counts[-2] if len(counts) > 2 else 0))
            value, shift = 0, 0
    if shift:
        raise ValueError("it ends within a number")
    return counts
