"""Superpixels against segments by the pixels they share.

Achievable segmentation accuracy, undersegmentation error in its four published forms, and
achievable intersection over union: all of them sums over the contingency table.
"""

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ._contingency import contingency
from ._inputs import check_pairs, over_annotators

_LEAK = 0.05  # Achanta et al. count a superpixel for a segment above this share of the superpixel


def achievable_segmentation_accuracy(
    labels: ArrayLike,
    ground_truths: ArrayLike | Sequence[ArrayLike],
    *,
    per_annotator: bool = False,
) -> float | NDArray[np.float64]:
    """Return the accuracy that a perfect labelling of the superpixels would reach.

    Every superpixel takes the segment it overlaps most; the score is the share of pixels that
    are then right [1]_.

    Parameters
    ----------
    labels : array-like of int, shape (height, width) or (depth, height, width)
        Superpixels. Pixels with a negative label are left out.
    ground_truths : array-like of int, of the same shape, or list of them
        One annotation or several; any integers, negative where unknown.
    per_annotator : bool, default=False
        Return the score of every annotation instead of their mean.

    Returns
    -------
    float or ndarray of shape (n_annotators,)
        Between 0 and 1; 1 when no superpixel crosses a segment.

    Raises
    ------
    ValueError, TypeError
        If an image is no integer label image, shapes differ, there is no annotation or no pixel
        inside the mask; the message names the argument.

    References
    ----------
    .. [1] M.-Y. Liu, O. Tuzel, S. Ramalingam, R. Chellappa, "Entropy rate superpixel
       segmentation", CVPR 2011.

    Examples
    --------
    >>> from sklearn_spx.metrics import achievable_segmentation_accuracy
    >>> truth = [[0, 0, 1, 1], [0, 0, 1, 1]]
    >>> achievable_segmentation_accuracy([[0, 0, 0, 1], [0, 0, 1, 1]], truth)
    0.875
    """
    values = []
    for found, truth in check_pairs(labels, ground_truths, volumes=True):
        table = contingency(found, truth)
        values.append(_largest_overlaps(table).sum() / table.n_pixels)
    return over_annotators(values, per_annotator)


def undersegmentation_error(
    labels: ArrayLike,
    ground_truths: ArrayLike | Sequence[ArrayLike],
    *,
    variant: Literal["np", "corrected", "levinshtein", "achanta"] = "np",
    per_annotator: bool = False,
) -> float | NDArray[np.float64]:
    """Return how far superpixels leak over the borders of segments.

    Parameters
    ----------
    labels : array-like of int, shape (height, width) or (depth, height, width)
        Superpixels. Pixels with a negative label are left out.
    ground_truths : array-like of int, of the same shape, or list of them
        One annotation or several; any integers, negative where unknown.
    variant : {"np", "corrected", "levinshtein", "achanta"}, default="np"
        With N pixels, segments G and superpixels S:

        - ``"np"``: sum over G and the S that touch it of ``min(|S and G|, |S| - |S and G|)``,
          over N [1]_.
        - ``"corrected"``: one minus the achievable segmentation accuracy.
        - ``"levinshtein"``: mean over G of ``(sizes of the S that touch it - |G|) / |G|`` [2]_.
        - ``"achanta"``: (sum over G of the sizes of the S of which more than 5 % lie in G - N),
          over N [3]_.
    per_annotator : bool, default=False
        Return the score of every annotation instead of their mean.

    Returns
    -------
    float or ndarray of shape (n_annotators,)
        0 when no superpixel crosses a segment. At most 1 in ``"np"`` and ``"corrected"``,
        unbounded in the others.

    Raises
    ------
    ValueError, TypeError
        If an image is no integer label image, shapes differ, there is no annotation or no pixel
        inside the mask, or a parameter is not accepted; the message names the argument.

    References
    ----------
    .. [1] P. Neubert, P. Protzel, "Superpixel benchmark and comparison", Forum
       Bildverarbeitung 2012.
    .. [2] A. Levinshtein et al., "TurboPixels: fast superpixels using geometric flows", PAMI
       2009.
    .. [3] R. Achanta et al., "SLIC superpixels compared to state-of-the-art superpixel
       methods", PAMI 2012.

    Examples
    --------
    >>> from sklearn_spx.metrics import undersegmentation_error
    >>> truth = [[0, 0, 1, 1], [0, 0, 1, 1]]
    >>> undersegmentation_error([[0, 0, 0, 1], [0, 0, 1, 1]], truth)
    0.25
    """
    if variant not in _UNDERSEGMENTATION:
        raise ValueError(f"variant must be one of {sorted(_UNDERSEGMENTATION)}, got {variant!r}")
    error, pairs = _UNDERSEGMENTATION[variant], check_pairs(labels, ground_truths, volumes=True)
    return over_annotators([error(contingency(*pair)) for pair in pairs], per_annotator)


