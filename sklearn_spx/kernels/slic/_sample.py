"""What a few pixels tell of an image of many channels: which count, and along which axes they lie.

The axes are found on a sample of the pixels. Turning changes no distance, and what is dropped is
less than a thousandth of the variance.
"""

import numpy as np

from .._bits import fma
from ..compilation import njit
from ._rules import FEW, HALF

MANY = 16  # channels above which principal axes are tried
_DROPPED = 1e-3  # of the variance, at most, that lies along the axes that are dropped
_BLOCK = 64


def sample_places(height, width, mask, side):
    """About side^2 pixels spread over the image or, if it is not None, the mask: flat indices."""
    if mask is None:
        rows, columns = np.arange(0, height, 1 + height // side), np.arange(width)
        return (rows[:, None] * width + columns[:: 1 + width // side]).ravel()
    inside = np.flatnonzero(mask)
    return inside[:: 1 + len(inside) // side**2]


def principal_axes(take, roots):
    """The axes that stand for many channels, (C, n) float32, or None.

    None is where they spare less than half of the channels, or the sample is too small to tell.

    Parameters
    ----------
    take : function of a side, that gives the pixels (n, C) of `sample_places`
    roots : float32 array (C,), square roots of the channels' weights
    """
    n_channels = len(roots)
    if n_channels <= MANY:
        return None
    sample = take(64) * roots
    if len(sample) < 10 * n_channels or not np.isfinite(sample).all():
        return None
    values, axes = np.linalg.eigh(np.cov(sample, rowvar=False))
    n_dropped = np.searchsorted(np.cumsum(values), _DROPPED * values.sum())
    if 2 * n_dropped < n_channels:
        return None
    axes = axes[:, : n_dropped - n_channels - 1 : -1]
    return np.ascontiguousarray(roots[:, None] * axes, np.float32)


def choose_planes(take, rgb_scale, roots):
    """The channels that become planes, their scale, and how many planes there are.

    Of many channels those that differ most go first: they tell the most.

    Parameters
    ----------
    take, roots : as in `principal_axes`
    rgb_scale : the value of full intensity if it is RGB to be converted to Lab, or None
    """
    channels, scale = np.arange(3), roots
    if rgb_scale is None:
        channels = np.flatnonzero(roots)
        if len(channels) > FEW:
            with np.errstate(over="ignore", invalid="ignore"):
                spread = take(32)[:, channels].std(axis=0) * roots[channels]
            channels = channels[np.argsort(-spread, kind="stable")]
        scale = roots[channels]
    few = len(channels) <= FEW
    return channels, scale, FEW if few else -(-len(channels) // HALF) * HALF


def axes_and_planes(take, rgb_scale, roots):
    """The axes that pixels are turned to first, or None, and what becomes a plane then.

    Parameters as in `choose_planes`, of the image as it is.
    """
    axes = principal_axes(take, roots)
    if axes is None:
        return None, choose_planes(take, rgb_scale, roots)
    ones = np.ones(axes.shape[1], np.float32)
    return axes, choose_planes(lambda side: turn_to(axes, take(side)), rgb_scale, ones)


def turn_to(axes, pixels):
    """Coordinates (..., n) of pixels (..., C) on axes (C, n): of each whatever others there are."""
    out = np.empty((*pixels.shape[:-1], axes.shape[1]), np.float32)
    flat = np.ascontiguousarray(pixels).reshape(-1, pixels.shape[-1])
    turn(flat, axes, out.reshape(-1, axes.shape[1]))
    return out


@njit(allocates=True)
def turn(pixels, axes, out):
    """Write the coordinates of pixels on axes, each sum in the order of the channels.

    Parameters
    ----------
    pixels : IN (n, C) float32
    axes : IN (C, m) float32
    out : OUT (n, m) float32
    """
    (n, n_channels), n_axes = pixels.shape, axes.shape[1]
    planes = np.zeros((n_channels, _BLOCK), np.float32)
    s, t = np.zeros(_BLOCK, np.float32), np.zeros(_BLOCK, np.float32)
    for first in range(0, n, _BLOCK):
        size = min(_BLOCK, n - first)
        for i in range(size):
            pixel = pixels[first + i]
            for c in range(n_channels):
                planes[c, i] = pixel[c]
        for a in range(0, n_axes, 2):  # two axes and four channels at a time spare loads and stores
            b = min(a + 1, n_axes - 1)
            s[:] = 0
            t[:] = 0
            c = 0
            while c + 4 <= n_channels:
                p0, p1, p2, p3 = planes[c], planes[c + 1], planes[c + 2], planes[c + 3]
                v0, v1, v2, v3 = axes[c, a], axes[c + 1, a], axes[c + 2, a], axes[c + 3, a]
                w0, w1, w2, w3 = axes[c, b], axes[c + 1, b], axes[c + 2, b], axes[c + 3, b]
                for i in range(_BLOCK):
                    s[i] = fma(p3[i], v3, fma(p2[i], v2, fma(p1[i], v1, fma(p0[i], v0, s[i]))))
                    t[i] = fma(p3[i], w3, fma(p2[i], w2, fma(p1[i], w1, fma(p0[i], w0, t[i]))))
                c += 4
            while c < n_channels:
                for i in range(_BLOCK):
                    s[i] = fma(planes[c, i], axes[c, a], s[i])
                    t[i] = fma(planes[c, i], axes[c, b], t[i])
                c += 1
            for i in range(size):
                out[first + i, a], out[first + i, b] = s[i], t[i]
