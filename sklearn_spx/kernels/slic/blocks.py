"""SLIC block by block, with the labels of the whole image, whatever the blocks.

All that goes from block to block is sums over pixels, which are exact in any order, and so the
same. An image is cut into tiles (`_tiles`), and a block is some of them: it starts at a multiple
of a tile's side. The steps, of which the caller hands round what a block gives and gets:

plan_blocks -> plan
look at each block -> greatest sum, colours at its seeds -> first_centres
max_iter - 1 times: sum_block of each block -> move_centres
assign_block -> clusters of each pixel
"""

from collections import namedtuple
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .._clustering import QUARTERS, start_at
from ..compilation import njit
from . import _cpu, _rules, _tiles
from ._sample import axes_and_planes, turn_to
from ._scale import MOST, factors_of, roots_of

__all__ = [
    "Centres",
    "Plan",
    "assign_block",
    "centres_of_block",
    "choose_planes_of",
    "first_centres",
    "look_at_block",
    "move_centres",
    "plan_blocks",
    "seeds_of_block",
    "sum_block",
    "turn_to",
]

Plan = namedtuple(
    "Plan",
    [
        "shape",  # height and width of the whole image
        "side",  # of a tile; blocks start at multiples of it
        "stride",
        "step",  # of the grid of seeds
        "seeds",  # (K, 2) float64
        "min_size",  # pixels below which a superpixel joins a neighbour in the end
        "n_segments",
        "compactness",
        "rgb_scale",  # the value of full intensity if the image is RGB to be converted, or None
        "planes",  # of `_sample.choose_planes`
        "spatial",  # float32, factor of the squared distance in pixels
        "contrast",  # float32, first factor of that in colour
        "max_iter",
        "slic_zero",
    ],
)
Centres = namedtuple(
    "Centres",
    [
        "places",  # (K, 2 + P) float32, row, column and planes
        "contrast",  # (K,) float32, factor of the colour distance to each
        "farthest",  # (K,) float32, greatest squared colour distance seen, or empty
        "grid",  # float, of `_rules.sum_grid`
    ],
)


def choose_planes_of(
    take: Callable[[int], NDArray[Any]],
    rgb_scale: int | None,
    weights: ArrayLike | None,
    n_channels: int,
) -> tuple[NDArray[np.float32] | None, Any]:
    """What becomes a plane, as :func:`~sklearn_spx.kernels.slic` decides it.

    Parameters
    ----------
    take : function of a number
        Returns the pixels (n, C) of about its square, at ``_sample.sample_places``.

    rgb_scale : int or None
        The value of full intensity if the image is RGB to be converted to Lab.

    weights : array-like of shape (C,) or None
        Weight of each channel's squared difference.

    n_channels : int
        C.

    Returns
    -------
    axes : float32 ndarray of shape (C, n) or None
        The axes that many channels are turned to first, by :func:`turn_to`.

    planes : tuple
        For :func:`plan_blocks`.

    Examples
    --------
    >>> from sklearn_spx.kernels.slic.blocks import choose_planes_of
    >>> axes, (channels, scale, n_planes) = choose_planes_of(lambda side: None, 255, None, 3)
    >>> axes is None, channels.tolist(), n_planes
    (True, [0, 1, 2], 3)
    """
    return axes_and_planes(take, rgb_scale, roots_of(weights, n_channels))


def plan_blocks(
    shape: tuple[int, int],
    n_segments: int,
    compactness: float,
    planes: Any,
    rgb_scale: int | None,
    max_iter: int,
    slic_zero: bool,
) -> Plan:
    """What all blocks share.

    Parameters
    ----------
    shape : tuple of two int
        Height and width of the whole image.

    n_segments : int
        As in :func:`~sklearn_spx.kernels.slic`.

    compactness : float
        As in :func:`~sklearn_spx.kernels.slic`.

    planes : tuple
        Of :func:`choose_planes_of`.

    rgb_scale : int or None
        The value of full intensity if the image is RGB to be converted to Lab.

    max_iter : int
        Clustering iterations.

    slic_zero : bool
        As in :func:`~sklearn_spx.kernels.slic`.

    Returns
    -------
    plan : Plan
        See there.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_spx.kernels.slic import blocks
    >>> planes = np.arange(3), np.ones(3, np.float32), 3
    >>> plan = blocks.plan_blocks((60, 80), 12, 8.0, planes, 255, 10, False)
    >>> plan.side, len(plan.seeds)
    (16, 12)
    """
    start = start_at(None, shape, n_segments)
    compactness = min(compactness, MOST)
    spatial, contrast = factors_of(compactness, start.step, slic_zero)
    return Plan(
        shape=tuple(shape),
        side=start.stride * _rules.SIDE,
        stride=start.stride,
        step=start.step,
        seeds=start.seeds,
        min_size=start.min_size,
        n_segments=start.n_segments,
        compactness=compactness,
        rgb_scale=rgb_scale,
        planes=planes,
        spatial=spatial,
        contrast=contrast,
        max_iter=max_iter,
        slic_zero=slic_zero,
    )


