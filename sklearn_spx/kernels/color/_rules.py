"""sRGB to CIE Lab, pixel by pixel: the arithmetic that the CPU and CUDA share to the last bit."""

import numpy as np

from .._bits import bits_of, float_of, fma
from ..compilation import rule

N_STEPS = 4096  # of the table, from 0 to full intensity

# sRGB primaries to XYZ, each row divided by the white point's component.
_XYZ = np.array(
    [
        [0.412453, 0.357580, 0.180423],
        [0.212671, 0.715160, 0.072169],
        [0.019334, 0.119193, 0.950227],
    ]
) / np.array([[0.95047], [1.0], [1.08883]])
(_XR, _XG, _XB), (_YR, _YG, _YB), (_ZR, _ZG, _ZB) = _XYZ.astype(np.float32)
_EPSILON = np.float32(0.008856)
_SLOPE = np.float32(7.787)
_OFFSET = np.float32(16 / 116)
_THIRD = np.float32(1 / 3)
_START = np.float32(709921077)


def _transfer_table(n_steps):
    """Linear light at ``n_steps + 1`` equally spaced sRGB values from 0 to 1, float32."""
    value = np.arange(n_steps + 1) / n_steps
    table = np.where(value > 0.04045, ((value + 0.055) / 1.055) ** 2.4, value / 12.92)
    return table.astype(np.float32)


TABLE_8BIT = _transfer_table(255)
TABLE = np.append(_transfer_table(N_STEPS), np.float32(1))  # so that 1.0 has a next node


@rule
def linear_light(value, step, table):
    """Linear light of an sRGB value: `TABLE` at ``value * step``, between its nodes linearly."""
    node = np.int32(value * step)
    between = fma(value, step, -np.float32(node))
    return fma(between, table[node + 1] - table[node], table[node])


@rule
def white_share(r, g, b):
    """X, Y and Z of linear RGB, each as a share of the white point's."""
    return (
        fma(_XB, b, fma(_XG, g, _XR * r)),
        fma(_YB, b, fma(_YG, g, _YR * r)),
        fma(_ZB, b, fma(_ZG, g, _ZR * r)),
    )


@rule(error_model="numpy")  # no test for 0, which stops vector instructions
def curve(x):
    """The cube root, or, for small values, a line.

    A float's bits are close to an affine function of its logarithm: a third of them is the cube
    root within 5 %, and two steps of Halley's iteration make that 1e-7.
    """
    y = float_of(np.int32(fma(np.float32(bits_of(x)), _THIRD, _START)))
    for _ in range(2):
        square = y * y
        more = fma(square, y, x)
        y = y * (more + x) / fma(square, y, more)
    return y if x > _EPSILON else fma(_SLOPE, x, _OFFSET)


@rule
def opponents(fx, fy, fz):
    """L, a and b of what `curve` made of X, Y and Z."""
    return (
        fma(np.float32(116), fy, np.float32(-16)),
        np.float32(500) * (fx - fy),
        np.float32(200) * (fy - fz),
    )


@rule
def lab(r, g, b):
    """L, a and b of linear RGB from 0 to 1."""
    x, y, z = white_share(r, g, b)
    return opponents(curve(x), curve(y), curve(z))
