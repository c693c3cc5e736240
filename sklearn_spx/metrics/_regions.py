"""Segmentations against annotations, region by region: covering, Rand index, information.

The three region scores of the Berkeley benchmark, each a sum over the contingency table.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ._contingency import contingency
from ._inputs import check_pairs, over_annotators


def segmentation_covering(
    labels: ArrayLike,
    ground_truths: ArrayLike | Sequence[ArrayLike],
    *,
    per_annotator: bool = False,
) -> float | NDArray[np.float64]:
    """Return how well the regions cover the segments of the annotations.

    Every segment counts with its area times its best intersection over union with a region
    [1]_.

    Parameters
    ----------
    labels : array-like of int, shape (height, width) or (depth, height, width)
        Segmentation. Pixels with a negative label are left out.
    ground_truths : array-like of int, of the same shape, or list of them
        One annotation or several; any integers, negative where unknown.
    per_annotator : bool, default=False
        Return the score of every annotation instead of their mean.

    Returns
    -------
    float or ndarray of shape (n_annotators,)
        Between 0 and 1; 1 for the annotation itself.

    Raises
    ------
    ValueError, TypeError
        If an image is no integer label image, shapes differ, there is no annotation or no pixel
        inside the mask; the message names the argument.

    References
    ----------
    .. [1] P. Arbelaez, M. Maire, C. Fowlkes, J. Malik, "Contour detection and hierarchical
       image segmentation", PAMI 2011.

    Examples
    --------
    >>> from sklearn_spx.metrics import segmentation_covering
    >>> segmentation_covering([[0, 0, 0, 0]], [[0, 0, 1, 1]])
    0.5
    """
    pairs = check_pairs(labels, ground_truths, volumes=True)
    return over_annotators([covering(contingency(*pair)) for pair in pairs], per_annotator)


def probabilistic_rand_index(
    labels: ArrayLike,
    ground_truths: ArrayLike | Sequence[ArrayLike],
    *,
    per_annotator: bool = False,
) -> float | NDArray[np.float64]:
    """Return the share of pixel pairs on which segmentation and annotation agree.

    A pair agrees when both put its pixels together or both keep them apart; the mean over
    annotations is the probabilistic Rand index [1]_.

    Parameters
    ----------
    labels : array-like of int, shape (height, width) or (depth, height, width)
        Segmentation. Pixels with a negative label are left out.
    ground_truths : array-like of int, of the same shape, or list of them
        One annotation or several; any integers, negative where unknown.
    per_annotator : bool, default=False
        Return the score of every annotation instead of their mean.

    Returns
    -------
    float or ndarray of shape (n_annotators,)
        Between 0 and 1; 1 for the annotation itself.

    Raises
    ------
    ValueError, TypeError
        If an image is no integer label image, shapes differ, there is no annotation or no pixel
        inside the mask; the message names the argument.

    References
    ----------
    .. [1] R. Unnikrishnan, C. Pantofaru, M. Hebert, "Toward objective evaluation of image
       segmentation algorithms", PAMI 2007.

    Examples
    --------
    >>> from sklearn_spx.metrics import probabilistic_rand_index
    >>> probabilistic_rand_index([[0, 0, 0, 1]], [[0, 0, 1, 1]])
    0.5
    """
    pairs = check_pairs(labels, ground_truths, volumes=True)
    return over_annotators([rand_index(contingency(*pair)) for pair in pairs], per_annotator)


def variation_of_information(
    labels: ArrayLike,
    ground_truths: ArrayLike | Sequence[ArrayLike],
    *,
    per_annotator: bool = False,
) -> float | NDArray[np.float64]:
    """Return the information, in bits, that segmentation and annotation do not share.

    It is the sum of the two conditional entropies of a random pixel's region [1]_.

    Parameters
    ----------
    labels : array-like of int, shape (height, width) or (depth, height, width)
        Segmentation. Pixels with a negative label are left out.
    ground_truths : array-like of int, of the same shape, or list of them
        One annotation or several; any integers, negative where unknown.
    per_annotator : bool, default=False
        Return the score of every annotation instead of their mean.

    Returns
    -------
    float or ndarray of shape (n_annotators,)
        0 for the annotation itself; lower is better.

    Raises
    ------
    ValueError, TypeError
        If an image is no integer label image, shapes differ, there is no annotation or no pixel
        inside the mask; the message names the argument.

    References
    ----------
    .. [1] M. Meila, "Comparing clusterings: an axiomatic view", ICML 2005.

    Examples
    --------
    >>> from sklearn_spx.metrics import variation_of_information
    >>> variation_of_information([[0, 0, 0, 0]], [[0, 0, 1, 1]])
    1.0
    """
    pairs = check_pairs(labels, ground_truths, volumes=True)
    return over_annotators([information(contingency(*pair)) for pair in pairs], per_annotator)


def best_iou(table):
    """Return the best intersection over union of every segment (column) with a region."""
    union = table.row_size[table.row] + table.column_size[table.column] - table.overlap
    best = np.zeros(table.column_size.size)
    np.maximum.at(best, table.column, table.overlap / union)
    return best


def covering(table):
    """Return the covering of the segments (columns) by the regions (rows)."""
    return (table.column_size * best_iou(table)).sum() / table.n_pixels


def rand_index(table):
    """Return the Rand index."""
    if table.n_pixels == 1:
        return 1.0
    together = (table.overlap.astype(np.float64) ** 2).sum()
    apart = 0.5 * sum(
        (s.astype(np.float64) ** 2).sum() for s in (table.row_size, table.column_size)
    )
    return 1.0 - (apart - together) / (table.n_pixels * (table.n_pixels - 1) / 2)


def information(table):
    """Return the variation of information in bits."""
    joint = table.overlap / table.n_pixels
    of_row = table.overlap / table.row_size[table.row]
    of_column = table.overlap / table.column_size[table.column]
    return -(joint * (np.log2(of_row) + np.log2(of_column))).sum() + 0.0  # never -0.0
