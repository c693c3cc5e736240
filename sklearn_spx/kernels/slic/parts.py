"""An image of many channels that goes part by part as it is cut into tiles.

Its tiles take as much memory as the image. So that both are never there as a whole, rows that were
cut are given back. Parts are large, for C libraries take memory for a large array from the system,
and give it back when the array goes.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..checks import as_image
from ._sample import turn_to

__all__ = ["Parts"]

_PART = 2**25  # bytes at least
_ROWS = 16  # of a part, or a multiple: rows of whole tiles


class Parts:
    """An image of features, given by strips of rows, for one call of `slic_quiet`.

    Parameters
    ----------
    shape : two int
        Height and width.

    mask : bool ndarray of shape (height, width) or None, default=None
        False for pixels that may hold anything: they become 0.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_spx.kernels.slic import slic_quiet
    >>> from sklearn_spx.kernels.slic.parts import Parts
    >>> parts = Parts((1, 4))
    >>> parts.add(np.array([[[0], [0], [0], [1]]]))
    >>> slic_quiet(parts, 2, compactness=10, convert2lab=False)
    array([[0, 0, 1, 1]], dtype=int32)
    """

    def __init__(self, shape: Sequence[int], mask: NDArray[np.bool_] | None = None) -> None:
        self._shape, self._mask = (int(shape[0]), int(shape[1])), mask
        self._parts: list[Any] = []
        self._row, self._each = 0, 0

    def add(self, strip: Any) -> None:
        """Add the next rows.

        Parameters
        ----------
        strip : array-like of shape (n_rows, width, n_channels)
            They are copied, unless they are all rows.
        """
        (height, width), row = self._shape, self._row
        mask = None if self._mask is None else self._mask[row : row + len(strip)]
        strip = as_image(strip, mask=mask)
        self._row += len(strip)
        if len(strip) == height:
            self._parts, self._each = [strip], height
            return
        if not self._parts:
            of_row = strip[0].nbytes
            self._each = -(-_PART // (of_row * _ROWS)) * _ROWS
        while len(strip):
            there = row % self._each
            if there == 0:
                n_rows = min(self._each, height - row)
                self._parts.append(np.empty((n_rows, width, strip.shape[2]), np.float32))
            n = min(len(strip), self._each - there)
            self._parts[-1][there : there + n] = strip[:n]
            row, strip = row + n, strip[n:]

    @property
    def shape(self) -> tuple[int, int, int]:
        """Height, width and channels."""
        if self._row != self._shape[0]:
            raise ValueError(f"{self._row} of {self._shape[0]} rows were added")
        return (*self._shape, self._parts[0].shape[2])

    def pixels(self, places: NDArray[np.int64]) -> NDArray[np.float32]:
        """Some pixels.

        Parameters
        ----------
        places : int64 ndarray of shape (n,)
            Flat indices, ascending.

        Returns
        -------
        pixels : float32 ndarray of shape (n, n_channels)
            Copies of them.
        """
        size = self._each * self._shape[1]
        ends = np.searchsorted(places, size * np.arange(len(self._parts) + 1))
        return np.concatenate(
            [
                part.reshape(-1, part.shape[2])[places[first:last] - i * size]
                for i, (part, first, last) in enumerate(zip(self._parts, ends, ends[1:]))
            ]
        )

    def turn(self, axes: NDArray[np.float32]) -> None:
        """Turn the pixels to axes.

        Parameters
        ----------
        axes : float32 ndarray of shape (n_channels, n)
            As of `_sample.principal_axes`.
        """
        for i, part in enumerate(self._parts):
            self._parts[i] = turn_to(axes, part)

    def let_go(self) -> Iterator[tuple[int, NDArray[np.float32]]]:
        """Yield each part and its first row; it goes when the next is asked for."""
        for i in range(len(self._parts)):
            yield i * self._each, self._parts[i]
            self._parts[i] = None
