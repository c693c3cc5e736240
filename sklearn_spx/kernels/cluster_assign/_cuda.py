"""The bottom-up view on a GPU: a thread a pixel, a difference or a mean, with the CPU's bits.

Which cluster each of a list of pixels is in is the key of a stable sort, so that a thread a mean
sums up the pixels of its cluster in their order, which is that of the CPU.
"""

import math

import numpy as np
from numba import cuda

from .. import _cuda_checks
from .._cuda_common import fill, for_each
from .._cuda_sort import find_places, sort_pairs
from .._device import kernel
from . import _cuda_inputs
from ._inputs import check_tables, count_clusters
from ._rules import Cells, cell_of, find_nearest, grid_of_cells, place_apart

_MOST = 2**31 - 1  # clusters, of whose numbers an int32 is one


def cluster_means(session, image, labels, n_clusters):
    """Results of `cluster_assign.cluster_means`, as arrays of the caller's kind."""
    image, labels, _, greatest = _cuda_checks.image_and_labels_of(session, image, labels)
    n_clusters = count_clusters(n_clusters, greatest)
    if n_clusters > _MOST:
        raise ValueError(f"n_clusters is {n_clusters}; CUDA takes {_MOST}: give device='cpu'")
    height, width, n_channels = image.shape
    n = height * width
    own_means, means = session.new_result((n_clusters, n_channels), np.float32)
    own_centers, centers = session.new_result((n_clusters, 2), np.float32)
    own_counts, counts = session.new_result((n_clusters,), np.int64)
    on = session.allocate("cluster_means", clusters=((n,), np.uint32), pixels=((n,), np.int32))
    for_each(session, n, list_clusters, labels, n_clusters, on.clusters, on.pixels)
    for array in (means, centers):
        size = math.prod(array.shape)
        for_each(session, size, fill, array.reshape(size), np.float32(0))
    accumulate(session, image, on.pixels, on.clusters, means, centers, counts)
    return tuple(map(session.result, (own_means, own_centers, own_counts)))


def nearest_clusters(session, pixels, shape, centers, n_neighbors):
    """Neighbours of `cluster_assign.nearest_clusters`, as an array of the caller's kind."""
    height, width = shape
    pixels = _cuda_inputs.pixels_of(session, pixels, height * width)
    centers = _cuda_inputs.centers_of(session, centers, height, width)
    n = pixels.shape[0]
    own, neighbors = session.new_result((n, n_neighbors), np.int32)
    best = session.allocate("nearest_clusters", best=((n_neighbors, n), np.float64)).best
    cells = cells_of(session, centers, height, width)
    for_each(session, n, find_neighbors, pixels, width, centers, cells, best, neighbors)
    return session.result(own)


def squared_differences(session, image, pixels, means, centers, neighbors, step):
    """Differences of `cluster_assign.squared_differences`, as an array of the caller's kind."""
    image = _cuda_checks.image_of(session, image)
    height, width, n_channels = image.shape
    pixels = _cuda_inputs.pixels_of(session, pixels, height * width)
    means = _cuda_inputs.table_of(session, means, "means", np.float32)
    centers = _cuda_inputs.table_of(session, centers, "centers", np.float32)
    neighbors = _cuda_inputs.table_of(session, neighbors, "neighbors", np.int32)
    check_tables(pixels.shape[0], n_channels, means, centers, neighbors)
    _cuda_inputs.check_names(session, neighbors, means.shape[0])
    own, out = session.new_result((*neighbors.shape, n_channels + 1), np.float32)
    compare(session, image, pixels, means, centers, step, neighbors, out)
    return session.result(own)


def cells_of(session, centers, height, width):
    """Sort centres into cells.

    Parameters
    ----------
    session : Session
    centers : IN device array (K, 2), float32
    height, width : int, of the image

    Returns
    -------
    cells : Cells, scratch memory
    """
    n_centers = centers.shape[0]
    side, n_rows, n_columns = grid_of_cells(n_centers, height, width)
    n_cells = n_rows * n_columns
    on = session.allocate(
        "cells of centres",
        keys=((n_centers,), np.uint32),
        members=((n_centers,), np.int32),
        starts=((n_cells + 1,), np.int32),
    )
    for_each(session, n_centers, list_cells, centers, side, n_rows, n_columns, on.keys, on.members)
    keys, members = sort_pairs(session, on.keys, on.members, (n_cells - 1).bit_length())
    for_each(session, n_cells + 1, find_places, keys, on.starts)
    return Cells(side, n_rows, n_columns, on.starts, members)


def compare(session, image, pixels, means, centers, step, neighbors, out):
    """Write the squared differences of pixels and clusters; all arrays are on the GPU.

    Parameters
    ----------
    session : Session
    image : IN (H, W, C) float32
    pixels : IN (n,) int
    means : IN (K, C) float32
    centers : IN (K, 2) float32
    step : float32
    neighbors : IN (n, Q) int32
    out : OUT (n, Q, C + 1) float32
    """
    height, width, n_channels = image.shape
    flat = image.reshape(height * width, n_channels)
    inverse = 1.0 / float(step)
    for_each(
        session, math.prod(out.shape), write_differences,
        flat, width, pixels, means, centers, inverse, neighbors, out,
    )  # fmt: skip


