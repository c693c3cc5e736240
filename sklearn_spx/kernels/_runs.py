"""Runs of pixels, in reading order, that have one label in each of some label images."""

import numpy as np


def run_ends(*labels):
    """Where runs end: int64 (n_runs,), each the first pixel that is no longer of the run.

    labels : int32 arrays of one size, flat and not empty. A run may go on into the next row.
    """
    changes = labels[0][1:] != labels[0][:-1]  # numpy compares many at once, a loop one by one
    for more in labels[1:]:
        changes |= more[1:] != more[:-1]
    return np.append(np.flatnonzero(changes) + 1, labels[0].size)
