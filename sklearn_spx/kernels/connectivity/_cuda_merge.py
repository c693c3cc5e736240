"""Merges of small regions on a GPU, many at once, to the regions that one after the other makes.

On the CPU pending regions merge in the order of a key: the index within a round of thresholds, or
size and index where the smallest goes first. A merge reads and writes a region and its neighbours
alone, so those of regions three steps apart or more in the graph commute. And it brings no pending
region of a lower key nearer than that: what it enlarges lies two steps off at least. So a region
whose key is the least of all pending ones within two steps may merge at once. Each marks itself and
its neighbours with its key, of which the least stays; it is chosen if all of these marks are its.

Where only so many merges are wanted, of the smallest regions, a region is sure to be among them if
fewer regions have a lower key, for each merge before its own uses one of these up. So only those
below a limit are pending, the key of which as many are lower; merges leave that true, and when none
is left the next limit is sought.
"""

from collections import namedtuple

import numpy as np
from numba import cuda, int32

from .._device import kernel
from .._disjoint_set import find
from ..compilation import rule
from ._rules import merge

THREADS = 64
_SEEKERS = 256  # threads of the block that seeks a limit, and values of a digit
_ROUNDS = 4  # before the host asks whether any region is pending
_PENDING, _N_MERGES, _LIMIT = 0, 1, 2  # places in the state
_NO_LIMIT = np.int64(2**63 - 1)

Forest = namedtuple(
    "Forest",
    [
        "sizes",  # (n,) int64, pixels of each region, where its root is
        "parent",  # (n,) int32
        "entry",  # (n,) int64, scratch of a merge, -1 between two
        "marks",  # (n,) int64, the least key of the pending regions next to each
        "pending",  # (n,) int32
        "chosen",  # (n,) bool, of each pending region
        "state",  # (3,) int64: how many are pending, how many merges there were, a limit
    ],
)


def merge_small(session, min_size, looks, borders, forest):
    """Join components until none that has a neighbour is below ``min_size``.

    Parameters
    ----------
    session : Session
    min_size : int
    looks : INOUT Looks
    borders : INOUT Borders
    forest : INOUT Forest

    Returns
    -------
    n_merges : int, of the forest up to now
    """
    n_merges, threshold = 0, 1
    while threshold < min_size:
        threshold = min(2 * threshold, min_size)
        _, n_merges = _merge_below(session, threshold << 32, False, looks, borders, forest)
    return n_merges


def merge_smallest(session, n_merges, looks, borders, forest):
    """Join the smallest region that has a neighbour, again and again; of equals the first.

    Parameters
    ----------
    n_merges : int, how often, with the merges up to now, if there are as many neighbours
    session, looks, borders, forest : as in `merge_small`

    Returns
    -------
    n_merges : int, of the forest up to now
    """
    while True:
        session.launch(
            seek_limit, 1, _SEEKERS,
            n_merges, forest.sizes, forest.parent, borders.heads, forest.state,
        )  # fmt: skip
        limit = int(session.copy_out(forest.state)[_LIMIT])
        any_pending, found = _merge_below(session, limit, True, looks, borders, forest)
        if not any_pending or found == n_merges:
            return found


