"""Weights of the edges of a grid: the loops over pixels."""

import numpy as np

from .._grid import is_row
from ..compilation import inner, njit
from ._rules import colour_weight, is_border

_U = np.uint64  # an index without a sign spares numba the test for a negative one


@njit(allocates=True)
def weigh_colours(rows, image, height, offsets, squares, factor, least, beside, weights):
    """Write exp(factor d^2 l^2), d the sum of absolute differences, l the length of the edge.

    Parameters
    ----------
    rows : two int, the first one whose edges are weighed, and the one behind the last
    image : IN (R, W, C) float32
    height : int, rows of a slice
    offsets : IN (d, 3) int64
    squares : IN (d,) float64, of the lengths
    factor, least : float, `least` the least weight
    beside : bool, whether weights are there, to be multiplied by these
    weights : INOUT (R, >= W, >= d) float64; edges that leave the image are left alone
    """
    n_rows, width, n_channels = image.shape
    of_row = np.empty(width)
    for row in range(rows[0], rows[1]):
        for k in range(offsets.shape[0]):
            if is_row(row, offsets[k], height, n_rows):
                other, right = row + offsets[k, 0] * height + offsets[k, 1], offsets[k, 2]
                start, stop = max(-right, 0), width - max(right, 0)
                for x in range(start, stop):
                    d = 0.0
                    for c in range(n_channels):
                        here, there = image[row, x, c], image[other, x + right, c]
                        d += abs(np.float64(here) - np.float64(there))
                    of_row[x] = d
                _weigh(of_row[start:stop], squares[k], factor, least)
                for x in range(start, stop):
                    w = of_row[x]
                    weights[row, x, k] = max(weights[row, x, k] * w, least) if beside else w


@inner
def _weigh(values, square, factor, least):
    """Replace distances by weights: apart, so that it becomes vectors."""
    for i in range(values.size):
        values[_U(i)] = colour_weight(values[_U(i)], square, factor, least)


@njit
def weaken(rows, cells, height, offsets, factor, least, weights):
    """Multiply the weights of edges between two cells.

    Parameters
    ----------
    rows : two int, as of `weigh_colours`
    cells : IN (R, W) int32
    height, offsets : as of `weigh_colours`
    factor, least : float, `least` the least weight
    weights : INOUT (R, >= W, >= d) float64; edges that leave the image are left alone
    """
    n_rows, width = cells.shape
    for row in range(rows[0], rows[1]):
        for k in range(offsets.shape[0]):
            if is_row(row, offsets[k], height, n_rows):
                other, right = row + offsets[k, 0] * height + offsets[k, 1], offsets[k, 2]
                for x in range(max(-right, 0), width - max(right, 0)):
                    if is_border(cells[row, x], cells[other, x + right]):
                        weights[row, x, k] = max(weights[row, x, k] * factor, least)


@njit
def cut_edges(rows, inside, height, offsets, weights):
    """Set to 0 the weights of edges that leave the image or the mask, and of those there are not.

    Parameters
    ----------
    rows : two int, as of `weigh_colours`
    inside : IN (R, W) bool
    height, offsets : as of `weigh_colours`
    weights : INOUT (R, W, >= d) float64
    """
    n_rows, width = inside.shape
    for row in range(rows[0], rows[1]):
        for k in range(weights.shape[2]):
            if k >= offsets.shape[0] or not is_row(row, offsets[k], height, n_rows):
                weights[row, :, k] = 0
                continue
            other, right = row + offsets[k, 0] * height + offsets[k, 1], offsets[k, 2]
            for x in range(width):
                there = 0 <= x + right < width and inside[row, x] and inside[other, x + right]
                if not there:
                    weights[row, x, k] = 0
