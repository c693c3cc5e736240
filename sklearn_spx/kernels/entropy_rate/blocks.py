"""Entropy rate superpixels block by block, with the labels of the whole image, whatever the blocks.

A join changes the costs of edges at its two clusters alone, and costs only rise. So joins whose
clusters lie within a block, along edges that are the best of all at both, are those of the whole
image, and a block makes them by itself, in the order of cost, up to a depth. Blocks that lie
otherwise then make those across the sides of the first ones, deeper and deeper. What is left, the
last joins and those that wait for one another across a block, is a list of edges: those of the
least costs, as many as memory takes, are joined in one place, then the next ones.

    weigh each block -> Weighed ; greatest gain of all -> plan_blocks -> Plan
    rest.next_depth -> join_block of each block -> cluster and loop of each pixel, over and over
    census_of each block, list_edges of each block, by cost -> rest.join_rest -> labels

A cluster is known by one of its pixels, as row * width + column.
"""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .._grid import grid_of
from . import _cpu, _cpu_blocks, _cpu_weights
from ._rules import MOST_BALANCE
from ._weights import edge_weights

__all__ = [
    "N_STEPS",
    "RING",
    "Edges",
    "Plan",
    "Weighed",
    "around",
    "census_of",
    "greatest_gain",
    "join_block",
    "list_edges",
    "plan_blocks",
    "single_clusters",
    "weigh",
]

RING = 2  # pixels around a block that its weights and loops depend on
_TILES = 128, 4  # side of the first tiles of a block, and its growth
N_STEPS = 600  # of costs, by which edges are counted


class Plan(NamedTuple):
    """What all blocks need to know.

    Attributes
    ----------
    shape : tuple of two int
        Height and width of the whole image.

    n_segments : int
        Superpixels wanted.

    scale : tuple of three float
        The greatest entropy gain, the factor of the balancing term, and how many units of integer
        costs there are in a unit of gain.
    """

    shape: tuple[int, int]
    n_segments: int
    scale: tuple[float, float, float]


class Weighed(NamedTuple):
    """Edges of a block and of a ring of a pixel around it, where the image has one.

    Attributes
    ----------
    weights : ndarray of shape (H, W | 1, 2^bits), float64
        Of the block with its ring.

    loops : ndarray of shape (H * (W | 1),), float64
        Weights of the self-loops of its pixels before any join.

    offsets : ndarray of shape (d, 3), int64
        From a pixel to the ends of its edges.

    box, outer : tuple of four int
        First row and the one behind the last, and columns, of the block, and with its ring.
    """

    weights: NDArray[np.float64]
    loops: NDArray[np.float64]
    offsets: NDArray[np.int64]
    box: tuple[int, int, int, int]
    outer: tuple[int, int, int, int]

    @property
    def core(self) -> tuple[int, int, int, int]:
        """The box within the arrays."""
        top, bottom, left, right = self.box
        y, x = self.outer[0], self.outer[2]
        return top - y, bottom - y, left - x, right - x


class Edges(NamedTuple):
    """Edges between clusters, as a block lists them.

    Attributes
    ----------
    numbers : ndarray of shape (n,), int64
        Of the edges, in the order in which those of equal cost are joined.

    weights : ndarray of shape (n,), float64

    pixels, clusters : ndarray of shape (n, 2), int64
        The two pixels of each, and their clusters.

    loops : ndarray of shape (n, 2), float64
        Weights of the self-loops of the two.
    """

    numbers: NDArray[np.int64]
    weights: NDArray[np.float64]
    pixels: NDArray[np.int64]
    clusters: NDArray[np.int64]
    loops: NDArray[np.float64]

    def some(self, which: Any) -> "Edges":
        """Those of an index, in its order."""
        return Edges(*(part[which] for part in self))

    @classmethod
    def of_all(cls, parts: Iterable[Sequence[Any]]) -> "Edges":
        """Those of several lists."""
        return cls(*(np.concatenate(arrays) for arrays in zip(*parts)))


