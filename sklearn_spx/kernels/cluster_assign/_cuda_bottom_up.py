"""Algorithm 1 on a GPU: pixels in lists, and what they choose by in arrays of the caller's kind.

The host asks what chooses, block by block. All it reads is at the end: how many choices were wrong,
and the clusters' features, of which it takes the spread.
"""

from types import SimpleNamespace

import numpy as np
from numba import cuda

from .. import _cuda_checks
from .._clustering import QUARTERS, start_at
from .._cuda_common import fill, for_each, gather
from .._cuda_sort import sort_pairs
from .._device import is_on_gpu, kernel
from ..connectivity import connect
from . import _choice
from ._cuda import accumulate, cells_of, compare, find_neighbors

# Pixels that choose at once: as many threads keep a GPU busy, and what a net makes of them, some
# kilobytes a pixel, stays below half a gigabyte.
_BLOCK = 2**16
_OUTSIDE = np.uint32(len(QUARTERS))  # where pixels outside the mask are listed


def bottom_up(session, image, mask, n_segments, seeds, choose, max_iter, n_neighbors, alike):
    """Labels of `cluster_assign.bottom_up`, as an array of the caller's kind.

    Parameters
    ----------
    session : Session
    image, mask : as in `cluster_assign.bottom_up`
    n_segments, max_iter, n_neighbors : int
    seeds : as in `cluster_assign.bottom_up`
    choose : as in `cluster_assign.bottom_up`
    alike : float, of the spread of the clusters' features
    """
    image, mask, here = _read(session, image, mask)
    height, width, n_channels = image.shape
    start = start_at(seeds, (height, width), n_segments, here)
    n_clusters = len(start.seeds)
    lists = _list(session, (height, width), mask, here, start.stride)
    n_inside = lists[-1].shape[0]
    own_labels, labels = session.new_result((height, width), np.int32)
    own_means, means = session.new_result((n_clusters, n_channels), np.float32)
    on = session.allocate(
        "bottom_up",
        places=(start.places.shape[:2], np.int64),
        centers=((n_clusters, 2), np.float32),
        counts=((n_clusters,), np.int64),
        clusters=((n_inside,), np.uint32),
        pixels=((n_inside,), np.int32),
        wrong=((2,), np.int64),
    )
    rows, columns = np.moveaxis(np.floor(start.places + 0.5).astype(np.int64), 2, 0)
    session.copy_in(np.ascontiguousarray(rows * width + columns), on.places)
    session.copy_in(start.seeds.astype(np.float32), on.centers)
    for_each(session, n_clusters * n_channels, gather_means, image, on.places, means)
    for_each(session, 2, fill, on.wrong, 0)
    block = _Block(session, min(n_inside, _BLOCK), n_neighbors, n_channels)
    for iteration in range(max_iter):
        last = iteration == max_iter - 1
        pixels = lists[-1] if last else lists[iteration % (len(lists) - 1)]
        n = pixels.shape[0]
        with session.scope():
            cells = cells_of(session, on.centers, height, width)
            for first in range(0, n, _BLOCK):
                part = slice(first, min(first + _BLOCK, n))
                seen = pixels[part]
                own, there = block.of(seen.shape[0])
                _compare(session, image, seen, means, on.centers, start.step, cells, there)
                chosen = choose(own.values, own_means, own.neighbors, own.differences)
                chosen = _view(session, chosen, there.neighbors.shape)
                for_each(
                    session, seen.shape[0], join,
                    seen, chosen, there.neighbors, n_clusters, on.clusters[part], on.pixels[part],
                    on.wrong,
                )  # fmt: skip
            if not last:
                accumulate(
                    session, image, on.pixels[:n], on.clusters[:n], means, on.centers, on.counts
                )
    _choice.report(*map(int, session.copy_out(on.wrong)), n_neighbors - 1)
    for_each(session, height * width, fill, labels.reshape(height * width), -1)
    for_each(session, n_inside, write_labels, on.pixels, on.clusters, labels)
    spread = np.sqrt(session.copy_out(means).var(axis=0, dtype=float).sum())
    connect(labels, start.min_size, start.n_segments, means, alike * float(spread), session=session)
    return session.result(own_labels)


def _read(session, image, mask):
    """Image and mask on the GPU, and the mask on the host, where seeds are placed."""
    raw, here = _cuda_checks.raw_image_of(session, image), None
    _cuda_checks.check_size(raw.shape[:2], "image")
    if mask is not None:
        mask = _cuda_checks.mask_of(session, mask, raw.shape[:2])
        here = session.copy_out(mask)
    return _cuda_checks.image_of(session, raw, mask), mask, here


