"""SLIC on a GPU: the tiles and the arithmetic of the CPU, so that each label is the CPU's.

A block is a set of 64 pixels, a thread a pixel. What blocks share passes through memory, and is
gathered: each tile writes a sum for each of its candidates, and each centre then reads its sums
tile by tile, in the order in which the CPU adds them. Atomic operations are on integers alone, and
lists that they fill are sorted before use, so no order of blocks shows in a result.
"""

import numpy as np
from numba import cuda, float32, int32

from .._bits import bits_of, float_of, fma, ordered_key
from .._clustering import QUARTERS
from .._cuda_common import fill, for_each
from .._device import kernel
from ..compilation import rule
from ._cuda_tiles import cut, grid_of, pixel_of
from ._rules import (
    FEW,
    GROUP,
    SET,
    SIDE,
    TOO_LARGE,
    apart,
    colour_apart,
    corner,
    group_apart,
    on_grid,
    sum_grid,
    tile_range,
)
from ._tiles import place_of

_SCAN = 128  # threads of the one block that sums up over all tiles
_SCAN_ENDS = _SCAN + 1
_EACH = 64  # threads of a block where a thread is a centre, or a centre's number
_LAST = np.int32(2**31 - 1)


def cluster(session, image, rgb_scale, channels, scale, n_planes, mask, start, options, labels):
    """k-means from the seeds: each pixel's cluster, -1 outside the mask.

    Parameters
    ----------
    session : Session
    image : array on the GPU (H, W, C), float32, or uint8 if `rgb_scale` is 255
    rgb_scale : the value of full intensity if it is RGB to be converted to Lab, or None
    channels, scale, n_planes : of `_sample.choose_planes`
    mask : bool device array (H, W), or None where the whole image is inside
    start : Start
    options : (float32, float32, int, bool), factor of the squared distance in pixels, first factor
        of the colour distance, iterations, and whether that factor adapts
    labels : OUT int32 device array (H, W)

    Returns
    -------
    centres : float32 device array (K, 2 + P)
        Scratch memory.
    """
    spatial, contrast, max_iter, adapts = options
    if n_planes > FEW:
        n_planes = -(-n_planes // GROUP) * GROUP  # whole passes: what is more is 0
    radius, n_centres = np.float64(start.step), len(start.seeds)
    grid = grid_of(image.shape, start.stride)
    n_tiles, n_sets = grid.n_down * grid.n_across, start.stride**2
    n_listed = _most_listed(grid, radius, n_centres)
    if n_listed * max(n_planes, 3) > _LAST or n_tiles * n_sets > _LAST:
        raise ValueError(
            f"{n_centres} superpixels of {image.shape[:2]} pixels are too many on CUDA"
        )
    on = session.allocate(
        "slic",
        nothing=((1, 1), bool),
        channels=((len(channels),), np.int32),
        scale=((len(scale),), np.float32),
        seeds=((n_centres, 2), np.float32),
        places=((*start.places.shape[:2], 3), np.int32),
        centres=((n_centres, 2 + n_planes), np.float32),
        moved=((n_centres, 2 + n_planes), np.float32),
        contrast=((n_centres,), np.float32),
        farthest=((n_centres,), np.float32),
        inside=((n_tiles, n_sets, SET), bool),
        counts=((n_tiles, n_sets), np.int32),
        planes=((n_tiles, n_sets, n_planes * SET), np.float32),
        largest_sum=((1,), np.int32),
        n_windows=((n_tiles,), np.int32),
        starts=((n_tiles + 1,), np.int32),
        filled=((n_tiles,), np.int32),
        alone=((n_tiles,), np.int32),
        n_alone=((1,), np.int32),
        members=((n_listed,), np.int32),
        candidates=((n_listed,), np.int32),
        parts=((n_listed, n_planes), np.float32),
        pixels=((n_listed, 3), np.int32),
        reaches=((n_listed,), np.int32),
    )
    _upload(session, on, channels, scale, start, grid)
    for array, value in (
        (on.counts.reshape(n_tiles * n_sets), 0),
        (on.n_windows, 0),
        (on.largest_sum, 0),
        (on.contrast, contrast),
        (on.farthest, np.float32(0)),
    ):
        for_each(session, array.shape[0], fill, array, value)
    largest = cut(session, image, rgb_scale, on.nothing[:0] if mask is None else mask, grid, on)
    exact = sum_grid(largest, scale, rgb_scale, n_tiles)
    farthest, reaches = (on.farthest, on.reaches) if adapts else (on.farthest[:0], on.reaches[:0])
    centres, moved = on.centres, on.moved
    n_blocks = -(-n_centres // _EACH)
    session.launch(place_centres, n_blocks, _EACH, on.seeds, on.places, on.planes, centres)
    for iteration in range(max_iter):
        session.launch(count_windows, n_blocks, _EACH, centres, grid, radius, on.n_windows)
        session.launch(
            start_lists, 1, _SCAN,
            on.n_windows, on.counts, on.starts, on.filled, on.alone, on.n_alone,
        )  # fmt: skip
        session.launch(
            fill_lists, n_blocks, _EACH, centres, grid, radius, on.starts, on.filled, on.members
        )
        session.launch(
            sort_lists, n_tiles, 32,
            centres, grid, on.starts, on.filled, on.members, on.candidates,
        )  # fmt: skip
        if iteration == max_iter - 1:
            break
        s = QUARTERS[iteration % n_sets]
        session.launch(
            sum_up, n_tiles, SET,
            on.planes, on.inside, on.counts, s, grid, centres, on.contrast, spatial,
            (on.starts, on.candidates), on.parts, on.pixels, reaches,
        )  # fmt: skip
        session.launch(
            move, -(-n_centres * (2 + n_planes) // _EACH), _EACH,
            on.counts, s, grid, radius, exact, centres, moved,
            (on.starts, on.filled, on.candidates), (on.alone, on.n_alone),
            on.parts, on.pixels, reaches, farthest, on.contrast,
        )  # fmt: skip
        centres, moved = moved, centres
    session.launch(
        assign, n_tiles * n_sets, SET,
        on.planes, on.inside, grid, centres, on.contrast, spatial,
        (on.starts, on.candidates), labels,
    )  # fmt: skip
    return centres


def _most_listed(grid, radius, n_centres):
    """How long the lists of candidates can be together, wherever the centres are."""
    each = int(2 * radius / grid.side) + 3
    return n_centres * min(each, grid.n_down) * min(each, grid.n_across) + (
        grid.n_down * grid.n_across
    )


def _upload(session, on, channels, scale, start, grid):
    session.copy_in(channels, on.channels)
    session.copy_in(scale, on.scale)
    session.copy_in(start.seeds, on.seeds)
    places = np.column_stack(place_of(grid, start.places.reshape(-1, 2)))
    session.copy_in(places.reshape(on.places.shape), on.places)


@kernel
def place_centres(seeds, places, planes, centres):
    """Put each centre on its seed, as the mean of its pixels; grid: a thread a centre.

    Parameters
    ----------
    seeds : IN (K, 2) float32, row and column
    places : IN (K, m, 3) int32, tile, set and place of each pixel
    planes : IN (n_tiles, stride^2, P * 64) float32
    centres : OUT (K, 2 + P) float32
    """
    k = cuda.grid(1)
    if k >= seeds.shape[0]:
        return
    centres[k, 0], centres[k, 1] = seeds[k, 0], seeds[k, 1]
    m = places.shape[1]
    for c in range(centres.shape[1] - 2):
        total = np.float32(0)
        for j in range(m):
            total += planes[places[k, j, 0], places[k, j, 1], c * SET + places[k, j, 2]]
        centres[k, 2 + c] = total * np.float32(1 / m)


@kernel
def count_windows(centres, grid, radius, n_windows):
    """Count the windows that meet each tile; grid: a thread a centre.

    n_windows : INOUT (n_tiles,) int32, zeros
    """
    k = cuda.grid(1)
    if k >= centres.shape[0]:
        return
    top, bottom = tile_range(centres[k, 0], radius, grid.side, 0, grid.n_down)
    left, right = tile_range(centres[k, 1], radius, grid.side, 0, grid.n_across)
    for y in range(top, bottom):
        for x in range(left, right):
            cuda.atomic.add(n_windows, y * grid.n_across + x, 1)


@kernel
def start_lists(n_windows, counts, starts, filled, alone, n_alone):
    """Give each tile its part of the list of candidates; grid: one block of `_SCAN` threads.

    Parameters
    ----------
    n_windows : INOUT (n_tiles,) int32, windows that meet each tile; OUT zeros
    counts : IN (n_tiles, stride^2) int32
    starts : OUT (n_tiles + 1,) int32; one place at least for each
    filled : OUT (n_tiles,) int32, zeros
    alone : OUT (n_tiles,) int32, tiles that no window meets, though not empty, in order
    n_alone : OUT (1,) int32
    """
    members = cuda.shared.array(_SCAN_ENDS, int32)
    others = cuda.shared.array(_SCAN_ENDS, int32)
    i, n_tiles = cuda.threadIdx.x, n_windows.shape[0]
    share = (n_tiles + _SCAN - 1) // _SCAN
    first, last = min(i * share, n_tiles), min((i + 1) * share, n_tiles)
    n_members, n_others = 0, 0
    for t in range(first, last):
        n_members += max(n_windows[t], 1)
        n_others += _stands_alone(n_windows, counts, t)
    members[i + 1], others[i + 1] = n_members, n_others
    cuda.syncthreads()
    if i == 0:
        members[0], others[0] = 0, 0
        for j in range(_SCAN):
            members[j + 1] += members[j]
            others[j + 1] += others[j]
        starts[n_tiles] = members[_SCAN]
        n_alone[0] = others[_SCAN]
    cuda.syncthreads()
    n_members, n_others = members[i], others[i]
    for t in range(first, last):
        starts[t] = n_members
        n_members += max(n_windows[t], 1)
        if _stands_alone(n_windows, counts, t):
            alone[n_others] = t
            n_others += 1
        n_windows[t] = 0
        filled[t] = 0


@rule
def _stands_alone(n_windows, counts, t):
    """1 if no window meets the tile, though it has pixels."""
    if n_windows[t] > 0:
        return 0
    for s in range(counts.shape[1]):
        if counts[t, s] > 0:
            return 1
    return 0


@kernel
def fill_lists(centres, grid, radius, starts, filled, members):
    """List the candidates of each tile, in any order; grid: a thread a centre.

    Parameters
    ----------
    centres, grid, radius : as in `count_windows`
    starts : IN (n_tiles + 1,) int32
    filled : INOUT (n_tiles,) int32, zeros; OUT how many windows meet it
    members : OUT (starts[-1],) int32
    """
    k = cuda.grid(1)
    if k >= centres.shape[0]:
        return
    top, bottom = tile_range(centres[k, 0], radius, grid.side, 0, grid.n_down)
    left, right = tile_range(centres[k, 1], radius, grid.side, 0, grid.n_across)
    for y in range(top, bottom):
        for x in range(left, right):
            t = y * grid.n_across + x
            members[starts[t] + cuda.atomic.add(filled, t, 1)] = k


@kernel
def sort_lists(centres, grid, starts, filled, members, candidates):
    """Bring each tile's candidates into order; grid: a block a tile, of 32 threads.

    Parameters
    ----------
    centres, grid, starts, filled, members : IN, as in `fill_lists`
    candidates : OUT (starts[-1],) int32, `members` in ascending order; the nearest centre for a
        tile that no window meets
    """
    nearest = cuda.shared.array(32, int32)
    least = cuda.shared.array(32, float32)
    t, i = cuda.blockIdx.x, cuda.threadIdx.x
    start, n = starts[t], filled[t]
    for e in range(i, n, 32):
        k, rank = members[start + e], 0
        for f in range(n):
            rank += members[start + f] < k
        candidates[start + rank] = k
    if n > 0:
        return  # the whole block, so that none waits below
    y = np.float32((t // grid.n_across + 0.5) * grid.side)
    x = np.float32((t % grid.n_across + 0.5) * grid.side)
    nearest[i], least[i] = 0, np.float32(np.inf)
    for k in range(i, centres.shape[0], 32):
        distance = apart(centres[k, 0] - y, centres[k, 1] - x)
        if distance < least[i]:
            nearest[i], least[i] = k, distance
    cuda.syncthreads()
    if i == 0:
        best = 0
        for j in range(1, 32):
            if least[j] < least[best] or (least[j] == least[best] and nearest[j] < nearest[best]):
                best = j
        candidates[start] = nearest[best]


@rule
def _choose(planes, t, s, p, grid, centres, contrast, spatial, candidates, start, n):
    """The place, among n candidates from ``start`` on, of the one nearest to a pixel."""
    top, left = corner(grid, t, s)
    y, x = np.float32(grid.stride * (p // SIDE)), np.float32(grid.stride * (p % SIDE))
    low = 1
    while low < n:
        low *= 2
    keep, best = np.int32(~(low - 1)), _LAST
    n_planes = planes.shape[2] // SET
    for j in range(n):
        k = candidates[start + j]
        dy = y - (centres[k, 0] - np.float32(top))
        dx = x - (centres[k, 1] - np.float32(left))
        d, factor = spatial * apart(dy, dx), contrast[k]
        if n_planes == FEW:
            d0 = planes[t, s, p] - centres[k, 2]
            d1 = planes[t, s, SET + p] - centres[k, 3]
            d2 = planes[t, s, 2 * SET + p] - centres[k, 4]
            d = fma(factor, colour_apart(d0, d1, d2), d)
        else:
            for c in range(0, n_planes, GROUP):
                d0 = planes[t, s, c * SET + p] - centres[k, c + 2]
                d1 = planes[t, s, (c + 1) * SET + p] - centres[k, c + 3]
                d2 = planes[t, s, (c + 2) * SET + p] - centres[k, c + 4]
                d3 = planes[t, s, (c + 3) * SET + p] - centres[k, c + 5]
                d4 = planes[t, s, (c + 4) * SET + p] - centres[k, c + 6]
                d5 = planes[t, s, (c + 5) * SET + p] - centres[k, c + 7]
                d6 = planes[t, s, (c + 6) * SET + p] - centres[k, c + 8]
                d7 = planes[t, s, (c + 7) * SET + p] - centres[k, c + 9]
                d = fma(factor, group_apart(d0, d1, d2, d3, d4, d5, d6, d7), d)
        best = min(best, ordered_key(d, keep, np.int32(j)))
    return np.int32(best & np.int32(low - 1))


@kernel
def sum_up(
    planes, inside, counts, s, grid, centres, contrast, spatial, lists, parts, pixels, reaches
):
    """Assign the pixels of one set of each tile, and sum them up for each candidate.

    Grid: a block a tile, of 64 threads.

    Parameters
    ----------
    planes, inside, counts : IN, as in `cut_channels`
    s : int, the set
    grid : Grid
    centres : IN (K, 2 + P) float32
    contrast : IN (K,) float32, factor of the colour distance to each
    spatial : float32, factor of the squared distance in pixels
    lists : (starts, candidates), IN, of `start_lists` and `sort_lists`
    parts : OUT (starts[-1], P) float32, sums of the planes
    pixels : OUT (starts[-1], 3) int32, number, and sums of rows and columns within the set
    reaches : OUT (starts[-1],) int32, bits of the greatest squared colour distance; or (0,)
    """
    best = cuda.shared.array(SET, int32)
    reach = cuda.shared.array(SET, int32)
    t, p = cuda.blockIdx.x, cuda.threadIdx.x
    if counts[t, s] == 0:
        return
    starts, candidates = lists
    start, n = starts[t], starts[t + 1] - starts[t]
    n_planes = parts.shape[1]
    place = np.int32(-1)
    if inside[t, s, p]:
        place = _choose(planes, t, s, p, grid, centres, contrast, spatial, candidates, start, n)
        if reaches.shape[0] > 0:
            k, distance = candidates[start + place], np.float32(0)
            for c in range(n_planes):
                d = planes[t, s, c * SET + p] - centres[k, 2 + c]
                distance = fma(d, d, distance)
            reach[p] = bits_of(distance)
    best[p] = place
    cuda.syncthreads()
    for e in range(p, n * (n_planes + 1), SET):
        j, c = e // (n_planes + 1), e % (n_planes + 1)
        if c < n_planes:
            total = np.float32(0)
            for q in range(SET):
                if best[q] == j:
                    total += planes[t, s, c * SET + q]
            parts[start + j, c] = total
        else:
            number, rows, columns, farthest = 0, 0, 0, 0
            for q in range(SET):
                if best[q] == j:
                    number += 1
                    rows += q // SIDE
                    columns += q % SIDE
                    if reaches.shape[0] > 0:
                        farthest = max(farthest, reach[q])
            pixels[start + j, 0] = number
            pixels[start + j, 1] = rows
            pixels[start + j, 2] = columns
            if reaches.shape[0] > 0:
                reaches[start + j] = farthest


@kernel
def move(
    counts, s, grid, radius, exact, centres, moved, lists, others, parts, pixels, reaches,
    farthest, contrast,
):  # fmt: skip
    """Move each centre to the mean of its pixels; grid: a thread a number of a centre.

    Parameters
    ----------
    counts, s, grid, radius : IN, as above
    exact : float, of `sum_grid`
    centres : IN (K, 2 + P) float32
    moved : OUT (K, 2 + P) float32
    lists : (starts, filled, candidates), IN
    others : (alone, n_alone), IN, of `start_lists`
    parts, pixels, reaches : IN, of `sum_up`
    farthest, contrast : INOUT (K,) float32, or `farthest` (0,): nothing adapts
    """
    n_numbers = centres.shape[1]
    e = cuda.grid(1)
    if e >= centres.shape[0] * n_numbers:
        return
    k, c = e // n_numbers, e % n_numbers
    starts, filled, candidates = lists
    alone, n_alone = others
    top, bottom = tile_range(centres[k, 0], radius, grid.side, 0, grid.n_down)
    left, right = tile_range(centres[k, 1], radius, grid.side, 0, grid.n_across)
    n, reach, a, i = np.int64(0), np.int32(0), 0, 0
    total = np.float64(0)
    # Tiles in order: those within the window and, between them, those that no window meets.
    within = max(bottom - top, 0) * max(right - left, 0)
    while i < within or a < n_alone[0]:
        t = grid.n_down * grid.n_across
        if i < within:
            t = (top + i // (right - left)) * grid.n_across + left + i % (right - left)
        if a < n_alone[0] and alone[a] < t:
            t = np.int64(alone[a])
            a += 1
            place = np.int64(starts[t])
            if candidates[place] != k:
                continue
        else:
            i += 1
            place = np.int64(
                _find(candidates, np.int64(starts[t]), np.int64(starts[t] + filled[t]), k)
            )
        if counts[t, s] == 0 or pixels[place, 0] == 0:
            continue
        n += pixels[place, 0]
        if c < 2:
            first_y, first_x = corner(grid, t, s)
            first = first_y if c == 0 else first_x
            offset = s // grid.stride if c == 0 else s % grid.stride
            # A pixel stands for those of all sets around it: their middle counts.
            middle = first + (grid.stride - 1) / 2 - offset
            total += pixels[place, 0] * middle + grid.stride * pixels[place, 1 + c]
        else:
            total += on_grid(parts[place, c - 2], exact)
        if reaches.shape[0] > 0:
            reach = max(reach, reaches[place])
    moved[k, c] = np.float32(total / n) if n > 0 else centres[k, c]
    if c == 0 and farthest.shape[0] > 0:
        farthest[k] = max(farthest[k], float_of(np.int32(reach)))
        if farthest[k] > 0:
            contrast[k] = np.float32(1) / max(farthest[k], np.float32(1 / TOO_LARGE))


@rule
def _find(candidates, low, high, k):
    """Where k is among candidates in ascending order, of which it is one."""
    while high - low > 1:
        middle = (low + high) // 2
        if candidates[middle] <= k:
            low = middle
        else:
            high = middle
    return low


@kernel
def assign(planes, inside, grid, centres, contrast, spatial, lists, labels):
    """Write each pixel's cluster, -1 outside the mask; grid: a block a set, of 64 threads.

    labels : OUT (H, W) int32; all others as in `sum_up`
    """
    p = cuda.threadIdx.x
    t, s = cuda.blockIdx.x // grid.stride**2, cuda.blockIdx.x % grid.stride**2
    y, x = pixel_of(grid, t, s, p)
    if y < 0:
        return
    if not inside[t, s, p]:
        labels[y, x] = -1
        return
    starts, candidates = lists
    start, n = starts[t], starts[t + 1] - starts[t]
    place = _choose(planes, t, s, p, grid, centres, contrast, spatial, candidates, start, n)
    labels[y, x] = candidates[start + place]
