"""Borders of regions traced between the pixels: arcs from junction to junction, rings of arcs.

A crack is the side between two pixels of different labels; cracks meet at the corners of pixels. A
corner where three or four meet is a junction, as is each corner of the image's frame. Arcs are the
chains of cracks between junctions, or closed without one: every crack is on one arc, which the two
regions beside it share. A region's rings are walked with the region on the right, y pointing down,
so that the shoelace formula is positive for what encloses it and negative for its holes.

Directions: 0 right, 1 down, 2 left, 3 up.
"""

import numpy as np

from .._disjoint_set import find
from ..compilation import njit

_DX = np.array([1, 0, -1, 0])
_DY = np.array([0, 1, 0, -1])
_VISITED = 0xF0


@njit
def find_cracks(padded, cracks):
    """Find the cracks at each corner; return (ends of arcs at junctions, turns elsewhere).

    Parameters
    ----------
    padded : IN (H + 2, W + 2) int32, labels, with -1 around
    cracks : OUT (H + 1, W + 1) uint8, bit d where one leaves in direction d
    """
    n_ends, n_turns = 0, 0
    height, width = cracks.shape
    for y in range(height):
        for x in range(width):
            upper_left, upper_right = padded[y, x], padded[y, x + 1]
            lower_left, lower_right = padded[y + 1, x], padded[y + 1, x + 1]
            found = 0
            if upper_right != lower_right:
                found |= 1
            if lower_left != lower_right:
                found |= 2
            if upper_left != lower_left:
                found |= 4
            if upper_left != upper_right:
                found |= 8
            cracks[y, x] = found
            if found:
                if _is_junction(cracks, y, x):
                    n_ends += _degree(found)
                elif found != 5 and found != 10:
                    n_turns += 1
    return n_ends, n_turns


@njit
def _degree(found):
    return (found & 1) + (found >> 1 & 1) + (found >> 2 & 1) + (found >> 3 & 1)


@njit
def _is_junction(cracks, y, x):
    found = cracks[y, x] & 15
    frame = (y == 0 or y == cracks.shape[0] - 1) and (x == 0 or x == cracks.shape[1] - 1)
    return _degree(found) > 2 or (frame and found != 0)


@njit(allocates=True)
def trace_arcs(cracks, points, starts, ways, departures, junctions):
    """Follow every crack once; return (points, arcs, junctions).

    Parameters
    ----------
    cracks : INOUT (H + 1, W + 1) uint8; the upper four bits are what has been followed
    points : OUT (>= n_points, 2) int32, x and y: both ends of each arc, and where it turns
    starts : OUT (>= n_arcs + 1,) int64
    ways : OUT (>= n_arcs, 2) int8, direction in which the arc leaves its start and its end
    departures : OUT (>= n_junctions, 4) int64, the half-arc that leaves in each direction, or -1;
        2 a is arc a, 2 a + 1 the same backwards
    junctions : OUT (>= n_arcs, 2) int64, number of the junctions at both ends, or -1
    """
    height, width = cracks.shape
    n_points, n_arcs, n_junctions = 0, 0, 0
    numbers = np.empty((height, width), np.int32)  # of junctions
    for y in range(height):
        for x in range(width):
            if cracks[y, x] and _is_junction(cracks, y, x):
                numbers[y, x] = n_junctions
                departures[n_junctions] = -1
                n_junctions += 1
    starts[0] = 0
    for y in range(height):
        for x in range(width):
            if cracks[y, x] == 0 or not _is_junction(cracks, y, x):
                continue
            for way in range(4):
                if cracks[y, x] >> way & 1 and not cracks[y, x] >> (way + 4) & 1:
                    cracks[y, x] |= 16 << way
                    n_points, v, u, last = _follow(cracks, y, x, way, points, n_points)
                    back = (last + 2) % 4
                    cracks[v, u] |= 16 << back
                    ways[n_arcs, 0], ways[n_arcs, 1] = way, back
                    junctions[n_arcs, 0], junctions[n_arcs, 1] = numbers[y, x], numbers[v, u]
                    departures[numbers[y, x], way] = 2 * n_arcs
                    departures[numbers[v, u], back] = 2 * n_arcs + 1
                    n_arcs += 1
                    starts[n_arcs] = n_points
    for y in range(height):
        for x in range(width):
            # the first corner of a closed arc in reading order is its upper left one
            if cracks[y, x] and cracks[y, x] < 16:
                n_points, _, _, last = _follow(cracks, y, x, 0, points, n_points)
                ways[n_arcs, 0], ways[n_arcs, 1] = 0, (last + 2) % 4
                junctions[n_arcs] = -1
                n_arcs += 1
                starts[n_arcs] = n_points
    return n_points, n_arcs, n_junctions


