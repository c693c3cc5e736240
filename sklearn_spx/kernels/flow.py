"""Optical flow: where the pixels of a frame lie in the next one, and what they share with it."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ._runs import run_ends
from .compilation import njit, rule

__all__ = ["as_flow", "count_kept", "move_labels", "shared_pixels"]


def as_flow(flow: Any, shape: tuple[int, ...], name: str = "flow") -> NDArray[np.float64]:
    """Check a flow and cast it to float64.

    Parameters
    ----------
    flow : array-like of shape (2, height, width) or (2, 1, 1)
        Rows and columns that each pixel, or all of them, moves by; what is not finite is unknown.

    shape : tuple of two int
        Height and width of the frame.

    name : str, default="flow"
        What messages call it.

    Returns
    -------
    flow : ndarray of one of these shapes, float64
        The flow.

    Raises
    ------
    TypeError
        If the values are no real numbers.
    ValueError
        If the shape is another.

    Examples
    --------
    >>> from sklearn_spx.kernels.flow import as_flow
    >>> as_flow([[[0]], [[3]]], (20, 30)).ravel()
    array([0., 3.])
    """
    flow = np.asarray(flow)
    if flow.dtype.kind not in "iuf":
        raise TypeError(f"{name} has dtype {flow.dtype}; accepted are real numbers")
    if flow.shape not in ((2, *shape), (2, 1, 1)):
        raise ValueError(f"{name} has shape {flow.shape}; accepted is {(2, *shape)} or (2, 1, 1)")
    return flow.astype(np.float64)


def move_labels(labels: NDArray[np.int32], flow: NDArray[np.float64]) -> NDArray[np.int32]:
    """Labels where their pixels lie in the next frame.

    Parameters
    ----------
    labels : ndarray of shape (height, width), int32
        Labels of a frame; negative ones move nowhere.

    flow : ndarray of shape (2, height, width) or (2, 1, 1), float64
        As of :func:`as_flow`; pixels move in whole pixels.

    Returns
    -------
    moved : ndarray of shape (height, width), int32
        -1 where nothing comes to lie; where several pixels do, the last one in reading order.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_spx.kernels.flow import as_flow, move_labels
    >>> move_labels(np.array([[4, 5, 6]], np.int32), as_flow([[[0]], [[1]]], (1, 3)))
    array([[-1,  4,  5]], dtype=int32)
    """
    out = np.full(labels.shape, -1, np.int32)
    if flow.shape[1:] == (1, 1) and np.isfinite(flow).all():
        _shift(labels, np.rint(flow.ravel()), out)
    else:
        _move(labels, flow, out)
    return out


def _shift(labels, by, out):
    """Write labels where they lie, all moved alike. out : INOUT (H, W) int32, -1."""
    # beyond the frame nothing is seen, however far
    down, right = (int(np.clip(d, -n, n)) for d, n in zip(by, labels.shape))
    height, width = labels.shape
    part = labels[max(0, -down) : height - max(0, down), max(0, -right) : width - max(0, right)]
    top, left = max(0, down), max(0, right)
    np.maximum(part, -1, out=out[top : top + part.shape[0], left : left + part.shape[1]])


def count_kept(
    labels: NDArray[np.int32], following: NDArray[np.int32], flow: NDArray[np.float64]
) -> tuple[int, int]:
    """Count the pixels that keep their label, and those that could.

    Parameters
    ----------
    labels, following : ndarray of shape (height, width), int32
        Labels of a frame and of the next one; negative: none.

    flow : ndarray of shape (2, height, width) or (2, 1, 1), float64
        As of :func:`as_flow`; pixels move in whole pixels.

    Returns
    -------
    kept, seen : int
        Of the pixels with a label that move to a pixel with a label, those that have the same one;
        and how many they are.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_spx.kernels.flow import as_flow, count_kept
    >>> labels = np.array([[4, 4, 7]], np.int32)
    >>> count_kept(labels, labels, as_flow([[[0]], [[1]]], (1, 3)))
    (1, 2)
    """
    return _count_kept(labels, following, flow)


def shared_pixels(
    labels: NDArray[np.int32], others: NDArray[np.int32]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Count the pixels that the regions of two label images share.

    Parameters
    ----------
    labels, others : ndarray of shape (height, width), int32
        Labels from 0 on, negative: none. Those of ``others`` may have gaps.

    Returns
    -------
    sizes : ndarray of shape (n,), int64
        Pixels of each label of ``labels``, up to the greatest.

    pairs : ndarray of shape (3, n_pairs), int64
        Label, other label, and the pixels that they share, one at least; in no certain order.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_spx.kernels.flow import shared_pixels
    >>> labels, others = np.array([[0, 0, 1, 1]], np.int32), np.array([[4, 4, 4, -1]], np.int32)
    >>> sizes, pairs = shared_pixels(labels, others)
    >>> sizes.tolist(), pairs.T.tolist()
    ([2, 2], [[0, 4, 2], [1, 4, 1]])
    """
    n, n_others = max(int(labels.max()) + 1, 0), max(int(others.max()) + 1, 0)
    sizes = np.zeros(n, np.int64)
    if n * n_others <= 4 * labels.size:
        table = np.zeros((n, n_others), np.int32)
        found = np.empty((2, min(table.size, labels.size)), np.int32)
        flat = labels.ravel(), others.ravel()
        n_pairs = _share(*flat, run_ends(*flat), sizes, table, found)
        region, other = found[:, :n_pairs].astype(np.int64)
        return sizes, np.stack([region, other, table[region, other].astype(np.int64)])
    here = labels >= 0
    sizes += np.bincount(labels[here], minlength=n)
    both = here & (others >= 0)
    keys, shared = np.unique(
        labels[both].astype(np.int64) * n_others + others[both], return_counts=True
    )
    region, other = np.divmod(keys, max(n_others, 1))
    return sizes, np.stack([region, other, shared])


