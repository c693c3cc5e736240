"""Affinities of neighbouring pixels: what is accepted, and those of diagonal neighbours."""

import numpy as np

from .checks import as_mask, as_standard

__all__ = ["as_affinities", "diagonal_affinities"]


def as_affinities(affinities, name="affinities", mask=None):
    """Check affinities and cast them to float32, copied only if needed.

    Parameters
    ----------
    affinities : array-like of shape (2, height, width)
        From 0 to 1, [0] of each pixel to its right neighbour, [1] to the lower one. The last
        column of [0] and the last row of [1] lead nowhere, and what they hold is not looked at.
    name : str, default="affinities"
        What messages call them.
    mask : array-like of shape (height, width) or None, default=None
        False for pixels to and from which affinities may be anything, as NaN: they become 0.

    Returns
    -------
    affinities : ndarray of shape (2, height, width), float32
        C-contiguous.

    Raises
    ------
    TypeError
        If the values are neither boolean, integer nor real.
    ValueError
        If the shape is another, or a value that counts is not from 0 to 1.

    Examples
    --------
    >>> from sklearn_spx.kernels.affinities import as_affinities
    >>> as_affinities([[[0.5, 9]], [[9, 9]]]).shape
    (2, 1, 2)
    """
    affinities = np.asarray(affinities)
    if affinities.dtype.kind not in "buif":
        raise TypeError(f"{name} has dtype {affinities.dtype}; accepted are real numbers")
    if affinities.ndim != 3 or affinities.shape[0] != 2 or affinities.size == 0:
        raise ValueError(f"{name} has shape {affinities.shape}; accepted is (2, height, width)")
    with np.errstate(over="ignore"):  # an overflow to infinity is bad below
        out = as_standard(affinities, np.float32)
    if mask is not None:
        out = np.where(_within(as_mask(mask, out.shape[1:])), out, np.float32(0))
    for part, direction in ((out[0, :, :-1], "right"), (out[1, :-1], "lower")):
        bad = ~((part >= 0) & (part <= 1))  # NaN is bad too
        if bad.any():
            y, x = np.argwhere(bad)[0]
            raise ValueError(
                f"{name} to the {direction} neighbour of row {y}, column {x} is "
                f"{part[y, x]}; accepted is 0 to 1"
            )
    return out


def _within(mask):
    """Whether both ends lie within the mask: (2, H, W), as the affinities."""
    within = np.zeros((2, *mask.shape), bool)
    within[0, :, :-1] = mask[:, :-1] & mask[:, 1:]
    within[1, :-1] = mask[:-1] & mask[1:]
    return within


def diagonal_affinities(affinities, mask=None):
    """Return the affinities of diagonal neighbours.

    Parameters
    ----------
    affinities : ndarray of shape (2, height, width), float32
        What :func:`as_affinities` returns.
    mask : array-like of shape (height, width) or None, default=None
        The mask it was given: means are of the affinities within it, 0 where there is none.

    Returns
    -------
    diagonal : ndarray of shape (height - 1, width - 1), float32
        Of both diagonals of the square of four pixels that has the upper left one here: the
        smaller mean of its two horizontal and its two vertical affinities.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_spx.kernels.affinities import diagonal_affinities
    >>> affinities = np.float32([[[0.5, 0], [0.25, 0]], [[1, 0.75], [0, 0]]])
    >>> diagonal_affinities(affinities).tolist()
    [[0.375]]
    """
    right, lower = affinities
    horizontal = right[:-1, :-1] + right[1:, :-1]
    vertical = lower[:-1, :-1] + lower[:-1, 1:]
    if mask is None:
        return np.minimum(horizontal, vertical) * np.float32(0.5)
    right, lower = _within(as_mask(mask, affinities.shape[1:])).astype(affinities.dtype)
    horizontal /= np.maximum(right[:-1, :-1] + right[1:, :-1], 1)
    vertical /= np.maximum(lower[:-1, :-1] + lower[:-1, 1:], 1)
    return np.minimum(horizontal, vertical)
