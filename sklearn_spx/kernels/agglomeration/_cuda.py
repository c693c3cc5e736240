"""Means along boundaries on a GPU: sums gathered in the CPU's order.

The steps over boundaries are listed in reading order and sorted by their edge, stably; then a
thread adds up what belongs to an edge.
"""

import numpy as np
from numba import cuda

from .._cuda_scan import prefix_sum
from .._cuda_sort import sort_pairs
from .._device import kernel
from ..compilation import rule

_EACH = 128


def boundary_means(session, labels, edges, lengths, values, out):
    """Write the mean of ``values`` along each edge into ``out`` (n_edges,) float64."""
    n_edges, n_pixels = edges.shape[0], labels.shape[0] * labels.shape[1]
    on = session.allocate(
        "boundary_means",
        counts=((n_pixels,), np.int32),
        places=((n_pixels + 1,), np.int64),
        starts=((n_edges + 1,), np.int64),
    )
    n_blocks = -(-n_pixels // _EACH)
    session.launch(count_steps, n_blocks, _EACH, labels, on.counts)
    prefix_sum(session, on.counts, on.places)
    prefix_sum(session, lengths, on.starts)
    n_steps = int(session.copy_out(on.places[n_pixels:])[0])
    if n_steps != int(session.copy_out(on.starts[n_edges:])[0]):
        raise ValueError("edges and lengths are not those of the labels")
    steps = session.allocate(
        "boundary_means", edge=((n_steps,), np.uint32), step=((n_steps,), np.int32)
    )
    session.launch(list_steps, n_blocks, _EACH, labels, edges, on.places, steps.edge, steps.step)
    _, sorted_steps = sort_pairs(session, steps.edge, steps.step, n_edges.bit_length())
    session.launch(sum_steps, -(-n_edges // _EACH), _EACH, values, on.starts, sorted_steps, out)


@kernel
def count_steps(labels, counts):
    """Count the steps over a boundary to the right and down; grid: a thread a pixel.

    Parameters
    ----------
    labels : IN (H, W) int32
    counts : OUT (H * W,) int32
    """
    p = cuda.grid(1)
    if p < counts.shape[0]:
        counts[p] = _is_step(labels, p, 0) + _is_step(labels, p, 1)


@kernel
def list_steps(labels, edges, places, edge, step):
    """List the steps in reading order; grid: a thread a pixel.

    Parameters
    ----------
    labels : IN (H, W) int32
    edges : IN (n_edges, 2), sorted
    places : IN (H * W + 1,) int64, prefix sum of the counts
    edge : OUT (n_steps,) uint32, the edge that a step crosses
    step : OUT (n_steps,) int32, twice the pixel, plus 1 if it leads down
    """
    p = cuda.grid(1)
    width = labels.shape[1]
    if p >= labels.shape[0] * width:
        return
    to = places[p]
    for down in range(2):
        if _is_step(labels, p, down):
            q = p + width if down else p + 1
            a, b = labels[p // width, p % width], labels[q // width, q % width]
            edge[to] = _find(edges, min(a, b), max(a, b))
            step[to] = 2 * p + down
            to += 1


@kernel
def sum_steps(values, starts, step, out):
    """Take the mean of each edge's steps, in their order; grid: a thread an edge.

    Parameters
    ----------
    values : IN (H, W), float32 or float64
    starts : IN (n_edges + 1,) int64
    step : IN (n_steps,) int32, by edge
    out : OUT (n_edges,) float64
    """
    e = cuda.grid(1)
    if e >= out.shape[0]:
        return
    width, total = values.shape[1], 0.0
    for i in range(starts[e], starts[e + 1]):
        p = np.int64(step[i] // 2)
        q = p + width if step[i] % 2 else p + 1
        total += (
            np.float64(values[p // width, p % width]) + np.float64(values[q // width, q % width])
        ) / 2.0
    out[e] = total / np.float64(starts[e + 1] - starts[e])


@rule
def _is_step(labels, p, down):
    """1 if the pixel to the right, or below, is of another region, and both are of one."""
    height, width = labels.shape
    y, x = p // width, p % width
    v, u = y + down, x + 1 - down
    if v >= height or u >= width:
        return 0
    return int(labels[y, x] >= 0 and labels[v, u] >= 0 and labels[y, x] != labels[v, u])


@rule
def _find(edges, a, b):
    """The place of an edge among those sorted."""
    low, high = np.int64(0), np.int64(edges.shape[0])
    while high - low > 1:
        middle = (low + high) // 2
        if edges[middle, 0] < a or (edges[middle, 0] == a and edges[middle, 1] <= b):
            low = middle
        else:
            high = middle
    return low
