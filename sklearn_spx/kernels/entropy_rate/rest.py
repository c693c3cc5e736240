"""Entropy rate superpixels block by block: how deep blocks go, and the joins that they leave."""

from collections.abc import Callable, Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from . import _cpu_blocks
from .blocks import N_STEPS, Edges, Plan

__all__ = ["join_rest", "merged_census", "next_depth", "step_of"]

_FIRST_DEPTH, _FIRST_STEP = 0.8, 0.1  # of joins, in greatest gains
_ENOUGH, _TOO_FEW = 1.5, 1.1  # clusters left, over those wanted: where blocks stop, and too late
_MOST_PASSES, _MOST_RETREATS, _MOST_VAIN = 24, 3, 4
_VAIN = 0.98  # a pass that leaves as great a share of the clusters was made in vain
_BUDGET = 100_000, 4_000_000  # edges that are listed at once: ten a superpixel, from and to
_MOST = 20_000_000  # edges of one step of costs, a gigabyte and a half
_GREATEST = 2**62  # of costs
_ALL = np.iinfo(np.int64).max


def next_depth(
    passes: Sequence[tuple[float, int]], n_segments: int, cap: float = np.inf
) -> tuple[float | None, int]:
    """How deep blocks go next, after passes of so many clusters left.

    Each pass goes a little deeper, by steps that follow what the last one did. One that leaves too
    few clusters is taken back.

    Parameters
    ----------
    passes : sequence of (depth, n_left)
        All passes so far.

    n_segments : int
        Clusters that are wanted.

    cap : float
        The greatest depth.

    Returns
    -------
    depth : float or None
        Of the next pass; None: no more.

    last : int
        The pass whose clusters count, -1 for none.

    Examples
    --------
    >>> from sklearn_spx.kernels.entropy_rate.rest import next_depth
    >>> next_depth([], 10)
    (0.8, -1)
    >>> next_depth([(0.8, 40)], 10)
    (0.9, 0)
    >>> next_depth([(0.5, 40), (0.75, 9)], 10)
    (0.5625, 0)
    """
    reached, step, left, last = 0.0, _FIRST_DEPTH, np.inf, -1
    retreats = vain = 0
    for i, (depth, found) in enumerate(passes):
        enough = found >= _TOO_FEW * n_segments
        if depth == reached:
            return None, i if enough else last
        if not enough:
            retreats += 1
            step = (depth - reached) / 4
            continue
        if last < 0:
            step = step if retreats else _FIRST_STEP
        elif not retreats:
            step *= 2 if found > 0.8 * left else 0.5 if found < 0.5 * left else 1
        vain = vain + 1 if found > _VAIN * left else 0
        reached, left, last = depth, found, i
    further = min(reached + step, cap)
    tried = retreats >= _MOST_RETREATS or vain >= _MOST_VAIN
    if len(passes) >= _MOST_PASSES or (last < 0 and (tried or further <= 0)):
        return None, last
    if last >= 0 and (left <= _ENOUGH * n_segments or tried or further <= reached):
        return reached, last  # once more, for what lay across the sides of these blocks
    return further, last


def step_of(plan: Plan, swept: int) -> int:
    """Step of costs by which edges are counted, a 200th of those that matter.

    Parameters
    ----------
    plan : Plan
        Of all blocks.

    swept : int
        The greatest cost of a join that blocks made, -1 without any: the last joins cost little
        more, or else up to some greatest gains.

    Returns
    -------
    step : int
        In units of cost.

    Examples
    --------
    >>> from sklearn_spx.kernels.entropy_rate.blocks import plan_blocks
    >>> from sklearn_spx.kernels.entropy_rate.rest import step_of
    >>> step_of(plan_blocks((30, 40), 5, 0.5, 6.0), -1)
    87960930222
    """
    return max(int(plan.scale[0] * plan.scale[2]), swept, 200) // 200


