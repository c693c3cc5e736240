"""Graph-based superpixels on affinities, exactly as many as asked for."""

import numpy as np

from ...kernels import graph_segmentation


def graph_segments(affinities, count, connectivity, mask=None):
    """Felzenszwalb-Huttenlocher segments, the scale searched for the count, met exactly."""
    inside = np.ones(affinities.shape[1:], bool) if mask is None else mask
    n_pixels = int(inside.sum())
    if count > n_pixels:
        raise ValueError(f"n_segments is {count}, more than the {n_pixels} pixels")
    options = {
        "affinities": affinities,
        "connectivity": connectivity,
        "mask": mask,
        "min_size": max(1, n_pixels // (6 * count)),
    }
    # log2 of the greatest scale with segments enough. They grow fewer again at small scales,
    # where ``min_size`` joins single pixels: so from above, and with a lesser one if need be
    low = high = 16.0
    labels = graph_segmentation(scale=2.0**low, **options)
    while labels.max() + 1 < count:
        if low > -8:
            low, high = low - 2, low
        elif options["min_size"] > 1:
            low = high = 16.0
            options["min_size"] //= 2
        else:  # pixels all alike: begin from single ones
            single = np.cumsum(inside).reshape(inside.shape) - 1
            return _merge_to(np.where(inside, single, -1), affinities, count)
        labels = graph_segmentation(scale=2.0**low, **options)
    for _ in range(7):
        if labels.max() + 1 == count:
            return labels
        middle = (low + high) / 2
        found = graph_segmentation(scale=2.0**middle, **options)
        if found.max() + 1 < count:
            high = middle
        else:
            low, labels = middle, found
    return _merge_to(labels, affinities, count)


def _merge_to(labels, affinities, count):
    """Join the neighbouring regions that are most alike until ``count`` remain."""
    n = int(labels.max()) + 1
    pairs, alike = [], []
    for a, b, affinity in (
        (labels[:, :-1], labels[:, 1:], affinities[0, :, :-1]),
        (labels[:-1], labels[1:], affinities[1, :-1]),
    ):
        border = (a != b) & (a >= 0) & (b >= 0)
        a, b = a[border].astype(np.int64), b[border].astype(np.int64)
        pairs.append(np.minimum(a, b) * n + np.maximum(a, b))
        alike.append(affinity[border])
    pairs, where = np.unique(np.concatenate(pairs), return_inverse=True)
    mean = np.bincount(where, np.concatenate(alike)) / np.bincount(where)
    parent = np.arange(n)

    def root(a):
        while parent[a] != a:
            parent[a] = a = parent[parent[a]]
        return a

    for pair in pairs[np.argsort(-mean, kind="stable")]:
        if n <= count:
            break
        a, b = root(pair // len(parent)), root(pair % len(parent))
        if a != b:
            parent[max(a, b)] = min(a, b)
            n -= 1
    roots = np.array([root(a) for a in range(len(parent))])
    dense = np.unique(roots, return_inverse=True)[1].astype(np.int32)
    return np.where(labels >= 0, dense[labels], np.int32(-1))
