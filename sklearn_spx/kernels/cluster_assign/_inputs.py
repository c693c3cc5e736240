"""Checks of what the bottom-up functions are given."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..checks import check_count, check_real

_NARROW = 1e-12  # squared differences of places in this unit are within float32


def as_pixels(pixels: Any, size: int) -> NDArray[np.int64]:
    """Flat indices of pixels as int64 (n,), below `size`."""
    pixels = np.asarray(pixels)
    check_flat(pixels)
    if pixels.size and (pixels.min() < 0 or pixels.max() >= size):
        raise ValueError(f"pixels reach from {pixels.min()} to {pixels.max()}, beyond {size}")
    return np.ascontiguousarray(pixels, dtype=np.int64)


def check_flat(pixels):
    """Raise an error unless an array is a row of integers."""
    if len(pixels.shape) != 1 or pixels.dtype.kind not in "ui":
        raise ValueError(
            f"pixels has shape {pixels.shape} and dtype {pixels.dtype}; "
            "accepted are flat integer indices"
        )


def as_centers(centers: Any, height: int, width: int) -> NDArray[np.float32]:
    """Centres as float32 (n_clusters, 2), inside the image."""
    centers = np.ascontiguousarray(centers, dtype=np.float32)
    check_pairs(centers)
    n_outside = np.count_nonzero(
        ~((centers >= 0) & (centers < np.array([height, width], np.float32))).all(axis=1)
    )
    report_outside(n_outside, height, width)
    return centers


def check_pairs(centers):
    """Raise an error unless an array holds rows and columns."""
    if len(centers.shape) != 2 or centers.shape[1] != 2 or centers.shape[0] == 0:
        raise ValueError(f"centers has shape {centers.shape}, expected (n_clusters, 2)")


def report_outside(n_outside, height, width):
    """Raise an error where centres lie outside the image."""
    if n_outside:
        raise ValueError(
            f"centers holds {n_outside} that lie outside the image of {height} x {width} pixels"
        )


def check_tables(n_pixels, n_channels, means, centers, neighbors):
    """Raise an error unless the shapes of what pixels are compared with fit."""
    if len(means.shape) != 2 or means.shape[1] != n_channels:
        raise ValueError(f"means has shape {means.shape}, expected (n_clusters, {n_channels})")
    n_clusters = means.shape[0]
    if centers.shape != (n_clusters, 2):
        raise ValueError(f"centers has shape {centers.shape}, expected ({n_clusters}, 2)")
    check_neighbors(n_pixels, neighbors)


def check_neighbors(n_pixels, neighbors):
    """Raise an error unless there is a row of neighbours for each pixel."""
    if len(neighbors.shape) != 2 or neighbors.shape[0] != n_pixels:
        raise ValueError(
            f"neighbors has shape {neighbors.shape}, expected ({n_pixels}, n_neighbors)"
        )


def check_names(neighbors, n_clusters):
    """Raise an error where neighbours name a cluster that there is not."""
    if neighbors.size and neighbors.max() >= n_clusters:
        raise ValueError(f"neighbors names cluster {neighbors.max()} of {n_clusters}")


def count_clusters(n_clusters, greatest):
    """How many clusters there are, given or up to the greatest label."""
    if n_clusters is None:
        return max(greatest + 1, 1)
    n_clusters = check_count(n_clusters, "n_clusters")
    if n_clusters <= greatest:
        raise ValueError(f"n_clusters is {n_clusters}, but labels reach {greatest}")
    return n_clusters


def as_step(step):
    """The unit of places as float32."""
    step = check_real(step, "step", 0, strict=True)
    if not _NARROW <= step <= 1 / _NARROW:
        raise ValueError(f"step must be from {_NARROW:g} to {1 / _NARROW:g} pixels, got {step!r}")
    return np.float32(step)
