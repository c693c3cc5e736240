"""What the region statistics come in."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class RegionStatistics(NamedTuple):
    """Statistics of regions 0 .. n - 1, in pixels; rows come before columns, slices before rows.

    Attributes
    ----------
    area : ndarray of shape (n,), int64
        Pixels.

    bbox : ndarray of shape (n, 4), int64
        First row, first column, and the row and column behind the last. Of volumes (n, 6), slices
        first.

    centroid : ndarray of shape (n, 2), float64
        Mean row and column; of volumes (n, 3).

    covariance : ndarray of shape (n, 3), float64
        Variance of the rows, covariance, variance of the columns: the upper half of the matrix,
        row by row. Of volumes (n, 6).

    mean, std, low, high : ndarray of shape (n, channels), float64
        Mean, standard deviation, least and greatest value of each channel; the last three have 0
        channels where they were not asked for.
    """

    area: NDArray[np.int64]
    bbox: NDArray[np.int64]
    centroid: NDArray[np.float64]
    covariance: NDArray[np.float64]
    mean: NDArray[np.float64]
    std: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
