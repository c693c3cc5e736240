"""Connected label images on a GPU: the labels of the CPU, whatever the order of blocks.

Components are found by union-find on pixels, a root being its component's first pixel, and numbered
by a prefix sum. Borders are lists as on the CPU, of stretches along a row or single pixels. Whom a
region joins does not depend on the order of its list, so they are filled in any order.
"""

import numpy as np
from numba import cuda

from .._bits import fma
from .._cuda_common import for_each, start_of_stretch, stretch, unite
from .._cuda_graph import number
from .._cuda_scan import prefix_sum
from .._cuda_sort import sort_pairs
from .._device import kernel
from .._disjoint_set import root
from ..compilation import rule
from ._cuda_merge import Forest, merge_small, merge_smallest
from ._cuda_split import split_largest
from ._rules import Borders, Looks, settled

_MOST = 2**29  # pixels; four borders of each are still counted by an int32
_CRUMBS = 8  # what is so many times smaller than the smallest region has no colour of its own


def connect(session, labels, min_size, n_segments=None, colours=None, scale=1.0):
    """Do the work of `connectivity.connect` on a device array, in place; return how many regions.

    Parameters
    ----------
    session : Session
    labels : INOUT (H, W) int32, on the GPU
    min_size, n_segments, scale : as in `connectivity.connect`
    colours : IN (n_labels, P) float32, on the GPU, or None
    """
    height, width = labels.shape
    n_pixels = height * width
    if n_pixels > _MOST:
        raise ValueError(
            f"{height} x {width} pixels are too many to connect on CUDA, which takes {_MOST}: "
            "give device='cpu'"
        )
    min_size = min(min_size, n_pixels)
    on = session.allocate(
        "connecting regions",
        values=((height, width), np.int32),
        component=((n_pixels,), np.int32),
        flags=((n_pixels,), np.uint8),
        starts=((n_pixels + 1,), np.int32),
    )
    values = labels
    if min_size > 1:
        values = on.values
        for_each(session, n_pixels, settle_pixels, labels, values)
    n = _find_components(session, values, on)
    if n == 0:
        for_each(session, n_pixels, blank, labels)
        return 0
    tree = _allocate_tree(session, n)
    for_each(session, n, prepare, tree.forest, tree.heads)
    for_each(
        session, n_pixels, number_pixels, values, on.starts, on.component, tree.sizes, tree.labels
    )
    below = min_size if n_segments is None or n <= n_segments else n_pixels + 1
    borders = _list_borders(session, values, on, tree, below) if below > 1 else None
    if borders is not None:
        n -= _merge(session, tree, borders, min_size, n_segments, colours, scale)
    number(session, tree.parent, tree.chosen[:0], tree.members)
    for_each(session, n_pixels, write_labels, on.component, tree.members, labels)
    if n_segments is not None and 0 < n < n_segments:
        n = split_largest(session, labels, n, n_segments, on.component, on.flags, on.starts)
    return n


def _find_components(session, values, on):
    """Write each pixel's root, -1 outside, flag the roots and number them; return how many."""
    n_pixels = on.component.shape[0]
    for_each(session, n_pixels, start_components, values, on.component)
    for_each(session, n_pixels, unite_components, values, on.component)
    for_each(session, n_pixels, flatten, on.component, on.flags)
    prefix_sum(session, on.flags, on.starts)
    return int(session.copy_out(on.starts[n_pixels:])[0])


def _allocate_tree(session, n):
    """What is kept of each of n components."""
    tree = session.allocate(
        "connecting regions",
        sizes=((n,), np.int64),
        own=((n,), np.int64),
        labels=((n,), np.int32),
        parent=((n,), np.int32),
        entry=((n,), np.int64),
        marks=((n,), np.int64),
        pending=((n,), np.int32),
        chosen=((n,), np.bool_),
        heads=((n,), np.int64),
        keys=((n,), np.uint32),
        members=((n,), np.int32),
        state=((3,), np.int64),
        nothing=((1, 1), np.float32),
    )
    tree.forest = Forest(
        sizes=tree.sizes, parent=tree.parent, entry=tree.entry, marks=tree.marks,
        pending=tree.pending, chosen=tree.chosen, state=tree.state,
    )  # fmt: skip
    return tree


def _list_borders(session, values, on, tree, below):
    """The borders of components of fewer than ``below`` pixels, or None if there are none."""
    n_pixels = on.component.shape[0]
    shape = values.shape
    for_each(session, n_pixels, count_borders, on.component, shape, tree.sizes, below, on.flags)
    prefix_sum(session, on.flags, on.starts)
    n = int(session.copy_out(on.starts[n_pixels:])[0])
    if n == 0:
        return None
    lists = session.allocate(
        "connecting regions",
        other=((n,), np.int32),
        shared=((n,), np.int32),
        after=((n,), np.int64),
    )
    borders = Borders(tree.heads, lists.other, lists.shared, lists.after)
    for_each(
        session, n_pixels, list_borders,
        on.component, shape, tree.sizes, below, on.starts, borders,
    )  # fmt: skip
    return borders


