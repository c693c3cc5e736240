"""Connected components of a label image, and the merge of those that are too small.

First every pixel that differs from its four neighbours takes the label most frequent among them:
most components that are too small are of this kind, and this is cheap. The rest works on runs,
stretches of one label within a row, of which there are far fewer than pixels. Runs of one label
that overlap in neighbouring rows are one component (union-find); the border between two components
is what their runs share. Small components then join a neighbour in rounds: first those below 2
pixels, then those below 4, 8, ..., so that what is joined doubles from round to round and all of it
takes n log n steps. Where only so many are wanted, the smallest goes on joining a neighbour.

A volume (D, H, W) is D * H rows, H of them a slice: beside the rows above and below, a row has
neighbours in the slices before and after. An image is a volume of one slice.
"""

import numpy as np

from .._bits import fma
from .._disjoint_set import find
from ..compilation import njit
from ._cpu_runs import run_at
from ._rules import merge, most_frequent, settled

_U = np.uint64  # an index without a sign spares numba the test for a negative one


@njit
def settle_pixels(labels, rows):
    """Give each pixel that differs from its four neighbours the label most frequent among them.

    Of labels equally frequent the one above goes first, then left, right, below. All pixels change
    at once, and none changes to or from a negative label.

    Parameters
    ----------
    labels : INOUT (H, W) int32, negative outside
    rows : INOUT (4, W + 2) int32, scratch, -1 at the start, but for what lies above and below
        the labels, in rows 2 and 3 without their ends
    """
    height, width = labels.shape
    for x in range(width):  # slice to slice takes longer to compile
        rows[0, x + 1] = labels[0, x]
    for y in range(height):
        above, here, below = rows[(y + 2) % 3], rows[y % 3], rows[(y + 1) % 3]
        for x in range(width):
            below[x + 1] = labels[y + 1, x] if y + 1 < height else rows[3, x + 1]
        out = labels[y]
        for x in range(width):
            out[x] = settled(here[x + 1], above[x + 1], here[x], here[x + 2], below[x + 1])


@njit
def settle_samples(kept, height, first, stop, outside, lonely, labels):
    """As `settle_pixels`, of the six neighbours of a sample: first that in the slice before.

    Parameters
    ----------
    kept : IN (D * H, W) int32, the labels as they were
    height : int, H
    first, stop : int, the rows, from the first to the one after the last
    outside : IN (W,) int32, -1
    lonely : (W,) bool, scratch
    labels : INOUT (D * H, W) int32, equal to `kept`
    """
    n_rows, width = kept.shape
    for row in range(first, stop):
        y, here = row % height, kept[row]
        before = kept[row - height] if row >= height else outside
        up = kept[row - 1] if y > 0 else outside
        down = kept[row + 1] if y + 1 < height else outside
        after = kept[row + height] if row + height < n_rows else outside
        any_lonely = False
        for x in range(width):
            own = here[x]
            alike = (own == before[x]) | (own == up[x]) | (own == down[x]) | (own == after[x])
            lonely[x] = (own >= 0) & ~alike
            any_lonely |= lonely[x]
        if any_lonely:
            for x in range(width):
                left = here[x - 1] if x > 0 else np.int32(-1)
                right = here[x + 1] if x + 1 < width else np.int32(-1)
                if lonely[x] and left != here[x] and right != here[x]:
                    around = (before[x], up[x], left, right, down[x], after[x])
                    labels[row, x] = most_frequent(here[x], around)


