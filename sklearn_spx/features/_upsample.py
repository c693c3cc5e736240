"""Coarse maps laid out on the image's pixels, bilinearly."""

import numpy as np

from ..kernels.compilation import njit

STRIP = 2**22  # values that are laid out at once where none is kept


def upsample(maps, step, shape, origin=0.0):
    """Bilinear (H, W, n) float32 of maps (n, rows, columns) at pixels origin, origin + step, ...

    ``step`` and ``origin`` are one number, or one down and one across. Outside the first and last
    row and column the values stay.
    """
    return next(upsampled_strips(maps, step, shape, origin, shape[0]))


def upsampled_strips(maps, step, shape, origin=0.0, each=None):
    """Yield the rows of what `upsample` returns from the top, ``each`` at once."""
    values = np.ascontiguousarray(maps.transpose(1, 2, 0), dtype=np.float32)
    step, origin = (np.broadcast_to(np.asarray(v, float), 2) for v in (step, origin))
    (tops, down), columns = (_places(*v) for v in zip(shape, values.shape[:2], step, origin))
    if each is None:
        each = max(STRIP // max(shape[1] * len(maps), 1), 1)
    for first in range(0, shape[0], each):
        own = slice(first, first + each)
        out = np.empty((len(tops[own]), shape[1], len(maps)), np.float32)
        _bilinear(values, tops[own], down[own], *columns, out)
        yield out


def _places(size, n, step, origin):
    """The cell before each of ``size`` pixels, and its share of the way to the next cell."""
    place = np.clip((np.arange(size) - origin) / step, 0, n - 1)
    cell = place.astype(np.int64)
    return cell, (place - cell).astype(np.float32)


@njit(allocates=True, fastmath={"contract", "nsz", "reassoc"})
def _bilinear(maps, tops, down, lefts, across, out):
    height, width, n_maps = out.shape
    rows, columns = maps.shape[:2]
    line = np.empty((columns, n_maps), np.float32)
    for y in range(height):
        top = tops[y]
        low = min(top + 1, rows - 1)
        for c in range(columns):
            for m in range(n_maps):
                line[c, m] = maps[top, c, m] + down[y] * (maps[low, c, m] - maps[top, c, m])
        for x in range(width):
            left = lefts[x]
            right = min(left + 1, columns - 1)
            for m in range(n_maps):
                out[y, x, m] = line[left, m] + across[x] * (line[right, m] - line[left, m])
