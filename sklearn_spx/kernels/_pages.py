"""Memory of arrays whose values were used for the last time, given back before the arrays go."""

import ctypes
import mmap
import sys
from functools import cache
from typing import Any

from numpy.typing import NDArray

__all__ = ["let_go"]

_LARGE = 2**22  # bytes from which on it is worth a call


def let_go(array: NDArray[Any]) -> None:
    """Give the memory of an array back to the system, on Linux; its values are lost.

    Parameters
    ----------
    array : C-contiguous ndarray
        Or a slice of one. Nothing is done for a small one.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_spx.kernels._pages import let_go
    >>> let_go(np.empty(2**24))
    """
    if array.nbytes < _LARGE or _madvise() is None:
        return
    start, page = array.ctypes.data, mmap.PAGESIZE
    first, stop = -(-start // page) * page, (start + array.nbytes) // page * page
    _madvise()(ctypes.c_void_p(first), ctypes.c_size_t(stop - first), mmap.MADV_DONTNEED)


@cache
def _madvise():
    """The system's function, or None."""
    if not sys.platform.startswith("linux"):
        return None
    return getattr(ctypes.CDLL(None), "madvise", None)
