"""The regions of a label image, numbered without a gap; their own numbers are kept beside."""

import numpy as np

SPARSE = 4  # labels up to so many times the pixels get a table


def number_nodes(labels):
    """Return (ids, nodes) of a label image, int32 (H, W).

    ``ids`` are the labels from 0 up that there are, ascending; ``nodes`` says for each pixel which
    of them it has, -1 where its label is negative.
    """
    top = int(labels.max())
    if top < 0:
        return np.empty(0, np.int32), np.full(labels.shape, -1, np.int32)
    if top > SPARSE * labels.size + 256:  # a few huge labels must not cost a table of their size
        ids = np.unique(labels[labels >= 0])
        nodes = np.searchsorted(ids, labels).astype(np.int32)
        nodes[labels < 0] = -1
        return ids, nodes
    found = np.zeros(top + 2, bool)  # the last is for what is outside
    found[np.maximum(labels, -1)] = True
    found[-1] = False
    nodes = np.full(top + 2, -1, np.int32)
    ids = np.flatnonzero(found).astype(np.int32)
    nodes[ids] = np.arange(ids.size, dtype=np.int32)
    return ids, nodes[np.maximum(labels, -1)]
