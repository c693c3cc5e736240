"""Slow, obvious twins of the cluster_assign kernels."""

import math
from fractions import Fraction
from itertools import pairwise

import numpy as np


def cluster_means(image, labels, n_clusters):
    image = np.asarray(image, dtype=float)
    means = np.zeros((n_clusters, image.shape[2]))
    centers = np.zeros((n_clusters, 2))
    counts = np.zeros(n_clusters, int)
    for k in range(n_clusters):
        inside = labels == k
        counts[k] = inside.sum()
        if counts[k]:
            means[k] = image[inside].mean(axis=0)
            centers[k] = np.argwhere(inside).mean(axis=0)
    return means, centers, counts


def nearest_clusters(pixels, shape, centers, n_neighbors):
    out = np.full((len(pixels), n_neighbors), -1, np.int32)
    for i, pixel in enumerate(pixels):
        place = np.array(divmod(pixel, shape[1]))
        distance = ((np.asarray(centers, np.float32).astype(float) - place) ** 2).sum(axis=1)
        order = np.argsort(distance, kind="stable")[:n_neighbors]
        out[i, : len(order)] = order
    return out


def squared_differences(image, pixels, means, centers, neighbors, step):
    image = np.asarray(image, dtype=float)
    out = np.full((*neighbors.shape, image.shape[2] + 1), np.inf)
    for i, pixel in enumerate(pixels):
        y, x = divmod(int(pixel), image.shape[1])
        for q, k in enumerate(neighbors[i]):
            if k >= 0:
                out[i, q, :-1] = (image[y, x] - means[k]) ** 2
                out[i, q, -1] = ((y - centers[k, 0]) ** 2 + (x - centers[k, 1]) ** 2) / step**2
    return out


def border_crossings(annotations, pixels, centers, neighbors):
    shape = annotations[0].shape
    out = np.full(neighbors.shape, -1)
    for i, pixel in enumerate(pixels):
        start = np.array(divmod(int(pixel), shape[1]))
        for q, k in enumerate(neighbors[i]):
            if k < 0:
                continue
            end = np.minimum(
                np.floor(centers[k].astype(float) + 0.5).astype(int), np.subtract(shape, 1)
            )
            n_steps = int(np.abs(end - start).max())
            way = [
                tuple(
                    int(a) + math.floor(Fraction(int(b - a) * s, n_steps) + Fraction(1, 2))
                    for a, b in zip(start, end)
                )
                for s in range(1, n_steps + 1)
            ]
            way = [tuple(int(v) for v in start), *way]
            known = ([a[p] for p in way if a[p] >= 0] for a in annotations)
            out[i, q] = sum(p != r for labels in known for p, r in pairwise(labels))
    return out


def bottom_up_clusters(image, seeds, step, weights, max_iter, n_neighbors):
    """Cluster of each pixel before connected components; the distance is weighted and squared."""
    height, width, _ = image.shape
    centers = seeds.astype(np.float32)
    means = np.array([image[math.floor(y + 0.5), math.floor(x + 0.5)] for y, x in seeds])
    for iteration in range(max_iter):
        labels = np.full((height, width), -1)
        for y in range(height):
            for x in range(width):
                turn = (0, 3, 1, 2)[iteration % 4]
                skipped = step >= 8 and 2 * (y % 2) + x % 2 != turn
                if skipped and iteration < max_iter - 1:
                    continue
                near = nearest_clusters([y * width + x], (height, width), centers, n_neighbors)
                d = squared_differences(image, [y * width + x], means, centers, near, step)[0]
                labels[y, x] = near[0][np.argmin(d @ weights)]
        if iteration == max_iter - 1:
            return labels
        new_means, new_centers, counts = cluster_means(image, labels, len(means))
        means = np.where(counts[:, None] > 0, new_means, means).astype(np.float32)
        centers = np.where(counts[:, None] > 0, new_centers, centers).astype(np.float32)
