"""Label images as polygons and back: borders that regions share, and pixels that polygons cover."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..checks import as_labels, as_standard, check_count, check_real
from . import _cpu, _fill, _simplify

__all__ = ["Borders", "fill_polygons", "simplify_borders", "trace_borders"]

_MOST = np.iinfo(np.int32).max


@dataclass(frozen=True)
class Borders:
    """The borders of a label image: arcs that regions share, and rings of them.

    Parameters
    ----------
    points : ndarray of shape (n_points, 2), int32
        Corners of pixels, x and y: pixel (row, column) is the square from (column, row) to
        (column + 1, row + 1). Of each arc both ends and the corners where it turns.

    arc_starts : ndarray of shape (n_arcs + 1,), int64
        Arc ``a`` is ``points[arc_starts[a]:arc_starts[a + 1]]``. It runs from junction to junction,
        where three borders meet or the image has a corner, or is closed: its last point is its
        first.

    ring_arcs : ndarray of shape (n_half_arcs,), int64
        Arcs of the rings one after the other: ``2 * a`` is arc ``a``, ``2 * a + 1`` is it
        backwards. Every arc is on a ring of either region beside it.

    ring_starts : ndarray of shape (n_rings + 1,), int64
        Where each ring starts in `ring_arcs`.

    ring_labels : ndarray of shape (n_rings,), int32
        Label of the region of each ring.

    ring_shells : ndarray of shape (n_rings,), int64
        The ring that encloses the same 4-connected piece: its own number, or for a hole a lower
        one. A piece's rings follow one another, the enclosing one first; pieces are sorted by
        label.

    Examples
    --------
    >>> from sklearn_spx.kernels.polygons import trace_borders
    >>> borders = trace_borders([[7, 7, 7], [7, 2, 7], [7, 7, 7]])
    >>> borders.ring_labels.tolist(), borders.ring_shells.tolist()
    ([2, 7, 7], [0, 1, 1])
    """

    points: NDArray[np.int32]
    arc_starts: NDArray[np.int64]
    ring_arcs: NDArray[np.int64]
    ring_starts: NDArray[np.int64]
    ring_labels: NDArray[np.int32]
    ring_shells: NDArray[np.int64]

    def rings(self) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
        """Return the points of all rings one after the other, and where each starts.

        Returns
        -------
        points : ndarray of shape (n, 2), int32
            Each ring's first point stands at its end once more. By the shoelace formula the area
            of a ring that encloses is positive, that of a hole negative.

        starts : ndarray of shape (n_rings + 1,), int64
            Where each ring starts in `points`.

        Examples
        --------
        >>> from sklearn_spx.kernels.polygons import trace_borders
        >>> points, starts = trace_borders([[3, 3]]).rings()
        >>> points.tolist(), starts.tolist()
        ([[0, 0], [2, 0], [2, 1], [0, 1], [0, 0]], [0, 5])
        """
        n_rings = len(self.ring_labels)
        lengths = np.diff(self.arc_starts) - 1
        points = np.empty((lengths[self.ring_arcs // 2].sum() + n_rings, 2), np.int32)
        starts = np.empty(n_rings + 1, np.int64)
        _cpu.write_rings(
            self.points, self.arc_starts, self.ring_arcs, self.ring_starts, points, starts
        )
        return points, starts


def trace_borders(labels: ArrayLike) -> Borders:
    """Trace the borders of all regions between the pixels, each once.

    Parameters
    ----------
    labels : array-like of int, shape (height, width)
        Label image. Regions may lie in several pieces, numbers may have gaps; negative is outside.

    Returns
    -------
    borders : Borders
        Arcs and rings. Pieces are 4-connected. No ring touches itself; rings of one piece may touch
        one another in single points, where pixels touch diagonally.

    Examples
    --------
    >>> from sklearn_spx.kernels.polygons import trace_borders
    >>> borders = trace_borders([[0, 1]])
    >>> between = borders.arc_starts[3:5]  # the fourth arc is the border of the two
    >>> borders.points[slice(*between)].tolist()
    [[1, 0], [1, 1]]
    """
    labels = as_labels(labels)
    height, width = labels.shape
    padded = np.full((height + 2, width + 2), -1, np.int32)
    np.maximum(labels, -1, out=padded[1:-1, 1:-1])
    cracks = np.empty((height + 1, width + 1), np.uint8)
    n_ends, n_turns = _cpu.find_cracks(padded, cracks)
    n_arcs = n_ends // 2 + n_turns // 4
    points = np.empty((n_ends + n_turns + n_turns // 4, 2), np.int32)
    starts = np.empty(n_arcs + 1, np.int64)
    ways, junctions = np.empty((n_arcs, 2), np.int8), np.empty((n_arcs, 2), np.int64)
    departures = np.empty((n_ends // 2, 4), np.int64)
    n_points, n_arcs, n_junctions = _cpu.trace_arcs(
        cracks, points, starts, ways, departures, junctions
    )
    del cracks
    points, starts = points[:n_points].copy(), starts[: n_arcs + 1].copy()
    ways, junctions, departures = ways[:n_arcs], junctions[:n_arcs], departures[:n_junctions]

    parent = np.empty(padded.size, np.int64)
    _cpu.find_pieces(padded, parent)
    ring_arcs, ring_starts = np.empty(2 * n_arcs, np.int64), np.empty(2 * n_arcs + 1, np.int64)
    ring_labels = np.empty(2 * n_arcs, np.int32)
    pieces, areas = np.empty(2 * n_arcs, np.int64), np.empty(2 * n_arcs, np.int64)
    total, n_rings = _cpu.link_rings(
        padded.ravel(),
        padded.shape[1],
        parent,
        points,
        starts,
        ways,
        departures,
        junctions,
        ring_arcs,
        ring_starts,
        ring_labels,
        pieces,
        areas,
    )
    ring_arcs, ring_starts = ring_arcs[:total], ring_starts[: n_rings + 1]
    ring_labels, pieces, is_hole = ring_labels[:n_rings], pieces[:n_rings], areas[:n_rings] < 0
    order = np.lexsort((is_hole, pieces, ring_labels))
    is_hole = is_hole[order]
    shells = np.maximum.accumulate(np.where(is_hole, 0, np.arange(n_rings)))
    counts = np.diff(ring_starts)[order]
    sorted_starts = np.concatenate([[0], np.cumsum(counts)])
    # of each entry: its place in its ring, and where that ring was
    moved = np.arange(total) + np.repeat(ring_starts[:-1][order] - sorted_starts[:-1], counts)
    return Borders(
        points, starts, ring_arcs[moved], sorted_starts, ring_labels[order], shells.astype(np.int64)
    )


def simplify_borders(borders: Borders, tolerance: float) -> Borders:
    """Leave out points of the borders, with regions beside each other as before.

    Every arc is simplified by Douglas' and Peucker's algorithm and its ends stay, so neighbours go
    on sharing it: there is neither gap nor overlap. Where a simplified border would meet another
    one, or leave a small region on its other side, it gets points back until it does not. Closed
    arcs keep three corners at least, and the image its four.

    Parameters
    ----------
    borders : Borders
        Those of :func:`trace_borders`.

    tolerance : float
        Farthest, in pixels, that a border moves. From 0.75 on, staircases along a diagonal become
        lines.

    Returns
    -------
    borders : Borders
        The same arcs and rings, with fewer points.

    References
    ----------
    .. [1] D. Douglas and T. Peucker, "Algorithms for the reduction of the number of points required
           to represent a digitized line or its caricature", Cartographica 10(2), 1973.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_spx.kernels.polygons import simplify_borders, trace_borders
    >>> borders = trace_borders(np.tri(20, dtype=int))
    >>> len(borders.points), len(simplify_borders(borders, 1).points)
    (51, 14)
    """
    tolerance = check_real(tolerance, "tolerance", 0)
    if tolerance == 0:
        return borders
    kept = np.empty(len(borders.points), bool)
    _simplify.simplify_arcs(borders.points, borders.arc_starts, tolerance, kept)
    places = np.concatenate([[0], np.cumsum(kept)])
    return replace(borders, points=borders.points[kept], arc_starts=places[borders.arc_starts])


def fill_polygons(
    points: ArrayLike, ring_starts: ArrayLike, ring_labels: ArrayLike, shape: tuple[int, int]
) -> NDArray[np.int32]:
    """Draw polygons into a label image: a pixel is inside where its centre is.

    All rings of one label that follow one another are one area by the even-odd rule, so holes are
    rings as any other. A centre on an edge belongs to the area on its right, or, of a level edge,
    below: polygons that share edges share no pixel and leave none out.

    Parameters
    ----------
    points : array-like of shape (n, 2)
        x and y of the corners of all rings, each closed: its last point is its first.

    ring_starts : array-like of shape (n_rings + 1,), integer
        Where each ring starts in `points`.

    ring_labels : array-like of shape (n_rings,), integer
        Label of each ring.

    shape : tuple of two int
        Height and width of the image; what polygons cover beyond is cut.

    Returns
    -------
    labels : ndarray of shape (height, width), int32
        -1 where there is no polygon. Where areas overlap, the later one is on top.

    Raises
    ------
    ValueError
        If the arrays do not fit together, a point is not finite, a ring is not closed, or a label
        is beyond int32.
    TypeError
        If starts, labels or the shape are no integers.

    Examples
    --------
    >>> from sklearn_spx.kernels.polygons import fill_polygons
    >>> square = [[1, 0], [3, 0], [3, 2], [1, 2], [1, 0]]
    >>> fill_polygons(square, [0, 5], [4], (3, 3))
    array([[-1,  4,  4],
           [-1,  4,  4],
           [-1, -1, -1]], dtype=int32)
    """
    points = as_standard(points, np.float64)
    starts, labels = _integers(ring_starts, "ring_starts"), _integers(ring_labels, "ring_labels")
    if labels.size and (labels.min() < -_MOST - 1 or labels.max() > _MOST):
        raise ValueError(f"ring_labels go from {labels.min()} to {labels.max()}, beyond int32")
    labels = labels.astype(np.int32)
    if len(shape) != 2:
        raise ValueError(
            f"shape is {tuple(shape)}; accepted is (height, width), as image.shape[:2]"
        )
    height, width = (check_count(n, "each side of shape", 0) for n in shape)
    if points.ndim != 2 or points.shape[1] != 2:
        raise ValueError(f"points has shape {points.shape}; accepted is (n, 2)")
    if not np.isfinite(points).all():
        raise ValueError("points holds NaN or infinite coordinates")
    if labels.ndim != 1 or starts.shape != (labels.size + 1,):
        raise ValueError(
            f"ring_starts and ring_labels have shapes {starts.shape} and {labels.shape}; accepted "
            "are (n_rings + 1,) and (n_rings,)"
        )
    if starts[0] != 0 or starts[-1] != len(points) or (np.diff(starts) < 1).any():
        raise ValueError(f"ring_starts must ascend from 0 to {len(points)}, the number of points")
    is_open = (points[starts[:-1]] != points[starts[1:] - 1]).any(axis=1)
    if is_open.any():
        raise ValueError(
            f"ring {np.argmax(is_open)} is not closed: its last point is not its first"
        )
    out = np.full((height, width), -1, np.int32)
    firsts = np.flatnonzero(np.concatenate([[True], labels[1:] != labels[:-1]])[: labels.size])
    groups = np.append(firsts, labels.size)
    counts = np.zeros(out.shape[0] + 1, np.int64)
    _fill.fill_groups(points, starts, groups, labels[firsts], counts, out)
    return out


def _integers(values, name):
    """The values as int64; an empty list has no dtype to speak of."""
    values = np.asarray(values)
    if values.size and values.dtype.kind not in "ui":
        raise TypeError(f"{name} has dtype {values.dtype}; accepted are integers")
    return as_standard(values, np.int64)
