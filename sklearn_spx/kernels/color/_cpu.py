"""sRGB to CIE Lab on the CPU.

Work goes block by block, a block being three planes of 64 values that stay in the cache: linear
light goes in, Lab comes out in its place, in vector instructions.
"""

import numpy as np

from ..compilation import njit
from ._rules import TABLE, curve, linear_light, opponents, white_share

BLOCK = 64


@njit
def lab_block(planes):
    """Turn linear RGB into L, a, b.

    Parameters
    ----------
    planes : INOUT (192,) float32, C-contiguous: 64 values of red, of green, of blue
    """
    for i in range(BLOCK):
        j, k = i + BLOCK, i + 2 * BLOCK
        planes[i], planes[j], planes[k] = white_share(planes[i], planes[j], planes[k])
    for i in range(3 * BLOCK):
        planes[i] = curve(planes[i])
    for i in range(BLOCK):
        j, k = i + BLOCK, i + 2 * BLOCK
        planes[i], planes[j], planes[k] = opponents(planes[i], planes[j], planes[k])


@njit(allocates=True)
def pixels_to_lab(rgb, full, step, out):
    """Lab of sRGB pixels.

    Parameters
    ----------
    rgb : IN (n, 3) float32
    full : float32, the value of full intensity
    step : float32, `N_STEPS` over it
    out : OUT (n, 3) float32
    """
    planes = np.zeros(3 * BLOCK, np.float32)
    for first in range(0, rgb.shape[0], BLOCK):
        n = min(BLOCK, rgb.shape[0] - first)
        for i in range(n):
            for c in range(3):
                value = min(max(rgb[first + i, c], np.float32(0)), full)
                planes[c * BLOCK + i] = linear_light(value, step, TABLE)
        lab_block(planes)
        for i in range(n):
            for c in range(3):
                out[first + i, c] = planes[c * BLOCK + i]
