"""Efficient graph-based segmentation (Felzenszwalb and Huttenlocher), on pixels and on regions.

Edges are gone through from the weakest to the strongest. Two segments join when the edge between
them is no stronger than what either holds inside, plus a tolerance that falls with its size:

    w(a, b) <= min(Int(A) + k / |A|, Int(B) + k / |B|)                 (eq. 3 to 5)

with Int the greatest weight that the segment was joined across.
"""

import math
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .._device import open_session
from .._grid import grid_of, relative_spacing, stays_on_cpu
from ..affinities import (
    affinities_shape,
    as_affinities,
    as_volume_affinities,
    diagonal_affinities,
)
from ..checks import (
    as_image,
    as_mask,
    check_connectivity,
    check_count,
    check_graph,
    check_real,
    check_spacing,
    full_scale,
    image_shape,
    uses_gpu,
)
from . import _cpu, _cpu_weights

__all__ = ["graph_segmentation", "segment_region_graph"]

_WIDEST = 1000.0  # standard deviation of the Gaussian, which has eight times as many taps


def graph_segmentation(
    image: Any = None,
    *,
    affinities: Any = None,
    scale: float = 1.0,
    sigma: float = 0.8,
    min_size: int = 20,
    connectivity: int = 8,
    spacing: Any = None,
    mask: Any = None,
    device: Literal["cpu", "cuda", "auto"] | None = None,
) -> NDArray[np.int32]:
    """Segment an image by joining pixels across weak edges (Felzenszwalb and Huttenlocher).

    Give an image, whose edges weigh the Euclidean distance of smoothed colours, or affinities,
    whose edges weigh one minus the affinity.

    Parameters
    ----------
    image : ndarray of shape (height, width) or (height, width, channels) or None, default=None
        Image of any number of channels. uint16 is on a scale to 65535, other integers count as
        8-bit, floats are taken as they are. With ``spacing`` of three numbers a volume, (depth,
        height, width) or with channels.

    affinities : ndarray of shape (2, height, width) or None, default=None
        In place of an image: affinities in [0, 1], [0] to the right neighbour, [1] to the lower
        one. Those of a diagonal are the smaller mean of the two horizontal and the two vertical
        affinities of its pixel square. Of a volume (3, depth, height, width) with connectivity 6:
        to the next column, row and slice; or 13 with connectivity 26: then come, as (slices, rows,
        columns), (0, 1, 1), (0, 1, -1), and the other neighbours in the next slice, row by row.

    scale : float, default=1.0
        Preference for large segments: k of the paper for weights on the scale of 8 bits, so
        k = scale / 255 for weights on the scale of 1. As in scikit-image.

    sigma : float, default=0.8
        Standard deviation, in pixels, of the Gaussian that smooths the image first; 0 is none,
        1000 the most. With ``spacing`` in pixels along the axis where that is smallest.
        Of no effect on affinities.

    min_size : int, default=20
        Smaller segments are joined to a neighbour, across their weakest edges first; none is
        left that has a neighbour.

    connectivity : {4, 8, 6, 26}, default=8
        Neighbours of a pixel in the graph; segments are connected in the same sense. Of a volume
        6, by faces, or 26, by edges and corners too; 4 and 8 mean the same there.

    spacing : tuple of two or three numbers or None, default=None
        Distances of neighbouring samples: (z, y, x) makes it a volume, (y, x) is of an image whose
        pixels are no squares. Only their ratios count. The Gaussian is round in space, and a
        distance of colours is multiplied by how much longer its edge is than where all spacings
        were the smallest: where they are equal, diagonals count as in the paper. Of no effect on
        affinities.

    mask : ndarray of shape (height, width) or None, default=None
        True where the image is to be segmented; other pixels take no part, and the image, or the
        affinities to and from them, may hold anything. Also numbers, 0 for False and 1 for True.

    device : {"cpu", "cuda", "auto"}, default=None
        Where to work; the labels are the same. "auto" is "cuda" if there is a GPU; None is where
        the arrays lie, which may be on a GPU: CUDA tensors of torch, or whatever else has
        ``__cuda_array_interface__``. With ``spacing`` the CPU works.

    Returns
    -------
    labels : ndarray, or array on the GPU of the image's kind, of shape (height, width), int32
        Labels 0 .. n - 1 in the order of their first pixels, -1 outside the mask.

    Raises
    ------
    ValueError, TypeError
        If an argument cannot be used, the message names it, or if there is no GPU where `device`
        asks for one.
    MemoryError
        If the GPU has too little memory.

    References
    ----------
    .. [1] P. Felzenszwalb, D. Huttenlocher, "Efficient graph-based image segmentation", IJCV
           59(2), 2004.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_spx.kernels import graph_segmentation
    >>> image = np.array([[0.0, 0.0, 0.9, 0.9], [0.0, 0.1, 1.0, 0.9]])
    >>> graph_segmentation(image, scale=100.0, sigma=0.0, min_size=2)
    array([[0, 0, 1, 1],
           [0, 0, 1, 1]], dtype=int32)
    """
    scale = check_real(scale, "scale", 0)
    sigma = check_real(sigma, "sigma", 0)
    if sigma > _WIDEST:
        raise ValueError(f"sigma must be at most {_WIDEST:g} pixels, got {sigma!r}")
    min_size = check_count(min_size, "min_size", 0)
    spacing = check_spacing(spacing)
    if (image is None) == (affinities is None):
        raise ValueError("give an image or affinities, one of the two")
    arrays = {"image": image, "affinities": affinities, "mask": mask}
    if not stays_on_cpu(spacing is not None, device, **arrays) and uses_gpu(device, **arrays):
        check_connectivity(connectivity, 2)
        return _on_gpu(image, affinities, sigma, connectivity // 2, scale / 255, min_size, mask)
    axes = 2 if spacing is None else len(spacing)
    if affinities is None:
        shape = image_shape(image, axes=axes)
    else:
        shape = affinities_shape(affinities, grid_axes=axes)
    grid = grid_of(shape, connectivity, spacing)
    mask = None if mask is None else as_mask(mask, shape)
    _check_size(shape, grid)
    inside = np.ones((0, 0), bool) if mask is None else grid.flat(mask)
    if affinities is None:
        sigmas = [sigma / step for step in relative_spacing(spacing)]
        weights = _colour_weights(image, sigmas, grid, mask, inside)
    else:
        weights = _affinity_weights(affinities, grid, mask, inside)
    labels = np.empty(shape, np.int32)
    of_edges = grid.rows, grid.offsets[:, 2].copy(), grid.bits
    _cpu.segment_pixels(
        weights.view(np.uint32), *of_edges, scale / 255, min_size, inside, grid.flat(labels)
    )
    return labels


def segment_region_graph(
    edges: ArrayLike,
    weights: ArrayLike,
    n_regions: int,
    *,
    scale: float = 1.0,
    sizes: ArrayLike | None = None,
    min_size: float = 0,
    device: Literal["cpu", "cuda", "auto"] | None = None,
) -> NDArray[np.int32]:
    """Segment a graph of regions by joining them across weak edges (Felzenszwalb, Huttenlocher).

    Parameters
    ----------
    edges : array-like of shape (n_edges, 2), integer
        Pairs of regions, 0 .. n_regions - 1.

    weights : array-like of shape (n_edges,)
        Dissimilarity of each pair.

    n_regions : int
        Number of regions.

    scale : float, default=1.0
        Preference for large segments, k of the paper, in units of weight times size.

    sizes : array-like of shape (n_regions,) or None, default=None
        Size of each region, such as its pixels; None is 1 for all.

    min_size : float, default=0
        Smaller segments are joined to a neighbour, across their weakest edges first.

    device : {"cpu", "cuda", "auto"}, default=None
        Where to work; the segments are the same. "auto" is "cuda" if there is a GPU; None is where
        the arrays lie, which may be on a GPU: CUDA tensors of torch, or whatever else has
        ``__cuda_array_interface__``.

    Returns
    -------
    segments : ndarray, or array on the GPU of the edges' kind, of shape (n_regions,), int32
        Segment of each region, 0 .. n - 1 in the order of their first regions.

    Raises
    ------
    ValueError, TypeError
        If an argument cannot be used, the message names it, or if there is no GPU where `device`
        asks for one.
    MemoryError
        If the GPU has too little memory.

    Examples
    --------
    >>> from sklearn_spx.kernels import segment_region_graph
    >>> edges, weights = [[0, 1], [1, 2], [2, 3]], [0.1, 0.9, 0.2]
    >>> segment_region_graph(edges, weights, 4, scale=0.5).tolist()
    [0, 0, 1, 1]
    """
    scale = check_real(scale, "scale", 0)
    min_size = check_real(min_size, "min_size", 0)
    if uses_gpu(device, edges=edges, weights=weights, sizes=sizes):
        from . import _cuda

        with open_session(edges, weights, sizes) as session:
            return _cuda.segment_regions(session, edges, weights, n_regions, scale, sizes, min_size)
    edges, weights, n_regions = check_graph(edges, weights, n_regions)
    sizes = np.ones(n_regions) if sizes is None else np.array(sizes, dtype=np.float64)
    if sizes.shape != (n_regions,) or not (sizes > 0).all() or not np.isfinite(sizes).all():
        raise ValueError(f"sizes must be {n_regions} positive numbers, one a region")
    segments = np.empty(n_regions, np.int32)
    order = np.argsort(weights, kind="stable")
    _cpu.segment_regions(edges, weights, order, sizes, scale, min_size, segments)
    return segments


def _on_gpu(image, affinities, sigma, d, k, min_size, mask):
    """`graph_segmentation` of arrays that are on a GPU or go there."""
    from . import _cuda

    with open_session(image, affinities, mask) as session:
        if image is None:
            return _cuda.segment_affinities(session, affinities, d, k, min_size, mask)
        taps = _gaussian(sigma) if sigma > 0 else None
        return _cuda.segment_image(session, image, taps, d, k, min_size, mask)


def _check_size(shape, grid):
    if math.prod(shape) << grid.bits >= 2**32:
        what = "an image" if len(shape) == 2 else "a volume"
        raise ValueError(
            f"{what} of shape {tuple(shape)} has more edges than 32 bits count: at most "
            f"{2 ** (32 - grid.bits) - 1} pixels can be segmented with connectivity "
            f"{2 * len(grid.offsets)}"
        )


def _colour_weights(image, sigmas, grid, mask, inside):
    """Weights (D * H, d, W) float32 of the edges of a grid; sigmas along z, y and x."""
    dtype = np.asarray(image).dtype
    full = np.float32(full_scale(dtype) if dtype.kind in "ui" else 1)
    image = grid.flat(as_image(image, mask=mask, axes=grid.axes), -1)
    taps = [_gaussian(sigma) for sigma in sigmas]
    if grid.shape[0] == 1:
        taps[0] = _gaussian(0)
    n_rows, width, _ = image.shape
    weights = np.empty((n_rows, len(grid.offsets), width), np.float32)
    factors = grid.stretch.astype(np.float32)
    _cpu_weights.weigh_colours(
        image, full, tuple(taps), inside, grid.shape[1], grid.offsets, factors, weights
    )
    return weights


def _gaussian(sigma):
    reach = int(4 * sigma + 0.5)
    if reach == 0:
        return np.ones(1, np.float32)
    taps = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2)
    return (taps / taps.sum()).astype(np.float32)


def _affinity_weights(affinities, grid, mask, inside):
    """The same of affinities."""
    _, height, width = grid.shape
    if grid.axes == 3:
        given = as_volume_affinities(affinities, grid, mask)
        weights = np.stack([1 - grid.flat(one) for one in given], axis=1)
    else:
        affinities = as_affinities(affinities, mask=mask)
        weights = np.zeros((height, len(grid.offsets), width), np.float32)
        weights[:, 0], weights[:, 1] = 1 - affinities
        if len(grid.offsets) == 4:
            diagonal = 1 - diagonal_affinities(affinities, mask)
            weights[:-1, 2, :-1] = diagonal
            weights[:-1, 3, 1:] = diagonal
    _cpu_weights.leave_out(inside, height, grid.offsets, weights.view(np.uint32))
    return weights
