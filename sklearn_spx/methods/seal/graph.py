"""Graph-based superpixels on affinities, exactly as many as asked for."""

import numpy as np

from ...kernels import graph_segmentation, merge_heights, merge_regions
from ...kernels.affinities import diagonal_affinities
from ...learned import to_host


def graph_segments(affinities, count, connectivity, mask=None):
    """Felzenszwalb-Huttenlocher segments, the scale searched for the count, met exactly.

    Affinities and mask are arrays, or tensors on a GPU, where all but the last merges is done.
    """
    height, width = affinities.shape[1:]
    n_pixels = height * width if mask is None else int(mask.sum())
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
            inside = np.ones((height, width), bool) if mask is None else to_host(mask)
            single = np.cumsum(inside).reshape(inside.shape) - 1
            labels = np.where(inside, single, -1)
            return _merge_to(labels, affinities, count, connectivity)
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
    return _merge_to(labels, affinities, count, connectivity)


def _merge_to(labels, affinities, count, connectivity):
    """Join the neighbouring regions that are most alike until ``count`` remain.

    Regions that meet at corners alone come after all those that share a side.
    """
    labels, affinities = to_host(labels), to_host(affinities)
    n = int(labels.max()) + 1
    sides = (
        (labels[:, :-1], labels[:, 1:], affinities[0, :, :-1]),
        (labels[:-1], labels[1:], affinities[1, :-1]),
    )
    edges, alike = _neighbours(sides, n)
    weights = -alike
    if connectivity == 8:
        diagonal = diagonal_affinities(affinities)
        corners = (
            (labels[:-1, :-1], labels[1:, 1:], diagonal),
            (labels[:-1, 1:], labels[1:, :-1], diagonal),
        )
        across, alike = _neighbours(corners, n)
        edges, weights = np.concatenate([edges, across]), np.append(weights, 1 - alike)
    _, tree = merge_heights(edges, weights, n)
    if n - len(tree) > count:
        raise ValueError(
            f"n_segments is {count}, but the mask has {n - len(tree)} unconnected parts"
        )
    merges = edges[tree[: n - count]]
    regions = merge_regions(merges, np.zeros(len(merges)), n, 0.0)
    return np.where(labels >= 0, regions[labels], np.int32(-1))


def _neighbours(borders, n):
    """Pairs of regions (E, 2), sorted, and their mean affinity, of (labels, labels, affinities)."""
    codes, values = [], []
    for a, b, affinity in borders:
        between = (a != b) & (a >= 0) & (b >= 0)
        a, b = a[between].astype(np.int64), b[between].astype(np.int64)
        codes.append(np.minimum(a, b) * n + np.maximum(a, b))
        values.append(affinity[between])
    codes, where = np.unique(np.concatenate(codes), return_inverse=True)
    means = np.bincount(where, np.concatenate(values)) / np.bincount(where)
    return np.stack(np.divmod(codes, n), axis=1), means
