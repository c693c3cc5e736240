"""Weights of edges between pixels, on the CPU and on a GPU."""

import math

import numpy as np

from .._bits import times
from ..compilation import rule


@rule
def add_square(total, a, b):
    """Add the squared difference of two values of a channel."""
    d = a - b
    return total + times(d, d)


@rule
def difference(image, y, x, v, u):
    """Euclidean distance of the colours of (y, x) and (v, u)."""
    total = np.float32(0)
    for c in range(image.shape[2]):
        total = add_square(total, image[y, x, c], image[v, u, c])
    return np.float32(math.sqrt(total))
