"""Region graph on a GPU: crossings sorted as pairs of labels, means summed in the CPU's order."""

import numpy as np
from numba import cuda

from .. import _cuda_checks
from .._cuda_common import fill, for_each, stretch
from .._cuda_scan import prefix_sum
from .._cuda_sort import find_places, sort_pairs
from .._device import kernel

_LAST = 2**31 - 1


def adjacency(session, labels):
    """Edges and lengths of `region_adjacency`, as arrays of the caller's kind."""
    labels, _, greatest = _cuda_checks.int_labels_of(session, labels)
    n_pixels = labels.shape[0] * labels.shape[1]
    on = session.allocate(
        "region_adjacency", counts=((n_pixels,), np.uint8), places=((n_pixels + 1,), np.int32)
    )
    for_each(session, n_pixels, count_crossings, labels, on.counts)
    prefix_sum(session, on.counts, on.places)
    n = int(session.copy_out(on.places[n_pixels:])[0])
    n_bits = max(greatest, 1).bit_length()
    crossings = session.allocate(
        "region_adjacency",
        keys=((n,), np.uint64),
        values=((n,), np.int32),
        flags=((n,), np.uint8),
        edge=((n + 1,), np.int32),
    )
    for_each(session, n_pixels, list_crossings, labels, n_bits, on.places, crossings.keys)
    keys, _ = sort_pairs(session, crossings.keys, crossings.values, 2 * n_bits)
    for_each(session, n, flag_first, keys, crossings.flags)
    prefix_sum(session, crossings.flags, crossings.edge)
    n_edges = int(session.copy_out(crossings.edge[n:])[0])
    firsts = session.allocate("region_adjacency", firsts=((n_edges,), np.int32)).firsts
    own_edges, edges = session.new_result((n_edges, 2), np.int32)
    own_lengths, lengths = session.new_result((n_edges,), np.int64)
    for_each(session, n, write_edges, keys, n_bits, crossings.flags, crossings.edge, edges, firsts)
    for_each(session, n_edges, write_lengths, firsts, n, lengths)
    return session.result(own_edges), session.result(own_lengths)


def means(session, image, labels):
    """Means and sizes of `region_means`, as arrays of the caller's kind."""
    image, labels, _, greatest = _cuda_checks.image_and_labels_of(session, image, labels)
    height, width, n_channels = image.shape
    n_pixels, n_regions = height * width, max(greatest + 1, 0)
    on = session.allocate(
        "region_means",
        flags=((height, width), np.bool_),
        starts=((n_pixels + 1,), np.int32),
        gap=((1,), np.int32),
    )
    if n_regions > n_pixels:
        raise ValueError(f"labels go up to {n_regions - 1} in an image of {n_pixels} pixels")
    for_each(session, n_pixels, flag_stretches, labels, on.flags)
    prefix_sum(session, on.flags.reshape(n_pixels), on.starts)
    n = int(session.copy_out(on.starts[n_pixels:])[0])
    lists = session.allocate(
        "region_means",
        keys=((n,), np.uint32),
        firsts=((n,), np.int32),
        places=((n_regions + 1,), np.int32),
    )
    for_each(
        session, n_pixels, list_stretches, labels, on.flags, on.starts, lists.keys, lists.firsts
    )
    keys, firsts = sort_pairs(session, lists.keys, lists.firsts, n_regions.bit_length())
    for_each(session, n_regions + 1, find_places, keys, lists.places)
    own_means, out = session.new_result((n_regions, n_channels), np.float32)
    own_sizes, sizes = session.new_result((n_regions,), np.int64)
    for_each(session, 1, fill, on.gap, _LAST)
    for_each(session, n_regions, sum_sizes, labels, firsts, lists.places, sizes, on.gap)
    gap = int(session.copy_out(on.gap)[0])
    if gap < _LAST:
        raise ValueError(f"labels have a gap: no pixel is {gap}")
    for_each(
        session, n_regions * n_channels, take_means, image, labels, firsts, lists.places, sizes, out
    )
    return session.result(own_means), session.result(own_sizes)


@kernel
def count_crossings(labels, counts):
    """Count the boundaries to the right and down; counts : OUT (H * W,) uint8."""
    p = cuda.grid(1)
    height, width = labels.shape
    if p >= height * width:
        return
    y, x = p // width, p % width
    a, n = labels[y, x], 0
    if a >= 0:
        if x + 1 < width and labels[y, x + 1] >= 0 and labels[y, x + 1] != a:
            n += 1
        if y + 1 < height and labels[y + 1, x] >= 0 and labels[y + 1, x] != a:
            n += 1
    counts[p] = n


