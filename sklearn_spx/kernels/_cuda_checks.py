"""The checks of `checks` for arrays on a GPU, in the same words; host arrays are copied there.

What is wrong with values is counted into an integer, which the host reads.
"""

import math

import numpy as np
from numba import cuda

from . import checks
from ._cuda_common import fill, for_each
from ._device import is_on_gpu, kernel

_INT32 = np.iinfo(np.int32)
_MOST = 2**29  # pixels; four entries of each are still counted by an int32


def labels_of(session, labels, name="labels", shape=None):
    """A label image on the GPU, as `checks.as_labels` takes it: of integers within int32.

    Parameters
    ----------
    session : Session
    labels : array on the GPU or array-like (H, W)
    name : str
    shape : tuple or None, the shape it must have

    Returns
    -------
    labels : device array (H, W) of bool or integers, which is not to be written to
    """
    if not is_on_gpu(labels):
        return session.bring(checks.as_labels(labels, name, shape), name)
    view = session.view(labels, name)
    if view.dtype.kind not in "bui":
        raise TypeError(f"{name} has dtype {view.dtype}; accepted are integer label images")
    if len(view.shape) != 2:
        raise ValueError(f"{name} has shape {view.shape}; accepted is (height, width)")
    if 0 in view.shape:
        raise ValueError(f"{name} has shape {view.shape}: it is empty")
    if shape is not None and view.shape != tuple(shape):
        raise ValueError(f"{name} has shape {view.shape}, expected {tuple(shape)}")
    if view.dtype.itemsize > 2 and view.dtype != np.int32:
        n_bad = count(session, count_beyond_int32, view)[0]
        if n_bad:
            raise ValueError(f"{name} holds {n_bad} labels beyond int32")
    return view


def int_labels_of(session, labels, name="labels", shape=None):
    """A copy of a label image as int32, and its least and greatest label.

    Parameters
    ----------
    session, labels, name, shape : as in `labels_of`

    Returns
    -------
    labels : device array (H, W), int32, C-contiguous
    least, greatest : int
    """
    given = labels_of(session, labels, name, shape)
    height, width = given.shape
    check_size(given.shape, name)
    on = session.allocate(name, labels=((height, width), np.int32), ends=((2,), np.int32))
    copy_labels(session, given, None, on.labels)
    for_each(session, 1, fill, on.ends[:1], int(_INT32.max))
    for_each(session, 1, fill, on.ends[1:], int(_INT32.min))
    for_each(session, height * width, find_ends, on.labels, on.ends)
    least, greatest = session.copy_out(on.ends)
    return on.labels, int(least), int(greatest)


def image_and_labels_of(session, image, labels):
    """An image and its label image on the GPU, as `checks.as_image_and_labels` takes them.

    Parameters
    ----------
    session : Session
    image : array on the GPU or array-like, (H, W) or (H, W, C)
    labels : array on the GPU or array-like (H, W)

    Returns
    -------
    image : device array (H, W, C), float32, C-contiguous; 0 where labels are negative
    labels : device array (H, W), int32, C-contiguous
    least, greatest : int, of the labels
    """
    raw = raw_image_of(session, image)
    labels, least, greatest = int_labels_of(session, labels, shape=raw.shape[:2])
    inside = None
    if least < 0:
        height, width = labels.shape
        inside = session.allocate("a mask", inside=((height, width), np.bool_)).inside
        for_each(session, height * width, mark_inside, labels, inside)
    return image_of(session, raw, inside), labels, least, greatest


def check_size(shape, name):
    """Raise an error where there are too many pixels (H, W) for the counters of kernels."""
    height, width = shape
    if height * width > _MOST:
        raise ValueError(
            f"{name} of {height} x {width} pixels are too many for CUDA, which takes {_MOST}: "
            "give device='cpu'"
        )


def mask_of(session, mask, shape, name="mask"):
    """A mask on the GPU, as `checks.as_mask` takes it.

    Parameters
    ----------
    session : Session
    mask : array on the GPU or array-like (H, W)
    shape : tuple, the shape it must have
    name : str

    Returns
    -------
    mask : device array (H, W), bool, C-contiguous
    """
    if not is_on_gpu(mask):
        return session.bring(checks.as_mask(mask, shape, name), name)
    view = session.view(mask, name)
    if view.shape != tuple(shape):
        checks.as_mask(np.broadcast_to(np.True_, view.shape), shape, name)  # says what helps
    out = session.allocate(name, out=(shape, np.bool_)).out
    n_kept, n_bad = count(session, copy_mask, view, out)
    if view.dtype.kind == "f" and n_bad:
        raise ValueError(
            f"{name} of dtype {view.dtype} holds {n_bad} values that are neither 0 nor 1: "
            f"give {name} > 0.5, or whatever says what to keep"
        )
    if not n_kept:
        raise ValueError(f"{name} keeps no pixel")
    return out


def image_of(session, image, mask=None, name="image"):
    """An image on the GPU, as `checks.as_image` takes it.

    Parameters
    ----------
    session : Session
    image : array on the GPU or array-like, (H, W) or (H, W, C)
    mask : bool device array (H, W) or None; what is outside may hold anything, and becomes 0
    name : str

    Returns
    -------
    image : device array (H, W, C), float32, C-contiguous
    """
    view = raw_image_of(session, image, name)
    copy, shape = copy_image, view.shape
    if len(shape) == 2:
        copy, shape = copy_gray, (*shape, 1)
    out = session.allocate(name, out=(shape, np.float32)).out
    n_bad = count(session, copy, view, _or_empty(session, mask), out)[0]
    if n_bad:
        where = "" if mask is None else " inside the mask"
        raise ValueError(
            f"{name} holds {n_bad} values{where} that are NaN, infinite or beyond float32"
        )
    return out


