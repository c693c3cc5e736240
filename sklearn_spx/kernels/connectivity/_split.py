"""The largest regions of a label image or volume cut in two, until there are as many as wanted.

First each further region goes to the one whose parts are largest. Then a region of k parts is cut
across its longest side into two connected ones, of about k / 2 parts each, and so are these. One is
grown from the first pixel along that side, always by the pixel next along it; the other is the
largest component of what is left when it has its share.
"""

import heapq

import numpy as np

from ..compilation import njit

SQUARE = (1.0, 1.0)  # from pixel to pixel of an image
_WAITING = -2  # a label for the time of a cut; -1 is outside


@njit(allocates=True)
def split_largest(labels, steps, sizes, n_wanted):
    """Cut the largest regions until there are as many as wanted.

    Parameters
    ----------
    labels : INOUT (H, W) or (D, H, W) int32, connected regions numbered by first pixel, -1 outside
    steps : tuple of two or three floats, from pixel to pixel along each axis
    sizes : IN (n,) int64, pixels of each region
    n_wanted : int, from n to the number of pixels inside
    """
    shape, flat = labels.shape, labels.ravel()
    n_regions = sizes.shape[0]
    parts = share_out(sizes, n_wanted)
    starts = np.zeros(n_regions + 1, np.int64)
    for i in range(n_regions):
        starts[i + 1] = starts[i] + (sizes[i] if parts[i] > 1 else 0)
    pixels, filled = np.empty(starts[n_regions], np.int64), starts.copy()
    for p in range(flat.size):
        i = flat[p]
        if i >= 0 and parts[i] > 1:
            pixels[filled[i]] = p
            filled[i] += 1
    n = n_regions
    for i in range(n_regions):
        if parts[i] > 1:
            cut_region(flat, shape, steps, pixels[starts[i] : starts[i + 1]], parts[i], n)
            n += parts[i] - 1
    _number_by_first_pixel(flat, n)


@njit(allocates=True)
def cut_region(flat, shape, steps, pixels, k, new):
    """Cut one region into k parts.

    Parameters
    ----------
    flat : INOUT (H * W,) or (D * H * W,) int32, labels
    shape : tuple of two or three int, of the image or the volume
    steps : tuple of as many floats, from pixel to pixel along each axis
    pixels : INOUT (n,) int64, the region's pixels, in reading order; scratch
    k : int, from 1 to n
    new : int, the label of the first new part; the others have those that follow
    """
    scratch = np.empty(pixels.size, np.int64)
    todo = [(np.int64(0), np.int64(pixels.size), np.int64(k))]
    while len(todo) > 0:
        first, stop, k = todo.pop()
        if k < 2:
            continue
        size = stop - first
        own, label = pixels[first:stop], flat[pixels[first]]
        n_first = _cut(flat, shape, steps, own, label, new, max(1, size * (k // 2) // k), scratch)
        new += 1
        share = (2 * k * n_first + size) // (2 * size)
        share = max(min(share, k - 1, n_first), 1, k - (size - n_first))
        todo.append((first, first + n_first, share))
        todo.append((first + n_first, stop, k - share))


@njit(allocates=True)
def share_out(sizes, n_wanted):
    """How many parts each region gets: again and again one more where the parts are largest."""
    parts = np.ones(sizes.shape[0], np.int64)
    heap = [(-np.float64(sizes[i]), i) for i in range(sizes.shape[0])]
    heapq.heapify(heap)
    for _ in range(n_wanted - sizes.shape[0]):
        i = heap[0][1]
        parts[i] += 1
        heapq.heapreplace(heap, (-sizes[i] / parts[i], i))
    return parts


@njit(allocates=True)
def _cut(flat, shape, steps, own, label, new, n_wanted, scratch):
    """Cut one region in two connected ones; return how many pixels the new one has.

    Parameters
    ----------
    flat, shape, steps : as in `cut_region`
    own : INOUT (n,) int64, the region's pixels, at least 2; in the end those of the new one first
    label, new : int, the region's label, and that of the new one
    n_wanted : int, the least number of pixels of the new one, from 1 to n - 1
    scratch : (>= n,) int64
    """
    longest, most = 0, -1.0  # of equals the first axis
    for axis in range(len(shape)):
        low = high = _place(own[0], axis, shape)
        for p in own:
            place = _place(p, axis, shape)
            low, high = min(low, place), max(high, place)
        if (high - low) * steps[axis] > most:
            longest, most = axis, (high - low) * steps[axis]
    start = own[0]
    for p in own:
        if (_place(p, longest, shape), p) < (_place(start, longest, shape), start):
            start = p
    heap = [(_place(start, longest, shape), start)]
    flat[start] = _WAITING
    n_new = 0
    while n_new < n_wanted:
        p = heapq.heappop(heap)[1]
        flat[p] = new
        n_new += 1
        for q in _neighbours(p, shape):
            if q >= 0 and flat[q] == label:
                flat[q] = _WAITING
                heapq.heappush(heap, (_place(q, longest, shape), q))
    for i in range(len(heap)):
        flat[heap[i][1]] = label
    largest, most = start, np.int64(0)
    for p in own:
        if flat[p] == label:
            size = _flood(flat, shape, p, _WAITING, scratch)
            if size > most:
                largest, most = p, size
    _flood(flat, shape, largest, label, scratch)
    n_new, n_rest = np.int64(0), np.int64(0)
    for k in range(own.size):
        p = own[k]
        if flat[p] == label:
            scratch[n_rest] = p
            n_rest += 1
        else:  # the small components touch what was grown
            flat[p] = new
            own[n_new] = p
            n_new += 1
    for k in range(n_rest):
        own[n_new + k] = scratch[k]
    return n_new


@njit
def _flood(flat, shape, start, new, queue):
    """Relabel the component of one pixel, and return its size."""
    old = flat[start]
    flat[start] = new
    queue[0] = start
    n = 1
    i = 0
    while i < n:
        for q in _neighbours(queue[i], shape):
            if q >= 0 and flat[q] == old:
                flat[q] = new
                queue[n] = q
                n += 1
        i += 1
    return n


@njit
def _place(p, axis, shape):
    """Where a pixel lies along an axis."""
    width = shape[-1]
    if axis == len(shape) - 1:
        return p % width
    if len(shape) == 3:
        return p // width % shape[1] if axis == 1 else p // (width * shape[1])
    return p // width


@njit
def _neighbours(p, shape):
    """The four neighbours of a pixel, or six of a sample; negative where there is none."""
    height, width = shape[-2], shape[-1]
    x = p % width
    left = p - 1 if x > 0 else np.int64(-1)
    right = p + 1 if x + 1 < width else np.int64(-1)
    if len(shape) == 3:
        y, of_slice = p // width % height, height * width
        return (
            p - of_slice,
            p - width if y > 0 else np.int64(-1),
            left,
            right,
            p + width if y + 1 < height else np.int64(-1),
            p + of_slice if p + of_slice < shape[0] * of_slice else np.int64(-1),
        )
    return p - width, left, right, p + width if p + width < height * width else np.int64(-1)


@njit(allocates=True)
def _number_by_first_pixel(flat, n):
    numbers = np.full(n, -1, np.int32)
    n_seen = 0
    for p in range(flat.size):
        i = flat[p]
        if i >= 0:
            if numbers[i] < 0:
                numbers[i] = n_seen
                n_seen += 1
            flat[p] = numbers[i]
