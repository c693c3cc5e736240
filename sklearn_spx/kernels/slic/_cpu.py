"""SLIC on the CPU: tiles of 8 x 8 pixels, each offered the few centres whose window meets it.

Achanta et al. (2012) let every centre compete for the pixels of a window of twice the grid step
around it. Here a tile collects the centres whose window meets it, in ascending order, and all its
pixels choose among them. That turns the scatter into a gather: tiles are independent of each other.

A tile keeps its even rows before its odd rows, each half (a "field") plane by plane: 32 numbers in
a row, so that the compiler turns every loop over them into vector instructions. A weight enters
once, as the square root that scales its plane.

A pixel compares candidates by one integer: the bits of its float32 distance, which order like the
distance itself, with the last few replaced by the candidate's place in the tile's list. So two
distances that agree to about 1 in 10^6 count as equal, and the lower centre wins.
"""

import numpy as np
from numba import njit

from .._bits import ordered_key
from .._color import lab_block

SIDE = 8  # of a tile, in pixels
FIELD = SIDE * SIDE // 2  # pixels of a field
FUSED = 3  # planes that the first pass over a field takes; there are no fewer
GROUP = 4  # planes that each further pass takes

_FASTMATH = {"contract", "nsz", "reassoc", "arcp"}
_LAST = np.int32(2**31 - 1)  # a key after all others
ROWS = np.concatenate([np.repeat(np.arange(f, SIDE, 2), SIDE) for f in (0, 1)]).reshape(2, FIELD)
COLUMNS = np.tile(np.arange(SIDE), SIDE).reshape(2, FIELD)
_Y, _X = ROWS.astype(np.float32), COLUMNS.astype(np.float32)


@njit(cache=True, nogil=True)
def tile_mask(mask, height, width, inside, counts):
    """Cut the mask into tiles; what lies beyond the image is outside.

    Parameters
    ----------
    mask : IN (H, W) bool, or empty where the whole image is inside
    height, width : int
    inside : OUT (n_tiles, 2, 32) bool, written only where a field is neither full nor empty
    counts : OUT (n_tiles, 2) int32, pixels inside
    """
    n_across = (width + SIDE - 1) // SIDE
    for t in range(counts.shape[0]):
        top, left = t // n_across * SIDE, t % n_across * SIDE
        if mask.size == 0 and top + SIDE <= height and left + SIDE <= width:
            counts[t] = FIELD
            continue
        for f in range(2):
            counts[t, f] = 0
            for p in range(FIELD):
                y, x = top + ROWS[f, p], left + COLUMNS[f, p]
                here = y < height and x < width and (mask.size == 0 or mask[y, x])
                inside[t, f, p] = here
                counts[t, f] += here


@njit(cache=True, nogil=True, fastmath=_FASTMATH)
def _store(block, f, scale, inside, count, field, total):
    """Scale the planes of a block's field, blank what is outside, store them and their sums."""
    for c in range(scale.shape[0]):
        factor, plane, out = scale[c], block[c, f], field[c]
        if count < FIELD:
            for p in range(FIELD):
                if not inside[p]:
                    plane[p] = 0
        s = np.float32(0)
        for p in range(FIELD):
            out[p] = plane[p] * factor
            s += out[p]
        total[c] = s


@njit(cache=True, nogil=True)
def tile_channels(image, channels, scale, inside, counts, tiles, totals):
    """Cut an image into tiles of scaled planes.

    Parameters
    ----------
    image : IN (H, W, C) float32
    channels : IN (P,) int64, the channels that count
    scale : IN (P,) float32, square roots of their weights
    inside, counts : IN, of `tile_mask`
    tiles : OUT (n_tiles, 2, >= P, 32) float32, 0 outside the mask
    totals : OUT (n_tiles, 2, >= P) float32, sums of the planes
    """
    height, width, _ = image.shape
    n_across = (width + SIDE - 1) // SIDE
    block = np.zeros((channels.shape[0], 2, FIELD), np.float32)
    for t in range(tiles.shape[0]):
        top, left = t // n_across * SIDE, t % n_across * SIDE
        for i in range(min(SIDE, height - top)):
            for j in range(min(SIDE, width - left)):
                pixel = image[top + i, left + j]
                for c in range(channels.shape[0]):
                    block[c, i & 1, (i >> 1) * SIDE + j] = pixel[channels[c]]
        for f in range(2):
            _store(block, f, scale, inside[t, f], counts[t, f], tiles[t, f], totals[t, f])