def seeds_of_block(plan: Plan, shape: tuple[int, int], row: int, column: int) -> NDArray[np.int64]:
    """The seeds that lie in a block.

    Parameters
    ----------
    plan : Plan
        Of :func:`plan_blocks`.

    shape : tuple of two int
        Height and width of the block.

    row, column : int
        Where it starts.

    Returns
    -------
    ids : int64 ndarray of shape (k,)
        Their numbers, ascending.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_spx.kernels.slic import blocks
    >>> planes = np.arange(3), np.ones(3, np.float32), 3
    >>> plan = blocks.plan_blocks((64, 64), 16, 8.0, planes, 255, 10, False)
    >>> blocks.seeds_of_block(plan, (32, 32), 0, 32).tolist()
    [2, 3, 6, 7]
    """
    pixels = np.floor(plan.seeds + 0.5) - (row, column)
    return np.flatnonzero(((pixels >= 0) & (pixels < shape)).all(axis=1))


def look_at_block(
    plan: Plan, image: NDArray, row: int, column: int
) -> tuple[float, NDArray[np.float32]]:
    """Look at a block for the first time.

    Parameters
    ----------
    plan : Plan
        Of :func:`plan_blocks`, with the seeds of :func:`seeds_of_block` alone.

    image : uint8 or float32 ndarray of shape (h, w, C), C-contiguous
        The block.

    row, column : int
        Where it starts, multiples of ``plan.side``.

    Returns
    -------
    largest : float
        The greatest sum of a plane over 64 pixels.

    colours : float32 ndarray of shape (k, P)
        The planes at the seeds.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_spx.kernels.slic import blocks
    >>> planes = np.arange(1), np.ones(1, np.float32), 3
    >>> plan = blocks.plan_blocks((8, 8), 1, 8.0, planes, None, 10, False)
    >>> largest, colours = blocks.look_at_block(plan, np.ones((8, 8, 1), np.float32), 0, 0)
    >>> largest, colours.tolist()
    (16.0, [[1.0, 0.0, 0.0]])
    """
    tiles = _cut(plan, image, row, column)
    found = _tiles.pixels_at(tiles, np.floor(plan.seeds + 0.5) - (row, column))
    return _tiles.largest_total(tiles), found[:, 2:]


