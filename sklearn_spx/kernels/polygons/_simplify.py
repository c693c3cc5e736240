"""Arcs with fewer points, by Douglas and Peucker, and no border across another.

Every arc is simplified on its own, its ends stay. Then, in rounds, a segment that meets another
elsewhere than in a common end, or that has a point of another between itself and the points it
stands for, gets the farthest of these points back. In the end arcs meet where they met, and what
was on the left of one still is.
"""

import numpy as np

from ..compilation import njit


@njit(allocates=True)
def simplify_arcs(points, starts, tolerance, kept):
    """Say which points of each arc to keep.

    Parameters
    ----------
    points : IN (n, 2) int32, x and y
    starts : IN (n_arcs + 1,) int64
    tolerance : float, farthest that a point left out may be from the segment in its place
    kept : OUT (n,) bool
    """
    kept[:] = False
    stack = np.empty((points.shape[0] + 2, 2), np.int64)
    for arc in range(starts.size - 1):
        first, last = starts[arc], starts[arc + 1] - 1
        kept[first] = kept[last] = True
        anchors = [first, last]
        if points[first, 0] == points[last, 0] and points[first, 1] == points[last, 1]:
            far, _ = _farthest(points, first, last, first, first)
            near, near_distance = _farthest(points, first, far, first, far)
            other, other_distance = _farthest(points, far, last, first, far)
            third = near if near_distance > other_distance else other
            anchors = [first, min(far, third), max(far, third), last]
        for k in range(len(anchors) - 1):
            kept[anchors[k]] = True
            _douglas_peucker(points, anchors[k], anchors[k + 1], tolerance**2, stack, kept)
    while _mend(points, starts, kept):
        pass


@njit
def _douglas_peucker(points, first, last, most, stack, kept):
    """Keep points until none is farther from its segment than the root of ``most``."""
    stack[0, 0], stack[0, 1] = first, last
    n = 1
    while n > 0:
        n -= 1
        i, j = stack[n, 0], stack[n, 1]
        if j - i < 2:
            continue
        far, distance = _farthest(points, i, j, i, j)
        if distance > most:
            kept[far] = True
            stack[n, 0], stack[n, 1] = i, far
            stack[n + 1, 0], stack[n + 1, 1] = far, j
            n += 2


@njit
def _farthest(points, first, last, i, j):
    """Of the points between first and last, that farthest from a segment; its squared distance."""
    far, most = first + 1, -1.0
    x, y = np.float64(points[i, 0]), np.float64(points[i, 1])
    run, rise = points[j, 0] - x, points[j, 1] - y
    squared = run * run + rise * rise
    for k in range(first + 1, last):
        dx, dy = points[k, 0] - x, points[k, 1] - y
        along = 0.0 if squared == 0 else min(max((dx * run + dy * rise) / squared, 0.0), 1.0)
        distance = (dx - along * run) ** 2 + (dy - along * rise) ** 2
        if distance > most:
            far, most = k, distance
    return far, most


@njit(allocates=True)
def _mend(points, starts, kept):
    """Keep a point more of each segment that is in the way of others; whether there was one."""
    froms, tos = _segments(starts, kept)
    side, columns, cell_starts, cell_segments = _grid(points, froms, tos)
    to_split = np.zeros(froms.size, np.bool_)
    for cell in range(cell_starts.size - 1):
        for a in range(cell_starts[cell], cell_starts[cell + 1]):
            s = cell_segments[a]
            for b in range(a + 1, cell_starts[cell + 1]):
                t = cell_segments[b]
                s_has, t_has = tos[s] - froms[s] > 1, tos[t] - froms[t] > 1
                if (s_has and not to_split[s]) or (t_has and not to_split[t]):
                    if _collide(points, froms[s], tos[s], froms[t], tos[t]):
                        to_split[s] |= s_has
                        to_split[t] |= t_has
    for s in range(froms.size):
        if tos[s] - froms[s] > 1 and not to_split[s]:
            to_split[s] = _sweeps(points, froms, tos, s, side, columns, cell_starts, cell_segments)
    for s in range(froms.size):
        if to_split[s]:
            far, _ = _farthest(points, froms[s], tos[s], froms[s], tos[s])
            kept[far] = True
    return to_split.any()


@njit(allocates=True)
def _segments(starts, kept):
    """First and last point of each segment."""
    n = kept.sum() - (starts.size - 1)
    froms, tos = np.empty(n, np.int64), np.empty(n, np.int64)
    n = 0
    for arc in range(starts.size - 1):
        before = starts[arc]
        for i in range(starts[arc] + 1, starts[arc + 1]):
            if kept[i]:
                froms[n], tos[n] = before, i
                before = i
                n += 1
    return froms, tos


@njit(allocates=True)
def _grid(points, froms, tos):
    """Segments by square cells; return (side, cells a row, start of each cell, segments)."""
    length = 0.0
    right, bottom = np.int64(0), np.int64(0)
    for s in range(froms.size):
        i, j = froms[s], tos[s]
        length += abs(points[j, 0] - points[i, 0]) + abs(points[j, 1] - points[i, 1])
        right = max(right, points[i, 0], points[j, 0])
        bottom = max(bottom, points[i, 1], points[j, 1])
    side = max(np.int64(2), np.int64(length / max(froms.size, 1)))
    columns, rows = right // side + 1, bottom // side + 1
    cell_starts = np.zeros(columns * rows + 1, np.int64)
    cell_segments = np.empty(0, np.int64)
    for turn in range(2):  # count, then list
        for s in range(froms.size):
            i, j = froms[s], tos[s]
            first, last = _span(points[i, 1], points[j, 1], side)
            for row in range(first, last + 1):
                left, end = _columns_of(points, i, j, row, side)
                for column in range(left, end + 1):
                    cell = row * columns + column
                    if turn == 0:
                        cell_starts[cell + 1] += 1
                    else:
                        cell_segments[cell_starts[cell]] = s
                        cell_starts[cell] += 1
        if turn == 0:
            for cell in range(cell_starts.size - 1):
                cell_starts[cell + 1] += cell_starts[cell]
            cell_segments = np.empty(cell_starts[-1], np.int64)
    for cell in range(cell_starts.size - 1, 0, -1):
        cell_starts[cell] = cell_starts[cell - 1]
    cell_starts[0] = 0
    return side, columns, cell_starts, cell_segments


