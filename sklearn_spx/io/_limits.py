"""No file may ask for more memory than an image can need."""

import math

from PIL import Image

PLANES = 16  # of the largest image that Pillow opens: what an array of many bands may have


def check_size(n_pixels, found):
    """Raise ValueError where an image has more pixels than Pillow's limit."""
    limit = Image.MAX_IMAGE_PIXELS
    if limit is not None and n_pixels > limit:
        raise ValueError(
            f"{found} has {n_pixels} pixels, more than the {limit} of PIL.Image.MAX_IMAGE_PIXELS; "
            "if you trust the file, set that to None and read it again"
        )


def check_shape(shape, found):
    """Raise ValueError where an array has more values than any image."""
    limit = Image.MAX_IMAGE_PIXELS
    if limit is not None and math.prod(shape) > PLANES * limit:
        raise ValueError(
            f"{found} has {math.prod(shape)} values, more than {PLANES} times the {limit} of "
            "PIL.Image.MAX_IMAGE_PIXELS; if you trust the file, set that to None and read it again"
        )
