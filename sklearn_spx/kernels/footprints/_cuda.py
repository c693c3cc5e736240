"""The sparse weights on a GPU, in the order of the CPU and with its sums.

Pixels are sorted by region, and a thread goes along each run of pixels and lists what the run adds
to which cell. Sorted by region and cell, stably, what belongs together is added up in the order of
the CPU; an entry's place is that of the first of its summands.
"""

import numpy as np
from numba import cuda
from numba.extending import register_jitable

from .._cuda_common import fill, for_each
from .._cuda_scan import prefix_sum
from .._cuda_sort import sort_pairs
from .._device import kernel

_MOST = 2**31 - 1  # summands, whose places are int32


def region_footprints(session, labels, n_regions, coarse):
    """Cells, offsets and weights as results of the session; see `footprints.region_footprints`.

    Parameters
    ----------
    session : Session
    labels : IN (H, W), integers, on the GPU
    n_regions : int
    coarse : Map, of `_cpu`
    """
    height, width = labels.shape
    n_pixels = height * width
    on = session.allocate(
        "region_footprints",
        keys=((n_pixels,), np.uint32),
        pixels=((n_pixels,), np.int32),
        counts=((n_regions,), np.int32),
        starts=((n_regions + 1,), np.int64),
        n_parts=((n_pixels,), np.int32),
        places=((n_pixels + 1,), np.int64),
        largest=((1,), np.int32),
    )
    for_each(session, n_regions, fill, on.counts, 0)
    for_each(session, 1, fill, on.largest, -1)
    for_each(
        session, n_pixels, list_pixels,
        labels, n_regions, on.keys, on.pixels, on.counts, on.largest,
    )  # fmt: skip
    largest = int(session.copy_out(on.largest)[0])
    if largest >= n_regions:
        raise ValueError(f"n_regions is {n_regions}, but labels reach {largest}")
    prefix_sum(session, on.counts, on.starts)
    keys, pixels = sort_pairs(session, on.keys, on.pixels, n_regions.bit_length())
    runs = keys, pixels, on.starts, width
    for_each(session, n_pixels, count_parts, *runs, coarse, on.n_parts)
    prefix_sum(session, on.n_parts, on.places)
    n = int(session.copy_out(on.places[n_pixels:])[0])
    if n > _MOST:
        raise ValueError(f"labels of shape {labels.shape} have too many footprints for CUDA")
    parts = session.allocate(
        "region_footprints",
        keys=((n,), np.uint64),
        order=((n,), np.int32),
        weights=((n,), np.float64),
        sums=((n,), np.float64),
        is_first=((n,), np.uint8),
        entries=((n + 1,), np.int64),
    )
    for_each(
        session, n_pixels, list_parts,
        *runs, coarse, on.places, parts.keys, parts.order, parts.weights,
    )  # fmt: skip
    n_cells = coarse.rows * coarse.columns
    n_bits = (n_regions * n_cells).bit_length()
    part_keys, order = sort_pairs(session, parts.keys, parts.order, n_bits)
    for_each(
        session, n, sum_parts,
        part_keys, order, parts.weights, n_regions * n_cells, parts.sums, parts.is_first,
    )  # fmt: skip
    prefix_sum(session, parts.is_first, parts.entries)
    n_entries = int(session.copy_out(parts.entries[n:])[0])
    results = [
        session.new_result(shape, dtype)
        for shape, dtype in (
            ((n_entries,), np.int64), ((n_regions + 1,), np.int64), ((n_entries,), np.float32)
        )
    ]  # fmt: skip
    cells, offsets, weights = (out for _, out in results)
    for_each(
        session, n, write_entries,
        part_keys, order, n_cells, on.counts, parts.sums, parts.is_first, parts.entries,
        cells, weights,
    )  # fmt: skip
    for_each(session, n_regions + 1, write_offsets, on.starts, on.places, parts.entries, offsets)
    return tuple(session.result(own) for own, _ in results)


