"""Slow, obvious twins of what is done with optical flow: one pixel after the other."""

from collections import Counter

import numpy as np


def target(flow, shape, y, x):
    """Where a pixel comes to lie, or None."""
    down, right = flow[:, 0, 0] if flow.shape[1:] == (1, 1) else flow[:, y, x]
    if not np.isfinite([down, right]).all():
        return None
    place = int(y) + round(down), int(x) + round(right)
    return place if 0 <= place[0] < shape[0] and 0 <= place[1] < shape[1] else None


def move_labels(labels, flow):
    out = np.full(labels.shape, -1)
    for y, x in np.argwhere(labels >= 0):
        place = target(flow, labels.shape, y, x)
        if place is not None:
            out[place] = labels[y, x]
    return out


def count_kept(labels, following, flow):
    places = [(labels[y, x], target(flow, labels.shape, y, x)) for y, x in np.argwhere(labels >= 0)]
    seen = [(a, following[p]) for a, p in places if p is not None and following[p] >= 0]
    return sum(a == b for a, b in seen), len(seen)


def shared_pixels(labels, others):
    """Sizes of the labels, and a dict from pairs of labels to the pixels they share."""
    sizes = [int((labels == a).sum()) for a in range(labels.max() + 1)]
    pairs = zip(labels.ravel().tolist(), others.ravel().tolist())
    return sizes, Counter((a, b) for a, b in pairs if a >= 0 and b >= 0)


def region_seeds(labels, n_places):
    """Pixels of each region that are evenly spaced in reading order."""
    seeds = []
    for label in np.unique(labels[labels >= 0]):
        pixels = np.argwhere(labels == label)
        seeds.append([pixels[(2 * j + 1) * len(pixels) // (2 * n_places)] for j in range(n_places)])
    return np.reshape(seeds, (-1, n_places, 2))
