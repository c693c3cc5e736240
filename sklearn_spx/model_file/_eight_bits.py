"""Weights in 8 bits: each row a whole number from -127 to 127, times a scale of the row's own.

A row is what makes one output of a layer. Beside a tensor of int8, "NAME", stand its scales as
float32, "NAME:scale"; both become one tensor of float32 where a file is read.
"""

import numpy as np

from ..utils.tensor_file import shown

_SCALE = ":scale"
_LARGE = 1000  # numbers; smaller tensors stay as they are


def rounded(arrays):
    """Return the arrays with float32 weights of more than a thousand numbers in 8 bits."""
    out = {}
    for name, array in arrays.items():
        out[name] = array
        if array.dtype == np.float32 and array.ndim > 1 and array.size > _LARGE:
            scale = np.abs(array.reshape(len(array), -1)).max(1) / np.float32(127)
            scale[scale == 0] = 1
            out[name] = np.rint(array / _along_rows(scale, array)).astype(np.int8)
            out[name + _SCALE] = scale
    return out


def restored(arrays):
    """Return the arrays with those in 8 bits as float32; ValueError if scales do not fit."""
    out = dict(arrays)
    for name in [name for name in arrays if name.endswith(_SCALE)]:
        scale, of = out.pop(name), name.removesuffix(_SCALE)
        array = arrays.get(of)
        if array is None or array.dtype != np.int8 or array.ndim < 1:
            raise ValueError(f"tensor {shown(name)} stands beside no tensor of int8")
        if scale.dtype != np.float32 or scale.shape != (len(array),):
            raise ValueError(
                f"tensor {shown(name)} is {scale.dtype} of shape {scale.shape}; accepted is "
                f"float32 of shape {(len(array),)}"
            )
        with np.errstate(over="ignore"):
            out[of] = array * _along_rows(scale, array)
        if not np.isfinite(out[of]).all():
            raise ValueError(f"tensor {shown(name)} is too great: numbers become infinite")
    return out


def _along_rows(scale, array):
    return scale.reshape(-1, *[1] * (array.ndim - 1))
