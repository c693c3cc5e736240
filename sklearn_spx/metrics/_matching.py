"""One-to-one matching of boundary pixels: the most pairs, and of those the least distance.

Pixels of two boundary maps may be paired when they lie within a radius. The pairing is exact:

1. A maximum matching (augmenting paths by depth-first search with look-ahead, Pothen and Fan).
2. Its Dulmage-Mendelsohn split. Where first-map pixels are in excess, every second-map pixel
   is paired in every maximum matching, and no more need be known. Elsewhere every first-map
   pixel is. No maximum matching pairs across the split.
3. Elsewhere the first-map pixels are inserted one at a time, along shortest augmenting paths
   (Dijkstra with potentials), which gives the least total distance. Paths end early, since a
   free partner always exists.
4. Several pairings may be equally good, and which pixels of the second map they pair differs.
   The answer is made unique: pixels of the second map that come first in reading order are
   paired. Of equally short paths the one that ends in the first such pixel is taken. That is
   what infinitely small costs, rising along reading order, would do: a path leaves all pixels
   paired that it passes, so it adds the cost of its end alone.

Distances are integers in units of 2**-20 pixel, with sqrt(k * k * f) = k * sqrt(f) kept exact,
so equal sums of distances are equal numbers.
"""

import math
from functools import lru_cache

import numpy as np

from ..kernels.compilation import njit, rule

_UNIT = 1 << 20
_UNREACHED = np.int64(1) << 62


def match_pixels(first, second, radius):
    """Pair the pixels of two boolean maps that lie within ``radius`` of each other.

    Returns
    -------
    n_matched : int
        Pairs.
    matched : ndarray of bool, shape (number of pixels set in ``second``,)
        Whether each pixel of ``second``, in reading order, is paired.
    """
    return match_each([pixels_of(first)], second, radius)[0]


def pixels_of(boundary):
    """Return the rows and columns (2, n) int64 of a map's pixels, in reading order."""
    return np.ascontiguousarray(np.nonzero(boundary))


def match_each(firsts, second, radius):
    """Return what `match_pixels` returns of each of several first maps, given by their pixels."""
    height, width = second.shape
    radius = min(radius, math.hypot(height, width))  # no pixels are further apart
    dy, dx, step = _window(radius)
    reach = int(radius)
    index = np.full((height + 2 * reach, width + 2 * reach), -1, dtype=np.int32)
    n_second = _number_pixels(second, index[reach : reach + height, reach : reach + width])
    offsets = dy * index.shape[1] + dx
    places = [(ys + reach) * index.shape[1] + xs + reach for ys, xs in firsts]
    return [_match(place, index.ravel(), n_second, offsets, step) for place in places]


def _match(places, index, n_second, offsets, step):
    """Pair the pixels at ``places`` of a flat index of the second map's pixels."""
    n_first = places.size
    if n_first == 0 or n_second == 0:
        return 0, np.zeros(n_second, dtype=bool)
    # candidates as sparse rows: first-map pixel, second-map pixels within the radius, lengths
    start = np.zeros(n_first + 1, dtype=np.int64)
    _count_candidates(places, index, offsets, start)
    to = np.empty(start[-1] + 1, dtype=np.int32)  # the last one is room to write and discard
    length = np.empty(start[-1] + 1, dtype=np.int64)
    _fill_candidates(places, index, offsets, step, to, length)

    mate = np.full(n_first, -1, dtype=np.int32)
    back_mate = np.full(n_second, -1, dtype=np.int32)
    scratch = np.empty((2, n_first), dtype=np.int64)
    seen = np.zeros(n_second, dtype=np.int64)
    n_matched = _maximum_matching(start, to, mate, back_mate, start[:-1].copy(), scratch, seen)

    excess = mate < 0
    claimed = np.zeros(n_second, dtype=bool)
    if n_matched < n_first:
        _spread_excess(start, to, back_mate, excess, claimed, np.empty(n_first, dtype=np.int64))
    mate[:] = -1
    back_mate[:] = -1
    _insert_all(start, to, length, ~excess, ~claimed, mate, back_mate)
    return n_matched, claimed | (back_mate >= 0)


