"""What several kernels on a GPU need: a thread an entry, and disjoint sets that all build."""

import numpy as np
from numba import cuda

from ._device import device_function, kernel
from ._disjoint_set import root
from .compilation import rule

THREADS = 128
_CHUNK = 32  # pixels along a row that one thread goes through


def for_each(session, n, kernel, *args):
    """Run a kernel with a thread an entry."""
    session.launch(kernel, -(-n // THREADS), THREADS, *args)


@kernel
def fill(array, value):
    """Write one value everywhere; array : OUT (n,); grid: a thread an entry."""
    i = cuda.grid(1)
    if i < array.shape[0]:
        array[i] = value


@kernel
def gather(image, places, out):
    """Copy some pixels; places : IN (n,) int; out : OUT (n, C); a thread a channel of each."""
    e = cuda.grid(1)
    n_channels, width = image.shape[2], image.shape[1]
    if e < out.shape[0] * n_channels:
        i, c = e // n_channels, e % n_channels
        out[i, c] = image[places[i] // width, places[i] % width, c]


@device_function
def unite(parent, a, b):
    """Join two trees whose roots are their least members, while others do so too.

    Parameters
    ----------
    parent : INOUT (n,) int32, a root being its own parent
    a, b : int64
    """
    while True:
        a, b = root(parent, a), root(parent, b)
        if a == b:
            return
        a, b = min(a, b), max(a, b)
        old = cuda.atomic.min(parent, b, a)
        if old == b:
            return
        b = np.int64(old)  # another has joined it meanwhile


@rule
def stretch(labels, y, x):
    """Pixels of one label from (y, x) on, if it is the first of a stretch; else 0.

    Stretches end with their row, and each 32 columns, so that none keeps a thread busy for long.
    """
    if x % _CHUNK > 0 and labels[y, x - 1] == labels[y, x]:
        return np.int64(0)
    end = x + 1
    while end < labels.shape[1] and end % _CHUNK > 0 and labels[y, end] == labels[y, x]:
        end += 1
    return np.int64(end - x)


@rule
def start_of_stretch(labels, y, x):
    """The first column of the stretch that (y, x) is in."""
    while x % _CHUNK > 0 and labels[y, x - 1] == labels[y, x]:
        x -= 1
    return x
