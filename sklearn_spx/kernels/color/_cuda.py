"""sRGB to CIE Lab on a GPU, a thread a pixel."""

import numpy as np
from numba import cuda

from .._device import kernel
from ._rules import N_STEPS, TABLE, lab, linear_light

THREADS = 128


@kernel
def pixels_to_lab(rgb, full, step, table, out):
    """Lab of sRGB pixels.

    Parameters
    ----------
    rgb : IN (H, W, 3) float32
    full : float32, the value of full intensity
    step : float32, `N_STEPS` over it
    table : IN `TABLE`
    out : OUT (H, W, 3) float32
    """
    i = cuda.grid(1)
    width = rgb.shape[1]
    if i >= rgb.shape[0] * width:
        return
    y, x = i // width, i % width
    r = linear_light(min(max(rgb[y, x, 0], np.float32(0)), full), step, table)
    g = linear_light(min(max(rgb[y, x, 1], np.float32(0)), full), step, table)
    b = linear_light(min(max(rgb[y, x, 2], np.float32(0)), full), step, table)
    out[y, x, 0], out[y, x, 1], out[y, x, 2] = lab(r, g, b)


def convert(session, rgb, full, out):
    """Write the Lab of a float32 device array (H, W, 3) into another."""
    n = rgb.shape[0] * rgb.shape[1]
    step = np.float32(N_STEPS / full)
    table = session.constant(TABLE)
    session.launch(
        pixels_to_lab, -(-n // THREADS), THREADS, rgb, np.float32(full), step, table, out
    )
