"""One image on several threads: bands of its rows, one a thread.

Compiled functions hold no lock, so that plain threads run them side by side. Whatever bands share
is integers, or sums that are exact in any order, so that no number of threads shows in a result.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, Self

from ._turns import Turns

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
        others = [self._submit(work, i, ends[i], ends[i + 1]) for i in range(1, n)]
        try:
            work(0, ends[0], ends[1])
        finally:  # none goes on writing when this returns
            for other in others:
                other.exception()
        for other in others:
            other.result()
        return n

    @contextmanager
    def turns(
        self, work: Callable[[Any, int, int, int], bool], n_rows: int
    ) -> Iterator[Callable[[Callable[[int, int], object]], object]]:
        """Threads for work of many short turns; a context manager, which ends them.

        Parameters
        ----------
        work : callable
            ``work(counts, band, first row, row after the last)`` of each band but the first takes
            turns, compiled, as `_turns.next_turn` has them.

        n_rows : int
            Of all bands.

        Yields
        ------
        take : callable
            ``take(own)`` opens a turn, calls ``own(first row, row after the last)`` of the first
            band, and returns when all bands are done.
        """
        ends = self.ends(n_rows)
        n = len(ends) - 1
        if n == 1:
            yield lambda own: own(ends[0], ends[1])
            return
        turns = Turns(n - 1)

        others: list[Future[object]] = []

        def follow(band: int, first: int, stop: int) -> None:
            turns.follow(lambda counts: work(counts, band, first, stop))

        def take(own: Callable[[int, int], object]) -> None:
            turns.open()
            own(ends[0], ends[1])
            if not turns.wait(lambda: any(other.done() for other in others)):
                for other in others:
                    if other.done():
                        other.result()  # its error
                raise RuntimeError("a thread has ended before its work was done")

        try:
            for i in range(1, n):
                others.append(self._submit(follow, i, ends[i], ends[i + 1]))
            yield take
        finally:  # also if not all threads could be started
            turns.close()
            for other in others:
                other.exception()
        for other in others:
            other.result()

    def _submit(self, work: Callable[..., object], *arguments: int) -> "Future[object]":
        if self._pool is None:
            self._pool = ThreadPoolExecutor(self.n_threads - 1)
        return self._pool.submit(work, *arguments)


ONE_BAND = Bands(1)
