"""What SLIC does on a GPU beside clustering: reads the image before, numbers labels after."""

import numpy as np
from numba import cuda, int32

from .. import _cuda_checks
from .._bits import bits_of, fma
from .._cuda_common import THREADS, fill, for_each, gather
from .._cuda_scan import prefix_sum
from .._device import is_on_gpu, kernel
from ..checks import as_mask
from ..compilation import rule
from ._colour import is_8bit_rgb, rgb_scale_of

_EACH = 16  # pixels of a thread that looks for the least and greatest
_SIGNLESS = np.int32(0x7FFFFFFF)


def read(session, image, mask, convert2lab, read_host):
    """The image on the GPU as the CPU's `_read` takes it, and the mask on both sides.

    Parameters
    ----------
    session : Session
    image : array-like, or array on the GPU
    mask : array-like, array on the GPU, or None
    convert2lab : bool or None
    read_host : function of a mask that reads and checks an image on the host

    Returns
    -------
    image : device array (H, W, C), uint8 or float32
    rgb_scale : the value of full intensity if it is RGB to be converted to Lab, or None
    mask : bool device array (H, W), or None
    here : bool array (H, W) on the host, or None
    """
    if not is_on_gpu(image):
        if is_on_gpu(mask):
            mask = session.copy_out(session.view(mask, "mask"))
        host, rgb_scale = read_host(mask)
        here = None if mask is None else as_mask(mask, host.shape[:2])
        on = session.allocate("slic, for its image,", image=(host.shape, host.dtype))
        session.copy_in(host, on.image)
        there = None if here is None else _cuda_checks.mask_of(session, here, here.shape)
        return on.image, rgb_scale, there, here
    view, here = _cuda_checks.raw_image_of(session, image), None
    if mask is not None:
        mask = _cuda_checks.mask_of(session, mask, view.shape[:2])
        here = session.copy_out(mask)
    image, rgb_scale = _read_on_gpu(session, view, mask, convert2lab)
    return image, rgb_scale, mask, here


def _read_on_gpu(session, view, mask, convert2lab):
    if is_8bit_rgb(view.shape, view.dtype, convert2lab):
        return view, 255
    image = _cuda_checks.image_of(session, view, mask)

    def span():
        low, high = find_spans(session, image, mask)
        return low.min(), high.max()

    return image, rgb_scale_of(image.shape[2], view.dtype, convert2lab, span)


