"""Cutting an image into tiles on a GPU, as `_tiles` does: planes by sets of 64 pixels."""

from collections import namedtuple

import numpy as np
from numba import cuda, int32

from .._bits import bits_of
from .._device import kernel
from ..color import N_STEPS, TABLE, TABLE_8BIT, lab, linear_light
from ..compilation import rule
from ._rules import FEW, GROUP, SET, SIDE, TOO_LARGE, corner, extent, snap

_SIGNLESS = np.int32(0x7FFFFFFF)

Grid = namedtuple("Grid", ["height", "width", "n_down", "n_across", "stride", "side"])


def grid_of(shape, stride):
    """The tiles of an image whose iterations see every ``stride``-th pixel."""
    side = stride * SIDE
    return Grid(shape[0], shape[1], -(-shape[0] // side), -(-shape[1] // side), stride, side)


def cut(session, image, rgb_scale, mask, grid, on):
    """Cut the image into sets, and return the greatest sum of a plane over one of any channels.

    Raises ValueError if its values are too large for them.
    """
    where = mask, grid, on.inside, on.counts, on.planes, on.largest_sum
    n_sets = on.counts.shape[0] * on.counts.shape[1]
    if rgb_scale is None:
        session.launch(cut_channels, n_sets, SET, image, on.channels, on.scale, *where)
        largest = session.copy_out(on.largest_sum).view(np.float32)[0]
        if not largest < TOO_LARGE:
            raise ValueError(f"image holds values beyond {TOO_LARGE:g}, times root of weight")
        return float(largest)
    step, table = np.float32(0), session.constant(TABLE_8BIT)
    if image.dtype != np.uint8:
        step, table = np.float32(N_STEPS / rgb_scale), session.constant(TABLE)
    session.launch(cut_rgb, n_sets, SET, image, step, table, on.scale, *where)
    return 0.0


@kernel
def cut_channels(image, channels, scale, mask, grid, inside, counts, planes, largest_sum):
    """Cut an image into sets of scaled planes; grid: a block a set.

    Parameters
    ----------
    image : IN (H, W, C) float32
    channels : IN (n,) int32, the channels that count
    scale : IN (n,) float32, square roots of their weights
    mask : IN (H, W) bool, or (0, 0) where the whole image is inside
    grid : Grid
    inside : OUT (n_tiles, stride^2, 64) bool
    counts : INOUT (n_tiles, stride^2) int32, zeros; OUT pixels inside
    planes : OUT (n_tiles, stride^2, P * 64) float32
    largest_sum : INOUT (1,) int32, 0; OUT bits of the greatest sum of a plane over a set
    """
    largest = cuda.shared.array(GROUP, int32)
    p = cuda.threadIdx.x
    t, s = cuda.blockIdx.x // grid.stride**2, cuda.blockIdx.x % grid.stride**2
    y, x = pixel_of(grid, t, s, p)
    here = _is_inside(mask, grid, y, x)
    inside[t, s, p] = here
    if here:
        cuda.atomic.add(counts, (t, s), 1)
    n_planes = planes.shape[2] // SET
    for first in range(0, n_planes, GROUP):
        n = min(GROUP, n_planes - first)
        if p < GROUP:
            largest[p] = 0
        cuda.syncthreads()
        for c in range(first, first + n):
            value = np.float32(0)
            if here and c < channels.shape[0]:
                value = image[y, x, channels[c]] * scale[c]
            planes[t, s, c * SET + p] = value
            cuda.atomic.max(largest, c - first, bits_of(value) & _SIGNLESS)
        cuda.syncthreads()
        for c in range(first, first + n):
            planes[t, s, c * SET + p] = snap(planes[t, s, c * SET + p], largest[c - first])
        cuda.syncthreads()
        if p < n:
            total = np.float32(0)
            for q in range(SET):
                total += planes[t, s, (first + p) * SET + q]
            cuda.atomic.max(largest_sum, 0, bits_of(total) & _SIGNLESS)
        cuda.syncthreads()


@kernel
def cut_rgb(image, step, table, scale, mask, grid, inside, counts, planes, largest_sum):
    """Cut an sRGB image into sets of scaled Lab planes; grid: a block a set.

    Parameters
    ----------
    image : IN (H, W, 3) uint8 or float32
    step : float32, `N_STEPS` over the value of full intensity, or 0 where `table` has each value
    table : IN `TABLE` or `TABLE_8BIT`
    scale : IN (3,) float32, square roots of the weights
    mask, grid, inside, counts, planes, largest_sum : as in `cut_channels`
    """
    largest = cuda.shared.array(FEW, int32)
    p = cuda.threadIdx.x
    t, s = cuda.blockIdx.x // grid.stride**2, cuda.blockIdx.x % grid.stride**2
    y, x = pixel_of(grid, t, s, p)
    here = _is_inside(mask, grid, y, x)
    inside[t, s, p] = here
    if p < FEW:
        largest[p] = 0
    cuda.syncthreads()
    v0, v1, v2 = np.float32(0), np.float32(0), np.float32(0)
    if here:
        cuda.atomic.add(counts, (t, s), 1)
        if step == 0:
            r = table[np.int32(image[y, x, 0])]
            g = table[np.int32(image[y, x, 1])]
            b = table[np.int32(image[y, x, 2])]
        else:
            r = linear_light(np.float32(image[y, x, 0]), step, table)
            g = linear_light(np.float32(image[y, x, 1]), step, table)
            b = linear_light(np.float32(image[y, x, 2]), step, table)
        v0, v1, v2 = lab(r, g, b)
        v0, v1, v2 = v0 * scale[0], v1 * scale[1], v2 * scale[2]
    cuda.atomic.max(largest, 0, bits_of(v0) & _SIGNLESS)
    cuda.atomic.max(largest, 1, bits_of(v1) & _SIGNLESS)
    cuda.atomic.max(largest, 2, bits_of(v2) & _SIGNLESS)
    cuda.syncthreads()
    planes[t, s, p] = snap(v0, largest[0])
    planes[t, s, SET + p] = snap(v1, largest[1])
    planes[t, s, 2 * SET + p] = snap(v2, largest[2])
    cuda.syncthreads()
    if p < FEW:
        total = np.float32(0)
        for q in range(SET):
            total += planes[t, s, p * SET + q]
        cuda.atomic.max(largest_sum, 0, bits_of(total) & _SIGNLESS)


@rule
def pixel_of(grid, t, s, p):
    """Row and column of pixel p of a set, (-1, -1) beyond the image."""
    top, left = corner(grid, t, s)
    i, j = p // SIDE, p % SIDE
    if i >= extent(top, grid.height, grid.stride) or j >= extent(left, grid.width, grid.stride):
        return -1, -1
    return top + grid.stride * i, left + grid.stride * j


@rule
def _is_inside(mask, grid, y, x):
    if y < 0:
        return False
    return mask.shape[0] == 0 or mask[y, x]