def raw_image_of(session, image, name="image"):
    """An image on the GPU, of its own dtype; its values are not looked at."""
    if not is_on_gpu(image):
        image = np.asarray(image)
        dtype = image.dtype.newbyteorder("=")
        if dtype.kind == "f" and dtype.itemsize not in (4, 8):  # which no kernel takes
            dtype = np.dtype(np.float32)
        with np.errstate(over="ignore"):  # an overflow is a value that is not finite
            image = checks.as_standard(checks._as_any_image(image, name), dtype)
    view = session.bring(image, name)
    if len(view.shape) not in (2, 3):
        raise ValueError(
            f"{name} has shape {view.shape}; accepted are (height, width) and "
            "(height, width, channels)"
        )
    if 0 in view.shape:
        raise ValueError(f"{name} has shape {view.shape}: it is empty")
    return view


def copy_labels(session, labels, mask, out):
    """Write labels as int32, -1 outside a mask.

    Parameters
    ----------
    session : Session
    labels : IN device array (H, W)
    mask : IN device array (H, W) bool, or None
    out : OUT device array (H, W) int32
    """
    n = out.shape[0] * out.shape[1]
    for_each(session, n, cast_labels, labels, _or_empty(session, mask), out)


def _or_empty(session, mask):
    return session.allocate("a mask", none=((1, 1), np.bool_)).none[:0] if mask is None else mask


def count(session, kernel, array, *args):
    """What a kernel counts of an array, two integers; a thread an entry of its first two axes."""
    counts = session.allocate("a check", counts=((2,), np.int64)).counts
    for_each(session, 2, fill, counts, 0)
    for_each(session, math.prod(array.shape[:2]), kernel, array, *args, counts)
    return [int(n) for n in session.copy_out(counts)]


@kernel
def mark_inside(labels, inside):
    """Mark the pixels of a region; inside : OUT (H, W) bool; grid: a thread a pixel."""
    p = cuda.grid(1)
    height, width = labels.shape
    if p < height * width:
        inside[p // width, p % width] = labels[p // width, p % width] >= 0


@kernel
def count_beyond_int32(labels, counts):
    """Count labels beyond int32; labels : IN (H, W); counts : INOUT (2,) int64."""
    p = cuda.grid(1)
    height, width = labels.shape
    if p < height * width:
        label = labels[p // width, p % width]
        if label > 2147483647 or label < -2147483648:
            cuda.atomic.add(counts, 0, 1)


@kernel
def find_ends(labels, ends):
    """Find the least and the greatest label; ends : INOUT (2,) int32; grid: a thread a pixel."""
    p = cuda.grid(1)
    height, width = labels.shape
    if p < height * width:
        label = labels[p // width, p % width]
        if label < ends[0]:  # which may be out of date: then the atomic operation changes nothing
            cuda.atomic.min(ends, 0, label)
        if label > ends[1]:
            cuda.atomic.max(ends, 1, label)


@kernel
def copy_mask(mask, out, counts):
    """Copy a mask as bool; counts : INOUT (2,) int64, pixels kept, and values but 0 and 1."""
    p = cuda.grid(1)
    height, width = mask.shape
    if p < height * width:
        y, x = p // width, p % width
        value = mask[y, x]
        out[y, x] = value != 0
        if value != 0:
            counts[0] = 1
            if value != 1:
                cuda.atomic.add(counts, 1, 1)


@kernel
def cast_labels(labels, mask, out):
    """Copy labels as int32; mask : IN (H, W) bool, False where they are -1, or (0, 1)."""
    p = cuda.grid(1)
    height, width = out.shape
    if p < height * width:
        y, x = p // width, p % width
        here = mask.shape[0] == 0 or mask[y, x]
        out[y, x] = np.int32(labels[y, x]) if here else np.int32(-1)


@kernel
def copy_image(image, mask, out, counts):
    """Copy an image as float32, 0 outside; grid: a thread a pixel.

    Parameters
    ----------
    image : IN (H, W, C), of any real dtype
    mask : IN (H, W) bool, or (0, 1)
    out : OUT (H, W, C) float32
    counts : INOUT (2,) int64, values inside that are not finite
    """
    p = cuda.grid(1)
    height, width = image.shape[0], image.shape[1]
    if p >= height * width:
        return
    y, x = p // width, p % width
    here = mask.shape[0] == 0 or mask[y, x]
    n_bad = 0
    for c in range(image.shape[2]):
        value = np.float32(image[y, x, c]) if here else np.float32(0)
        n_bad += not math.isfinite(value)
        out[y, x, c] = value
    if n_bad > 0:
        cuda.atomic.add(counts, 0, n_bad)


@kernel
def copy_gray(image, mask, out, counts):
    """Do the work of `copy_image` for an image (H, W)."""
    p = cuda.grid(1)
    height, width = image.shape
    if p >= height * width:
        return
    y, x = p // width, p % width
    here = mask.shape[0] == 0 or mask[y, x]
    value = np.float32(image[y, x]) if here else np.float32(0)
    out[y, x, 0] = value
    if not math.isfinite(value):
        cuda.atomic.add(counts, 0, 1)
