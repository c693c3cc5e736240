"""Weighted F-measure of saliency maps (Margolin, Zelnik-Manor and Tal).

Errors are weighed before they are counted: inside the object a miss counts less where the pixels
around were found, as they stand for it; outside, a false alarm counts the more the farther it
lies from the object.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.ndimage import distance_transform_edt, gaussian_filter

from ._saliency_inputs import Masks, over_masks

_SIGMA, _RADIUS = 5.0, 3  # of dependency between pixels: a Gaussian window of 7 x 7
_HALVES = np.log(0.5) / 5  # by which an alarm's weight nears 2: half the way every 5 pixels


def weighted_f_measure(
    saliency: ArrayLike, ground_truths: Masks, *, per_annotator: bool = False
) -> float | NDArray[np.float64]:
    """Return the weighted F-measure of a saliency map, at beta = 1.

    The map is not cut at a threshold: precision and recall are those of its errors ``|S - G|``,
    weighted by where they lie [1]_. The map is taken as it is, see :func:`saliency_mae`.

    Parameters
    ----------
    saliency : array-like of shape (height, width)
        In [0, 1], 1 where salient; uint8 is divided by 255.
    ground_truths : array-like of shape (height, width), or list of them
        Masks of bool, or of 0 and one other integer, which stands for the objects; one, or one an
        annotator.
    per_annotator : bool, default=False
        Return the value for each annotator instead of the mean.

    Returns
    -------
    float or ndarray of shape (n_annotators,)
        Between 0 and 1, which is best. 0 where a mask has no object, as in pysodmetrics.

    Raises
    ------
    ValueError, TypeError
        If ``saliency`` is no map of values in [0, 1], a ground truth is no mask, shapes differ or
        there is no annotation; the message names the argument.

    References
    ----------
    .. [1] R. Margolin, L. Zelnik-Manor, A. Tal, "How to evaluate foreground maps?", CVPR 2014.

    Examples
    --------
    >>> from sklearn_spx.metrics import weighted_f_measure
    >>> truth = [[0, 0, 0, 1, 1, 1]]
    >>> round(weighted_f_measure(truth, truth), 6)
    1.0
    >>> near, far = [[0, 0, 1, 1, 1, 1]], [[1, 0, 0, 1, 1, 1]]
    >>> round(weighted_f_measure(near, truth), 3), round(weighted_f_measure(far, truth), 3)
    (0.842, 0.817)
    """
    return over_masks(_score, saliency, ground_truths, per_annotator)


def _score(saliency, mask):
    if not mask.any():
        return 0.0
    error = np.abs(saliency - mask)
    distance, nearest = distance_transform_edt(~mask, return_indices=True)
    # outside counts as the nearest pixel of the object does: the border does not thin A E out
    around = gaussian_filter(error[tuple(nearest)], _SIGMA, mode="constant", radius=_RADIUS)
    error = np.where(mask, np.minimum(error, around), error)  # min(E, E A), eq. 14
    error *= np.where(mask, 1.0, 2.0 - np.exp(_HALVES * distance))  # B, eq. 15
    hits = mask.sum() - error[mask].sum()  # TP^w
    alarms = error[~mask].sum()  # FP^w
    recall = 1.0 - error[mask].mean()
    precision = hits / (hits + alarms) if hits + alarms > 0 else 0.0
    total = precision + recall
    return 2.0 * precision * recall / total if total > 0 else 0.0
