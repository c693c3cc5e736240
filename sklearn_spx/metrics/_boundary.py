"""Superpixel boundaries against annotated boundaries: recall, precision, distance.

Two published conventions of what a boundary pixel is stand side by side, since the same labels
score differently under them: "seal" compares a pixel with its right and lower neighbours,
"stutz" with all four. A neighbour outside the image or the mask makes no boundary.
"""

import math
from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.ndimage import distance_transform_edt

from ..kernels.checks import check_count
from ..kernels.compilation import njit
from ._inputs import check_pairs, over_annotators

_STUTZ_TOLERANCE = 0.0025  # of the image diagonal
_CHAMFER_SIDE, _CHAMFER_DIAGONAL = 0.955, 1.3693  # Borgefors' optimal 3x3 weights


def boundary_recall(
    labels: ArrayLike,
    ground_truths: ArrayLike | Sequence[ArrayLike],
    *,
    tolerance: int | None = None,
    protocol: Literal["seal", "stutz"] = "seal",
    per_annotator: bool = False,
) -> float | NDArray[np.float64]:
    """Return the share of annotated boundary pixels with a superpixel boundary nearby.

    "Nearby" is a square window of ``2 * tolerance + 1`` pixels.

    Parameters
    ----------
    labels : array-like of int, shape (height, width)
        Superpixels. Pixels with a negative label are left out.
    ground_truths : array-like of int, shape (height, width), or list of them
        One annotation or several; any integers, negative where unknown.
    tolerance : int or None, default=None
        Half-width of the window in pixels, at least 0. None is what the protocol uses: 1 for
        ``"seal"``, 0.0025 of the image diagonal, rounded, for ``"stutz"``.
    protocol : {"seal", "stutz"}, default="seal"
        ``"seal"`` [1]_: a boundary pixel differs from its right or lower neighbour, and an
        annotation without a boundary scores 1. ``"stutz"`` [2]_: a boundary pixel differs from
        any of its four neighbours, and an annotation without a boundary scores 0.
    per_annotator : bool, default=False
        Return the score of every annotation instead of their mean.

    Returns
    -------
    float or ndarray of shape (n_annotators,)
        Between 0 and 1.

    Raises
    ------
    ValueError, TypeError
        If an image is no integer label image, shapes differ, there is no annotation or no pixel
        inside the mask, or a parameter is not accepted; the message names the argument.

    References
    ----------
    .. [1] W.-C. Tu et al., "Learning superpixels with segmentation-aware affinity loss", CVPR
       2018.
    .. [2] D. Stutz, A. Hermans, B. Leibe, "Superpixels: an evaluation of the state of the
       art", CVIU 2018.

    Examples
    --------
    >>> from sklearn_spx.metrics import boundary_recall
    >>> truth = [[0, 0, 0, 0, 1, 1], [0, 0, 1, 1, 1, 1]]
    >>> labels = [[0, 0, 0, 0, 0, 1], [0, 0, 0, 0, 0, 1]]
    >>> boundary_recall(labels, truth)
    0.3333333333333333
    >>> boundary_recall(labels, truth, tolerance=0, protocol="stutz")
    0.16666666666666666
    """
    mark, tolerance, if_none = _convention(protocol, tolerance)
    pairs = check_pairs(labels, ground_truths)
    radius = _radius(tolerance, protocol, pairs[0][0].shape)
    values = []
    for found, truth in _marked(mark, pairs):
        hit, missed = _near(mark(truth), found, radius)
        values.append(hit / (hit + missed) if hit + missed else if_none)
    return over_annotators(values, per_annotator)