def _merge(session, tree, borders, min_size, n_segments, colours, scale):
    """Join what is too small, then the smallest; return how many merges that were."""
    n = tree.sizes.shape[0]
    plain = Looks(tree.nothing[:0], 1.0)
    if colours is None:
        n_merges = merge_small(session, min_size, plain, borders, tree.forest)
        looks = plain
    else:
        for_each(session, n, keep_sizes, tree.sizes, tree.own)
        merge_small(session, min_size // _CRUMBS, plain, borders, tree.forest)
        looks = _colour_regions(session, tree, colours, scale)
        n_merges = merge_small(session, min_size, looks, borders, tree.forest)
    if n_segments is not None and n - n_merges > n_segments:
        n_merges = merge_smallest(session, n - n_segments, looks, borders, tree.forest)
    return n_merges


def _colour_regions(session, tree, colours, scale):
    """The looks of each region: the mean of the colours of its components' labels."""
    n, n_channels = tree.sizes.shape[0], colours.shape[1]
    out = session.allocate("connecting regions", out=((n, n_channels), np.float32)).out
    for_each(session, n, list_members, tree.parent, tree.keys, tree.members)
    roots, members = sort_pairs(session, tree.keys, tree.members, n.bit_length())
    for_each(
        session, n * n_channels, colour_regions,
        roots, members, tree.own, tree.sizes, tree.labels, colours, out,
    )  # fmt: skip
    return Looks(out, float(scale))


@kernel
def settle_pixels(labels, out):
    """Give each pixel that differs from its four neighbours the label most frequent among them.

    labels : IN, out : OUT (H, W) int32; grid: a thread a pixel.
    """
    p = cuda.grid(1)
    height, width = labels.shape
    if p >= height * width:
        return
    y, x = p // width, p % width
    up = labels[y - 1, x] if y > 0 else np.int32(-1)
    left = labels[y, x - 1] if x > 0 else np.int32(-1)
    right = labels[y, x + 1] if x + 1 < width else np.int32(-1)
    down = labels[y + 1, x] if y + 1 < height else np.int32(-1)
    out[y, x] = settled(labels[y, x], up, left, right, down)


@kernel
def start_components(values, parent):
    """Join each pixel to the first of its stretch; grid: a thread a pixel.

    Parameters
    ----------
    values : IN (H, W) int32, labels, negative outside
    parent : OUT (H * W,) int32, -1 outside
    """
    p = cuda.grid(1)
    height, width = values.shape
    if p >= height * width:
        return
    y, x = p // width, p % width
    if values[y, x] < 0:
        parent[p] = -1
        return
    parent[p] = y * width + start_of_stretch(values, y, x)


@kernel
def unite_components(values, parent):
    """Join what touches; values : IN, parent : INOUT, of `start_components`; a thread a pixel."""
    p = cuda.grid(1)
    height, width = values.shape
    if p >= height * width:
        return
    y, x = p // width, p % width
    value = values[y, x]
    if value < 0:
        return
    left = x > 0 and values[y, x - 1] == value
    if start_of_stretch(values, y, x) == x and left:
        unite(parent, np.int64(p), np.int64(p - 1))
    if y > 0 and values[y - 1, x] == value and not (left and values[y - 1, x - 1] == value):
        unite(parent, np.int64(p), np.int64(p - width))


@kernel
def flatten(parent, is_root):
    """Join each element to its root; parent : INOUT (n,), is_root : OUT (n,) uint8."""
    p = cuda.grid(1)
    if p >= parent.shape[0]:
        return
    is_root[p] = parent[p] == p
    if parent[p] >= 0:
        parent[p] = root(parent, np.int64(p))


@kernel
def prepare(forest, heads):
    """Make each component a region of its own, without a border; grid: a thread a component."""
    i = cuda.grid(1)
    if i < 3:
        forest.state[i] = 0
    if i >= heads.shape[0]:
        return
    forest.sizes[i] = 0
    forest.parent[i] = i
    forest.entry[i] = -1
    heads[i] = -1


@kernel
def number_pixels(values, starts, component, sizes, labels):
    """Write each pixel's component, and each component's size and label; grid: a thread a pixel.

    Parameters
    ----------
    values : IN (H, W) int32
    starts : IN (H * W + 1,) int32, number of each root
    component : INOUT (H * W,) int32, roots; OUT components, -1 outside
    sizes : INOUT (n_components,) int64, zeros
    labels : OUT (n_components,) int32
    """
    p = cuda.grid(1)
    height, width = values.shape
    if p >= height * width or component[p] < 0:
        return
    y, x = p // width, p % width
    number = starts[component[p]]
    if component[p] == p:
        labels[number] = values[y, x]
    component[p] = number
    n = stretch(values, y, x)
    if n > 0:
        cuda.atomic.add(sizes, number, n)


@rule
def border_from(component, shape, sizes, below, p, side):
    """The border that begins at one side of a pixel: whose it is beyond, and how long.

    Above (0) and below (3) a border goes along the row; left (1) and right (2) it is one pixel
    edge.

    Returns
    -------
    j : int, a component, or -1 if no border begins here
    length : int
    """
    height, width = shape
    y, x = p // width, p % width
    i = component[p]
    if side == 0 and y > 0:
        q = p - width
    elif side == 1 and x > 0:
        q = p - 1
    elif side == 2 and x + 1 < width:
        q = p + 1
    elif side == 3 and y + 1 < height:
        q = p + width
    else:
        return -1, 0
    j = component[q]
    if i < 0 or j < 0 or j == i or sizes[i] >= below:
        return -1, 0
    length = 1
    if side == 0 or side == 3:
        if x > 0 and component[p - 1] == i and component[q - 1] == j:
            return -1, 0
        while x + length < width and component[p + length] == i and component[q + length] == j:
            length += 1
    return j, length


@kernel
def count_borders(component, shape, sizes, below, counts):
    """Count the borders that begin at each pixel; grid: a thread a pixel.

    Parameters
    ----------
    component : IN (H * W,) int32
    shape : (H, W)
    sizes : IN (n_components,) int64
    below : int, size of the components whose borders count not
    counts : OUT (H * W,) uint8
    """
    p = cuda.grid(1)
    if p >= component.shape[0]:
        return
    n = 0
    for side in range(4):
        n += border_from(component, shape, sizes, below, np.int64(p), side)[1] > 0
    counts[p] = n


@kernel
def list_borders(component, shape, sizes, below, starts, borders):
    """Write what `count_borders` counts; grid: a thread a pixel.

    Parameters
    ----------
    component, shape, sizes, below : IN, as in `count_borders`
    starts : IN (H * W + 1,) int32, prefix sum of the counts
    borders : OUT Borders, but `heads` : INOUT, -1
    """
    p = cuda.grid(1)
    if p >= component.shape[0]:
        return
    node = np.int64(starts[p])
    for side in range(4):
        j, length = border_from(component, shape, sizes, below, np.int64(p), side)
        if length > 0:
            borders.other[node] = j
            borders.shared[node] = length
            borders.after[node] = cuda.atomic.exch(borders.heads, component[p], node)
            node += 1


@kernel
def keep_sizes(sizes, own):
    """Copy the sizes of components before they merge; IN, OUT (n,) int64."""
    i = cuda.grid(1)
    if i < sizes.shape[0]:
        own[i] = sizes[i]


@kernel
def list_members(parent, keys, members):
    """Each component and its region; grid: a thread a component.

    Parameters
    ----------
    parent : IN (n,) int32
    keys : OUT (n,) uint32, roots
    members : OUT (n,) int32, 0, 1, ...
    """
    i = cuda.grid(1)
    if i < parent.shape[0]:
        keys[i] = root(parent, np.int64(i))
        members[i] = i


@kernel
def colour_regions(roots, members, own, sizes, labels, colours, out):
    """Write the colour of each region; grid: a thread a channel of a component.

    Parameters
    ----------
    roots : IN (n,) uint32, in ascending order
    members : IN (n,) int32, components, ascending for each root
    own : IN (n,) int64, pixels of each component
    sizes : IN (n,) int64, pixels of each region, where its root is
    labels : IN (n,) int32, of each component
    colours : IN (n_labels, P) float32
    out : OUT (n, P) float32, where a root is
    """
    n_channels = colours.shape[1]
    e, c = cuda.grid(1) // n_channels, cuda.grid(1) % n_channels
    n = roots.shape[0]
    if e >= n or (e > 0 and roots[e - 1] == roots[e]):
        return
    i = np.int64(roots[e])
    total = np.float32(0)
    while e < n and np.int64(roots[e]) == i:
        share = np.float32(own[members[e]] / sizes[i])
        total = fma(share, colours[labels[members[e]], c], total)
        e += 1
    out[i, c] = total


@kernel
def write_labels(component, numbers, labels):
    """Write each pixel's region; grid: a thread a pixel.

    Parameters
    ----------
    component : IN (H * W,) int32, -1 outside
    numbers : IN (n,) int32, the region of each component
    labels : OUT (H, W) int32, -1 outside
    """
    p = cuda.grid(1)
    height, width = labels.shape
    if p < height * width:
        i = component[p]
        labels[p // width, p % width] = numbers[i] if i >= 0 else -1


@kernel
def blank(labels):
    """Write -1 everywhere; labels : OUT (H, W) int32; grid: a thread a pixel."""
    p = cuda.grid(1)
    height, width = labels.shape
    if p < height * width:
        labels[p // width, p % width] = -1