@njit
def _share(labels, others, ends, sizes, table, pairs):
    """Add up runs of pixels with the same two labels; return how many pairs there are.

    Parameters
    ----------
    labels, others : IN (H * W,) int32
    ends : IN (runs,) int64, where the runs of both end
    sizes : INOUT (n,) int64, zeros
    table : INOUT (n, m) int32, zeros: pixels shared
    pairs : OUT (2, most pairs) int32, the two labels
    """
    n_pairs = start = 0
    for end in ends:
        a, b = labels[start], others[start]
        if a >= 0:
            sizes[a] += end - start
            if b >= 0:
                if table[a, b] == 0:
                    pairs[0, n_pairs], pairs[1, n_pairs] = a, b
                    n_pairs += 1
                table[a, b] += end - start
        start = end
    return n_pairs


@rule
def _target(flow, shape, y, x):
    """Where a pixel comes to lie, (-1, -1) if its flow is unknown or leads out of the frame."""
    height, width = shape
    k, j = (y, x) if flow.shape[1] > 1 or flow.shape[2] > 1 else (0, 0)
    down, right = flow[0, k, j], flow[1, k, j]
    if not (np.isfinite(down) and np.isfinite(right)):
        return -1, -1
    down, right = y + np.rint(down), x + np.rint(right)  # so that halves are one shift everywhere
    if down < 0 or down >= height or right < 0 or right >= width:
        return -1, -1
    return int(down), int(right)


@njit
def _move(labels, flow, out):
    """Write labels where they lie. out : INOUT (H, W) int32, -1."""
    for y in range(labels.shape[0]):
        for x in range(labels.shape[1]):
            if labels[y, x] >= 0:
                v, u = _target(flow, labels.shape, y, x)
                if v >= 0:
                    out[v, u] = labels[y, x]


@njit
def _count_kept(labels, following, flow):
    kept = seen = 0
    for y in range(labels.shape[0]):
        for x in range(labels.shape[1]):
            if labels[y, x] >= 0:
                v, u = _target(flow, labels.shape, y, x)
                if v >= 0 and following[v, u] >= 0:
                    seen += 1
                    kept += labels[y, x] == following[v, u]
    return kept, seen
