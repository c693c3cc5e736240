"""What a function that chooses clusters for pixels may return, on the CPU and on a GPU."""

import numpy as np


def clusters_of(neighbors, chosen):
    """The clusters (n,) int32 that pixels chose among their neighbours (n, Q)."""
    chosen = np.asarray(chosen)
    check(chosen, neighbors.shape)
    last = neighbors.shape[1] - 1
    n_beyond = np.count_nonzero((chosen < 0) | (chosen > last))
    within = np.clip(chosen, 0, last).astype(np.intp)
    clusters = np.take_along_axis(neighbors, within[:, None], axis=1)[:, 0]
    report(n_beyond, np.count_nonzero(clusters < 0), last)
    return clusters


def check(chosen, shape):
    """Raise an error unless there is an integer for each row of neighbours of a shape."""
    if chosen.dtype.kind not in "ui" or chosen.shape != shape[:1]:
        raise ValueError(
            f"choose returned an array of shape {chosen.shape} and dtype {chosen.dtype}; accepted "
            f"is an integer a pixel, {shape[:1]}"
        )


def report(n_beyond, n_absent, last):
    """Raise an error where pixels chose what is no neighbour 0 to `last`, or is not there."""
    if n_beyond:
        raise ValueError(f"choose returned {n_beyond} numbers outside 0 to {last}")
    if n_absent:
        raise ValueError(
            f"choose returned {n_absent} numbers of neighbours that are -1, which are not there: "
            "their differences are inf"
        )
