"""SLIC on the CPU: tiles of pixels, each offered the few centres whose window meets it.

Achanta et al. (2012) let every centre compete for the pixels of a window of twice the grid step
around it. Here a tile collects the centres whose window meets it, in ascending order, and all its
pixels choose among them. That turns the scatter into a gather: tiles are independent of each other.

A pixel compares candidates by one integer: the bits of its float32 distance, which order like the
distance itself, with the last few replaced by the candidate's place in the tile's list. So two
distances that agree to about 1 in 10^6 count as equal, and the lower centre wins.
"""

from collections import namedtuple

import numpy as np
from numba.extending import register_jitable

from .._bits import bits_of, float_of, fma, ordered_key
from ..compilation import njit
from ._rules import (
    FEW,
    GROUP,
    SET,
    SIDE,
    apart,
    colour_apart,
    corner,
    extent,
    group_apart,
    on_grid,
    tile_range,
)
from ._tiles import EXACT

_U = np.uint64
_INF = np.float32(np.inf)
_LAST = np.int32(2**31 - 1)  # a key after all others
_GRID = np.indices((SIDE, SIDE)).astype(np.float32).ravel()  # rows, then columns of a set
# 1, row and column of a pixel in one integer: a sum over a set overflows none of the three.
_PACKED = (1 + (_GRID[:SET].astype(np.int32) << 8) + (_GRID[SET:].astype(np.int32) << 20)).astype(
    np.int32
)
_ALL_PACKED = int(_PACKED.sum())

Clusters = namedtuple(
    "Clusters",
    [
        "centres",  # (K, 2 + P) float32, row, column and planes
        "contrast",  # (K,) float32, factor of the colour distance to each
        "spatial",  # float32, factor of the squared distance in pixels
    ],
)
_Candidates = namedtuple(
    "_Candidates",
    [
        "starts",  # (n_tiles + 1,) int64, where each tile's start
        "members",  # (starts[-1],) int32, tile after tile, in ascending order
    ],
)
_Scratch = namedtuple(
    "_Scratch",
    [
        "grid",  # (128,) float32, rows, then columns of a set's pixels from its first on
        "distance",  # (64,) float32
        "best",  # (64,) int32, each pixel's least key, then its place in the tile's candidates
    ],
)


@njit
def iterate(tiles, s, clusters, radius, grid, sums, farthest):
    """Assign the pixels of one set of each tile, and move each centre to the mean of its own.

    Parameters
    ----------
    clusters : INOUT Clusters
    Others as in `add_up`.
    """
    add_up(tiles, s, s, clusters, radius, grid, sums, farthest)
    move(clusters, sums)


@njit
def add_up(tiles, s, stored, clusters, radius, grid, sums, farthest):
    """Assign the pixels of one set of each tile, and add them to their cluster's sums.

    Parameters
    ----------
    tiles : IN Tiles
    s : int, the set
    stored : int, its place in the arrays of the tiles, where they do not have all
    clusters : IN Clusters
    radius : float, half the side of a centre's window, in pixels
    grid : float, of `_rules.sum_grid`
    sums : OUT (K, 3 + P) float64: pixels, rows, columns, planes
    farthest : INOUT (K,) float32, greatest squared colour distance within each cluster, or empty
    """
    sums[:] = 0
    candidates = _candidates(tiles, clusters, radius)
    _accumulate(tiles, s, stored, clusters, candidates, grid, sums, farthest)


@njit
def move(clusters, sums):
    """Move each centre to the mean of its pixels. clusters : INOUT; sums : IN, of `add_up`."""
    for k in range(sums.shape[0]):
        if sums[k, 0] > 0:  # one that has no pixel stays
            for c in range(clusters.centres.shape[1]):
                clusters.centres[k, c] = sums[k, 1 + c] / sums[k, 0]


