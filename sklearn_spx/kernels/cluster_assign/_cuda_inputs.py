"""The checks of `_inputs` for arrays on a GPU; host arrays are copied there."""

import math

import numpy as np
from numba import cuda

from .._cuda_checks import count
from .._cuda_common import for_each
from .._device import is_on_gpu, kernel
from . import _inputs


def pixels_of(session, pixels, size):
    """Flat indices of pixels: int64 device array (n,), below `size`."""
    if not is_on_gpu(pixels):
        return session.bring(_inputs.as_pixels(pixels, size), "pixels")
    view = session.view(pixels, "pixels")
    _inputs.check_flat(view)
    out = session.allocate("pixels", out=(view.shape, np.int64)).out
    n_bad = count(session, copy_pixels, view, size, out)[0]
    if n_bad:
        raise ValueError(f"pixels holds {n_bad} indices beyond {size}")
    return out


def centers_of(session, centers, height, width):
    """Centres: float32 device array (n_clusters, 2), inside the image."""
    if not is_on_gpu(centers):
        return session.bring(_inputs.as_centers(centers, height, width), "centers")
    out = table_of(session, centers, "centers", np.float32)
    _inputs.check_pairs(out)
    _inputs.report_outside(count(session, count_outside, out, height, width)[0], height, width)
    return out


def table_of(session, array, name, dtype):
    """An array of two axes: device array of a dtype, C-contiguous."""
    if not is_on_gpu(array):
        return session.bring(np.ascontiguousarray(array, dtype), name)
    view = session.view(array, name)
    if len(view.shape) != 2:
        return view  # for an error that says what it should be
    out = session.allocate(name, out=(view.shape, dtype)).out
    for_each(session, math.prod(view.shape), copy_table, view, out)
    return out


def check_names(session, neighbors, n_clusters):
    """Raise an error where a device array names a cluster that there is not."""
    n_bad = count(session, count_beyond, neighbors, n_clusters)[0]
    if n_bad:
        raise ValueError(f"neighbors holds {n_bad} numbers beyond those of {n_clusters} clusters")


@kernel
def copy_pixels(given, size, out, counts):
    """Copy flat indices; counts : INOUT (2,) int64, those not below `size`; a thread each."""
    i = cuda.grid(1)
    if i < out.shape[0]:
        p = np.int64(given[i])
        out[i] = p
        if p < 0 or p >= size:
            cuda.atomic.add(counts, 0, 1)


@kernel
def count_outside(centers, height, width, counts):
    """Count centres outside the image; centers : IN (K, 2); counts : INOUT (2,) int64."""
    k = cuda.grid(1)
    if k < centers.shape[0]:
        y, x = centers[k, 0], centers[k, 1]
        if not (y >= 0 and y < np.float32(height) and x >= 0 and x < np.float32(width)):
            cuda.atomic.add(counts, 0, 1)


@kernel
def copy_table(given, out):
    """Copy an array of two axes as another dtype; grid: a thread an entry."""
    e = cuda.grid(1)
    n_rows, n_columns = out.shape
    if e < n_rows * n_columns:
        out[e // n_columns, e % n_columns] = given[e // n_columns, e % n_columns]


@kernel
def count_beyond(neighbors, n_clusters, counts):
    """Count what is no cluster; neighbors : IN (n, Q) int32; counts : INOUT (2,) int64."""
    e = cuda.grid(1)
    n, n_neighbors = neighbors.shape
    if e < n * n_neighbors and neighbors[e // n_neighbors, e % n_neighbors] >= n_clusters:
        cuda.atomic.add(counts, 0, 1)
