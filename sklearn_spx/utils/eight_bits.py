"""Weights in 8 bits: each row a whole number from -127 to 127, times a scale of the row's own.

A row is what makes one output of a layer. Beside a tensor of int8, "NAME", stand its scales as
float32, "NAME:scale"; both become one tensor of float32 where a file is read.
"""

import numpy as np

__all__ = ["restored", "rounded"]

_SCALE = ":scale"
_LARGE = 1000  # numbers; smaller tensors stay as they are


def rounded(arrays):
    """Round the weights among arrays to 8 bits.

    Parameters
    ----------
    arrays : dict of str to ndarray
        Those of float32, two axes and more, and more than a thousand numbers are rounded.

    Returns
    -------
    arrays : dict of str to ndarray
        In their place int8, and their scales beside.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_spx.utils.eight_bits import rounded
    >>> found = rounded({"weight": np.full((2, 600), [[0.5], [3]], np.float32)})
    >>> {name: (array.dtype.name, array.shape) for name, array in found.items()}
    {'weight': ('int8', (2, 600)), 'weight:scale': ('float32', (2,))}
    """
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
    """Undo what ``rounded`` did, but for the rounding.

    Parameters
    ----------
    arrays : dict of str to ndarray
        Of a file.

    Returns
    -------
    arrays : dict of str to ndarray
        Tensors of 8 bits with scales as float32, without the scales.

    Raises
    ------
    ValueError
        If scales fit no tensor of 8 bits, or a number would be infinite; the message names them.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_spx.utils.eight_bits import restored, rounded
    >>> found = restored(rounded({"weight": np.full((2, 600), [[0.5], [3]], np.float32)}))
    >>> found["weight"][:, 0]
    array([0.5, 3. ], dtype=float32)
    """
    out = dict(arrays)
    for name in [name for name in arrays if name.endswith(_SCALE)]:
        scale, of = out.pop(name), name.removesuffix(_SCALE)
        array = arrays.get(of)
        if array is None or array.dtype != np.int8 or array.ndim < 1:
            raise ValueError(f"tensor {name!a:.80} stands beside no tensor of int8")
        if scale.dtype != np.float32 or scale.shape != (len(array),):
            raise ValueError(
                f"tensor {name!a:.80} is {scale.dtype} of shape {scale.shape}; accepted is "
                f"float32 of shape {(len(array),)}"
            )
        with np.errstate(over="ignore"):
            out[of] = array * _along_rows(scale, array)
        if not np.isfinite(out[of]).all():
            raise ValueError(f"tensor {name!a:.80} is too great: numbers become infinite")
    return out


def _along_rows(scale, array):
    return scale.reshape(-1, *[1] * (array.ndim - 1))
