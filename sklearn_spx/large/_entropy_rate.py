"""Entropy rate superpixels block by block: of colours, and of a SEAL net's affinities.

for SEAL: array -> windows -> affinities, on disk ; blocks -> how rough the image is
blocks -> SLIC superpixels, on disk, whose borders are favoured
blocks -> weights -> greatest gain -> plan
windows, each pass half a window aside and deeper -> clusters and loops of pixels, on disk
blocks -> clusters, edges of the least costs -> labels of clusters -> labels
"""

import math
import os
from collections import namedtuple
from itertools import count, pairwise, product

import numpy as np

from ..kernels.entropy_rate import blocks as growing
from ..kernels.entropy_rate import rest
from ..methods.ers import ERSSuperpixels
from ..methods.seal.growth import ROUND, SIGMA, regularity_at, weight_of_colour
from ..methods.slic import SLICSuperpixels
from ..utils.images import check_finite
from ..utils.scale import eight_bit_units, seen
from . import _slic
from ._journal import opened
from ._labels import write_labels
from ._seal import median_difference, write_affinities
from ._source import as_source, cut_out, read, window

_ACROSS = 10  # superpixels that a window should be wide, so that few joins wait beside it
_SIDE = 2048  # pixels that it is wide for that, at most
_MOST = 16384  # pixels that it is wide at all: its edges are numbered by int32

_Looks = namedtuple(
    "_Looks",
    [
        "value_range",  # black and white
        "eight_bit",  # whether the image is an 8-bit picture
        "sigma",  # of colours, or None: they do not count
        "regularity",
        "connectivity",
        "shape",  # height and width of the whole image
    ],
)


def segment(image, out, folder, keeps=True):
    """Segment by ``image.estimator`` into an array.

    Parameters
    ----------
    image : Whole
    out : array that is written
    folder : str or path, of files as large as the image
    keeps : bool, whether what is written stays, and is not written again
    """
    work = _Work(image, folder)
    plan = _plan(work)
    cap, attempt, found = np.inf, 0, None
    while found is None:  # twice at most: what went too far says how deep is safe
        state, swept = _sweep(work, plan, attempt, cap)
        found, cap = _join_rest(work, plan, attempt, state, swept)
        attempt += 1
    _write(work, found, state, out, keeps)


