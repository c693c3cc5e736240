"""Whether SLIC takes an image for RGB that is to be converted to Lab."""

import numpy as np

from ..checks import full_scale


def is_8bit_rgb(shape, dtype, convert2lab):
    """Whether an image is RGB to be converted whatever its values; also checks `convert2lab`."""
    if convert2lab is not None and not isinstance(convert2lab, (bool, np.bool_)):
        raise TypeError(f"convert2lab must be None, True or False, got {convert2lab!r}")
    never = convert2lab is not None and not convert2lab
    return len(shape) == 3 and shape[2] == 3 and 0 not in shape and dtype == np.uint8 and not never


def rgb_scale_of(n_channels, dtype, convert2lab, span):
    """The value of full intensity if an image is RGB to be converted, or None.

    Parameters
    ----------
    n_channels : int
    dtype : numpy dtype of the image as it was given
    convert2lab : bool or None
    span : function that returns the least and the greatest value inside the mask
    """
    if convert2lab and n_channels != 3:
        raise ValueError(f"convert2lab=True needs an image of 3 channels, found {n_channels}")
    never = convert2lab is not None and not convert2lab
    if n_channels != 3 or never or (convert2lab is None and dtype.kind == "b"):
        return None
    full, (low, high) = full_scale(dtype), span()
    if low >= 0 and high <= full:
        return full
    if convert2lab:
        raise ValueError(
            f"image holds values from {low} to {high}; RGB of dtype {dtype} goes from 0 to {full}"
        )
    return None
