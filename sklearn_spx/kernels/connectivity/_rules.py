"""What connectivity on the CPU and on CUDA share: how a pixel settles, and whom a region joins."""

import math
from collections import namedtuple

import numpy as np

from .._bits import fma, times
from .._disjoint_set import find
from ..compilation import rule

Looks = namedtuple(  # what speaks for a neighbour beside the length of the border
    "Looks",
    [
        "colours",  # (n_components, P) float32, of each; of size 0 where they do not count
        "scale",  # float, distance of colours that halves what a border counts
    ],
)
Borders = namedtuple(  # of the small components: a linked list each, in any order
    "Borders",
    [
        "heads",  # (n_components,) int64, first entry of each small component's list, or -1
        "other",  # (n,) int32 or int64, neighbour
        "shared",  # (n,) int32, pixel edges
        "after",  # (n,) int64, next entry, or -1
    ],
)


@rule
def settled(own, up, left, right, down):
    """The label of a pixel, that most frequent among its four neighbours if it differs from all.

    Of labels equally frequent the one above goes first, then left, right, below. None changes to
    or from a negative label.
    """
    best = down if down >= 0 else own  # from the last choice to the first
    best = right if right >= 0 else best
    best = left if left >= 0 else best
    best = up if up >= 0 else best
    best = right if (right == down) & (right >= 0) else best
    best = left if ((left == right) | (left == down)) & (left >= 0) else best
    best = up if ((up == left) | (up == right) | (up == down)) & (up >= 0) else best
    kept = (own < 0) | (own == up) | (own == left) | (own == right) | (own == down)
    return own if kept else best


@rule
def most_frequent(own, around):
    """The label most frequent among neighbours, of equals the first; ``own`` if all are outside.

    It is what `settled` finds of four, for any number.
    """
    best, most = own, 0
    for label in around:
        if label >= 0:
            count = 0
            for other in around:
                count += other == label
            if count > most:
                best, most = label, count
    return best


@rule
def merge(i, sizes, looks, borders, parent, entry):
    """Join region i with a neighbour, and return that one, or -1 if there is none.

    It is the one of the longest border over ``scale + distance of colours``; of equals the
    smaller one, or the first. Only the region and its neighbours are read and written.

    Parameters
    ----------
    i : int, a root
    sizes : INOUT (n_components,) int64
    looks : INOUT Looks
    borders : INOUT Borders
    parent : INOUT (n_components,) int32, a forest, each tree a region
    entry : INOUT (n_components,) int64, scratch, -1 before and after
    """
    heads = borders.heads  # several arrays in one assignment cost time to compile
    other = borders.other
    shared = borders.shared
    after = borders.after
    colours = looks.colours
    # One entry a neighbour: sum the doubles, drop what has become inner border.
    head, last, node = -1, -1, heads[i]
    while node >= 0:
        following = after[node]
        j = find(parent, np.int64(other[node]))
        if j != i:
            first = entry[j]
            if first >= 0:
                shared[first] += shared[node]
            else:
                other[node], entry[j] = j, node
                if last < 0:
                    head = node
                else:
                    after[last] = node
                last = node
        node = following
    heads[i] = head
    if head < 0:
        return np.int64(-1)
    after[last] = -1
    best, most, node = np.int64(-1), -1.0, head
    while node >= 0:
        j = np.int64(other[node])
        apart = looks.scale
        if colours.size > 0:
            distance = 0.0
            for c in range(colours.shape[1]):
                difference = np.float64(colours[i, c]) - np.float64(colours[j, c])
                distance += times(difference, difference)
            apart += math.sqrt(distance)
        worth = shared[node] / apart if apart > 0.0 else math.inf
        if worth > most or (
            worth == most and (sizes[j] < sizes[best] or (sizes[j] == sizes[best] and j < best))
        ):
            best, most = j, worth
        entry[j] = -1
        node = after[node]
    parent[i] = best
    if colours.size > 0:
        share = np.float32(sizes[i] / (sizes[i] + sizes[best]))
        for c in range(colours.shape[1]):
            difference = colours[i, c] - colours[best, c]
            colours[best, c] = fma(share, difference, colours[best, c])
    sizes[best] += sizes[i]
    after[last], heads[best] = heads[best], head
    return best
