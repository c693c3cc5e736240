"""What trainable superpixels learn from: pixels, their nearest clusters, and which one is right.

A plain SLIC is run on each training image. `labels` names what is right (section V of Verelst et
al.), `hard_examples` which pixels are asked.
"""

import math
from typing import NamedTuple

import numpy as np
from scipy.spatial import cKDTree

from ...features import LabFeatures
from ...features.lab import weights_to_lab
from ...kernels.cluster_assign import (
    border_crossings,
    cluster_means,
    nearest_clusters,
    squared_differences,
)
from ...kernels.slic import slic_quiet
from ...model_file import decode_fitted, encode_fitted
from ...utils.images import grid_of
from .model import COMPACTNESS, features_of, slices_of

MAX_ITER = 5  # of the plain SLIC that labels are made with
_POOL = 20_000  # pixels of an image among which those to learn from are looked for


class Reference:
    """Plain SLIC: of Lab for colour, of channels scaled to Lab's variance otherwise."""

    def __init__(self, lab, weights):
        self.lab, self.weights = lab, weights

    @classmethod
    def of(cls, items):
        images = slices_of([image for image, _, _ in items])
        masks = []
        for image, mask, _ in items:
            if image.ndim == 4:
                masks += [None] * len(image) if mask is None else list(mask)
            else:
                masks.append(mask)
        lab = LabFeatures().fit(images)
        return cls(lab, weights_to_lab(lab, images, masks))

    def colours(self, image):
        return features_of(self.lab, image) * np.sqrt(self.weights).astype(np.float32)

    def encoded(self, arrays):
        lab = encode_fitted(self.lab, arrays, "reference")
        return {"lab": lab, "weights": self.weights.tolist()}

    @classmethod
    def decoded(cls, values, arrays):
        return cls(decode_fitted(values["lab"], arrays), np.array(values["weights"]))


def grid_count(shape, mask, size, spacing=None):
    """Superpixels of ``size`` x ``size`` pixels that an image or its mask has room for.

    With spacing they are squares, or cubes, in space, and size is in units of the smallest.
    """
    inside = math.prod(shape) if mask is None else int(mask.sum())
    if spacing is not None:
        inside *= math.prod(steps_of(spacing))
    return max(1, round(inside / size ** len(shape)))


def steps_of(spacing):
    """Distances along each axis in units of the smallest."""
    return np.divide(spacing, min(spacing))


class Samples(NamedTuple):
    """Pixels to learn from, of one image."""

    values: np.ndarray  # (n, C) float32, features
    means: np.ndarray  # (K, C) float32, features of the image's clusters
    neighbors: np.ndarray  # (n, Q) int32, rows of means; below 0: none
    places: np.ndarray  # (n, Q) float32, (distance / size)^2; inf: none
    answers: np.ndarray  # (n,) which of the Q is right
    allowed: np.ndarray  # (n, Q) bool, which may be right: the answer, or all of its segment
    moments: np.ndarray  # (C, C) second moments of the image's features

    def differences(self):
        """Squared differences (n, Q, C + 1), the place's last; inf: none."""
        n, centers = len(self.values), np.zeros((len(self.means), 2))
        image = self.values[None]
        found = squared_differences(image, np.arange(n), self.means, centers, self.neighbors, 1)
        found[:, :, -1] = self.places
        return found


def sample_image(image, mask, targets, features, reference, recipe, levels, quota, seed):
    """Samples of an image for each number of hard examples in ``levels``.

    None for a number with which there is nothing to learn from it.
    """
    kind, size, n_neighbors = recipe["labels"], recipe["size"], recipe["n_neighbors"]
    spacing = recipe.get("spacing")
    colours = reference.colours(image)
    labels = slic_quiet(
        colours,
        grid_count(grid_of(image), mask, size, spacing),
        compactness=COMPACTNESS,
        max_iter=MAX_ITER,
        mask=mask,
        spacing=spacing,
        convert2lab=False,
        enforce_connectivity=False,
    )
    labels = _without_gaps(labels)
    rng = np.random.default_rng(seed)
    pool = rng.permutation(np.flatnonzero(labels >= 0))[:_POOL]
    rows = _rows(colours, 2), _rows(labels, 1)  # of a volume, an image of all its rows
    colour_means, centers, _ = cluster_means(*rows)
    if spacing is None:
        neighbors = nearest_clusters(pool, labels.shape, centers, n_neighbors)
        distances = squared_differences(colours, pool, colour_means, centers, neighbors, size)
    else:
        neighbors, squares = nearest_in_space(labels, pool, n_neighbors, steps_of(spacing))
        distances = squared_differences(rows[0], pool, colour_means, centers, neighbors, size)
        distances[:, :, -1] = squares / size**2
    places = distances[:, :, -1].copy()
    distances[:, :, -1] *= COMPACTNESS**2
    distances = distances.sum(axis=2)

    if kind == "edges":  # the annotators are merged into one
        borders = border_crossings(targets, pool, centers, neighbors)
        groups = [(_intersection(targets), borders)]
    elif kind == "weak":  # neighbours are ordered by place
        nearness = np.where(neighbors < 0, np.inf, np.arange(n_neighbors, dtype=float))
        groups = [(target, nearness) for target in targets]
    else:
        groups = [(target, distances) for target in targets]
    groups = [(*_segments_met(a, labels, pool, neighbors), cost) for a, cost in groups]
    chosen = [_chosen(kind, groups, neighbors, level, quota) for level in levels]
    if not any(len(rows) for rows, _, _ in chosen):
        return [None] * len(levels)
    values = features_of(features, image)
    means, _, _ = cluster_means(_rows(values, 2), rows[1])
    flat = values.reshape(-1, values.shape[-1])
    centred = flat[pool] - flat[pool].mean(axis=0)
    moments = centred.T @ centred / len(centred)
    return [
        Samples(flat[pool[rows]], means, neighbors[rows], places[rows], answers, allowed, moments)
        if len(rows)
        else None
        for rows, answers, allowed in chosen
    ]


