"""One image on several threads: bands of its rows, one a thread.

Compiled functions hold no lock, so that plain threads run them side by side. Whatever bands share
is integers, or sums that are exact in any order, so that no number of threads shows in a result.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Self

__all__ = ["Bands"]


class Bands:
    """Threads for the bands of an image; a context manager, which ends them.

    Parameters
    ----------
    n_threads : int
        At most so many bands. 1: none is started.

    Examples
    --------
    >>> from sklearn_spx.kernels._bands import Bands
    >>> found = [None, None]
    >>> def work(band, first, stop):
    ...     found[band] = first, stop
    >>> with Bands(2) as bands:
    ...     bands.run(work, 5)
    2
    >>> found
    [(0, 2), (2, 5)]
    """

    def __init__(self, n_threads: int = 1) -> None:
        self.n_threads = n_threads
        self._pool: ThreadPoolExecutor | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        if self._pool is not None:
            self._pool.shutdown()
            self._pool = None

    def ends(self, n_rows: int) -> list[int]:
        """Where the bands of so many rows start, and where the last one ends."""
        n = max(1, min(self.n_threads, n_rows))
        return [n_rows * i // n for i in range(n + 1)]

    def run(self, work: Callable[[int, int, int], object], n_rows: int) -> int:
        """Call ``work(band, first row, row after the last)`` of each band; return how many."""
        ends = self.ends(n_rows)
        n = len(ends) - 1
        if n > 1 and self._pool is None:
            self._pool = ThreadPoolExecutor(self.n_threads - 1)
        others = [
            self._pool.submit(work, i, ends[i], ends[i + 1])
            for i in range(1, n)
            if self._pool is not None
        ]
        try:
            work(0, ends[0], ends[1])
        finally:  # none goes on writing when this returns
            for other in others:
                other.exception()
        for other in others:
            other.result()
        return n


ONE_BAND = Bands(1)
