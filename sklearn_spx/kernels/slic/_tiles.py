"""The image cut into tiles of 64-pixel sets, as SLIC's kernels take it.

With a stride of 1 a tile is 8 x 8 pixels. With a stride of 2 it is 16 x 16 pixels, in four sets:
set (i, j) has every second pixel of every second row from (i, j) on, 64 again, and an iteration
needs only one of them. A set is kept plane by plane, 64 numbers in a row, so that the compiler
turns every loop over them into vector instructions. A weight enters once, as the square root that
scales its plane.

A volume (D, H, W) is D images, slice after slice: the tiles of the first, then those of the second.
"""

import math
from collections import namedtuple
from functools import partial

import numpy as np

from .._bands import ONE_BAND
from .._bits import bits_of
from ..color import N_STEPS, TABLE, TABLE_8BIT, lab_block, linear_light
from ..compilation import inner, njit
from ._rules import SET, SIDE, TOO_LARGE, corner, extent, snap
from .parts import Parts

EXACT = {"contract", "nsz", "reassoc", "arcp"}  # for sums that are exact in any order
_U = np.uint64  # an index without a sign spares numba the test for a negative one

Tiles = namedtuple(
    "Tiles",
    [
        "height",  # of the image, or of a slice
        "width",
        "n_down",  # tiles along the height of the image, or of a slice
        "n_across",
        "n_above",  # tiles of the whole image above these, where they are a block of it
        "n_before",
        "stride",  # between the pixels of a set
        "side",  # of a tile, in pixels
        "inside",  # (n_tiles, stride^2, 64) bool; not written for full sets of no mask
        "counts",  # (n_tiles, stride^2) int32, pixels inside
        "planes",  # (n_tiles, stride^2, P * 64) float32, plane after plane, 0 outside the mask
        "totals",  # (n_tiles, stride^2, P) float32, sums of the planes
    ],
)


