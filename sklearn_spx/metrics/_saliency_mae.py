"""Mean absolute error of saliency maps."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ._saliency_inputs import Masks, over_masks


def saliency_mae(
    saliency: ArrayLike, ground_truths: Masks, *, per_annotator: bool = False
) -> float | NDArray[np.float64]:
    """Return the mean absolute difference of a saliency map and the mask of the objects.

    The map is taken as it is; evaluators that stretch each to [0, 1] first, as pysodmetrics does
    unless told ``normalize=False``, agree where a map holds both 0 and 1.

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
        Between 0, which is best, and 1.

    Raises
    ------
    ValueError, TypeError
        If ``saliency`` is no map of values in [0, 1], a ground truth is no mask, shapes differ or
        there is no annotation; the message names the argument.

    References
    ----------
    .. [1] F. Perazzi, P. Krahenbuhl, Y. Pritch, A. Hornung, "Saliency filters: Contrast based
       filtering for salient region detection", CVPR 2012.

    Examples
    --------
    >>> from sklearn_spx.metrics import saliency_mae
    >>> saliency_mae([[0.0, 0.5, 1.0, 1.0]], [[0, 0, 1, 1]])
    0.125
    """
    return over_masks(_error, saliency, ground_truths, per_annotator)


def _error(saliency, mask):
    return np.abs(saliency - mask).mean()
