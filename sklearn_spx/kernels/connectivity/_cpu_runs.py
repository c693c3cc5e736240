"""Runs of one label within the rows of a label image, and the connected components they make up.

Where runs start is a bit a pixel, 64 of them in a word. The number of a run is then how many bits
are set up to a pixel, and the places where two rows have to be looked at are a few operations on
words, instead of a walk along both rows whose branches no processor foresees.
"""

from collections import namedtuple

import numpy as np

from .._bits import WORD, count_bits, differences, first_bit
from .._disjoint_set import find
from ..compilation import njit

_U = np.uint64  # an index without a sign spares numba the test for a negative one
_ONE, _ALL = _U(1), _U(2**64 - 1)

Runs = namedtuple(
    "Runs",
    [
        "height",  # int, rows of a slice, as many as there are of an image
        "starts",  # (H, n_words) uint64, a bit a pixel: whether a run starts there
        "index",  # (H * n_words + 1,) int64, runs that start before each word; then all
        "first",  # (H + 1,) int64, index of each row's first run; the last is the number of runs
        "ends",  # (n_runs,) int32, the column after each run's last
        "component",  # (n_runs,) int32 or int64, -1 outside
    ],
)


@njit(inline="always")
def _changes_at_end(flat, p, q):
    """As `differences` of p and q, before it, where that would reach beyond the image."""
    bits = _U(0)
    for i in range(min(WORD, flat.shape[0] - p)):
        if q + i < 0 or flat[p + i] != flat[q + i]:
            bits |= _ONE << _U(i)
    return bits


@njit
def mark_runs(flat, width, first_row, last_row, starts, counts):
    """Mark where runs start, and count them.

    Parameters
    ----------
    flat : IN (H * W,) int32, labels
    width : int, W
    first_row, last_row : int, the rows, from the first to the one after the last
    starts : OUT (H, n_words) uint64, of Runs
    counts : OUT (H * n_words,) int64, runs that start in each word
    """
    n_words = starts.shape[1]
    for y in range(first_row, last_row):
        for k in range(n_words):
            p, n = y * width + WORD * k, min(WORD, width - WORD * k)
            if p > 0 and p + WORD <= flat.shape[0]:
                bits = differences(flat, p, p - 1)
            else:
                bits = _changes_at_end(flat, p, p - 1)
            bits = bits & _ALL >> _U(WORD - n) | (_ONE if k == 0 else _U(0))
            starts[y, k] = bits
            counts[y * n_words + k] = count_bits(bits)


@njit
def label_runs(flat, width, runs, sizes, values_of):
    """Find the component of each run, numbered in the order of their first pixels.

    Parameters
    ----------
    flat, width : as in `mark_runs`, negative outside
    runs : `ends` and `component` are written, the rest is that of `mark_runs`
    sizes : OUT (>= n_components,) int64, pixels of each component
    values_of : OUT (>= n_components,) int32, the label of each

    Returns
    -------
    n_components : int
    """
    starts = runs.starts  # several arrays in one assignment cost time to compile
    index = runs.index
    ends = runs.ends
    component = runs.component  # at first a parent, which is never after its run
    height, n_words = starts.shape
    for r in range(component.shape[0]):
        component[r] = r
    for y in range(height):
        r = index[y * n_words]
        for k in range(n_words):
            bits = starts[y, k]
            bits = bits & (bits - _ONE) if k == 0 else bits  # the first run's start ends none
            while bits != 0:
                ends[_U(r)] = WORD * k + first_bit(bits)
                bits &= bits - _ONE
                r += 1
        ends[r] = width
        for side in range(2):  # the row above, and that in the slice before
            back = 1 if side == 0 else runs.height
            if y % runs.height == 0 if side == 0 else y < back:
                continue
            for k in range(n_words):
                here, there = starts[y, k], starts[y - back, k]
                p = y * width + WORD * k
                if p + WORD <= flat.shape[0]:
                    bits = differences(flat, p, p - back * width)
                else:
                    bits = _changes_at_end(flat, p, p - back * width)
                bits = (here | there) & ~bits  # first columns of two runs of one label that overlap
                a, b = index[(y - back) * n_words + k] - 1, index[y * n_words + k] - 1
                while bits != 0:
                    up_to = bits ^ (bits - _ONE)
                    bits &= bits - _ONE
                    # A step or two lead to most roots.
                    i = component[_U(component[_U(a + count_bits(there & up_to))])]
                    j = component[_U(b + count_bits(here & up_to))]
                    i, j = find(component, np.int64(i)), find(component, np.int64(j))
                    component[_U(max(i, j))] = min(i, j)
    n_components = 0
    r = 0
    for y in range(height):
        begin, stop = 0, index[(y + 1) * n_words]
        while r < stop:
            end, i = ends[_U(r)], np.int64(component[_U(r)])
            if i < r:
                i = np.int64(component[_U(i)])
            elif flat[y * width + begin] < 0:
                i = -1
            else:
                i = n_components
                sizes[i] = 0
                values_of[i] = flat[y * width + begin]
                n_components += 1
            component[_U(r)] = i
            if i >= 0:
                sizes[_U(i)] += end - begin
            begin = end
            r += 1
    return n_components


@njit(inline="always")
def run_at(starts, index, y, x):
    """The run of a row that holds a column; starts, index : IN, of Runs."""
    k, up_to = x // WORD, _ALL >> _U(WORD - 1 - x % WORD)
    return index[y * starts.shape[1] + k] - 1 + count_bits(starts[y, k] & up_to)


@njit
def write_labels(runs, numbers, top, bottom, own, flat):
    """Write each pixel's region.

    Parameters
    ----------
    runs : IN Runs, of `label_runs`
    numbers : IN (n_components,) int32, the region of each component
    top, bottom : int, the rows, from the first to the one after the last
    own : (W,) int32, scratch
    flat : OUT (H * W,) int32, -1 outside
    """
    starts = runs.starts
    component = runs.component
    width, n_words = own.shape[0], starts.shape[1]
    for y in range(top, bottom):
        first = runs.first[y]
        for r in range(runs.first[y + 1] - first):
            i = component[first + r]
            own[r] = numbers[i] if i >= 0 else np.int32(-1)
        # A pixel takes the label of the last run that has started: no branch, whatever its length.
        r = -1
        for k in range(n_words):
            bits, p, n = starts[y, k], y * width + WORD * k, min(WORD, width - WORD * k)
            for i in range(n):
                r += np.int64(bits & _ONE)
                bits >>= _ONE
                flat[_U(p + i)] = own[_U(r)]