@njit
def list_borders(runs, small, look_back, own, borders):
    """List the borders of the small components.

    A neighbour is met again and again. Where one of the last entries of a component's list is of
    the same neighbour, what they share is added to it.

    Parameters
    ----------
    runs : IN Runs, of `label_runs`
    small : IN (n_components,) bool
    look_back : int, how many of the last entries; 0 takes more memory and less time
    own : (W,) int64, scratch
    borders : OUT Borders, `heads` -1
    """
    first = runs.first
    ends = runs.ends
    component = runs.component
    heads = borders.heads
    other = borders.other
    shared = borders.shared
    after = borders.after
    starts = runs.starts
    index = runs.index
    height, of_slice = first.shape[0] - 1, runs.height
    n_sides = 2 if height == of_slice else 4
    n = 0
    for y in range(height):
        n_own = 0
        for r in range(first[y], first[y + 1]):
            i = component[_U(r)]
            own[_U(n_own)] = r
            n_own += (i >= 0) & small[_U(i if i >= 0 else 0)]
        # the rows around, -1 where there is none
        above = y - 1 if y % of_slice > 0 else -1
        below = y + 1 if (y + 1) % of_slice > 0 else -1
        before = y - of_slice
        behind = y + of_slice if y + of_slice < height else -1
        for place in range(n_own):
            r = own[place]
            i, end = np.int64(component[_U(r)]), np.int64(ends[_U(r)])
            begin = np.int64(ends[_U(r - 1)]) if r > first[y] else np.int64(0)
            head = heads[_U(i)]
            for q in range(r - 1, r + 2, 2):
                if q >= first[y] and q < first[y + 1]:
                    j, at = component[_U(q)], _U(n)
                    known = _known(other, after, head, j, look_back)
                    if known >= 0:
                        shared[_U(known)] += 1
                        continue
                    other[at], shared[at], after[at] = j, 1, head
                    head = n if j >= 0 else head
                    n += j >= 0
            for side in range(n_sides):
                row = above if side == 0 else below
                if side > 1:
                    row = before if side == 2 else behind
                if row < 0:
                    continue
                q, start = run_at(starts, index, row, begin), begin
                while start < end:
                    stop, j = min(np.int64(ends[_U(q)]), end), component[_U(q)]
                    is_border, at = (j >= 0) & (j != i), _U(n)
                    known = _known(other, after, head, j, look_back)
                    if known >= 0:
                        shared[_U(known)] += stop - start
                    else:
                        other[at], shared[at], after[at] = j, stop - start, head
                        head = n if is_border else head
                        n += is_border
                    start = stop
                    q += 1
            heads[_U(i)] = head


@njit(inline="always")
def _known(other, after, head, j, look_back):
    """The entry of neighbour j among the last of a list, or -1."""
    node = head if look_back > 0 else np.int64(-1)
    left = look_back
    while node >= 0 and other[_U(node)] != j:
        left -= 1
        node = np.int64(after[_U(node)]) if left > 0 else np.int64(-1)
    return node


@njit
def colour_regions(values_of, own, sizes, parent, colours, out):
    """Write the colour of each region of components: the mean of those of its pixels' labels.

    Parameters
    ----------
    values_of : IN (n_components,) int32, the label of each component
    own : IN (n_components,) int64, pixels of each component
    sizes : IN (n_components,) int64, pixels of each region, where its root is
    parent : INOUT (n_components,) int32, of `merge_small`
    colours : IN (n_labels, P) float32
    out : INOUT (n_components, P) float32, 0; then of no meaning but where a root is
    """
    for n in range(own.shape[0]):
        i = find(parent, n)
        share = np.float32(own[n] / sizes[i])
        for c in range(colours.shape[1]):
            out[i, c] = fma(share, colours[values_of[n], c], out[i, c])


@njit
def merge_small(sizes, min_size, looks, borders, parent, entry):
    """Join components until none that has a neighbour is below ``min_size``.

    Within a round the components come in the order of their first pixels.

    Parameters
    ----------
    sizes : INOUT (n_components,) int64
    min_size : int
    looks : INOUT Looks
    borders : INOUT Borders, of `list_borders`
    parent : INOUT (n_components,) int32, each its own parent at the start; then a forest, each
        tree a region
    entry : INOUT (n_components,) int64, scratch, -1 before and after

    Returns
    -------
    n_merges : int
    """
    n_merges = 0
    threshold = 1
    while threshold < min_size:
        threshold = 2 * threshold if 2 * threshold < min_size else min_size
        for i in range(sizes.shape[0]):
            if parent[i] == i and sizes[i] < threshold:
                n_merges += merge(i, sizes, looks, borders, parent, entry) >= 0
    return n_merges


@njit
def merge_smallest(n_merges, heap, key, sizes, looks, borders, parent, entry):
    """Join the smallest region that has a neighbour, again and again; of equals the first.

    Parameters
    ----------
    n_merges : int, how often, if there are as many neighbours
    heap : INOUT (n,) int64, a heap of the regions whose borders are listed, by key and number
    key : INOUT (n_components,) int64, `sizes` at the start; then what they were at most
    sizes, looks, borders, parent, entry : as in `merge_small`
    """
    n = heap.shape[0]
    while n_merges > 0 and n > 0:
        i = heap[0]
        if parent[i] == i and key[i] != sizes[i]:  # it has grown
            key[i] = sizes[i]
        else:
            if parent[i] == i and merge(i, sizes, looks, borders, parent, entry) >= 0:
                n_merges -= 1
            n -= 1
            i = heap[n]
        place = 0  # where i goes: it sinks from the top
        while 2 * place + 1 < n:
            child = 2 * place + 1
            if child + 1 < n and _is_before(heap[child + 1], heap[child], key):
                child += 1
            if not _is_before(heap[child], i, key):
                break
            heap[place] = heap[child]
            place = child
        heap[place] = i


@njit(inline="always")
def _is_before(i, j, key):
    return key[i] < key[j] or (key[i] == key[j] and i < j)
