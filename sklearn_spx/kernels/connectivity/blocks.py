"""Connected label images block by block, with the labels that the whole image would get.

Each block finds its components; those that meet across the blocks' borders are one. What then
joins which is decided by sizes, borders and colours alone, as in
:func:`~sklearn_spx.kernels.connectivity.connect`, so that no block shows in a label.
"""

from collections import namedtuple
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._disjoint_set import find
from ..compilation import njit
from . import _rules, _split
from ._components import borders_of, components, settle, write_labels
from ._merging import join_components

__all__ = ["BlockComponents", "Joined", "find_components", "join_blocks", "settle", "write_block"]

BlockComponents = namedtuple(
    "BlockComponents",
    [
        "sizes",  # (n,) int64, pixels of each component
        "values",  # (n,) int32, label of each
        "firsts",  # (n,) int64, row * width of the whole image + column of its first pixel
        "pairs",  # (m, 2) int32, components that touch, both orders
        "shared",  # (m,) int32, pixel edges between them
        "top",  # (w,) int32, components along the block's sides, -1 outside
        "bottom",
        "left",  # (h,)
        "right",
    ],
)
Joined = namedtuple(
    "Joined",
    [
        "n_regions",
        "numbers",  # of each block, (n,) int32: the region of each component
        # {number below -1: (row, column, (h, w) int32 regions, -1 elsewhere)} of what was cut
        "cuts",
    ],
)


def find_components(
    labels: NDArray[np.int32], row: int, column: int, width: int
) -> BlockComponents:
    """Find the components of a block.

    Parameters
    ----------
    labels : int32 ndarray of shape (h, w), C-contiguous
        Labels of the block, negative outside.

    row, column : int
        Where the block starts.

    width : int
        Of the whole image.

    Returns
    -------
    components : BlockComponents
        What :func:`join_blocks` needs of a block.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_spx.kernels.connectivity.blocks import find_components
    >>> found = find_components(np.array([[3, 3, 8], [3, 8, 8]], np.int32), 10, 0, 3)
    >>> found.values.tolist(), found.firsts.tolist(), found.bottom.tolist()
    ([3, 8], [30, 32], [0, 1, 1])
    """
    runs, sizes, values = components(labels)
    n = len(sizes)
    borders = borders_of(runs, np.ones(n, bool))
    pairs, shared = np.empty((len(borders.other), 2), np.int32), np.empty_like(borders.shared)
    n_pairs = _sum_pairs(borders, np.full(n, -1, np.int64), pairs, shared)
    firsts = np.empty(n, np.int64)
    _first_pixels(runs, row, column, width, firsts)
    index = np.empty(labels.shape, np.int32)
    write_labels(runs, np.arange(n, dtype=np.int32), index)
    sides = (index[0], index[-1], index[:, 0], index[:, -1])
    return BlockComponents(
        sizes, values, firsts, pairs[:n_pairs].copy(), shared[:n_pairs].copy(),
        *(side.copy() for side in sides),
    )  # fmt: skip


def join_blocks(
    blocks: Sequence[Sequence[BlockComponents]],
    target: tuple[tuple[int, int], int, int | None],
    looks: tuple[NDArray[np.float32] | None, float],
    gather: Any,
) -> Joined:
    """Decide which region each component of each block belongs to.

    Parameters
    ----------
    blocks : rows of columns of BlockComponents
        The blocks of the whole image, as they lie.

    target : tuple (shape, min_size, n_segments)
        Height and width of the whole image; the others as in
        :func:`~sklearn_spx.kernels.connectivity.connect`.

    looks : tuple (colours, scale)
        As in :func:`~sklearn_spx.kernels.connectivity.connect`.

    gather : function of the numbers, as in Joined, and of a bool array (n_regions,)
        Returns two int64 arrays: row * width + column of all pixels of the regions that are True,
        in any order, and the region of each. It is asked where there are fewer regions than wanted.

    Returns
    -------
    joined : Joined
        Regions 0, 1, ... in the order of their first pixels.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_spx.kernels.connectivity.blocks import find_components, join_blocks
    >>> left = find_components(np.array([[3, 3]], np.int32), 0, 0, 4)
    >>> right = find_components(np.array([[3, 5]], np.int32), 0, 2, 4)
    >>> joined = join_blocks([[left, right]], ((1, 4), 0, None), (None, 1.0), None)
    >>> [numbers.tolist() for numbers in joined.numbers]
    [[0], [0, 1]]
    """
    (height, image_width), min_size, n_segments = target
    flat = [block for row in blocks for block in row]
    starts = np.cumsum([0, *(len(block.sizes) for block in flat)])
    whole, firsts, sizes, values = _across(blocks, flat, starts)

    def list_borders(small):
        return _borders_of(blocks, flat, starts, whole, small)

    numbers, n = join_components(
        sizes, values, height * image_width, (min_size, n_segments), looks, list_borders
    )
    of_block = [numbers[whole[a:b]] for a, b in pairwise(starts)]
    if n_segments is None or not 0 < n < min(n_segments, sizes.sum()):
        return Joined(n, of_block, {})
    area, first = np.zeros(n, np.int64), np.full(n, height * image_width)
    np.add.at(area, numbers, sizes)
    np.minimum.at(first, numbers, firsts)
    return _cut(of_block, area, first, n_segments, gather, image_width)


