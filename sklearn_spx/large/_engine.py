"""Work on all blocks by dask: whatever scheduler is set, threads if none is."""

from copy import copy
from itertools import islice

from ..utils.progress import progress_bar

_BATCH = 4  # tasks a worker that are under way before their results are taken


class Engine:
    """Calls functions for each block, shows how far it is, and keeps what is done."""

    def __init__(self, journal, n_blocks, verbose):
        self.journal, self.n_blocks = journal, n_blocks
        self.bar = progress_bar(total=0, verbose=verbose, desc="segment_array", unit="block")

    def with_journal(self, journal):
        """The same engine, and bar, of a work that is part of it and has a journal of its own."""
        other = copy(self)
        other.journal = journal
        return other

    def add_phase(self, n=None):
        """Make room in the bar for one more pass, over n parts; None is all blocks."""
        self.bar.total = (self.bar.total or 0) + (self.n_blocks if n is None else n)

    def each(self, phase, function, arguments, blocks=None, *, keep=True):
        """Yield (k, result), a tuple of arrays, of each block; ``arguments(k)`` are its arguments.

        Results come as they are needed: few are in memory at once. ``blocks`` are those to work
        on, and None all; those that are done already are read where they are kept.
        """
        import dask

        todo = iter(range(self.n_blocks) if blocks is None else blocks)
        while chunk := list(islice(todo, _BATCH * _n_workers())):
            found = {k: self.journal.get(phase, k) if keep else None for k in chunk}
            left = [k for k in chunk if found[k] is None]
            tasks = [dask.delayed(function, pure=False)(*arguments(k)) for k in left]
            for k, result in zip(left, dask.compute(*tasks) if tasks else ()):
                if keep:
                    self.journal.put(phase, k, result)
                found[k] = result
            for k in chunk:
                yield k, found.pop(k)
                if blocks is None:
                    self.bar.update()


def _n_workers():
    from dask.system import CPU_COUNT

    try:
        from distributed import get_client

        return max(1, sum(get_client().nthreads().values()))
    except (ImportError, ValueError):  # it is not installed, or there is no client
        return CPU_COUNT
