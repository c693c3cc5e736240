"""A stable sort on a GPU, by radix: 4 bits of the keys a pass, from the last to the first.

Each block counts the digits of its stretch; a prefix sum over digits, then blocks, says where each
block's entries of each digit go; within a block, threads follow each other, and entries within a
thread. So equal keys stay in their order, whatever the order of blocks.
"""

import numpy as np
from numba import cuda, int32

from ._cuda_scan import THREADS, prefix_sum, scan_block
from ._device import kernel
from .compilation import rule

_BITS = 4
_DIGITS = 1 << _BITS
_EACH = 8  # entries of a thread
_STRETCH = THREADS * _EACH
_TABLE = THREADS * _DIGITS


def sort_pairs(session, keys, values, n_bits):
    """Sort by ascending key; of equal keys, the first stays first.

    Parameters
    ----------
    session : Session
    keys : (n,) uint32 or uint64, on the GPU; overwritten
    values : (n,) int32 or uint32; overwritten
    n_bits : int, those of the keys that count, from the last on; all above are 0

    Returns
    -------
    keys, values : arrays on the GPU
        Sorted: those given, or scratch memory.
    """
    n = keys.shape[0]
    if n < 2:
        return keys, values
    n_blocks = -(-n // _STRETCH)
    scratch = session.allocate(
        "a sort",
        keys=((n,), keys.dtype),
        values=((n,), values.dtype),
        counts=((_DIGITS * n_blocks,), np.int32),
        starts=((_DIGITS * n_blocks + 1,), np.int64),
    )
    there = scratch.keys, scratch.values
    for shift in range(0, n_bits, _BITS):
        session.launch(_count_digits, n_blocks, THREADS, keys, shift, scratch.counts)
        prefix_sum(session, scratch.counts, scratch.starts)
        session.launch(
            _deal, n_blocks, THREADS, keys, values, shift, scratch.starts, there[0], there[1]
        )
        (keys, values), there = there, (keys, values)
    return keys, values


@rule
def _digit(key, shift):
    return np.int64(np.uint64(key) >> np.uint64(shift) & np.uint64(_DIGITS - 1))


@kernel
def _count_digits(keys, shift, counts):
    """Count the digits of each stretch; grid: a block a stretch.

    counts : OUT (16 * n_blocks,) int32, those of one digit next to each other
    """
    table = cuda.shared.array(_DIGITS, int32)
    i = cuda.threadIdx.x
    if i < _DIGITS:
        table[i] = 0
    cuda.syncthreads()
    first = cuda.blockIdx.x * _STRETCH
    for e in range(first + i, min(first + _STRETCH, keys.shape[0]), THREADS):
        digit = _digit(keys[e], shift)
        cuda.atomic.add(table, digit, 1)
    cuda.syncthreads()
    if i < _DIGITS:
        counts[i * cuda.gridDim.x + cuda.blockIdx.x] = table[i]


@kernel
def _deal(keys, values, shift, starts, keys_out, values_out):
    """Deal a stretch's entries out by their digits; grid: a block a stretch.

    starts : IN (16 * n_blocks + 1,) int64, prefix sum of the counts
    """
    table = cuda.shared.array(_TABLE, int32)
    smaller = cuda.shared.array(_DIGITS, int32)
    i = cuda.threadIdx.x
    first = cuda.blockIdx.x * _STRETCH + i * _EACH
    last = min(first + _EACH, keys.shape[0])
    for digit in range(_DIGITS):
        table[digit * THREADS + i] = 0
    for e in range(first, last):
        digit = _digit(keys[e], shift)
        table[digit * THREADS + i] += 1
    cuda.syncthreads()
    # a prefix sum over digits, then threads: each thread takes 16 entries
    own = np.int64(0)
    for j in range(_DIGITS):
        own += table[i * _DIGITS + j]
    before, _ = scan_block(own)
    for j in range(_DIGITS):
        count = table[i * _DIGITS + j]
        table[i * _DIGITS + j] = before
        before += count
    cuda.syncthreads()
    if i < _DIGITS:
        smaller[i] = table[i * THREADS]
    cuda.syncthreads()
    for e in range(first, last):
        digit = _digit(keys[e], shift)
        within = table[digit * THREADS + i] - smaller[digit]
        table[digit * THREADS + i] += 1
        to = starts[digit * cuda.gridDim.x + cuda.blockIdx.x] + within
        keys_out[to] = keys[e]
        values_out[to] = values[e]


@kernel
def find_places(keys, places):
    """Find where the entries of each key 0, 1, ... start, and where the last end; a thread a key.

    Parameters
    ----------
    keys : IN (n,) uint32, sorted
    places : OUT (n_keys + 1,) int32
    """
    key = cuda.grid(1)
    if key >= places.shape[0]:
        return
    low, high = np.int64(0), np.int64(keys.shape[0])
    while low < high:
        middle = (low + high) // 2
        if np.int64(keys[middle]) < key:
            low = middle + 1
        else:
            high = middle
    places[key] = low
