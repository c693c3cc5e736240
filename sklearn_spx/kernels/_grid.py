"""Neighbours as data, so that images and volumes are one algorithm.

A volume of samples (D, H, W) is D * H rows, H of them a slice; an image is a volume of one slice.
Edges of a sample lead to half of its neighbours, which come after it: first those that share a
face, then the others of its slice, then those of the next, row by row. So the edges of a volume of
one slice are those of the image, in their order.
"""

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ._device import is_on_gpu, uses_gpu
from .checks import check_connectivity
from .compilation import rule

__all__ = ["Grid", "grid_of", "is_row", "relative_spacing", "stays_on_cpu"]

_FACES = [(0, 0, 1), (0, 1, 0), (1, 0, 0)]
_CORNERS = [(0, 1, 1), (0, 1, -1)] + [
    (1, y, x) for y in (-1, 0, 1) for x in (-1, 0, 1) if (y, x) != (0, 0)
]


class Grid(NamedTuple):
    """The samples of an image or a volume, and the edges of each.

    Attributes
    ----------
    shape : tuple of three int
        Depth, 1 of an image, height and width.

    offsets : ndarray of shape (d, 3), int64
        From a sample to the end of each of its edges: slices, rows, columns.

    squares : ndarray of shape (d,), float64
        Of the lengths of these edges, where the smallest spacing is 1.

    bits : int
        Of the number of an edge, those that tell the edges of a sample apart.
    """

    shape: tuple[int, int, int]
    offsets: NDArray[np.int64]
    squares: NDArray[np.float64]
    bits: int

    @property
    def axes(self) -> int:
        """3 of a volume, which may have one slice, 2 of an image."""
        return 3 if (self.offsets[:, 0] > 0).any() else 2

    @property
    def rows(self) -> NDArray[np.int64]:
        """Rows from a sample to the end of each of its edges."""
        return self.offsets[:, 0] * self.shape[1] + self.offsets[:, 1]

    @property
    def stretch(self) -> NDArray[np.float64]:
        """Length of each edge over that on a grid of one spacing."""
        return np.sqrt(self.squares / (self.offsets**2).sum(axis=1))

    def flat(self, array: Any, *more: int) -> Any:
        """A view (D * H, W, *more) of an array of all samples."""
        depth, height, width = self.shape
        return array.reshape(depth * height, width, *more)


def relative_spacing(spacing: tuple[float, ...] | None) -> tuple[float, float, float]:
    """Spacing of slices, rows and columns, in units of the smallest; 1 of an image's slices."""
    if spacing is None:
        return 1.0, 1.0, 1.0
    z, y, x = (value / min(spacing) for value in ((1.0,) * (3 - len(spacing)) + spacing))
    return z, y, x


def grid_of(shape: Any, connectivity: Any, spacing: tuple[float, ...] | None = None) -> Grid:
    """The grid of an image (H, W) or a volume (D, H, W) of a checked spacing."""
    corners = check_connectivity(connectivity, len(shape))
    offsets = [
        offset for offset in _FACES + _CORNERS * corners if len(shape) == 3 or offset[0] == 0
    ]
    away = np.array(offsets, np.int64)
    squares = ((away * relative_spacing(spacing)) ** 2).sum(axis=1)
    depth, height, width = (1,) * (3 - len(shape)) + tuple(int(n) for n in shape)
    return Grid((depth, height, width), away, squares, math.ceil(math.log2(len(offsets))))


def stays_on_cpu(so: bool, device: Any, **arrays: Any) -> bool:
    """Whether the work stays on the CPU, if so; raise where a GPU is asked for all the same."""
    if not so:
        return False
    there = [name for name, array in arrays.items() if is_on_gpu(array)]
    if device == "cuda" or there:
        found = "device is 'cuda'" if device == "cuda" else f"{there[0]} lies on a GPU"
        raise ValueError(
            f"{found}; volumes, and images with spacing, are worked on by the CPU: give "
            "device='cpu' and arrays of numpy"
        )
    uses_gpu("cpu" if device in (None, "auto") else device)  # raises for what is no device
    return True


@rule
def is_row(row, offset, height, n_rows):
    """Whether there is a row, in its slice, at the end of an edge of samples of ``row``."""
    y = row % height + offset[1]
    return 0 <= y < height and row + offset[0] * height + offset[1] < n_rows
