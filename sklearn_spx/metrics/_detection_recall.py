"""Recall of object proposals: which share of the objects some box finds."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils import Bunch

from ..kernels.boxes import as_boxes, box_overlaps
from ..kernels.checks import check_count
from ._inputs import check_sequence


def detection_recall(
    proposals: Sequence[ArrayLike],
    objects: Sequence[ArrayLike],
    *,
    iou: float | Sequence[float] = 0.5,
    counts: Sequence[int] = (10, 100, 1000),
) -> Bunch:
    """Return the share of objects that are found by the first boxes of each image.

    Best match per object [1]_, as the field scores proposals: an object is found if the box that
    overlaps it most does so enough, whatever other objects that box finds too. All objects of the
    data set count alike.

    Parameters
    ----------
    proposals : sequence of array-like of shape (n_boxes, 4)
        Of each image its boxes, the best first: rows of (x0, y0, x1, y1), with x1 and y1 beyond
        the last pixel. An image may have fewer boxes than are counted, or none.

    objects : sequence of array-like of shape (n_objects, 4)
        Of each image the boxes of its objects; an image may have none.

    iou : float or sequence of float, default=0.5
        Least intersection over union, above 0 and at most 1.

    counts : sequence of int, default=(10, 100, 1000)
        How many of the first boxes of each image are looked at.

    Returns
    -------
    scores : :class:`~sklearn.utils.Bunch`
        A dictionary with attributes

        recall : float64 array (n_counts,), or (n_iou, n_counts) for several ``iou``
            Share of the objects that are found.
        average_recall : float64 array (n_counts,)
            Mean of the recall over intersections over union from 0.5 to 1 [1]_, by the integral:
            the mean over objects of 2 max(IoU - 0.5, 0). COCO's takes ten steps to 0.95, and each
            box for one object only.
        best_overlap : float64 array (n_counts,)
            Mean over objects of the intersection over union with the best box.
        n_objects : int
            Objects of the data set.

    Raises
    ------
    ValueError, TypeError
        If there are not as many images in both, there is no object at all, something is no box,
        which the message names, or a parameter is out of range.

    References
    ----------
    .. [1] J. Hosang, R. Benenson, P. Dollar, B. Schiele, "What makes for effective detection
       proposals?", PAMI 2016.

    Examples
    --------
    >>> from sklearn_spx.metrics import detection_recall
    >>> proposals = [[[0, 0, 4, 2], [4, 0, 8, 4]], [[0, 0, 9, 9]]]
    >>> objects = [[[0, 0, 4, 4], [4, 0, 8, 4]], []]
    >>> scores = detection_recall(proposals, objects, iou=[0.5, 0.7], counts=[1, 2])
    >>> scores.recall.tolist(), scores.average_recall.tolist()
    ([[0.5, 1.0], [0.0, 0.5]], [0.0, 0.5])
    """
    proposals, objects = list(proposals), list(objects)
    accepted = "is a sequence with the boxes of each image"
    proposals = check_sequence(proposals, "proposals", accepted)
    objects = check_sequence(objects, "objects", accepted)
    if len(proposals) != len(objects):
        raise ValueError(
            f"proposals has {len(proposals)} images and objects {len(objects)}; they must be as "
            "many"
        )
    limits = np.asarray(iou, np.float64)
    if limits.ndim > 1 or not ((limits > 0) & (limits <= 1)).all():
        raise ValueError(f"iou must be above 0 and at most 1, or several such, got {iou!r}")
    counts = [check_count(count, f"counts[{k}]") for k, count in enumerate(counts)]
    best = [
        _best_overlaps(
            as_boxes(found, f"proposals[{i}]"), as_boxes(wanted, f"objects[{i}]"), counts
        )
        for i, (found, wanted) in enumerate(zip(proposals, objects))
    ]
    overlaps = np.concatenate(best) if best else np.empty((0, len(counts)))
    if len(overlaps) == 0:
        raise ValueError("objects has no box in any image: there is nothing to find")
    return Bunch(
        recall=(overlaps >= limits[..., None, None]).mean(axis=-2),
        average_recall=2 * np.maximum(overlaps - 0.5, 0).mean(axis=0),
        best_overlap=overlaps.mean(axis=0),
        n_objects=len(overlaps),
    )


def _best_overlaps(found, wanted, counts):
    """Of each object the greatest overlap with the first boxes, for each count."""
    overlaps = np.zeros((len(wanted), len(found) + 1))  # without a box it is 0
    overlaps[:, 1:] = box_overlaps(wanted, found)
    np.maximum.accumulate(overlaps, axis=1, out=overlaps)
    return overlaps[:, np.minimum(counts, len(found)).astype(int)]
