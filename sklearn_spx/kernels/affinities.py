"""Affinities of neighbouring pixels: what is accepted, and those of diagonal neighbours."""

import numpy as np

from .checks import as_mask, as_standard

__all__ = ["affinities_shape", "as_affinities", "as_volume_affinities", "diagonal_affinities"]


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
    affinities_shape(affinities, name)
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


def affinities_shape(affinities, name="affinities", grid_axes=2):
    """Shape of the pixels that affinities are of, which are not looked at.

    Parameters
    ----------
    affinities : array-like of shape (2, height, width) or (3 or 13, depth, height, width)
        What is accepted with `grid_axes` of 2, and of 3.
    name : str, default="affinities"
        What messages call them.
    grid_axes : {2, 3}, default=2
        3 for those of a volume.

    Returns
    -------
    shape : tuple of two or three int
        Of an image, or of a volume.

    Raises
    ------
    ValueError
        If the shape is another.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_spx.kernels.affinities import affinities_shape
    >>> affinities_shape(np.ones((3, 2, 4, 5)), grid_axes=3)
    (2, 4, 5)
    """
    shape = np.shape(affinities)
    accepted, form = ((2,), "(2, height, width)")
    if grid_axes == 3:
        accepted, form = ((3, 13), "(3, depth, height, width), or (13, ...) with corners")
    if len(shape) != grid_axes + 1 or shape[0] not in accepted or 0 in shape:
        raise ValueError(f"{name} has shape {shape}; accepted is {form}")
    return shape[1:]


def as_volume_affinities(affinities, grid, mask=None, name="affinities"):
    """Check the affinities of a volume, one for each edge of a sample, and cast them to float32.

    Parameters
    ----------
    affinities : array-like of shape (d, depth, height, width)
        From 0 to 1, of each sample to the end of each edge; where that is outside, what they hold
        is not looked at.
    grid : Grid
        Of the volume, with d edges a sample.
    mask : array-like of shape (depth, height, width) or None, default=None
        False for samples to and from which affinities may be anything, as NaN.
    name : str, default="affinities"
        What messages call them.

    Returns
    -------
    affinities : ndarray of shape (d, depth, height, width), float32
        C-contiguous; 0 where an edge leaves the volume or the mask.

    Raises
    ------
    TypeError
        If the values are neither boolean, integer nor real.
    ValueError
        If there are not d, or a value that counts is not from 0 to 1.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_spx.kernels._grid import grid_of
    >>> from sklearn_spx.kernels.affinities import as_volume_affinities
    >>> as_volume_affinities(np.ones((3, 1, 1, 2)), grid_of((1, 1, 2), 6))[:, 0, 0].tolist()
    [[1.0, 0.0], [0.0, 0.0], [0.0, 0.0]]
    """
    affinities = np.asarray(affinities)
    if affinities.dtype.kind not in "buif":
        raise TypeError(f"{name} has dtype {affinities.dtype}; accepted are real numbers")
    n = len(grid.offsets)
    if len(affinities) != n:
        other = 26 if n == 3 else 6
        raise ValueError(
            f"{name} has shape {affinities.shape}, but with connectivity {2 * n} each sample has "
            f"{n}: give connectivity={other}, or {n} of them"
        )
    with np.errstate(over="ignore"):  # an overflow to infinity is bad below
        given = as_standard(affinities, np.float32)
    out = np.zeros(given.shape, np.float32)
    inside = np.ones(grid.shape, bool) if mask is None else as_mask(mask, grid.shape)
    for k, offset in enumerate(grid.offsets):
        here = tuple(slice(max(-o, 0), n - max(o, 0)) for o, n in zip(offset, grid.shape))
        there = tuple(slice(max(o, 0), n - max(-o, 0)) for o, n in zip(offset, grid.shape))
        counts, values = inside[here] & inside[there], given[k][here]
        bad = counts & ~((values >= 0) & (values <= 1))  # NaN is bad too
        if bad.any():
            at = np.argwhere(bad)[0]
            z, y, x = at + [part.start for part in here]
            raise ValueError(
                f"{name}[{k}] of slice {z}, row {y}, column {x} is {values[tuple(at)]}; accepted "
                "is 0 to 1"
            )
        out[k][here] = np.where(counts, values, np.float32(0))
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
