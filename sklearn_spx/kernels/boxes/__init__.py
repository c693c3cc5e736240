"""Boxes of regions: around every node of a merge tree, how far boxes overlap, the best of many.

A box is (x0, y0, x1, y1): columns x0 .. x1 - 1 and rows y0 .. y1 - 1, so that x1 - x0 is its width
and an image is (0, 0, width, height).
"""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..checks import as_labels, check_count, check_graph, check_real
from . import _cpu

__all__ = ["as_boxes", "as_pixel_boxes", "box_overlaps", "suppress_overlaps", "tree_boxes"]


def as_boxes(boxes: Any, name: str = "boxes") -> NDArray[np.float64]:
    """Check boxes and cast them to float64.

    Parameters
    ----------
    boxes : array-like of shape (n_boxes, 4)
        Rows of (x0, y0, x1, y1), of numbers of any kind; an empty list is no box.

    name : str, default="boxes"
        What messages call them.

    Returns
    -------
    boxes : ndarray of shape (n_boxes, 4), float64
        C-contiguous.

    Raises
    ------
    TypeError
        If the values are no real numbers.
    ValueError
        If the shape is another, a value is not finite, or a box is empty; the message names it.

    Examples
    --------
    >>> from sklearn_spx.kernels.boxes import as_boxes
    >>> as_boxes([[0, 0, 4, 3]])
    array([[0., 0., 4., 3.]])
    """
    boxes = np.asarray(boxes)
    if boxes.size == 0 and boxes.shape in ((0,), (0, 4)):
        return np.empty((0, 4))
    if boxes.dtype.kind not in "uif":
        raise TypeError(f"{name} has dtype {boxes.dtype}; accepted are real numbers")
    if boxes.ndim != 2 or boxes.shape[1] != 4:
        raise ValueError(
            f"{name} has shape {boxes.shape}; accepted is (n_boxes, 4), rows of (x0, y0, x1, y1)"
        )
    boxes = np.ascontiguousarray(boxes, np.float64)
    bad = np.flatnonzero(~np.isfinite(boxes).all(axis=1))
    if bad.size:
        raise ValueError(f"{name}[{bad[0]}] is {boxes[bad[0]].tolist()}, which is not finite")
    bad = np.flatnonzero((boxes[:, 2:] <= boxes[:, :2]).any(axis=1))
    if bad.size:
        raise ValueError(
            f"{name}[{bad[0]}] is {boxes[bad[0]].tolist()}, which is empty: a box is "
            "(x0, y0, x1, y1) with x0 < x1 and y0 < y1, where x1 and y1 are the first pixels "
            "beyond it"
        )
    return boxes


def as_pixel_boxes(boxes: Any, shape: tuple[int, ...], name: str = "boxes") -> NDArray[np.int32]:
    """Check boxes and bring them to whole pixels of an image.

    Parameters
    ----------
    boxes : array-like of shape (n_boxes, 4)
        Rows of (x0, y0, x1, y1). A pixel that is partly inside counts as inside; what reaches
        beyond the image is cut off.

    shape : tuple of two int
        Height and width of the image.

    name : str, default="boxes"
        What messages call them.

    Returns
    -------
    boxes : ndarray of shape (n_boxes, 4), int32
        Each with at least one pixel.

    Raises
    ------
    TypeError
        If the values are no real numbers.
    ValueError
        If these are no boxes, or one lies wholly outside of the image; the message names it.

    Examples
    --------
    >>> from sklearn_spx.kernels.boxes import as_pixel_boxes
    >>> as_pixel_boxes([[-2.5, 0.2, 3.1, 9.0]], (6, 8)).tolist()
    [[0, 0, 4, 6]]
    """
    boxes = as_boxes(boxes, name)
    low = np.maximum(np.floor(boxes[:, :2]), 0)
    high = np.minimum(np.ceil(boxes[:, 2:]), shape[::-1])
    bad = np.flatnonzero((high <= low).any(axis=1))
    if bad.size:
        raise ValueError(
            f"{name}[{bad[0]}] is {boxes[bad[0]].tolist()}, outside of the image of {shape[1]} "
            f"columns and {shape[0]} rows; boxes are (x0, y0, x1, y1)"
        )
    return np.concatenate([low, high], axis=1).astype(np.int32)


def box_overlaps(boxes: ArrayLike, others: ArrayLike) -> NDArray[np.float64]:
    """Intersection over union of each box with each other one.

    Parameters
    ----------
    boxes : array-like of shape (n_boxes, 4)
        Rows of (x0, y0, x1, y1).

    others : array-like of shape (n_others, 4)
        The same.

    Returns
    -------
    overlaps : ndarray of shape (n_boxes, n_others), float64
        From 0 to 1.

    Raises
    ------
    ValueError, TypeError
        If these are no boxes.

    Examples
    --------
    >>> from sklearn_spx.kernels.boxes import box_overlaps
    >>> box_overlaps([[0, 0, 4, 2]], [[0, 0, 4, 2], [0, 0, 2, 2], [4, 0, 8, 2]])
    array([[1. , 0.5, 0. ]])
    """
    a, b = as_boxes(boxes), as_boxes(others, "others")
    low = np.maximum(a[:, None, :2], b[None, :, :2])
    high = np.minimum(a[:, None, 2:], b[None, :, 2:])
    common = np.prod(np.maximum(high - low, 0), axis=2)
    areas_a, areas_b = (np.prod(c[:, 2:] - c[:, :2], axis=1) for c in (a, b))
    return common / (areas_a[:, None] + areas_b[None] - common)