def around(box: Sequence[int], shape: Sequence[int], side: int) -> tuple[int, int, int, int]:
    """A box with as many pixels around it as there are, up to ``side``.

    Parameters
    ----------
    box : four int
        First row and the one behind the last, and columns.

    shape : two int
        Of the image.

    side : int
        Pixels.

    Returns
    -------
    box : tuple of four int
        The larger one.

    Examples
    --------
    >>> from sklearn_spx.kernels.entropy_rate.blocks import around
    >>> around((0, 8, 8, 16), (20, 17), 2)
    (0, 10, 6, 17)
    """
    top, bottom, left, right = box
    return (
        max(top - side, 0), min(bottom + side, shape[0]),
        max(left - side, 0), min(right + side, shape[1]),
    )  # fmt: skip


# --- of a block ---------------------------------------------------------------------------------


def weigh(
    shape: Sequence[int],
    box: tuple[int, int, int, int],
    connectivity: int,
    image: Any = None,
    affinities: Any = None,
    cells: Any = None,
    *,
    sigma: float = 5.0,
    regularity: float = 0.1,
) -> Weighed:
    """Weigh the edges of a block.

    Parameters
    ----------
    shape : two int
        Height and width of the whole image.

    box : tuple of four int
        The block.

    connectivity : {4, 8}
        Neighbours of a pixel.

    image, affinities, cells : ndarray or None
        As of :func:`~sklearn_spx.kernels.entropy_rate_superpixels`, of the block with `RING` pixels
        ``around`` it.

    sigma, regularity : float
        Likewise.

    Returns
    -------
    weighed : Weighed
        The edges.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_spx.kernels.entropy_rate.blocks import weigh
    >>> weigh((2, 9), (0, 2, 0, 3), 4, np.zeros((2, 5, 1))).outer
    (0, 2, 0, 4)
    """
    seen, outer = around(box, shape, RING), around(box, shape, 1)
    height, width = seen[1] - seen[0], seen[3] - seen[2]
    grid = grid_of((height, width), connectivity)
    weights = edge_weights(grid, image, sigma, affinities, cells, regularity)
    _cut(weights, width, grid)
    loops = _cpu.loops_of(weights, len(weights), grid.offsets)
    # those of the last ring are wrong, and have done their part
    rows = slice(outer[0] - seen[0], outer[1] - seen[0])
    columns = slice(outer[2] - seen[2], outer[3] - seen[2])
    loops = _odd(loops.reshape(weights.shape[:2])[rows, columns]).ravel()
    weights = _odd(weights[rows, columns])
    width = outer[3] - outer[2]
    _cut(weights, width, grid_of((len(weights), width), connectivity))
    return Weighed(weights, loops, grid.offsets, box, outer)


def greatest_gain(weighed: Weighed) -> float:
    """Greatest entropy gain of an edge of the block before any join.

    Parameters
    ----------
    weighed : Weighed
        The block.

    Returns
    -------
    gain : float
        That of the image is the greatest of all its blocks.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_spx.kernels.entropy_rate.blocks import greatest_gain, weigh
    >>> round(greatest_gain(weigh((1, 2), (0, 1, 0, 2), 4, np.zeros((1, 2, 1)))), 3)
    0.0
    """
    n_rows = len(weighed.weights)
    return _cpu.greatest_gain((0, n_rows), weighed.weights, n_rows, weighed.offsets, weighed.loops)


def plan_blocks(shape: Sequence[int], n_segments: int, balance: float, greatest: float) -> Plan:
    """Plan the work on all blocks.

    Parameters
    ----------
    shape : two int
        Height and width of the whole image.

    n_segments, balance : int, float
        As of :func:`~sklearn_spx.kernels.entropy_rate_superpixels`.

    greatest : float
        The greatest entropy gain of all blocks.

    Returns
    -------
    plan : Plan
        What all blocks need.

    Examples
    --------
    >>> from sklearn_spx.kernels.entropy_rate.blocks import plan_blocks
    >>> plan_blocks((30, 40), 5, 0.5, 6.0).n_segments
    5
    """
    height, width = (int(n) for n in shape)
    balance = min(balance, MOST_BALANCE)
    factor, unit = _cpu.scales_of(height * width, n_segments, balance, greatest)
    return Plan((height, width), n_segments, (float(greatest), float(factor), float(unit)))


