"""Slow, obvious twins of the kernels of polygons."""

from fractions import Fraction

import numpy as np


def cracks(labels, label):
    """The sides between a region's pixels and what is not of it, as pairs of corners (x, y).

    Each runs with the region on its right, y pointing down.
    """
    height, width = labels.shape
    inside = {(y, x) for y in range(height) for x in range(width) if labels[y, x] == label}
    found = []
    for y, x in inside:
        if (y - 1, x) not in inside:
            found.append(((x, y), (x + 1, y)))
        if (y, x + 1) not in inside:
            found.append(((x + 1, y), (x + 1, y + 1)))
        if (y + 1, x) not in inside:
            found.append(((x + 1, y + 1), (x, y + 1)))
        if (y, x - 1) not in inside:
            found.append(((x, y + 1), (x, y)))
    return sorted(found)


def unit_steps(ring):
    """The sides that a ring of level and upright segments runs along."""
    found = []
    for (ax, ay), (bx, by) in zip(ring[:-1].tolist(), ring[1:].tolist()):
        n = abs(bx - ax) + abs(by - ay)
        dx, dy = (bx - ax) // n, (by - ay) // n
        found += [
            ((ax + i * dx, ay + i * dy), (ax + (i + 1) * dx, ay + (i + 1) * dy)) for i in range(n)
        ]
    return found


def is_inside(rings, x, y):
    """Whether an odd number of edges is left of a centre, or under it, in exact arithmetic."""
    x, y = x + Fraction(1, 2), y + Fraction(1, 2)
    odd = False
    for ring in rings:
        for (ax, ay), (bx, by) in zip(ring[:-1].tolist(), ring[1:].tolist()):
            if min(ay, by) <= y < max(ay, by):
                odd ^= ax + Fraction(bx - ax) * (y - ay) / (by - ay) <= x
    return odd


def shoelace(ring):
    """Area of a closed ring, positive where it is walked with its inside on the right."""
    x, y = np.asarray(ring, float).T
    return float((x[:-1] * y[1:] - x[1:] * y[:-1]).sum() / 2)


def cross(a, b, c, d):
    """Whether two segments meet elsewhere than in one common end, in exact arithmetic."""

    def side(p, q, r):
        return int(np.sign((q[0] - p[0]) * (r[1] - p[1]) - (q[1] - p[1]) * (r[0] - p[0])))

    def on(p, q, r):
        return (
            side(p, q, r) == 0
            and min(p[0], q[0]) <= r[0] <= max(p[0], q[0])
            and min(p[1], q[1]) <= r[1] <= max(p[1], q[1])
        )

    common = {a, b} & {c, d}
    ends_on = [p for p in (c, d) if on(a, b, p)] + [p for p in (a, b) if on(c, d, p)]
    if any(p not in common for p in ends_on) or len(common) == 2:
        return True
    return side(a, b, c) * side(a, b, d) < 0 and side(c, d, a) * side(c, d, b) < 0