def suppress_overlaps(
    boxes: ArrayLike, max_overlap: float = 0.9, limit: int | None = None
) -> NDArray[np.int64]:
    """Keep the best of boxes that nearly coincide (greedy non-maximum suppression).

    Parameters
    ----------
    boxes : array-like of shape (n_boxes, 4)
        Rows of (x0, y0, x1, y1), the best first.

    max_overlap : float, default=0.9
        A box is dropped whose intersection over union with a better one that is kept is above
        this, or that is the same box. 1 drops equal boxes alone.

    limit : int or None, default=None
        Most boxes to keep; None is any number.

    Returns
    -------
    kept : ndarray of shape (n_kept,), int64
        Places of the boxes that are kept, ascending.

    Raises
    ------
    ValueError, TypeError
        If an argument cannot be used; the message names it.

    Examples
    --------
    >>> from sklearn_spx.kernels.boxes import suppress_overlaps
    >>> boxes = [[0, 0, 20, 10], [0, 0, 19, 10], [0, 0, 10, 10], [0, 0, 20, 10]]
    >>> suppress_overlaps(boxes).tolist(), suppress_overlaps(boxes, 1.0).tolist()
    ([0, 2], [0, 1, 2])
    """
    boxes = as_boxes(boxes)
    max_overlap = check_real(max_overlap, "max_overlap", 0)
    if max_overlap > 1:
        raise ValueError(f"max_overlap must be at most 1, got {max_overlap!r}")
    limit = len(boxes) if limit is None else min(check_count(limit, "limit"), len(boxes))
    kept = np.empty(limit, np.int64)
    n_kept = _cpu.suppress(boxes, max_overlap, np.empty((limit, 4)), kept)
    return kept[:n_kept].copy()


def tree_boxes(
    superpixels: ArrayLike, merges: ArrayLike
) -> tuple[NDArray[np.int32], NDArray[np.int64], NDArray[np.int32]]:
    """Tight boxes of all nodes of a merge tree, by one pass over pixels and one over merges.

    Parameters
    ----------
    superpixels : array-like of shape (height, width), integer
        Labels 0 .. n - 1; negative where there is none.

    merges : array-like of shape (n_merges, 2), integer
        Two superpixels of the regions that each merge joins, in order. Node ``k`` below ``n`` is a
        superpixel, node ``n + k`` what merge ``k`` makes.

    Returns
    -------
    boxes : ndarray of shape (n + n_merges, 4), int32
        Rows of (x0, y0, x1, y1).

    sizes : ndarray of shape (n + n_merges,), int64
        Pixels of each node. A number that no pixel has is of size 0, and its box means nothing.

    parents : ndarray of shape (n + n_merges,), int32
        The node that each is merged into, -1 for none.

    Raises
    ------
    ValueError, TypeError
        If the two do not fit, or a merge joins what is one region already.

    Examples
    --------
    >>> from sklearn_spx.kernels.boxes import tree_boxes
    >>> boxes, sizes, parents = tree_boxes([[0, 0, 1], [0, 2, 1]], [[1, 2], [0, 2]])
    >>> boxes[3:].tolist(), sizes.tolist(), parents.tolist()
    ([[1, 0, 3, 2], [0, 0, 3, 2]], [3, 2, 1, 3, 6], [4, 3, 3, 4, -1])
    """
    superpixels = as_labels(superpixels, "superpixels")
    n = max(int(superpixels.max()) + 1, 0)
    if n > superpixels.size:
        raise ValueError(
            f"superpixels go up to {n - 1} in an image of {superpixels.size} pixels; number them "
            "without gaps"
        )
    merges = np.asarray(merges)
    if n:
        merges, _, _ = check_graph(merges, np.zeros(len(merges)), n)
    elif merges.size:
        raise ValueError("superpixels is negative everywhere, but there are merges")
    n_nodes = n + len(merges)
    boxes, sizes = np.empty((n_nodes, 4), np.int32), np.zeros(n_nodes, np.int64)
    parents = np.full(n_nodes, -1, np.int32)
    _cpu.enclose(superpixels, n, boxes, sizes)
    if n:
        bad = _cpu.climb(merges, n, boxes, sizes, parents)
        if bad >= 0:
            raise ValueError(
                f"merges[{bad}] is {merges[bad].tolist()}, which are in one region already"
            )
    return boxes, sizes, parents
