"""SLIC on the CPU: tiles of pixels, each offered the few centres whose window meets it.

Achanta et al. (2012) let every centre compete for the pixels of a window of twice the grid step
around it. Here a tile collects the centres whose window meets it, in ascending order, and all its
pixels choose among them. That turns the scatter into a gather: tiles are independent of each other.

With a stride of 1 a tile is 8 x 8 pixels. With a stride of 2 it is 16 x 16 pixels, in four sets:
set (i, j) has every second pixel of every second row from (i, j) on, 64 again, and an iteration
needs only one of them. A set is kept plane by plane, 64 numbers in a row, so that the compiler
turns every loop over them into vector instructions. A weight enters once, as the square root that
scales its plane.

A pixel compares candidates by one integer: the bits of its float32 distance, which order like the
distance itself, with the last few replaced by the candidate's place in the tile's list. So two
distances that agree to about 1 in 10^6 count as equal, and the lower centre wins.
"""

import numpy as np

from .._bits import ordered_key
from ..color import TABLE_8BIT, lab_block, linear_light
from ..compilation import njit

SIDE = 8  # pixels along a set
SET = SIDE * SIDE
FEW = 3  # planes at least, and as many as one pass over a set takes
GROUP = 8  # planes that a pass takes where there are more: their number is a multiple

_FASTMATH = {"contract", "nsz", "reassoc", "arcp"}
_U = np.uint64
_INF = np.float32(np.inf)
_LAST = np.int32(2**31 - 1)  # a key after all others
_GRID = np.indices((SIDE, SIDE)).astype(np.float32).ravel()  # rows, then columns of a set
# 1, row and column of a pixel in one integer: a sum over a set overflows none of the three.
_PACKED = (1 + (_GRID[:SET].astype(np.int32) << 8) + (_GRID[SET:].astype(np.int32) << 20)).astype(
    np.int32
)
_ALL_PACKED = int(_PACKED.sum())


@njit
def _corner(t, s, n_across, stride):
    """Row and column of the first pixel of a set of a tile."""
    side = SIDE * stride
    return t // n_across * side + s // stride, t % n_across * side + s % stride


