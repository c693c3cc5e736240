"""sRGB to CIE Lab on a GPU, a thread a pixel."""

import math

import numpy as np
from numba import cuda

from .._device import kernel
from ..compilation import rule
from ._rules import N_STEPS, TABLE, lab, linear_light

THREADS = 128


@kernel
def pixels_to_lab(rgb, full, step, table, out, n_bad):
    """Lab of sRGB pixels.

    Parameters
    ----------
    rgb : IN (H, W, 3), of any real dtype
    full : float32, the value of full intensity
    step : float32, `N_STEPS` over it
    table : IN `TABLE`
    out : OUT (H, W, 3) float32
    n_bad : INOUT (1,) int32, values that are not finite in float32
    """
    i = cuda.grid(1)
    width = rgb.shape[1]
    if i >= rgb.shape[0] * width:
        return
    y, x = i // width, i % width
    r, g, b = np.float32(rgb[y, x, 0]), np.float32(rgb[y, x, 1]), np.float32(rgb[y, x, 2])
    for value in (r, g, b):
        if not math.isfinite(value):
            cuda.atomic.add(n_bad, 0, 1)
    r = linear_light(_within(r, full), step, table)
    g = linear_light(_within(g, full), step, table)
    b = linear_light(_within(b, full), step, table)
    out[y, x, 0], out[y, x, 1], out[y, x, 2] = lab(r, g, b)


@rule
def _within(value, full):
    """The nearest value on the scale, 0 for NaN."""
    return min(value, full) if value > 0 else np.float32(0)


def convert(session, rgb, full, out):
    """Write the Lab of a device array into a float32 one; return how many values are not finite."""
    n_bad = session.allocate("rgb_to_lab", n_bad=((1,), np.int32)).n_bad
    session.copy_in(np.zeros(1, np.int32), n_bad)
    n = rgb.shape[0] * rgb.shape[1]
    step, table = np.float32(N_STEPS / full), session.constant(TABLE)
    arguments = rgb, np.float32(full), step, table, out, n_bad
    session.launch(pixels_to_lab, -(-n // THREADS), THREADS, *arguments)
    return int(session.copy_out(n_bad)[0])
