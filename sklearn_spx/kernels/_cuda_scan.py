"""Prefix sums of integers on a GPU: where each entry's part of a list starts.

Each block sums up a stretch, the sums are summed up in turn, and each block then goes through its
stretch again from where it starts. Sums of integers are the same in any order.
"""

import numpy as np
from numba import cuda, int64

from ._device import device_function, kernel

THREADS = 128
_EACH = 8  # entries of a thread, one after the other
_STRETCH = THREADS * _EACH


def prefix_sum(session, counts, starts):
    """Sum up all counts before each entry.

    Parameters
    ----------
    session : Session
    counts : IN (n,), any integers or bool, on the GPU
    starts : OUT (n + 1,) int32 or int64; the last is the sum of all. May not be `counts`
    """
    n = counts.shape[0]
    n_blocks = -(-n // _STRETCH)
    if n_blocks <= 1:
        session.launch(_scan_stretches, 1, THREADS, counts, starts[:0], starts)
        return
    with session.scope():
        scratch = session.allocate(
            "a prefix sum", sums=((n_blocks,), np.int64), before=((n_blocks + 1,), np.int64)
        )
        session.launch(_sum_stretches, n_blocks, THREADS, counts, scratch.sums)
        prefix_sum(session, scratch.sums, scratch.before)
        session.launch(_scan_stretches, n_blocks, THREADS, counts, scratch.before, starts)


@device_function
def scan_block(own):
    """Sum of what the threads before this one of a block of `THREADS` give, and of all.

    Parameters
    ----------
    own : int64

    Returns
    -------
    before, total : int64
    """
    sums = cuda.shared.array(THREADS, int64)
    i = cuda.threadIdx.x
    cuda.syncthreads()  # an earlier call may still be reading
    sums[i] = own
    step = 1
    while step < THREADS:
        cuda.syncthreads()
        more = sums[i - step] if i >= step else np.int64(0)
        cuda.syncthreads()
        sums[i] += more
        step *= 2
    cuda.syncthreads()
    return sums[i] - own, sums[THREADS - 1]


@kernel
def _sum_stretches(counts, sums):
    """Sum up each stretch; sums : OUT (n_blocks,) int64; grid: a block a stretch."""
    first = cuda.blockIdx.x * _STRETCH + cuda.threadIdx.x * _EACH
    own = np.int64(0)
    for i in range(first, min(first + _EACH, counts.shape[0])):
        own += np.int64(counts[i])
    _, total = scan_block(own)
    if cuda.threadIdx.x == 0:
        sums[cuda.blockIdx.x] = total


@kernel
def _scan_stretches(counts, before, starts):
    """Write the sums; grid: a block a stretch, at least one.

    before : IN (n_blocks + 1,) int64, sum of all stretches before each, or (0,) where there is one
    """
    n = counts.shape[0]
    first = cuda.blockIdx.x * _STRETCH + cuda.threadIdx.x * _EACH
    own = np.int64(0)
    for i in range(first, min(first + _EACH, n)):
        own += np.int64(counts[i])
    sum_before, total = scan_block(own)
    at = np.int64(0)
    if before.shape[0] > 0:
        at = before[cuda.blockIdx.x]
    if cuda.threadIdx.x == 0 and cuda.blockIdx.x == cuda.gridDim.x - 1:
        starts[n] = at + total
    at += sum_before
    for i in range(first, min(first + _EACH, n)):
        starts[i] = at
        at += np.int64(counts[i])