@njit
def _follow(cracks, y, x, way, points, n):
    """Follow an arc to a junction or back to its start; return (points, y, x, last direction)."""
    top, left = y, x
    points[n, 0], points[n, 1] = x, y
    n += 1
    while True:
        y += _DY[way]
        x += _DX[way]
        is_end = (y == top and x == left) or _is_junction(cracks, y, x)
        if is_end:
            if not _is_junction(cracks, y, x):
                cracks[y, x] |= _VISITED
            points[n, 0], points[n, 1] = x, y
            return n + 1, y, x, way
        onward = cracks[y, x] & 15 & ~(1 << (way + 2) % 4)
        cracks[y, x] |= _VISITED
        if not onward >> way & 1:
            points[n, 0], points[n, 1] = x, y
            n += 1
            way = (way + 1) % 4 if onward >> (way + 1) % 4 & 1 else (way + 3) % 4


@njit
def find_pieces(padded, parent):
    """Join 4-neighbours of one label; parent : OUT ((H + 2) * (W + 2),) int64, disjoint sets."""
    height, width = padded.shape
    for p in range(parent.size):
        parent[p] = p
    for y in range(1, height - 1):
        for x in range(1, width - 1):
            label = padded[y, x]
            if label < 0:
                continue
            p = y * width + x
            if padded[y, x - 1] == label:
                parent[p] = find(parent, p - 1)
            if padded[y - 1, x] == label:
                a, b = find(parent, p), find(parent, p - width)
                parent[max(a, b)] = min(a, b)