def nearest_in_space(labels, pixels, n_neighbors, steps):
    """The clusters whose centres are nearest to pixels, and their squared distances, in space.

    Parameters
    ----------
    labels : ndarray of shape (height, width) or (depth, height, width), int32
        Clusters 0 .. n - 1, none of them empty; below 0: none.
    pixels : ndarray of shape (m,), int
        Flat indices.
    n_neighbors : int, from 2 on
    steps : ndarray of floats, one an axis
        Distances of neighbouring samples.

    Returns
    -------
    neighbors : ndarray of shape (m, n_neighbors), int32
        The nearest first; -1 where there are fewer clusters.
    squares : ndarray of shape (m, n_neighbors), float32
        Infinite there.
    """
    inside = np.flatnonzero(labels >= 0)
    clusters = labels.ravel()[inside]
    sizes = np.bincount(clusters)
    places = [at * step for at, step in zip(np.unravel_index(inside, labels.shape), steps)]
    centers = np.stack([np.bincount(clusters, at) / sizes for at in places], axis=1)
    own = np.stack(np.unravel_index(pixels, labels.shape), axis=1) * steps
    distances, neighbors = cKDTree(centers).query(own, n_neighbors)
    neighbors = np.where(np.isfinite(distances), neighbors, -1).astype(np.int32)
    return neighbors, np.square(distances).astype(np.float32)


def _rows(array, n_last):
    """An array (D, H, ...) of a volume as that of an image (D * H, ...); n_last axes stay."""
    return array.reshape(-1, *array.shape[-n_last:])


def _chosen(kind, groups, neighbors, hard_examples, quota):
    """Rows of the pool to learn from, their answers, and which of their neighbours may be right."""
    chosen, answers, allowed = [], [], []
    for met, near, cost in groups:
        rows, right = _answers(kind, met, near, neighbors, cost, hard_examples)
        rows = rows[: -(-quota // len(groups))]
        chosen.append(rows)
        answers.append(right[rows])
        if kind in ("corrected", "corrected_only"):
            allowed.append(near[rows])
        else:
            allowed.append(np.arange(neighbors.shape[1]) == right[rows][:, None])
    return [np.concatenate(parts) for parts in (chosen, answers, allowed)]


def _answers(kind, met, own, neighbors, cost, hard_examples):
    """Rows of the pool to learn from, and for every row which of its neighbours is right.

    Parameters
    ----------
    kind : str, the name of the label set
    met : ndarray of shape (n,), int
        Segments that the neighbours of each pixel lie mainly in.
    own : ndarray of shape (n, Q), bool
        Whether each neighbour lies mainly in the pixel's own segment.
    neighbors : ndarray of shape (n, Q), int
        Below 0: none.
    cost : ndarray of shape (n, Q)
        What the right neighbour has least of; of equals the first, which is the nearest.
    hard_examples : int
    """
    cost = np.where(neighbors >= 0, cost, np.inf)
    if kind == "replication":
        return np.arange(len(cost)), cost.argmin(axis=1)
    usable = met > 0
    answers = cost.argmin(axis=1)
    if kind != "edges":
        usable = own.any(axis=1)
        before, answers = answers, np.where(own, cost, np.inf).argmin(axis=1)
        if kind == "corrected_only":
            usable &= answers != before
    met = np.where(usable, met, 0)
    least = min(hard_examples, max(int(met.max(initial=0)), 2)) if hard_examples > 1 else 1
    return np.flatnonzero(met >= least), answers


def _segments_met(target, labels, pool, neighbors):
    """How many segments the neighbours lie mainly in, and which lie in the pixel's own."""
    segments = _without_gaps(target)
    home = _majority(labels, segments)
    near = np.where(neighbors >= 0, home[neighbors], -1)
    ordered = np.sort(near, axis=1)
    steps = (ordered[:, 1:] != ordered[:, :-1]) & (ordered[:, :-1] >= 0)
    own = segments.ravel()[pool][:, None]
    # a pixel that is unknown has no segment of its own, and nothing is learned from it
    return np.where(own[:, 0] < 0, 0, 1 + steps.sum(axis=1)), (near == own) & (own >= 0)


def _intersection(targets):
    """The segments that no annotator cuts; -1 where one of them does not know."""
    merged = np.zeros(targets[0].shape, np.int64)
    for target in targets:
        segments = _without_gaps(target).astype(np.int64)
        merged = merged * (int(segments.max()) + 2) + segments + 1
        merged = np.unique(merged, return_inverse=True)[1].reshape(merged.shape)
    return np.where(np.min(targets, axis=0) < 0, -1, merged)


def _majority(labels, segments):
    """The segment that each cluster lies mainly in, as far as it is known; -1: nowhere known."""
    known = (labels >= 0) & (segments >= 0)
    n_segments = int(segments.max(initial=0)) + 1
    pairs = labels[known].astype(np.int64) * n_segments + segments[known]
    counts = np.bincount(pairs, minlength=(int(labels.max()) + 1) * n_segments)
    counts = counts.reshape(-1, n_segments)
    return np.where(counts.any(axis=1), counts.argmax(axis=1), -1)


def _without_gaps(labels):
    """Labels 0 .. n - 1 in the old order; what is below 0 is -1."""
    found, dense = np.unique(labels, return_inverse=True)
    dense = dense.reshape(labels.shape).astype(np.int32)
    return np.maximum(dense - np.int32((found < 0).sum()), -1)
