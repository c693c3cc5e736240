"""The bottom-up view of SLIC: each pixel chooses among its Q spatially nearest clusters.

Host functions: check, cast, allocate.
"""

from collections.abc import Callable
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .._clustering import QUARTERS, mean_of_places, start_at
from .._device import open_session, uses_gpu
from ..checks import as_image, as_image_and_labels, as_labels, as_mask, check_count
from ..connectivity import connect
from . import _choice, _cpu, _rules
from ._inputs import (
    as_centers,
    as_pixels,
    as_step,
    check_names,
    check_neighbors,
    check_tables,
    count_clusters,
)

__all__ = [
    "border_crossings",
    "bottom_up",
    "cluster_means",
    "nearest_clusters",
    "squared_differences",
]

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
    seeds: ArrayLike | None = None,
    device: Literal["cpu", "cuda", "auto"] | None = None,
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

        On a GPU it gets arrays that lie there, and returns one: tensors of torch or arrays of CuPy
        if the image is one, else device arrays of numba. They are the same in every call, written
        over: what is to be kept is to be copied.

    max_iter : int, default=10
        Clustering iterations.

    n_neighbors : int, default=7
        Clusters that a pixel chooses among: Q of the paper.

    mask : array-like of bool, shape (height, width), default=None
        False for pixels that belong to no superpixel; the image may hold anything there. Also
        numbers, 0 for False and 1 for True.

    seeds : array-like of shape (n, 2) or (n, m, 2), default=None
        Rows and columns, in pixels, where centres start in the place of the grid; see
        :func:`sklearn_spx.kernels.slic`.

    device : {"cpu", "cuda", "auto"}, default=None
        Where to work; the labels are the same, if `choose` chooses the same. "auto" is "cuda" if
        there is a GPU; None is where the image lies, which may be a CUDA tensor of torch, or
        whatever else has ``__cuda_array_interface__``. An image on a GPU stays there; a mask is
        copied to the host, where the seeds are placed, and so are, at the end, the clusters'
        features.

    Returns
    -------
    labels : ndarray of int32, or array on the GPU of the image's kind, shape (height, width)
        0, 1, ... without a gap, each superpixel one 4-connected region; -1 outside the mask.

    Raises
    ------
    ValueError, TypeError
        If an argument is not accepted, or what `choose` returns, where the message names it, or if
        there is no GPU where `device` asks for one.

    MemoryError
        If the GPU has too little memory.

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
    n_segments = check_count(n_segments, "n_segments")
    max_iter = check_count(max_iter, "max_iter")
    n_neighbors = check_count(n_neighbors, "n_neighbors")
    if uses_gpu(device, image=image, mask=mask):
        from . import _cuda_bottom_up

        with open_session(image, mask) as session:
            return _cuda_bottom_up.bottom_up(
                session, image, mask, n_segments, seeds, choose, max_iter, n_neighbors, _ALIKE
            )
    image = as_image(image, mask=mask)
    height, width, n_channels = image.shape
    if mask is not None:
        mask = as_mask(mask, (height, width))
    start = start_at(seeds, (height, width), n_segments, mask)
    centers = start.seeds.astype(np.float32)
    rows, columns = np.moveaxis(np.floor(start.places + 0.5).astype(np.int64), 2, 0)
    means = mean_of_places(image[rows, columns])
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
            labels.ravel()[block] = _choice.clusters_of(neighbors, chosen)
        if not last:
            _cpu.accumulate(image, labels, means, centers, counts)
    spread = np.sqrt(means.var(axis=0, dtype=float).sum())
    connect(labels, start.min_size, start.n_segments, means, _ALIKE * spread)
    return labels


