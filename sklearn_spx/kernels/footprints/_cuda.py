"""The sparse weights on a GPU, in the order and with the sums of the CPU.

Runs of a region along a row are sorted by region. Each spreads what it has over the cells below
it: a list of parts, region by region, as the CPU comes to them. A sort by region and cell, which is
stable, brings together what an entry adds up; the entries lie where their first parts lie.
"""

import numpy as np
from numba import cuda

from .._cuda_common import for_each
from .._cuda_scan import prefix_sum
from .._cuda_sort import find_places, sort_pairs
from .._device import kernel
from ..compilation import rule
from ._rules import cell_before

_MOST = 2**31 - 1


def region_footprints(session, labels, n_regions, coarse):
    """Cells, offsets and weights, as arrays of the caller's kind.

    Parameters
    ----------
    session : Session
    labels : IN (H, W) int32, on the GPU
    n_regions : int
    coarse : Map
    """
    height, width = labels.shape
    n_pixels, n_cells = height * width, coarse.rows * coarse.columns
    if n_regions >= _MOST:
        raise ValueError(f"n_regions is {n_regions}, too many for CUDA: give device='cpu'")
    on = session.allocate(
        "region_footprints",
        cells_y=((height,), np.int64), shares_y=((height,), np.float64),
        cells_x=((width,), np.int64), shares_x=((width,), np.float64),
        flags=((n_pixels,), np.bool_),
        places=((n_pixels + 1,), np.int32),
    )  # fmt: skip
    stride, origin = float(coarse.stride), float(coarse.origin)
    for_each(session, height, locate, coarse.rows, stride, origin, on.cells_y, on.shares_y)
    for_each(session, width, locate, coarse.columns, stride, origin, on.cells_x, on.shares_x)
    lines = on.cells_y, on.shares_y, on.cells_x, on.shares_x
    for_each(session, n_pixels, flag_runs, labels, on.flags)
    prefix_sum(session, on.flags, on.places)
    n_runs = int(session.copy_out(on.places[n_pixels:])[0])
    runs = session.allocate(
        "region_footprints",
        keys=((n_runs,), np.uint32),
        firsts=((n_runs,), np.int32),
        counts=((n_runs,), np.int32),
        starts=((n_runs + 1,), np.int64),
        places=((n_regions + 1,), np.int32),
        sizes=((n_regions,), np.int64),
    )
    for_each(session, n_pixels, list_runs, labels, on.flags, on.places, runs.keys, runs.firsts)
    keys, firsts = sort_pairs(session, runs.keys, runs.firsts, n_regions.bit_length())
    for_each(session, n_regions + 1, find_places, keys, runs.places)
    for_each(session, n_regions, measure, labels, firsts, runs.places, runs.sizes)
    for_each(session, n_runs, count_parts, labels, firsts, lines, runs.counts)
    prefix_sum(session, runs.counts, runs.starts)
    n_parts = int(session.copy_out(runs.starts[n_runs:])[0])
    if n_parts > _MOST:
        raise ValueError(f"{height} x {width} pixels have too many parts: give device='cpu'")
    parts = session.allocate(
        "region_footprints",
        keys=((n_parts,), np.uint64),
        numbers=((n_parts,), np.int32),
        shares=((n_parts,), np.float64),
        flags=((n_parts,), np.uint8),
        entry=((n_parts + 1,), np.int64),
    )
    for_each(
        session, n_runs, list_parts,
        labels, firsts, lines, coarse.columns, n_cells, runs.starts,
        (parts.keys, parts.numbers, parts.shares),
    )  # fmt: skip
    keys, numbers = sort_pairs(
        session, parts.keys, parts.numbers, (n_regions * n_cells).bit_length()
    )
    for_each(session, n_parts, flag_entries, keys, numbers, parts.flags)
    prefix_sum(session, parts.flags, parts.entry)
    n_entries = int(session.copy_out(parts.entry[n_parts:])[0])
    own_cells, cells = session.new_result((n_entries,), np.int64)
    own_offsets, offsets = session.new_result((n_regions + 1,), np.int64)
    own_weights, weights = session.new_result((n_entries,), np.float32)
    for_each(
        session, n_parts, write_entries,
        keys, numbers, parts.shares, n_cells, runs.sizes, parts.entry, cells, weights,
    )  # fmt: skip
    for_each(session, n_regions + 1, write_offsets, runs.places, runs.starts, parts.entry, offsets)
    return tuple(map(session.result, (own_cells, own_offsets, own_weights)))


@rule
def _end(labels, y, x):
    """Where the run from (y, x) on ends."""
    end = x + 1
    while end < labels.shape[1] and labels[y, end] == labels[y, x]:
        end += 1
    return end


@kernel
def locate(cells, stride, origin, lower, share):
    """Find where the pixels of a line lie; lower, share : OUT (length,); grid: a thread a pixel."""
    p = cuda.grid(1)
    if p < lower.shape[0]:
        lower[p], share[p] = cell_before(p, cells, stride, origin)


@kernel
def flag_runs(labels, flags):
    """Flag where a run of a region starts; flags : OUT (H * W,) bool; grid: a thread a pixel."""
    p = cuda.grid(1)
    height, width = labels.shape
    if p < height * width:
        y, x = p // width, p % width
        flags[p] = labels[y, x] >= 0 and (x == 0 or labels[y, x - 1] != labels[y, x])


