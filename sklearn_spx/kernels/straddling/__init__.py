"""How boxes cut regions: straddling scores, and boxes moved to where regions end.

The pixels of a region inside a box are counted by the region's runs, and only for the regions that
the box cuts; those whose own box lies within it are inside as a whole.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..boxes import as_pixel_boxes, tree_boxes
from ..region_statistics import number_regions
from . import _cpu

__all__ = ["align_and_expand", "straddling_scores"]


def align_and_expand(
    boxes: ArrayLike, labels: ArrayLike, thresholds: ArrayLike
) -> NDArray[np.int32]:
    """Align boxes to regions, then expand them by the regions that they cut.

    Parameters
    ----------
    boxes : array-like of shape (n_boxes, 4)
        Rows of (x0, y0, x1, y1), see :func:`~sklearn_spx.kernels.boxes.as_pixel_boxes`.

    labels : array-like of shape (height, width), integer
        Label image; negative is outside of every region.

    thresholds : array-like of shape (n_thresholds,)
        Shares of a region, above 0 and at most 1, from which on it is joined.

    Returns
    -------
    found : ndarray of shape (n_boxes, 1 + n_thresholds, 4), int32
        Of each box the aligned one, and one for each threshold; all 0 where there is no region in
        the box.

    Raises
    ------
    ValueError, TypeError
        If an argument cannot be used; the message names it.

    See Also
    --------
    sklearn_spx.regions.straddling_expansion : Says what is done, and ranks the boxes.

    Examples
    --------
    >>> from sklearn_spx.kernels.straddling import align_and_expand
    >>> labels = [[0, 1, 1, 2], [0, 0, 1, 1]]
    >>> align_and_expand([[1, 0, 4, 2]], labels, [0.5, 0.3]).tolist()
    [[[1, 0, 4, 2], [1, 0, 4, 2], [0, 0, 4, 2]]]
    """
    thresholds = np.asarray(thresholds)
    if thresholds.size == 0:
        thresholds = np.empty(0)
    if thresholds.dtype.kind not in "uif":
        raise TypeError(f"thresholds has dtype {thresholds.dtype}; accepted are real numbers")
    if thresholds.ndim != 1 or not ((thresholds > 0) & (thresholds <= 1)).all():
        raise ValueError(
            f"thresholds must be a list of numbers above 0 and at most 1, got {thresholds.tolist()}"
        )
    regions, shape = _runs(labels)
    boxes = as_pixel_boxes(boxes, shape)
    found = np.empty((len(boxes), 1 + thresholds.size, 4), np.int32)
    n = regions.sizes.size
    scratch = np.empty(n, np.int64), np.empty(n)
    _cpu.align_and_expand(boxes, *regions, thresholds.astype(np.float64), *scratch, found)
    return found


def straddling_scores(boxes: ArrayLike, labels: ArrayLike) -> NDArray[np.float64]:
    """How little each box cuts regions: the superpixel straddling cue (Alexe et al.).

    Parameters
    ----------
    boxes : array-like of shape (n_boxes, 4)
        Rows of (x0, y0, x1, y1), see :func:`~sklearn_spx.kernels.boxes.as_pixel_boxes`.

    labels : array-like of shape (height, width), integer
        Label image; negative is outside of every region.

    Returns
    -------
    scores : ndarray of shape (n_boxes,), float64
        1 minus, summed over regions, the lesser of the pixels inside and outside of the box, over
        the pixels of the box. From 0 to 1, which cuts no region.

    Raises
    ------
    ValueError, TypeError
        If an argument cannot be used; the message names it.

    Examples
    --------
    >>> from sklearn_spx.kernels.straddling import straddling_scores
    >>> labels = [[0, 0, 0, 0, 1, 1, 1, 1]]
    >>> straddling_scores([[0, 0, 4, 1], [0, 0, 3, 1], [2, 0, 6, 1]], labels).round(2).tolist()
    [1.0, 0.67, 0.0]
    """
    regions, shape = _runs(labels)
    boxes = as_pixel_boxes(boxes, shape)
    scores = np.empty(len(boxes))
    _cpu.score(boxes, *regions, scores)
    return scores


class _Regions(NamedTuple):
    """Regions as tight boxes, pixels, and runs of rows by region."""

    boxes: NDArray[np.int32]
    sizes: NDArray[np.int64]
    first: NDArray[np.int64]
    runs: NDArray[np.int32]


def _runs(labels):
    index, ids = number_regions(labels)
    boxes, sizes, _ = tree_boxes(index, np.empty((0, 2), np.int32))
    counts = np.zeros(ids.size, np.int64)
    _cpu.count_runs(index, counts)
    first = np.concatenate([[0], np.cumsum(counts)])
    runs = np.empty((first[-1], 3), np.int32)
    _cpu.list_runs(index, first[:-1].copy(), runs)
    return _Regions(boxes, sizes, first, runs), index.shape
