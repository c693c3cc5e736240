"""Disjoint sets: an array of parents, a root being its own parent."""

from .compilation import njit, rule


@rule
def find(parent, i):
    """Root of ``i``; the path to it is halved."""
    while parent[i] != i:
        parent[i] = parent[parent[i]]
        i = parent[i]
    return i


@rule
def root(parent, i):
    """Root of ``i``; the path to it stays as it is."""
    while parent[i] != i:
        i = parent[i]
    return i


@njit
def join(parent, size, a, b):
    """Join two different roots, the smaller below the larger; return the new root."""
    if size[a] < size[b]:
        a, b = b, a
    parent[b] = a
    size[a] += size[b]
    return a


@njit
def number(parent, outside, labels):
    """Number the sets 0, 1, ... in the order of their first elements; return how many.

    Parameters
    ----------
    parent : INOUT (n,) int
    outside : IN (n,) or (0,) bool, elements that get -1
    labels : OUT (n,) int32
    """
    n = 0
    for i in range(parent.size):  # `labels[:] = -1` takes longer to compile
        labels[i] = -1
    for i in range(parent.size):
        if outside.size and outside[i]:
            continue
        root = find(parent, i)
        if labels[root] < 0:  # a root comes to its number by the first of its elements
            labels[root] = n
            n += 1
        labels[i] = labels[root]
    return n