def cut(image, rgb_scale, chosen, mask, stride, n_above=0, n_before=0, bands=ONE_BAND, depth=1):
    """Cut an image into tiles, or a volume.

    Parameters
    ----------
    image : uint8 or float32 array (H, W, C), C-contiguous, or (D * H, W, C) of a volume; or Parts,
        which go
    rgb_scale : the value of full intensity if it is RGB to be converted to Lab, or None
    chosen : of `_sample.choose_planes`
    mask : bool array (H, W), or (D * H, W), or empty where the whole image is inside
    stride : 1 or 2
    n_above, n_before : int, tiles of the whole image above and to the left of a block
    bands : Bands
    depth : int, slices, 1 of an image
    """
    height, width = image.shape[0] // depth, image.shape[1]
    channels, scale, n_planes = chosen
    n_down, n_across = -(-height // (stride * SIDE)), -(-width // (stride * SIDE))
    sets = depth * n_down * n_across, stride**2
    tiles = Tiles(
        height=height,
        width=width,
        n_down=n_down,
        n_across=n_across,
        n_above=n_above,
        n_before=n_before,
        stride=stride,
        side=stride * SIDE,
        inside=np.empty((*sets, SET), bool),
        counts=np.empty(sets, np.int32),
        planes=aligned((*sets, n_planes * SET)),
        totals=np.zeros((*sets, n_planes), np.float32),
    )
    _cut_mask(mask, tiles)
    if isinstance(image, Parts):
        for row, part in image.let_go():
            own = _of_rows(tiles, row, len(part))
            bands.run(partial(_cut_band, part, rgb_scale, channels, scale, own), own.n_down)
            del part
    else:
        bands.run(partial(_cut_band, image, rgb_scale, channels, scale, tiles), depth * n_down)
    if not largest_total(tiles) < TOO_LARGE:
        raise ValueError(f"image holds values beyond {TOO_LARGE:g}, times root of weight")
    return tiles


def _cut_band(image, rgb_scale, channels, scale, tiles, _, top, bottom):
    """Cut some rows of tiles, from `top` to the one after the last, of an image or a volume."""
    height, n_down, n_across = tiles.height, tiles.n_down, tiles.n_across
    block = np.empty(3 * SET, np.float32)
    for z in range(top // n_down, -(-bottom // n_down)):  # a band has some rows of some slices
        first, stop = (min(max(i - z * n_down, 0), n_down) * n_across for i in (top, bottom))
        pixels, own = image[z * height : (z + 1) * height], _of_slice(tiles, z)
        if rgb_scale is None:
            own.planes[first:stop, :, len(channels) * SET :] = 0
            _cut_channels(pixels, channels, scale, own, first, stop)
        elif image.dtype == np.uint8:
            _cut_lab_8bit(pixels, scale, own, first, stop, block)
        else:
            step = np.float32(N_STEPS / rgb_scale)
            _cut_lab(pixels, step, scale, own, first, stop, block)


def n_rows_of(tiles):
    """Rows of tiles, of all slices."""
    return len(tiles.counts) // tiles.n_across


def _of_slice(tiles, z):
    """The tiles of a slice."""
    n = tiles.n_down * tiles.n_across
    return _some(tiles, z * n, (z + 1) * n)


def _of_rows(tiles, row, height):
    """The tiles of rows of an image that start with a tile, as those of an image of these rows."""
    first, n_down = row // tiles.side, -(-height // tiles.side)
    own = _some(tiles, first * tiles.n_across, (first + n_down) * tiles.n_across)
    return own._replace(height=height, n_down=n_down)


def _some(tiles, first, stop):
    names = "inside", "counts", "planes", "totals"
    return tiles._replace(**{name: getattr(tiles, name)[first:stop] for name in names})


def largest_total(tiles):
    """The greatest sum of a plane over a set, without its sign."""
    return float(np.abs(tiles.totals).max())


def pixels_at(tiles, places):
    """The pixels nearest to places (n, 2): row, column and planes, (n, 2 + P) float32.

    Of a volume places are (n, 3), and slices come first.
    """
    tile, part, place = place_of(tiles, places[:, -2:])
    if places.shape[1] == 3:
        z = np.floor(places[:, 0] + 0.5).astype(np.int64)
        tile = tile + z * (tiles.n_down * tiles.n_across)
    planes = tiles.planes.reshape(*tiles.totals.shape, SET)[tile, part, :, place]
    return np.column_stack([places, planes]).astype(np.float32)


def place_of(tiles, places):
    """Tile, set and place within it of the pixels nearest to places (n, 2)."""
    y, x = np.floor(places + 0.5).astype(np.int64).T
    stride, side = tiles.stride, tiles.side
    tile = y // side * tiles.n_across + x // side
    part = y % stride * stride + x % stride
    return tile, part, y % side // stride * SIDE + x % side // stride


def aligned(shape, dtype=np.float32):
    """An empty array of 4 bytes an element that starts a cache line, as vector loads like it."""
    size = math.prod(shape) * 4
    buffer = np.empty(size + 64, np.uint8)
    start = -buffer.__array_interface__["data"][0] % 64
    return buffer[start : start + size].view(dtype).reshape(shape)


def _cut_mask(mask, tiles):
    """Cut the mask into sets; what lies beyond the image is outside.

    Parameters
    ----------
    mask : IN (H, W) or (D * H, W) bool, or empty where the whole image is inside
    tiles : `inside` and `counts` are written
    """
    stride, width = tiles.stride, tiles.n_across * tiles.side
    shape = -1, tiles.n_down, tiles.n_across, stride, stride
    inside = tiles.inside.reshape(*shape, SIDE, SIDE)
    if mask.size:
        padded = np.zeros((len(inside), tiles.n_down * tiles.side, width), bool)
        padded[:, : tiles.height, : tiles.width] = mask.reshape(-1, tiles.height, tiles.width)
        sets = padded.reshape(-1, tiles.n_down, SIDE, stride, tiles.n_across, SIDE, stride)
        inside[...] = sets.transpose(0, 1, 4, 3, 6, 2, 5)
        tiles.counts[...] = np.count_nonzero(tiles.inside, axis=2)
        return
    down = _within(tiles.n_down, tiles.height, stride)
    across = _within(tiles.n_across, tiles.width, stride)
    counts = down.sum(axis=2)[:, None, :, None] * across.sum(axis=2)[:, None]
    tiles.counts.reshape(shape)[...] = counts
    # only sets of the last row and column of tiles are not full
    inside[:, -1] = down[-1][:, None, :, None] & across[:, None, :, None]
    inside[:, :, -1] = down[:, :, None, :, None] & across[-1][:, None]


def _within(n_tiles, size, stride):
    """Which rows of each set lie within the image: (n_tiles, stride, 8) bool; or columns."""
    within = np.arange(n_tiles * SIDE * stride) < size
    return within.reshape(n_tiles, SIDE, stride).transpose(0, 2, 1)


@njit
def _cut_channels(image, channels, scale, tiles, first, stop):
    """Cut an image into sets of scaled planes.

    Parameters
    ----------
    image : IN (H, W, C) float32
    channels : IN (P,) int64, the channels that count
    scale : IN (P,) float32, square roots of their weights
    tiles : `planes`, which are zero from P on, and `totals` are written
    first, stop : int, the tiles, from the first to the one after the last
    """
    stride = tiles.stride
    for t in range(first, stop):
        for s in range(tiles.planes.shape[1]):
            top, left = corner(tiles, t, s)
            planes = tiles.planes[t, s]
            n_right = extent(left, tiles.width, stride)
            for i in range(extent(top, tiles.height, stride)):
                row = image[top + stride * i, left:]
                for c in range(channels.shape[0]):
                    channel, factor = _U(channels[c]), scale[c]
                    out = planes[c * SET + i * SIDE : c * SET + (i + 1) * SIDE]
                    if n_right == SIDE and stride == 2:  # known numbers make straight code
                        for j in range(SIDE):
                            out[j] = row[_U(2 * j), channel] * factor
                    else:
                        for j in range(n_right):
                            out[j] = row[_U(stride * j), channel] * factor
            _finish(planes, tiles.inside[t, s], tiles.counts[t, s], tiles.totals[t, s])


@njit
def _cut_lab_8bit(image, scale, tiles, first, stop, block):
    """Cut an 8-bit sRGB image into sets of scaled Lab planes.

    Parameters
    ----------
    image : IN (H, W, 3) uint8
    scale : IN (3,) float32, square roots of the weights
    tiles : `planes` and `totals` are written
    first, stop : int, the tiles, from the first to the one after the last
    block : (192,) float32, scratch
    """
    planes, totals, inside, counts = tiles.planes, tiles.totals, tiles.inside, tiles.counts
    stride, side, n_across = tiles.stride, tiles.side, tiles.n_across
    bottom, right = tiles.height - 1, tiles.width - 1
    for t in range(first, stop):
        for s in range(planes.shape[1]):
            top, left = t // n_across * side + s // stride, t % n_across * side + s % stride
            for i in range(SIDE):
                y = top + stride * i
                y = y if y < bottom else bottom  # what is beyond the image is blanked in the end
                for j in range(SIDE):
                    x = left + stride * j
                    x = x if x < right else right
                    row, column, p = _U(y), _U(x), _U(i * SIDE + j)
                    block[p] = TABLE_8BIT[image[row, column, 0]]
                    block[p + _U(SET)] = TABLE_8BIT[image[row, column, 1]]
                    block[p + _U(2 * SET)] = TABLE_8BIT[image[row, column, 2]]
            _write_lab(block, scale, planes[t, s], inside[t, s], counts[t, s], totals[t, s])


@njit
def _cut_lab(image, step, scale, tiles, first, stop, block):
    """Cut an sRGB image into sets of scaled Lab planes.

    Parameters
    ----------
    image : IN (H, W, 3) float32
    step : float32, `N_STEPS` over the value of full intensity
    scale, tiles, first, stop, block : as in `_cut_lab_8bit`
    """
    planes, totals, inside, counts = tiles.planes, tiles.totals, tiles.inside, tiles.counts
    stride, side, n_across = tiles.stride, tiles.side, tiles.n_across
    bottom, right = tiles.height - 1, tiles.width - 1
    for t in range(first, stop):
        for s in range(planes.shape[1]):
            top, left = t // n_across * side + s // stride, t % n_across * side + s % stride
            for i in range(SIDE):
                y = top + stride * i
                y = y if y < bottom else bottom
                for j in range(SIDE):
                    x = left + stride * j
                    x = x if x < right else right
                    for c in range(3):
                        value = image[_U(y), _U(x), c]
                        block[c * SET + i * SIDE + j] = linear_light(value, step, TABLE)
            _write_lab(block, scale, planes[t, s], inside[t, s], counts[t, s], totals[t, s])


@njit(inline="always")
def _write_lab(block, scale, planes, inside, count, total):
    """Write the planes of one set, from its linear light; block : INOUT (192,) float32."""
    lab_block(block)
    for c in range(3):
        for p in range(c * SET, (c + 1) * SET):
            planes[p] = block[p] * scale[c]
    _finish(planes, inside, count, total)


@inner(fastmath=EXACT)
def _finish(planes, inside, count, total):
    """Blank what is outside, snap each plane to steps that sums keep, and sum it up."""
    for c in range(total.shape[0]):
        first = _U(c * SET)  # a slice costs time to compile
        if count < SET:
            for p in range(SET):
                if not inside[p]:
                    planes[first + _U(p)] = 0
        largest = np.int32(0)
        for p in range(SET):
            size = np.int32(bits_of(planes[first + _U(p)]) & np.int32(0x7FFFFFFF))
            largest = size if size > largest else largest
        s = np.float32(0)
        for p in range(SET):
            value = snap(planes[first + _U(p)], largest)
            planes[first + _U(p)] = value
            s += value
        total[c] = s