def join_block(
    plan: Plan,
    weighed: Weighed,
    depth: float,
    clusters: NDArray[Any] | None = None,
    loops: NDArray[np.float64] | None = None,
) -> tuple[NDArray[np.int64], NDArray[np.float64], int, int]:
    """Make the joins of a block that need nothing from beyond it.

    Parameters
    ----------
    plan : Plan
        Of all blocks.

    weighed : Weighed
        The block.

    depth : float
        Joins are made of costs up to as many greatest gains.

    clusters, loops : ndarray of shape (H, W) or None
        Of the block with its ring, as they are; None: no joins are made yet.

    Returns
    -------
    clusters : int64 ndarray of shape (h, w)
        The cluster of each pixel of the block.

    loops : float64 ndarray of shape (h, w)
        The weights of their self-loops.

    n : int
        Clusters that are known by a pixel of the block.

    cost : int
        The greatest of a join, -1 without any.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_spx.kernels.entropy_rate import blocks
    >>> image = np.zeros((3, 6, 1))
    >>> image[:, 4:] = 255
    >>> block = blocks.weigh((3, 6), (0, 3, 0, 6), 8, image)
    >>> plan = blocks.plan_blocks((3, 6), 2, 0.5, blocks.greatest_gain(block))
    >>> clusters, loops, n, cost = blocks.join_block(plan, block, 1.0)
    >>> n
    2
    """
    tiles = _TILES if clusters is None else (0, 1)
    ids, loop, parent = _as_it_is(plan, weighed, clusters, loops)
    n_pixels = plan.shape[0] * plan.shape[1]
    cost = _cpu_blocks.join_block(
        weighed.weights, weighed.offsets, weighed.core, plan.scale, depth, tiles, n_pixels, loop,
        parent,
    )  # fmt: skip
    _cpu_blocks.write_ids(parent, weighed.outer, plan.shape[1], ids)
    a, b, c, d = weighed.core
    found, left_over = ids[a:b, c:d].copy(), loop.reshape(ids.shape)[a:b, c:d].copy()
    n = int(np.count_nonzero(found == single_clusters(weighed.box, plan.shape[1])))
    return found, left_over, n, int(cost)


def single_clusters(box: Sequence[int], image_width: int) -> NDArray[np.int64]:
    """Each pixel of a box as a cluster.

    Parameters
    ----------
    box : four int
        First row and the one behind the last, and columns.

    image_width : int
        Columns of the whole image.

    Returns
    -------
    clusters : int64 ndarray of shape (h, w)
        What each is known by.

    Examples
    --------
    >>> from sklearn_spx.kernels.entropy_rate.blocks import single_clusters
    >>> single_clusters((1, 3, 0, 2), 9).tolist()
    [[9, 10], [18, 19]]
    """
    top, bottom, left, right = box
    return np.arange(top, bottom, dtype=np.int64)[:, None] * image_width + np.arange(left, right)


