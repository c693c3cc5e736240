"""The contingency table of two label images: how many pixels every pair of regions shares.

Every region score is arithmetic on this table. It is sparse: only the pairs that meet are kept.
Where a full table is smaller than the image, pixels are counted into one. Otherwise a counting sort
brings the pixels of one region together, and one scratch row counts them by the other image's
labels. Time and memory are linear in the pixels, whatever the numbers of regions.
"""

from typing import NamedTuple

import numpy as np

from ..kernels.compilation import njit


class Contingency(NamedTuple):
    """Pairs of regions that meet, sorted by ``row``, then ``column``.

    Attributes
    ----------
    row, column : ndarray of shape (n_pairs,), int32
        Index of the region of the first and of the second label image.
    overlap : ndarray of shape (n_pairs,), int64
        Shared pixels.
    row_size, column_size : ndarray, int64
        Pixels of every region.
    row_start : ndarray of shape (n_rows,), int64
        Position of every row's first pair.
    n_pixels : int
        Pixels counted.
    """

    row: np.ndarray
    column: np.ndarray
    overlap: np.ndarray
    row_size: np.ndarray
    column_size: np.ndarray
    row_start: np.ndarray
    n_pixels: int


def contingency(labels, truth):
    """Return the :class:`Contingency` of two int32 label images; ``labels`` -1 is left out."""
    first, second = labels.ravel(), truth.ravel()
    if first.min() < 0:
        inside = first >= 0
        first, second = first[inside], second[inside]
    return count_compact(compact(first), compact(second))


def count_compact(first, second):
    """Return the :class:`Contingency` of two flat label images as of `compact`."""
    first, n_first = first
    second, n_second = second
    row_size = np.zeros(n_first, dtype=np.int64)
    column_size = np.zeros(n_second, dtype=np.int64)
    if n_first * n_second <= first.size:
        counts = np.zeros((n_first, n_second), dtype=np.int32)
        n_pairs = _count_full(first, second, counts)
        row = np.empty(n_pairs, dtype=np.int32)
        column = np.empty(n_pairs, dtype=np.int32)
        overlap = np.empty(n_pairs, dtype=np.int64)
        row_start = np.empty(n_first, dtype=np.int64)
        _list_pairs(counts, row, column, overlap, row_start, row_size, column_size)
        return Contingency(row, column, overlap, row_size, column_size, row_start, first.size)
    _sizes(first, row_size)
    _sizes(second, column_size)
    capacity = min(first.size, n_first * n_second)
    row = np.empty(capacity, dtype=np.int32)
    column = np.empty(capacity, dtype=np.int32)
    overlap = np.empty(capacity, dtype=np.int64)
    row_start = np.empty(n_first, dtype=np.int64)
    n_pairs = _count_pairs(
        first,
        second,
        np.concatenate(([0], np.cumsum(row_size))),
        np.empty(first.size, dtype=np.int32),
        np.zeros(n_second, dtype=np.int64),
        np.empty(n_second, dtype=np.int32),
        row,
        column,
        overlap,
        row_start,
    )
    return Contingency(
        row[:n_pairs],
        column[:n_pairs],
        overlap[:n_pairs],
        row_size,
        column_size,
        row_start,
        first.size,
    )


def compact(labels):
    """Return flat non-negative ``labels`` renumbered 0..n-1 in their order, and n."""
    highest = int(labels.max())
    if highest > 4 * labels.size + 1024:  # a table by value would be larger than the image
        values, index = np.unique(labels, return_inverse=True)
        return index.ravel().astype(np.int32), values.size
    new = np.zeros(highest + 1, dtype=np.int32)
    out = np.empty(labels.size, dtype=np.int32)
    return out, _renumber(labels, new, out)


@njit
def _renumber(labels, new, out):
    for label in labels:
        new[label] = 1
    n = 0
    for value in range(new.size):
        if new[value]:
            new[value] = n
            n += 1
    for p in range(labels.size):
        out[p] = new[labels[p]]
    return n


@njit
def _count_full(first, second, counts):
    """Count the pixels of every pair; return how many pairs meet."""
    n_pairs = 0
    for p in range(first.size):
        n_pairs += counts[first[p], second[p]] == 0
        counts[first[p], second[p]] += 1
    return n_pairs


@njit
def _list_pairs(counts, row, column, overlap, row_start, row_size, column_size):
    """List the pairs that meet; IN counts, INOUT the sizes (zeros), OUT the others."""
    n_pairs = 0
    for r in range(counts.shape[0]):
        row_start[r] = n_pairs
        for c in range(counts.shape[1]):
            n = counts[r, c]
            if n:
                row[n_pairs] = r
                column[n_pairs] = c
                overlap[n_pairs] = n
                n_pairs += 1
                row_size[r] += n
                column_size[c] += n


@njit
def _sizes(labels, size):
    for label in labels:
        size[label] += 1


@njit(allocates=True)
def _count_pairs(first, second, place, by_row, count, met, row, column, overlap, row_start):
    """Fill the pairs and return how many there are.

    IN first, second, place (first position of every row's pixels, one more at the end);
    SCRATCH by_row, count (zeros), met; OUT row, column, overlap, row_start.
    """
    for p in range(first.size):
        by_row[place[first[p]]] = second[p]
        place[first[p]] += 1
    n_pairs = 0
    begin = 0
    for r in range(row_start.size):
        row_start[r] = n_pairs
        end = place[r]  # the sort moved it to the row's end
        n_met = 0
        for q in range(begin, end):
            c = by_row[q]
            if count[c] == 0:
                met[n_met] = c
                n_met += 1
            count[c] += 1
        met[:n_met].sort()
        for m in range(n_met):
            c = met[m]
            row[n_pairs] = r
            column[n_pairs] = c
            overlap[n_pairs] = count[c]
            count[c] = 0
            n_pairs += 1
        begin = end
    return n_pairs
