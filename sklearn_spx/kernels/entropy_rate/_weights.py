"""Weights of the edges of a grid, from colours, affinities and cells."""

import numpy as np

from .._bands import ONE_BAND
from ..affinities import as_affinities, as_volume_affinities, diagonal_affinities
from ..checks import as_image, as_labels, as_mask
from . import _cpu_weights
from ._rules import LEAST_WEIGHT

_ROWS = 64  # whose diagonals are found at once


def edge_weights(grid, image, sigma, affinities, cells, regularity, mask=None, bands=ONE_BAND):
    """Weights (D * H, W | 1, 2^bits) float64 of the edges of a grid; of no edge, anything.

    image, affinities, cells, mask : arrays or None, one of the first two given
    bands : Bands, threads
    """
    shape = grid.shape if grid.axes == 3 else grid.shape[1:]
    weights = (
        _no_weights(grid) if affinities is None else affinity_weights(affinities, grid, mask, bands)
    )
    if image is not None:
        image = grid.flat(as_image(image, mask=mask, axes=grid.axes), -1)
        how = grid.shape[1], grid.offsets, grid.squares, colour_factor(sigma), LEAST_WEIGHT

        def weigh(band, first, stop):
            _cpu_weights.weigh_colours((first, stop), image, *how, affinities is not None, weights)

        bands.run(weigh, len(weights))
    if cells is not None:
        cells = grid.flat(as_labels(cells, "cells", shape))
        factor = 1.0 - regularity

        def weaken(band, first, stop):
            how = grid.shape[1], grid.offsets, factor, LEAST_WEIGHT
            _cpu_weights.weaken((first, stop), cells, *how, weights)

        bands.run(weaken, len(weights))
    return weights


def colour_factor(sigma):
    """Factor of squared distances of colours in the exponent."""
    sigma = min(max(sigma, 1e-100), 1e100)  # no difference of float32 values tells more
    return -1 / (2 * (3 * sigma) ** 2)


def _no_weights(grid):
    """Weights of 0.

    A row is an odd number of pixels: rows of 2^n would fight for the same lines of the cache.
    """
    depth, height, width = grid.shape
    return np.zeros((depth * height, width | 1, 1 << grid.bits))


def affinity_weights(affinities, grid, mask=None, bands=ONE_BAND):
    """Weights of the edges from affinities alone."""
    weights = _no_weights(grid)
    if grid.axes == 3:
        for k, given in enumerate(as_volume_affinities(affinities, grid, mask)):
            weights[:, : grid.shape[2], k] = grid.flat(given)
        return np.maximum(weights, LEAST_WEIGHT, out=weights)
    affinities = as_affinities(affinities, mask=mask)
    if mask is not None:
        mask = as_mask(mask, affinities.shape[1:])
    has_diagonals = len(grid.offsets) == 4

    def weigh(band, first, stop):
        for start in range(first, stop, _ROWS):
            rows = slice(start, min(start + _ROWS, stop))
            _weigh_rows(affinities, mask, has_diagonals, rows, weights)

    bands.run(weigh, len(weights))
    return weights


def _weigh_rows(affinities, mask, has_diagonals, rows, weights):
    """Write the weights of the edges that begin in some rows of an image."""
    width, of_rows = affinities.shape[2], weights[rows]
    of_rows[:, : width - 1, 0] = affinities[0, rows, :-1]
    down = affinities[1, rows][: len(weights) - 1 - rows.start]  # the last row has none below
    of_rows[: len(down), :width, 1] = down
    near = slice(rows.start, rows.stop + 1)  # a diagonal leads to the next one
    if has_diagonals and (mask is None or mask[near].any()):
        given = affinities[:, near].astype(np.float64)
        diagonal = diagonal_affinities(given, None if mask is None else mask[near])
        diagonal /= np.sqrt(2)
        of_rows[: len(diagonal), : width - 1, 2] = diagonal
        of_rows[: len(diagonal), 1:width, 3] = diagonal
    np.maximum(of_rows, LEAST_WEIGHT, out=of_rows)