def census_of(
    clusters: NDArray[Any] | None, box: Sequence[int], image_width: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Count the clusters of a block.

    Parameters
    ----------
    clusters : ndarray of shape (h, w) or None
        The cluster of each pixel; None: each is one.

    box : four int
        The block.

    image_width : int
        Columns of the whole image.

    Returns
    -------
    clusters : int64 ndarray of shape (n,)
        Those of the block, ascending.

    sizes, firsts : int64 ndarrays of shape (n,)
        Pixels of each in the block, and the first of them.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_spx.kernels.entropy_rate.blocks import census_of
    >>> [part.tolist() for part in census_of(np.array([[7, 3, 3]]), (1, 2, 2, 5), 9)]
    [[3, 7], [2, 1], [12, 11]]
    """
    if clusters is None:
        clusters = single_clusters(box, image_width)
    found, first, sizes = np.unique(clusters, return_index=True, return_counts=True)
    rows, columns = np.divmod(first, clusters.shape[1])
    firsts = (rows + box[0]) * image_width + columns + box[2]
    return found.astype(np.int64), sizes.astype(np.int64), firsts.astype(np.int64)


def list_edges(
    plan: Plan,
    weighed: Weighed,
    clusters: NDArray[Any] | None,
    loops: NDArray[np.float64] | None,
    bounds: tuple[int, int, int],
) -> tuple[Edges, NDArray[np.int64]]:
    """List the edges between clusters that begin in a block, by cost.

    Parameters
    ----------
    plan, weighed, clusters, loops
        As of :func:`join_block`.

    bounds : tuple of three int
        Costs from the first to below the second are listed; those beyond are counted in steps of
        the third. Costs are too small, where a cluster reaches out of sight.

    Returns
    -------
    edges : Edges
        The list.

    counts : int64 ndarray of shape (600,)
        Edges of the costs beyond, by step; all that follow in the last.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_spx.kernels.entropy_rate import blocks
    >>> block = blocks.weigh((1, 4), (0, 1, 0, 4), 4, np.array([[[0], [0], [99], [99]]]))
    >>> plan = blocks.plan_blocks((1, 4), 2, 0.5, blocks.greatest_gain(block))
    >>> edges, counts = blocks.list_edges(plan, block, None, None, (0, 2**62, 1))
    >>> edges.pixels.tolist()
    [[0, 1], [1, 2], [2, 3]]
    """
    ids, loop, parent = _as_it_is(plan, weighed, clusters, loops)
    given = weighed.weights, weighed.offsets, weighed.core, plan.scale, bounds, loop, parent
    counts = np.zeros(N_STEPS, np.int64)
    n = _cpu_blocks.list_edges(*given, np.empty((0, 2), np.int64), np.empty(0), counts)
    found, weights = np.empty((n, 2), np.int64), np.empty(n)
    if n:
        _cpu_blocks.list_edges(*given, found, weights, counts.copy())
    row, width = ids.shape[1], plan.shape[1]
    steps = weighed.offsets[:, 1] * row + weighed.offsets[:, 2]
    pixels = np.stack([found[:, 0], found[:, 0] + steps[found[:, 1]]], axis=1)
    y, x = np.divmod(pixels, row)
    names = (y + weighed.outer[0]) * width + x + weighed.outer[2]
    numbers = names[:, 0] * weighed.weights.shape[2] + found[:, 1]
    return Edges(numbers, weights, names, ids.ravel()[pixels], loop[pixels]), counts


def _cut(weights, width, grid):
    """Cut the edges that leave an image of so many columns."""
    inside = np.zeros(weights.shape[:2], bool)
    inside[:, :width] = True
    _cpu_weights.cut_edges((0, len(inside)), inside, len(inside), grid.offsets, weights)


def _odd(array, value=0):
    """A copy whose rows are an odd number of pixels, as those of weights are."""
    height, width = array.shape[:2]
    out = np.full((height, width | 1, *array.shape[2:]), value, array.dtype)
    out[:, :width] = array
    return out


def _as_it_is(plan, weighed, clusters, loops):
    """Clusters, loops and parents of a block and its ring, in rows as those of weights."""
    if clusters is None:
        clusters, loop = single_clusters(weighed.outer, plan.shape[1]), weighed.loops.copy()
    else:
        loop = _odd(loops).ravel()
    ids = _odd(clusters.astype(np.int64), -1)
    parent = np.empty(ids.size, np.int32)
    _cpu_blocks.find_roots(ids, weighed.outer, plan.shape[1], parent)
    far = np.flatnonzero(parent < 0)  # clusters that are known by a pixel out of sight
    _, first, of = np.unique(ids.ravel()[far], return_index=True, return_inverse=True)
    parent[far] = far[first][of]
    return ids, loop, parent
