"""SLIC on the CPU: tiles of pixels, each offered the few centres whose window meets it.

Achanta et al. (2012) let every centre compete for the pixels of a window of twice the grid step
around it. Here a tile collects the centres whose window meets it, in ascending order, and all its
pixels choose among them. That turns the scatter into a gather: tiles are independent of each other.

A pixel compares candidates by one integer: the bits of its float32 distance, which order like the
distance itself, with the last few replaced by the candidate's place in the tile's list. So two
distances that agree to about 1 in 10^6 count as equal, and the lower centre wins.

A volume is slices of such tiles, and a tile lies in one of them: to its pixels a centre's distance
along the slices is one number. Volumes, and images whose pixels are no squares, have `depths` and
`steps`; where these are None, numba leaves out what is for them, and does not compile it.
"""

from collections import namedtuple
from functools import partial

import numpy as np

from .._bands import ONE_BAND
from .._bits import WORD, bits_of, first_bit, float_of, fma, ordered_key
from .._pages import let_go
from .._turns import end_turn, next_turn
from ..compilation import inner, njit
from ._rules import (
    FEW,
    GROUP,
    SET,
    SIDE,
    TOO_LARGE,
    apart,
    colour_apart,
    group_apart,
    half_apart,
    on_grid,
    tile_range,
)
from ._tiles import EXACT, aligned, n_rows_of

_U = np.uint64  # an index without a sign spares numba the test for a negative one
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
        "spatial",  # float32, factor of the squared distance in pixels, or in the smallest step
        "depths",  # (K,) float32, slice of each centre, or None in images of square pixels
        "steps",  # (3,) float32, from slice to slice, row to row, column to column, or None
    ],
    defaults=(None, None),
)
_Candidates = namedtuple(
    "_Candidates",
    [
        "starts",  # (n_tiles + 1,) int64, where each tile's start
        "members",  # (>= starts[-1],) int32, tile after tile, in ascending order
    ],
)
_Scratch = namedtuple(
    "_Scratch",
    [
        "grid",  # (128,) float32, how far down, then how far right a set's pixels are of its first
        "best",  # (64,) int32, each pixel's least key, then its place in the tile's candidates
        "share",  # (64,) float32
        "distance",  # (64,) float32, or None where there are three planes
        "part",  # (P,) float32, sums over the pixels of one candidate, and over those of the others
        "rest",
    ],
)


Room = namedtuple(
    "Room",
    [
        "radii",  # three floats, half the sides of a centre's window, in slices, rows and columns
        "candidates",  # Candidates
        "windows",  # (K, 6) int64, the tiles that each window meets
        "filled",  # (n_tiles,) int64
        "bands",  # Bands
        "scratch",  # of each band, Scratch
        "sums",  # of each band, as those of `add_up`
    ],
)
_AT_ONCE = 2**25  # bytes of planes that go at once
_NO_LABELS = np.empty(0, np.int32)
_NO_SUMS = np.empty((0, 0))


def room_for(tiles, n_centres, radius, bands=ONE_BAND, steps=None):
    """Memory that all iterations share.

    Parameters
    ----------
    tiles : Tiles
    n_centres : int
    radius : half the side of a centre's window, in pixels, or in the smallest step
    bands : Bands
    steps : (3,) float32, of Clusters, or None
    """
    n_rows, side = n_rows_of(tiles), tiles.side
    n_bands = len(bands.ends(n_rows)) - 1
    n_tiles, n_planes = tiles.counts.shape[0], tiles.totals.shape[2]
    radii = tuple(float(radius / step) for step in (np.ones(3) if steps is None else steps))
    n_members = n_centres
    many = n_rows // tiles.n_down, tiles.n_down, tiles.n_across
    for r, size, n in zip(radii, (1, side, side), many):
        # tiles that a window meets on an axis
        n_members *= min(int((2 * r + size - 1) / size + 1e-6) + 1, n)
    return Room(
        radii=radii,
        candidates=_Candidates(
            np.empty(n_tiles + 1, np.int64), np.empty(n_members + n_tiles, np.int32)
        ),
        windows=np.empty((n_centres, 6), np.int64),
        filled=np.empty(n_tiles, np.int64),
        bands=bands,
        scratch=[_new_scratch(tiles, steps) for _ in range(n_bands)],
        sums=[sums_for(n_centres, n_planes, steps) for _ in range(n_bands)],
    )


