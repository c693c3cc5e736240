"""What the bottom-up view on the CPU and on CUDA share: nearest centres, and squared differences.

Centres are sorted into square cells; a pixel searches the cells around its own, ring by ring,
until no unseen cell can hold a centre nearer than the worst it has.
"""

import math
from collections import namedtuple

import numpy as np

from .._bits import times
from ..compilation import rule

Cells = namedtuple(
    "Cells",
    [
        "side",  # of a cell, in pixels
        "n_rows",
        "n_columns",
        "starts",  # (n_rows * n_columns + 1,) int, where each cell's members start
        "members",  # (K,) int, centres, cell by cell
    ],
)


def grid_of_cells(n_centers, height, width):
    """Side, rows and columns of cells: about one centre a cell, wherever they lie."""
    side = max(1.0, float(np.sqrt(height * width / n_centers)))
    return side, int(height / side) + 1, int(width / side) + 1


@rule
def cell_of(place, side, n):
    """The cell of a row or a column, of n."""
    return min(int(np.float64(place) / side), n - 1)


@rule
def find_nearest(y, x, centers, cells, best, nearest):
    """Find the Q spatially nearest centres of a pixel, nearest first; ties to the lower index.

    Parameters
    ----------
    y, x : int
    centers : IN (K, 2) float32
    cells : IN Cells
    best : OUT (Q,) float64, their squared distances, inf for none
    nearest : OUT (Q,) int32, -1 where there are fewer than Q centres
    """
    side, n_rows, n_columns = cells.side, cells.n_rows, cells.n_columns
    starts, members, n_neighbors = cells.starts, cells.members, best.shape[0]
    for q in range(n_neighbors):
        best[q] = math.inf
        nearest[q] = -1
    row, column = cell_of(y, side, n_rows), cell_of(x, side, n_columns)
    # how far the border of the pixel's cell is
    up, down = y - times(np.float64(row), side), times(np.float64(row + 1), side) - y
    left, right = x - times(np.float64(column), side), times(np.float64(column + 1), side) - x
    margin = min(min(up, down), min(left, right))
    for ring in range(max(n_rows, n_columns)):
        # what lies beyond ring - 1 is at least this far away
        reach = times(np.float64(ring - 1), side) + margin
        if ring > 0 and reach > 0 and times(reach, reach) > best[n_neighbors - 1]:
            break
        for r in range(max(row - ring, 0), min(row + ring, n_rows - 1) + 1):
            step = 1 if abs(r - row) == ring else max(2 * ring, 1)
            for c in range(column - ring, column + ring + 1, step):
                if c < 0 or c >= n_columns:
                    continue
                for m in range(starts[r * n_columns + c], starts[r * n_columns + c + 1]):
                    k = members[m]
                    dy, dx = np.float64(centers[k, 0]) - y, np.float64(centers[k, 1]) - x
                    distance = times(dy, dy) + times(dx, dx)
                    q = n_neighbors
                    while q > 0 and (
                        distance < best[q - 1] or (distance == best[q - 1] and k < nearest[q - 1])
                    ):
                        q -= 1
                    if q == n_neighbors:
                        continue
                    for s in range(n_neighbors - 1, q, -1):
                        best[s] = best[s - 1]
                        nearest[s] = nearest[s - 1]
                    best[q] = distance
                    nearest[q] = k


@rule
def place_apart(y, x, center, inverse):
    """The squared distance of a pixel and a centre (2,), in a unit of 1 / `inverse` pixels."""
    dy = times(np.float64(center[0]) - y, inverse)
    dx = times(np.float64(center[1]) - x, inverse)
    return np.float32(times(dy, dy) + times(dx, dx))
