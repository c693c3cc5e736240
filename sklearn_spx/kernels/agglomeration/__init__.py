"""Greedy agglomeration of regions that updates after every merge, and what merge trees give.

The two neighbouring regions that are least unlike are merged, then all that concerns the new
region is computed anew: its mean embedding, weighted by size; the boundary it shares with each
neighbour; their dissimilarity. Chaining through one weak place, which thresholding fixed
weights suffers from, is gone.
"""

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from .._device import open_session
from ..checks import check_graph, uses_gpu
from ._cpu import Boundaries, Regions, agglomerate_cpu, boundary_sums_cpu, contours_cpu

__all__ = ["agglomerate", "boundary_means", "boundary_sums", "draw_contours"]


def agglomerate(
    edges: NDArray[Any],
    lengths: NDArray[Any],
    embeddings: NDArray[Any],
    sizes: NDArray[Any],
    evidence: NDArray[Any],
    coefficients: NDArray[Any],
) -> tuple[NDArray[np.int32], NDArray[np.float64]]:
    """Merge neighbouring regions until none are left, the least unlike first.

    Parameters
    ----------
    edges : int32 array (n_edges, 2)
        Neighbouring regions, each pair once.

    lengths : array (n_edges,)
        Length of the boundary of each pair.

    embeddings : float array (n_regions, n_dimensions)
        One row a region; that of a merged region is the mean, weighted by size.

    sizes : array (n_regions,)
        Pixels of each region.

    evidence : float array (n_edges, n_kinds)
        Values of each boundary; those of a joint boundary are the mean, weighted by length.

    coefficients : float array (n_kinds + 4,)
        Dissimilarity = (c0 tanh(c1 x / 2) + sum_k c[4 + k] evidence_k) min(size)^c2 max(size)^c3,
        with x the L1 distance of the mean embeddings and sizes as shares of the whole.

    Returns
    -------
    merges : int32 array (n_merges, 2)
        Two of the original regions, one of each merged region.

    heights : float64 array (n_merges,)
        Dissimilarity at each merge, or the greatest before it.

    Raises
    ------
    ValueError, TypeError
        If the arrays do not fit together; the message names them.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_spx.kernels.agglomeration import agglomerate
    >>> edges = np.array([[0, 1], [1, 2]])
    >>> merges, heights = agglomerate(
    ...     edges, [1, 1], [[0.0], [0.1], [3.0]], [1, 1, 1], np.zeros((2, 0)), [1, 1, 0, 0]
    ... )
    >>> merges.tolist(), heights.round(3).tolist()
    ([[0, 1], [0, 2]], [0.05, 0.901])
    """
    edges, lengths, n = check_graph(edges, lengths, len(embeddings))
    if not (lengths > 0).all():
        raise ValueError(f"lengths must be above 0, got {lengths.min()}")
    embeddings, sizes = np.array(embeddings, np.float64), np.array(sizes, np.float64)
    evidence, c = np.asarray(evidence, np.float64), np.asarray(coefficients, np.float64)
    if embeddings.ndim != 2 or sizes.shape != (n,):
        raise ValueError(
            f"embeddings and sizes have shapes {embeddings.shape} and {sizes.shape}; accepted are "
            "(n_regions, n_dimensions) and (n_regions,)"
        )
    if evidence.ndim != 2 or len(evidence) != len(edges) or c.shape != (evidence.shape[1] + 4,):
        raise ValueError(
            f"evidence and coefficients have shapes {evidence.shape} and {c.shape}; accepted are "
            "(n_edges, n_kinds) and (n_kinds + 4,)"
        )
    merges = np.empty((n, 2), np.int32)
    heights = np.empty(n, np.float64)
    regions = Regions(embeddings=embeddings, sizes=sizes / max(sizes.sum(), 1))
    boundaries = Boundaries(
        edges=edges.astype(np.int64), lengths=lengths.copy(), sums=evidence * lengths[:, None]
    )
    m = agglomerate_cpu(regions, boundaries, c, merges, heights)
    return merges[:m].copy(), heights[:m].copy()


