"""Slow, obvious twin of the region statistics: one region after the other, by plain numpy."""

import numpy as np


def statistics(labels, image):
    """Rows of (area, bbox, centroid, covariance, mean, std, low, high), one a region."""
    rows = []
    for label in range(labels.max() + 1):
        y, x = np.nonzero(labels == label)
        values = image[labels == label].astype(np.longdouble)
        rows.append(
            (
                len(y),
                (y.min(), x.min(), y.max() + 1, x.max() + 1),
                (y.mean(), x.mean()),
                (y.var(), ((y - y.mean()) * (x - x.mean())).mean(), x.var()),
                values.mean(axis=0),
                values.std(axis=0),
                values.min(axis=0),
                values.max(axis=0),
            )
        )
    return [np.array(column, dtype=float) for column in zip(*rows)]


def sides(labels):
    """Sides of the pixels of each region at which it ends."""
    around = np.pad(labels, 1, constant_values=-2)
    total = np.zeros(labels.max() + 1, int)
    for y, x in np.argwhere(labels >= 0):
        here = around[y + 1, x + 1]
        for v, u in ((0, 1), (2, 1), (1, 0), (1, 2)):
            total[here] += around[y + v, x + u] != here
    return total


def gradients(image, labels, n_orientations):
    """Mean length of the gradient of each region, and the share of each orientation in it."""
    n = labels.max() + 1
    length, histogram = np.zeros(n), np.zeros((n, n_orientations))

    def slope(y, x, step):
        ends = []
        for sign in (-1, 1):
            v, u = y + sign * step[0], x + sign * step[1]
            inside = 0 <= v < labels.shape[0] and 0 <= u < labels.shape[1] and labels[v, u] >= 0
            ends.append((v, u) if inside else (y, x))
        apart = abs(ends[1][0] - ends[0][0]) + abs(ends[1][1] - ends[0][1])
        if apart == 0:
            return np.zeros(image.shape[2])
        return (image[ends[1]].astype(float) - image[ends[0]]) / apart

    for y, x in np.argwhere(labels >= 0):
        dy, dx = slope(y, x, (1, 0)), slope(y, x, (0, 1))
        strongest = np.argmax(dy**2 + dx**2)
        here = np.sqrt((dy**2 + dx**2).sum())
        length[labels[y, x]] += here
        angle = np.arctan2(dy[strongest], dx[strongest]) % np.pi
        histogram[labels[y, x], round(angle / np.pi * n_orientations) % n_orientations] += here
    sizes = np.bincount(labels[labels >= 0])
    return length / sizes, histogram / np.where(length > 0, length, 1)[:, None]
