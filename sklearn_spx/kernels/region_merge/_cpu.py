"""Merging on the CPU: disjoint sets, and Kruskal's algorithm.

Sets are joined by size and their paths left as they are, so a path has at most log2(n) links, and
the links above a region carry the weights at which its segment grew, in ascending order. The
height of an edge is then the greatest link between its ends.
"""

import numpy as np

from .._disjoint_set import find, join, number, root
from ..compilation import njit


@njit(allocates=True)
def merge(edges, weights, threshold, min_size, segments):
    """DEL's Algorithm 1.

    Parameters
    ----------
    edges : IN (E, 2) int32
    weights : IN (E,) float64
    threshold : float
    min_size : int
    segments : OUT (n,) int32
    """
    parent = np.arange(segments.size)
    size = np.ones(segments.size, np.int64)
    for e in range(edges.shape[0]):
        if weights[e] <= threshold:
            a, b = find(parent, edges[e, 0]), find(parent, edges[e, 1])
            if a != b:
                join(parent, size, a, b)
    for e in range(edges.shape[0]):
        a, b = find(parent, edges[e, 0]), find(parent, edges[e, 1])
        if a != b and min(size[a], size[b]) < min_size:
            join(parent, size, a, b)
    number(parent, np.empty(0, np.bool_), segments)


@njit(allocates=True)
def spanning_forest(edges, weights, order, n_regions, heights, tree):
    """Kruskal's algorithm; return the number of edges in the forest.

    Parameters
    ----------
    edges : IN (E, 2) int32
    weights : IN (E,) float64
    order : IN (E,) int64, edges by ascending weight
    n_regions : int
    heights : OUT (E,) float64
    tree : OUT (>= n_tree,) int64
    """
    parent = np.arange(n_regions)
    size = np.ones(n_regions, np.int64)
    link = np.empty(n_regions)  # weight of the link above; a root has none
    n_tree = 0
    for e in order:
        a, b = root(parent, edges[e, 0]), root(parent, edges[e, 1])
        if a != b:
            low = b if join(parent, size, a, b) == a else a
            link[low] = weights[e]
            tree[n_tree] = e
            n_tree += 1
    for e in range(edges.shape[0]):
        a, b = edges[e, 0], edges[e, 1]
        height = -np.inf  # of a loop: it is inside from the start
        while a != b:  # links ascend, so the lower of the two is the one to follow
            if parent[b] == b or (parent[a] != a and link[a] <= link[b]):
                height = max(height, link[a])
                a = parent[a]
            else:
                height = max(height, link[b])
                b = parent[b]
        heights[e] = height
    return n_tree
