"""Affine transforms from pixels to coordinates of a map."""

import numpy as np


def affine_of(transform):
    """(a, b, c, d, e, f) of a transform, which must not flatten the image."""
    numbers = np.asarray(tuple(transform), np.float64)
    if numbers.shape not in ((6,), (9,)) or not np.isfinite(numbers).all():
        raise ValueError(f"transform is {transform!r}; accepted are 6 finite numbers")
    if numbers[6:].tolist() not in ([], [0, 0, 1]):
        raise ValueError(f"transform is {transform!r}, whose last row is not 0, 0, 1: not affine")
    a, b, c, d, e, f = numbers[:6].tolist()
    if a * e == b * d:
        raise ValueError(f"transform is {transform!r}, which maps the image to a line")
    return a, b, c, d, e, f
