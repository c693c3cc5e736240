"""Weights of the edges between pixels: smoothed colours, a row at a time.

A row of the image is laid out channel by channel and convolved along x; of the rows that the
Gaussian reaches, which a ring holds, comes a smoothed row; of two of these the weights of a row of
edges. Nothing as large as the image is kept between. Each value is the sum that the CUDA twin
forms, in its order.

The weights of row y are those of its pixels' edges to the right, to the lower, the lower right and
the lower left pixel, each a line (d, W) with d = 2 or 4. What leaves the image or the mask has all
bits set, which no weight has.
"""

import math

import numpy as np

from ..compilation import njit
from ._rules import add_square

NONE = np.uint32(0xFFFFFFFF)


@njit
def weigh_colours(image, full, taps, inside, weights):
    """Weigh the edges of an image by the Euclidean distance of colours.

    Parameters
    ----------
    image : IN (H, W, C) float32, 0 outside the mask
    full : float32, what the image is divided by
    taps : IN (2 r + 1,) float32, of the Gaussian; the border pixel goes on for ever
    inside : IN (H, W) bool, or (0, 0) where there is no mask
    weights : OUT (H, d, W) float32
    """
    height, width, n_channels = image.shape
    reach = taps.size // 2
    masked = inside.size > 0
    n_lines = n_channels + masked * (taps.size > 1)  # the last one smooths the mask
    ring = np.empty((min(taps.size, height), n_lines, width), np.float32)
    line = np.empty(width + 2 * reach, np.float32)
    above, here = np.empty((n_lines, width), np.float32), np.empty((n_lines, width), np.float32)
    n_rows = 0
    for y in range(height):
        above, here = here, above
        while n_rows <= min(y + reach, height - 1):
            slot = ring[n_rows % ring.shape[0]]
            for c in range(n_lines):
                if c < n_channels:
                    for x in range(width):
                        line[reach + x] = image[n_rows, x, c] / full
                else:
                    for x in range(width):
                        line[reach + x] = np.float32(1 if inside[n_rows, x] else 0)
                _smooth_along_x(line, taps, slot[c])
            n_rows += 1
        for c in range(n_lines):
            _smooth_along_y(ring, c, y, height, taps, here[c])
        if n_lines > n_channels:
            for c in range(n_channels):
                for x in range(width):
                    here[c, x] = here[c, x] / here[-1, x] if inside[y, x] else np.float32(0)
        if y > 0:
            _weigh_row(above[:n_channels], here[:n_channels], weights[y - 1])
    _weigh_row(here[:n_channels], here[:0], weights[height - 1])
    leave_out(inside, weights.view(np.uint32))


@njit
def leave_out(inside, keys):
    """Set all bits of the edges that leave the image or the mask.

    Parameters
    ----------
    inside : IN (H, W) bool, or (0, 0) where there is no mask
    keys : INOUT (H, d, W) uint32
    """
    height, d, width = keys.shape
    for y in range(height):
        keys[y, 0, width - 1] = NONE
        if d == 4:
            keys[y, 2, width - 1] = NONE
            keys[y, 3, 0] = NONE
    keys[height - 1, 1:] = NONE
    if inside.size == 0:
        return
    for y in range(height):
        for k in range(d):
            right = (k == 0 or k == 2) - (k == 3)
            below = inside[min(y + (k > 0), height - 1)]
            for x in range(max(-right, 0), width - max(right, 0)):
                if not (inside[y, x] and below[x + right]):
                    keys[y, k, x] = NONE


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
def _weigh_row(here, below, weights):
    """Weigh the edges of a row; those that leave the image are not written.

    Parameters
    ----------
    here : IN (C, W) float32
    below : IN (C, W) float32, or (0, W) where this is the last row
    weights : OUT (d, W) float32
    """
    d, width = weights.shape
    _weigh_line(here, here[:, 1:], weights[0, : width - 1])
    if below.shape[0] > 0:
        _weigh_line(here, below, weights[1])
        if d == 4:
            _weigh_line(here, below[:, 1:], weights[2, : width - 1])
            _weigh_line(here[:, 1:], below, weights[3, 1:])


@njit
def _weigh_line(first, second, out):
    """Distances of the colours of two lines; out : OUT, as long as the shorter one."""
    out[:] = 0
    for c in range(first.shape[0]):
        a, b = first[c], second[c]
        for x in range(out.size):
            out[x] = add_square(out[x], a[x], b[x])
    for x in range(out.size):
        out[x] = math.sqrt(out[x])