def write_block(
    labels: NDArray[np.int32],
    row: int,
    column: int,
    numbers: NDArray[np.int32],
    cuts: dict[int, tuple[int, int, NDArray[np.int32]]],
) -> None:
    """Write the regions of a block in the place of its labels.

    Parameters
    ----------
    labels : int32 ndarray of shape (h, w), C-contiguous
        As :func:`find_components` got them; overwritten.

    row, column : int
        Where the block starts.

    numbers : int32 ndarray of shape (n,)
        The region of each of its components, as in Joined; -1 is left out.

    cuts : dict
        As in Joined, of the numbers below -1.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_spx.kernels.connectivity import blocks
    >>> labels = np.array([[3, 3, 8]], np.int32)
    >>> found = blocks.find_components(labels, 0, 0, 3)
    >>> joined = blocks.join_blocks([[found]], ((1, 3), 2, None), (None, 1.0), None)
    >>> blocks.write_block(labels, 0, 0, joined.numbers[0], joined.cuts)
    >>> labels.tolist()
    [[0, 0, 0]]
    """
    runs, _, _ = components(labels)
    write_labels(runs, numbers, labels)
    height, width = labels.shape
    for number in np.unique(numbers[numbers < -1]):
        top, left, parts = cuts[int(number)]
        # where the parts' window and the block meet
        y0, y1 = max(top, row), min(top + parts.shape[0], row + height)
        x0, x1 = max(left, column), min(left + parts.shape[1], column + width)
        part = parts[y0 - top : y1 - top, x0 - left : x1 - left]
        np.copyto(labels[y0 - row : y1 - row, x0 - column : x1 - column], part, where=part >= 0)


# --- joining ------------------------------------------------------------------------------------


def _across(blocks, flat, starts):
    """The component of the whole image of each component of a block, and what is known of each."""
    values = np.concatenate([block.values for block in flat])
    parent = np.arange(len(values))
    for a, b, (here, there) in _sides(blocks, flat, starts):
        touching = (here >= 0) & (there >= 0)
        one, other = here[touching] + starts[a], there[touching] + starts[b]
        same = values[one] == values[other]
        _unite(one[same], other[same], parent)
    root = np.empty(len(parent), np.int64)
    _roots(parent, root)
    firsts = np.concatenate([block.firsts for block in flat])
    least = firsts.copy()
    np.minimum.at(least, root, firsts)
    roots = np.flatnonzero(root == np.arange(len(root)))
    order = np.argsort(least[roots], kind="stable")
    roots = roots[order]
    index = np.empty(len(root), np.int64)
    index[roots] = np.arange(len(roots))
    whole = index[root]
    sizes = np.zeros(len(roots), np.int64)
    np.add.at(sizes, whole, np.concatenate([block.sizes for block in flat]))
    return whole, least[roots], sizes, values[roots]


def _sides(blocks, flat, starts):
    """Numbers of blocks that touch, and the components along their common side."""
    n_across = len(blocks[0])
    for i, row in enumerate(blocks):
        for j, block in enumerate(row):
            k = i * n_across + j
            if j + 1 < n_across:
                yield k, k + 1, (block.right, flat[k + 1].left)
            if i + 1 < len(blocks):
                yield k, k + n_across, (block.bottom, flat[k + n_across].top)