@kernel
def list_pixels(labels, n_regions, keys, pixels, counts, largest):
    """List each pixel and its region, which is beyond the last one outside; a thread a pixel.

    Parameters
    ----------
    labels : IN (H, W)
    n_regions : int
    keys : OUT (H * W,) uint32, regions
    pixels : OUT (H * W,) int32
    counts : INOUT (n_regions,) int32, zeros; OUT pixels of each
    largest : INOUT (1,) int32, -1; OUT the largest label
    """
    p = cuda.grid(1)
    width = labels.shape[1]
    if p >= labels.shape[0] * width:
        return
    label = np.int64(labels[p // width, p % width])
    cuda.atomic.max(largest, 0, np.int32(label))
    keys[p] = n_regions if label < 0 or label >= n_regions else label
    pixels[p] = p
    if 0 <= label < n_regions:
        cuda.atomic.add(counts, label, 1)


@register_jitable
def _place(p, n_cells, coarse):
    """The cell before a pixel of a line, and the share of the next one."""
    place = min(max((p - coarse.origin) / coarse.stride, 0.0), n_cells - 1.0)
    first = min(np.int64(place), max(np.int64(n_cells) - 2, np.int64(0)))
    return first, place - np.float64(first)


@register_jitable
def _is_run(regions, pixels, starts, width, i):
    """Whether a run of pixels, along a row and of one region, starts at a place in the list."""
    r = np.int64(regions[i])
    if r >= starts.shape[0] - 1:
        return False
    return i == starts[r] or pixels[i] != pixels[i - 1] + 1 or pixels[i] % width == 0


@kernel
def count_parts(regions, pixels, starts, width, coarse, n_parts):
    """Count the places that each run needs, two a column of cells; grid: a thread a pixel.

    Parameters
    ----------
    regions : IN (n,) uint32, ascending
    pixels : IN (n,) int32, ascending within a region
    starts : IN (n_regions + 1,) int64
    width : int, of the image
    coarse : Map
    n_parts : OUT (n,) int32, of the run that starts at each place, else 0
    """
    i = cuda.grid(1)
    if i >= regions.shape[0]:
        return
    n_parts[i] = 0
    if _is_run(regions, pixels, starts, width, i):
        x = np.int64(pixels[i] % width)
        last = x + _length(pixels, starts[np.int64(regions[i]) + 1], width, i) - 1
        first_column, _ = _place(x, coarse.columns, coarse)
        last_column, _ = _place(last, coarse.columns, coarse)
        n_parts[i] = 2 * (last_column + 2 - first_column)


@register_jitable
def _length(pixels, stop, width, i):
    """Pixels of the run from place i on, of a region that ends before place stop."""
    n = np.int64(1)
    x = np.int64(pixels[i] % width)
    while i + n < stop and x + n < width and pixels[i + n] == pixels[i] + n:
        n += 1
    return n


@kernel
def list_parts(regions, pixels, starts, width, coarse, places, keys, order, weights):
    """List what each run adds to which cell; grid: a thread a pixel.

    Parameters
    ----------
    regions, pixels, starts, width, coarse : IN, as in `count_parts`
    places : IN (n + 1,) int64, prefix sum of the counts
    keys : OUT (n_parts,) uint64, region * cells + cell, or beyond all where nothing is added
    order : OUT (n_parts,) int32, 0, 1, ...
    weights : OUT (n_parts,) float64
    """
    i = cuda.grid(1)
    if i >= regions.shape[0] or places[i] == places[i + 1]:
        return
    region = np.int64(regions[i])
    n = _length(pixels, starts[region + 1], width, i)
    y, x = np.int64(pixels[i] // width), np.int64(pixels[i] % width)
    row, down = _place(y, coarse.rows, coarse)
    column, share = _place(x, coarse.columns, coarse)
    n_cells = np.int64(coarse.rows) * coarse.columns
    nothing = (starts.shape[0] - 1) * n_cells
    to = places[i]
    here, after = 0.0, 0.0  # what the run weighs in a column, and in the next
    for k in range(n + 1):
        first = places.shape[0] + column  # after the last pixel, any column beyond
        if k < n:
            first, share = _place(x + k, coarse.columns, coarse)
        while column < first and to < places[i + 1]:
            for side in range(2):
                weight = here * (down if side == 1 else 1.0 - down)
                cell = region * n_cells + (row + side) * coarse.columns + column
                keys[to] = cell if weight > 0.0 else nothing
                order[to] = to
                weights[to] = weight
                to += 1
            here, after = after, 0.0
            column += 1
        here += 1.0 - share
        after += share


@kernel
def sum_parts(keys, order, weights, n_keys, sums, is_first):
    """Add up what belongs together, in its order; grid: a thread a summand.

    Parameters
    ----------
    keys : IN (n,) uint64, ascending
    order : IN (n,) int32, ascending for each key
    weights : IN (n,) float64
    n_keys : int, keys from there on are nothing
    sums : OUT (n,) float64, where the first summand was listed
    is_first : OUT (n,) uint8, 1 there
    """
    e = cuda.grid(1)
    if e >= keys.shape[0]:
        return
    is_first[order[e]] = 0
    if np.int64(keys[e]) >= n_keys or (e > 0 and keys[e - 1] == keys[e]):
        return
    total, f = 0.0, e
    while f < keys.shape[0] and keys[f] == keys[e]:
        total += weights[order[f]]
        f += 1
    sums[order[e]] = total
    is_first[order[e]] = 1


@kernel
def write_entries(keys, order, n_cells, counts, sums, is_first, entries, cells, weights):
    """Write each entry where its first summand says; grid: a thread a summand.

    Parameters
    ----------
    keys, order, sums, is_first : IN, as in `sum_parts`
    n_cells : int
    counts : IN (n_regions,) int32
    entries : IN (n + 1,) int64, prefix sum of `is_first`
    cells : OUT (n_entries,) int64
    weights : OUT (n_entries,) float32
    """
    e = cuda.grid(1)
    if e >= keys.shape[0] or not is_first[order[e]]:
        return
    if e > 0 and keys[e - 1] == keys[e]:
        return
    to = entries[order[e]]
    cells[to] = np.int64(keys[e]) % n_cells
    weights[to] = sums[order[e]] / counts[np.int64(keys[e]) // n_cells]


@kernel
def write_offsets(starts, places, entries, offsets):
    """Write where each region's entries start; grid: a thread a region, and one more.

    Parameters
    ----------
    starts : IN (n_regions + 1,) int64, of pixels
    places : IN (n_pixels + 1,) int64, of summands by pixel
    entries : IN (n + 1,) int64, of entries by summand
    offsets : OUT (n_regions + 1,) int64
    """
    r = cuda.grid(1)
    if r < offsets.shape[0]:
        offsets[r] = entries[places[starts[r]]]