def _list(session, shape, mask, here, stride):
    """Pixels inside the mask, int32: lists of each part of a stride, in reading order, and of all.

    The list of all holds one part after the other.
    """
    n = shape[0] * shape[1]
    on = session.allocate(
        "bottom_up", parts=((n,), np.uint32), pixels=((n,), np.int32), none=((1, 1), np.bool_)
    )
    inside = on.none[:0] if mask is None else mask
    for_each(session, n, list_pixels, inside, shape[1], stride, on.parts, on.pixels)
    _, pixels = sort_pairs(session, on.parts, on.pixels, int(_OUTSIDE).bit_length())
    lists, first = [], 0
    for part in QUARTERS[: stride**2]:
        rows, columns = range(part // 2, shape[0], stride), range(part % 2, shape[1], stride)
        size = len(rows) * len(columns)
        if here is not None:
            size = int(np.count_nonzero(here[part // 2 :: stride, part % 2 :: stride]))
        lists.append(pixels[first : first + size])
        first += size
    return [*lists, pixels[:first]]


class _Block:
    """What the pixels of a block choose by: arrays of the caller's kind, and as kernels see them.

    Parameters
    ----------
    session : Session
    n, n_neighbors, n_channels : int
    """

    def __init__(self, session, n, n_neighbors, n_channels):
        self._best = session.allocate("bottom_up", best=((n_neighbors, n), np.float64)).best
        self._arrays = {
            "values": session.new_result((n, n_channels), np.float32),
            "neighbors": session.new_result((n, n_neighbors), np.int32),
            "differences": session.new_result((n, n_neighbors, n_channels + 1), np.float32),
        }

    def of(self, n):
        """Those of the first n pixels, of both kinds."""
        own, there = (
            SimpleNamespace(**{name: pair[kind][:n] for name, pair in self._arrays.items()})
            for kind in (0, 1)
        )
        there.best = self._best
        return own, there


def _compare(session, image, pixels, means, centers, step, cells, block):
    """Write what the pixels of a block choose by."""
    n, width = pixels.shape[0], image.shape[1]
    for_each(session, n * image.shape[2], gather, image, pixels, block.values)
    for_each(session, n, find_neighbors, pixels, width, centers, cells, block.best, block.neighbors)
    compare(
        session, image, pixels, means, centers, np.float32(step), block.neighbors,
        block.differences,
    )  # fmt: skip


def _view(session, chosen, shape):
    """What `choose` returned of neighbours of a shape, as kernels see it."""
    if not is_on_gpu(chosen):
        raise TypeError(
            f"choose returned an object of {type(chosen)}, which is not on the GPU; it gets arrays "
            "that are, and is to return one"
        )
    chosen = session.view(chosen, "what choose returned")
    _choice.check(chosen, shape)
    return chosen


@kernel
def gather_means(image, places, means):
    """Mean of some pixels a cluster; grid: a thread a channel of each.

    Parameters
    ----------
    image : IN (H, W, C) float32
    places : IN (K, m) int64
    means : OUT (K, C) float32
    """
    e = cuda.grid(1)
    width, n_channels, m = image.shape[1], image.shape[2], places.shape[1]
    if e < means.shape[0] * n_channels:
        k, c = e // n_channels, e % n_channels
        total = np.float32(0)
        for j in range(m):
            total += image[places[k, j] // width, places[k, j] % width, c]
        means[k, c] = total * np.float32(1 / m)


@kernel
def list_pixels(mask, width, stride, parts, pixels):
    """List pixels and the part of a stride that each is in, by its turn; grid: a thread a pixel.

    Parameters
    ----------
    mask : IN (H, W) bool, or (0, 1)
    width, stride : int
    parts : OUT (H * W,) uint32, the last number for what is outside
    pixels : OUT (H * W,) int32
    """
    p = cuda.grid(1)
    if p >= pixels.shape[0]:
        return
    y, x = p // width, p % width
    pixels[p] = p
    part = np.uint32(0)
    if mask.shape[0] > 0 and not mask[y, x]:
        part = _OUTSIDE
    elif stride == 2:
        for turn in range(len(QUARTERS)):
            if QUARTERS[turn] == y % 2 * 2 + x % 2:
                part = np.uint32(turn)
    parts[p] = part


@kernel
def join(seen, chosen, neighbors, n_clusters, clusters, pixels, wrong):
    """Write the cluster that each pixel chose; grid: a thread a pixel.

    Parameters
    ----------
    seen : IN (n,) int32
    chosen : IN (n,) int
    neighbors : IN (n, Q) int32
    n_clusters : int
    clusters : OUT (n,) uint32, `n_clusters` where the choice is wrong
    pixels : OUT (n,) int32, a copy of `seen`
    wrong : INOUT (2,) int64, choices of what is no neighbour, and of one that is not there
    """
    i = cuda.grid(1)
    if i >= seen.shape[0]:
        return
    pixels[i] = seen[i]
    q, cluster = np.int64(chosen[i]), np.int64(n_clusters)
    if q < 0 or q >= neighbors.shape[1]:
        cuda.atomic.add(wrong, 0, 1)
    elif neighbors[i, q] < 0:
        cuda.atomic.add(wrong, 1, 1)
    else:
        cluster = np.int64(neighbors[i, q])
    clusters[i] = np.uint32(cluster)


@kernel
def write_labels(pixels, clusters, labels):
    """Write the cluster of each pixel of a list; labels : OUT (H, W) int32; a thread a pixel."""
    i = cuda.grid(1)
    if i < pixels.shape[0]:
        width = labels.shape[1]
        labels[pixels[i] // width, pixels[i] % width] = np.int32(clusters[i])
