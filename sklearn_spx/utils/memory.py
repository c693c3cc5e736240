"""Memory that the C library keeps after it was freed."""

import ctypes
import sys
from functools import cache

__all__ = ["give_back"]

_LARGE = 2**24  # bytes of an array from which on it is worth the milliseconds


def give_back(n_bytes: int) -> None:
    """Have the C library give memory that was freed back to the system, after work by strips.

    glibc keeps it where what is still used lies above it: strips of maps, some MB each, leave more
    than an image takes. Other libraries give it back by themselves, or cannot be asked.

    Parameters
    ----------
    n_bytes : int
        Of what was made by strips; nothing is done for little.

    Examples
    --------
    >>> from sklearn_spx.utils.memory import give_back
    >>> give_back(100_000_000)
    """
    if n_bytes >= _LARGE and _trim() is not None:
        _trim()(0)


@cache
def _trim():
    """The function of glibc, or None."""
    if not sys.platform.startswith("linux"):
        return None
    return getattr(ctypes.CDLL(None), "malloc_trim", None)