def sums_for(n_centres, n_planes, steps=None):
    """An array for the sums of `add_up`."""
    return np.empty((n_centres, 3 + n_planes + (steps is not None)))


def _new_scratch(tiles, steps):
    n_planes = tiles.totals.shape[2]
    room = aligned((5 * SET,))
    grid = room[: 2 * SET]
    np.multiply(_GRID, np.float32(tiles.stride), out=grid)
    if steps is not None:
        grid *= np.repeat(steps[1:], SET)
    return _Scratch(
        grid=grid,
        best=room[2 * SET : 3 * SET].view(np.int32),
        share=room[3 * SET : 4 * SET],
        # numba leaves out what is for an argument that is None, and does not compile it
        distance=None if n_planes == FEW else room[4 * SET :],
        part=np.empty(n_planes, np.float32),
        rest=np.empty(n_planes, np.float32),
    )


def iterate(tiles, sets, clusters, room, grid, farthest):
    """Assign the pixels of one set of each tile, and move each centre to the mean of its own.

    Parameters
    ----------
    sets : IN (n,) int64, the set of each iteration
    clusters : INOUT Clusters
    farthest : INOUT (K,) float32, of `add_up`; where it is not empty, contrasts adapt to it (SLICO)
    Others as in `add_up`.
    """
    n_across, sums = tiles.n_across, room.sums
    reaches = [farthest, *(np.zeros_like(farthest) for _ in sums[1:])]

    def follow(counts, band, top, bottom):
        reach = reaches[band] if farthest.size else None
        return _follow(
            counts, band, tiles, top * n_across, bottom * n_across, sets, clusters,
            room.candidates, room.scratch[band], grid, sums[band], _NO_LABELS, reach,
            room.scratch[band].distance, clusters.depths, clusters.steps,
        )  # fmt: skip

    with room.bands.turns(follow, n_rows_of(tiles)) as take:
        for s in sets.tolist():
            _find_candidates(tiles, clusters, room)
            take(partial(_add_rows, tiles, s, s, clusters, room, grid, sums[0], farthest))
            for other in sums[1:]:
                sums[0] += other
            for reach in reaches[1:]:
                np.maximum(farthest, reach, out=farthest)
            move(clusters, sums[0])
            adapt(clusters.contrast, farthest)


def add_up(tiles, s, stored, clusters, room, grid, sums, farthest):
    """Assign the pixels of one set of each tile, and add them to their cluster's sums.

    Parameters
    ----------
    tiles : IN Tiles
    s : int, the set
    stored : int, its place in the arrays of the tiles, where they do not have all
    clusters : IN Clusters
    room : Room
    grid : float, of `_rules.sum_grid`
    sums : OUT (K, 3 + P) float64: pixels, rows, columns, planes; with `depths` slices after these
    farthest : INOUT (K,) float32, greatest squared colour distance within each cluster, or empty
    """
    _find_candidates(tiles, clusters, room)
    n_rows = n_rows_of(tiles)
    _add_rows(tiles, s, stored, clusters, room, grid, sums, farthest, 0, n_rows)


def _add_rows(tiles, s, stored, clusters, room, grid, sums, farthest, top, bottom):
    """As `add_up`, of some rows of tiles, in the room of the first band."""
    n_across, scratch = tiles.n_across, room.scratch[0]
    sums[:] = 0
    _choose_and(
        tiles, top * n_across, bottom * n_across, s, s + 1, stored - s, clusters,
        room.candidates, scratch, grid, sums, _NO_LABELS,
        farthest if farthest.size else None, scratch.distance, clusters.depths, clusters.steps,
    )  # fmt: skip


@njit
def _follow(
    counts, band, tiles, first_tile, last_tile, sets, clusters, candidates, scratch, grid, sums,
    labels, farthest, distance, depths, steps,
):  # fmt: skip
    """Take turns, one of each of the ``sets``, as `_add_rows` does; return whether all are over.

    Parameters
    ----------
    counts, band : of `next_turn`
    Others as of `_choose_and`.
    """
    while True:
        turn = next_turn(counts, band)
        if turn < 0:
            return turn == -2
        s, n_values = sets[turn], sums.shape[1]
        shift = s - s  # a plain 0 is another type, for which all would be compiled again
        for k in range(sums.shape[0]):
            for c in range(n_values):
                sums[k, c] = 0
        _choose_and(
            tiles, first_tile, last_tile, s, s + 1, shift, clusters, candidates, scratch, grid,
            sums, labels, farthest, distance, depths, steps,
        )  # fmt: skip
        end_turn(counts, band)