def achievable_iou(
    labels: ArrayLike,
    ground_truths: ArrayLike | Sequence[ArrayLike],
    *,
    average: Literal["area", "segment", "pixel"] = "area",
    per_annotator: bool = False,
) -> float | NDArray[np.float64]:
    """Return the intersection over union that a perfect labelling of the superpixels would reach.

    Every superpixel goes to the segment it overlaps most (the lowest label on a tie); every
    segment is then compared with the union of its superpixels.

    Parameters
    ----------
    labels : array-like of int, shape (height, width) or (depth, height, width)
        Superpixels. Pixels with a negative label are left out.
    ground_truths : array-like of int, of the same shape, or list of them
        One annotation or several; any integers, negative where unknown.
    average : {"area", "segment", "pixel"}, default="area"
        ``"area"``: mean over segments weighted by their area [1]_; ``"segment"``: plain mean
        over segments; ``"pixel"``: sum of intersections over sum of unions.
    per_annotator : bool, default=False
        Return the score of every annotation instead of their mean.

    Returns
    -------
    float or ndarray of shape (n_annotators,)
        Between 0 and 1; 1 when no superpixel crosses a segment.

    Raises
    ------
    ValueError, TypeError
        If an image is no integer label image, shapes differ, there is no annotation or no pixel
        inside the mask, or a parameter is not accepted; the message names the argument.

    References
    ----------
    .. [1] T. Verelst, M. Blaschko, M. Berman, "Generating superpixels using deep image
       representations", arXiv:1903.04586.

    Examples
    --------
    >>> from sklearn_spx.metrics import achievable_iou
    >>> truth = [[0, 0, 1, 1], [0, 0, 1, 1]]
    >>> achievable_iou([[0, 0, 0, 1], [0, 0, 1, 1]], truth)
    0.775
    """
    if average not in ("area", "segment", "pixel"):
        raise ValueError(f"average must be 'area', 'segment' or 'pixel', got {average!r}")
    pairs = check_pairs(labels, ground_truths, volumes=True)
    return over_annotators([_iou(contingency(*pair), average) for pair in pairs], per_annotator)


def _largest_overlaps(table):
    return np.maximum.reduceat(table.overlap, table.row_start)


def _neubert_protzel(table):
    rest = table.row_size[table.row] - table.overlap
    return np.minimum(table.overlap, rest).sum() / table.n_pixels


def _corrected(table):
    return 1.0 - _largest_overlaps(table).sum() / table.n_pixels


def _levinshtein(table):
    touching = np.zeros(table.column_size.size, dtype=np.int64)
    np.add.at(touching, table.column, table.row_size[table.row])
    return ((touching - table.column_size) / table.column_size).mean()


def _achanta(table):
    size = table.row_size[table.row]
    return (size[table.overlap > _LEAK * size].sum() - table.n_pixels) / table.n_pixels


_UNDERSEGMENTATION = {
    "np": _neubert_protzel,
    "corrected": _corrected,
    "levinshtein": _levinshtein,
    "achanta": _achanta,
}


def _iou(table, average):
    largest = np.repeat(_largest_overlaps(table), np.diff(table.row_start, append=table.row.size))
    ties = np.flatnonzero(table.overlap == largest)
    first = ties[np.unique(table.row[ties], return_index=True)[1]]  # one pair a superpixel
    given = table.column[first]
    intersection = np.zeros(table.column_size.size, dtype=np.int64)
    union = table.column_size.copy()
    np.add.at(intersection, given, table.overlap[first])
    np.add.at(union, given, table.row_size - table.overlap[first])
    if average == "pixel":
        return intersection.sum() / union.sum()
    iou = intersection / union
    if average == "segment":
        return iou.mean()
    return (table.column_size * iou).sum() / table.n_pixels
