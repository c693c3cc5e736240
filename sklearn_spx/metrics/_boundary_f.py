"""Boundary F measure of the Berkeley benchmark.

Both the segmentation and every annotation become boundaries one pixel wide, which are matched
one to one within a distance. Recall counts matched annotated pixels over all annotations;
precision counts segmentation pixels matched in at least one of them.
"""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..kernels.checks import check_real
from ._inputs import check_together
from ._matching import match_each, pixels_of
from ._thinning import thin_boundaries
from .f_measure import f_of_counts


def boundary_f_measure(
    labels: ArrayLike,
    ground_truths: ArrayLike | Sequence[ArrayLike],
    *,
    max_distance: float = 0.0075,
    return_precision_recall: bool = False,
) -> float | tuple[float, float, float]:
    """Return the boundary F measure.

    Boundaries are thinned to one pixel and matched one to one: as many pairs as possible, of
    those the least total distance, and where that leaves a choice the segmentation pixels that
    come first in reading order. Recall is the share of annotated pixels that are matched,
    summed over annotations; precision the share of segmentation pixels matched in at least one
    annotation [1]_.

    Parameters
    ----------
    labels : array-like of int, shape (height, width)
        Segmentation. Pixels with a negative label are left out.
    ground_truths : array-like of int, shape (height, width), or list of them
        One annotation or several; any integers, negative where unknown.
    max_distance : float, default=0.0075
        Largest distance of a pair as a share of the image diagonal.
    return_precision_recall : bool, default=False
        Return (F, precision, recall).

    Returns
    -------
    float or tuple of three floats
        Between 0 and 1; 1 for the annotation itself. Without a segmentation boundary the
        precision is 1 and the recall 0.

    Raises
    ------
    ValueError, TypeError
        If an image is no integer label image, shapes differ, there is no annotation or no pixel
        inside the mask, or a parameter is not accepted; the message names the argument.

    See Also
    --------
    boundary_f_counts : The four counts behind it, which add up over images.
    evaluate_segmentations : Data-set figures at the best settings (ODS and OIS).

    References
    ----------
    .. [1] D. Martin, C. Fowlkes, J. Malik, "Learning to detect natural image boundaries using
       local brightness, color, and texture cues", PAMI 2004; P. Arbelaez, M. Maire, C.
       Fowlkes, J. Malik, "Contour detection and hierarchical image segmentation", PAMI 2011.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_spx.metrics import boundary_f_measure
    >>> truth = np.zeros((40, 40), dtype=int)
    >>> truth[:, 20:] = 1
    >>> boundary_f_measure(truth, truth)
    1.0
    >>> labels = truth.copy()
    >>> labels[20:] += 2
    >>> f, precision, recall = boundary_f_measure(labels, truth, return_precision_recall=True)
    >>> round(f, 3), round(precision, 3), recall
    (0.672, 0.506, 1.0)
    """
    counts = boundary_f_counts(labels, ground_truths, max_distance=max_distance)
    f, precision, recall = (float(value) for value in f_of_counts(counts))
    return (f, precision, recall) if return_precision_recall else f


def boundary_f_counts(
    labels: ArrayLike,
    ground_truths: ArrayLike | Sequence[ArrayLike],
    *,
    max_distance: float = 0.0075,
) -> NDArray[np.int64]:
    """Return the four counts behind the boundary F measure.

    Counts add up over images; recall is ``counts[0] / counts[1]`` and precision
    ``counts[2] / counts[3]``.

    Parameters
    ----------
    labels : array-like of int, shape (height, width)
        Segmentation. Pixels with a negative label are left out.
    ground_truths : array-like of int, shape (height, width), or list of them
        One annotation or several; any integers, negative where unknown.
    max_distance : float, default=0.0075
        Largest distance of a pair as a share of the image diagonal.

    Returns
    -------
    ndarray of shape (4,), int64
        Annotated boundary pixels that are matched, and all of them, summed over annotations;
        segmentation boundary pixels matched in at least one annotation, and all of them.

    Raises
    ------
    ValueError, TypeError
        If an image is no integer label image, shapes differ, there is no annotation or no pixel
        inside the mask, or a parameter is not accepted; the message names the argument.

    See Also
    --------
    boundary_f_measure : The score.

    Examples
    --------
    >>> from sklearn_spx.metrics import boundary_f_counts
    >>> boundary_f_counts([[0, 0, 1, 1, 2, 2]], [[[0, 0, 1, 1, 1, 1]], [[0, 0, 0, 0, 1, 1]]])
    array([2, 2, 2, 2])
    """
    labels, truths = check_together(labels, ground_truths)
    max_distance = check_real(max_distance, "max_distance", 0.0)
    radius = max_distance * math.hypot(*labels.shape)
    wanted = [pixels_of(thin_boundaries(truth)) for truth in truths]
    return match_counts(thin_boundaries(labels), wanted, radius)


def match_counts(found, wanted, radius):
    """Return the four counts of a thinned map and the pixels of all annotations' thinned maps."""
    matches = match_each(wanted, found, radius)
    in_any = np.any([matched for _, matched in matches], axis=0)
    return np.array(
        [
            sum(n for n, _ in matches),
            sum(pixels.shape[1] for pixels in wanted),
            np.count_nonzero(in_any),
            in_any.size,
        ],
        dtype=np.int64,
    )
