"""Structure measure of saliency maps (Fan, Cheng, Liu, Li and Borji)."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..kernels.checks import check_real
from ._saliency_inputs import Masks, over_masks

_TINY = np.finfo(np.float64).eps


def s_measure(
    saliency: ArrayLike,
    ground_truths: Masks,
    *,
    alpha: float = 0.5,
    per_annotator: bool = False,
) -> float | NDArray[np.float64]:
    """Return how alike in structure a saliency map and the mask of the objects are.

    S = alpha S_object + (1 - alpha) S_region [1]_: how high and even the map is on the objects and
    how low and even off them, and the structural similarity of the four blocks that meet at the
    objects' centre. The map is taken as it is, see :func:`saliency_mae`.

    Parameters
    ----------
    saliency : array-like of shape (height, width)
        In [0, 1], 1 where salient; uint8 is divided by 255.
    ground_truths : array-like of shape (height, width), or list of them
        Masks of bool, or of 0 and one other integer, which stands for the objects; one, or one an
        annotator.
    alpha : float, default=0.5
        Weight of the objects' part, from 0 to 1.
    per_annotator : bool, default=False
        Return the value for each annotator instead of the mean.

    Returns
    -------
    float or ndarray of shape (n_annotators,)
        Between 0 and 1, which is best. Of a mask without object 1 less the mean of the map, of one
        that is all object the mean.

    Raises
    ------
    ValueError, TypeError
        If ``saliency`` is no map of values in [0, 1], a ground truth is no mask, shapes differ,
        there is no annotation or ``alpha`` is out of range; the message names the argument.

    References
    ----------
    .. [1] D.-P. Fan, M.-M. Cheng, Y. Liu, T. Li, A. Borji, "Structure-measure: A new way to
       evaluate foreground maps", ICCV 2017.

    Examples
    --------
    >>> from sklearn_spx.metrics import s_measure
    >>> truth = [[0, 0, 0, 0], [0, 1, 1, 0], [0, 1, 1, 0], [0, 0, 0, 0]]
    >>> round(s_measure(truth, truth), 6)
    1.0
    >>> round(s_measure([[0.0] * 4] * 4, truth), 3)
    0.594
    """
    alpha = check_real(alpha, "alpha", 0)
    if alpha > 1:
        raise ValueError(f"alpha must be at most 1, got {alpha!r}")

    def score(saliency, mask):
        if not mask.any():
            return 1.0 - saliency.mean()
        if mask.all():
            return saliency.mean()
        value = alpha * _object_part(saliency, mask) + (1 - alpha) * _region_part(saliency, mask)
        return max(0.0, value)

    return over_masks(score, saliency, ground_truths, per_annotator)


def _object_part(saliency, mask):
    """S_o: the objects' and the background's similarity, weighted by their areas (eq. 10)."""
    share = mask.mean()
    return share * _evenness(saliency[mask]) + (1 - share) * _evenness(1.0 - saliency[~mask])


def _evenness(values):
    """O = 2 x / (x^2 + 1 + sigma), of mean x and deviation sigma (eq. 8, lambda = 0.5)."""
    mean = values.mean()
    spread = values.std(ddof=1) if values.size > 1 else 0.0
    return 2.0 * mean / (mean**2 + 1.0 + spread + _TINY)


def _region_part(saliency, mask):
    """S_r: structural similarity of the blocks that meet at the centre, by area (eq. 5)."""
    y, x = (int(np.round(where.mean())) + 1 for where in np.nonzero(mask))
    blocks = [np.s_[:y, :x], np.s_[:y, x:], np.s_[y:, :x], np.s_[y:, x:]]
    return sum(
        mask[block].size / mask.size * _similarity(saliency[block], mask[block].astype(np.float64))
        for block in blocks
        if mask[block].size
    )


def _similarity(a, b):
    """ssim without its constants: 4 a b s_ab / ((a^2 + b^2) (s_a^2 + s_b^2)) (eq. 2)."""
    mean_a, mean_b = a.mean(), b.mean()
    n = max(a.size - 1, 1)
    both = ((a - mean_a) * (b - mean_b)).sum() / n
    each = (((a - mean_a) ** 2).sum() + ((b - mean_b) ** 2).sum()) / n
    upper = 4.0 * mean_a * mean_b * both
    lower = (mean_a**2 + mean_b**2) * each
    if upper != 0:
        return upper / (lower + _TINY)
    return 1.0 if lower == 0 else 0.0