def find_spans(session, image, mask):
    """The least and the greatest value inside the mask, of each channel: float32 arrays (C,)."""
    height, width, n_channels = image.shape
    on = session.allocate("slic", spans=((2, n_channels), np.int32), nothing=((1, 1), np.bool_))
    for_each(session, n_channels, fill, on.spans[0], _SIGNLESS)
    for_each(session, n_channels, fill, on.spans[1], ~_SIGNLESS)
    session.launch(
        span, -(-height * width // (THREADS * _EACH)), THREADS,
        image, on.nothing[:0] if mask is None else mask, on.spans,
    )  # fmt: skip
    keys = session.copy_out(on.spans)
    return np.where(keys >= 0, keys, keys ^ _SIGNLESS).view(np.float32) + np.float32(0)


def take(session, image, places):
    """Copy some pixels to the host: float32 array (n, C); places : int array (n,), flat."""
    n, n_channels = len(places), image.shape[2]
    on = session.allocate("slic", places=((n,), np.int64), pixels=((n, n_channels), np.float32))
    session.copy_in(places, on.places)
    for_each(session, n * n_channels, gather, image, on.places, on.pixels)
    return session.copy_out(on.pixels)


def turn(session, image, axes):
    """The coordinates of an image's pixels on axes (C, n): device array (H, W, n), float32."""
    height, width, _ = image.shape
    on = session.allocate(
        "slic, for its channels,",
        axes=(axes.shape, np.float32),
        turned=((height, width, axes.shape[1]), np.float32),
    )
    session.copy_in(axes, on.axes)
    for_each(session, height * width * axes.shape[1], turn_pixels, image, on.axes, on.turned)
    return on.turned


def colours_of(session, centres):
    """The planes of centres (K, 2 + P): device array (K, P)."""
    n, n_planes = centres.shape[0], centres.shape[1] - 2
    colours = session.allocate("slic", colours=((n, n_planes), np.float32)).colours
    for_each(session, n * n_planes, copy_colours, centres, colours)
    return colours


def close_gaps(session, labels, n):
    """Number the labels that occur, below n, 0, 1, ... in their order, in place."""
    on = session.allocate("slic", occurs=((n,), np.uint8), numbers=((n + 1,), np.int32))
    n_pixels = labels.shape[0] * labels.shape[1]
    for_each(session, n, fill, on.occurs, 0)
    for_each(session, n_pixels, flag_labels, labels, on.occurs)
    prefix_sum(session, on.occurs, on.numbers)
    for_each(session, n_pixels, number_labels, labels, on.numbers)


@rule
def _key(value):
    """An int32 that orders like a float32."""
    bits = bits_of(value)
    return bits if bits >= 0 else np.int32(bits ^ _SIGNLESS)


@kernel
def span(image, mask, spans):
    """Find the least and greatest value of each channel; grid: a block a stretch of pixels.

    Parameters
    ----------
    image : IN (H, W, C) float32
    mask : IN (H, W) bool, or (0, 1)
    spans : INOUT (2, C) int32, keys of the least and the greatest
    """
    ends = cuda.shared.array(2, int32)
    height, width, n_channels = image.shape
    thread = cuda.threadIdx.x
    first = cuda.blockIdx.x * THREADS * _EACH
    stop = min(first + THREADS * _EACH, height * width)
    for c in range(n_channels):
        if thread == 0:
            ends[0], ends[1] = _SIGNLESS, ~_SIGNLESS
        cuda.syncthreads()
        low, high = _SIGNLESS, np.int32(~_SIGNLESS)
        for p in range(first + thread, stop, THREADS):
            y, x = p // width, p % width
            if mask.shape[0] == 0 or mask[y, x]:
                key = _key(image[y, x, c])
                low, high = min(low, key), max(high, key)
        cuda.atomic.min(ends, 0, low)
        cuda.atomic.max(ends, 1, high)
        cuda.syncthreads()
        if thread == 0:
            cuda.atomic.min(spans, (0, c), ends[0])
            cuda.atomic.max(spans, (1, c), ends[1])
        cuda.syncthreads()


@kernel
def turn_pixels(image, axes, out):
    """Write the coordinates of pixels on axes; grid: a thread an axis of a pixel.

    Parameters
    ----------
    image : IN (H, W, C) float32
    axes : IN (C, n) float32
    out : OUT (H, W, n) float32
    """
    e = cuda.grid(1)
    height, width, n = out.shape
    if e >= height * width * n:
        return
    p, a = e // n, e % n
    y, x = p // width, p % width
    total = np.float32(0)
    for c in range(image.shape[2]):
        total = fma(image[y, x, c], axes[c, a], total)
    out[y, x, a] = total


@kernel
def copy_colours(centres, out):
    """Copy the planes of centres; centres : IN (K, 2 + P); out : OUT (K, P); a thread each."""
    e = cuda.grid(1)
    n_planes = out.shape[1]
    if e < out.shape[0] * n_planes:
        out[e // n_planes, e % n_planes] = centres[e // n_planes, 2 + e % n_planes]


@kernel
def flag_labels(labels, occurs):
    """Flag the labels that occur; labels : IN (H, W) int32; occurs : INOUT (n,) uint8, zeros."""
    p = cuda.grid(1)
    height, width = labels.shape
    if p < height * width and labels[p // width, p % width] >= 0:
        occurs[labels[p // width, p % width]] = 1


@kernel
def number_labels(labels, numbers):
    """Replace each label by its number; labels : INOUT (H, W) int32, negative outside."""
    p = cuda.grid(1)
    height, width = labels.shape
    if p < height * width and labels[p // width, p % width] >= 0:
        labels[p // width, p % width] = numbers[labels[p // width, p % width]]
