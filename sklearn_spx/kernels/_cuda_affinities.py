"""Affinities on a GPU: the checks of `affinities`, and those of diagonal neighbours."""

import numpy as np
from numba import cuda

from ._cuda_common import fill, for_each
from ._device import is_on_gpu, kernel
from .checks import as_standard
from .compilation import rule

_NONE = 2**62


def affinities_of(session, affinities, mask=None, name="affinities"):
    """Affinities on the GPU, as `affinities.as_affinities` takes them.

    Parameters
    ----------
    session : Session
    affinities : array on the GPU or array-like (2, H, W)
    mask : bool device array (H, W) or None
    name : str

    Returns
    -------
    affinities : device array (2, H, W), float32, C-contiguous; 0 to and from what is masked out
    """
    if not is_on_gpu(affinities):
        affinities = np.asarray(affinities)
        if affinities.dtype.kind not in "buif":
            raise TypeError(f"{name} has dtype {affinities.dtype}; accepted are real numbers")
        with np.errstate(over="ignore"):  # an overflow to infinity is bad below
            affinities = as_standard(affinities, np.float32)
    view = session.bring(affinities, name)
    if len(view.shape) != 3 or view.shape[0] != 2 or 0 in view.shape:
        raise ValueError(f"{name} has shape {view.shape}; accepted is (2, height, width)")
    _, height, width = view.shape
    on = session.allocate(
        name, out=(view.shape, np.float32), bad=((1,), np.int64), none=((1, 1), np.bool_)
    )
    for_each(session, 1, fill, on.bad, _NONE)
    mask = on.none[:0] if mask is None else mask
    for_each(session, 2 * height * width, copy_affinities, view, mask, on.out, on.bad)
    bad = int(session.copy_out(on.bad)[0])
    if bad < _NONE:
        part, y, x = bad // (height * width), bad // width % height, bad % width
        value = session.copy_out(on.out.reshape(2 * height * width)[bad : bad + 1])[0]
        raise ValueError(
            f"{name} to the {('right', 'lower')[part]} neighbour of row {y}, column {x} is "
            f"{value}; accepted is 0 to 1"
        )
    return on.out


@kernel
def copy_affinities(affinities, mask, out, bad):
    """Copy affinities as float32; grid: a thread an affinity.

    Parameters
    ----------
    affinities : IN (2, H, W), of any real dtype
    mask : IN (H, W) bool, or (0, 1)
    out : OUT (2, H, W) float32
    bad : INOUT (1,) int64, the first that is not from 0 to 1
    """
    i = cuda.grid(1)
    _, height, width = affinities.shape
    if i >= 2 * height * width:
        return
    k, y, x = i // (height * width), i // width % height, i % width
    there = is_within(mask, height, width, k, y, x)
    value = np.float32(0)
    if there or mask.shape[0] == 0:
        value = np.float32(affinities[k, y, x])
    out[k, y, x] = value
    if there and not (value >= 0 and value <= 1):
        cuda.atomic.min(bad, 0, i)


@rule
def is_within(mask, height, width, k, y, x):
    """Whether the step to the right (k = 0) or down (k = 1) stays in the image and the mask."""
    v, u = y + k, x + 1 - k
    if v >= height or u >= width:
        return False
    return mask.shape[0] == 0 or (mask[y, x] and mask[v, u])


@rule
def diagonal_affinity(affinities, mask, y, x, one):
    """Affinity of both diagonals of the square whose upper left pixel is (y, x).

    one : float32 or float64, 1 of the precision of the result
    """
    _, height, width = affinities.shape
    horizontal = one * affinities[0, y, x] + one * affinities[0, y + 1, x]  # exact products
    vertical = one * affinities[1, y, x] + one * affinities[1, y, x + 1]
    if mask.shape[0] == 0:
        return min(horizontal, vertical) / (one + one)
    if is_within(mask, height, width, 0, y, x) and is_within(mask, height, width, 0, y + 1, x):
        horizontal /= one + one
    if is_within(mask, height, width, 1, y, x) and is_within(mask, height, width, 1, y, x + 1):
        vertical /= one + one
    return min(horizontal, vertical)