@njit(cache=True, nogil=True)
def tile_lab_8bit(image, table, scale, inside, counts, tiles, totals):
    """Cut an 8-bit sRGB image into tiles of scaled Lab planes.

    Parameters
    ----------
    image : IN (H, W, 3) uint8
    table : IN (256,) float32, linear light
    scale, inside, counts, tiles, totals : as in `tile_channels`
    """
    height, width, _ = image.shape
    n_across = (width + SIDE - 1) // SIDE
    block = np.zeros((3, 2, FIELD), np.float32)
    planes = block.reshape(-1)
    for t in range(tiles.shape[0]):
        top, left = t // n_across * SIDE, t % n_across * SIDE
        for i in range(min(SIDE, height - top)):
            for j in range(min(SIDE, width - left)):
                pixel = image[top + i, left + j]
                for c in range(3):
                    block[c, i & 1, (i >> 1) * SIDE + j] = table[pixel[c]]
        lab_block(planes)
        for f in range(2):
            _store(block, f, scale, inside[t, f], counts[t, f], tiles[t, f], totals[t, f])


@njit(cache=True, nogil=True)
def tile_lab(image, table, step, scale, inside, counts, tiles, totals):
    """Cut an sRGB image into tiles of scaled Lab planes.

    Parameters
    ----------
    image : IN (H, W, 3) float32
    table : IN (n + 2,) float32, linear light at ``image * step`` = 0, 1, ..., n and once more
    step : float32
    scale, inside, counts, tiles, totals : as in `tile_channels`
    """
    height, width, _ = image.shape
    n_across = (width + SIDE - 1) // SIDE
    block = np.zeros((3, 2, FIELD), np.float32)
    planes = block.reshape(-1)
    for t in range(tiles.shape[0]):
        top, left = t // n_across * SIDE, t % n_across * SIDE
        for i in range(min(SIDE, height - top)):
            for j in range(min(SIDE, width - left)):
                pixel = image[top + i, left + j]
                for c in range(3):
                    position = pixel[c] * step
                    node = int(position)
                    part = position - np.float32(node)
                    linear = table[node] + part * (table[node + 1] - table[node])
                    block[c, i & 1, (i >> 1) * SIDE + j] = linear
        lab_block(planes)
        for f in range(2):
            _store(block, f, scale, inside[t, f], counts[t, f], tiles[t, f], totals[t, f])


@njit(cache=True, nogil=True)
def _tile_range(centre, radius, n_tiles):
    """First tile, and the one after the last, that the window around a centre meets on one axis."""
    first = int(np.ceil((centre - radius - (SIDE - 1)) / SIDE))
    last = int(np.floor((centre + radius) / SIDE))
    return max(first, 0), min(last + 1, n_tiles)


@njit(cache=True, nogil=True)
def count_candidates(centres, radius, n_down, n_across, starts):
    """Count the candidates of each tile; a tile that no window meets gets one all the same.

    Parameters
    ----------
    centres : IN (K, 2 + P) float32, row, column and planes
    radius : float, half the side of a centre's window, in pixels
    n_down, n_across : int, tiles along the height and the width
    starts : OUT (n_tiles + 1,) int64, where each tile's candidates start in the list

    Returns
    -------
    most : int
        Candidates of the tile that has most.
    """
    starts[:] = 0
    for k in range(centres.shape[0]):
        top, bottom = _tile_range(centres[k, 0], radius, n_down)
        left, right = _tile_range(centres[k, 1], radius, n_across)
        for y in range(top, bottom):
            for x in range(left, right):
                starts[y * n_across + x + 1] += 1
    most = 1
    for t in range(n_down * n_across):
        count = max(starts[t + 1], 1)
        most = max(most, count)
        starts[t + 1] = starts[t] + count
    return most


@njit(cache=True, nogil=True)
def list_candidates(centres, radius, n_down, n_across, counts, starts, filled, candidates):
    """List the candidates of each tile, in ascending order.

    Parameters
    ----------
    centres, radius, n_down, n_across : as in `count_candidates`
    counts : IN, of `tile_mask`
    starts : IN, of `count_candidates`
    filled : OUT (n_tiles,) int32, scratch
    candidates : OUT (starts[-1],) int32
    """
    filled[:] = 0
    for k in range(centres.shape[0]):
        top, bottom = _tile_range(centres[k, 0], radius, n_down)
        left, right = _tile_range(centres[k, 1], radius, n_across)
        for y in range(top, bottom):
            for x in range(left, right):
                t = y * n_across + x
                candidates[starts[t] + filled[t]] = k
                filled[t] += 1
    for t in range(n_down * n_across):
        if filled[t] == 0 and counts[t, 0] + counts[t, 1] > 0:
            y, x = t // n_across * SIDE + SIDE / 2, t % n_across * SIDE + SIDE / 2
            nearest, least = 0, np.inf
            for k in range(centres.shape[0]):
                distance = (centres[k, 0] - y) ** 2 + (centres[k, 1] - x) ** 2
                if distance < least:
                    nearest, least = k, distance
            candidates[starts[t]] = nearest


