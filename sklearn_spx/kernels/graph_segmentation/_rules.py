"""Weights of edges between pixels, on the CPU and on a GPU."""

import math

import numpy as np
from numba.extending import register_jitable

from .._bits import times


@register_jitable
def add_square(total, a, b):
    """Add the squared difference of two values of a channel."""
    d = a - b
    return total + times(d, d)


@register_jitable
def difference(image, y, x, v, u):
    """Euclidean distance of the colours of (y, x) and (v, u)."""
    total = np.float32(0)
    for c in range(image.shape[2]):
        total = add_square(total, image[y, x, c], image[v, u, c])
    return np.float32(math.sqrt(total))
