"""Coarse maps laid out on the image's pixels, bilinearly."""

import numpy as np
from numba import njit


def upsample(maps, step, shape):
    """Bilinear (H, W, n) float32 of maps (n, rows, columns) at pixels 0, step, 2 step, ...

    Beyond the last row and column the values stay.
    """
    out = np.empty((*shape, len(maps)), np.float32)
    _bilinear(np.ascontiguousarray(maps.transpose(1, 2, 0), dtype=np.float32), step, out)
    return out


@njit(cache=True, nogil=True, fastmath={"contract", "nsz", "reassoc"})
def _bilinear(maps, step, out):
    height, width, n_maps = out.shape
    rows, columns = maps.shape[:2]
    line = np.empty((columns, n_maps), np.float32)
    for y in range(height):
        top = y // step
        low = min(top + 1, rows - 1)
        share = np.float32(y - top * step) / np.float32(step)
        for c in range(columns):
            for m in range(n_maps):
                line[c, m] = maps[top, c, m] + share * (maps[low, c, m] - maps[top, c, m])
        for x in range(width):
            left = x // step
            right = min(left + 1, columns - 1)
            share = np.float32(x - left * step) / np.float32(step)
            for m in range(n_maps):
                out[y, x, m] = line[left, m] + share * (line[right, m] - line[left, m])
