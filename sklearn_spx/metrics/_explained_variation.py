"""Explained variation: how much of an image its superpixels' mean colours keep."""

import numpy as np
from numpy.typing import ArrayLike

from ..kernels.checks import as_image_and_labels
from ._contingency import compact
from ._inputs import check_labels


def explained_variation(labels: ArrayLike, image: ArrayLike) -> float:
    """Return the share of an image's variance that the means of its superpixels explain.

    The sum over superpixels of their size times the squared distance of their mean to the mean of
    the image, divided by the sum over pixels of their squared distance to it [1]_; distances are
    Euclidean over all channels. No annotation is needed. It rises with the number of superpixels
    and depends on the colour space: state both beside a figure.

    Parameters
    ----------
    labels : array-like of int, shape (height, width)
        Superpixels. Pixels with a negative label are left out.
    image : array-like of shape (height, width) or (height, width, n_channels)
        Boolean, integer or real values, finite in float32; where labels are negative it may hold
        anything, as NaN. Sums are taken in float64, about a value of the image, so that a large
        offset costs no digits.

    Returns
    -------
    float
        Between 0 and 1; 1 where every superpixel is of one colour, as in an image of one colour.

    Raises
    ------
    ValueError, TypeError
        If one is no label image or the other no image, their shapes differ, a value inside the
        mask is not finite, or no pixel is inside the mask; the message names the argument.

    References
    ----------
    .. [1] A. P. Moore, S. J. D. Prince, J. Warrell, U. Mohammed, G. Jones, "Superpixel
       lattices", CVPR 2008.

    Examples
    --------
    >>> from sklearn_spx.metrics import explained_variation
    >>> explained_variation([[0, 0, 1, 1]], [[0.0, 1.0, 2.0, 3.0]])
    0.8
    """
    _, labels = as_image_and_labels(image, labels)
    labels = check_labels(labels)
    inside = labels >= 0
    index, n = compact(labels[inside])
    index = index.astype(np.intp)
    values = np.asarray(image)[inside].astype(np.float64).reshape(index.size, -1)
    values = values - values[0]  # all 0, exactly, where there is one colour
    peak = np.abs(values).max()
    if peak == 0:
        return 1.0
    values = np.ldexp(values, -np.frexp(peak)[1])  # exact; their squares do not vanish
    values -= values.mean(axis=0)
    size = np.bincount(index, minlength=n)
    between = sum((np.bincount(index, one) ** 2 / size).sum() for one in values.T)
    return min(1.0, float(between / (values**2).sum()))
