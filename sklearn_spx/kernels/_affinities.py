"""Affinities of the 8-neighbour graph from those of the 4-neighbour graph."""

import numpy as np


def as_affinities(affinities, name="affinities"):
    """Return affinities as a float32 C-contiguous (2, H, W) array in [0, 1].

    [0] is to the right neighbour, [1] to the lower one; the last column of [0] and the last row
    of [1] lead nowhere, and what they hold is not looked at.
    """
    affinities = np.asarray(affinities)
    if affinities.dtype.kind not in "buif":
        raise TypeError(f"{name} has dtype {affinities.dtype}; accepted are real numbers")
    if affinities.ndim != 3 or affinities.shape[0] != 2 or affinities.size == 0:
        raise ValueError(f"{name} has shape {affinities.shape}; accepted is (2, height, width)")
    out = np.ascontiguousarray(affinities, dtype=np.float32)
    for part, direction in ((out[0, :, :-1], "right"), (out[1, :-1], "lower")):
        bad = ~((part >= 0) & (part <= 1))  # NaN is bad too
        if bad.any():
            y, x = np.argwhere(bad)[0]
            raise ValueError(
                f"{name} to the {direction} neighbour of row {y}, column {x} is "
                f"{part[y, x]}; accepted is 0 to 1"
            )
    return out


def diagonal_affinities(affinities):
    """The weaker mean of the two horizontal and the two vertical affinities of a pixel square.

    Returns (H - 1, W - 1) float32, for both diagonals of the square whose upper left pixel it is.
    """
    right, lower = affinities
    horizontal = (right[:-1, :-1] + right[1:, :-1]) * np.float32(0.5)
    vertical = (lower[:-1, :-1] + lower[:-1, 1:]) * np.float32(0.5)
    return np.minimum(horizontal, vertical)