@njit(cache=True, nogil=True, fastmath=_FASTMATH)
def _choose(field, y, x, centres, contrast, spatial, candidates, top, left, distance, best):
    """Find each pixel's place in the list of candidates: the least distance of equation (1).

    Parameters
    ----------
    field : IN (P, 32) float32
    y, x : IN (32,) float32, within the tile
    centres : IN (K, 2 + P) float32
    contrast : IN (K,) float32, factor of the colour distance to each centre
    spatial : float32, factor of the squared distance in pixels
    candidates : IN (m,) int32
    top, left : float32, first row and column of the tile
    distance : OUT (32,) float32, scratch
    best : OUT (32,) int32
    """
    low = 1
    while low < candidates.shape[0]:
        low *= 2
    places = np.int32(low - 1)  # the bits of a key that hold the place
    keep = np.int32(~(low - 1))
    n_planes = field.shape[0]
    for p in range(FIELD):
        best[p] = _LAST
    for j in range(candidates.shape[0]):
        k = candidates[j]
        place = np.int32(j)
        centre, factor = centres[k], contrast[k]
        cy, cx = centre[0] - top, centre[1] - left
        c0, c1, c2 = centre[2], centre[3], centre[4]
        if n_planes == FUSED:
            for p in range(FIELD):
                dy, dx = y[p] - cy, x[p] - cx
                d0, d1, d2 = field[0, p] - c0, field[1, p] - c1, field[2, p] - c2
                d = spatial * (dy * dy + dx * dx) + factor * (d0 * d0 + d1 * d1 + d2 * d2)
                best[p] = min(best[p], ordered_key(d, keep, place))
            continue
        for p in range(FIELD):
            d0, d1, d2 = field[0, p] - c0, field[1, p] - c1, field[2, p] - c2
            distance[p] = d0 * d0 + d1 * d1 + d2 * d2
        for c in range(FUSED, n_planes, GROUP):
            c0, c1, c2, c3 = centre[2 + c], centre[3 + c], centre[4 + c], centre[5 + c]
            for p in range(FIELD):
                d0, d1 = field[c, p] - c0, field[c + 1, p] - c1
                d2, d3 = field[c + 2, p] - c2, field[c + 3, p] - c3
                distance[p] += d0 * d0 + d1 * d1 + d2 * d2 + d3 * d3
        for p in range(FIELD):
            dy, dx = y[p] - cy, x[p] - cx
            d = spatial * (dy * dy + dx * dx) + factor * distance[p]
            best[p] = min(best[p], ordered_key(d, keep, place))
    for p in range(FIELD):
        best[p] &= places


@njit(cache=True, nogil=True, fastmath=_FASTMATH)
def _add_to(total, field, y, x, best, place, top, left, rest):
    """Add the pixels of one place to a cluster's sums, and take them from what is left."""
    n, sy, sx = np.float32(0), np.float32(0), np.float32(0)
    s0, s1, s2 = np.float32(0), np.float32(0), np.float32(0)
    for p in range(FIELD):
        w = np.float32(1) if best[p] == place else np.float32(0)
        n += w
        sy += w * y[p]
        sx += w * x[p]
        s0 += w * field[0, p]
        s1 += w * field[1, p]
        s2 += w * field[2, p]
    rest[0], rest[1], rest[2] = rest[0] - n, rest[1] - sy, rest[2] - sx
    rest[3], rest[4], rest[5] = rest[3] - s0, rest[4] - s1, rest[5] - s2
    total[0] += n
    total[1] += sy + n * top
    total[2] += sx + n * left
    total[3] += s0
    total[4] += s1
    total[5] += s2
    for c in range(FUSED, field.shape[0]):
        s = np.float32(0)
        for p in range(FIELD):
            s += field[c, p] if best[p] == place else np.float32(0)
        rest[3 + c] -= s
        total[3 + c] += s