def boundary_precision(
    labels: ArrayLike,
    ground_truths: ArrayLike | Sequence[ArrayLike],
    *,
    tolerance: int | None = None,
    per_annotator: bool = False,
) -> float | NDArray[np.float64]:
    """Return the share of boundary that is right: TP / (TP + FP).

    TP are the annotated boundary pixels with a superpixel boundary pixel in the square window
    of ``2 * tolerance + 1`` pixels; FP are the superpixel boundary pixels with no annotated one
    in theirs. Boundary pixels differ from any of their four neighbours [1]_.

    Parameters
    ----------
    labels : array-like of int, shape (height, width)
        Superpixels. Pixels with a negative label are left out.
    ground_truths : array-like of int, shape (height, width), or list of them
        One annotation or several; any integers, negative where unknown.
    tolerance : int or None, default=None
        Half-width of the window in pixels, at least 0. None: 0.0025 of the image diagonal,
        rounded.
    per_annotator : bool, default=False
        Return the score of every annotation instead of their mean.

    Returns
    -------
    float or ndarray of shape (n_annotators,)
        Between 0 and 1; 0 where there is nothing to count.

    Raises
    ------
    ValueError, TypeError
        If an image is no integer label image, shapes differ, there is no annotation or no pixel
        inside the mask, or a parameter is not accepted; the message names the argument.

    References
    ----------
    .. [1] D. Stutz, A. Hermans, B. Leibe, "Superpixels: an evaluation of the state of the
       art", CVIU 2018.

    Examples
    --------
    >>> from sklearn_spx.metrics import boundary_precision
    >>> boundary_precision([[0, 1, 1, 1, 1, 2]], [[0, 0, 0, 0, 1, 1]], tolerance=0)
    0.25
    """
    mark, tolerance, _ = _convention("stutz", tolerance)
    pairs = check_pairs(labels, ground_truths)
    radius = _radius(tolerance, "stutz", pairs[0][0].shape)
    values = []
    for found, truth in _marked(mark, pairs):
        wanted = mark(truth)
        right, _ = _near(wanted, found, radius)
        _, wrong = _near(found, wanted, radius)
        values.append(right / (right + wrong) if right + wrong else 0.0)
    return over_annotators(values, per_annotator)


def mean_distance_to_edge(
    labels: ArrayLike,
    ground_truths: ArrayLike | Sequence[ArrayLike],
    *,
    metric: Literal["euclidean", "chamfer3"] = "euclidean",
    per_annotator: bool = False,
) -> float | NDArray[np.float64]:
    """Return the mean distance from annotated boundary pixels to the nearest superpixel boundary.

    Boundary pixels differ from any of their four neighbours [1]_.

    Parameters
    ----------
    labels : array-like of int, shape (height, width)
        Superpixels. Pixels with a negative label are left out.
    ground_truths : array-like of int, shape (height, width), or list of them
        One annotation or several; any integers, negative where unknown.
    metric : {"euclidean", "chamfer3"}, default="euclidean"
        Distance in pixels: exact, or the 3x3 chamfer distance with weights 0.955 and 1.3693.
    per_annotator : bool, default=False
        Return the score of every annotation instead of their mean.

    Returns
    -------
    float or ndarray of shape (n_annotators,)
        Pixels; 0 when every annotated boundary pixel is a superpixel boundary pixel or the
        annotation has none, infinity when there is no superpixel boundary to reach.

    Raises
    ------
    ValueError, TypeError
        If an image is no integer label image, shapes differ, there is no annotation or no pixel
        inside the mask, or a parameter is not accepted; the message names the argument.

    References
    ----------
    .. [1] D. Stutz, A. Hermans, B. Leibe, "Superpixels: an evaluation of the state of the
       art", CVIU 2018.

    Examples
    --------
    >>> from sklearn_spx.metrics import mean_distance_to_edge
    >>> mean_distance_to_edge([[0, 1, 1, 1, 1, 1]], [[0, 0, 0, 0, 1, 1]])
    2.5
    """
    if metric not in _DISTANCE:
        raise ValueError(f"metric must be 'euclidean' or 'chamfer3', got {metric!r}")
    values, last, distance = [], None, None
    for found, truth in _marked(_mark_four, check_pairs(labels, ground_truths)):
        if found is not last:
            last, distance = found, _DISTANCE[metric](found) if found.any() else None
        wanted = _mark_four(truth)
        if not wanted.any():
            values.append(0.0)
        else:
            values.append(np.inf if distance is None else distance[wanted].mean())
    return over_annotators(values, per_annotator)