@njit
def assign(tiles, clusters, radius, labels):
    """Write each pixel's cluster.

    Parameters
    ----------
    tiles : IN Tiles
    clusters : IN Clusters
    radius : float, half the side of a centre's window, in pixels
    labels : OUT (H, W) int32, -1 outside the mask
    """
    height, width = labels.shape
    stride, inside, counts = tiles.stride, tiles.inside, tiles.counts
    candidates = _candidates(tiles, clusters, radius)
    starts = candidates.starts
    scratch = _scratch(stride)
    best = scratch.best
    for t in range(starts.size - 1):
        own = candidates.members[starts[t] : starts[t + 1]]
        for s in range(counts.shape[1]):
            top, left = corner(tiles, t, s)
            if counts[t, s] == 0:
                best[:] = 0
            else:
                y, x = top + tiles.n_above * tiles.side, left + tiles.n_before * tiles.side
                planes = tiles.planes[t, s]
                _choose(planes, clusters, own, np.float32(y), np.float32(x), scratch)
            for i in range(extent(top, height, stride)):
                row = labels[top + stride * i]
                for j in range(extent(left, width, stride)):
                    row[_U(left + stride * j)] = own[_U(best[i * SIDE + j])]
            if counts[t, s] < SET:
                for i in range(extent(top, height, stride)):
                    for j in range(extent(left, width, stride)):
                        if not inside[t, s, i * SIDE + j]:
                            labels[top + stride * i, left + stride * j] = -1


@njit
def _candidates(tiles, clusters, radius):
    """List each tile's candidates; one that no window meets, if not empty, gets the nearest."""
    centres = clusters.centres
    n_tiles = tiles.n_down * tiles.n_across
    starts = np.zeros(n_tiles + 1, np.int64)
    for k in range(centres.shape[0]):
        top, bottom, left, right = _window(tiles, centres[k], radius)
        for y in range(top, bottom):
            for x in range(left, right):
                starts[y * tiles.n_across + x + 1] += 1
    for t in range(n_tiles):
        starts[t + 1] = starts[t] + max(starts[t + 1], 1)
    members, filled = np.empty(starts[n_tiles], np.int32), np.zeros(n_tiles, np.int32)
    for k in range(centres.shape[0]):
        top, bottom, left, right = _window(tiles, centres[k], radius)
        for y in range(top, bottom):
            for x in range(left, right):
                t = y * tiles.n_across + x
                members[starts[t] + filled[t]] = k
                filled[t] += 1
    for t in range(n_tiles):
        if filled[t] == 0 and tiles.counts[t].max() > 0:
            y, x = tiles.n_above + t // tiles.n_across, tiles.n_before + t % tiles.n_across
            members[starts[t]] = nearest(centres, y, x, tiles.side)
    return _Candidates(starts=starts, members=members)


@njit
def nearest(centres, row, column, side):
    """The centre nearest to the middle of a tile, of equals the first.

    row, column : int, of the tile among those of the whole image
    """
    y, x = np.float32((row + 0.5) * side), np.float32((column + 0.5) * side)
    found, least = 0, _INF
    for k in range(centres.shape[0]):
        distance = apart(centres[k, 0] - y, centres[k, 1] - x)
        if distance < least:
            found, least = k, distance
    return found


@register_jitable
def _window(tiles, centre, radius):
    """Tiles that the window around a centre meets: first row, row after the last, columns."""
    top, bottom = tile_range(centre[0], radius, tiles.side, tiles.n_above, tiles.n_down)
    left, right = tile_range(centre[1], radius, tiles.side, tiles.n_before, tiles.n_across)
    return top, bottom, left, right


