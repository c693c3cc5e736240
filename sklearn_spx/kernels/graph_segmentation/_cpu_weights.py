"""Weights of the edges between samples: smoothed colours, a row at a time.

A row is laid out channel by channel, as a sum over the slices that the Gaussian reaches, and
convolved along x; of the rows of its slice that the Gaussian reaches, which a ring holds, comes a
smoothed row; of this and of the smoothed rows that its edges reach, which another ring holds, the
weights of a row of edges. Nothing as large as the image is kept between. Each value is the sum that
the CUDA twin forms, in its order.

The weights of a row are a line (W,) for each of its samples' d edges: (d, W). What leaves the image
or the mask has all bits set, which no weight has.
"""

import math

import numpy as np

from .._grid import is_row
from ..compilation import njit
from ._rules import add_square

NONE = np.uint32(0xFFFFFFFF)


@njit(allocates=True)
def weigh_colours(image, full, taps, inside, height, offsets, factors, weights):
    """Weigh edges by the Euclidean distance of colours, each times a factor.

    Parameters
    ----------
    image : IN (R, W, C) float32, 0 outside the mask
    full : float32, what the image is divided by
    taps : of the Gaussian along z, y and x, each IN (2 r + 1,) float32; the border samples go on
        for ever
    inside : IN (R, W) bool, or (0, 0) where there is no mask
    height : int, rows of a slice
    offsets : IN (d, 3) int64
    factors : IN (d,) float32
    weights : OUT (R, d, W) float32
    """
    n_rows, width, n_channels = image.shape
    of_z, of_y, of_x = taps
    reach = of_x.size // 2
    masked = inside.size > 0
    smooths = of_x.size > 1 or of_y.size > 1 or of_z.size > 1
    n_lines = n_channels + (masked and smooths)  # the last one smooths the mask
    ring = np.empty((min(of_y.size, height), n_lines, width), np.float32)
    line, part = np.empty(width + 2 * reach, np.float32), np.empty(width, np.float32)
    farthest = np.int64(0)
    for k in range(offsets.shape[0]):
        farthest = max(farthest, offsets[k, 0] * height + offsets[k, 1])
    smooth = np.empty((farthest + 1, n_lines, width), np.float32)
    n_known = 0  # rows that the ring has had
    for row in range(n_rows + farthest):
        if row < n_rows:
            first, here = row - row % height, smooth[row % (farthest + 1)]
            while n_known <= min(row + of_y.size // 2, first + height - 1):
                slot = ring[(n_known - first) % ring.shape[0]]
                for c in range(n_lines):
                    _take_line(image, inside, n_known, c, full, of_z, height, part, line[reach:])
                    _smooth_along_x(line, of_x, slot[c])
                n_known += 1
            for c in range(n_lines):
                _smooth_along_y(ring, c, row - first, height, of_y, here[c])
            if n_lines > n_channels:
                for c in range(n_channels):
                    for x in range(width):
                        here[c, x] = here[c, x] / here[-1, x] if inside[row, x] else np.float32(0)
        if row >= farthest:
            _weigh_row(smooth, row - farthest, height, offsets, factors, n_channels, weights)
    leave_out(inside, height, offsets, weights.view(np.uint32))


@njit
def _take_line(image, inside, row, c, full, taps, height, part, line):
    """Take a channel of a row, or the mask behind the last one, convolved along z.

    part : SCRATCH (W,)
    line : OUT (>= W,)
    """
    if taps.size == 1:
        _copy_line(image, inside, row, c, full, line)
        return
    z, y = row // height, row % height
    line[: part.size] = 0
    for t in range(taps.size):
        v = min(max(z + t - taps.size // 2, 0), image.shape[0] // height - 1)
        _copy_line(image, inside, v * height + y, c, full, part)
        _add_one(part, taps[t], line[: part.size])


@njit
def _copy_line(image, inside, row, c, full, line):
    """Copy a channel of a row, divided by ``full``, or the mask; line : OUT (>= W,)."""
    width, n_channels = image.shape[1:]
    if c < n_channels:
        for x in range(width):
            line[x] = image[row, x, c] / full
    else:
        for x in range(width):
            line[x] = np.float32(1 if inside[row, x] else 0)


@njit
def leave_out(inside, height, offsets, keys):
    """Set all bits of the edges that leave the image or the mask.

    Parameters
    ----------
    inside : IN (R, W) bool, or (0, 0) where there is no mask
    height : int, rows of a slice
    offsets : IN (d, 3) int64
    keys : INOUT (R, d, W) uint32
    """
    n_rows, d, width = keys.shape
    for row in range(n_rows):
        for k in range(d):
            if not is_row(row, offsets[k], height, n_rows):
                keys[row, k] = NONE
                continue
            right = offsets[k, 2]
            if right > 0:
                keys[row, k, width - 1] = NONE
            elif right < 0:
                keys[row, k, 0] = NONE
            if inside.size > 0:
                there = inside[row + offsets[k, 0] * height + offsets[k, 1]]
                for x in range(max(-right, 0), width - max(right, 0)):
                    if not (inside[row, x] and there[x + right]):
                        keys[row, k, x] = NONE


@njit
def _smooth_along_x(line, taps, out):
    """Convolve a line; line : INOUT (W + 2 r,), filled here outside W; out : OUT (W,)."""
    reach = taps.size // 2
    line[:reach] = line[reach]
    line[reach + out.size :] = line[reach + out.size - 1]
    out[:] = 0
    t = 0
    while t + 4 <= taps.size:
        _add_four(line[t:], line[t + 1 :], line[t + 2 :], line[t + 3 :], taps[t : t + 4], out)
        t += 4
    while t < taps.size:
        _add_one(line[t:], taps[t], out)
        t += 1


@njit
def _smooth_along_y(ring, c, y, height, taps, out):
    """Convolve channel c of the rows of the ring around row y; out : OUT (W,)."""
    size, top = ring.shape[0], y - taps.size // 2
    out[:] = 0
    t = 0
    while t + 4 <= taps.size:
        _add_four(
            ring[min(max(top + t, 0), height - 1) % size, c],
            ring[min(max(top + t + 1, 0), height - 1) % size, c],
            ring[min(max(top + t + 2, 0), height - 1) % size, c],
            ring[min(max(top + t + 3, 0), height - 1) % size, c],
            taps[t : t + 4],
            out,
        )
        t += 4
    while t < taps.size:
        _add_one(ring[min(max(top + t, 0), height - 1) % size, c], taps[t], out)
        t += 1


@njit
def _add_four(a, b, c, d, taps, out):
    """Add four lines, one after the other, in one pass."""
    of_a, of_b, of_c, of_d = taps[0], taps[1], taps[2], taps[3]
    for x in range(out.size):
        out[x] = (((out[x] + of_a * a[x]) + of_b * b[x]) + of_c * c[x]) + of_d * d[x]


@njit
def _add_one(line, tap, out):
    for x in range(out.size):
        out[x] += tap * line[x]


@njit
def _weigh_row(smooth, row, height, offsets, factors, n_channels, weights):
    """Weigh the edges of a row; those that leave the image are not written.

    Parameters
    ----------
    smooth : IN (n, C, W) float32, the last n rows, each at its number modulo n
    row, height : int
    offsets, factors, weights : as of `weigh_colours`
    n_channels : int, at most C
    """
    n_rows, d, width = weights.shape
    for k in range(d):
        if is_row(row, offsets[k], height, n_rows):
            other = row + offsets[k, 0] * height + offsets[k, 1]
            here, there = smooth[row % smooth.shape[0]], smooth[other % smooth.shape[0]]
            left, right = max(-offsets[k, 2], 0), max(offsets[k, 2], 0)
            out = weights[row, k, left : width - right]
            out[:] = 0
            for c in range(n_channels):
                _add_squares(here[c, left:], there[c, right:], out)
            factor = factors[k]
            for x in range(out.size):
                out[x] = np.float32(math.sqrt(out[x])) * factor


@njit
def _add_squares(first, second, out):
    """Add the squared differences of two lines; out : INOUT, as long as the shorter one."""
    for x in range(out.size):
        out[x] = add_square(out[x], first[x], second[x])