@njit
def _span(a, b, side):
    return np.int64(min(a, b)) // side, np.int64(max(a, b)) // side


@njit
def _columns_of(points, i, j, row, side):
    """First and last cell of a segment in a row of cells, its ends included."""
    x, y = np.float64(points[i, 0]), np.float64(points[i, 1])
    run, rise = points[j, 0] - x, points[j, 1] - y
    a, b = x, x + run
    if rise != 0:
        above = min(max((row * side - y) / rise, 0.0), 1.0)
        below = min(max(((row + 1) * side - y) / rise, 0.0), 1.0)
        a, b = x + above * run, x + below * run
    slack = 1e-6 * side  # of rounding; a cell too many does no harm
    low, high = min(a, b) - slack, max(a, b) + slack
    first, last = _span(points[i, 0], points[j, 0], side)
    return max(first, np.int64(np.floor(low / side))), min(last, np.int64(np.floor(high / side)))


@njit
def _collide(points, a, b, c, d):
    """Whether two segments meet elsewhere than in one common end."""
    ax, ay = np.int64(points[a, 0]), np.int64(points[a, 1])
    bx, by = np.int64(points[b, 0]), np.int64(points[b, 1])
    cx, cy = np.int64(points[c, 0]), np.int64(points[c, 1])
    dx, dy = np.int64(points[d, 0]), np.int64(points[d, 1])
    if (ax == dx and ay == dy) or (bx == cx and by == cy):  # the second the other way round
        cx, cy, dx, dy = dx, dy, cx, cy
    same_start = ax == cx and ay == cy
    same_end = bx == dx and by == dy
    if same_start and same_end:
        return True
    if same_start:
        return _overlap(ax, ay, bx, by, dx, dy)
    if same_end:
        return _overlap(bx, by, ax, ay, cx, cy)
    if max(ax, bx) < min(cx, dx) or max(cx, dx) < min(ax, bx):
        return False
    if max(ay, by) < min(cy, dy) or max(cy, dy) < min(ay, by):
        return False
    of_c, of_d = _side(ax, ay, bx, by, cx, cy), _side(ax, ay, bx, by, dx, dy)
    of_a, of_b = _side(cx, cy, dx, dy, ax, ay), _side(cx, cy, dx, dy, bx, by)
    return of_c * of_d <= 0 and of_a * of_b <= 0


@njit
def _side(ax, ay, bx, by, x, y):
    """1, 0 or -1: on which side of a line a point is."""
    cross = (bx - ax) * (y - ay) - (by - ay) * (x - ax)
    return (1 if cross > 0 else 0) - (1 if cross < 0 else 0)


@njit
def _overlap(x, y, ax, ay, bx, by):
    """Whether two segments from one point go the same way."""
    if _side(x, y, ax, ay, bx, by) != 0:
        return False
    return (ax - x) * (bx - x) + (ay - y) * (by - y) > 0


@njit
def _sweeps(points, froms, tos, s, side, columns, cell_starts, cell_segments):
    """Whether a kept point lies between a segment and the points it stands for."""
    i, j = froms[s], tos[s]
    left = right = points[i, 0]
    top = bottom = points[i, 1]
    for k in range(i + 1, j + 1):
        left, right = min(left, points[k, 0]), max(right, points[k, 0])
        top, bottom = min(top, points[k, 1]), max(bottom, points[k, 1])
    first, last = _span(left, right, side)
    upper, lower = _span(top, bottom, side)
    last = min(last, columns - 1)
    lower = min(lower, (cell_starts.size - 1) // columns - 1)
    for row in range(upper, lower + 1):
        for column in range(first, last + 1):
            cell = row * columns + column
            for a in range(cell_starts[cell], cell_starts[cell + 1]):
                t = cell_segments[a]
                if t == s:
                    continue
                for p in (froms[t], tos[t]):
                    x, y = points[p, 0], points[p, 1]
                    if left <= x <= right and top <= y <= bottom and _winds(points, i, j, x, y):
                        return True
    return False


@njit
def _winds(points, i, j, x, y):
    """Whether the points from i to j, closed, go round (x, y), which is none of the two."""
    if (points[i, 0] == x and points[i, 1] == y) or (points[j, 0] == x and points[j, 1] == y):
        return False
    turns = 0
    for k in range(i, j + 1):
        m = i if k == j else k + 1
        ax, ay = np.int64(points[k, 0]) - x, np.int64(points[k, 1]) - y
        bx, by = np.int64(points[m, 0]) - x, np.int64(points[m, 1]) - y
        if ay <= 0 and by > 0 and ax * by - ay * bx > 0:
            turns += 1
        elif ay > 0 and by <= 0 and ax * by - ay * bx < 0:
            turns -= 1
    return turns != 0