@njit
def _accumulate(tiles, s, stored, clusters, candidates, grid, sums, farthest):
    """Add up the pixels; parameters as in `add_up`, sums : INOUT."""
    stride, inside, starts = tiles.stride, tiles.inside, candidates.starts
    scratch = _scratch(stride)
    best, distance, share = scratch.best, scratch.distance, np.empty(SET, np.float32)
    most = np.int64(0)
    for t in range(starts.size - 1):
        most = max(most, starts[t + 1] - starts[t])
    won = np.zeros(most + 1, np.bool_)
    # A pixel stands for the stride x stride pixels of all sets around it: their middle counts.
    to_middle_y = (stride - 1) / 2 - s // stride
    to_middle_x = (stride - 1) / 2 - s % stride
    n_planes = tiles.totals.shape[2]
    part, rest = np.empty(n_planes, np.float32), np.empty(n_planes, np.float32)
    for t in range(starts.size - 1):
        count = tiles.counts[t, stored]
        if count == 0:
            continue
        top, left = corner(tiles, t, s)
        top, left = top + tiles.n_above * tiles.side, left + tiles.n_before * tiles.side
        own, planes = candidates.members[starts[t] : starts[t + 1]], tiles.planes[t, stored]
        _choose(planes, clusters, own, np.float32(top), np.float32(left), scratch)
        if count < SET:
            for p in range(SET):
                if not inside[t, stored, p]:
                    best[p] = most
        for p in range(SET):
            won[best[p]] = True
        won[most] = False
        # In a full set the last cluster gets what the others leave of the set's totals.
        last = own.shape[0] - 1
        while not won[last]:
            last -= 1
        packed_rest = _ALL_PACKED
        for c in range(n_planes):  # slice to slice costs two seconds of compilation
            rest[c] = tiles.totals[t, stored, c]
        for j in range(last + 1):
            if not won[j]:
                continue
            won[j] = False
            k = own[j]
            if farthest.size > 0:
                reach = _farthest(planes, clusters.centres[k], best, np.int32(j), distance)
                farthest[k] = max(farthest[k], reach)
            if j < last or count < SET:
                packed = _sum_of(planes, best, np.int32(j), share, part)
                packed_rest -= packed
                for c in range(n_planes):
                    rest[c] -= part[c]
                    sums[k, 3 + c] += on_grid(part[c], grid)
            else:
                packed = packed_rest
                for c in range(n_planes):
                    sums[k, 3 + c] += on_grid(rest[c], grid)
            n = packed & 0xFF
            sums[k, 0] += n
            sums[k, 1] += n * (top + to_middle_y) + stride * (packed >> 8 & 0xFFF)
            sums[k, 2] += n * (left + to_middle_x) + stride * (packed >> 20)


@njit
def _scratch(stride):
    return _Scratch(
        grid=np.float32(stride) * _GRID,
        distance=np.empty(SET, np.float32),
        best=np.empty(SET, np.int32),
    )


@njit
def _choose(planes, clusters, candidates, top, left, scratch):
    """Find each pixel's place in the list of candidates: the least distance of equation (1).

    Parameters
    ----------
    planes : IN (P * 64,) float32, of one set
    clusters : IN Clusters
    candidates : IN (m,) int32, of the tile
    top, left : float32, row and column of the set's first pixel
    scratch : `best` is written
    """
    centres, contrast, spatial = clusters.centres, clusters.contrast, clusters.spatial
    grid, best = scratch.grid, scratch.best
    low = 1
    while low < candidates.shape[0]:
        low *= 2
    places = np.int32(low - 1)  # the bits of a key that hold the place
    keep = np.int32(~(low - 1))
    for p in range(SET):
        best[p] = _LAST
    if planes.shape[0] == FEW * SET:
        for j in range(candidates.shape[0]):
            k, place = candidates[j], np.int32(j)
            cy, cx, factor = centres[k, 0] - top, centres[k, 1] - left, contrast[k]
            c0, c1, c2 = centres[k, 2], centres[k, 3], centres[k, 4]
            for p in range(SET):
                dy, dx = grid[p] - cy, grid[SET + p] - cx
                d0, d1, d2 = planes[p] - c0, planes[SET + p] - c1, planes[2 * SET + p] - c2
                d = fma(factor, colour_apart(d0, d1, d2), spatial * apart(dy, dx))
                best[p] = min(best[p], ordered_key(d, keep, place))
    else:
        # The candidate in the middle first: the others are then soon seen to be further.
        middle, least = np.int64(0), _INF
        for j in range(candidates.shape[0]):
            dy = centres[candidates[j], 0] - top - grid[SET - 1] / 2
            dx = centres[candidates[j], 1] - left - grid[SET - 1] / 2
            if dy * dy + dx * dx < least:
                middle, least = j, dy * dy + dx * dx
        _compete(planes, clusters, candidates, middle, top, left, keep, scratch)
        for j in range(candidates.shape[0]):
            if j != middle:
                _compete(planes, clusters, candidates, j, top, left, keep, scratch)
    for p in range(SET):
        best[p] &= places


