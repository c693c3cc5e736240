"""Graph-based segmentation on a GPU: edges by weight, then merges in rounds."""

import math

import numpy as np
from numba import cuda

from .. import _cuda_checks
from .._cuda_affinities import affinities_of
from .._cuda_common import fill, for_each
from .._cuda_graph import LAST, graph_of, join_small, number, sort_edges
from .._cuda_scan import prefix_sum
from .._cuda_sort import sort_pairs
from .._device import is_on_gpu, kernel
from .._pixel_edges import other_end
from ._cuda_rounds import finish_similar, join_similar
from ._cuda_weights import affinity_weights, colour_weights

_EXACT = 2.0**53  # integers up to which sums of float64 are exact


def segment_image(session, image, taps, d, k, min_size, mask):
    """Labels of `graph_segmentation` of an image, as an array of the caller's kind."""
    raw = _cuda_checks.raw_image_of(session, image)
    mask = None if mask is None else _cuda_checks.mask_of(session, mask, raw.shape[:2])
    _check_size(raw.shape[:2], d)
    return _segment(session, colour_weights(session, raw, taps, d, mask), k, min_size, mask)


def segment_affinities(session, affinities, d, k, min_size, mask):
    """Labels of `graph_segmentation` of affinities, as an array of the caller's kind."""
    shape = np.shape(affinities)[1:]
    mask = None if mask is None else _cuda_checks.mask_of(session, mask, shape)
    affinities = affinities_of(session, affinities, mask)
    _check_size(affinities.shape[1:], d)
    return _segment(session, affinity_weights(session, affinities, d, mask), k, min_size, mask)


def _check_size(shape, d):
    if shape[0] * shape[1] * d >= LAST:
        raise ValueError(
            f"an image of shape {tuple(shape)} has more edges than CUDA takes: give device='cpu'"
        )


def _segment(session, weights, k, min_size, mask):
    height, width, d = weights.shape
    n_pixels = height * width
    on = session.allocate(
        "graph_segmentation",
        inside=((n_pixels,), np.bool_),
        bits=((n_pixels,), np.uint8),
        counts=((n_pixels,), np.uint8),
        places=((n_pixels + 1,), np.int32),
        parent=((n_pixels,), np.int32),
        sizes=((n_pixels,), np.int64),
        tolerance=((n_pixels,), np.float32),
    )
    inside = on.inside if mask is None else mask.reshape(n_pixels)
    if mask is None:
        for_each(session, n_pixels, fill, inside, True)
    for_each(session, n_pixels, find_edges, inside, width, d, on.bits, on.counts)
    prefix_sum(session, on.counts, on.places)
    n = int(session.copy_out(on.places[n_pixels:])[0])
    lists = session.allocate(
        "graph_segmentation",
        keys=((n,), np.uint32),
        edges=((n,), np.int32),
        low=((n,), np.int32),
        high=((n,), np.int32),
    )
    for_each(
        session, n_pixels, list_edges,
        weights.view(np.uint32), on.bits, on.places, lists.keys, lists.edges,
    )  # fmt: skip
    keys, edges = sort_pairs(session, lists.keys, lists.edges, 32)
    for_each(session, n, take_pixels, edges, width, d, lists.low, lists.high)
    for_each(session, n_pixels, start, k, on.parent, on.sizes, on.tolerance)
    nodes, ends = (on.parent, on.sizes, on.tolerance), (lists.low, lists.high)
    join_similar(session, (*ends, keys.view(np.int32), keys.view(np.float32)), nodes, k)
    if min_size > 1:
        join_small(session, ends, on.parent, on.sizes, min_size)
    own, labels = session.new_result((height, width), np.int32)
    number(session, on.parent, inside, labels.reshape(n_pixels))
    return session.result(own)


def segment_regions(session, edges, weights, n_regions, k, sizes, min_size):
    """Segments of `segment_region_graph`, as an array of the caller's kind."""
    edges, weights, n_regions = graph_of(session, edges, weights, n_regions)
    n = edges.shape[0]
    on = session.allocate(
        "segment_region_graph",
        parent=((n_regions,), np.int32),
        sizes=((n_regions,), np.int64),
        tolerance=((n_regions,), np.float64),
        float_sizes=((n_regions,), np.float64),
        counts=((2,), np.int32),
        flags=((n,), np.uint8),
        places=((n + 1,), np.int32),
        keys=((n,), np.int32),
        weights=((n,), np.float64),
        none=((1,), np.bool_),
    )
    for_each(session, n_regions, start, k, on.parent, on.sizes, on.tolerance)
    for_each(session, 2, fill, on.counts, 0)
    if sizes is not None:
        _take_sizes(session, sizes, n_regions, k, on)
    n_fractions = 0 if sizes is None else int(session.copy_out(on.counts)[1])
    order, by_weight, ends = sort_edges(session, edges, weights)
    for_each(session, n, take_weights, order, by_weight, weights, on.weights, on.flags)
    prefix_sum(session, on.flags, on.places)
    for_each(session, n, take_keys, on.places, on.keys)
    lists = *ends, on.keys, on.weights
    if n_fractions == 0:
        sizes = on.sizes
        join_similar(session, lists, (on.parent, sizes, on.tolerance), k)
    else:  # sums of sizes depend on their order
        sizes = on.float_sizes
        finish_similar(session, lists, (on.parent, sizes, on.tolerance), k)
    if min_size > 0:
        join_small(session, ends, on.parent, sizes, min_size)
    own, segments = session.new_result((n_regions,), np.int32)
    number(session, on.parent, on.none[:0], segments)
    return session.result(own)