def _marked(mark, pairs):
    """Yield the boundary of the labels, marked anew where other pixels are known, and the truth."""
    last = found = None
    for labels, truth in pairs:
        if labels is not last:
            last, found = labels, mark(labels)
        yield found, truth


def _convention(protocol, tolerance):
    if tolerance is not None:
        tolerance = check_count(tolerance, "tolerance", minimum=0)
    if protocol == "seal":
        return _mark_two, tolerance, 1.0
    if protocol == "stutz":
        return _mark_four, tolerance, 0.0
    raise ValueError(f"protocol must be 'seal' or 'stutz', got {protocol!r}")


def _radius(tolerance, protocol, shape):
    if tolerance is not None:
        return tolerance
    return 1 if protocol == "seal" else math.floor(_STUTZ_TOLERANCE * math.hypot(*shape) + 0.5)


def _mark_two(labels):
    out = np.zeros(labels.shape, dtype=np.bool_)
    _mark(labels, False, out)
    return out


def _mark_four(labels):
    out = np.zeros(labels.shape, dtype=np.bool_)
    _mark(labels, True, out)
    return out


@njit
def _mark(labels, both, out):
    """Mark pixels that differ from the right or lower neighbour; ``both``: the neighbour too."""
    height, width = labels.shape
    for y in range(height):
        for x in range(width):
            here = labels[y, x]
            if here < 0:
                continue
            if x + 1 < width and labels[y, x + 1] >= 0 and labels[y, x + 1] != here:
                out[y, x] = True
                if both:
                    out[y, x + 1] = True
            if y + 1 < height and labels[y + 1, x] >= 0 and labels[y + 1, x] != here:
                out[y, x] = True
                if both:
                    out[y + 1, x] = True


@njit
def _near(wanted, found, radius):
    """Return how many wanted pixels have, and have not, a found one in their square window."""
    height, width = wanted.shape
    hit = 0
    missed = 0
    for y in range(height):
        for x in range(width):
            if not wanted[y, x]:
                continue
            near = False
            for v in range(max(0, y - radius), min(height, y + radius + 1)):
                for u in range(max(0, x - radius), min(width, x + radius + 1)):
                    if found[v, u]:
                        near = True
                        break
                if near:
                    break
            if near:
                hit += 1
            else:
                missed += 1
    return hit, missed


def _euclidean(found):
    return distance_transform_edt(~found)


def _chamfer(found):
    distance = np.where(found, 0.0, np.inf)
    _sweep(distance, _CHAMFER_SIDE, _CHAMFER_DIAGONAL)
    return distance


_DISTANCE = {"euclidean": _euclidean, "chamfer3": _chamfer}


@njit
def _sweep(distance, side, diagonal):
    """Chamfer distance in place: forwards over the upper half of the mask, then backwards."""
    height, width = distance.shape
    for y in range(height):
        for x in range(width):
            d = distance[y, x]
            if x > 0:
                d = min(d, distance[y, x - 1] + side)
            if y > 0:
                d = min(d, distance[y - 1, x] + side)
                if x > 0:
                    d = min(d, distance[y - 1, x - 1] + diagonal)
                if x + 1 < width:
                    d = min(d, distance[y - 1, x + 1] + diagonal)
            distance[y, x] = d
    for y in range(height - 1, -1, -1):
        for x in range(width - 1, -1, -1):
            d = distance[y, x]
            if x + 1 < width:
                d = min(d, distance[y, x + 1] + side)
            if y + 1 < height:
                d = min(d, distance[y + 1, x] + side)
                if x > 0:
                    d = min(d, distance[y + 1, x - 1] + diagonal)
                if x + 1 < width:
                    d = min(d, distance[y + 1, x + 1] + diagonal)
            distance[y, x] = d
