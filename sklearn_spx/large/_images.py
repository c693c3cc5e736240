"""From the pixels of a block to what SLIC's kernels take, as the estimator does for an image.

What depends on the whole image, as whether it is an 8-bit picture, is found out first, over all
blocks; what is left to do is done pixel by pixel.
"""

from collections import namedtuple

import numpy as np

from ..kernels.checks import as_image, as_standard
from ..kernels.slic import blocks
from ..utils.images import check_finite
from ..utils.scale import as_bands, as_colour, given_range, kind_of, range_of, seen

Reading = namedtuple(
    "Reading",
    [
        "value_range",  # black and white, or None: values count as they are
        "eight_bit",  # whether the whole image is an 8-bit picture
        "rgb_scale",  # the value of full intensity if it is RGB to be converted, or None
        "axes",  # (C, n) float32 that many channels are turned to, or None
    ],
)


def survey_block(image, value_range, name):
    """Least and greatest value of a block, and whether it is an 8-bit picture: three arrays."""
    check_finite(image, name, way_out="put numbers in their place")
    low, high = np.array(image.min()), np.array(image.max())
    if value_range is None:  # not known before all blocks are seen
        return low, high, np.array(True)
    return low, high, np.array(seen(image, value_range, None, name).dtype == np.uint8)


def known_range(estimator, dtype):
    """Black and white of images of a dtype, if they need no look at the image; else None."""
    kind = kind_of(dtype)
    ranges = vars(estimator).get("_ranges", {})
    if kind in ("bool", "uint8") or kind in ranges:
        pixel = np.zeros((1, 1), dtype)
        return given_range(estimator.value_range) or range_of(pixel, ranges, "array")
    return given_range(estimator.value_range)


def natural_range(extremes, name):
    """Black and white by the dtype, of an image whose least and greatest values are these."""
    return range_of(extremes, {}, name)


def prepare(image, reading, name):
    """A block as the kernel takes it: (h, w, C), uint8 or float32, C-contiguous."""
    check_finite(image, name, way_out="put numbers in their place")
    if reading.value_range is not None:
        image = seen(image, reading.value_range, None, name, eight_bit=reading.eight_bit)
        image = as_bands(image) if reading.rgb_scale is None else as_colour(image)
    if reading.rgb_scale == 255:
        return as_standard(image, np.uint8)
    image = as_image(image)
    return image if reading.axes is None else blocks.turn_to(reading.axes, image)
