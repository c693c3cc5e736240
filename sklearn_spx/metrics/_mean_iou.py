"""Mean intersection over union of classes, the score of semantic segmentation."""

from collections import defaultdict
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from ..kernels.checks import as_labels, check_weights
from ._inputs import as_list


def mean_iou(
    predictions: ArrayLike | Sequence[ArrayLike],
    ground_truths: ArrayLike | Sequence[ArrayLike],
    *,
    sample_weight: ArrayLike | None = None,
) -> float:
    """Return the mean over classes of intersection over union, pixels of all images together.

    The mean of :func:`class_iou` over the classes that occur in a prediction or in a ground truth
    [1]_. Unlike the other scores this one compares the numbers themselves, which are classes.

    Parameters
    ----------
    predictions : array-like of int, shape (height, width), or sequence of them
        Class images. Pixels with a negative number, outside a mask, are left out.

    ground_truths : array-like of int, shape (height, width), or sequence of them
        Class images in the same order. Pixels with a negative number are unknown, and left out.

    sample_weight : array-like of shape (n_images,) or None, default=None
        Weight of the pixels of each image.

    Returns
    -------
    float
        Between 0 and 1; 1 where all classes agree.

    Raises
    ------
    ValueError, TypeError
        If an image is no integer image, shapes or numbers of images differ, or no pixel is known;
        the message names the argument.

    References
    ----------
    .. [1] M. Everingham et al., "The PASCAL visual object classes challenge: a retrospective",
       IJCV 2015.

    Examples
    --------
    >>> from sklearn_spx.metrics import mean_iou
    >>> mean_iou([[0, 0, 7, 7]], [[0, 0, 0, 7]])
    0.5833333333333333
    >>> mean_iou([[0, 0, 7, 7]], [[0, 0, -1, 7]])
    1.0
    """
    ious = class_iou(predictions, ground_truths, sample_weight=sample_weight)
    return float(np.mean(list(ious.values())))


def class_iou(
    predictions: ArrayLike | Sequence[ArrayLike],
    ground_truths: ArrayLike | Sequence[ArrayLike],
    *,
    sample_weight: ArrayLike | None = None,
) -> dict[int, float]:
    """Return the intersection over union of each class, pixels of all images together.

    The pixels that both name so, over those that either does, both summed over the images first.

    Parameters
    ----------
    predictions : array-like of int, shape (height, width), or sequence of them
        Class images. Pixels with a negative number, outside a mask, are left out.

    ground_truths : array-like of int, shape (height, width), or sequence of them
        Class images in the same order. Pixels with a negative number are unknown, and left out.

    sample_weight : array-like of shape (n_images,) or None, default=None
        Weight of the pixels of each image.

    Returns
    -------
    dict of int to float
        Between 0 and 1, of each class that occurs in a prediction or in a ground truth, ascending.

    Raises
    ------
    ValueError, TypeError
        If an image is no integer image, shapes or numbers of images differ, or no pixel is known;
        the message names the argument.

    Examples
    --------
    >>> from sklearn_spx.metrics import class_iou
    >>> class_iou([[0, 0, 7, 7]], [[0, 0, 0, 7]])
    {0: 0.6666666666666666, 7: 0.5}
    """
    predictions = as_list(predictions, "predictions")
    truths = as_list(ground_truths, "ground_truths")
    if len(predictions) != len(truths):
        raise ValueError(
            f"predictions holds {len(predictions)} images and ground_truths {len(truths)}"
        )
    weights = check_weights(sample_weight, len(truths))
    both: dict[int, float] = defaultdict(float)
    either: dict[int, float] = defaultdict(float)
    for i, weight in enumerate(weights.tolist()):
        found = as_labels(predictions[i], f"predictions[{i}]")
        truth = as_labels(truths[i], f"ground_truths[{i}]", found.shape)
        known = (found >= 0) & (truth >= 0)
        found, truth = found[known], truth[known]
        for classes, sign, total in (
            (found[found == truth], 1, both),
            (found, 1, either),
            (truth, 1, either),
            (found[found == truth], -1, either),
        ):
            for value, n in zip(*np.unique(classes, return_counts=True)):
                total[int(value)] += sign * weight * int(n)
    ious = {value: both[value] / either[value] for value in sorted(either) if either[value] > 0}
    if not ious:
        raise ValueError("no pixel is known in both predictions and ground_truths")
    return ious