@njit(cache=True, nogil=True, fastmath=_FASTMATH)
def _farthest(field, centre, best, place, distance):
    """The greatest squared colour distance from a centre to the pixels that are its."""
    distance[:] = 0
    for c in range(field.shape[0]):
        for p in range(FIELD):
            d = field[c, p] - centre[2 + c]
            distance[p] += d * d
    farthest = np.float32(0)
    for p in range(FIELD):
        farthest = max(farthest, distance[p] if best[p] == place else np.float32(0))
    return farthest


@njit(cache=True, nogil=True)
def accumulate(
    tiles, totals, inside, counts, n_across, first_tile, last_tile, first_field, last_field,
    centres, contrast, spatial, starts, candidates, most, sums, farthest,
):  # fmt: skip
    """Assign the pixels of some tiles and sum them up by cluster.

    Parameters
    ----------
    tiles, totals, inside, counts : IN, of `tile_mask` and `tile_lab` or `tile_channels`
    n_across : int, tiles along the width
    first_tile, last_tile, first_field, last_field : int, what is worked on, the last one excluded
    centres : IN (K, 2 + P) float32
    contrast : IN (K,) float32, factor of the colour distance to each centre
    spatial : float32, factor of the squared distance in pixels
    starts, candidates : IN, of `list_candidates`
    most : int, candidates of the tile that has most
    sums : INOUT (K, 3 + P) float64: pixels, rows, columns, planes
    farthest : INOUT (K,) float32, greatest squared colour distance within each cluster, or empty
    """
    n_planes = tiles.shape[2]
    distance = np.empty(FIELD, np.float32)
    best = np.empty(FIELD, np.int32)
    won = np.zeros(most + 1, np.bool_)
    rest = np.empty(3 + n_planes, np.float32)
    for t in range(first_tile, last_tile):
        top, left = np.float32(t // n_across * SIDE), np.float32(t % n_across * SIDE)
        own = candidates[starts[t] : starts[t + 1]]
        for f in range(first_field, last_field):
            count = counts[t, f]
            if count == 0:
                continue
            y, x, field = _Y[f], _X[f], tiles[t, f]
            _choose(field, y, x, centres, contrast, spatial, own, top, left, distance, best)
            if count < FIELD:
                for p in range(FIELD):
                    if not inside[t, f, p]:
                        best[p] = most
            for p in range(FIELD):
                won[best[p]] = True
            # In a full field the last cluster gets what the others leave of the field's totals.
            last = own.shape[0] - 1
            while not won[last]:
                last -= 1
            rest[0] = FIELD
            rest[1] = (SIDE // 2 - 1 + f) * FIELD
            rest[2] = (SIDE - 1) * FIELD / 2
            for c in range(n_planes):
                rest[3 + c] = totals[t, f, c]
            for j in range(last + 1):
                if not won[j]:
                    continue
                won[j] = False
                k = own[j]
                if farthest.size > 0:
                    reach = _farthest(field, centres[k], best, j, distance)
                    farthest[k] = max(farthest[k], reach)
                if j < last or count < FIELD:
                    _add_to(sums[k], field, y, x, best, j, top, left, rest)
                else:
                    sums[k, 0] += rest[0]
                    sums[k, 1] += rest[1] + rest[0] * top
                    sums[k, 2] += rest[2] + rest[0] * left
                    for c in range(n_planes):
                        sums[k, 3 + c] += rest[3 + c]
            won[most] = False


@njit(cache=True, nogil=True)
def assign(
    tiles, inside, counts, n_across, first_tile, last_tile,
    centres, contrast, spatial, starts, candidates, labels,
):  # fmt: skip
    """Write each pixel's cluster.

    Parameters
    ----------
    tiles, ..., candidates : IN, as in `accumulate`
    labels : OUT (H, W) int32, -1 outside the mask
    """
    height, width = labels.shape
    distance = np.empty(FIELD, np.float32)
    best = np.empty(FIELD, np.int32)
    for t in range(first_tile, last_tile):
        top, left = t // n_across * SIDE, t % n_across * SIDE
        own = candidates[starts[t] : starts[t + 1]]
        for f in range(2):
            if counts[t, f] > 0:
                _choose(
                    tiles[t, f], _Y[f], _X[f], centres, contrast, spatial, own,
                    np.float32(top), np.float32(left), distance, best,
                )  # fmt: skip
            for i in range(f, min(SIDE, height - top), 2):
                for j in range(min(SIDE, width - left)):
                    p = (i >> 1) * SIDE + j
                    here = counts[t, f] == FIELD or (counts[t, f] > 0 and inside[t, f, p])
                    labels[top + i, left + j] = own[best[p]] if here else -1


@njit(cache=True, nogil=True)
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
