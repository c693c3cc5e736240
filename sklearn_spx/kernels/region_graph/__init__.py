"""The graph of regions: who touches whom, over what length, and what each looks like."""

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .._device import open_session
from .._grid import grid_of, stays_on_cpu
from ..checks import as_image_and_labels, as_labels, uses_gpu
from . import _cpu

__all__ = ["region_adjacency", "region_means"]


def region_adjacency(
    labels: ArrayLike, *, device: Literal["cpu", "cuda", "auto"] | None = None
) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """Find the pairs of regions that touch.

    Regions touch where two of their pixels are 4-neighbours; those of a volume, 6-neighbours.

    Parameters
    ----------
    labels : ndarray of shape (height, width) or (depth, height, width), integer
        Label image, or that of a volume. Pixels below 0, outside a mask, touch nothing.

    device : {"cpu", "cuda", "auto"}, default=None
        Where to work; the values are the same, bit by bit. "auto" is "cuda" if there is a GPU;
        None is where the labels lie, which may be on a GPU: a CUDA tensor of torch, or whatever
        else has ``__cuda_array_interface__``. Volumes are worked on by the CPU.

    Returns
    -------
    edges : ndarray, or array on the GPU of the labels' kind, of shape (n_edges, 2), int32
        Labels a < b of each pair, sorted.

    lengths : the same of shape (n_edges,), int64
        Length of the boundary of each pair: neighbouring pixels of which one lies in a and the
        other in b. Of a volume that is its area, as a number of faces.

    Raises
    ------
    ValueError, TypeError
        If ``labels`` is no label image, or if there is no GPU where `device` asks for one.
    MemoryError
        If the GPU has too little memory.

    Examples
    --------
    >>> from sklearn_spx.kernels import region_adjacency
    >>> edges, lengths = region_adjacency([[0, 0, 1], [2, 2, 1]])
    >>> edges.tolist(), lengths.tolist()
    ([[0, 1], [0, 2], [1, 2]], [1, 2, 1])
    """
    is_volume = len(np.shape(labels)) == 3
    if not stays_on_cpu(is_volume, device, labels=labels) and uses_gpu(device, labels=labels):
        from . import _cuda

        with open_session(labels) as session:
            return _cuda.adjacency(session, labels)
    labels = as_labels(labels, volumes=True)
    if labels.max() < labels.size:
        return _adjacency(labels)
    # a few huge labels must not cost a table of their size
    values, dense = np.unique(labels, return_inverse=True)
    first = int(np.searchsorted(values, 0))
    edges, lengths = _adjacency(dense.reshape(labels.shape).astype(np.int32) - first)
    return values[first:][edges].astype(np.int32), lengths


def _adjacency(labels):
    grid = grid_of(labels.shape, 4)
    where = grid.flat(labels), grid.shape[1], grid.offsets
    n_regions = max(int(labels.max()) + 1, 0)
    lower, higher = np.zeros((2, n_regions + 1), np.int64)
    _cpu.count_crossings(*where, lower, higher)
    lows, highs = np.empty((2, lower[-1]), np.int32)
    _cpu.list_crossings(*where, higher, lows)
    n_edges = _cpu.sort_crossings(higher, lows, lower, highs)
    edges, lengths = np.empty((n_edges, 2), np.int32), np.zeros(n_edges, np.int64)
    _cpu.count_edges(lower, highs, edges, lengths)
    return edges, lengths


def region_means(
    image: ArrayLike, labels: ArrayLike, *, device: Literal["cpu", "cuda", "auto"] | None = None
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Mean of each channel over each region.

    Parameters
    ----------
    image : ndarray of shape (height, width) or (height, width, channels)
        Image of any number of channels; or a volume, which has a depth before the height.

    labels : ndarray of shape (height, width) or (depth, height, width), integer
        Labels 0 .. n - 1, each with at least one pixel; pixels below 0 count for nothing, and the
        image may hold anything there.

    device : {"cpu", "cuda", "auto"}, default=None
        Where to work; the values are the same, bit by bit. "auto" is "cuda" if there is a GPU;
        None is where the image lies, which may be on a GPU: a CUDA tensor of torch, or whatever
        else has ``__cuda_array_interface__``. Volumes are worked on by the CPU.

    Returns
    -------
    means : ndarray, or array on the GPU of the image's kind, of shape (n, channels), float32
        Means, summed in double precision.

    sizes : the same of shape (n,), int64
        Pixels of each region.

    Raises
    ------
    ValueError, TypeError
        If the two do not fit, a label has no pixel, or there is no GPU where `device` asks for
        one.
    MemoryError
        If the GPU has too little memory.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_spx.kernels import region_means
    >>> means, sizes = region_means(np.array([[1.0, 3.0, 7.0]]), np.array([[0, 0, 1]]))
    >>> means.tolist(), sizes.tolist()
    ([[2.0], [7.0]], [2, 1])
    """
    arrays = {"image": image, "labels": labels}
    is_volume = len(np.shape(labels)) == 3
    if not stays_on_cpu(is_volume, device, **arrays) and uses_gpu(device, **arrays):
        from . import _cuda

        with open_session(image, labels) as session:
            return _cuda.means(session, image, labels)
    image, labels = as_image_and_labels(image, labels, volumes=True)
    width, n_channels = image.shape[-2:]
    image, labels = image.reshape(-1, width, n_channels), labels.reshape(-1, width)
    n_regions = max(int(labels.max()) + 1, 0)
    if n_regions > labels.size:
        raise ValueError(f"labels go up to {n_regions - 1} in an image of {labels.size} pixels")
    sums = np.zeros((n_regions, n_channels))
    sizes = np.zeros(n_regions, np.int64)
    _cpu.sum_regions(image, labels, sums, sizes)
    if n_regions and not sizes.all():
        raise ValueError(f"labels have a gap: no pixel is {int(np.argmin(sizes))}")
    return (sums / sizes[:, None]).astype(np.float32), sizes
