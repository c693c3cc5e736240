"""Weights of the edges between pixels on a GPU: smoothed colours, or affinities."""

import numpy as np
from numba import cuda

from .. import _cuda_checks
from .._bits import times
from .._cuda_affinities import diagonal_affinity
from .._cuda_common import for_each
from .._device import kernel
from ..checks import full_scale
from ._rules import difference


def colour_weights(session, raw, taps, d, mask):
    """Weights (H, W, d) float32 of an image (H, W, C) of any dtype.

    Parameters
    ----------
    session : Session
    raw : array on the GPU (H, W, C), as of `raw_image_of`
    taps : float32 array, of the Gaussian; or None
    d : int, edges of a pixel
    mask : bool array on the GPU (H, W), or None
    """
    image = _cuda_checks.image_of(session, raw, mask)
    height, width, n_channels = image.shape
    n = height * width * n_channels
    if raw.dtype.kind in "ui":
        out = session.allocate("an image", image=(image.shape, np.float32)).image
        for_each(session, n, divide, image, np.float32(full_scale(raw.dtype)), out)
        image = out
    if taps is not None:
        image = _smooth(session, image, taps, mask)
    weights = session.allocate("weights", weights=((height, width, d), np.float32)).weights
    for_each(session, height * width, weigh_colours, image, weights)
    return weights


def _smooth(session, image, taps, mask):
    there = session.allocate("a Gaussian", taps=(taps.shape, np.float32)).taps
    session.copy_in(taps, there)
    smooth = _convolved(session, image, there)
    if mask is None:
        return smooth
    height, width, n_channels = image.shape
    ones = session.allocate("a mask", ones=((height, width, 1), np.float32)).ones
    for_each(session, height * width, copy_mask, mask, ones)
    share = _convolved(session, ones, there)
    for_each(session, height * width * n_channels, divide_by_share, smooth, share, mask)
    return smooth


def _convolved(session, image, taps):
    on = session.allocate(
        "smoothing", half=(image.shape, np.float32), out=(image.shape, np.float32)
    )
    n = image.shape[0] * image.shape[1] * image.shape[2]
    for_each(session, n, convolve_rows, image, taps, on.half)
    for_each(session, n, convolve_columns, on.half, taps, on.out)
    return on.out


def affinity_weights(session, affinities, d, mask):
    """Weights (H, W, d) float32 of affinities, as of `affinities_of`."""
    _, height, width = affinities.shape
    on = session.allocate(
        "weights", weights=((height, width, d), np.float32), none=((1, 1), np.bool_)
    )
    inside = on.none[:0] if mask is None else mask
    for_each(session, height * width, weigh_affinities, affinities, inside, on.weights)
    return on.weights


@kernel
def divide(image, full, out):
    """Divide by the value of full intensity; out : OUT (H, W, C) float32; a thread a value."""
    i = cuda.grid(1)
    height, width, n_channels = image.shape
    if i < height * width * n_channels:
        y, x, c = i // n_channels // width, i // n_channels % width, i % n_channels
        out[y, x, c] = image[y, x, c] / full


@kernel
def copy_mask(mask, out):
    """Copy a mask as 0 and 1; out : OUT (H, W, 1) float32; grid: a thread a pixel."""
    p = cuda.grid(1)
    height, width = mask.shape
    if p < height * width:
        out[p // width, p % width, 0] = np.float32(1 if mask[p // width, p % width] else 0)


@kernel
def divide_by_share(image, share, mask):
    """Divide by what of the Gaussian lies inside; grid: a thread a value.

    Parameters
    ----------
    image : INOUT (H, W, C) float32, OUT 0 outside
    share : IN (H, W, 1) float32
    mask : IN (H, W) bool
    """
    i = cuda.grid(1)
    height, width, n_channels = image.shape
    if i < height * width * n_channels:
        y, x, c = i // n_channels // width, i // n_channels % width, i % n_channels
        image[y, x, c] = image[y, x, c] / share[y, x, 0] if mask[y, x] else np.float32(0)


@kernel
def convolve_rows(image, taps, out):
    """Convolve along x; the border pixel goes on for ever; grid: a thread a value.

    Parameters
    ----------
    image : IN (H, W, C) float32
    taps : IN (2 r + 1,) float32
    out : OUT (H, W, C) float32
    """
    i = cuda.grid(1)
    height, width, n_channels = image.shape
    if i >= height * width * n_channels:
        return
    y, x, c = i // n_channels // width, i // n_channels % width, i % n_channels
    total, left = np.float32(0), x - taps.shape[0] // 2
    for t in range(taps.shape[0]):
        total += times(taps[t], image[y, min(max(left + t, 0), width - 1), c])
    out[y, x, c] = total


@kernel
def convolve_columns(image, taps, out):
    """Convolve along y; otherwise as `convolve_rows`."""
    i = cuda.grid(1)
    height, width, n_channels = image.shape
    if i >= height * width * n_channels:
        return
    y, x, c = i // n_channels // width, i // n_channels % width, i % n_channels
    total, top = np.float32(0), y - taps.shape[0] // 2
    for t in range(taps.shape[0]):
        total += times(taps[t], image[min(max(top + t, 0), height - 1), x, c])
    out[y, x, c] = total


@kernel
def weigh_colours(image, weights):
    """Weigh edges by the distance of colours; grid: a thread a pixel.

    Parameters
    ----------
    image : IN (H, W, C) float32
    weights : OUT (H, W, 2 or 4) float32; edges that leave the image are not written
    """
    p = cuda.grid(1)
    height, width = image.shape[0], image.shape[1]
    if p >= height * width:
        return
    y, x = p // width, p % width
    if x + 1 < width:
        weights[y, x, 0] = difference(image, y, x, y, x + 1)
    if y + 1 < height:
        weights[y, x, 1] = difference(image, y, x, y + 1, x)
        if weights.shape[2] == 4:
            if x + 1 < width:
                weights[y, x, 2] = difference(image, y, x, y + 1, x + 1)
            if x > 0:
                weights[y, x, 3] = difference(image, y, x, y + 1, x - 1)


@kernel
def weigh_affinities(affinities, inside, weights):
    """Weigh edges by one minus the affinity; grid: a thread a pixel.

    Parameters
    ----------
    affinities : IN (2, H, W) float32
    inside : IN (H, W) bool, or (0, 1)
    weights : OUT (H, W, 2 or 4) float32; edges that leave the image hold anything
    """
    p = cuda.grid(1)
    _, height, width = affinities.shape
    if p >= height * width:
        return
    y, x = p // width, p % width
    one = np.float32(1)
    weights[y, x, 0] = one - affinities[0, y, x]
    weights[y, x, 1] = one - affinities[1, y, x]
    if weights.shape[2] == 4 and y + 1 < height:
        if x + 1 < width:
            weights[y, x, 2] = one - diagonal_affinity(affinities, inside, y, x, one)
        if x > 0:
            weights[y, x, 3] = one - diagonal_affinity(affinities, inside, y, x - 1, one)