@njit
def _extent(start, stop, stride):
    """How many pixels of a set, along one axis, lie within the image."""
    return max(0, min(SIDE, (stop - start + stride - 1) // stride))


@njit
def tile_mask(mask, height, width, n_across, stride, inside, counts):
    """Cut the mask into sets; what lies beyond the image is outside.

    Parameters
    ----------
    mask : IN (H, W) bool, or empty where the whole image is inside
    height, width : int
    n_across : int, tiles along the width
    stride : int
    inside : OUT (n_tiles, stride^2, 64) bool; with an empty mask only where a set is not full
    counts : OUT (n_tiles, stride^2) int32, pixels inside
    """
    for t in range(counts.shape[0]):
        for s in range(counts.shape[1]):
            top, left = _corner(t, s, n_across, stride)
            n_down, n_right = _extent(top, height, stride), _extent(left, width, stride)
            counts[t, s] = n_down * n_right
            if mask.size == 0 and counts[t, s] == SET:
                continue
            inside[t, s] = False
            counts[t, s] = 0
            for i in range(n_down):
                for j in range(n_right):
                    here = mask.size == 0 or mask[top + stride * i, left + stride * j]
                    inside[t, s, i * SIDE + j] = here
                    counts[t, s] += here


@njit(fastmath=_FASTMATH)
def _finish(planes, inside, count, total):
    """Blank what is outside, and sum up each plane."""
    for c in range(total.shape[0]):
        plane = planes[c * SET : (c + 1) * SET]
        if count < SET:
            for p in range(SET):
                plane[p] = plane[p] if inside[p] else 0
        s = np.float32(0)
        for p in range(SET):
            s += plane[p]
        total[c] = s


@njit
def tile_channels(image, channels, scale, n_across, stride, inside, counts, tiles, totals):
    """Cut an image into sets of scaled planes.

    Parameters
    ----------
    image : IN (H, W, C) float32
    channels : IN (P,) int64, the channels that count
    scale : IN (P,) float32, square roots of their weights
    n_across, stride : int
    inside, counts : IN, of `tile_mask`
    tiles : INOUT (n_tiles, stride^2, >= P * 64) float32, plane after plane, 0 outside the mask;
        planes from P on are zero at the start
    totals : OUT (n_tiles, stride^2, >= P) float32, sums of the planes
    """
    height, width, _ = image.shape
    for t in range(tiles.shape[0]):
        for s in range(tiles.shape[1]):
            top, left = _corner(t, s, n_across, stride)
            planes = tiles[t, s]
            n_right = _extent(left, width, stride)
            for i in range(_extent(top, height, stride)):
                row = image[top + stride * i, left:]
                for c in range(channels.shape[0]):
                    channel, factor = _U(channels[c]), scale[c]
                    out = planes[c * SET + i * SIDE : c * SET + (i + 1) * SIDE]
                    if n_right == SIDE and stride == 2:  # known numbers make straight code
                        for j in range(SIDE):
                            out[j] = row[_U(2 * j), channel] * factor
                    else:
                        for j in range(n_right):
                            out[j] = row[_U(stride * j), channel] * factor
            _finish(planes, inside[t, s], counts[t, s], totals[t, s])


@njit
def tile_lab_8bit(image, scale, n_across, stride, inside, counts, tiles, totals):
    """Cut an 8-bit sRGB image into sets of scaled Lab planes.

    Parameters
    ----------
    image : IN (H, W, 3) uint8
    scale, ..., totals : as in `tile_channels`
    """
    height, width, _ = image.shape
    block = np.zeros(3 * SET, np.float32)
    for t in range(tiles.shape[0]):
        for s in range(tiles.shape[1]):
            top, left = _corner(t, s, n_across, stride)
            for i in range(_extent(top, height, stride)):
                for j in range(_extent(left, width, stride)):
                    # An index without a sign spares numba the test for a negative one.
                    y, x, p = _U(top + stride * i), _U(left + stride * j), _U(i * SIDE + j)
                    block[p] = TABLE_8BIT[image[y, x, 0]]
                    block[p + _U(SET)] = TABLE_8BIT[image[y, x, 1]]
                    block[p + _U(2 * SET)] = TABLE_8BIT[image[y, x, 2]]
            lab_block(block)
            for c in range(3):
                for p in range(c * SET, (c + 1) * SET):
                    tiles[t, s, p] = block[p] * scale[c]
            _finish(tiles[t, s], inside[t, s], counts[t, s], totals[t, s])


@njit
def tile_lab(image, step, scale, n_across, stride, inside, counts, tiles, totals):
    """Cut an sRGB image into sets of scaled Lab planes.

    Parameters
    ----------
    image : IN (H, W, 3) float32
    step : float32, 4096 over the value of full intensity
    scale, ..., totals : as in `tile_channels`
    """
    height, width, _ = image.shape
    block = np.zeros(3 * SET, np.float32)
    for t in range(tiles.shape[0]):
        for s in range(tiles.shape[1]):
            top, left = _corner(t, s, n_across, stride)
            for i in range(_extent(top, height, stride)):
                for j in range(_extent(left, width, stride)):
                    for c in range(3):
                        value = image[top + stride * i, left + stride * j, c]
                        block[c * SET + i * SIDE + j] = linear_light(value * step)
            lab_block(block)
            for c in range(3):
                for p in range(c * SET, (c + 1) * SET):
                    tiles[t, s, p] = block[p] * scale[c]
            _finish(tiles[t, s], inside[t, s], counts[t, s], totals[t, s])


@njit
def _tile_range(centre, radius, side, n_tiles):
    """First tile, and the one after the last, that the window around a centre meets on one axis."""
    first = int(np.ceil((centre - radius - (side - 1)) / side))
    last = int(np.floor((centre + radius) / side))
    return max(first, 0), min(last + 1, n_tiles)


@njit
def count_candidates(centres, radius, side, n_down, n_across, starts):
    """Count the candidates of each tile; a tile that no window meets gets one all the same.

    Parameters
    ----------
    centres : IN (K, 2 + P) float32, row, column and planes
    radius : float, half the side of a centre's window, in pixels
    side : int, of a tile, in pixels
    n_down, n_across : int, tiles along the height and the width
    starts : OUT (n_tiles + 1,) int64, where each tile's candidates start in the list

    Returns
    -------
    most : int
        Candidates of the tile that has most.
    """
    starts[:] = 0
    for k in range(centres.shape[0]):
        top, bottom = _tile_range(centres[k, 0], radius, side, n_down)
        left, right = _tile_range(centres[k, 1], radius, side, n_across)
        for y in range(top, bottom):
            for x in range(left, right):
                starts[y * n_across + x + 1] += 1
    most = 1
    for t in range(n_down * n_across):
        count = max(starts[t + 1], 1)
        most = max(most, count)
        starts[t + 1] = starts[t] + count
    return most


@njit
def list_candidates(
    centres, radius, side, n_down, n_across, counts, starts, filled, candidates
):  # fmt: skip
    """List the candidates of each tile, in ascending order.

    Parameters
    ----------
    centres, radius, side, n_down, n_across : as in `count_candidates`
    counts : IN, of `tile_mask`
    starts : IN, of `count_candidates`
    filled : OUT (n_tiles,) int32, scratch
    candidates : OUT (starts[-1],) int32
    """
    filled[:] = 0
    for k in range(centres.shape[0]):
        top, bottom = _tile_range(centres[k, 0], radius, side, n_down)
        left, right = _tile_range(centres[k, 1], radius, side, n_across)
        for y in range(top, bottom):
            for x in range(left, right):
                t = y * n_across + x
                candidates[starts[t] + filled[t]] = k
                filled[t] += 1
    for t in range(n_down * n_across):
        if filled[t] == 0 and counts[t].max() > 0:
            y, x = (t // n_across + 0.5) * side, (t % n_across + 0.5) * side
            nearest, least = 0, np.inf
            for k in range(centres.shape[0]):
                distance = (centres[k, 0] - y) ** 2 + (centres[k, 1] - x) ** 2
                if distance < least:
                    nearest, least = k, distance
            candidates[starts[t]] = nearest


@njit(fastmath=_FASTMATH)
def _choose(planes, grid, centres, contrast, spatial, candidates, top, left, distance, best):
    """Find each pixel's place in the list of candidates: the least distance of equation (1).

    Parameters
    ----------
    planes : IN (P * 64,) float32, of one set
    grid : IN (128,) float32, rows, then columns, from the set's first pixel
    centres : IN (K, 2 + P) float32
    contrast : IN (K,) float32, factor of the colour distance to each centre
    spatial : float32, factor of the squared distance in pixels
    candidates : IN (m,) int32
    top, left : float32, row and column of the set's first pixel
    distance : OUT (64,) float32, scratch
    best : OUT (64,) int32
    """
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
                d = spatial * (dy * dy + dx * dx) + factor * (d0 * d0 + d1 * d1 + d2 * d2)
                best[p] = min(best[p], ordered_key(d, keep, place))
    else:
        # The candidate in the middle first: the others are then soon seen to be further.
        middle, least = 0, _INF
        for j in range(candidates.shape[0]):
            dy = centres[candidates[j], 0] - top - grid[SET - 1] / 2
            dx = centres[candidates[j], 1] - left - grid[SET - 1] / 2
            if dy * dy + dx * dx < least:
                middle, least = j, dy * dy + dx * dx
        _compete(
            planes, grid, centres, contrast, spatial, candidates, middle, top, left, keep,
            distance, best,
        )  # fmt: skip
        for j in range(candidates.shape[0]):
            if j != middle:
                _compete(
                    planes, grid, centres, contrast, spatial, candidates, j, top, left, keep,
                    distance, best,
                )  # fmt: skip
    for p in range(SET):
        best[p] &= places


@njit(fastmath=_FASTMATH)
def _compete(
    planes, grid, centres, contrast, spatial, candidates, j, top, left, keep, distance, best
):  # fmt: skip
    """Let one candidate of many planes compete, until it is further than the best for all pixels.

    Parameters as in `_choose`; best : INOUT (64,) int32, keys.
    """
    k, place = candidates[j], np.int32(j)
    cy, cx, factor = centres[k, 0] - top, centres[k, 1] - left, contrast[k]
    for p in range(SET):
        dy, dx = grid[p] - cy, grid[SET + p] - cx
        distance[p] = spatial * (dy * dy + dx * dx)
    for c in range(0, planes.shape[0] // SET, GROUP):
        group, centre = planes[c * SET : (c + GROUP) * SET], centres[k, 2 + c : 2 + c + GROUP]
        c0, c1, c2, c3 = centre[0], centre[1], centre[2], centre[3]
        c4, c5, c6, c7 = centre[4], centre[5], centre[6], centre[7]
        for p in range(SET):
            d0, d1 = group[p] - c0, group[SET + p] - c1
            d2, d3 = group[2 * SET + p] - c2, group[3 * SET + p] - c3
            d4, d5 = group[4 * SET + p] - c4, group[5 * SET + p] - c5
            d6, d7 = group[6 * SET + p] - c6, group[7 * SET + p] - c7
            d = d0 * d0 + d1 * d1 + d2 * d2 + d3 * d3 + d4 * d4 + d5 * d5 + d6 * d6 + d7 * d7
            distance[p] += factor * d
        nearer = np.int32(0)
        for p in range(SET):
            nearer = np.int32(nearer + (ordered_key(distance[p], keep, place) < best[p]))
        if nearer == 0:
            return
    for p in range(SET):
        best[p] = min(best[p], ordered_key(distance[p], keep, place))


@njit(fastmath=_FASTMATH)
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


@njit(fastmath=_FASTMATH)
def _farthest(planes, centre, best, place, distance):
    """The greatest squared colour distance from a centre to the pixels that are its."""
    distance[:] = 0
    for c in range(centre.shape[0] - 2):
        for p in range(SET):
            d = planes[c * SET + p] - centre[2 + c]
            distance[p] += d * d
    farthest = np.float32(0)
    for p in range(SET):
        farthest = max(farthest, distance[p] if best[p] == place else np.float32(0))
    return farthest


@njit
def accumulate(
    tiles, totals, inside, counts, n_across, stride, first_tile, last_tile, s,
    centres, contrast, spatial, starts, candidates, most, sums, farthest,
):  # fmt: skip
    """Assign the pixels of one set of some tiles and sum them up by cluster.

    Parameters
    ----------
    tiles, totals, inside, counts : IN, of `tile_mask` and `tile_lab` or `tile_channels`
    n_across, stride : int
    first_tile, last_tile : int, the tiles worked on, the last one excluded
    s : int, the set
    centres : IN (K, 2 + P) float32
    contrast : IN (K,) float32, factor of the colour distance to each centre
    spatial : float32, factor of the squared distance in pixels
    starts, candidates : IN, of `list_candidates`
    most : int, candidates of the tile that has most
    sums : INOUT (K, 3 + P) float64: pixels, rows, columns, planes
    farthest : INOUT (K,) float32, greatest squared colour distance within each cluster, or empty
    """
    n_planes = totals.shape[2]
    grid = np.float32(stride) * _GRID
    distance, share = np.empty(SET, np.float32), np.empty(SET, np.float32)
    best = np.empty(SET, np.int32)
    won = np.zeros(most + 1, np.bool_)
    # A pixel stands for the stride x stride pixels of all sets around it: their middle counts.
    to_middle_y = (stride - 1) / 2 - s // stride
    to_middle_x = (stride - 1) / 2 - s % stride
    part, rest = np.empty(n_planes, np.float32), np.empty(n_planes, np.float32)
    for t in range(first_tile, last_tile):
        count = counts[t, s]
        if count == 0:
            continue
        top, left = _corner(t, s, n_across, stride)
        own, planes = candidates[starts[t] : starts[t + 1]], tiles[t, s]
        _choose(
            planes, grid, centres, contrast, spatial, own,
            np.float32(top), np.float32(left), distance, best,
        )  # fmt: skip
        if count < SET:
            for p in range(SET):
                if not inside[t, s, p]:
                    best[p] = most
        for p in range(SET):
            won[best[p]] = True
        won[most] = False
        # In a full set the last cluster gets what the others leave of the set's totals.
        last = own.shape[0] - 1
        while not won[last]:
            last -= 1
        packed_rest = _ALL_PACKED
        rest[:] = totals[t, s]
        for j in range(last + 1):
            if not won[j]:
                continue
            won[j] = False
            k = own[j]
            if farthest.size > 0:
                reach = _farthest(planes, centres[k], best, np.int32(j), distance)
                farthest[k] = max(farthest[k], reach)
            if j < last or count < SET:
                packed = _sum_of(planes, best, np.int32(j), share, part)
                packed_rest -= packed
                for c in range(n_planes):
                    rest[c] -= part[c]
                    sums[k, 3 + c] += part[c]
            else:
                packed = packed_rest
                for c in range(n_planes):
                    sums[k, 3 + c] += rest[c]
            n = packed & 0xFF
            sums[k, 0] += n
            sums[k, 1] += n * (top + to_middle_y) + stride * (packed >> 8 & 0xFFF)
            sums[k, 2] += n * (left + to_middle_x) + stride * (packed >> 20)


@njit
def assign(
    tiles, inside, counts, n_across, stride, first_tile, last_tile,
    centres, contrast, spatial, starts, candidates, labels,
):  # fmt: skip
    """Write each pixel's cluster.

    Parameters
    ----------
    tiles, ..., candidates : IN, as in `accumulate`
    labels : OUT (H, W) int32, -1 outside the mask
    """
    height, width = labels.shape
    grid = np.float32(stride) * _GRID
    distance = np.empty(SET, np.float32)
    best = np.empty(SET, np.int32)
    for t in range(first_tile, last_tile):
        own = candidates[starts[t] : starts[t + 1]]
        for s in range(counts.shape[1]):
            top, left = _corner(t, s, n_across, stride)
            if counts[t, s] == 0:
                best[:] = 0
            else:
                _choose(
                    tiles[t, s], grid, centres, contrast, spatial, own,
                    np.float32(top), np.float32(left), distance, best,
                )  # fmt: skip
            for i in range(_extent(top, height, stride)):
                row = labels[top + stride * i]
                for j in range(_extent(left, width, stride)):
                    row[_U(left + stride * j)] = own[_U(best[i * SIDE + j])]
            if counts[t, s] < SET:
                for i in range(_extent(top, height, stride)):
                    for j in range(_extent(left, width, stride)):
                        if not inside[t, s, i * SIDE + j]:
                            labels[top + stride * i, left + stride * j] = -1


@njit
def move_centres(sums, centres):
    """Move each centre to the mean of its pixels; one that has none stays.

    Parameters
    ----------
    sums : IN (K, 3 + P) float64, of `accumulate`
    centres : INOUT (K, 2 + P) float32
    """
    for k in range(centres.shape[0]):
        if sums[k, 0] > 0:
            for c in range(centres.shape[1]):
                centres[k, c] = sums[k, 1 + c] / sums[k, 0]