def _borders_of(blocks, flat, starts, whole, small):
    """The borders of small components, within blocks and across their sides."""
    owners, others, lengths = [], [], []

    def add(owner, other, shared):
        chosen = small[owner]
        owners.append(owner[chosen])
        others.append(other[chosen])
        lengths.append(np.broadcast_to(shared, chosen.shape)[chosen])

    for block, start in zip(flat, starts):
        add(*whole[block.pairs.T + start], block.shared)
    for a, b, (here, there) in _sides(blocks, flat, starts):
        touching = (here >= 0) & (there >= 0)
        one, other = whole[here[touching] + starts[a]], whole[there[touching] + starts[b]]
        differ = one != other
        add(one[differ], other[differ], np.int32(1))
        add(other[differ], one[differ], np.int32(1))
    owner = np.concatenate(owners)
    index = np.int32 if len(small) < 2**31 else np.int64
    borders = _rules.Borders(
        heads=np.full(len(small), -1, np.int64),
        other=np.concatenate(others).astype(index),
        shared=np.concatenate(lengths).astype(np.int32),
        after=np.empty(len(owner), np.int64),
    )
    _link(owner, borders)
    return borders


def _cut(of_block, area, first, n_segments, gather, image_width):
    """Cut the largest regions, as `_split.split_largest` does, each in a window of its own."""
    parts = _split.share_out(area, min(n_segments, int(area.sum())))
    kept = np.flatnonzero(parts == 1)
    pixels, region = gather(of_block, parts > 1)
    order = np.lexsort((pixels, region))
    pixels, region = pixels[order], region[order]
    firsts, n, windows = [first[kept]], len(kept), []
    for own in np.split(np.arange(len(pixels)), np.flatnonzero(np.diff(region)) + 1):
        k = int(parts[region[own[0]]])
        ys, xs = np.divmod(pixels[own], image_width)
        top, left = int(ys.min()), int(xs.min())
        window = np.full((int(ys.max()) + 1 - top, int(xs.max()) + 1 - left), -1, np.int32)
        places, flat = (ys - top) * window.shape[1] + xs - left, window.ravel()
        flat[places] = 0
        _split.cut_region(flat, window.shape, _split.SQUARE, places.copy(), k, 1)
        _, at = np.unique(flat[places], return_index=True)  # the first in reading order
        firsts.append(pixels[own[at]])
        windows.append((int(region[own[0]]), top, left, np.where(window < 0, -1, window + n)))
        n += k
    rank = np.empty(n + 1, np.int32)
    rank[np.argsort(np.concatenate(firsts), kind="stable")] = np.arange(n)
    rank[-1] = -1
    renumbered = np.full(len(area), -1, np.int32)
    renumbered[kept] = rank[: len(kept)]
    cuts = {}
    for region, top, left, window in windows:
        renumbered[region] = -2 - len(cuts)
        cuts[-2 - len(cuts)] = top, left, rank[window]
    return Joined(n, [renumbered[numbers] for numbers in of_block], cuts)


# --- compiled -----------------------------------------------------------------------------------


@njit
def _first_pixels(runs, row, column, width, firsts):
    """Where each component starts. firsts : OUT (n,) int64."""
    n = 0
    for y in range(runs.first.shape[0] - 1):
        begin = 0
        for r in range(runs.first[y], runs.first[y + 1]):
            if runs.component[r] == n:
                firsts[n] = (row + y) * width + column + begin
                n += 1
            begin = runs.ends[r]


@njit
def _sum_pairs(borders, entry, pairs, shared):
    """One entry for each ordered pair of components that touch; return how many.

    Parameters
    ----------
    borders : IN Borders
    entry : SCRATCH (n,) int64, -1
    pairs : OUT (>= m, 2) int32
    shared : OUT (>= m,) int32
    """
    m = 0
    for i in range(borders.heads.shape[0]):
        begin, node = m, borders.heads[i]
        while node >= 0:
            j = borders.other[node]
            if entry[j] < begin:
                entry[j] = m
                pairs[m, 0], pairs[m, 1], shared[m] = i, j, 0
                m += 1
            shared[entry[j]] += borders.shared[node]
            node = borders.after[node]
    return m


@njit
def _unite(one, other, parent):
    """Join sets, the root of each its least element. parent : INOUT (n,) int64."""
    for k in range(one.shape[0]):
        i, j = find(parent, one[k]), find(parent, other[k])
        parent[max(i, j)] = min(i, j)


@njit
def _roots(parent, out):
    for i in range(parent.shape[0]):
        out[i] = find(parent, i)


@njit
def _link(owner, borders):
    """Make a list of each owner's entries; `heads`, -1, and `after` are written."""
    for node in range(owner.shape[0]):
        borders.after[node] = borders.heads[owner[node]]
        borders.heads[owner[node]] = node
