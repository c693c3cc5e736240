"""Entropy rate superpixels of an image on the CPU: sweeps over tiles, bands, and the rest.

Joins within a tile are made first, so that most of them are made within the cache, up to a depth,
a cost of which it is likely that the last join has more. What a sweep leaves is left to the next,
of larger tiles, and at last to the whole image. Tiles of a sweep lie whole within those of the
next. Tiles of volumes are cubes.

Threads share a sweep by slabs, tiles beside each other: first every other one, then those between,
so that nothing changes beside a slab that is worked on. Then each thread has a band of slabs. A
band's first and last pixels, beside other bands, are not of its box, so clusters that touch another
band are closed, and no edge leads from one box to another.
"""

import numpy as np

from .._bands import ONE_BAND
from . import _cpu, _queue


def segment(
    weights, inside, height, offsets, n_pixels, n_segments, balance, sweeps, bands=ONE_BAND
):
    """Join until ``n_segments`` are left.

    Parameters
    ----------
    weights : float64 ndarray of shape (R, W, 2^bits)
    inside : bool ndarray of shape (R, <= W); what is beyond it is outside
    height : int, rows of a slice
    offsets : int64 ndarray of shape (d, 3), from a pixel to the ends of its edges
    n_pixels, n_segments : int
    balance : float
    sweeps : side, growth, depth; or None, for no sweeps
        Of the tiles of the first sweep the side, an int, and from sweep to sweep its growth; and
        the greatest cost of a join, a float, in greatest entropy gains.
    bands : Bands, threads

    Returns
    -------
    labels : int32 ndarray of shape (R, W)
    n : int, how many are left; -1, and no labels, if the sweeps went too far: the last join needed
        costs no more than one of theirs
    """
    of_edges = weights, height, offsets
    loop = _cpu.loops_of(*of_edges)
    gains = np.zeros(bands.n_threads)

    def look(band, first, stop):
        gains[band] = _cpu.greatest_gain((first, stop), *of_edges, loop)

    bands.run(look, len(weights))
    greatest = float(gains.max())
    scale = (greatest, *_cpu.scales_of(n_pixels, n_segments, balance, greatest))
    graph = _cpu.graph_of(*of_edges, loop, n_pixels, scale)
    labels = graph.ring.reshape(weights.shape[:2])  # until they are known, it is of the graph

    work = _Work(graph, bands, n_pixels, n_segments)
    if sweeps is not None:
        work.sweep(*sweeps)
        if work.n_left <= n_segments < n_pixels:
            return labels, -1
    swept = work.last
    last = work.join_rest()
    if swept >= 0 and work.n_left == n_segments and last <= swept:
        return labels, -1
    outside = graph.open.view(bool)
    outside[:] = True
    np.logical_not(inside, out=outside.reshape(labels.shape)[:, : inside.shape[1]])
    _cpu.number_clusters(graph, outside, labels.ravel())
    return labels, work.n_left


class _Work:
    """Joins of a graph, on threads.

    n_left, last : clusters that are left, and the greatest cost of a join, -1 without any
    """

    def __init__(self, graph, bands, n_pixels, n_segments):
        self.graph, self.bands = graph, bands
        self.n_segments, self.n_left, self.last = n_segments, n_pixels, -1
        self.heads = _queue.no_edges(bands.n_threads)

    def sweep(self, side, growth, depth):
        """Make joins in slabs of tiles, of a side that grows, and then in bands."""
        shape = self.graph.shape
        axis = int(np.argmax(shape))
        n_threads = max(1, min(self.bands.n_threads, shape[axis] // side, _cpu.N_WORKERS))
        n_slabs = _ceil(shape[axis], side)
        if n_threads > 1:  # as many for each thread, and as many between them
            n_slabs = _ceil(n_slabs, 2 * n_threads) * 2 * n_threads
        swept, thickness = 1, _ceil(shape[axis], n_slabs)
        while _ceil(shape[axis], thickness) >= 2 * n_threads and self.n_left > self.n_segments:
            sides = [side, side, side]
            sides[axis] = thickness
            self._sweep_slabs(axis, sides, depth)
            swept, thickness, side = thickness, thickness * growth, side * growth
        if n_threads > 1 and self.n_left > self.n_segments:
            n_slabs = _ceil(shape[axis], swept)
            ends = [swept * (n_slabs * i // n_threads) for i in range(n_threads)]
            self._sweep_bands(axis, [*ends, shape[axis]], depth)

    def join_rest(self):
        """Make joins until no more are left than wanted; return the greatest cost of one."""
        axis = int(np.argmax(self.graph.shape))
        self.graph.open[:] = 0  # every cluster, of what is no box

        def deal(band, first, stop):
            _cpu.deal_part(self.graph, self.heads[band], *self._slab(axis, first, stop))

        self.bands.run(deal, self.graph.shape[axis])
        most = self.n_left - self.n_segments
        n_joins, last = _cpu.join_rest(self.graph, self.heads, most)
        self.n_left -= n_joins
        return last

    def _sweep_slabs(self, axis, sides, depth):
        thickness = sides[axis]
        slabs = range(_ceil(self.graph.shape[axis], thickness))
        self.graph.open[:] = 0

        def work(heads, worker, slab):
            first, behind = self._slab(axis, slab * thickness, (slab + 1) * thickness)
            return _cpu.sweep(self.graph, heads, worker, first, behind, tuple(sides), depth)

        self._run(work, slabs[::2])
        self._run(work, slabs[1::2])

    def _sweep_bands(self, axis, ends, depth):
        bands = range(len(ends) - 1)
        self.graph.open[:] = 0

        def work(heads, worker, i):
            first, stop = ends[i] + (i > 0), ends[i + 1] - (i < bands[-1])
            if first >= stop:
                return 0, -1
            start, behind = self._slab(axis, first, stop)
            sides = tuple(b - a for a, b in zip(start, behind))
            return _cpu.sweep(self.graph, heads, worker, start, behind, sides, depth)

        self._run(work, bands)

    def _slab(self, axis, first, stop):
        """First pixel, and that behind the last, of a slab across an axis."""
        start, behind = [0, 0, 0], list(self.graph.shape)
        start[axis], behind[axis] = first, min(stop, behind[axis])
        return tuple(start), tuple(behind)

    def _run(self, work, items):
        """Call ``work`` of each, which returns how many joins, and the last cost."""
        n_workers, made = min(self.bands.n_threads, _cpu.N_WORKERS, len(items)), {}

        def some(worker, first, stop):
            ends = [len(items) * i // n_workers for i in (first, stop)]
            for i in range(*ends):
                made[i] = work(self.heads[worker : worker + 1], worker, items[i])

        self.bands.run(some, n_workers)
        self.n_left -= sum(n for n, _ in made.values())
        self.last = max(self.last, *(cost for _, cost in made.values()))


def _ceil(n, m):
    return -(-n // m)
