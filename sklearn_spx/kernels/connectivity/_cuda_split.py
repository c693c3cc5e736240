"""The largest regions cut on a GPU, into the parts that the CPU cuts.

How many parts each gets is found at once: giving one more again and again to the region whose parts
are largest takes the largest of all quotients size / k, which a bisection finds. A region of k
parts owns k numbers; a cut leaves some of them to each side, so all pieces of one generation are
cut at once, a block a piece.

The CPU grows a piece from its first pixel, always by the frontier's pixel of the least key. If the
n pixels of the least keys are connected, it takes these: a part of them alone has another of them
on its frontier, of a lower key than any pixel beside them. Else one thread grows the piece with a
heap, as the CPU does.
"""

import math

import numpy as np
from numba import cuda, int64

from .._cuda_common import fill, for_each, stretch, unite
from .._cuda_scan import THREADS, prefix_sum, scan_block
from .._cuda_sort import sort_pairs
from .._device import device_function, kernel
from .._disjoint_set import root
from ..compilation import rule

_WAITING = 2  # a side for the time of a growth
_FAR = np.int64(2**62)


def split_largest(session, labels, n, n_wanted, parent, flags, places):
    """Cut the largest regions until there are as many as wanted; return how many there are.

    Parameters
    ----------
    session : Session
    labels : INOUT (H, W) int32, n connected regions, -1 outside; in the end numbered by first pixel
    n : int
    n_wanted : int, above n
    parent : (H * W,) int32, scratch
    flags : (H * W,) uint8, scratch
    places : (H * W + 1,) int32, scratch
    """
    n_pixels = parent.shape[0]
    flat = labels.reshape(n_pixels)
    on = session.allocate(
        "splitting regions",
        sizes=((n,), np.int64),
        before=((n + 1,), np.int64),
        parts=((n,), np.int64),
        slots=((n + 1,), np.int64),
        starts=((n + 1,), np.int64),
        counts=((n_pixels,), np.int32),
        n_cuts=((1,), np.int64),
    )
    for_each(session, n, fill, on.sizes, 0)
    for_each(session, n_pixels, count_pixels, labels, on.sizes)
    prefix_sum(session, on.sizes, on.before)
    n_wanted = min(n_wanted, int(session.copy_out(on.before[n:])[0]))
    if n_wanted == n:
        return n
    session.launch(share_out, 1, THREADS, on.sizes, n_wanted - n, on.parts)
    prefix_sum(session, on.parts, on.slots)
    for_each(session, n, keep_cut, on.parts, on.sizes)
    prefix_sum(session, on.sizes, on.starts)
    for_each(session, n_pixels, flag_cut, flat, on.parts, flags)
    prefix_sum(session, flags, places)
    n_cut = int(session.copy_out(on.starts[n:])[0])
    cut_on = session.allocate(
        "splitting regions",
        keys=((n_cut,), np.uint32),
        pixels=((n_cut,), np.int32),
        scratch=((n_cut,), np.int64),
        pieces=((n_wanted, 4), np.int64),
    )
    for_each(session, n_pixels, list_pixels, flat, flags, places, cut_on.keys, cut_on.pixels)
    _, pixels = sort_pairs(session, cut_on.keys, cut_on.pixels, n.bit_length())
    pieces, side = cut_on.pieces, flags
    for_each(session, n_wanted, blank_pieces, pieces)
    for_each(session, n, start_pieces, on.parts, on.slots, on.starts, pieces)
    for_each(session, n_pixels, relabel, flat, on.slots)
    for_each(session, 1, fill, on.n_cuts, 0)
    generation, n_cuts = 0, 0
    while n_cuts < n_wanted - n:
        session.launch(
            cut_pieces, n_wanted, THREADS,
            generation, labels, pixels, cut_on.scratch, pieces, side, parent, on.counts, on.n_cuts,
        )  # fmt: skip
        generation += 1
        n_cuts = int(session.copy_out(on.n_cuts)[0])
    _number_by_first_pixel(session, flat, n_wanted, on.counts, flags, places)
    return n_wanted


