"""A sequence of files that are read when they are indexed."""

import copy
from collections.abc import Sequence

import numpy as np

__all__ = ["LazyFiles"]


class LazyFiles(Sequence):
    """What ``read`` makes of each of ``paths``, read on access and never kept.

    An integer reads one file. A slice, and a list or array of integers or booleans, gives another
    unread sequence. ``shape`` is there for scikit-learn, whose splitters index objects that have
    one by ``X[indices, ...]`` and copy all others into a list.
    """

    def __init__(self, paths, read):
        self.paths = list(paths)
        self.read = read

    def __len__(self):
        return len(self.paths)

    @property
    def shape(self):
        return (len(self.paths),)

    def __getitem__(self, key):
        if isinstance(key, tuple) and len(key) == 2 and key[1] is Ellipsis:
            key = key[0]
        if isinstance(key, slice):
            return self._of(self.paths[key])
        if isinstance(key, (list, np.ndarray)) and np.ndim(key) == 1:
            chosen = np.arange(len(self))[np.asarray(key, dtype=None if len(key) else int)]
            return self._of([self.paths[i] for i in chosen])
        return self._read(self.paths[key])

    def _of(self, paths):
        chosen = copy.copy(self)
        chosen.paths = paths
        return chosen

    def _read(self, path):
        try:
            return self.read(path)
        except Exception as error:  # each format has its own ways to be broken
            raise OSError(f"cannot read {path}: {error}") from error

    def __repr__(self):
        if not self.paths:
            return "LazyFiles of no file"
        return f"LazyFiles of {len(self)}: {self.paths[0]}, ..."
