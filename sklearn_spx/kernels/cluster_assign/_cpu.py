"""Numba kernels of the bottom-up view: which clusters are near a pixel, and how far in features.

Centres are sorted into square cells; a pixel searches the cells around its own, ring by ring,
until no unseen cell can hold a centre nearer than the worst it has.
"""

from collections import namedtuple

import numpy as np

from ..compilation import njit

_FASTMATH = {"contract", "arcp", "nsz", "reassoc"}  # inf is a sentinel here: never ninf

Cells = namedtuple(
    "Cells",
    [
        "side",  # of a cell, in pixels
        "n_rows",
        "n_columns",
        "starts",  # (n_rows * n_columns + 1,) int64, where each cell's members start
        "members",  # (K,) int64, centres, cell by cell, in ascending order
    ],
)


@njit
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
        row = min(int(centers[k, 0] / cells.side), cells.n_rows - 1)
        column = min(int(centers[k, 1] / cells.side), cells.n_columns - 1)
        home[k] = row * cells.n_columns + column
        starts[home[k] + 1] += 1
    for i in range(starts.shape[0] - 1):
        starts[i + 1] += starts[i]
    fill = starts[:-1].copy()
    for k in range(n_centers):
        cells.members[fill[home[k]]] = k
        fill[home[k]] += 1


@njit
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
    cell, n_rows, n_columns, starts = cells.side, cells.n_rows, cells.n_columns, cells.starts
    n_neighbors = neighbors.shape[1]
    best = np.empty(n_neighbors, np.float64)
    for i in range(pixels.shape[0]):
        y, x = pixels[i] // width, pixels[i] % width
        row = min(int(y / cell), n_rows - 1)
        column = min(int(x / cell), n_columns - 1)
        best[:] = np.inf
        neighbors[i, :] = -1
        for ring in range(max(n_rows, n_columns)):
            # what lies beyond ring - 1 is at least this far away
            reach = (ring - 1) * cell + min(
                min(y - row * cell, (row + 1) * cell - y),
                min(x - column * cell, (column + 1) * cell - x),
            )
            if ring > 0 and reach > 0 and reach * reach > best[n_neighbors - 1]:
                break
            for r in range(max(row - ring, 0), min(row + ring, n_rows - 1) + 1):
                step = 1 if abs(r - row) == ring else max(2 * ring, 1)
                for c in range(column - ring, column + ring + 1, step):
                    if c < 0 or c >= n_columns:
                        continue
                    for m in range(starts[r * n_columns + c], starts[r * n_columns + c + 1]):
                        k = cells.members[m]
                        dy, dx = centers[k, 0] - y, centers[k, 1] - x
                        distance = dy * dy + dx * dx
                        q = n_neighbors
                        while q > 0 and (
                            distance < best[q - 1]
                            or (distance == best[q - 1] and k < neighbors[i, q - 1])
                        ):
                            q -= 1
                        if q == n_neighbors:
                            continue
                        for s in range(n_neighbors - 1, q, -1):
                            best[s] = best[s - 1]
                            neighbors[i, s] = neighbors[i, s - 1]
                        best[q] = distance
                        neighbors[i, q] = k


@njit(fastmath=_FASTMATH)
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
            dy, dx = (centers[k, 0] - y) / step, (centers[k, 1] - x) / step
            out[i, q, n_channels] = dy * dy + dx * dx


@njit
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