def _merge_below(session, limit, by_size, looks, borders, forest):
    """Merge pending regions until none is left; return if there was any, and the merges so far."""
    n, any_pending = forest.sizes.shape[0], False
    order = limit, by_size
    while True:
        session.launch(list_pending, -(-n // THREADS), THREADS, limit, borders.heads, forest)
        state = session.copy_out(forest.state)
        n_pending = int(state[_PENDING])
        if n_pending == 0:
            return any_pending, int(state[_N_MERGES])
        any_pending = True
        n_blocks = -(-n_pending // THREADS)
        for _ in range(_ROUNDS):
            session.launch(mark, n_blocks, THREADS, n_pending, order, borders, forest)
            session.launch(choose, n_blocks, THREADS, n_pending, order, borders, forest)
            session.launch(
                merge_chosen, -(-n // THREADS), THREADS, n_pending, looks, borders, forest
            )


@rule
def _rank(sizes, i):
    """What limits compare: size, then index."""
    return np.int64(sizes[i]) << np.int64(32) | np.int64(i)


@rule
def _key(sizes, i, by_size):
    return _rank(sizes, i) if by_size else np.int64(i)


@rule
def _is_pending(forest, i, limit):
    return forest.parent[i] == i and _rank(forest.sizes, i) < limit


@kernel
def list_pending(limit, heads, forest):
    """List the regions that have a border and are below a limit; grid: a thread a component.

    Parameters
    ----------
    limit : int64
    heads : IN (n,) int64
    forest : INOUT Forest, 0 pending; OUT `pending`, in any order, and blank marks
    """
    i = cuda.grid(1)
    if i >= heads.shape[0]:
        return
    forest.marks[i] = _NO_LIMIT
    if heads[i] >= 0 and _is_pending(forest, i, limit):
        forest.pending[cuda.atomic.add(forest.state, _PENDING, 1)] = i


@kernel
def mark(n_pending, order, borders, forest):
    """Mark each pending region and its neighbours; grid: a thread a pending region.

    Parameters
    ----------
    n_pending : int
    order : (int64, bool), limit, and whether the smallest goes first
    borders : INOUT Borders, `other` may be moved up to a root
    forest : INOUT Forest, `marks` fall
    """
    e = cuda.grid(1)
    if e >= n_pending:
        return
    limit, by_size = order
    i = np.int64(forest.pending[e])
    if not _is_pending(forest, i, limit):
        return
    key = _key(forest.sizes, i, by_size)
    cuda.atomic.min(forest.marks, i, key)
    node = borders.heads[i]
    while node >= 0:
        j = find(forest.parent, np.int64(borders.other[node]))
        borders.other[node] = j
        cuda.atomic.min(forest.marks, j, key)
        node = borders.after[node]


@kernel
def choose(n_pending, order, borders, forest):
    """Choose the pending regions whose marks all stayed; grid: a thread a pending region.

    Parameters
    ----------
    n_pending, order : as in `mark`
    borders : IN Borders, of `mark`
    forest : INOUT Forest; OUT `chosen`
    """
    e = cuda.grid(1)
    if e >= n_pending:
        return
    limit, by_size = order
    i = np.int64(forest.pending[e])
    chosen = False
    if _is_pending(forest, i, limit):
        key = _key(forest.sizes, i, by_size)
        chosen = forest.marks[i] == key
        node = borders.heads[i]
        while node >= 0 and chosen:
            chosen = forest.marks[borders.other[node]] == key
            node = borders.after[node]
    forest.chosen[e] = chosen


@kernel
def merge_chosen(n_pending, looks, borders, forest):
    """Merge the chosen regions, none of which has a neighbour in common with another.

    Grid: a thread a component, of which the first do the merges.

    Parameters
    ----------
    n_pending : int
    looks : INOUT Looks
    borders : INOUT Borders
    forest : INOUT Forest; OUT none pending, and blank marks
    """
    e = cuda.grid(1)
    if e >= forest.marks.shape[0]:
        return
    forest.marks[e] = _NO_LIMIT
    if e == 0:
        forest.state[_PENDING] = 0
    if e < n_pending and forest.chosen[e]:
        i = np.int64(forest.pending[e])
        if merge(i, forest.sizes, looks, borders, forest.parent, forest.entry) >= 0:
            cuda.atomic.add(forest.state, _N_MERGES, 1)


@kernel
def seek_limit(n_merges, sizes, parent, heads, state):
    """Find the limit that as many regions are below as merges are wanted; grid: one block.

    Digit by digit, from the first of eight: how many of the regions that have those before it in
    common with the limit have which.

    Parameters
    ----------
    n_merges : int, wanted with those up to now
    sizes : IN (n,) int64
    parent : IN (n,) int32
    heads : IN (n,) int64, -1 for regions without a border
    state : INOUT (3,) int64; OUT the limit
    """
    counts = cuda.shared.array(_SEEKERS, int32)
    thread = cuda.threadIdx.x
    n_below = np.int64(n_merges - state[_N_MERGES])
    limit, digit = np.int64(0), np.int64(0)
    for shift in range(56, -8, -8):
        counts[thread] = 0
        cuda.syncthreads()
        for i in range(thread, sizes.shape[0], _SEEKERS):
            if parent[i] == i and heads[i] >= 0:
                rank = _rank(sizes, i) >> np.int64(shift)
                if rank >> np.int64(8) == limit:
                    cuda.atomic.add(counts, rank & np.int64(255), 1)
        cuda.syncthreads()
        digit = np.int64(0)
        while digit < _SEEKERS and n_below >= counts[digit]:
            n_below -= counts[digit]
            digit += 1
        cuda.syncthreads()
        if digit == _SEEKERS:  # all of them merge; only the first digit can say so
            break
        limit = limit << np.int64(8) | digit
    if thread == 0:
        state[_LIMIT] = limit if digit < _SEEKERS else _NO_LIMIT
