"""sRGB to CIE Lab (D65 white, 2 degree observer) in float32.

The transfer curve is a table (exact for 8-bit values, else linear between 4,097 nodes, which errs
by less than 1e-7); the cube root is Halley's iteration. The result agrees with float64 to 1e-3.
"""

import numpy as np

from .._device import is_on_gpu, open_session, uses_gpu
from ..checks import as_image, full_scale
from . import _cpu
from ._cpu import lab_block
from ._rules import N_STEPS, TABLE, TABLE_8BIT, lab, linear_light

__all__ = ["N_STEPS", "TABLE", "TABLE_8BIT", "lab", "lab_block", "linear_light", "rgb_to_lab"]


def rgb_to_lab(image, *, device=None):
    """Convert an sRGB image to CIE Lab.

    Parameters
    ----------
    image : array-like of shape (height, width, 3)
        uint16 is on a scale to 65535, other integers to 255, floats to 1; what lies beyond the
        scale counts as its nearest end. Or an array on a GPU: a CUDA tensor of torch, or whatever
        else has ``__cuda_array_interface__``.
    device : {"cpu", "cuda", "auto"}, default=None
        Where to work; the values are the same, bit by bit. "auto" is "cuda" if there is a GPU;
        None is where the image lies.

    Returns
    -------
    lab : ndarray, or array on the GPU of the image's kind, of shape (height, width, 3), float32
        L from 0 to 100, a and b about 0.

    Raises
    ------
    TypeError, ValueError
        If the image has a wrong type or shape, or values that are not finite, or if there is no
        GPU where `device` asks for one.
    MemoryError
        If the GPU has too little memory.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_spx.kernels.color import rgb_to_lab
    >>> rgb_to_lab(np.uint8([[[255, 0, 0]]])).round().tolist()
    [[[53.0, 80.0, 67.0]]]
    """
    if uses_gpu(device, image=image):
        return _on_gpu(image)
    dtype = np.asarray(image).dtype
    image = as_image(image)
    _check_shape(image.shape)
    out = np.empty(image.shape, np.float32)
    full = np.float32(full_scale(dtype))
    step = np.float32(N_STEPS / full_scale(dtype))
    _cpu.pixels_to_lab(image.reshape(-1, 3), full, step, out.reshape(-1, 3))
    return out


def _on_gpu(image):
    """`rgb_to_lab` of an array that is on a GPU or goes there."""
    from . import _cuda

    if not is_on_gpu(image):
        full = full_scale(np.asarray(image).dtype)
        image = as_image(image)
    with open_session(image) as session:
        if is_on_gpu(image):
            view = session.view(image, "image")
            full = full_scale(view.dtype)
            _check_shape(view.shape)
        else:
            _check_shape(image.shape)
            view = session.allocate("rgb_to_lab", image=(image.shape, np.float32)).image
            session.copy_in(image, view)
        own, out = session.new_result(view.shape, np.float32)
        n_bad = _cuda.convert(session, view, full, out)
        if n_bad:
            raise ValueError(f"image holds {n_bad} values that are NaN, infinite or beyond float32")
        return session.result(own)


def _check_shape(shape):
    if len(shape) != 3 or shape[2] != 3 or 0 in shape:
        raise ValueError(f"image has shape {tuple(shape)}; accepted is (height, width, 3)")