def draw_contours(
    labels: NDArray[np.int32], edges: NDArray[Any], values: NDArray[Any]
) -> NDArray[np.float32]:
    """Draw a value a pair of neighbouring regions between their pixels.

    Parameters
    ----------
    labels : int32 array (height, width)
        Regions; negative where there is none.

    edges : int array (n_edges, 2)
        All pairs of neighbours, each with the lesser first, sorted.

    values : float array (n_edges,)
        Not negative.

    Returns
    -------
    contours : float32 array (2 * height + 1, 2 * width + 1)
        Values between pixels, the greatest where they cross, 0 elsewhere.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_spx.kernels.agglomeration import draw_contours
    >>> labels = np.array([[0, 1]], np.int32)
    >>> draw_contours(labels, np.array([[0, 1]]), np.array([0.5]))[1]
    array([0. , 0. , 0.5, 0. , 0. ], dtype=float32)
    """
    height, width = labels.shape
    out = np.zeros((2 * height + 1, 2 * width + 1), np.float32)
    contours_cpu(labels, *_rows(labels, edges), np.ascontiguousarray(values, np.float64), out)
    return out


def boundary_means(
    labels: Any,
    edges: Any,
    lengths: Any,
    values: Any,
    *,
    device: Literal["cpu", "cuda", "auto"] | None = None,
) -> NDArray[np.float64]:
    """Mean of a map along the boundary of each pair of neighbouring regions.

    Parameters
    ----------
    labels : int32 array (height, width)
        Regions; negative where there is none.

    edges : int array (n_edges, 2)
        All pairs of neighbours, each with the lesser first, sorted.

    lengths : array (n_edges,)
        Length of the boundary of each pair.

    values : float array (height, width)
        The map. A step over the boundary counts with the mean of its two pixels.

    device : {"cpu", "cuda", "auto"}, default=None
        Where to work; the values are the same, bit by bit. "auto" is "cuda" if there is a GPU;
        None is where the labels lie.

    Returns
    -------
    means : float64 array (n_edges,), or array on the GPU of the labels' kind
        One value a pair.

    Raises
    ------
    ValueError
        If there is no GPU where `device` asks for one.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_spx.kernels.agglomeration import boundary_means
    >>> labels, values = np.array([[0, 1]], np.int32), np.array([[1.0, 2.0]])
    >>> boundary_means(labels, np.array([[0, 1]]), np.array([1]), values)
    array([1.5])
    """
    arrays = {"labels": labels, "edges": edges, "lengths": lengths, "values": values}
    if uses_gpu(device, **arrays):
        return _boundary_means_on_gpu(**arrays)
    return boundary_sums(labels, edges, values) / lengths


def boundary_sums(
    labels: NDArray[np.int32], edges: NDArray[Any], values: NDArray[Any]
) -> NDArray[np.float64]:
    """Sum of a map along the boundary of each pair of neighbouring regions.

    Parameters
    ----------
    labels : int32 array (height, width)
        See ``boundary_means``.

    edges : int array (n_edges, 2)
        See ``boundary_means``.

    values : float array (height, width)
        See ``boundary_means``.

    Returns
    -------
    sums : float64 array (n_edges,)
        One value a pair.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_spx.kernels.agglomeration import boundary_sums
    >>> labels, values = np.array([[0, 1], [0, 1]], np.int32), np.array([[1.0, 2.0], [0.0, 2.0]])
    >>> boundary_sums(labels, np.array([[0, 1]]), values)
    array([2.5])
    """
    sums = np.zeros(len(edges))
    boundary_sums_cpu(labels, *_rows(labels, edges), np.ascontiguousarray(values, np.float64), sums)
    return sums


def _boundary_means_on_gpu(**arrays):
    from . import _cuda

    with open_session(*arrays.values()) as session:
        views = [session.bring(array, name) for name, array in arrays.items()]
        own, out = session.new_result(views[1].shape[:1], np.float64)
        _cuda.boundary_means(session, *views, out)
        return session.result(own)


def _rows(labels, edges):
    """The greater region of each edge, and where the edges of each lesser region start."""
    edges = np.ascontiguousarray(edges, np.int64)
    n = int(labels.max()) + 1
    return edges[:, 1].copy(), np.searchsorted(edges[:, 0], np.arange(n + 1))