def adapt(contrast, farthest):
    """Set each centre's factor of the colour distance by the greatest one seen (SLICO).

    Parameters
    ----------
    contrast : float32 ndarray of shape (K,)
        Overwritten.
    farthest : float32 ndarray of shape (K,) or (0,)
        Greatest squared colour distance within each cluster; empty where nothing adapts.
    """
    if farthest.size:
        seen = farthest > 0
        contrast[seen] = 1 / np.maximum(farthest[seen], np.float32(1 / TOO_LARGE))


def move(clusters, sums):
    """Move each centre to the mean of its pixels. clusters : INOUT; sums : IN, of `add_up`."""
    _move(clusters.centres, clusters.depths, sums)


@njit
def _move(centres, depths, sums):
    n_values = centres.shape[1]
    for k in range(centres.shape[0]):
        n = sums[k, 0]
        if n > 0:  # one that has no pixel stays
            for c in range(n_values):
                centres[k, c] = sums[k, 1 + c] / n
            if depths is not None:
                depths[k] = sums[k, 1 + n_values] / n


def assign(tiles, clusters, room, labels, keep=True, farthest=None):
    """Write each pixel's cluster.

    Parameters
    ----------
    tiles : IN Tiles
    clusters : IN Clusters
    room : Room
    labels : OUT (H, W) int32, or (D * H, W) of a volume, -1 outside the mask
    keep : bool, whether the planes are needed again; those of a large image go as they are used
    farthest : of `add_up`, or None; not used: what was compiled for it serves here too
    """
    _find_candidates(tiles, clusters, room)
    n_across, n_sets, n_rows = tiles.n_across, tiles.counts.shape[1], n_rows_of(tiles)
    flat, reach = labels.reshape(-1), None if farthest is None or not farthest.size else farthest
    each = n_rows if keep else _AT_ONCE * n_rows // max(tiles.planes.nbytes, 1)
    each = max(each, 1)
    for first in range(0, n_rows, each):

        def assign_band(band, top, bottom, first=first):
            scratch, start, stop = room.scratch[band], first + top, first + bottom
            _choose_and(
                tiles, start * n_across, stop * n_across, 0, n_sets, 0, clusters, room.candidates,
                scratch, 0.0, _NO_SUMS, flat, reach, scratch.distance, clusters.depths,
                clusters.steps,
            )  # fmt: skip

        stop = min(first + each, n_rows)
        room.bands.run(assign_band, stop - first)
        if not keep:
            let_go(tiles.planes[first * n_across : stop * n_across])


def _find_candidates(tiles, clusters, room):
    """List each tile's candidates; one that no window meets, if not empty, gets the nearest."""
    (starts, members), filled, side = room.candidates, room.filled, tiles.side
    grid = tiles.n_above, tiles.n_down, tiles.n_before, tiles.n_across
    centres, depths, steps = clusters.centres, clusters.depths, clusters.steps
    if _list_candidates(
        centres, depths, room.radii, side, *grid, room.windows, filled, starts, members
    ):
        lonely = (filled == starts[:-1]) & tiles.counts.any(axis=1)
        if lonely.any():
            _list_nearest(lonely, centres, depths, steps, side, *grid, starts, members)