def _take_sizes(session, sizes, n_regions, k, on):
    """Check sizes and write them, and the tolerances they make."""
    wrong = f"sizes must be {n_regions} positive numbers, one a region"
    if not is_on_gpu(sizes):
        sizes = np.array(sizes, dtype=np.float64)
    given = session.bring(sizes, "sizes")
    if given.shape != (n_regions,):
        raise ValueError(wrong)
    where = on.sizes, on.float_sizes, on.tolerance, on.counts
    for_each(session, n_regions, take_sizes, given, k, _EXACT / n_regions, *where)
    if session.copy_out(on.counts)[0]:
        raise ValueError(wrong)


@kernel
def find_edges(inside, width, d, bits, counts):
    """Find the edges of each pixel; grid: a thread a pixel.

    Parameters
    ----------
    inside : IN (H * W,) bool
    width : int
    d : int, edges of a pixel
    bits : OUT (H * W,) uint8, bit k set if edge k is inside
    counts : OUT (H * W,) uint8, how many are
    """
    p = cuda.grid(1)
    if p >= inside.shape[0]:
        return
    found, n, height = 0, 0, inside.shape[0] // width
    if inside[p]:
        y, x = p // width, p % width
        right, below = x + 1 < width, y + 1 < height
        if right and inside[p + 1]:
            found += 1
            n += 1
        if below and inside[p + width]:
            found += 2
            n += 1
        if d == 4 and below and right and inside[p + width + 1]:
            found += 4
            n += 1
        if d == 4 and below and x > 0 and inside[p + width - 1]:
            found += 8
            n += 1
    bits[p] = found
    counts[p] = n


@kernel
def list_edges(weights, bits, places, keys, edges):
    """List the edges inside; grid: a thread a pixel.

    Parameters
    ----------
    weights : IN (H, W, d) uint32, the bits of float32 numbers of at least 0
    bits : IN (H * W,) uint8
    places : IN (H * W + 1,) int32, prefix sum of the counts
    keys : OUT (n,) uint32, bits of the weight
    edges : OUT (n,) int32
    """
    p = cuda.grid(1)
    width, d = weights.shape[1], weights.shape[2]
    if p >= bits.shape[0]:
        return
    to = places[p]
    for k in range(d):
        if bits[p] >> k & 1:
            keys[to] = weights[p // width, p % width, k]
            edges[to] = p * d + k
            to += 1


@kernel
def take_pixels(edges, width, d, low, high):
    """List the ends of edges; low, high : OUT (n,) int32; grid: a thread an edge."""
    i = cuda.grid(1)
    if i < edges.shape[0]:
        p, k = np.int64(edges[i]) // d, edges[i] % d
        low[i] = p
        high[i] = other_end(p, k, width)


@kernel
def start(k, parent, sizes, tolerance):
    """Make each node a cluster of size 1; all OUT (n,); grid: a thread a node."""
    i = cuda.grid(1)
    if i < parent.shape[0]:
        parent[i], sizes[i], tolerance[i] = i, 1, k


@kernel
def take_sizes(given, k, most, sizes, float_sizes, tolerance, counts):
    """Write sizes and tolerances; grid: a thread a region.

    Parameters
    ----------
    given : IN (n,), any real numbers
    k : float
    most : float, size up to which sums of all are exact
    sizes : OUT (n,) int64, where they are integers
    float_sizes : OUT (n,) float64
    tolerance : OUT (n,) float64
    counts : INOUT (2,) int32, what is no size, and what is no integer, or too large for sums
    """
    i = cuda.grid(1)
    if i >= sizes.shape[0]:
        return
    size = np.float64(given[i])
    if not (size > 0.0 and math.isfinite(size)):
        cuda.atomic.add(counts, 0, 1)
        return
    float_sizes[i] = size
    tolerance[i] = k / size
    if size > most or math.floor(size) != size:
        cuda.atomic.add(counts, 1, 1)
    else:
        sizes[i] = np.int64(size)


@kernel
def take_weights(order, keys, weights, out, flags):
    """List weights in their order; grid: a thread an edge.

    Parameters
    ----------
    order : IN (E,) int32
    keys : IN (E,) uint64, sorted
    weights : IN (E,) float64
    out : OUT (E,) float64
    flags : OUT (E,) uint8, 1 where a weight is not the one before
    """
    i = cuda.grid(1)
    if i < order.shape[0]:
        out[i] = weights[order[i]]
        flags[i] = 1 if i > 0 and keys[i] != keys[i - 1] else 0


@kernel
def take_keys(places, keys):
    """Number the weights; places : IN (E + 1,) int32, prefix sum; keys : OUT (E,) int32."""
    i = cuda.grid(1)
    if i < keys.shape[0]:
        keys[i] = places[i + 1]
