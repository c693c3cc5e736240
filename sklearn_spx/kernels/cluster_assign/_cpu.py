"""Numba kernels of the bottom-up view: which clusters are near a pixel, and how far in features."""

import numpy as np

from ..compilation import njit
from ._rules import cell_of, find_nearest, place_apart


@njit(allocates=True)
def fill_cells(centers, cells):
    """Counting sort of centres by cell.

    Parameters
    ----------
    centers : IN (K, 2) float32, row and column, not negative
    cells : `starts`, zeros, and `members` are written
    """
    n_centers, starts = centers.shape[0], cells.starts
    home = np.empty(n_centers, np.int64)
    for k in range(n_centers):
        row = cell_of(centers[k, 0], cells.side, cells.n_rows)
        column = cell_of(centers[k, 1], cells.side, cells.n_columns)
        home[k] = row * cells.n_columns + column
        starts[home[k] + 1] += 1
    for i in range(starts.shape[0] - 1):
        starts[i + 1] += starts[i]
    fill = starts[:-1].copy()
    for k in range(n_centers):
        cells.members[fill[home[k]]] = k
        fill[home[k]] += 1


@njit(allocates=True)
def nearest(pixels, width, centers, cells, neighbors):
    """The Q spatially nearest centres of each pixel, nearest first; ties to the lower index.

    Parameters
    ----------
    pixels : IN (n,) int64, row * width + column
    width : int, of the image
    centers : IN (K, 2) float32
    cells : IN Cells, of `fill_cells`
    neighbors : OUT (n, Q) int32, -1 where there are fewer than Q centres
    """
    best = np.empty(neighbors.shape[1], np.float64)
    for i in range(pixels.shape[0]):
        find_nearest(pixels[i] // width, pixels[i] % width, centers, cells, best, neighbors[i])


@njit
def differences(image, pixels, means, centers, step, neighbors, out):
    """Squared differences of pixels and clusters: each channel's, then the place's.

    Parameters
    ----------
    image : IN (H, W, C) float32
    pixels : IN (n,) int64, row * W + column
    means : IN (K, C) float32
    centers : IN (K, 2) float32
    step : unit of place, in pixels
    neighbors : IN (n, Q) int32, -1 for none
    out : OUT (n, Q, C + 1) float32, inf for none
    """
    width, n_channels = image.shape[1], image.shape[2]
    inverse = 1.0 / np.float64(step)
    for i in range(pixels.shape[0]):
        y, x = pixels[i] // width, pixels[i] % width
        for q in range(neighbors.shape[1]):
            k = neighbors[i, q]
            if k < 0:
                out[i, q, :] = np.inf
                continue
            for c in range(n_channels):
                d = image[y, x, c] - means[k, c]
                out[i, q, c] = d * d
            out[i, q, n_channels] = place_apart(y, x, centers[k], inverse)


@njit(allocates=True)
def accumulate(image, labels, means, centers, counts):
    """Mean features and place of every cluster; those without a pixel keep what they had.

    Parameters
    ----------
    image : IN (H, W, C) float32
    labels : IN (H, W) int32, below 0 for none
    means : INOUT (K, C) float32
    centers : INOUT (K, 2) float32
    counts : OUT (K,) int64
    """
    height, width, n_channels = image.shape
    n_clusters = counts.shape[0]
    total = np.zeros((n_clusters, n_channels + 2), np.float64)
    counts[:] = 0
    for y in range(height):
        for x in range(width):
            k = labels[y, x]
            if k < 0:
                continue
            counts[k] += 1
            for c in range(n_channels):
                total[k, c] += image[y, x, c]
            total[k, n_channels] += y
            total[k, n_channels + 1] += x
    for k in range(n_clusters):
        if counts[k] > 0:
            for c in range(n_channels):
                means[k, c] = total[k, c] / counts[k]
            centers[k, 0] = total[k, n_channels] / counts[k]
            centers[k, 1] = total[k, n_channels + 1] / counts[k]


@njit
def crossings(annotations, pixels, centers, neighbors, out):
    """Borders met on the straight way from each pixel to its clusters, over all annotations.

    The way is followed pixel by pixel along its longer side; a border is met where the label
    changes from one known pixel of the way to the next.

    Parameters
    ----------
    annotations : IN (A, H, W) int32
    pixels : IN (n,) int64, row * W + column
    centers : IN (K, 2) float32, inside the image
    neighbors : IN (n, Q) int32, -1 for none
    out : OUT (n, Q) int32, -1 for none
    """
    n_annotations, height, width = annotations.shape
    for i in range(pixels.shape[0]):
        y, x = pixels[i] // width, pixels[i] % width
        for q in range(neighbors.shape[1]):
            k = neighbors[i, q]
            if k < 0:
                out[i, q] = -1
                continue
            dy = min(int(centers[k, 0] + 0.5), height - 1) - y
            dx = min(int(centers[k, 1] + 0.5), width - 1) - x
            n_steps = max(abs(dy), abs(dx))
            met = 0
            for a in range(n_annotations):
                before = annotations[a, y, x]
                for s in range(1, n_steps + 1):
                    # rounded in integers, so that any machine walks the same way
                    row = y + (2 * dy * s + n_steps) // (2 * n_steps)
                    column = x + (2 * dx * s + n_steps) // (2 * n_steps)
                    here = annotations[a, row, column]
                    if here >= 0:  # what is unknown has no border
                        met += before >= 0 and here != before
                        before = here
            out[i, q] = met