class _Work:
    """The image, what its edges are weighed by, and the windows."""

    def __init__(self, image, folder):
        estimator = image.estimator
        self.image, self.folder, self.engine = image, folder, image.engine
        self.journal, self.shape = image.engine.journal, image.shape[:2]
        self.n_segments = estimator.n_segments
        n_pixels = self.shape[0] * self.shape[1]
        if self.n_segments > n_pixels:
            raise ValueError(f"n_segments is {self.n_segments}, but there are {n_pixels} pixels")
        across = math.ceil(_ACROSS * math.sqrt(n_pixels / self.n_segments))
        top, bottom, left, right = image.boxes[0]
        self.side = min(max(bottom - top, right - left, min(across, _SIDE)), _MOST)
        self.affinities, sigma, compactness = None, None, 10.0
        if isinstance(estimator, ERSSuperpixels):
            self.balance, sigma = estimator.balance, estimator.sigma
            regularity = estimator.regularity
        else:
            reading = estimator._reading()
            self.balance, compactness = reading.balance, ROUND
            regularity = regularity_at(reading.regularity, n_pixels, self.n_segments)
            self.affinities = write_affinities(image, estimator, folder)
            colour = weight_of_colour(reading.colour, lambda: median_difference(image))
            sigma = SIGMA / colour**0.5 if colour > 0 else None
        self.cells = self._cells(compactness) if regularity > 0 else None
        self.looks = _Looks(
            *image.survey(), sigma, regularity, estimator.connectivity, tuple(self.shape)
        )

    def _cells(self, compactness):
        """Labels of SLIC superpixels of the whole image, as a source of windows."""
        image = self.image
        slic = SLICSuperpixels(
            self.n_segments, compactness=compactness, value_range=image.estimator.value_range
        )
        slic._ranges = vars(image.estimator).get("_ranges", {})
        journal = self.journal.within("cells")
        path = os.path.join(self.folder, "cells.npy")
        out = opened(path, np.int32, self.shape, journal, "written")
        _slic.segment(image.of(slic, image.source, journal, image.survey()), out)
        return as_source(np.lib.format.open_memmap(path, "r"))

    def windows(self, k):
        """Boxes of a pass; each lies half a window aside of the one before."""
        aside = ((0, 0), (1, 1), (1, 0), (0, 1))[k % 4]
        return _boxes(self.shape, self.side, [shift * (self.side // 2) for shift in aside])

    def weighing(self, box):
        """Arguments of a task that weighs the edges of a box."""
        outer = self.image.around(box, growing.RING)
        return (
            *self.image.part(outer), self.looks, box,
            None if self.affinities is None else window(self.affinities, outer),
            None if self.cells is None else window(self.cells, outer),
        )  # fmt: skip

    def standing(self, box, state):
        """Arguments of a task that needs the clusters of a box and its ring: one tuple."""
        outer = self.image.around(box, 1)
        return (None, None) if state is None else tuple(window(part, outer) for part in state)


def _boxes(shape, side, shift):
    """Squares that cover an image, row by row, those at the sides cut."""
    ranges = []
    for n, first in zip(shape, shift):
        ranges.append([*range(first - side if first else 0, n, side), n])
        ranges[-1][0] = 0
    return [(*ys, *xs) for ys, xs in product(*map(pairwise, ranges))]


# --- phases -------------------------------------------------------------------------------------


def _plan(work):
    """The plan of all blocks, once the greatest gain is known."""
    boxes = work.image.boxes
    work.engine.add_phase()
    gains = work.engine.each("gains", _gain, lambda k: work.weighing(boxes[k]))
    greatest = max(float(gain) for _, (gain,) in gains)
    return growing.plan_blocks(work.shape, work.n_segments, work.balance, greatest)


def _sweep(work, plan, attempt, cap):
    """Make the joins that windows can, pass after pass.

    Returns the clusters and loops of pixels, two sources, or None where no join was made; and the
    greatest cost of a join, -1 without any.
    """
    files = _open_files(work)
    passes, targets, costs = [], [], []
    while True:
        depth, last = rest.next_depth(passes, plan.n_segments, cap)
        state, cost = None, -1
        if last >= 0:
            cost = costs[last]
            state = tuple(
                as_source(np.lib.format.open_memmap(path, "r")) for path in files[targets[last]]
            )
        if depth is None:
            return state, cost
        target = 1 - targets[last] if last >= 0 else 0
        n_left, found = _pass(
            work, plan, f"joins{attempt}_{len(passes)}", len(passes), depth, state, files[target]
        )
        passes.append((depth, n_left))
        targets.append(target)
        costs.append(max(cost, found))


def _open_files(work):
    """Paths of the clusters and the loops, twice: a pass reads what it does not write."""
    shape, journal = tuple(work.shape), work.journal
    files = []
    for k in range(2):
        files.append([])
        for what, dtype in ((f"clusters{k}", _dtype_of(shape)), (f"loops{k}", np.float64)):
            path = os.path.join(work.folder, f"{what}.npy")
            opened(path, dtype, shape, journal, "joins*")
            files[-1].append(path)
    return files


def _dtype_of(shape):
    """The dtype of pixels' numbers in files."""
    return np.int32 if shape[0] * shape[1] < 2**31 else np.int64


def _pass(work, plan, phase, k, depth, state, paths):
    """One pass over windows; return the clusters left, and the greatest cost of a join."""
    engine, journal = work.engine, work.journal
    boxes = work.windows(k)
    out = [np.lib.format.open_memmap(path, "r+") for path in paths]
    left = [i for i in range(len(boxes)) if journal.get(phase, i) is None]
    engine.add_phase(len(boxes))
    engine.bar.update(len(boxes) - len(left))
    counts = {i: journal.get(phase, i) for i in range(len(boxes)) if i not in set(left)}

    def arguments(i):
        return (*work.weighing(boxes[i]), plan, depth, *work.standing(boxes[i], state))

    for i, (clusters, loops, *numbers) in engine.each(phase, _join, arguments, left, keep=False):
        top, bottom, first, stop = boxes[i]
        for array, values in zip(out, (clusters, loops)):
            array[top:bottom, first:stop] = values
            array.flush()
        journal.put(phase, i, numbers)
        counts[i] = numbers
        engine.bar.update()
    return sum(int(n) for n, _ in counts.values()), max(int(cost) for _, cost in counts.values())


def _join_rest(work, plan, attempt, state, swept):
    """Clusters of each block, all clusters and their labels, and the depth of the last join.

    In the place of the first there is None where windows went too far.
    """
    image, engine = work.image, work.engine

    def counting(k):
        box = image.boxes[k]
        bounds = 0, 0, rest.step_of(plan, swept)
        return (*work.weighing(box), plan, bounds, *work.standing(box, state))

    engine.add_phase()
    parts, counts = [], 0
    for _, (*part, found) in engine.each(f"census{attempt}", _census, counting):
        parts.append(part)
        counts = counts + found
    listed = count()

    def list_costs(bounds):
        phase = f"edges{attempt}_{next(listed)}"

        def arguments(k):
            box = image.boxes[k]
            return (*work.weighing(box), plan, bounds, *work.standing(box, state))

        engine.add_phase()
        found = [edges for _, edges in engine.each(phase, _list, arguments)]
        engine.journal.forget(phase)
        return growing.Edges.of_all(found)

    clusters = rest.merged_census(parts)
    labels, depth = rest.join_rest(plan, clusters, counts, swept, list_costs)
    found = None if labels is None else ([part[0] for part in parts], clusters[0], labels)
    return found, depth


def _write(work, found, state, out, keeps):
    """Write the labels, block by block."""
    names, clusters, labels = found

    def arguments(k):
        box = work.image.boxes[k]
        own = None if state is None else window(state[0], box)
        return own, names[k], labels[np.searchsorted(clusters, names[k])], box, work.shape

    write_labels(work.image, _label, arguments, out, keeps)


# --- tasks: of a block, wherever they run; each returns a tuple of arrays ------------------------


def _weigh(part, name, looks, box, affinities, cells):
    image = read(part)
    check_finite(image, name, way_out="put numbers in their place")
    if looks.sigma is not None:
        image = seen(image, looks.value_range, None, name, eight_bit=looks.eight_bit)
        image = eight_bit_units(image)
    return growing.weigh(
        looks.shape,
        box,
        looks.connectivity,
        None if looks.sigma is None else image,
        None if affinities is None else read(affinities).transpose(2, 0, 1),
        None if cells is None else read(cells),
        sigma=looks.sigma or 1.0,
        regularity=looks.regularity,
    )


def _gain(*weighing):
    return (np.array(growing.greatest_gain(_weigh(*weighing))),)


def _join(*arguments):
    *weighing, plan, depth, clusters, loops = arguments
    weighed = _weigh(*weighing)
    found, *others = growing.join_block(plan, weighed, depth, _read(clusters), _read(loops))
    return (found.astype(_dtype_of(plan.shape)), *map(np.asarray, others))


def _census(*arguments):
    *weighing, plan, bounds, clusters, loops = arguments
    weighed = _weigh(*weighing)
    clusters = _read(clusters)
    _, counts = growing.list_edges(plan, weighed, clusters, _read(loops), bounds)
    own = None if clusters is None else cut_out(clusters, weighed.outer, weighed.box)
    return (*growing.census_of(own, weighed.box, plan.shape[1]), counts)


def _list(*arguments):
    *weighing, plan, bounds, clusters, loops = arguments
    edges, _ = growing.list_edges(plan, _weigh(*weighing), _read(clusters), _read(loops), bounds)
    return tuple(edges)


def _label(clusters, names, labels, box, shape):
    if clusters is None:
        clusters = growing.single_clusters(box, shape[1])
    return (labels[np.searchsorted(names, read(clusters))],)


def _read(part):
    return None if part is None else read(part)
