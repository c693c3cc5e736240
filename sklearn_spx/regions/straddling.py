"""Boxes of any kind, moved to where regions end (Chen, Ma, Wang and Zhao, CVPR 2015).

box -> aligned box -> a wider box for each threshold -> ranked, near copies left out
"""

import functools
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils import Bunch

from ..kernels.boxes import as_pixel_boxes, suppress_overlaps
from ..kernels.checks import as_labels, check_count
from ..kernels.straddling import align_and_expand, straddling_scores

__all__ = ["straddling_expansion", "straddling_score"]


def straddling_expansion(
    boxes: ArrayLike,
    labels: ArrayLike | Sequence[ArrayLike],
    *,
    thresholds: ArrayLike = (0.1, 0.2, 0.3, 0.4, 0.5),
    scores: ArrayLike | None = None,
    max_overlap: float = 0.9,
    max_proposals: int | None = None,
) -> Bunch:
    """Improve object proposals by regions: multi-thresholding straddling expansion (MTSE) [1]_.

    Boxes of a first stage, such as sliding windows, BING, a region proposal network or
    :func:`object_proposals`, are rarely tight. Here each is aligned to the borders of regions,
    then expanded by the regions that it cuts, at several thresholds.

    Parameters
    ----------
    boxes : array-like of shape (n_boxes, 4)
        Boxes of the first stage, rows of (x0, y0, x1, y1): columns x0 .. x1 - 1 and rows
        y0 .. y1 - 1. Of fractions the pixels that are partly inside count; what reaches beyond
        the image is cut off.

    labels : array-like of int, shape (height, width), or list of them
        Regions, or several segmentations of the image, as at several scales: each gives boxes of
        its own, those of the first ranked best. Numbers are free; negative pixels are outside of
        every region.

    thresholds : array-like of shape (n_thresholds,), default=(0.1, 0.2, 0.3, 0.4, 0.5)
        A region is joined to a box that holds at least this share of it; above 0, at most 1. None
        at all, an empty list, leaves the aligned boxes.

    scores : array-like of shape (n_boxes,) or None, default=None
        Of the first stage, the greater the better. None: boxes come with the best first.

    max_overlap : float, default=0.9
        A box is left out whose intersection over union with a better one is above this. 1 leaves
        out equal boxes alone.

    max_proposals : int or None, default=None
        Most boxes, the best of them; None is all.

    Returns
    -------
    proposals : :class:`~sklearn.utils.Bunch`
        A dictionary with attributes, the best first

        boxes : int32 array (n_proposals, 4)
            As above, within the image.
        scores : float64 array (n_proposals,)
            1 / (place of the first stage's box x place of the threshold x place of the
            segmentation), with places from 1 up. Of thresholds the aligned box has the first
            place, the greatest threshold the second. Equal scores are in the order of boxes, then
            thresholds, then segmentations.
        sources : int64 array (n_proposals,)
            The row of ``boxes`` that each was made of. One with no region in it makes none.

    Raises
    ------
    ValueError, TypeError
        If ``boxes`` are no boxes or one lies outside of the image, label images differ in shape,
        scores do not fit, or a parameter is out of range; the message names it.

    See Also
    --------
    straddling_score : Ranks boxes that have no scores.
    sklearn_spx.metrics.detection_recall : Scores proposals.

    Notes
    -----
    Alignment begins with the tight box of all regions wholly inside the box. The regions that
    the box cuts are sorted by the overlap (intersection over union) with the box that they would
    give one by one, and joined in that order until the overlap falls.

    Expansion takes the aligned box: joined are all regions of which at least the threshold lies
    in it.

    Differences
        The paper ranks at random, weighted by the place of the threshold; here the product of
        places is the rank, so that runs agree. Whether it measures shares by the aligned box
        or by the first one, and keeps aligned boxes beside expanded ones, we could not read off
        it with certainty: here by the aligned one, which is kept. Ties of the alignment go to the
        lower label. Its segmentations are graph-based ones; any are taken here.

    References
    ----------
    .. [1] X. Chen, H. Ma, X. Wang, Z. Zhao, "Improving object proposals with multi-thresholding
       straddling expansion", CVPR 2015.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_spx.regions import straddling_expansion
    >>> labels = np.zeros((12, 12), int)
    >>> labels[2:8, 2:8] = 1
    >>> labels[6:10, 6:11] = 2
    >>> found = straddling_expansion([[1, 1, 8, 7]], labels)
    >>> found.boxes.tolist(), found.scores.tolist()
    ([[2, 2, 8, 8], [2, 2, 11, 10]], [1.0, 0.2])
    """
    images = _as_list(labels)
    boxes = as_pixel_boxes(boxes, images[0].shape)
    order = _by_merit(scores, len(boxes))
    thresholds = np.asarray(thresholds)
    if thresholds.ndim == 1:  # whatever else is an error of the kernel
        thresholds = np.sort(thresholds)[::-1]
    max_proposals = None if max_proposals is None else check_count(max_proposals, "max_proposals")
    # boxes by rank, thresholds and segmentations
    found = np.stack([align_and_expand(boxes[order], image, thresholds) for image in images], 2)
    places = [np.arange(1, n + 1) for n in found.shape[:3]]
    ranks = functools.reduce(np.multiply.outer, places).ravel()
    sources = np.repeat(order, ranks.size // max(len(order), 1))
    found = found.reshape(-1, 4)
    full = np.flatnonzero(found[:, 2] > 0)  # the others have no region
    full = full[np.argsort(ranks[full], kind="stable")]
    kept = full[suppress_overlaps(found[full], max_overlap, max_proposals)]
    return Bunch(boxes=found[kept], scores=1.0 / ranks[kept], sources=sources[kept])


def straddling_score(
    boxes: ArrayLike, labels: ArrayLike | Sequence[ArrayLike]
) -> NDArray[np.float64]:
    """Score boxes by how little they cut regions: superpixel straddling [1]_.

    An object is made of whole regions, so a box around it cuts few: 1 minus, summed over all
    regions, the lesser of the pixels inside and outside of the box, over the pixels of the box.

    Parameters
    ----------
    boxes : array-like of shape (n_boxes, 4)
        Rows of (x0, y0, x1, y1), as in :func:`straddling_expansion`.

    labels : array-like of int, shape (height, width), or list of them
        Regions, or several segmentations of the image, whose scores are averaged.

    Returns
    -------
    scores : ndarray of shape (n_boxes,), float64
        From 0 to 1; 1 for a box that cuts no region, as the whole image.

    Raises
    ------
    ValueError, TypeError
        If ``boxes`` are no boxes, one lies outside of the image, or label images differ in shape.

    References
    ----------
    .. [1] B. Alexe, T. Deselaers, V. Ferrari, "Measuring the objectness of image windows", PAMI
       2012.

    Examples
    --------
    >>> from sklearn_spx.regions import straddling_score
    >>> labels = [[0, 0, 0, 0, 1, 1, 1, 1]]
    >>> straddling_score([[0, 0, 4, 1], [1, 0, 5, 1], [2, 0, 6, 1]], labels).tolist()
    [1.0, 0.5, 0.0]
    """
    images = _as_list(labels)
    return np.mean([straddling_scores(boxes, image) for image in images], axis=0)


def _as_list(labels: Any) -> list[NDArray[np.int32]]:
    """One label image or several, of one shape."""
    if not len(labels):
        raise ValueError("labels is empty; accepted is a label image, or a list of them")
    if np.ndim(labels[0]) < 2:
        return [as_labels(labels)]
    images = [as_labels(image, f"labels[{k}]") for k, image in enumerate(labels)]
    for k, image in enumerate(images):
        if image.shape != images[0].shape:
            raise ValueError(
                f"labels[{k}] has shape {image.shape}, and labels[0] has {images[0].shape}"
            )
    return images


def _by_merit(scores, n_boxes):
    """Places of the boxes, the best first."""
    if scores is None:
        return np.arange(n_boxes)
    scores = np.asarray(scores, np.float64)
    if scores.shape != (n_boxes,):
        raise ValueError(f"scores has shape {scores.shape}, expected ({n_boxes},), one a box")
    if np.isnan(scores).any():
        raise ValueError(f"scores[{int(np.argmax(np.isnan(scores)))}] is NaN")
    return np.argsort(-scores, kind="stable")
