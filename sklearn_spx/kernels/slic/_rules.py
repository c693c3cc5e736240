"""What SLIC on the CPU and on CUDA share: how a tile lies, and how far a pixel is from a centre.

Every sum of products is written with `fma`, in one order, so both find the same bits.
"""

import math

import numpy as np

from .._bits import bits_of, float_of, fma
from ..compilation import rule

SIDE = 8  # pixels along a set
SET = SIDE * SIDE
FEW = 3  # planes at least, and as many as one pass over a set takes
GROUP = 8  # planes that a pass takes where there are more
HALF = GROUP // 2  # and what a last pass may take: the number of planes is a multiple
TOO_LARGE = 1e18  # beyond it, squared differences overflow float32

_STEPS = np.int32(1 << 18)  # of a plane, from 0 to a power of 2 that is above all in a set
_MIDDLE = np.float32(_STEPS + 0.5)
_EXPONENT = np.int32(0x7F800000)
_ONE_TWICE = np.int32(254 << 23)  # of which less the bits of a power of 2 are those of its inverse
_LARGEST_LAB = 128.0 * SET  # sum over a set, without its sign, of L, a or b of any sRGB colours
_LEAST = bits_of(1e-30)  # what is below has a square of 0
_MOST = bits_of(1e38)  # what is above is beyond TOO_LARGE anyway


@rule
def corner(tiles, t, s):
    """Row and column of the first pixel of set s of tile t."""
    top, left = t // tiles.n_across * tiles.side, t % tiles.n_across * tiles.side
    return top + s // tiles.stride, left + s % tiles.stride


@rule
def extent(start, stop, stride):
    """How many pixels of a set, along one axis, lie within the image."""
    return max(0, min(SIDE, (stop - start + stride - 1) // stride))


@rule
def tile_range(centre, radius, side, n_before, n_tiles):
    """First tile, and the one after the last, that the window around a centre meets on one axis.

    Tiles count from the first of `n_tiles`, before which there are `n_before` more. Their side is a
    power of 2, so that its inverse gives the quotients' bits.
    """
    share = 1.0 / side
    first = np.int64(math.ceil((centre - radius - (side - 1)) * share)) - n_before
    last = np.int64(math.floor((centre + radius) * share)) - n_before
    last = last + 1 if last + 1 < n_tiles else np.int64(n_tiles)
    return first if first > 0 else np.int64(0), last


@rule
def snap(value, largest):
    """The nearest multiple of the 2^18th of a power of 2 that is above all values of a set.

    A sum of 64 such numbers is exact in float32, so that its order does not matter.

    Parameters
    ----------
    value : float32
    largest : int32
        The greatest of the values' bits, without the sign.
    """
    # bits of the greatest power of 2 not above, if that has an inverse
    bounded = largest if largest > _LEAST else _LEAST
    power = np.int32((bounded if bounded < _MOST else _MOST) & _EXPONENT)
    to_steps = float_of(np.int32(_ONE_TWICE - power)) * np.float32(1 << 17)
    step = float_of(power) * np.float32(1 / (1 << 17))
    return np.float32(np.int32(np.int32(fma(value, to_steps, _MIDDLE)) - _STEPS)) * step


def sum_grid(largest_total, scale, rgb_scale, n_tiles):
    """What `on_grid` needs so that sums over as many sets as there are tiles are exact in float64.

    Then neither the order of the sets nor whoever adds up some of them shows in a sum.

    Parameters
    ----------
    largest_total : float, the greatest sum of a plane over a set, without its sign
    scale : float32 array, square roots of the planes' weights
    rgb_scale : None unless the planes are those of Lab, whose sums are bounded without a look
    n_tiles : int, of the whole image
    """
    if rgb_scale is not None:
        largest_total = _LARGEST_LAB * np.max(scale, initial=0)
    largest = max(float(largest_total), 1e-300)
    exponent = math.frexp(largest)[1] + math.frexp(n_tiles)[1]
    return math.ldexp(1.5, max(exponent, -900))  # its last bit is the 2^52nd of what sums reach


@rule
def on_grid(value, grid):
    """A float32 rounded to a multiple of the last bit of `grid`, far above it."""
    return (np.float64(value) + grid) - grid


@rule
def apart(dy, dx):
    """Squared distance in pixels."""
    return fma(dx, dx, dy * dy)


@rule
def colour_apart(d0, d1, d2):
    """Squared distance in three planes."""
    return fma(d2, d2, fma(d1, d1, d0 * d0))


@rule
def group_apart(d0, d1, d2, d3, d4, d5, d6, d7):
    """Squared distance in eight planes."""
    first = half_apart(d0, d1, d2, d3)
    return fma(d7, d7, fma(d6, d6, fma(d5, d5, fma(d4, d4, first))))


@rule
def half_apart(d0, d1, d2, d3):
    """Squared distance in four planes: that in eight of which four are the same in both."""
    return fma(d3, d3, fma(d2, d2, fma(d1, d1, d0 * d0)))