@njit(allocates=True)
def link_rings(
    padded,
    stride,
    parent,
    points,
    starts,
    ways,
    departures,
    junctions,
    ring_arcs,
    ring_starts,
    ring_labels,
    ring_pieces,
    ring_areas,
):
    """Link half-arcs to the rings of each region; return (half-arcs on rings, rings).

    At a junction a ring takes the first crack from the right, which keeps it to one piece. Where it
    comes to a junction once more, what it has been through since is a ring of its own: no ring
    touches itself.

    Parameters
    ----------
    padded : IN ((H + 2) * (W + 2),) int32
    stride : int, W + 2
    parent : INOUT disjoint sets of `find_pieces`
    points, starts, ways, departures, junctions : IN, of `trace_arcs`
    ring_arcs : OUT (>= 2 n_arcs,) int64, half-arcs
    ring_starts : OUT (>= 2 n_arcs + 1,) int64
    ring_labels : OUT (>= 2 n_arcs,) int32, label of the region
    ring_pieces : OUT (>= 2 n_arcs,) int64, set of the piece
    ring_areas : OUT (>= 2 n_arcs,) int64, twice the area, negative for holes
    """
    n_arcs = ways.shape[0]
    used = np.zeros(2 * n_arcs, np.bool_)
    place = np.full(departures.shape[0], -1)  # of each junction on the path
    path = np.empty(2 * n_arcs, np.int64)
    n_rings, total = 0, 0
    ring_starts[0] = 0
    for first in range(2 * n_arcs):
        if used[first]:
            continue
        pixel = _pixel_on_the_right(stride, points, starts, ways, first)
        label = padded[pixel]
        if label < 0:
            continue
        piece = find(parent, pixel)
        half, n = first, 0
        while n == 0 or half != first:
            used[half] = True
            junction = junctions[half // 2, half % 2]
            if junction >= 0:
                if place[junction] >= 0:
                    since = place[junction]
                    total = _emit(path[since:n], junctions, place, ring_arcs, total)
                    ring_areas[n_rings] = _twice_area(points, starts, path[since:n])
                    ring_labels[n_rings], ring_pieces[n_rings] = label, piece
                    n_rings += 1
                    ring_starts[n_rings] = total
                    n = since
                place[junction] = n
            path[n] = half
            n += 1
            half = first if junction < 0 else _next(half, ways, departures, junctions)
        total = _emit(path[:n], junctions, place, ring_arcs, total)
        ring_areas[n_rings] = _twice_area(points, starts, path[:n])
        ring_labels[n_rings], ring_pieces[n_rings] = label, piece
        n_rings += 1
        ring_starts[n_rings] = total
    return total, n_rings


@njit
def _pixel_on_the_right(stride, points, starts, ways, half):
    """Index, in padded labels of rows of ``stride``, of the pixel right of where one leaves."""
    arc, back = half // 2, half % 2
    i = starts[arc + 1] - 1 if back else starts[arc]
    way = ways[arc, back]
    below, right = way < 2, way == 0 or way == 3
    return (points[i, 1] + (1 if below else 0)) * stride + points[i, 0] + (1 if right else 0)


@njit
def _next(half, ways, departures, junctions):
    """The half-arc that follows, with the same piece on the right."""
    arc, back = half // 2, half % 2
    junction = junctions[arc, 1 - back]
    heading = ways[arc, 1 - back] + 2
    for turn in (1, 0, 3):
        onward = departures[junction, (heading + turn) % 4]
        if onward >= 0:
            return onward
    return half  # not reached: two cracks at least meet at a junction


@njit
def _emit(path, junctions, place, ring_arcs, total):
    """Write a ring's half-arcs, and take its junctions off the path; return how many there are."""
    for half in path:
        ring_arcs[total] = half
        total += 1
        junction = junctions[half // 2, half % 2]
        if junction >= 0:
            place[junction] = -1
    return total


@njit
def _twice_area(points, starts, path):
    area = np.int64(0)
    for half in path:
        arc = half // 2
        part = np.int64(0)
        for i in range(starts[arc], starts[arc + 1] - 1):
            x, y = np.int64(points[i, 0]), np.int64(points[i, 1])
            part += x * points[i + 1, 1] - points[i + 1, 0] * y
        area += -part if half % 2 else part
    return area


@njit
def write_rings(points, starts, ring_arcs, ring_starts, out, out_starts):
    """Write the points of each ring, the first once more at its end.

    Parameters
    ----------
    points : IN (n, 2) int32
    starts : IN (n_arcs + 1,) int64
    ring_arcs : IN (n_half_arcs,) int64
    ring_starts : IN (n_rings + 1,) int64
    out : OUT (>= all, 2) int32
    out_starts : OUT (n_rings + 1,) int64
    """
    n = 0
    out_starts[0] = 0
    for r in range(ring_starts.size - 1):
        for k in range(ring_starts[r], ring_starts[r + 1]):
            arc, back = ring_arcs[k] // 2, ring_arcs[k] % 2
            length = starts[arc + 1] - starts[arc]
            for i in range(length - 1):  # the last is the next one's first
                j = starts[arc + 1] - 1 - i if back else starts[arc] + i
                out[n, 0], out[n, 1] = points[j, 0], points[j, 1]
                n += 1
        out[n, 0], out[n, 1] = out[out_starts[r], 0], out[out_starts[r], 1]
        n += 1
        out_starts[r + 1] = n
