"""Regions as polygons with shared borders, and polygons as label images."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..kernels.checks import check_count
from ..kernels.polygons import fill_polygons, simplify_borders, trace_borders

__all__ = ["label_polygons", "polygons_to_labels"]

Polygon = list[NDArray[np.int32]]


def label_polygons(labels: ArrayLike, simplify: float = 0.0) -> dict[int, list[Polygon]]:
    """Trace each region as polygons, with holes, whose borders neighbours share.

    Parameters
    ----------
    labels : array-like of int, shape (height, width)
        Label image, of this package or of any other. Regions may lie in several pieces, numbers may
        have gaps; negative is outside every region.

    simplify : float, default=0.0
        How far, in pixels, borders may move to have fewer points. A border of two regions is
        simplified once, for both: there is neither gap nor overlap, and no border crosses another.
        Points where three regions meet, and the corners of the image, stay. From 0.75 on,
        staircases along a diagonal become lines.

    Returns
    -------
    polygons : dict of int to list of list of ndarray (n_points, 2), int32
        For each label, ascending, its 4-connected pieces: each is a list of rings, the first
        encloses it and the others are its holes. A ring's points are corners of pixels as x
        (column) and y (row): the pixel of row 0 and column 0 is the square from (0, 0) to (1, 1).
        The last point is the first. By the shoelace formula areas are positive, of holes negative:
        on a picture, whose y points down, the region lies on the right of its rings.

    See Also
    --------
    polygons_to_labels : The way back; without `simplify` it gives the same label image.
    to_geojson, to_coco : The same for files.

    Notes
    -----
    Polygons are valid in the sense of OGC, as shapely has it: no ring touches itself, and rings of
    one polygon touch in single points at most.

    Examples
    --------
    >>> from sklearn_spx.regions import label_polygons
    >>> polygons = label_polygons([[7, 7, 7], [7, 2, 7], [7, 7, 7]])
    >>> [[ring.tolist() for ring in polygon] for polygon in polygons[2]]
    [[[[1, 1], [2, 1], [2, 2], [1, 2], [1, 1]]]]
    >>> outer, hole = polygons[7][0]
    >>> hole.tolist()
    [[1, 1], [1, 2], [2, 2], [2, 1], [1, 1]]
    """
    borders = simplify_borders(trace_borders(labels), simplify)
    points, starts = borders.rings()
    rings = np.split(points, starts[1:-1]) if len(borders.ring_labels) else []
    polygons: dict[int, list[Polygon]] = {}
    shells, own = borders.ring_shells.tolist(), borders.ring_labels.tolist()
    for r, (ring, label, shell) in enumerate(zip(rings, own, shells)):
        if shell == r:
            polygons.setdefault(label, []).append([ring])
        else:
            polygons[label][-1].append(ring)
    return polygons


def polygons_to_labels(
    polygons: Mapping[int, list[list[Any]]], shape: tuple[int, int]
) -> NDArray[np.int32]:
    """Draw polygons into a label image: a pixel has the label of the area that its centre is in.

    Parameters
    ----------
    polygons : mapping of int to list of list of array-like (n_points, 2)
        As of :func:`label_polygons`: for each label polygons, each a list of rings of x and y,
        closed or not. All rings of one label together are one area by the even-odd rule.

    shape : tuple of two int
        Height and width of the image; what lies beyond is cut.

    Returns
    -------
    labels : ndarray of shape (height, width), int32
        -1 where there is no polygon. Where areas overlap, the label that comes later is on top.
        A centre on an edge belongs to the area on its right, or, of a level edge, below.

    Raises
    ------
    ValueError
        If a ring is no list of three or more finite points, or a label is negative or beyond
        int32.
    TypeError
        If a label, or a side of the shape, is no integer.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_spx.regions import label_polygons, polygons_to_labels
    >>> labels = np.array([[5, 5, -1], [5, 0, 5]])
    >>> polygons_to_labels(label_polygons(labels), labels.shape)
    array([[ 5,  5, -1],
           [ 5,  0,  5]], dtype=int32)
    """
    rings, labels = [np.empty((0, 2))], []
    for label, pieces in polygons.items():
        label = check_count(label, "a label of polygons", minimum=-(2**63))
        if not 0 <= label <= np.iinfo(np.int32).max:
            raise ValueError(f"polygons has the label {label}; accepted are 0 to 2147483647")
        for p, polygon in enumerate(pieces):
            for r, ring in enumerate(polygon):
                rings.append(_closed(ring, f"ring {r} of polygon {p} of label {label}"))
                labels.append(label)
    starts = np.cumsum([len(ring) for ring in rings])
    return fill_polygons(np.concatenate(rings), starts, np.array(labels, np.int32), shape)


def _closed(ring, name):
    points = np.asarray(ring)
    if points.ndim != 2 or points.shape[1] != 2 or points.dtype.kind not in "uif":
        raise ValueError(
            f"{name} has shape {points.shape} and dtype {points.dtype}; accepted are "
            "(n_points, 2) real numbers"
        )
    if not np.isfinite(points).all():
        raise ValueError(f"{name} holds NaN or infinite coordinates")
    if len(points) and (points[0] != points[-1]).any():
        points = np.concatenate([points, points[:1]])
    if len(points) < 4:
        raise ValueError(f"{name} has {max(len(points) - 1, 0)} corners; a ring has three or more")
    return points