@njit
def _compete(planes, clusters, candidates, j, top, left, keep, scratch):
    """Let one candidate of many planes compete, until it is further than the best for all pixels.

    Parameters
    ----------
    planes, clusters, candidates, top, left : as in `_choose`
    j : int, the candidate's place
    keep : int32, the bits of a key that do not hold the place
    scratch : `best`, keys, may fall; `distance` is written
    """
    centres, spatial = clusters.centres, clusters.spatial
    grid, distance, best = scratch.grid, scratch.distance, scratch.best
    k, place = candidates[j], np.int32(j)
    cy, cx, factor = centres[k, 0] - top, centres[k, 1] - left, clusters.contrast[k]
    for p in range(SET):
        dy, dx = grid[p] - cy, grid[SET + p] - cx
        distance[p] = spatial * apart(dy, dx)
    for c in range(0, planes.shape[0] // SET, GROUP):
        group, centre = planes[c * SET : (c + GROUP) * SET], centres[k, 2 + c : 2 + c + GROUP]
        c0, c1, c2, c3 = centre[0], centre[1], centre[2], centre[3]
        c4, c5, c6, c7 = centre[4], centre[5], centre[6], centre[7]
        for p in range(SET):
            d0, d1 = group[p] - c0, group[SET + p] - c1
            d2, d3 = group[2 * SET + p] - c2, group[3 * SET + p] - c3
            d4, d5 = group[4 * SET + p] - c4, group[5 * SET + p] - c5
            d6, d7 = group[6 * SET + p] - c6, group[7 * SET + p] - c7
            colour = group_apart(d0, d1, d2, d3, d4, d5, d6, d7)
            distance[p] = fma(factor, colour, distance[p])
        nearer = np.int32(0)
        for p in range(SET):
            nearer = np.int32(nearer + (ordered_key(distance[p], keep, place) < best[p]))
        if nearer == 0:
            return
    for p in range(SET):
        best[p] = min(best[p], ordered_key(distance[p], keep, place))


@njit(fastmath=EXACT)
def _sum_of(planes, best, place, share, part):
    """Sum up the pixels of one place: their planes, and one integer for number, rows and columns.

    Parameters
    ----------
    planes : IN (P * 64,) float32, of one set
    best : IN (64,) int32, of `_choose`
    place : int32
    share : OUT (64,) float32, scratch
    part : OUT (P,) float32, sums of the planes

    Returns
    -------
    packed : int32
        Sum of `_PACKED`, over the pixels.
    """
    packed = np.int32(0)
    if part.shape[0] == FEW:
        s0, s1, s2 = np.float32(0), np.float32(0), np.float32(0)
        for p in range(SET):
            w = np.float32(1) if best[p] == place else np.float32(0)
            packed = np.int32(packed + (_PACKED[p] if best[p] == place else np.int32(0)))
            s0 += w * planes[p]
            s1 += w * planes[SET + p]
            s2 += w * planes[2 * SET + p]
        part[0], part[1], part[2] = s0, s1, s2
        return packed
    for p in range(SET):
        share[p] = np.float32(1) if best[p] == place else np.float32(0)
        packed = np.int32(packed + (_PACKED[p] if best[p] == place else np.int32(0)))
    for c in range(0, part.shape[0], 4):
        group = planes[c * SET : (c + 4) * SET]
        s0, s1, s2, s3 = np.float32(0), np.float32(0), np.float32(0), np.float32(0)
        for p in range(SET):
            w = share[p]
            s0 += w * group[p]
            s1 += w * group[SET + p]
            s2 += w * group[2 * SET + p]
            s3 += w * group[3 * SET + p]
        part[c], part[c + 1], part[c + 2], part[c + 3] = s0, s1, s2, s3
    return packed


@njit
def _farthest(planes, centre, best, place, distance):
    """The greatest squared colour distance from a centre to the pixels that are its."""
    distance[:] = 0
    for c in range(centre.shape[0] - 2):
        for p in range(SET):
            d = planes[c * SET + p] - centre[2 + c]
            distance[p] = fma(d, d, distance[p])
    farthest = np.int32(0)
    for p in range(SET):  # as integers, whose order is that of the floats
        farthest = max(farthest, bits_of(distance[p]) if best[p] == place else np.int32(0))
    return float_of(farthest)
