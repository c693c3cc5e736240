"""From components to regions: which join which, whatever the components were found by."""

import numpy as np

from .._disjoint_set import number
from . import _cpu, _rules

_CRUMBS = 8  # what is so many times smaller than the smallest region has no colour of its own


def join_components(sizes, values_of, n_pixels, target, looks, list_borders):
    """Join components that are too small, and the smallest while there are more than wanted.

    Parameters
    ----------
    sizes : int64 array (n,), pixels of each component, in the order of their first pixels
    values_of : int32 array (n,), the label that each has
    n_pixels : int, of the image, outside the mask too
    target : (min_size, n_segments), of `connect`
    looks : (colours, scale), of `connect`
    list_borders : function of a bool array (n,), the small components, to their Borders

    Returns
    -------
    numbers : int32 array (n,), the region of each, 0, 1, ... in the order of their first pixels
    n_regions : int
    """
    (min_size, n_segments), (colours, scale) = target, looks
    min_size = min(min_size, n_pixels)  # which no region with a neighbour has
    n = len(sizes)
    index = np.int32 if n < 2**31 else np.int64
    parent, sizes = np.arange(n, dtype=index), sizes.copy()
    small = sizes < max(min_size, _joined_below(sizes, n_pixels, n_segments))
    if small.any():
        borders = list_borders(small)
        looks = _rules.Looks(np.empty((n, 0), np.float32), 1.0)
        entry = np.full(n, -1, np.int64)
        if colours is not None:
            own = sizes.copy()
            n -= _cpu.merge_small(sizes, min_size // _CRUMBS, looks, borders, parent, entry)
            looks = _rules.Looks(np.zeros((len(own), colours.shape[1]), np.float32), float(scale))
            _cpu.colour_regions(values_of, own, sizes, parent, colours, looks.colours)
        n -= _cpu.merge_small(sizes, min_size, looks, borders, parent, entry)
        if n_segments is not None and n > n_segments:
            roots = np.flatnonzero(small & (parent == np.arange(len(parent))))
            heap = roots[np.argsort(sizes[roots], kind="stable")]
            _cpu.merge_smallest(
                n - n_segments, heap, sizes.copy(), sizes, looks, borders, parent, entry
            )
    numbers = np.empty(len(sizes), np.int32)
    return numbers, number(parent, np.empty(0, bool), numbers)


def _joined_below(sizes, n_pixels, n_segments):
    """A size below which there is always a region while there are more than wanted.

    It is t, if the components of t pixels and more, and all that the others can grow to of that
    size, are no more than wanted. So only those below it need to be looked at.
    """
    if n_segments is None or len(sizes) <= n_segments:
        return 0
    if sizes.sum() < n_pixels:  # with a mask, what is small may have no neighbour
        return n_pixels
    ordered = np.sort(sizes)
    n_others = np.arange(len(sizes) - 1, -1, -1)
    enough = n_others + np.cumsum(ordered) / (ordered + 1) <= n_segments
    return 1 + int(ordered[np.argmax(enough)] if enough[-1] else n_pixels // n_segments)
