"""Merging regions across weak edges: DEL's Algorithm 1, and all its thresholds at once.

The weights are fixed, so joining neighbours whose weight is at most the threshold gives the
connected components of those edges. As the threshold grows the components only grow: one
minimum spanning forest holds them all.
"""

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .._device import open_session
from ..checks import check_count, check_graph, uses_gpu
from . import _cpu

__all__ = ["merge_heights", "merge_regions"]


def merge_regions(
    edges: ArrayLike,
    weights: ArrayLike,
    n_regions: int,
    threshold: float,
    min_size: int = 0,
    *,
    device: Literal["cpu", "cuda", "auto"] | None = None,
) -> NDArray[np.int32]:
    """Join regions across edges of little weight (Liu et al., Algorithm 1).

    Regions joined by edges with ``weight <= threshold`` become one. Then the edges are gone
    through once, in their order, and any two segments are joined of which one has fewer than
    ``min_size`` regions.

    Parameters
    ----------
    edges : array-like of shape (n_edges, 2), integer
        Pairs of regions, 0 .. n_regions - 1.

    weights : array-like of shape (n_edges,)
        Dissimilarity of each pair; DEL's f = 1 - d.

    n_regions : int
        Number of regions.

    threshold : float
        Greatest weight that is merged across; infinite values are accepted.

    min_size : int, default=0
        Regions that a segment must have, where it has neighbours.

    device : {"cpu", "cuda", "auto"}, default=None
        Where to work; the result is the same. "auto" is "cuda" if there is a GPU; None is where the
        edges and weights lie, which may be on a GPU: CUDA tensors of torch, or whatever else has
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

    References
    ----------
    .. [1] Y. Liu et al., "DEL: Deep embedding learning for efficient image segmentation", IJCAI
           2018.

    Examples
    --------
    >>> from sklearn_spx.kernels import merge_regions
    >>> edges, weights = [[0, 1], [1, 2], [2, 3]], [0.1, 0.6, 0.2]
    >>> merge_regions(edges, weights, 4, threshold=0.3).tolist()
    [0, 0, 1, 1]
    """
    if not isinstance(threshold, (int, float, np.integer, np.floating)):
        raise TypeError(f"threshold must be a real number, got {threshold!r}")
    if np.isnan(threshold):
        raise ValueError("threshold is NaN")
    min_size = check_count(min_size, "min_size", 0)
    if uses_gpu(device, edges=edges, weights=weights):
        from . import _cuda

        with open_session(edges, weights) as session:
            return _cuda.merge(session, edges, weights, n_regions, float(threshold), min_size)
    edges, weights, n_regions = check_graph(edges, weights, n_regions)
    segments = np.empty(n_regions, np.int32)
    _cpu.merge(edges, weights, float(threshold), min_size, segments)
    return segments


def merge_heights(
    edges: ArrayLike,
    weights: ArrayLike,
    n_regions: int,
    *,
    device: Literal["cpu", "cuda", "auto"] | None = None,
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Find at which threshold the two ends of each edge become one segment.

    That is the smallest threshold for which ``merge_regions`` (without ``min_size``) joins them:
    the greatest weight on the path between them in the minimum spanning forest.

    Parameters
    ----------
    edges : array-like of shape (n_edges, 2), integer
        Pairs of regions, 0 .. n_regions - 1.

    weights : array-like of shape (n_edges,)
        Dissimilarity of each pair.

    n_regions : int
        Number of regions.

    device : {"cpu", "cuda", "auto"}, default=None
        Where to work; the result is the same. "auto" is "cuda" if there is a GPU; None is where the
        edges and weights lie, which may be on a GPU: CUDA tensors of torch, or whatever else has
        ``__cuda_array_interface__``.

    Returns
    -------
    heights : ndarray, or array on the GPU of the edges' kind, of shape (n_edges,), float64
        The threshold of each edge, at most its weight. The edges with ``heights <= t`` lie inside
        the segments at threshold t, all others between them.

    tree : the same of shape (n_regions - n_components,), int64
        Edges of the minimum spanning forest in the order in which they merge: by weight, then by
        index. The first ``n_regions - k`` of them make k segments.

    Raises
    ------
    ValueError, TypeError
        If an argument cannot be used, the message names it, or if there is no GPU where `device`
        asks for one.
    MemoryError
        If the GPU has too little memory.

    Examples
    --------
    >>> from sklearn_spx.kernels import merge_heights
    >>> heights, tree = merge_heights([[0, 1], [0, 2], [1, 2]], [0.5, 0.9, 0.3], 3)
    >>> heights.tolist(), tree.tolist()
    ([0.5, 0.5, 0.3], [2, 0])
    """
    if uses_gpu(device, edges=edges, weights=weights):
        from . import _cuda

        with open_session(edges, weights) as session:
            return _cuda.spanning_forest(session, edges, weights, n_regions)
    edges, weights, n_regions = check_graph(edges, weights, n_regions)
    order = np.argsort(weights, kind="stable")
    heights = np.empty(len(edges))
    tree = np.empty(min(len(edges), n_regions - 1), np.int64)
    n_tree = _cpu.spanning_forest(edges, weights, order, n_regions, heights, tree)
    return heights, tree[:n_tree].copy()