def first_centres(
    plan: Plan, looks: list[tuple[float, NDArray[np.int64], NDArray[np.float32]]]
) -> Centres:
    """Centres on their seeds.

    Parameters
    ----------
    plan : Plan
        Of :func:`plan_blocks`.

    looks : list of (largest, ids, colours)
        Of all blocks, of :func:`look_at_block` and :func:`seeds_of_block`.

    Returns
    -------
    centres : Centres
        Before the first iteration.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_spx.kernels.slic import blocks
    >>> planes = np.arange(1), np.ones(1, np.float32), 3
    >>> plan = blocks.plan_blocks((8, 8), 1, 8.0, planes, None, 10, False)
    >>> largest, colours = blocks.look_at_block(plan, np.ones((8, 8, 1), np.float32), 0, 0)
    >>> blocks.first_centres(plan, [(largest, np.array([0]), colours)]).places.tolist()
    [[3.5, 3.5, 1.0, 0.0, 0.0]]
    """
    places = np.empty((len(plan.seeds), 2 + plan.planes[2]), np.float32)
    places[:, :2] = plan.seeds
    for _, ids, colours in looks:
        places[ids, 2:] = colours
    n_tiles = np.prod([-(-n // plan.side) for n in plan.shape], dtype=np.int64)
    largest = max(look[0] for look in looks)
    return Centres(
        places=places,
        contrast=np.full(len(places), plan.contrast, np.float32),
        farthest=np.zeros(len(places) if plan.slic_zero else 0, np.float32),
        grid=_rules.sum_grid(largest, plan.planes[1], plan.rgb_scale, int(n_tiles)),
    )


def centres_of_block(
    plan: Plan, centres: Centres, shape: tuple[int, int], row: int, column: int
) -> tuple[NDArray[np.int64], Centres]:
    """The centres that pixels of a block can join.

    Parameters
    ----------
    plan : Plan
        Of :func:`plan_blocks`.

    centres : Centres
        All of them.

    shape : tuple of two int
        Height and width of the block.

    row, column : int
        Where it starts.

    Returns
    -------
    ids : int64 ndarray of shape (k,)
        Ascending: those whose window meets a tile of the block, and, of a tile that no window
        meets, the nearest.

    own : Centres
        They alone, in this order.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_spx.kernels.slic import blocks
    >>> planes = np.arange(3), np.ones(3, np.float32), 3
    >>> plan = blocks.plan_blocks((64, 64), 16, 8.0, planes, 255, 10, False)
    >>> places = np.zeros((16, 5), np.float32)
    >>> places[:, :2] = plan.seeds
    >>> centres = blocks.Centres(places, np.ones(16, np.float32), places[:0, 0], 1.0)
    >>> blocks.centres_of_block(plan, centres, (16, 16), 0, 0)[0].tolist()
    [0, 1, 4, 5]
    """
    n_down, n_across = (-(-n // plan.side) for n in shape)
    meets = np.zeros(len(centres.places), bool)
    covered = np.zeros((n_down, n_across), bool)
    above, before = row // plan.side, column // plan.side
    _meet(centres.places, plan.step, plan.side, above, before, covered, meets)
    for y, x in np.argwhere(~covered):
        tile = above + y, before + x
        meets[_cpu.nearest(centres.places, *tile, plan.side, None, None, 0)] = True
    ids = np.flatnonzero(meets)
    farthest = centres.farthest[ids] if plan.slic_zero else centres.farthest
    return ids, Centres(centres.places[ids], centres.contrast[ids], farthest, centres.grid)


def sum_block(
    plan: Plan,
    image: NDArray[Any],
    row: int,
    column: int,
    iteration: int,
    ids: NDArray[np.int64],
    centres: Centres,
) -> tuple[NDArray[np.float64], NDArray[np.float32]]:
    """Sums over the pixels of a block that an iteration looks at.

    Parameters
    ----------
    plan : Plan
        Of :func:`plan_blocks`.

    image : uint8 or float32 ndarray of shape (h, w, C), C-contiguous
        The block.

    row, column : int
        Where it starts, multiples of ``plan.side``.

    iteration : int
        From 0.

    ids : int64 ndarray of shape (k,)
        Of :func:`centres_of_block`.

    centres : Centres
        Those alone, in their order.

    Returns
    -------
    sums : float64 ndarray of shape (k, 3 + P)
        Pixels, rows, columns, planes of each cluster.

    farthest : float32 ndarray of shape (k,) or (0,)
        Greatest squared colour distance within each.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_spx.kernels.slic import blocks
    >>> planes = np.arange(1), np.ones(1, np.float32), 3
    >>> plan = blocks.plan_blocks(
    ...     (8, 8), 1, 8.0, planes, None, 10, False
    ... )
    >>> image = np.ones((8, 8, 1), np.float32)
    >>> largest, colours = blocks.look_at_block(plan, image, 0, 0)
    >>> centres = blocks.first_centres(plan, [(largest, np.array([0]), colours)])
    >>> sums, _ = blocks.sum_block(plan, image, 0, 0, 0, np.array([0]), centres)
    >>> sums.tolist()
    [[16.0, 56.0, 56.0, 16.0, 0.0, 0.0]]
    """
    s = QUARTERS[iteration % plan.stride**2]
    down, right = divmod(s, plan.stride)
    part = np.ascontiguousarray(image[down :: plan.stride, right :: plan.stride])
    sums, farthest = np.zeros((len(ids), 3 + plan.planes[2])), centres.farthest.copy()
    if part.size:
        # every second pixel of every second row, which is a whole image to the tiles
        tiles = _tiles.cut(part, plan.rgb_scale, plan.planes, np.empty((0, 0), bool), 1)
        tiles = tiles._replace(
            stride=plan.stride,
            side=plan.side,
            n_above=row // plan.side,
            n_before=column // plan.side,
        )
        clusters = _clusters(plan, centres)
        room = _cpu.room_for(tiles, len(ids), plan.step)
        _cpu.add_up(tiles, s, 0, clusters, room, centres.grid, sums, farthest)
    return sums, farthest


def move_centres(plan: Plan, centres: Centres, found: Iterable[tuple[Any, Any, Any]]) -> Centres:
    """Move centres by the sums of all blocks.

    Parameters
    ----------
    plan : Plan
        Of :func:`plan_blocks`.

    centres : Centres
        All of them; overwritten.

    found : iterable of (ids, sums, farthest)
        Of :func:`centres_of_block` and :func:`sum_block`, block by block.

    Returns
    -------
    centres : Centres
        After the iteration.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_spx.kernels.slic import blocks
    >>> planes = np.arange(1), np.ones(1, np.float32), 3
    >>> plan = blocks.plan_blocks((8, 8), 1, 8.0, planes, None, 10, False)
    >>> image = np.ones((8, 8, 1), np.float32)
    >>> largest, colours = blocks.look_at_block(plan, image, 0, 0)
    >>> centres = blocks.first_centres(plan, [(largest, np.array([0]), colours)])
    >>> sums = np.array([[2.0, 4, 6, 8, 0, 0]])
    >>> blocks.move_centres(plan, centres, [(np.array([0]), sums, sums[0, :0])]).places.tolist()
    [[2.0, 3.0, 4.0, 0.0, 0.0]]
    """
    total = np.zeros((len(centres.places), 3 + plan.planes[2]))
    for ids, sums, farthest in found:
        total[ids] += sums
        if plan.slic_zero:
            centres.farthest[ids] = np.maximum(centres.farthest[ids], farthest)
    _cpu.move(_clusters(plan, centres), total)
    _cpu.adapt(centres.contrast, centres.farthest)
    return centres


def assign_block(
    plan: Plan,
    image: NDArray[Any],
    row: int,
    column: int,
    ids: NDArray[np.int64],
    centres: Centres,
) -> NDArray[np.int32]:
    """The cluster of each pixel of a block.

    Parameters
    ----------
    plan : Plan
        Of :func:`plan_blocks`.

    image : uint8 or float32 ndarray of shape (h, w, C), C-contiguous
        The block.

    row, column : int
        Where it starts, multiples of ``plan.side``.

    ids : int64 ndarray of shape (k,)
        Of :func:`centres_of_block`.

    centres : Centres
        Those alone, in their order.

    Returns
    -------
    labels : int32 ndarray of shape (h, w)
        Numbers of centres, of all of them.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_spx.kernels.slic import blocks
    >>> planes = np.arange(1), np.ones(1, np.float32), 3
    >>> plan = blocks.plan_blocks(
    ...     (8, 8), 1, 8.0, planes, None, 10, False
    ... )
    >>> image = np.ones((8, 8, 1), np.float32)
    >>> largest, colours = blocks.look_at_block(plan, image, 0, 0)
    >>> centres = blocks.first_centres(plan, [(largest, np.array([0]), colours)])
    >>> int(blocks.assign_block(plan, image, 0, 0, np.array([0]), centres).max())
    0
    """
    tiles = _cut(plan, image, row, column)
    labels = np.empty(image.shape[:2], np.int32)
    room = _cpu.room_for(tiles, len(ids), plan.step)
    _cpu.assign(tiles, _clusters(plan, centres), room, labels)
    return np.take(ids.astype(np.int32), labels)


def _cut(plan, image, row, column):
    everywhere = np.empty((0, 0), bool)
    above, before = row // plan.side, column // plan.side
    return _tiles.cut(image, plan.rgb_scale, plan.planes, everywhere, plan.stride, above, before)


def _clusters(plan, centres):
    return _cpu.Clusters(
        centres=centres.places, contrast=centres.contrast, spatial=np.float32(plan.spatial)
    )


@njit
def _meet(places, radius, side, above, before, covered, meets):
    """Which centres' windows meet the tiles of a block, and which of its tiles one meets.

    covered : INOUT (n_down, n_across) bool, False; meets : INOUT (K,) bool, False
    """
    n_down, n_across = covered.shape
    for k in range(places.shape[0]):
        top, bottom = _rules.tile_range(places[k, 0], radius, side, above, n_down)
        left, right = _rules.tile_range(places[k, 1], radius, side, before, n_across)
        if top < bottom and left < right:
            meets[k] = True
            for y in range(top, bottom):
                for x in range(left, right):
                    covered[y, x] = True