def join_rest(
    plan: Plan,
    clusters: tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]],
    counts: NDArray[np.int64],
    swept: int,
    list_costs: Callable[[tuple[int, int, int]], Edges],
) -> tuple[NDArray[np.int32] | None, float]:
    """Make the last joins, and number the superpixels.

    Parameters
    ----------
    plan : Plan
        Of all blocks.

    clusters : tuple of three int64 ndarrays of shape (n,)
        All clusters, ascending, their sizes and first pixels.

    counts : int64 ndarray of shape (600,)
        How many edges there are, as of :func:`list_edges` with the bounds (0, 0, step).

    swept : int
        The greatest cost of a join that blocks made.

    list_costs : function of the bounds of :func:`list_edges`
        Returns the edges of all blocks, in any order.

    Returns
    -------
    labels : int32 ndarray of shape (n,) or None
        Of each cluster, in the order of first pixels. None: blocks went too far, and joined what is
        not joined in the whole image.

    depth : float
        Of the last join, in greatest gains. Where blocks went too far it is less deep than the last
        join of the whole image, and no deeper is safe.

    Raises
    ------
    ValueError
        If too many edges are equally alike to be joined in one place.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_spx.kernels.entropy_rate import blocks, rest
    >>> image = np.zeros((3, 6, 1))
    >>> image[:, 4:] = 255
    >>> block = blocks.weigh((3, 6), (0, 3, 0, 6), 8, image)
    >>> plan = blocks.plan_blocks((3, 6), 2, 0.5, blocks.greatest_gain(block))
    >>> def list_costs(bounds):
    ...     return blocks.list_edges(plan, block, None, None, bounds)[0]
    >>> _, counts = blocks.list_edges(plan, block, None, None, (0, 0, rest.step_of(plan, -1)))
    >>> single = blocks.census_of(None, (0, 3, 0, 6), 6)
    >>> rest.join_rest(plan, single, counts, -1, list_costs)[0].reshape(3, 6)
    array([[0, 0, 0, 0, 1, 1],
           [0, 0, 0, 0, 1, 1],
           [0, 0, 0, 0, 1, 1]], dtype=int32)
    """
    names, sizes, firsts = clusters
    parent, size, left = np.arange(len(names)), sizes.copy(), np.array([len(names)])
    step, bins, last, waiting = step_of(plan, swept), 0, -1, None
    within, budget = np.cumsum(counts), int(np.clip(10 * plan.n_segments, *_BUDGET))
    changed = np.empty(0, np.int64), np.empty(0)  # pixels, ascending, and the weight of their loop
    while left[0] > plan.n_segments:
        listed = within[bins - 1] if bins else 0
        first, bins = bins, max(int(np.searchsorted(within, listed + budget, "right")), bins + 1)
        n_alike = within[min(bins, N_STEPS) - 1] - listed
        if n_alike > max(_MOST, budget):
            raise ValueError(
                f"{n_alike} pairs of neighbouring pixels are equally alike and wait for one "
                "another from block to block, as where large parts of an image are of one colour: "
                "give regularity above 0, or larger blocks"
            )
        high = _ALL if bins >= N_STEPS or bins * step > _GREATEST else bins * step
        edges = list_costs((first * step, high, step))
        if waiting is not None:
            edges = Edges.of_all([waiting, edges])
        edges = edges.some(np.argsort(edges.numbers))
        pixels, slots = np.unique(edges.pixels, return_inverse=True)
        slots = slots.reshape(edges.pixels.shape)
        loop = np.zeros((len(pixels), 2))
        loop[slots, 0] = edges.loops
        at = np.searchsorted(changed[0], pixels)
        at[at == len(changed[0])] = 0
        if len(changed[0]):
            again = changed[0][at] == pixels
            loop[again, 0] = changed[1][at[again]]
        before = loop[:, 0].copy()
        ends = np.searchsorted(names, edges.clusters)
        later = np.zeros(len(edges.numbers), bool)
        cost = _cpu_blocks.join_listed(
            edges.numbers, edges.weights, ends, slots, plan.scale, high, plan.n_segments,
            (parent, size, left), loop, later,
        )  # fmt: skip
        last = max(last, int(cost))
        moved = before != loop[:, 0]
        changed = _updated(changed, pixels[moved], loop[moved, 0])
        waiting = edges.some(later)
    depth = last / max(plan.scale[0] * plan.scale[2], 1.0)
    return None if swept >= 0 and last <= swept else _numbered(parent, firsts), depth


def _updated(known, pixels, values):
    """Pixels, ascending, and their values, of which some are new."""
    stays = ~np.isin(known[0], pixels)
    pixels = np.concatenate([known[0][stays], pixels])
    order = np.argsort(pixels)
    return pixels[order], np.concatenate([known[1][stays], values])[order]


def _numbered(parent, firsts):
    """Labels of clusters, in the order of the first pixels of what they became."""
    root = np.empty(len(parent), np.int64)
    _cpu_blocks.roots_of(parent, root)
    least = np.full(len(parent), _ALL)
    np.minimum.at(least, root, firsts)
    roots = np.flatnonzero(root == np.arange(len(root)))
    labels = np.empty(len(parent), np.int32)
    labels[roots[np.argsort(least[roots])]] = np.arange(len(roots))
    return labels[root]


def merged_census(
    parts: Iterable[tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]],
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """All clusters of several blocks.

    Parameters
    ----------
    parts : iterable
        What :func:`census_of` returned.

    Returns
    -------
    clusters, sizes, firsts : int64 ndarrays of shape (n,)
        Of all.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_spx.kernels.entropy_rate.rest import merged_census
    >>> part = np.array([2, 4]), np.array([7, 1]), np.array([2, 3])
    >>> [some.tolist() for some in merged_census([part, part])]
    [[2, 4], [14, 2], [2, 3]]
    """
    names, sizes, firsts = map(np.concatenate, zip(*parts))
    found, of = np.unique(names, return_inverse=True)
    total, least = np.zeros(len(found), np.int64), np.full(len(found), _ALL)
    np.add.at(total, of, sizes)
    np.minimum.at(least, of, firsts)
    return found, total, least