def _number_by_first_pixel(session, flat, n, first, flags, places):
    """Number n <= H * W labels by their first pixels; first, flags, places : scratch."""
    n_pixels = flat.shape[0]
    first = first[:n]
    for_each(session, n, fill, first, n_pixels)
    for_each(session, n_pixels, find_first, flat, first)
    for_each(session, n_pixels, flag_first, flat, first, flags)
    prefix_sum(session, flags, places)
    for_each(session, n_pixels, renumber, flat, first, places)


@kernel
def count_pixels(labels, sizes):
    """Count each region's pixels; grid: a thread a pixel, of which the first of a stretch counts.

    labels : IN (H, W) int32; sizes : INOUT (n,) int64, zeros.
    """
    p = cuda.grid(1)
    height, width = labels.shape
    if p >= height * width:
        return
    y, x = p // width, p % width
    n = stretch(labels, y, x)
    if n > 0 and labels[y, x] >= 0:
        cuda.atomic.add(sizes, labels[y, x], n)


@kernel
def share_out(sizes, n_more, parts):
    """How many parts each region gets; grid: one block of `THREADS` threads.

    Parameters
    ----------
    sizes : IN (n,) int64
    n_more : int, parts beyond one for each, at most one a pixel
    parts : OUT (n,) int64
    """
    total = cuda.shared.array(1, int64)
    thread, n = cuda.threadIdx.x, sizes.shape[0]
    # The least number that at most n_more quotients size / k are above is one of them.
    low, high = 0.0, 2.0**31
    while True:
        middle = 1.0 if low == 0.0 else (low + high) / 2
        if middle <= low or middle >= high:
            break
        cuda.syncthreads()
        if thread == 0:
            total[0] = 0
        cuda.syncthreads()
        own = np.int64(0)
        for i in range(thread, n, THREADS):
            own += _n_above(sizes[i], middle)
        cuda.atomic.add(total, 0, own)
        cuda.syncthreads()
        if total[0] <= n_more:
            high = middle
            if middle == 1.0:  # every pixel is a part
                break
        else:
            low = middle
    cuda.syncthreads()
    if thread == 0:
        total[0] = 0
    cuda.syncthreads()
    own = np.int64(0)
    for i in range(thread, n, THREADS):
        parts[i] = 1 + _n_above(sizes[i], high)
        own += parts[i] - 1
    cuda.atomic.add(total, 0, own)
    cuda.syncthreads()
    n_left = np.int64(n_more - total[0])
    for chunk in range(0, n, THREADS):  # quotients that equal it, of the first regions
        i = chunk + thread
        equal = i < n and sizes[min(i, n - 1)] / parts[min(i, n - 1)] == high
        before, n_equal = scan_block(np.int64(equal))
        if equal and before < n_left:
            parts[i] += 1
        n_left -= n_equal


@rule
def _n_above(size, limit):
    """How many quotients size / k, k = 1, 2, ..., are above a limit of at least 1."""
    k = np.int64(math.floor(size / limit))
    while k > 0 and size / k <= limit:
        k -= 1
    while size / (k + 1) > limit:
        k += 1
    return k


@kernel
def keep_cut(parts, sizes):
    """Leave the sizes of regions that are cut; parts : IN, sizes : INOUT (n,) int64, 0 others."""
    i = cuda.grid(1)
    if i < sizes.shape[0] and parts[i] < 2:
        sizes[i] = 0


@kernel
def flag_cut(flat, parts, flags):
    """Flag the pixels of regions that are cut; flat : IN (n,) int32; flags : OUT (n,) uint8."""
    p = cuda.grid(1)
    if p < flat.shape[0]:
        flags[p] = flat[p] >= 0 and parts[max(flat[p], 0)] > 1


@kernel
def list_pixels(flat, flags, places, keys, pixels):
    """List the flagged pixels and their labels; grid: a thread a pixel.

    Parameters
    ----------
    flat : IN (n,) int32, labels
    flags : IN (n,) uint8
    places : IN (n + 1,) int32, prefix sum of the flags
    keys : OUT (places[-1],) uint32, labels
    pixels : OUT (places[-1],) int32
    """
    p = cuda.grid(1)
    if p < flat.shape[0] and flags[p]:
        keys[places[p]] = flat[p]
        pixels[places[p]] = p


