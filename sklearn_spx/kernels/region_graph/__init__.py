"""The graph of regions: who touches whom, over what length, and what each looks like."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..checks import as_image_and_labels, as_labels
from . import _cpu

__all__ = ["region_adjacency", "region_means"]


def region_adjacency(labels: NDArray[Any]) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """Find the pairs of regions that touch.

    Regions touch where two of their pixels are 4-neighbours.

    Parameters
    ----------
    labels : ndarray of shape (height, width), integer
        Label image. Pixels below 0, outside a mask, touch nothing.

    Returns
    -------
    edges : ndarray of shape (n_edges, 2), int32
        Labels a < b of each pair, sorted.

    lengths : ndarray of shape (n_edges,), int64
        Length of the boundary of each pair: neighbouring pixels of which one lies in a and the
        other in b.

    Raises
    ------
    ValueError, TypeError
        If ``labels`` is no label image.

    Examples
    --------
    >>> from sklearn_spx.kernels import region_adjacency
    >>> edges, lengths = region_adjacency([[0, 0, 1], [2, 2, 1]])
    >>> edges.tolist(), lengths.tolist()
    ([[0, 1], [0, 2], [1, 2]], [1, 2, 1])
    """
    labels = as_labels(labels)
    if labels.max() < labels.size:
        return _adjacency(labels)
    # a few huge labels must not cost a table of their size
    values, dense = np.unique(labels, return_inverse=True)
    first = int(np.searchsorted(values, 0))
    edges, lengths = _adjacency(dense.reshape(labels.shape).astype(np.int32) - first)
    return values[first:][edges].astype(np.int32), lengths


def _adjacency(labels):
    n_regions = int(labels.max()) + 1
    starts = np.zeros(max(n_regions, 0) + 1, np.int64)
    _cpu.count_crossings(labels, starts)
    others = np.empty(starts[-1], np.int32)
    _cpu.list_crossings(labels, starts, others)
    edges = np.empty((others.size, 2), np.int32)
    lengths = np.empty(others.size, np.int64)
    n_edges = _cpu.count_edges(starts, others, edges, lengths)
    return edges[:n_edges].copy(), lengths[:n_edges].copy()


def region_means(
    image: NDArray[Any], labels: NDArray[Any]
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Mean of each channel over each region.

    Parameters
    ----------
    image : ndarray of shape (height, width) or (height, width, channels)
        Image of any number of channels.

    labels : ndarray of shape (height, width), integer
        Labels 0 .. n - 1, each with at least one pixel; pixels below 0 count for nothing, and the
        image may hold anything there.

    Returns
    -------
    means : ndarray of shape (n, channels), float32
        Means, summed in double precision.

    sizes : ndarray of shape (n,), int64
        Pixels of each region.

    Raises
    ------
    ValueError, TypeError
        If the two do not fit, or a label has no pixel.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_spx.kernels import region_means
    >>> means, sizes = region_means(np.array([[1.0, 3.0, 7.0]]), np.array([[0, 0, 1]]))
    >>> means.tolist(), sizes.tolist()
    ([[2.0], [7.0]], [2, 1])
    """
    image, labels = as_image_and_labels(image, labels)
    n_regions = int(labels.max()) + 1
    if n_regions > labels.size:
        raise ValueError(f"labels go up to {n_regions - 1} in an image of {labels.size} pixels")
    sums = np.zeros((n_regions, image.shape[2]))
    sizes = np.zeros(n_regions, np.int64)
    _cpu.sum_regions(image, labels, sums, sizes)
    if n_regions and not sizes.all():
        raise ValueError(f"labels have a gap: no pixel is {int(np.argmin(sizes))}")
    return (sums / sizes[:, None]).astype(np.float32), sizes