@kernel
def list_crossings(labels, n_bits, places, keys):
    """List the crossings; grid: a thread a pixel.

    Parameters
    ----------
    labels : IN (H, W) int32
    n_bits : int, bits of a label
    places : IN (H * W + 1,) int32, prefix sum of the counts
    keys : OUT (n,) uint64, the lower label, and the higher one in the last bits
    """
    p = cuda.grid(1)
    height, width = labels.shape
    if p >= height * width:
        return
    y, x = p // width, p % width
    to = places[p]
    if places[p + 1] == to:
        return
    a = labels[y, x]
    for k in range(2):
        v, u = y + k, x + 1 - k
        if v < height and u < width:
            b = labels[v, u]
            if b >= 0 and b != a:
                low, high = np.uint64(min(a, b)), np.uint64(max(a, b))
                keys[to] = low << np.uint64(n_bits) | high
                to += 1


@kernel
def flag_first(keys, flags):
    """Flag the first of equal keys; flags : OUT (n,) uint8; grid: a thread a key."""
    i = cuda.grid(1)
    if i < keys.shape[0]:
        flags[i] = 1 if i == 0 or keys[i] != keys[i - 1] else 0


@kernel
def write_edges(keys, n_bits, flags, edge, edges, firsts):
    """Write the pair of each edge; grid: a thread a crossing.

    Parameters
    ----------
    keys : IN (n,) uint64, sorted
    n_bits : int
    flags : IN (n,) uint8, 1 for the first crossing of an edge
    edge : IN (n + 1,) int32, prefix sum of the flags
    edges : OUT (n_edges, 2) int32
    firsts : OUT (n_edges,) int32, first crossing of each edge
    """
    i = cuda.grid(1)
    if i < keys.shape[0] and flags[i]:
        e, low = edge[i], keys[i] >> np.uint64(n_bits)
        edges[e, 0] = np.int32(low)
        edges[e, 1] = np.int32(keys[i] - (low << np.uint64(n_bits)))
        firsts[e] = i


@kernel
def write_lengths(firsts, n, lengths):
    """Write how many crossings each edge has, of n; lengths : OUT (n_edges,) int64."""
    e = cuda.grid(1)
    n_edges = firsts.shape[0]
    if e < n_edges:
        last = np.int64(firsts[e + 1]) if e + 1 < n_edges else np.int64(n)
        lengths[e] = last - firsts[e]


@kernel
def flag_stretches(labels, flags):
    """Flag where a stretch of a region starts; flags : OUT (H, W) bool; grid: a thread a pixel."""
    p = cuda.grid(1)
    height, width = labels.shape
    if p < height * width:
        y, x = p // width, p % width
        flags[y, x] = labels[y, x] >= 0 and stretch(labels, y, x) > 0


@kernel
def list_stretches(labels, flags, starts, keys, firsts):
    """List the stretches in reading order; grid: a thread a pixel.

    Parameters
    ----------
    labels : IN (H, W) int32
    flags : IN (H, W) bool
    starts : IN (H * W + 1,) int32, their prefix sum
    keys : OUT (n,) uint32, region
    firsts : OUT (n,) int32, first pixel
    """
    p = cuda.grid(1)
    height, width = labels.shape
    if p < height * width and flags[p // width, p % width]:
        keys[starts[p]] = np.uint32(labels[p // width, p % width])
        firsts[starts[p]] = p


@kernel
def sum_sizes(labels, firsts, places, sizes, gap):
    """Count the pixels of each region; grid: a thread a region.

    Parameters
    ----------
    labels : IN (H, W) int32
    firsts : IN (n,) int32, first pixel of each stretch, by region
    places : IN (n_regions + 1,) int32
    sizes : OUT (n_regions,) int64
    gap : INOUT (1,) int32, the least region without a pixel
    """
    r = cuda.grid(1)
    if r >= sizes.shape[0]:
        return
    width, size = labels.shape[1], np.int64(0)
    for s in range(places[r], places[r + 1]):
        size += stretch(labels, firsts[s] // width, firsts[s] % width)
    sizes[r] = size
    if size == 0:
        cuda.atomic.min(gap, 0, r)


@kernel
def take_means(image, labels, firsts, places, sizes, out):
    """Take the mean of each channel, of pixels in reading order; grid: a thread a mean.

    Parameters
    ----------
    image : IN (H, W, C) float32
    labels, firsts, places : as in `sum_sizes`
    sizes : IN (n_regions,) int64
    out : OUT (n_regions, C) float32
    """
    i = cuda.grid(1)
    width, n_channels = image.shape[1], out.shape[1]
    if i >= out.shape[0] * n_channels:
        return
    r, c = i // n_channels, i % n_channels
    total = 0.0
    for s in range(places[r], places[r + 1]):
        y, x = firsts[s] // width, firsts[s] % width
        for u in range(x, x + stretch(labels, y, x)):
            total += np.float64(image[y, u, c])
    out[r, c] = np.float32(total / np.float64(sizes[r]))