@kernel
def blank_pieces(pieces):
    """Make no number a piece; pieces : OUT (n, 4) int64; grid: a thread a number."""
    e = cuda.grid(1)
    if e < pieces.shape[0]:
        pieces[e, 0] = -1


@kernel
def start_pieces(parts, slots, starts, pieces):
    """Make each region that is cut a piece of the first generation; grid: a thread a region.

    Parameters
    ----------
    parts : IN (n,) int64
    slots : IN (n + 1,) int64, the first number of each region
    starts : IN (n + 1,) int64, where its pixels start
    pieces : OUT (n_wanted, 4) int64: generation or -1, first pixel's place, that after the last,
        and parts
    """
    i = cuda.grid(1)
    if i < parts.shape[0] and parts[i] > 1:
        piece = slots[i]
        pieces[piece, 0] = 0
        pieces[piece, 1], pieces[piece, 2], pieces[piece, 3] = starts[i], starts[i + 1], parts[i]


@kernel
def relabel(flat, slots):
    """Give each pixel its region's first number; flat : INOUT (n,) int32, slots : IN int64."""
    p = cuda.grid(1)
    if p < flat.shape[0] and flat[p] >= 0:
        flat[p] = slots[flat[p]]


@kernel
def cut_pieces(
    generation, labels, pixels, scratch, pieces, side, parent, counts, n_cuts
):  # fmt: skip
    """Cut each piece of a generation in two connected ones; grid: a block a number.

    Parameters
    ----------
    generation : int
    labels : INOUT (H, W) int32, numbers of pieces
    pixels : INOUT (n,) int32, those of a piece in ascending order
    scratch : (n,) int64
    pieces : INOUT (n_wanted, 4) int64, as in `start_pieces`
    side : (H * W,) uint8, scratch: 1 for what is grown, 0 for the rest
    parent : (H * W,) int32, scratch
    counts : (H * W,) int32, scratch
    n_cuts : INOUT (1,) int64
    """
    shared = cuda.shared.array(8, int64)
    piece, thread = cuda.blockIdx.x, cuda.threadIdx.x
    if pieces[piece, 0] != generation or pieces[piece, 3] < 2:
        return  # the whole block
    first, stop, k = pieces[piece, 1], pieces[piece, 2], pieces[piece, 3]
    height, width = labels.shape
    size = stop - first
    n_grown = max(np.int64(1), size * (k // 2) // k)
    lying = _is_lying(pixels, first, stop, width, shared)
    last = _last_key(pixels, first, stop, height, width, lying, n_grown, shared)
    for e in range(first + thread, stop, THREADS):
        side[pixels[e]] = _key(pixels[e], height, width, lying) <= last
    cuda.syncthreads()
    if _find_parts(piece, labels, pixels, first, stop, side, parent, counts, shared) > 1:
        for e in range(first + thread, stop, THREADS):
            side[pixels[e]] = 0
        cuda.syncthreads()
        if thread == 0:
            start = np.int64(pixels[first])
            for e in range(first, stop):
                p = np.int64(pixels[e])
                if _key(p, height, width, lying) < _key(start, height, width, lying):
                    start = p
            _grow(piece, labels, start, n_grown, lying, side, scratch[first:stop])
        cuda.syncthreads()
        _find_parts(piece, labels, pixels, first, stop, side, parent, counts, shared)
    # The largest part of the rest, of equals the first, is the other piece.
    if thread == 0:
        shared[0] = -1
    cuda.syncthreads()
    for e in range(first + thread, stop, THREADS):
        p = np.int64(pixels[e])
        if parent[p] == p and side[p] == 0:
            cuda.atomic.max(shared, 0, np.int64(counts[p]) << np.int64(32) | (_LAST_PIXEL - p))
    cuda.syncthreads()
    rest = _LAST_PIXEL - (shared[0] & _LAST_PIXEL)
    n_new = size - (shared[0] >> np.int64(32))
    _part(pixels, first, stop, parent, rest, n_new, scratch)
    share = (2 * k * n_new + size) // (2 * size)
    share = max(min(share, k - 1, n_new), 1, k - (size - n_new))
    for e in range(first + n_new + thread, stop, THREADS):
        p = pixels[e]
        labels[p // width, p % width] = piece + share
    if thread == 0:
        _write_piece(pieces, piece + share, generation + 1, first + n_new, stop, k - share)
        _write_piece(pieces, np.int64(piece), generation + 1, first, first + n_new, share)
        cuda.atomic.add(n_cuts, 0, 1)


_LAST_PIXEL = np.int64(2**31 - 1)


@rule
def _write_piece(pieces, piece, generation, first, stop, k):
    pieces[piece, 1], pieces[piece, 2], pieces[piece, 3] = first, stop, k
    pieces[piece, 0] = generation


@rule
def _key(p, height, width, lying):
    """By which pixels are grown: by row and column, or by column and row."""
    return np.int64(p % width * height + p // width if lying else p)


@rule
def _pixel(key, height, width, lying):
    """The pixel that has a key."""
    return np.int64(key % height * width + key // height if lying else key)


@device_function
def _is_lying(pixels, first, stop, width, shared):
    """Whether a piece is wider than high."""
    thread = cuda.threadIdx.x
    if thread == 0:
        shared[0], shared[1], shared[2], shared[3] = _FAR, -1, _FAR, -1
    cuda.syncthreads()
    for e in range(first + thread, stop, THREADS):
        y, x = np.int64(pixels[e] // width), np.int64(pixels[e] % width)
        cuda.atomic.min(shared, 0, y)
        cuda.atomic.max(shared, 1, y)
        cuda.atomic.min(shared, 2, x)
        cuda.atomic.max(shared, 3, x)
    cuda.syncthreads()
    lying = shared[3] - shared[2] > shared[1] - shared[0]
    cuda.syncthreads()
    return lying


@device_function
def _last_key(pixels, first, stop, height, width, lying, n, shared):
    """The key that n pixels of a piece have, or one below it."""
    if not lying:
        return np.int64(pixels[first + n - 1])
    thread = cuda.threadIdx.x
    low, high = np.int64(0), np.int64(width * height - 1)  # it is none below low, none above high
    while low < high:
        middle = (low + high) // 2
        if thread == 0:
            shared[0] = 0
        cuda.syncthreads()
        own = np.int64(0)
        for e in range(first + thread, stop, THREADS):
            own += _key(pixels[e], height, width, lying) <= middle
        cuda.atomic.add(shared, 0, own)
        cuda.syncthreads()
        if shared[0] >= n:
            high = middle
        else:
            low = middle + 1
        cuda.syncthreads()
    return low


@device_function
def _find_parts(piece, labels, pixels, first, stop, side, parent, counts, shared):
    """Find the connected parts of both sides of a piece, and count their pixels.

    Parameters
    ----------
    parent : OUT, at the piece's pixels: the first pixel of each one's part
    counts : OUT, at first pixels: pixels of the part

    Returns
    -------
    n : int, parts of what is grown
    """
    thread, width = cuda.threadIdx.x, labels.shape[1]
    for e in range(first + thread, stop, THREADS):
        parent[pixels[e]], counts[pixels[e]] = pixels[e], 0
    if thread == 0:
        shared[0] = 0
    cuda.syncthreads()
    for e in range(first + thread, stop, THREADS):
        p = np.int64(pixels[e])
        y, x = p // width, p % width
        if x > 0 and labels[y, x - 1] == piece and side[p - 1] == side[p]:
            unite(parent, p, p - 1)
        if y > 0 and labels[y - 1, x] == piece and side[p - width] == side[p]:
            unite(parent, p, p - width)
    cuda.syncthreads()
    for e in range(first + thread, stop, THREADS):
        p = np.int64(pixels[e])
        own = root(parent, p)
        if own == p and side[p] == 1:
            cuda.atomic.add(shared, 0, 1)
        parent[p] = own
        cuda.atomic.add(counts, own, 1)
    cuda.syncthreads()
    n = shared[0]
    cuda.syncthreads()
    return n


@device_function
def _part(pixels, first, stop, parent, rest, n_new, scratch):
    """Bring those of the new piece before the part `rest`; each in ascending order as before."""
    thread = cuda.threadIdx.x
    done = np.int64(0)
    for chunk in range(first, stop, THREADS):
        e = chunk + thread
        is_new = e < stop and parent[pixels[min(e, stop - 1)]] != rest
        before, n = scan_block(np.int64(is_new))
        if is_new:
            scratch[first + done + before] = pixels[e]
        elif e < stop:
            scratch[first + n_new + (e - first) - (done + before)] = pixels[e]
        done += n
    cuda.syncthreads()
    for e in range(first + thread, stop, THREADS):
        pixels[e] = scratch[e]
    cuda.syncthreads()


@rule
def _grow(piece, labels, start, n, lying, side, heap):
    """Grow what is connected from one pixel, always by the frontier's pixel of the least key.

    Parameters
    ----------
    piece : int, label of the pixels to grow over
    labels : IN (H, W) int32
    start : int, the pixel to start with
    n : int, pixels wanted
    lying : bool
    side : INOUT (H * W,) uint8, 0 in the piece; OUT 1 for what is grown
    heap : (at least the piece's pixels,) int64, scratch
    """
    height, width = labels.shape
    heap[0] = _key(start, height, width, lying)
    side[start] = _WAITING
    n_waiting = np.int64(1)
    while n > 0:
        p = _pixel(heap[0], height, width, lying)
        n_waiting -= 1
        _sink(heap, n_waiting, heap[n_waiting])
        side[p] = 1
        n -= 1
        y, x = p // width, p % width
        for i in range(4):
            v = y + (i == 3) - (i == 0)
            u = x + (i == 2) - (i == 1)
            if v < 0 or v >= height or u < 0 or u >= width:
                continue
            q = v * width + u
            if labels[v, u] == piece and side[q] == 0:
                side[q] = _WAITING
                _rise(heap, n_waiting, _key(q, height, width, lying))
                n_waiting += 1
    for e in range(n_waiting):
        side[_pixel(heap[e], height, width, lying)] = 0


@rule
def _rise(heap, place, key):
    """Put a key at the end of a heap and bring it up to where it belongs."""
    while place > 0 and heap[(place - 1) // 2] > key:
        heap[place] = heap[(place - 1) // 2]
        place = (place - 1) // 2
    heap[place] = key


@rule
def _sink(heap, n, key):
    """Put a key at the top of a heap of n and bring it down to where it belongs."""
    place = np.int64(0)
    while 2 * place + 1 < n:
        child = 2 * place + 1
        if child + 1 < n and heap[child + 1] < heap[child]:
            child += 1
        if heap[child] >= key:
            break
        heap[place] = heap[child]
        place = child
    heap[place] = key


@kernel
def find_first(flat, first):
    """Find each label's first pixel; flat : IN (n,) int32; first : INOUT int32, n."""
    p = cuda.grid(1)
    if p >= flat.shape[0] or flat[p] < 0:
        return
    if p % 32 == 0 or flat[p - 1] != flat[p]:
        cuda.atomic.min(first, flat[p], np.int32(p))


@kernel
def flag_first(flat, first, flags):
    """Flag the first pixels; flat, first : IN; flags : OUT (n,) uint8; a thread a pixel."""
    p = cuda.grid(1)
    if p < flat.shape[0]:
        flags[p] = flat[p] >= 0 and first[max(flat[p], 0)] == p


@kernel
def renumber(flat, first, places):
    """Number labels by their first pixels; flat : INOUT (n,) int32; places : IN, of the flags."""
    p = cuda.grid(1)
    if p < flat.shape[0] and flat[p] >= 0:
        flat[p] = places[first[flat[p]]]