@kernel
def list_runs(labels, flags, places, keys, firsts):
    """List the runs in reading order; grid: a thread a pixel.

    Parameters
    ----------
    labels : IN (H, W) int32
    flags : IN (H * W,) bool
    places : IN (H * W + 1,) int32, their prefix sum
    keys : OUT (n_runs,) uint32, region
    firsts : OUT (n_runs,) int32, first pixel
    """
    p = cuda.grid(1)
    width = labels.shape[1]
    if p < flags.shape[0] and flags[p]:
        keys[places[p]] = np.uint32(labels[p // width, p % width])
        firsts[places[p]] = p


@kernel
def measure(labels, firsts, places, sizes):
    """Count the pixels of each region; grid: a thread a region.

    Parameters
    ----------
    labels : IN (H, W) int32
    firsts : IN (n_runs,) int32, by region
    places : IN (n_regions + 1,) int32
    sizes : OUT (n_regions,) int64
    """
    r = cuda.grid(1)
    if r >= sizes.shape[0]:
        return
    width, size = labels.shape[1], np.int64(0)
    for i in range(places[r], places[r + 1]):
        y, x = firsts[i] // width, firsts[i] % width
        size += _end(labels, y, x) - x
    sizes[r] = size


@kernel
def count_parts(labels, firsts, lines, counts):
    """Count the cells that each run has a part of; grid: a thread a run.

    Parameters
    ----------
    labels : IN (H, W) int32
    firsts : IN (n_runs,) int32
    lines : IN of `locate`, cells and shares of the rows, then of the columns
    counts : OUT (n_runs,) int32
    """
    i = cuda.grid(1)
    if i >= firsts.shape[0]:
        return
    width, n = labels.shape[1], 0
    y, x = firsts[i] // width, firsts[i] % width
    end, share = _end(labels, y, x), lines[1][y]
    for c in range(lines[2][x], lines[2][end - 1] + 2):
        along, x = _along(lines, c, x, end)
        if along * (1.0 - share) > 0.0:
            n += 1
        if along * share > 0.0:
            n += 1
    counts[i] = n


@kernel
def list_parts(labels, firsts, lines, columns, n_cells, starts, parts):
    """List the parts of each run, from left to right; grid: a thread a run.

    Parameters
    ----------
    labels, firsts, lines : as in `count_parts`
    columns, n_cells : int, of the map
    starts : IN (n_runs + 1,) int64, prefix sum of the counts
    parts : OUT, of each: region and cell, uint64; its number, int32; what it weighs, float64
    """
    i = cuda.grid(1)
    if i >= firsts.shape[0]:
        return
    keys, numbers, shares = parts
    width, to = labels.shape[1], starts[i]
    y, x = firsts[i] // width, firsts[i] % width
    end, share, region = _end(labels, y, x), lines[1][y], np.int64(labels[y, x])
    for c in range(lines[2][x], lines[2][end - 1] + 2):
        along, x = _along(lines, c, x, end)
        for dy in range(2):
            part = along * (share if dy else 1.0 - share)
            if part > 0.0:
                cell = (lines[0][y] + dy) * columns + c
                keys[to] = np.uint64(region * n_cells + cell)
                numbers[to] = to
                shares[to] = part
                to += 1


@rule
def _along(lines, c, x, end):
    """The weight of column c for pixels of a row, and the first that lies not before it.

    ``x`` is the first pixel that lies not before column c - 1.
    """
    along = 0.0
    while x < end and lines[2][x] < c:
        along += lines[3][x]
        x += 1
    here = x
    while here < end and lines[2][here] == c:
        along += 1.0 - lines[3][here]
        here += 1
    return along, x


@kernel
def flag_entries(keys, numbers, flags):
    """Flag the first part of each entry; grid: a thread a part.

    Parameters
    ----------
    keys : IN (n_parts,) uint64, sorted
    numbers : IN (n_parts,) int32
    flags : OUT (n_parts,) uint8, by number
    """
    i = cuda.grid(1)
    if i < keys.shape[0]:
        flags[numbers[i]] = 1 if i == 0 or keys[i] != keys[i - 1] else 0


@kernel
def write_entries(keys, numbers, shares, n_cells, sizes, entry, cells, weights):
    """Add up the parts of each entry, in their order; grid: a thread a part.

    Parameters
    ----------
    keys, numbers : IN (n_parts,), sorted
    shares : IN (n_parts,) float64, by number
    n_cells : int
    sizes : IN (n_regions,) int64
    entry : IN (n_parts + 1,) int64, prefix sum of the flags, by number
    cells : OUT (n_entries,) int64
    weights : OUT (n_entries,) float32
    """
    i = cuda.grid(1)
    n = keys.shape[0]
    if i >= n or (i > 0 and keys[i] == keys[i - 1]):
        return
    key, total, j = keys[i], 0.0, i
    while j < n and keys[j] == key:
        total += shares[numbers[j]]
        j += 1
    region = np.int64(key) // n_cells
    e = entry[numbers[i]]
    cells[e] = np.int64(key) - region * n_cells
    weights[e] = np.float32(total / np.float64(sizes[region]))


@kernel
def write_offsets(places, starts, entry, offsets):
    """Write where the entries of each region start; grid: a thread a region, and one.

    Parameters
    ----------
    places : IN (n_regions + 1,) int32, first run of each region
    starts : IN (n_runs + 1,) int64, first part of each run
    entry : IN (n_parts + 1,) int64
    offsets : OUT (n_regions + 1,) int64
    """
    r = cuda.grid(1)
    if r < offsets.shape[0]:
        offsets[r] = entry[starts[places[r]]]