def cluster_means(
    image: ArrayLike,
    labels: ArrayLike,
    n_clusters: int | None = None,
    *,
    device: Literal["cpu", "cuda", "auto"] | None = None,
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

    device : {"cpu", "cuda", "auto"}, default=None
        Where to work; the values are the same, bit by bit. "auto" is "cuda" if there is a GPU;
        None is where the arrays lie, which may be on a GPU: CUDA tensors of torch, or whatever
        else has ``__cuda_array_interface__``.

    Returns
    -------
    means : ndarray, or array on the GPU, of shape (n_clusters, channels), float32
        0 for a cluster without pixels.

    centers : the same of shape (n_clusters, 2), float32
        Mean row and column; 0 for a cluster without pixels.

    counts : the same of shape (n_clusters,), int64
        Pixels of each cluster.

    Raises
    ------
    ValueError, TypeError
        If an argument is not accepted; the message names it; or if there is no GPU where `device`
        asks for one.

    MemoryError
        If the GPU has too little memory.

    Examples
    --------
    >>> from sklearn_spx.kernels.cluster_assign import cluster_means
    >>> means, centers, counts = cluster_means([[1, 2, 9]], [[0, 0, 1]])
    >>> means.ravel(), centers[:, 1], counts
    (array([1.5, 9. ], dtype=float32), array([0.5, 2. ], dtype=float32), array([2, 1]))
    """
    if uses_gpu(device, image=image, labels=labels):
        from . import _cuda

        with open_session(image, labels) as session:
            return _cuda.cluster_means(session, image, labels, n_clusters)
    image, labels = as_image_and_labels(image, labels)
    n_clusters = count_clusters(n_clusters, int(labels.max()))
    means = np.zeros((n_clusters, image.shape[2]), np.float32)
    centers = np.zeros((n_clusters, 2), np.float32)
    counts = np.empty(n_clusters, np.int64)
    _cpu.accumulate(image, labels, means, centers, counts)
    return means, centers, counts


def nearest_clusters(
    pixels: ArrayLike,
    shape: tuple[int, int],
    centers: ArrayLike,
    n_neighbors: int = 7,
    *,
    device: Literal["cpu", "cuda", "auto"] | None = None,
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

    device : {"cpu", "cuda", "auto"}, default=None
        Where to work; the values are the same, bit by bit. "auto" is "cuda" if there is a GPU;
        None is where the arrays lie, which may be on a GPU: CUDA tensors of torch, or whatever
        else has ``__cuda_array_interface__``.

    Returns
    -------
    neighbors : ndarray, or array on the GPU, of shape (n_pixels, n_neighbors), int32
        Nearest first, ties to the lower index; -1 where there are fewer centres.

    Raises
    ------
    ValueError, TypeError
        If an argument is not accepted; the message names it; or if there is no GPU where `device`
        asks for one.

    MemoryError
        If the GPU has too little memory.

    Examples
    --------
    >>> from sklearn_spx.kernels.cluster_assign import nearest_clusters
    >>> nearest_clusters([0, 5], (1, 6), [[0, 4], [0, 1]], n_neighbors=3)
    array([[ 1,  0, -1],
           [ 0,  1, -1]], dtype=int32)
    """
    height, width = (check_count(size, "shape") for size in shape)
    n_neighbors = check_count(n_neighbors, "n_neighbors")
    if uses_gpu(device, pixels=pixels, centers=centers):
        from . import _cuda

        with open_session(pixels, centers) as session:
            return _cuda.nearest_clusters(session, pixels, (height, width), centers, n_neighbors)
    pixels = as_pixels(pixels, height * width)
    centers = as_centers(centers, height, width)
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
    *,
    device: Literal["cpu", "cuda", "auto"] | None = None,
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

    device : {"cpu", "cuda", "auto"}, default=None
        Where to work; the values are the same, bit by bit. "auto" is "cuda" if there is a GPU;
        None is where the arrays lie, which may be on a GPU: CUDA tensors of torch, or whatever
        else has ``__cuda_array_interface__``.

    Returns
    -------
    differences : ndarray, or array on the GPU, (n_pixels, n_neighbors, channels + 1), float32
        Each channel's squared difference, then (distance / step)^2; inf where there is no
        neighbour.

    Raises
    ------
    ValueError, TypeError
        If an argument is not accepted; the message names it; or if there is no GPU where `device`
        asks for one.

    MemoryError
        If the GPU has too little memory.

    Examples
    --------
    >>> from sklearn_spx.kernels.cluster_assign import squared_differences
    >>> squared_differences([[1, 2, 9]], [2], [[1.5]], [[0, 0.5]], [[0]], step=2)
    array([[[56.25  ,  0.5625]]], dtype=float32)
    """
    step = as_step(step)
    arrays = image, pixels, means, centers, neighbors
    if uses_gpu(
        device, image=image, pixels=pixels, means=means, centers=centers, neighbors=neighbors
    ):
        from . import _cuda

        with open_session(*arrays) as session:
            return _cuda.squared_differences(session, *arrays, step)
    image = as_image(image)
    height, width, n_channels = image.shape
    pixels = as_pixels(pixels, height * width)
    means = np.ascontiguousarray(means, dtype=np.float32)
    centers = np.ascontiguousarray(centers, dtype=np.float32)
    neighbors = np.ascontiguousarray(neighbors, dtype=np.int32)
    check_tables(len(pixels), n_channels, means, centers, neighbors)
    check_names(neighbors, len(means))
    out = np.empty((*neighbors.shape, n_channels + 1), np.float32)
    _cpu.differences(image, pixels, means, centers, step, neighbors, out)
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
    pixels = as_pixels(pixels, height * width)
    centers = as_centers(centers, height, width)
    neighbors = np.ascontiguousarray(neighbors, dtype=np.int32)
    check_neighbors(len(pixels), neighbors)
    check_names(neighbors, len(centers))
    out = np.empty(neighbors.shape, np.int32)
    _cpu.crossings(np.stack(annotations), pixels, centers, neighbors, out)
    return out


def _cells_of(centers, height, width):
    side, n_rows, n_columns = _rules.grid_of_cells(len(centers), height, width)
    cells = _rules.Cells(
        side=side,
        n_rows=n_rows,
        n_columns=n_columns,
        starts=np.zeros(n_rows * n_columns + 1, np.int64),
        members=np.empty(len(centers), np.int64),
    )
    _cpu.fill_cells(centers, cells)
    return cells