def accumulate(session, image, pixels, clusters, means, centers, counts):
    """Mean features and place of every cluster; those without a pixel keep what they had.

    Parameters
    ----------
    session : Session
    image : IN device array (H, W, C), float32
    pixels : device array (n,), int32, in reading order; overwritten
    clusters : device array (n,), uint32, the cluster of each, K for none; overwritten
    means : INOUT device array (K, C), float32
    centers : INOUT device array (K, 2), float32
    counts : OUT device array (K,), int64
    """
    height, width, n_channels = image.shape
    n_clusters = counts.shape[0]
    flat = image.reshape(height * width, n_channels)
    starts = session.allocate("means of clusters", starts=((n_clusters + 1,), np.int32)).starts
    clusters, pixels = sort_pairs(session, clusters, pixels, n_clusters.bit_length())
    for_each(session, n_clusters + 1, find_places, clusters, starts)
    for_each(
        session, n_clusters * (n_channels + 2), take_means,
        flat, width, pixels, starts, means, centers, counts,
    )  # fmt: skip


@kernel
def list_clusters(labels, n_clusters, clusters, pixels):
    """List the pixels of an image and their clusters; grid: a thread a pixel.

    Parameters
    ----------
    labels : IN (H, W) int32, below 0 for none
    n_clusters : int
    clusters : OUT (H * W,) uint32, `n_clusters` for none
    pixels : OUT (H * W,) int32
    """
    p = cuda.grid(1)
    height, width = labels.shape
    if p < height * width:
        label = labels[p // width, p % width]
        clusters[p] = np.uint32(label if label >= 0 else n_clusters)
        pixels[p] = p


@kernel
def take_means(flat, width, pixels, starts, means, centers, counts):
    """Take means over the pixels of each cluster, in their order; a thread a mean.

    Parameters
    ----------
    flat : IN (H * W, C) float32
    width : int
    pixels : IN (n,) int32, cluster by cluster
    starts : IN (K + 1,) int32, where each cluster's pixels start
    means : INOUT (K, C) float32
    centers : INOUT (K, 2) float32
    counts : OUT (K,) int64
    """
    i = cuda.grid(1)
    n_clusters, n_channels = means.shape
    k, c = i // (n_channels + 2), i % (n_channels + 2)
    if k >= n_clusters:
        return
    first, stop = np.int64(starts[k]), np.int64(starts[k + 1])
    if c == 0:
        counts[k] = stop - first
    if first == stop:
        return
    total = 0.0
    for e in range(first, stop):
        p = np.int64(pixels[e])
        if c < n_channels:
            total += np.float64(flat[p, c])
        elif c == n_channels:
            total += np.float64(p // width)
        else:
            total += np.float64(p % width)
    mean = np.float32(total / np.float64(stop - first))
    if c < n_channels:
        means[k, c] = mean
    else:
        centers[k, c - n_channels] = mean


@kernel
def list_cells(centers, side, n_rows, n_columns, keys, members):
    """List the cell of each centre; grid: a thread a centre.

    Parameters
    ----------
    centers : IN (K, 2) float32
    side, n_rows, n_columns : as in Cells
    keys : OUT (K,) uint32, cells
    members : OUT (K,) int32, centres
    """
    k = cuda.grid(1)
    if k < centers.shape[0]:
        row, column = cell_of(centers[k, 0], side, n_rows), cell_of(centers[k, 1], side, n_columns)
        keys[k] = np.uint32(row * n_columns + column)
        members[k] = k


@kernel
def find_neighbors(pixels, width, centers, cells, best, neighbors):
    """Find the spatially nearest centres of each pixel; grid: a thread a pixel.

    Parameters
    ----------
    pixels : IN (n,) int
    width : int
    centers : IN (K, 2) float32
    cells : IN Cells
    best : (Q, >= n) float64, scratch
    neighbors : OUT (n, Q) int32, -1 for none
    """
    i = cuda.grid(1)
    if i < pixels.shape[0]:
        p = np.int64(pixels[i])
        find_nearest(p // width, p % width, centers, cells, best[:, i], neighbors[i])


@kernel
def write_differences(flat, width, pixels, means, centers, inverse, neighbors, out):
    """Write squared differences of pixels and clusters; grid: a thread a difference.

    Parameters
    ----------
    flat : IN (H * W, C) float32
    width : int
    pixels : IN (n,) int
    means : IN (K, C) float32
    centers : IN (K, 2) float32
    inverse : float, 1 / the unit of place
    neighbors : IN (n, Q) int32, below 0 for none
    out : OUT (n, Q, C + 1) float32, inf for none
    """
    e = cuda.grid(1)
    n, n_neighbors, n_numbers = out.shape
    if e >= n * n_neighbors * n_numbers:
        return
    row, c = e // n_numbers, e % n_numbers
    i, q = row // n_neighbors, row % n_neighbors
    k, p = neighbors[i, q], np.int64(pixels[i])
    if k < 0:
        out[i, q, c] = math.inf
    elif c < n_numbers - 1:
        difference = flat[p, c] - means[k, c]
        out[i, q, c] = difference * difference
    else:
        out[i, q, c] = place_apart(p // width, p % width, centers[k], inverse)
