"""Connected components of a label image, and the merge of those that are too small.

Everything works on runs, stretches of one label within a row, of which there are far fewer than
pixels. Runs of one label that overlap in neighbouring rows are one component (union-find); the
border between two components is what their runs share. Small components then join a neighbour in
rounds: first those below 2 pixels, then those below 4, 8, ..., so that what is joined doubles from
round to round and all of it takes n log n steps.
"""

import numpy as np
from numba import njit


@njit(cache=True, nogil=True)
def count_runs(labels, first):
    """Count the runs of each row.

    Parameters
    ----------
    labels : IN (H, W) int32
    first : OUT (H + 1,) int64, index of each row's first run; the last one is the number of runs
    """
    height, width = labels.shape
    first[0] = 0
    for y in range(height):
        row = labels[y]
        count = 1
        for x in range(1, width):
            count += row[x] != row[x - 1]
        first[y + 1] = first[y] + count


@njit(cache=True, nogil=True)
def _find(parent, i):
    while parent[i] != i:
        parent[i] = parent[parent[i]]
        i = parent[i]
    return i


@njit(cache=True, nogil=True)
def label_runs(labels, first, ends, component):
    """Find the runs and the component of each, numbered in the order of their first pixels.

    Parameters
    ----------
    labels : IN (H, W) int32, negative outside
    first : IN, of `count_runs`
    ends : OUT (n_runs,) int32, the column after each run's last
    component : OUT (n_runs,) int32 or int64, -1 outside

    Returns
    -------
    n_components : int
    """
    height, width = labels.shape
    parent = component  # a run's parent is never after it, so one array can hold both
    for y in range(height):
        row, above = labels[y], labels[max(y - 1, 0)]
        r = first[y]
        for x in range(1, width):
            ends[r] = x
            r += row[x] != row[x - 1]
        ends[r] = width
        for r in range(first[y], first[y + 1]):
            parent[r] = r
        if y == 0:
            continue
        a, b = first[y - 1], first[y]
        while a < first[y]:  # both rows end at the same column, so b is in range as well
            if above[ends[a] - 1] == row[ends[b] - 1]:
                i = _find(parent, a)
                if parent[b] == b:
                    parent[b] = i
                else:
                    j = _find(parent, b)
                    parent[max(i, j)] = min(i, j)
            a_end, b_end = ends[a], ends[b]
            a += a_end <= b_end
            b += b_end <= a_end
    n_components = 0
    for y in range(height):
        for r in range(first[y], first[y + 1]):
            if labels[y, ends[r] - 1] < 0:
                component[r] = -1
            elif parent[r] == r:
                component[r] = n_components
                n_components += 1
            else:
                component[r] = component[parent[r]]
    return n_components


@njit(cache=True, nogil=True)
def measure(first, ends, component, sizes):
    """Size of each component in pixels.

    Parameters
    ----------
    first, ends, component : IN, of `label_runs`
    sizes : INOUT (n_components,) int64, zero at the start
    """
    for y in range(first.shape[0] - 1):
        begin = 0
        for r in range(first[y], first[y + 1]):
            if component[r] >= 0:
                sizes[component[r]] += ends[r] - begin
            begin = ends[r]


@njit(cache=True, nogil=True)
def _note(i, j, length, small, heads, other, shared, after, n):
    """Note with i, if it is small, that it shares ``length`` pixel edges with j, and vice versa."""
    if small[i]:
        other[n], shared[n], after[n] = j, length, heads[i]
        heads[i] = n
        n += 1
    if small[j]:
        other[n], shared[n], after[n] = i, length, heads[j]
        heads[j] = n
        n += 1
    return n


@njit(cache=True, nogil=True)
def list_borders(first, ends, component, small, heads, other, shared, after):
    """List the borders of the small components.

    Parameters
    ----------
    first, ends, component : IN, of `label_runs`
    small : IN (n_components,) bool
    heads : OUT (n_components,) int64, first entry of each small component's list, or -1
    other : OUT (6 n_runs,) int32, neighbour
    shared : OUT (6 n_runs,) int32, pixel edges
    after : OUT (6 n_runs,) int64, next entry, or -1
    """
    heads[:] = -1
    n = 0
    for y in range(first.shape[0] - 1):
        for r in range(first[y] + 1, first[y + 1]):
            i, j = component[r - 1], component[r]
            if i >= 0 and j >= 0 and (small[i] | small[j]):
                n = _note(i, j, 1, small, heads, other, shared, after, n)
        if y == 0:
            continue
        a, b = first[y - 1], first[y]
        begin = 0
        while a < first[y]:
            i, j = component[a], component[b]
            end = min(ends[a], ends[b])
            if i != j and i >= 0 and j >= 0 and (small[i] | small[j]):
                n = _note(i, j, end - begin, small, heads, other, shared, after, n)
            begin = end
            a += ends[a] == end
            b += ends[b] == end


@njit(cache=True, nogil=True)
def merge_small(sizes, min_size, heads, other, shared, after, parent, entry):
    """Join components until none that has a neighbour is below ``min_size``.

    A component joins the neighbour with which it shares the longest border; of equals the smaller
    one, or the first. Within a round the components come in the order of their first pixels.

    Parameters
    ----------
    sizes : INOUT (n_components,) int64
    min_size : int
    heads, other, shared, after : INOUT, of `list_borders`
    parent : INOUT (n_components,) int32, each its own parent at the start; then a forest, each
        tree a region
    entry : INOUT (n_components,) int64, scratch, -1 before and after
    """
    threshold = 1
    while threshold < min_size:
        threshold = min(2 * threshold, min_size)
        for i in range(sizes.shape[0]):
            if parent[i] != i or sizes[i] >= threshold:
                continue
            # One entry a neighbour: sum the doubles, drop what has become inner border.
            head, last, node = -1, -1, heads[i]
            while node >= 0:
                following = after[node]
                j = _find(parent, other[node])
                if j != i:
                    if entry[j] >= 0:
                        shared[entry[j]] += shared[node]
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
                continue
            after[last] = -1
            best, node = other[head], head
            while node >= 0:
                j = other[node]
                gain = shared[node] - shared[entry[best]]
                if gain > 0 or (gain == 0 and (sizes[j], j) < (sizes[best], best)):
                    best = j
                node = after[node]
            node = head
            while node >= 0:
                entry[other[node]] = -1
                node = after[node]
            parent[i] = best
            sizes[best] += sizes[i]
            if sizes[best] < min_size:
                after[last], heads[best] = heads[best], head


@njit(cache=True, nogil=True)
def write_labels(first, ends, component, parent, numbers, labels):
    """Write each pixel's region, numbered 0, 1, ... in the order of their first pixels.

    Parameters
    ----------
    first, ends, component : IN, of `label_runs`
    parent : INOUT (n_components,) int32, of `merge_small`
    numbers : INOUT (n_components,) int32, scratch, -1 at the start
    labels : OUT (H, W) int32, -1 outside

    Returns
    -------
    n_regions : int
    """
    n_regions = 0
    for y in range(labels.shape[0]):
        x = 0
        for r in range(first[y], first[y + 1]):
            number = -1
            if component[r] >= 0:
                root = _find(parent, component[r])
                if numbers[root] < 0:
                    numbers[root] = n_regions
                    n_regions += 1
                number = numbers[root]
            while x < ends[r]:
                labels[y, x] = number
                x += 1
    return n_regions
