"""Connected label images: every label one 4-connected region, none too small."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..checks import as_labels, as_mask, check_count
from . import _cpu

__all__ = ["connect", "enforce_connectivity"]


def enforce_connectivity(
    labels: ArrayLike, min_size: int = 0, *, mask: ArrayLike | None = None
) -> NDArray[np.int32]:
    """Split labels into 4-connected regions and merge the small ones into a neighbour.

    First every pixel that differs from its four neighbours takes the label most frequent among
    them (of equals the one above, then left, right, below). Then a region below `min_size` joins
    the one with which it shares the longest border (of equals the smaller, or the first in reading
    order), in rounds: regions below 2 pixels, then those below 4, 8, ... up to `min_size`, so that
    crumbs meet their like before they meet a large region.

    Parameters
    ----------
    labels : array-like of int, shape (height, width)
        Label image. Negative labels are outside; the others need be neither connected nor without
        a gap.
    min_size : int, default=0
        Pixels a region must have unless it has no neighbour. 0 and 1 merge nothing.
    mask : array-like of bool, shape (height, width), default=None
        False for pixels that are outside, beside those of negative label.

    Returns
    -------
    labels : ndarray of int32, shape (height, width)
        Labels 0, 1, ... without a gap, numbered by first pixel in reading order; -1 outside.

    Raises
    ------
    TypeError, ValueError
        If an argument has a wrong type, shape or range.

    Examples
    --------
    >>> from sklearn_spx.kernels import enforce_connectivity
    >>> enforce_connectivity([[7, 7, 2, 7], [7, 7, 2, 2]])
    array([[0, 0, 1, 2],
           [0, 0, 1, 1]], dtype=int32)
    >>> enforce_connectivity([[7, 7, 2, 7], [7, 7, 2, 2]], min_size=2)
    array([[0, 0, 1, 1],
           [0, 0, 1, 1]], dtype=int32)
    """
    out = as_labels(labels).copy()
    min_size = check_count(min_size, "min_size", 0)
    if mask is not None:
        out[~as_mask(mask, out.shape)] = -1
    connect(out, min_size)
    return out


def connect(labels: NDArray[np.int32], min_size: int) -> int:
    """Do the work of `enforce_connectivity` in place, without its checks.

    Parameters
    ----------
    labels : int32 ndarray of shape (height, width), C-contiguous
        Any labels, negative outside the mask; overwritten by the new ones.

    min_size : int
        Regions of fewer pixels join a neighbour.

    Returns
    -------
    n : int
        How many regions there are now.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_spx.kernels.connectivity import connect
    >>> labels = np.array([[5, 5, 9, 5]], np.int32)
    >>> connect(labels, 0), labels
    (3, array([[0, 0, 1, 2]], dtype=int32))
    """
    height, width = labels.shape
    min_size = min(min_size, labels.size)  # which no region with a neighbour has
    if min_size > 1:
        _cpu.settle_pixels(labels, np.full((3, width + 2), -1, np.int32))
    first = np.empty(height + 1, np.int64)
    _cpu.count_runs(labels, first)
    n_runs = int(first[-1])
    index = np.int32 if n_runs < 2**31 else np.int64
    runs = _cpu.Runs(
        first=first,
        ends=np.empty(n_runs, np.int32),
        values=np.empty(n_runs, np.int32),
        component=np.empty(n_runs, index),
    )
    sizes = np.empty(n_runs, np.int64)
    n = _cpu.label_runs(labels, runs, sizes)
    sizes = sizes[:n]
    parent = np.arange(n, dtype=index)
    small = sizes < min_size
    if small.any():
        borders = _cpu.Borders(
            heads=np.empty(n, np.int64),
            other=np.empty(6 * n_runs, index),
            shared=np.empty(6 * n_runs, np.int32),
            after=np.empty(6 * n_runs, np.int64),
        )
        _cpu.list_borders(runs, small, borders)
        _cpu.merge_small(sizes, min_size, borders, parent, np.full(n, -1, np.int64))
    return _cpu.write_labels(runs, parent, np.full(n, -1, np.int32), labels)