@lru_cache(maxsize=32)
def _window(radius):
    """Return the offsets within ``radius``, nearest first, and their lengths as integers."""
    reach = int(radius)
    dy, dx = np.mgrid[-reach : reach + 1, -reach : reach + 1].reshape(2, -1)
    squares = dy * dy + dx * dx
    order = np.argsort(squares, kind="stable")[: np.count_nonzero(squares <= radius * radius)]
    dy, dx, squares = dy[order], dx[order], squares[order]
    root = np.ones(squares.max() + 1, dtype=np.int64)  # of every number's largest square divisor
    for k in range(2, math.isqrt(root.size - 1) + 1):
        root[k * k :: k * k] = k
    rest = np.sqrt(np.arange(root.size) // (root * root))
    return dy, dx, (root * np.rint(_UNIT * rest).astype(np.int64))[squares]


@njit
def _number_pixels(second, index):
    """Number the pixels set in reading order; index : OUT (H, W), where they are set."""
    n = 0
    for y in range(second.shape[0]):
        for x in range(second.shape[1]):
            if second[y, x]:
                index[y, x] = n
                n += 1
    return n


@njit
def _count_candidates(places, index, offsets, start):
    for i in range(places.size):
        n = 0
        for o in range(offsets.size):
            n += index[places[i] + offsets[o]] >= 0
        start[i + 1] = start[i] + n


@njit
def _fill_candidates(places, index, offsets, step, to, length):
    e = 0
    for i in range(places.size):
        for o in range(offsets.size):
            to[e] = index[places[i] + offsets[o]]
            length[e] = step[o]
            e += to[e] >= 0  # no branch, which could not be foretold


@njit
def _maximum_matching(start, to, mate, back_mate, ahead, scratch, seen):
    """Fill ``mate`` and ``back_mate`` (IN -1) and return the number of pairs.

    SCRATCH ahead (every row's first edge: edges before it lead to paired columns for good),
    scratch (path of rows; every row's next edge), seen (zeros: phase of the last visit).
    """
    path, cursor = scratch[0], scratch[1]
    n_matched = 0
    phase = 0
    found = True
    while found:
        found = False
        phase += 1
        for root in range(mate.size):
            if mate[root] >= 0:
                continue
            path[0] = root
            cursor[root] = start[root]
            top = 0
            while top >= 0:
                a = path[top]
                free = -1
                while ahead[a] < start[a + 1] and free < 0:
                    if back_mate[to[ahead[a]]] < 0:
                        free = to[ahead[a]]
                    ahead[a] += 1
                if free >= 0:  # augment: every row on the path hands its column down
                    while top >= 0:
                        a = path[top]
                        handed = mate[a]
                        mate[a] = free
                        back_mate[free] = a
                        free = handed
                        top -= 1
                    n_matched += 1
                    found = True
                    break
                deeper = False
                while cursor[a] < start[a + 1] and not deeper:
                    b = to[cursor[a]]
                    cursor[a] += 1
                    if seen[b] != phase:
                        seen[b] = phase
                        top += 1
                        path[top] = back_mate[b]
                        cursor[back_mate[b]] = start[back_mate[b]]
                        deeper = True
                if not deeper:
                    top -= 1
    return n_matched


@njit
def _spread_excess(start, to, back_mate, excess, claimed, queue):
    """Mark what alternating paths from the unpaired rows (IN excess) reach: OUT both marks."""
    n = 0
    for a in range(excess.size):
        if excess[a]:
            queue[n] = a
            n += 1
    q = 0
    while q < n:
        a = queue[q]
        q += 1
        for e in range(start[a], start[a + 1]):
            b = to[e]
            if not claimed[b]:
                claimed[b] = True
                if not excess[back_mate[b]]:
                    excess[back_mate[b]] = True
                    queue[n] = back_mate[b]
                    n += 1


@njit(allocates=True)
def _insert_all(start, to, length, rows, columns, mate, back_mate):
    """Pair every row of ``rows`` with one of ``columns`` at the least total length.

    INOUT mate, back_mate (-1). A row's edges come by ascending length. For every edge
    length - price - back_price >= 0, with equality on pairs; unpaired columns keep back_price 0,
    others have less.
    """
    price = np.zeros(mate.size, dtype=np.int64)
    back_price = np.zeros(back_mate.size, dtype=np.int64)
    n_columns = back_mate.size
    distance = np.full(n_columns, _UNREACHED)
    settled = np.zeros(n_columns, dtype=np.bool_)
    before = np.empty(n_columns, dtype=np.int32)
    touched = np.empty(n_columns, dtype=np.int32)
    for a in range(mate.size):  # first where partners coincide: no path is as short
        e = start[a]
        if e < start[a + 1] and rows[a] and length[e] == 0 and columns[to[e]]:
            mate[a] = to[e]
            back_mate[to[e]] = a
    heap = np.empty((length.size + 1, 2), dtype=np.int64)  # distance, rank
    for root in range(mate.size):
        if not rows[root] or mate[root] >= 0:
            continue
        # mostly the nearest column is free, which is what the search below finds at once
        least, first = _UNREACHED, np.int64(0)
        for e in range(start[root], start[root + 1]):
            if length[e] > least:
                break
            b = to[e]
            if not columns[b]:
                continue
            d = length[e] - back_price[b]
            rank = np.int64(b) if back_mate[b] >= 0 else np.int64(b) + n_columns
            if d < least or (d == least and rank < first):
                least, first = d, rank
        if first >= n_columns:
            price[root] = least
            mate[root] = first - n_columns
            back_mate[first - n_columns] = root
            continue
        n_heap = 0
        nearest = _UNREACHED  # free column found so far
        n_touched = 0
        a = root
        reached = np.int64(0)
        while True:
            for e in range(start[a], start[a + 1]):
                if reached + length[e] - price[a] > nearest:  # and so are all that follow
                    break
                b = to[e]
                if settled[b] or not columns[b]:
                    continue
                d = reached + length[e] - price[a] - back_price[b]
                if d < distance[b] and d <= nearest:
                    if back_mate[b] < 0:
                        nearest = d
                    if distance[b] == _UNREACHED:
                        touched[n_touched] = b
                        n_touched += 1
                    distance[b] = d
                    before[b] = a
                    # at one distance paired columns come first, as they may lead to free ones
                    rank = np.int64(b) if back_mate[b] >= 0 else np.int64(b) + n_columns
                    _push(heap, n_heap, d, rank)
                    n_heap += 1
            column = np.int64(-1)
            while column < 0 or settled[column]:
                reached, column = heap[0, 0], heap[0, 1] % n_columns
                n_heap -= 1
                _pop(heap, n_heap)
            settled[column] = True
            if back_mate[column] < 0:
                break
            a = back_mate[column]
        price[root] += reached
        for t in range(n_touched):
            b = touched[t]
            if settled[b] and b != column:
                price[back_mate[b]] += reached - distance[b]
                back_price[b] -= reached - distance[b]
            distance[b] = _UNREACHED
            settled[b] = False
        b = column
        while True:
            a = before[b]
            back_mate[b] = a
            mate[a], b = b, mate[a]
            if a == root:
                break


@rule
def _push(heap, n, distance, rank):
    """Add a pair to a heap of n."""
    i = n
    while i > 0:
        up = (i - 1) >> 1
        if heap[up, 0] < distance or (heap[up, 0] == distance and heap[up, 1] <= rank):
            break
        heap[i, 0], heap[i, 1] = heap[up, 0], heap[up, 1]
        i = up
    heap[i, 0], heap[i, 1] = distance, rank


@rule
def _pop(heap, n):
    """Take the least pair, the first, off a heap that keeps n."""
    distance, rank = heap[n, 0], heap[n, 1]
    i = 0
    while 2 * i + 1 < n:
        below = 2 * i + 1
        other = below + 1
        if other < n and (
            heap[other, 0] < heap[below, 0]
            or (heap[other, 0] == heap[below, 0] and heap[other, 1] < heap[below, 1])
        ):
            below = other
        if heap[below, 0] > distance or (heap[below, 0] == distance and heap[below, 1] >= rank):
            break
        heap[i, 0], heap[i, 1] = heap[below, 0], heap[below, 1]
        i = below
    heap[i, 0], heap[i, 1] = distance, rank
