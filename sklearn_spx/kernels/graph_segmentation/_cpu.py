"""Graph-based segmentation on the CPU.

Edge ``pixel * d + k`` leads from a pixel to its right, lower, lower right or lower left neighbour
(k = 0 to 3; d = 2 or 4 of them). The bits of a float that is not negative order as an integer, so
edges are sorted by three stable counting passes over 11 bits each: linear, ties in order of pixels.
"""

import numpy as np

from .._disjoint_set import find, join, number
from .._pixel_edges import other_end
from ..compilation import njit
from ._rules import difference

_RADIX = 11


@njit
def convolve_rows(image, taps, out):
    """Convolve along x; the border pixel goes on for ever.

    Parameters
    ----------
    image : IN (H, W, C) float32
    taps : IN (2 r + 1,) float32
    out : OUT (H, W, C) float32
    """
    height, width, n_channels = image.shape
    reach = taps.size // 2
    for y in range(height):
        for x in range(width):
            for c in range(n_channels):
                out[y, x, c] = 0
            for t in range(taps.size):
                source = min(max(x + t - reach, 0), width - 1)
                for c in range(n_channels):
                    out[y, x, c] += taps[t] * image[y, source, c]


@njit
def convolve_columns(image, taps, out):
    """Convolve along y; otherwise as `convolve_rows`."""
    height, width, n_channels = image.shape
    reach = taps.size // 2
    flat, flat_out = image.reshape(height, -1), out.reshape(height, -1)
    for y in range(height):
        flat_out[y] = 0
        for t in range(taps.size):
            source = min(max(y + t - reach, 0), height - 1)
            for i in range(width * n_channels):
                flat_out[y, i] += taps[t] * flat[source, i]


@njit
def colour_weights(image, weights):
    """Euclidean distances of neighbouring colours.

    Parameters
    ----------
    image : IN (H, W, C) float32
    weights : OUT (H, W, 2 or 4) float32; edges that leave the image are not written
    """
    height, width = image.shape[:2]
    diagonals = weights.shape[2] == 4
    for y in range(height):
        for x in range(width):
            if x + 1 < width:
                weights[y, x, 0] = difference(image, y, x, y, x + 1)
            if y + 1 < height:
                weights[y, x, 1] = difference(image, y, x, y + 1, x)
                if diagonals and x + 1 < width:
                    weights[y, x, 2] = difference(image, y, x, y + 1, x + 1)
                if diagonals and x > 0:
                    weights[y, x, 3] = difference(image, y, x, y + 1, x - 1)


@njit
def list_edges(weights, inside, keys, edges):
    """List the edges inside the mask; return how many.

    Parameters
    ----------
    weights : IN (H, W, d) float32, none below 0
    inside : IN (H, W) bool
    keys : OUT (>= n,) uint32, bits of the weight
    edges : OUT (>= n,) uint32
    """
    height, width, d = weights.shape
    bits = weights.view(np.uint32)
    n = 0
    for y in range(height):
        for x in range(width):
            if not inside[y, x]:
                continue
            for k in range(d):
                v = y + (k > 0)
                u = x + (k == 0 or k == 2) - (k == 3)
                if v < height and 0 <= u < width and inside[v, u]:
                    keys[n] = bits[y, x, k]
                    edges[n] = (y * width + x) * d + k
                    n += 1
    return n


@njit
def sort_edges(keys, edges):
    """Sort by key, stably; return both arrays sorted (the arguments are scratch)."""
    other_keys, other_edges = np.empty_like(keys), np.empty_like(edges)
    for shift in (0, _RADIX, 2 * _RADIX):
        place = np.zeros((1 << _RADIX) + 1, np.int64)
        for i in range(keys.size):
            place[((keys[i] >> shift) & ((1 << _RADIX) - 1)) + 1] += 1
        for b in range(1 << _RADIX):
            place[b + 1] += place[b]
        for i in range(keys.size):
            bucket = (keys[i] >> shift) & ((1 << _RADIX) - 1)
            other_keys[place[bucket]] = keys[i]
            other_edges[place[bucket]] = edges[i]
            place[bucket] += 1
        keys, other_keys = other_keys, keys
        edges, other_edges = other_edges, edges
    return keys, edges


@njit
def segment_pixels(weights, edges, inside, d, k, min_size, labels):
    """Join pixels across the sorted edges.

    Parameters
    ----------
    weights : IN (n,) float32, ascending
    edges : IN (n,) uint32
    inside : IN (H, W) bool
    d : int, edges of a pixel
    k : float, eq. 4
    min_size : int
    labels : OUT (H, W) int32
    """
    width = inside.shape[1]
    parent = np.arange(inside.size).astype(np.int32)
    size = np.ones(inside.size, np.int32)
    tolerance = np.full(inside.size, np.float32(k))  # Int(A) + k / |A|
    for i in range(edges.size):
        p = np.int64(edges[i]) // d
        a, b = find(parent, p), find(parent, other_end(p, edges[i] % d, width))
        if a != b and weights[i] <= tolerance[a] and weights[i] <= tolerance[b]:
            root = join(parent, size, a, b)
            tolerance[root] = weights[i] + k / size[root]
    for i in range(edges.size):
        p = np.int64(edges[i]) // d
        a, b = find(parent, p), find(parent, other_end(p, edges[i] % d, width))
        if a != b and min(size[a], size[b]) < min_size:
            join(parent, size, a, b)
    number(parent, ~inside.ravel(), labels.ravel())


@njit
def segment_regions(edges, weights, order, sizes, k, min_size, segments):
    """Join regions across edges.

    Parameters
    ----------
    edges : IN (E, 2) int32
    weights : IN (E,) float64
    order : IN (E,) int64, edges by ascending weight
    sizes : INOUT (n,) float64
    k : float, eq. 4
    min_size : float
    segments : OUT (n,) int32
    """
    parent = np.arange(segments.size)
    tolerance = k / sizes
    for e in order:
        a, b = find(parent, edges[e, 0]), find(parent, edges[e, 1])
        if a != b and weights[e] <= min(tolerance[a], tolerance[b]):
            root = join(parent, sizes, a, b)
            tolerance[root] = weights[e] + k / sizes[root]
    for e in order:
        a, b = find(parent, edges[e, 0]), find(parent, edges[e, 1])
        if a != b and min(sizes[a], sizes[b]) < min_size:
            join(parent, sizes, a, b)
    number(parent, np.empty(0, np.bool_), segments)
