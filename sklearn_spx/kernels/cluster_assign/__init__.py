"""The bottom-up view of SLIC: each pixel chooses among its Q spatially nearest clusters.

Host functions: check, cast, allocate.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .._clustering import QUARTERS, start_on_grid
from ..checks import as_image, as_image_and_labels, as_labels, as_mask, check_count, check_real
from ..connectivity import connect
from . import _cpu, _rules

__all__ = [
    "border_crossings",
    "bottom_up",
    "cluster_means",
    "nearest_clusters",
    "squared_differences",
]

_NARROW = 1e-12  # squared differences of places in this unit are within float32
_ALIKE = 0.3  # of the spread of the clusters' features: a distance between parts of one thing
_BLOCK = 4096  # pixels that choose at once: what they are compared by stays in the cache


def bottom_up(
    image: ArrayLike,
    n_segments: int,
    choose: Callable[..., Any],
    *,
    max_iter: int = 10,
    n_neighbors: int = 7,
    mask: ArrayLike | None = None,
) -> NDArray[np.int32]:
    """Superpixels whose pixels each choose a cluster: Algorithm 1 of [1]_, bottom-up.

    Centres start on a grid of step S. `max_iter` times each pixel chooses among its
    `n_neighbors` spatially nearest clusters, and each cluster becomes the mean of its pixels.
    Connected components at the end, as in :func:`sklearn_spx.kernels.slic`; as there, where S is
    8 pixels or more, all iterations but the last look at a quarter of the pixels, each quarter in
    turn.

    Parameters
    ----------
    image : array-like of shape (height, width) or (height, width, channels)
        Features of each pixel.

    n_segments : int
        How many superpixels, met exactly. Where that cannot be, as near to it as can be: no more
        than one a pixel, no fewer than one a connected part of the mask.

    choose : callable
        ``choose(values, means, neighbors, differences)`` returns which of its neighbours each
        pixel of a block joins, an int array (n,). It gets the pixels' features (n, channels), the
        clusters' (n_clusters, channels), each pixel's nearest clusters (n, n_neighbors), nearest
        first and -1 for none, and the :func:`squared_differences` (n, n_neighbors, channels + 1),
        places in units of S, inf for none. The first neighbour is always there.

    max_iter : int, default=10
        Clustering iterations.

    n_neighbors : int, default=7
        Clusters that a pixel chooses among: Q of the paper.

    mask : array-like of bool, shape (height, width), default=None
        False for pixels that belong to no superpixel; the image may hold anything there. Also
        numbers, 0 for False and 1 for True.

    Returns
    -------
    labels : ndarray of int32, shape (height, width)
        0, 1, ... without a gap, each superpixel one 4-connected region; -1 outside the mask.

    Raises
    ------
    ValueError, TypeError
        If an argument is not accepted, or what `choose` returns: the message names it.

    References
    ----------
    .. [1] T. Verelst, M. Blaschko, M. Berman, "Generating superpixels using deep image
           representations", arXiv:1903.04586, 2019.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_spx.kernels.cluster_assign import bottom_up
    >>> def choose(values, means, neighbors, differences):
    ...     return (differences @ np.float32([1, 0.01])).argmin(axis=1)
    >>> bottom_up([[0, 0, 0, 0, 0, 1, 1, 1]], 2, choose)
    array([[0, 0, 0, 0, 0, 1, 1, 1]], dtype=int32)
    """
    image = as_image(image, mask=mask)
    height, width, n_channels = image.shape
    n_segments = check_count(n_segments, "n_segments")
    max_iter = check_count(max_iter, "max_iter")
    n_neighbors = check_count(n_neighbors, "n_neighbors")
    if mask is not None:
        mask = as_mask(mask, (height, width))
    start = start_on_grid(height, width, n_segments, mask)
    centers = start.seeds.astype(np.float32)
    rows, columns = np.floor(start.seeds + 0.5).astype(np.int64).T
    means = image[rows, columns]
    counts = np.empty(len(means), np.int64)
    flat, step = image.reshape(-1, n_channels), np.float32(start.step)
    inside = np.arange(height * width) if mask is None else np.flatnonzero(mask)
    quarters = inside // width % 2 * 2 + inside % width % 2
    for iteration in range(max_iter):
        last = iteration == max_iter - 1
        pixels = inside
        if not last and start.stride == 2:
            pixels = inside[quarters == QUARTERS[iteration % 4]]
        labels = np.full((height, width), -1, np.int32)
        cells = _cells_of(centers, height, width)
        for first in range(0, len(pixels), _BLOCK):
            block = pixels[first : first + _BLOCK]
            neighbors = np.empty((len(block), n_neighbors), np.int32)
            _cpu.nearest(block, width, centers, cells, neighbors)
            differences = np.empty((*neighbors.shape, n_channels + 1), np.float32)
            _cpu.differences(image, block, means, centers, step, neighbors, differences)
            chosen = choose(flat[block], means, neighbors, differences)
            labels.ravel()[block] = _chosen_of(neighbors, chosen)
        if not last:
            _cpu.accumulate(image, labels, means, centers, counts)
    spread = np.sqrt(means.var(axis=0, dtype=float).sum())
    connect(labels, start.min_size, start.n_segments, means, _ALIKE * spread)
    return labels


def cluster_means(
    image: ArrayLike, labels: ArrayLike, n_clusters: int | None = None
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.int64]]:
    """Mean features, mean place and size of every cluster.

    Parameters
    ----------
    image : array-like of shape (height, width) or (height, width, channels)
        Features of each pixel.

    labels : array-like of shape (height, width), integer
        Cluster of each pixel; below 0: none, and the image may hold anything there.

    n_clusters : int or None, default=None
        Number of clusters; None is the greatest label + 1.

    Returns
    -------
    means : ndarray of shape (n_clusters, channels), float32
        0 for a cluster without pixels.

    centers : ndarray of shape (n_clusters, 2), float32
        Mean row and column; 0 for a cluster without pixels.

    counts : ndarray of shape (n_clusters,), int64
        Pixels of each cluster.

    Raises
    ------
    ValueError, TypeError
        If an argument is not accepted; the message names it.

    Examples
    --------
    >>> from sklearn_spx.kernels.cluster_assign import cluster_means
    >>> means, centers, counts = cluster_means([[1, 2, 9]], [[0, 0, 1]])
    >>> means.ravel(), centers[:, 1], counts
    (array([1.5, 9. ], dtype=float32), array([0.5, 2. ], dtype=float32), array([2, 1]))
    """
    image, labels = as_image_and_labels(image, labels)
    least = int(labels.max()) + 1
    n_clusters = max(least, 1) if n_clusters is None else check_count(n_clusters, "n_clusters")
    if n_clusters < least:
        raise ValueError(f"n_clusters is {n_clusters}, but labels reach {least - 1}")
    means = np.zeros((n_clusters, image.shape[2]), np.float32)
    centers = np.zeros((n_clusters, 2), np.float32)
    counts = np.empty(n_clusters, np.int64)
    _cpu.accumulate(image, labels, means, centers, counts)
    return means, centers, counts


def nearest_clusters(
    pixels: ArrayLike, shape: tuple[int, int], centers: ArrayLike, n_neighbors: int = 7
) -> NDArray[np.int32]:
    """The spatially nearest cluster centres of pixels.

    Parameters
    ----------
    pixels : array-like of shape (n_pixels,), integer
        Flat indices, row * width + column.

    shape : tuple of two ints
        Height and width of the image.

    centers : array-like of shape (n_clusters, 2)
        Row and column of each centre, inside the image.

    n_neighbors : int, default=7
        How many: Q of the paper.

    Returns
    -------
    neighbors : ndarray of shape (n_pixels, n_neighbors), int32
        Nearest first, ties to the lower index; -1 where there are fewer centres.

    Examples
    --------
    >>> from sklearn_spx.kernels.cluster_assign import nearest_clusters
    >>> nearest_clusters([0, 5], (1, 6), [[0, 4], [0, 1]], n_neighbors=3)
    array([[ 1,  0, -1],
           [ 0,  1, -1]], dtype=int32)
    """
    height, width = (check_count(size, "shape") for size in shape)
    pixels = _as_pixels(pixels, height * width)
    centers = _as_centers(centers, height, width)
    n_neighbors = check_count(n_neighbors, "n_neighbors")
    cells = _cells_of(centers, height, width)
    neighbors = np.empty((len(pixels), n_neighbors), np.int32)
    _cpu.nearest(pixels, width, centers, cells, neighbors)
    return neighbors


def squared_differences(
    image: ArrayLike,
    pixels: ArrayLike,
    means: ArrayLike,
    centers: ArrayLike,
    neighbors: ArrayLike,
    step: float,
) -> NDArray[np.float32]:
    """Squared differences of pixels and clusters, channel by channel, and of their places.

    Parameters
    ----------
    image : array-like of shape (height, width) or (height, width, channels)
        Features of each pixel.

    pixels : array-like of shape (n_pixels,), integer
        Flat indices, row * width + column.

    means : array-like of shape (n_clusters, channels)
        Mean features of the clusters.

    centers : array-like of shape (n_clusters, 2)
        Row and column of the centres.

    neighbors : array-like of shape (n_pixels, n_neighbors), integer
        Clusters to compare each pixel with; below 0: none.

    step : float
        Unit of place, in pixels: the step of the grid that clustering started from.

    Returns
    -------
    differences : ndarray of shape (n_pixels, n_neighbors, channels + 1), float32
        Each channel's squared difference, then (distance / step)^2; inf where there is no
        neighbour.

    Raises
    ------
    ValueError, TypeError
        If an argument is not accepted; the message names it.

    Examples
    --------
    >>> from sklearn_spx.kernels.cluster_assign import squared_differences
    >>> squared_differences([[1, 2, 9]], [2], [[1.5]], [[0, 0.5]], [[0]], step=2)
    array([[[56.25  ,  0.5625]]], dtype=float32)
    """
    image = as_image(image)
    height, width, n_channels = image.shape
    pixels = _as_pixels(pixels, height * width)
    means = np.ascontiguousarray(means, dtype=np.float32)
    centers = np.ascontiguousarray(centers, dtype=np.float32)
    neighbors = np.ascontiguousarray(neighbors, dtype=np.int32)
    if means.ndim != 2 or means.shape[1] != n_channels:
        raise ValueError(f"means has shape {means.shape}, expected (n_clusters, {n_channels})")
    if centers.shape != (len(means), 2):
        raise ValueError(f"centers has shape {centers.shape}, expected ({len(means)}, 2)")
    if neighbors.ndim != 2 or len(neighbors) != len(pixels):
        raise ValueError(
            f"neighbors has shape {neighbors.shape}, expected ({len(pixels)}, n_neighbors)"
        )
    if neighbors.size and neighbors.max() >= len(means):
        raise ValueError(f"neighbors names cluster {neighbors.max()} of {len(means)}")
    step = check_real(step, "step", 0, strict=True)
    if not _NARROW <= step <= 1 / _NARROW:
        raise ValueError(f"step must be from {_NARROW:g} to {1 / _NARROW:g} pixels, got {step!r}")
    out = np.empty((*neighbors.shape, n_channels + 1), np.float32)
    _cpu.differences(image, pixels, means, centers, np.float32(step), neighbors, out)
    return out


def border_crossings(
    annotations: Any, pixels: ArrayLike, centers: ArrayLike, neighbors: ArrayLike
) -> NDArray[np.int32]:
    """Count the annotated borders on the straight way from each pixel to its clusters.

    Parameters
    ----------
    annotations : sequence of integer arrays of shape (height, width)
        Label images, one an annotator; their counts are summed. What is below 0 is unknown and
        has no border.

    pixels : array-like of shape (n_pixels,), integer
        Flat indices, row * width + column.

    centers : array-like of shape (n_clusters, 2)
        Row and column of each centre, inside the image.

    neighbors : array-like of shape (n_pixels, n_neighbors), integer
        Clusters to walk to; below 0: none.

    Returns
    -------
    crossings : ndarray of shape (n_pixels, n_neighbors), int32
        -1 where there is no neighbour.

    Raises
    ------
    ValueError, TypeError
        If an argument is not accepted; the message names it.

    Examples
    --------
    >>> from sklearn_spx.kernels.cluster_assign import border_crossings
    >>> border_crossings([[[1, 1, 2, 2, 1]]], [0], [[0, 1], [0, 3], [0, 4]], [[0, 1, 2]])
    array([[0, 1, 2]], dtype=int32)
    """
    annotations = [as_labels(a, f"annotations[{i}]") for i, a in enumerate(annotations)]
    if not annotations:
        raise ValueError("annotations is empty; accepted is at least one label image")
    height, width = annotations[0].shape
    for i, annotation in enumerate(annotations):
        as_labels(annotation, f"annotations[{i}]", (height, width))
    pixels = _as_pixels(pixels, height * width)
    centers = _as_centers(centers, height, width)
    neighbors = np.ascontiguousarray(neighbors, dtype=np.int32)
    if neighbors.ndim != 2 or len(neighbors) != len(pixels):
        raise ValueError(
            f"neighbors has shape {neighbors.shape}, expected ({len(pixels)}, n_neighbors)"
        )
    if neighbors.size and neighbors.max() >= len(centers):
        raise ValueError(f"neighbors names cluster {neighbors.max()} of {len(centers)}")
    out = np.empty(neighbors.shape, np.int32)
    _cpu.crossings(np.stack(annotations), pixels, centers, neighbors, out)
    return out


def _grid_of_cells(n_centers, height, width):
    """Side, rows and columns of cells: about one centre a cell, wherever they lie."""
    side = max(1.0, float(np.sqrt(height * width / n_centers)))
    return side, int(height / side) + 1, int(width / side) + 1


def _cells_of(centers, height, width):
    side, n_rows, n_columns = _grid_of_cells(len(centers), height, width)
    cells = _rules.Cells(
        side=side,
        n_rows=n_rows,
        n_columns=n_columns,
        starts=np.zeros(n_rows * n_columns + 1, np.int64),
        members=np.empty(len(centers), np.int64),
    )
    _cpu.fill_cells(centers, cells)
    return cells


def _chosen_of(neighbors, chosen):
    """The clusters that pixels chose among their neighbours."""
    chosen = np.asarray(chosen)
    _check_choice(chosen.dtype, chosen.shape, neighbors.shape)
    last = neighbors.shape[1] - 1
    n_beyond = np.count_nonzero((chosen < 0) | (chosen > last))
    within = np.clip(chosen, 0, last).astype(np.intp)
    clusters = np.take_along_axis(neighbors, within[:, None], axis=1)[:, 0]
    _report_choices(n_beyond, np.count_nonzero(clusters < 0), last)
    return clusters


def _check_choice(dtype, shape, wanted):
    if dtype.kind not in "ui" or shape != wanted[:1]:
        raise ValueError(
            f"choose returned an array of shape {shape} and dtype {dtype}; accepted is an integer "
            f"a pixel, {wanted[:1]}"
        )


def _report_choices(n_beyond, n_absent, last):
    """Raise an error where some pixels chose what is no neighbour, or one that is not there."""
    if n_beyond:
        raise ValueError(f"choose returned {n_beyond} numbers outside 0 to {last}")
    if n_absent:
        raise ValueError(
            f"choose returned {n_absent} numbers of neighbours that are -1, which are not there: "
            "their differences are inf"
        )


def _as_pixels(pixels: Any, size: int) -> NDArray[np.int64]:
    pixels = np.asarray(pixels)
    if pixels.ndim != 1 or pixels.dtype.kind not in "ui":
        raise ValueError(
            f"pixels has shape {pixels.shape} and dtype {pixels.dtype}; "
            "accepted are flat integer indices"
        )
    if pixels.size and (pixels.min() < 0 or pixels.max() >= size):
        raise ValueError(f"pixels reach from {pixels.min()} to {pixels.max()}, beyond {size}")
    return np.ascontiguousarray(pixels, dtype=np.int64)


def _as_centers(centers: Any, height: int, width: int) -> NDArray[np.float32]:
    centers = np.ascontiguousarray(centers, dtype=np.float32)
    if centers.ndim != 2 or centers.shape[1] != 2 or len(centers) == 0:
        raise ValueError(f"centers has shape {centers.shape}, expected (n_clusters, 2)")
    if not (
        (centers >= 0).all() and (centers[:, 0] < height).all() and (centers[:, 1] < width).all()
    ):
        raise ValueError(f"centers lie outside the image of {height} x {width} pixels")
    return centers
