"""From classes of pixels to segments, which superpixels are scored against."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..kernels import enforce_connectivity
from ..kernels.checks import as_labels


def class_segments(classes: ArrayLike, *, void: int | Sequence[int] = ()) -> NDArray[np.int32]:
    """Make segments of a class image: the 4-connected parts of each class.

    Parameters
    ----------
    classes : array-like of int, shape (height, width)
        Class ids, or instance ids. Negative: unknown.

    void : int or sequence of int, default=()
        Ids of pixels that are unknown too, as 255.

    Returns
    -------
    segments : ndarray of shape (height, width), int32
        Labels 0, 1, ... without a gap, numbered by first pixel in reading order; -1 where the class
        is unknown, which :mod:`sklearn_spx.metrics` leaves out.

    Raises
    ------
    ValueError, TypeError
        If ``classes`` is no label image, or ``void`` no integer and no sequence of them.

    Examples
    --------
    >>> from sklearn_spx.datasets import class_segments
    >>> class_segments([[7, 7, 2, 7], [255, 7, 2, 2]], void=255).tolist()
    [[0, 0, 1, 2], [-1, 0, 1, 1]]
    """
    labels = as_labels(classes, "classes")
    unknown = np.atleast_1d(np.asarray(void))
    if unknown.ndim != 1 or (unknown.size and unknown.dtype.kind not in "ui"):
        raise TypeError(f"void must be an integer or a sequence of them, got {void!r}")
    return enforce_connectivity(np.where(np.isin(labels, unknown), np.int32(-1), labels))