@njit
def _list_candidates(
    centres, depths, radii, side, n_above, n_down, n_before, n_across, windows, filled, starts,
    members,
):  # fmt: skip
    """List the centres whose window meets each tile; one that none meets gets the first.

    Parameters
    ----------
    centres, depths : IN, of Clusters
    radii : tuple of three floats, of Room
    side, n_above, n_down, n_before, n_across : int, as in Tiles
    windows : OUT (K, 6) int64, tiles that each meets: first row, row after the last, columns,
        slices
    filled : OUT (n_tiles,) int64, the end of each tile's list; its start where none meets it
    starts, members : OUT, of Candidates

    Returns
    -------
    n_lonely : int, tiles that none meets
    """
    n_tiles = filled.shape[0]
    of_slice = n_down * n_across
    for t in range(n_tiles + 1):
        starts[t] = 0
    for k in range(centres.shape[0]):
        top, bottom = tile_range(centres[k, 0], radii[1], side, n_above, n_down)
        left, right = tile_range(centres[k, 1], radii[2], side, n_before, n_across)
        front, back = np.int64(0), np.int64(1)
        if depths is not None:
            front, back = tile_range(depths[k], radii[0], 1, 0, n_tiles // of_slice)
        right = right if right > left else left
        windows[k, 0], windows[k, 1] = top, bottom
        windows[k, 2], windows[k, 3] = left, right
        windows[k, 4], windows[k, 5] = front, back
        for z in range(front, back):  # at first, how many more a tile has than the one before
            for y in range(z * n_down + top, z * n_down + bottom):
                starts[_U(y * n_across + left)] += 1
                starts[_U(y * n_across + right)] -= 1
    n, start, n_lonely = 0, 0, 0
    for t in range(n_tiles):
        n += starts[t]
        starts[t] = start
        filled[t] = start
        if n == 0:
            members[start] = 0
            n_lonely += 1
        start += n if n > 0 else 1
    starts[n_tiles] = start
    for k in range(centres.shape[0]):
        left, right = windows[k, 2], windows[k, 3]
        for z in range(windows[k, 4], windows[k, 5]):
            for y in range(z * n_down + windows[k, 0], z * n_down + windows[k, 1]):
                for t in range(y * n_across + left, y * n_across + right):
                    members[_U(filled[_U(t)])] = k
                    filled[_U(t)] += 1
    return n_lonely


@njit
def _list_nearest(
    lonely, centres, depths, steps, side, n_above, n_down, n_before, n_across, starts, members
):
    """Offer each lonely tile, IN (n_tiles,) bool, the nearest centre; others as above."""
    for t in range(lonely.shape[0]):
        if lonely[t]:
            row, column = t // n_across, n_before + t % n_across
            z = row // n_down
            row = n_above + row % n_down
            members[starts[t]] = nearest(centres, row, column, side, depths, steps, z)


@njit
def nearest(centres, row, column, side, depths, steps, z):
    """The centre nearest to the middle of a tile, of equals the first.

    row, column : int, of the tile among those of the whole image
    depths, steps : of Clusters
    z : int, the tile's slice
    """
    y, x = np.float32((row + 0.5) * side), np.float32((column + 0.5) * side)
    found, least = 0, _INF
    for k in range(centres.shape[0]):
        dy, dx = centres[k, 0] - y, centres[k, 1] - x
        far = np.float32(0)
        if depths is not None:
            dy, dx = dy * steps[1], dx * steps[2]
            dz = (depths[k] - np.float32(z)) * steps[0]
            far = dz * dz
        distance = apart(dy, dx) + far
        if distance < least:
            found, least = k, distance
    return found


@njit
def _choose_and(
    tiles, first_tile, last_tile, first, last, shift, clusters, candidates, scratch, grid, sums,
    labels, farthest, distance, depths, steps,
):  # fmt: skip
    """Find the candidate of each pixel, and write it down, or add the pixel to its sums.

    Parameters
    ----------
    tiles : IN Tiles
    first_tile, last_tile : int, the tiles, from the first to the one after the last
    first, last : int, the sets of each tile, from the first to the one after the last
    shift : int, from a set to its place in the arrays of the tiles
    clusters : IN Clusters
    candidates : IN Candidates
    scratch : Scratch
    grid : float, of `_rules.sum_grid`
    sums : INOUT (K, 3 + P) float64, of `add_up`, where there are no labels
    labels : OUT (H * W,) or (D * H * W,) int32, -1 outside the mask, or empty
    farthest : INOUT (K,) float32, of `add_up`, or None
    distance : (64,) float32, scratch, or None where there are three planes
    depths, steps : IN, of Clusters
    """
    stride, side, n_across = tiles.stride, tiles.side, tiles.n_across
    height, width, inside = tiles.height, tiles.width, tiles.inside
    centres, contrast, spatial = clusters.centres, clusters.contrast, clusters.spatial
    starts, members = candidates.starts, candidates.members
    best = scratch.best
    share = scratch.share
    part = scratch.part
    rest = scratch.rest
    pixels = scratch.grid
    n_planes = FEW  # a number that is known makes straight code
    if distance is not None:
        n_planes = part.shape[0]
    for t in range(first_tile, last_tile):
        begin = starts[t]
        most = starts[t + 1] - begin
        low = 1
        while low < most:
            low *= 2
        places = np.int32(low - 1)  # the bits of a key that hold the place
        keep = np.int32(~(low - 1))
        row, column = t // n_across, t % n_across
        z, above = 0, 0  # the slice, and rows of pixels in those before
        if depths is not None:
            z = row // tiles.n_down
            row, above = row - z * tiles.n_down, z * height
        for s in range(first, last):
            count = tiles.counts[t, s + shift]
            planes = tiles.planes[t, s + shift]
            top, left = row * side + s // stride, column * side + s % stride
            y, x = top + tiles.n_above * side, left + tiles.n_before * side
            if count > 0:
                to_y, to_x = np.float32(y), np.float32(x)
                for p in range(SET):
                    best[p] = _LAST
                if distance is None:
                    _choose(
                        planes, centres, contrast, spatial, members, begin, most, to_y, to_x,
                        keep, pixels, best, depths, steps, np.float32(z),
                    )  # fmt: skip
                else:
                    own = members[begin : begin + most]
                    _choose_by_many(
                        planes, centres, contrast, spatial, own, to_y, to_x, keep, pixels,
                        distance, best, depths, steps, np.float32(z),
                    )  # fmt: skip
                for p in range(SET):
                    best[p] &= places
            if labels.size > 0:
                if count == SET:
                    for i in range(SIDE):
                        line = (above + top + stride * i) * width + left
                        for j in range(SIDE):
                            chosen = members[_U(begin + best[i * SIDE + j])]
                            labels[_U(line + stride * j)] = chosen
                else:
                    for p in range(SET):
                        i, j = top + stride * (p // SIDE), left + stride * (p % SIDE)
                        if i < height and j < width:
                            here = inside[t, s + shift, p]
                            chosen = members[begin + best[p]] if here else np.int32(-1)
                            labels[(above + i) * width + j] = chosen
                continue
            if count == 0:
                continue
            if count < SET:
                for p in range(SET):
                    if not inside[t, s + shift, p]:
                        best[p] = most
            # A pixel stands for the stride x stride pixels of all sets around it: for their middle.
            middle_y = y + ((stride - 1) / 2 - s // stride)
            middle_x = x + ((stride - 1) / 2 - s % stride)
            packed_rest = _ALL_PACKED
            for c in range(n_planes):  # slice to slice takes longer to compile
                rest[c] = tiles.totals[t, s + shift, c]
            for base in range(0, most, WORD):
                bits = _places_in(best, base, most)
                while bits != 0:
                    j = base + first_bit(bits)
                    bits &= bits - _U(1)
                    k = _U(members[_U(begin + j)])
                    if farthest is not None:
                        reach = _farthest(planes, centres[k], best, np.int32(j), share)
                        farthest[k] = max(farthest[k], reach)
                    packed = packed_rest
                    # In a full set the last cluster gets what the others leave of the set's totals.
                    if bits != 0 or base + WORD < most or count < SET:
                        if distance is None:
                            packed = np.int64(_sum_of(planes, best, np.int32(j), part))
                        else:
                            packed = np.int64(_sum_of_many(planes, best, np.int32(j), share, part))
                        packed_rest -= packed
                        for c in range(n_planes):
                            rest[c] -= part[c]
                            sums[k, 3 + c] += on_grid(part[c], grid)
                    else:
                        for c in range(n_planes):
                            sums[k, 3 + c] += on_grid(rest[c], grid)
                    n = packed & 0xFF
                    sums[k, 0] += n
                    sums[k, 1] += n * middle_y + stride * (packed >> 8 & 0xFFF)
                    sums[k, 2] += n * middle_x + stride * (packed >> 20)
                    if depths is not None:
                        sums[k, 3 + n_planes] += n * z


@njit(inline="always")
def _places_in(best, base, most):
    """Which of the places from `base` on, up to `most`, any pixel has: a bit each, at most 64."""
    bits, n = _U(0), _U(min(WORD, most - base))
    for p in range(SET):
        place = _U(best[p] - base)
        bits |= _U(1) << (place & _U(WORD - 1)) if place < n else _U(0)
    return bits


@njit(inline="always")
def _choose(
    planes, centres, contrast, spatial, members, begin, n, top, left, keep, grid, best, depths,
    steps, z,
):  # fmt: skip
    """Find each pixel's least key: the least distance of equation (1), in three planes.

    Parameters
    ----------
    planes : IN (192,) float32, of one set
    centres, contrast, spatial : of Clusters
    members : IN int32 array, of Candidates
    begin, n : int, where those of the tile begin, and how many they are
    top, left : float32, row and column of the set's first pixel
    keep : int32, the bits of a key that do not hold the place
    grid : IN (128,) float32, of Scratch
    best : INOUT (64,) int32, keys
    depths, steps : IN, of Clusters
    z : float32, the set's slice
    """
    for j in range(n):
        k, place = _U(members[_U(begin + j)]), np.int32(j)
        cy, cx, factor = centres[k, 0] - top, centres[k, 1] - left, contrast[k]
        c0, c1, c2 = centres[k, 2], centres[k, 3], centres[k, 4]
        far = np.float32(0)
        if depths is not None:
            cy, cx, cz = cy * steps[1], cx * steps[2], (depths[k] - z) * steps[0]
            far = spatial * (cz * cz)
        for p in range(SET):
            dy, dx = grid[p] - cy, grid[SET + p] - cx
            d0, d1, d2 = planes[p] - c0, planes[SET + p] - c1, planes[2 * SET + p] - c2
            d = fma(factor, colour_apart(d0, d1, d2), fma(spatial, apart(dy, dx), far))
            key = ordered_key(d, keep, place)
            best[p] = key if key < best[p] else best[p]


@inner
def _choose_by_many(
    planes, centres, contrast, spatial, own, top, left, keep, grid, distance, best, depths, steps, z
):
    """As `_choose`, in more than three planes.

    own : IN (m,) int32, candidates of the tile; distance : (64,) float32, scratch
    """
    # The candidate in the middle first: the others are then soon seen to be further.
    middle, least = np.int64(0), _INF
    for j in range(own.shape[0]):
        dy, dx = centres[own[j], 0] - top, centres[own[j], 1] - left
        away = np.float32(0)
        if depths is not None:
            dy, dx, dz = dy * steps[1], dx * steps[2], (depths[own[j]] - z) * steps[0]
            away = dz * dz
        dy, dx = dy - grid[SET - 1] / 2, dx - grid[2 * SET - 1] / 2
        away += dy * dy + dx * dx
        if away < least:
            middle, least = j, away
    for turn in range(own.shape[0] + 1):
        j = middle if turn == 0 else turn - 1
        if turn > 0 and j == middle:
            continue
        k, place = own[j], np.int32(j)
        cy, cx, factor = centres[k, 0] - top, centres[k, 1] - left, contrast[k]
        far = np.float32(0)
        if depths is not None:
            cy, cx, cz = cy * steps[1], cx * steps[2], (depths[k] - z) * steps[0]
            far = spatial * (cz * cz)
        for p in range(SET):
            dy, dx = grid[p] - cy, grid[SET + p] - cx
            distance[p] = fma(spatial, apart(dy, dx), far)
        nearer = np.int32(1)
        n_planes = planes.shape[0] // SET
        whole = n_planes // GROUP * GROUP
        for c in range(0, whole, GROUP):
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
            if nearer == 0:  # it is further than the best for all pixels
                break
        if nearer > 0 and whole < n_planes:
            group, centre = planes[whole * SET :], centres[k, 2 + whole :]
            c0, c1, c2, c3 = centre[0], centre[1], centre[2], centre[3]
            for p in range(SET):
                d0, d1 = group[p] - c0, group[SET + p] - c1
                d2, d3 = group[2 * SET + p] - c2, group[3 * SET + p] - c3
                distance[p] = fma(factor, half_apart(d0, d1, d2, d3), distance[p])
        if nearer > 0:
            for p in range(SET):
                best[p] = min(best[p], ordered_key(distance[p], keep, place))


@inner(fastmath=EXACT)
def _sum_of(planes, best, place, part):
    """Sum up the pixels of one place: their planes, and one integer for number, rows and columns.

    Parameters
    ----------
    planes : IN (192,) float32, of one set
    best : IN (64,) int32, each pixel's place
    place : int32
    part : OUT (3,) float32, sums of the planes

    Returns
    -------
    packed : int32
        Sum of `_PACKED`, over the pixels.
    """
    packed = np.int32(0)
    s0, s1, s2 = np.float32(0), np.float32(0), np.float32(0)
    for p in range(SET):
        is_own = best[p] == place
        packed = np.int32(packed + (_PACKED[p] if is_own else np.int32(0)))
        s0 += planes[p] if is_own else np.float32(0)
        s1 += planes[SET + p] if is_own else np.float32(0)
        s2 += planes[2 * SET + p] if is_own else np.float32(0)
    part[0], part[1], part[2] = s0, s1, s2
    return packed


@inner(fastmath=EXACT)
def _sum_of_many(planes, best, place, share, part):
    """As `_sum_of`, of more than three planes; share : (64,) float32, scratch."""
    packed = np.int32(0)
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


@inner
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
