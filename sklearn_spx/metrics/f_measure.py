"""F-measures from precision and recall, and from counts."""

import numpy as np

__all__ = ["f_of_counts", "harmonic_mean"]


def harmonic_mean(precision, recall):
    """Return F = 2 P R / (P + R), 0 where both are 0."""
    total = np.asarray(precision + recall)
    return 2.0 * precision * recall / np.where(total > 0, total, 1.0)


def f_of_counts(counts):
    """Return F, precision and recall of counts of shape (..., 4)."""
    matched, wanted, in_any, found = np.moveaxis(np.asarray(counts, dtype=np.float64), -1, 0)
    precision = np.where(found > 0, in_any / np.maximum(found, 1), 1.0)
    recall = np.where(wanted > 0, matched / np.maximum(wanted, 1), found == 0)
    return harmonic_mean(precision, recall), precision, recall
