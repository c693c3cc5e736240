"""F measure for objects and parts (Pont-Tuset and Marques).

Large regions of the segmentation and of the annotations are candidates. A pair of candidates
that nearly coincide makes both objects; a candidate that lies nearly within another and holds
a good share of it is a part; what is left still counts by how completely the other side's
fragments fill it. Precision is the score of the segmentation's candidates, recall that of the
annotations'.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from ._contingency import contingency
from ._inputs import check_together
from .f_measure import harmonic_mean

_OBJECT = 0.9  # gamma_o: both overlaps of an object reach it
_PART = 0.25  # gamma_p: the smaller overlap of a part reaches it
_WEIGHT = 0.1  # beta: worth of a part
_AREA = 0.99  # candidates are the largest regions that make up this share of the image


def object_part_f_measure(
    labels: ArrayLike,
    ground_truths: ArrayLike | Sequence[ArrayLike],
    *,
    return_precision_recall: bool = False,
) -> float | tuple[float, float, float]:
    """Return the F measure for objects and parts.

    A region S and a segment G are objects when they share at least 90 % of each; S is a part
    when at least 90 % of it lies in G and makes up at least 25 % of G, and likewise G. Objects
    count 1, parts 0.1, and unclassified candidates by the fragments that fill them [1]_. Only
    the largest regions that make up 99 % of the pixels are candidates.

    Parameters
    ----------
    labels : array-like of int, shape (height, width)
        Segmentation. Pixels with a negative label are left out.
    ground_truths : array-like of int, shape (height, width), or list of them
        One annotation or several; any integers, negative where unknown.
    return_precision_recall : bool, default=False
        Return (F, precision, recall).

    Returns
    -------
    float or tuple of three floats
        Between 0 and 1; 1 for the annotation itself.

    Raises
    ------
    ValueError, TypeError
        If an image is no integer label image, shapes differ, there is no annotation or no pixel
        inside the mask; the message names the argument.

    References
    ----------
    .. [1] J. Pont-Tuset, F. Marques, "Supervised evaluation of image segmentation and object
       proposal techniques", PAMI 2016.

    Examples
    --------
    >>> from sklearn_spx.metrics import object_part_f_measure
    >>> truth = [[0, 0, 1, 1], [0, 0, 1, 1]]
    >>> object_part_f_measure(truth, truth)
    1.0
    >>> f, precision, recall = object_part_f_measure(
    ...     [[0, 0, 1, 2], [0, 0, 1, 2]], truth, return_precision_recall=True
    ... )
    >>> round(f, 4), round(precision, 4), recall
    (0.5714, 0.4, 1.0)
    """
    labels, truths = check_together(labels, ground_truths)
    precision, recall = object_part_scores([contingency(labels, truth) for truth in truths])
    f = float(harmonic_mean(precision, recall))
    return (f, precision, recall) if return_precision_recall else f


def object_part_scores(tables):
    """Return precision and recall from the contingency tables with every annotation."""
    n_regions = tables[0].row_size.size
    of_regions = _candidates(tables[0].row_size)
    region_object = np.zeros(n_regions, dtype=bool)
    region_part = np.zeros(n_regions, dtype=bool)
    region_filled = np.zeros(n_regions)
    gained = 0.0
    n_segments = 0
    for table in tables:
        row, column = table.row, table.column
        recall = table.overlap / table.column_size[column]
        precision = table.overlap / table.row_size[row]
        of_segments = _candidates(table.column_size)
        both = of_regions[row] & of_segments[column]
        segment_object = np.zeros(of_segments.size, dtype=bool)
        segment_part = np.zeros(of_segments.size, dtype=bool)
        segment_filled = np.zeros(of_segments.size)

        match = both & (recall >= _OBJECT) & (precision >= _OBJECT)
        region_object[row[match]] = True
        segment_object[column[match]] = True
        inside = (precision >= _OBJECT) & (recall < _OBJECT)  # S in G
        around = (recall >= _OBJECT) & (precision < _OBJECT)  # G in S
        region_part[row[both & inside & (recall >= _PART)]] = True
        segment_part[column[both & around & (precision >= _PART)]] = True
        np.add.at(segment_filled, column[inside], recall[inside])
        np.add.at(region_filled, row[around], precision[around])

        gained += _score(of_segments, segment_object, segment_part, segment_filled)
        n_segments += of_segments.sum()
    region_filled /= len(tables)
    return (
        float(_score(of_regions, region_object, region_part, region_filled) / of_regions.sum()),
        float(gained / n_segments),
    )


def _candidates(size):
    order = np.argsort(size, kind="stable")[::-1]  # of equal sizes the last label counts as largest
    before = np.cumsum(size[order]) - size[order]
    out = np.zeros(size.size, dtype=bool)
    out[order[before < _AREA * size.sum()]] = True
    return out


def _score(candidates, is_object, is_part, filled):
    is_part = is_part & ~is_object
    left = candidates & ~is_object & ~is_part
    return is_object.sum() + _WEIGHT * is_part.sum() + filled[left].sum()
