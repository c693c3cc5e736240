"""A table of one label image: a row a region, columns by the names of their properties.

labels -> number_regions -> index, ids ; index, image -> kernels -> _Regions -> columns
"""

from collections.abc import Iterable, Sequence
from functools import cached_property
from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..kernels.checks import as_labels
from ..kernels.region_graph import region_adjacency
from ..kernels.region_statistics import (
    number_regions,
    region_gradients,
    region_perimeters,
    region_quantiles,
    region_statistics,
)

__all__ = ["region_table"]


def region_table(
    labels: ArrayLike,
    image: ArrayLike | None = None,
    *,
    properties: Sequence[str] | None = None,
    quantiles: Sequence[float] = (0.1, 0.5, 0.9),
) -> dict[str, NDArray[Any]]:
    """Measure the regions of a label image, and of the image below it.

    In the manner of :func:`skimage.measure.regionprops_table`, with its names and values where it
    has the property, and two differences: 0 is a label like any other, and regions are measured
    all at once by compiled functions.

    Parameters
    ----------
    labels : array-like of int, shape (height, width)
        Label image, of any kind: numbers may have gaps, regions several pieces. Negative pixels
        are outside every region.

    image : array-like of shape (height, width) or (height, width, n_channels), default=None
        Boolean, integer or real values. Outside every region they may be anything, as NaN.

    properties : sequence of str or None, default=None
        Columns, in this order; see Notes. None is all that can be had: without an image, those of
        shape.

    quantiles : sequence of float, default=(0.1, 0.5, 0.9)
        From 0 to 1, for the property ``intensity_quantiles``.

    Returns
    -------
    table : dict of str to ndarray of shape (n_regions,)
        A row for each label in use, ascending. Columns of a property with several values are
        numbered, as ``centroid-0``; those of values by channel too, as ``intensity_mean-2``,
        unless the image is (height, width). ``pandas.DataFrame(table)`` takes it as it is.

    Raises
    ------
    ValueError, TypeError
        If ``labels`` is no label image, the image does not fit it or is not finite in a region, a
        property is not known, or it needs an image where there is none.

    Notes
    -----
    Properties of shape, in pixels; rows come before columns:

    - ``label``: the number in the label image; ``area``; ``bbox``: first row and column, and those
      behind the last; ``centroid``: mean row and column;
    - ``position``: centroid as a share of the height and the width, from 0 to 1;
    - ``area_share``: area as a share of all pixels; ``extent``: of the bounding box;
    - ``axis_major_length``, ``axis_minor_length``, ``eccentricity``, ``orientation``: of the
      ellipse with the same second moments; the angle is that of the major axis from the rows' axis,
      from -pi/2 to pi/2;
    - ``equivalent_diameter_area``: of the disc of that area;
    - ``perimeter``: length of the line through the border pixels; ``boundary_length``: sides of
      pixels on the boundary;
    - ``compactness``: ``4 pi area / boundary_length^2``, of a square pi / 4;
    - ``neighbour_count``: regions that touch.

    Properties of the image:

    - ``intensity_mean``, ``intensity_std``, ``intensity_min``, ``intensity_max``, by channel;
    - ``intensity_quantiles``, by quantile and channel, as ``intensity_quantiles-0.5-0``;
    - ``gradient_magnitude``: mean length of the gradient over all channels;
    - ``gradient_orientations``: shares of that length in eight orientations, the first of which is
      along the columns' axis, the fifth along the rows';
    - ``neighbour_difference``, by channel: the mean less that of the neighbours, which count by the
      length of the common boundary;
    - ``neighbour_contrast``: Euclidean distance of means, averaged over the boundary. Both are 0
      where no other region touches.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_spx.regions import region_table
    >>> labels = np.array([[0, 0, 5], [0, 0, 5]])
    >>> image = np.array([[1.0, 3.0, 9.0], [1.0, 3.0, 9.0]])
    >>> table = region_table(labels, image, properties=["label", "area", "intensity_mean"])
    >>> {name: column.tolist() for name, column in table.items()}
    {'label': [0, 5], 'area': [4, 2], 'intensity_mean': [2.0, 9.0]}
    """
    names = check_properties(properties, image is not None)
    check_quantiles(quantiles)
    labels = as_labels(labels)
    channels = None
    if image is not None:
        image = np.asarray(image)
        if image.ndim == 3:
            channels = [str(c) for c in range(image.shape[2])]
    return columns(labels, image, names, quantiles, channels)


def check_properties(properties: Iterable[str] | None, has_image: bool) -> list[str]:
    """Return the names of properties, all there are for None, or say what is wrong with them."""
    if properties is None:
        return [*_OF_LABELS, *_OF_IMAGE] if has_image else [*_OF_LABELS]
    if isinstance(properties, str):
        raise TypeError(f"properties is a string; pass a list of names: [{properties!r}]")
    names = list(properties)
    for name in names:
        if name in _OF_IMAGE and not has_image:
            raise ValueError(
                f"the property {name!r} needs an image; without one there are "
                f"{', '.join(_OF_LABELS)}"
            )
        if name not in _OF_LABELS and name not in _OF_IMAGE:
            raise ValueError(
                f"there is no property {name!r}; accepted are "
                f"{', '.join([*_OF_LABELS, *_OF_IMAGE])}"
            )
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"properties has {twice!r} twice")
    return names


def check_quantiles(quantiles: Sequence[float]) -> None:
    """Raise unless quantiles are numbers from 0 to 1, no two of one name."""
    for q in quantiles:
        if not (isinstance(q, Real) and 0 <= q <= 1):
            raise ValueError(f"quantiles must be numbers from 0 to 1, got {q!r}")
    shares = [f"{q:g}" for q in quantiles]
    for share in shares:
        if shares.count(share) > 1:
            raise ValueError(f"quantiles has {share} twice")


def columns(labels, image, names, quantiles, channels):
    """The table of checked labels (H, W) and an image; ``channels`` has the channels' names."""
    regions = _Regions(labels, image, quantiles)
    shares = [f"{q:g}" for q in quantiles]
    table = {}
    for name in names:
        values = {**_OF_LABELS, **_OF_IMAGE}[name](regions)
        axes = []
        if name == "intensity_quantiles":
            axes.append(shares)
        if name in _BY_CHANNEL:
            axes.append(channels if channels else [None])
        elif values.ndim == 2:
            axes.append([str(k) for k in range(values.shape[1])])
        suffixes = [[]]
        for axis in axes:
            suffixes = [[*suffix, part] for suffix in suffixes for part in axis]
        for suffix, column in zip(suffixes, values.reshape(len(values), len(suffixes)).T):
            table["-".join([name, *filter(None, suffix)])] = np.ascontiguousarray(column)
    return table


class _Regions:
    """What the kernels find, each computed when it is first asked for."""

    def __init__(self, labels, image, quantiles):
        self.index, self.ids = number_regions(labels)
        self.image, self.quantiles = image, quantiles

    @cached_property
    def statistics(self):
        return region_statistics(self.index, self.image)

    @cached_property
    def perimeters(self):
        return region_perimeters(self.index)

    @cached_property
    def gradients(self):
        return region_gradients(self.image, self.index)

    @cached_property
    def axes(self):
        """Variances along the major and the minor axis."""
        yy, yx, xx = self.statistics.covariance.T
        middle, half = (yy + xx) / 2, np.hypot((yy - xx) / 2, yx)
        return middle + half, np.maximum(middle - half, 0)

    @cached_property
    def graph(self):
        """Both ends of each pair of neighbours, from either side, and the boundary's length."""
        edges, lengths = region_adjacency(self.index)
        return np.concatenate([edges, edges[:, ::-1]]).T, np.concatenate([lengths, lengths])

    def over_boundary(self, values):
        """Mean over a region's boundary of a value of each pair of neighbours; 0 without any."""
        (here, _), lengths = self.graph
        n = len(self.ids)
        total = np.bincount(here, lengths, n)
        return np.bincount(here, lengths * values, n) / np.where(total > 0, total, 1)


def _position(r):
    return (r.statistics.centroid + 0.5) / r.index.shape


def _extent(r):
    top, left, bottom, right = r.statistics.bbox.T
    return r.statistics.area / ((bottom - top) * (right - left))


def _eccentricity(r):
    major, minor = r.axes
    return np.sqrt(1 - np.divide(minor, major, out=np.ones_like(major), where=major > 0))


def _orientation(r):
    yy, yx, xx = r.statistics.covariance.T
    angle = 0.5 * np.arctan2(2 * yx, yy - xx)
    return np.where(yy == xx, np.where(yx > 0, np.pi / 4, -np.pi / 4), angle)


def _compactness(r):
    return 4 * np.pi * r.statistics.area / r.perimeters[1] ** 2


def _neighbour_count(r):
    return np.bincount(r.graph[0][0], minlength=len(r.ids))


def _neighbour_difference(r):
    (here, there), _ = r.graph
    means = r.statistics.mean
    by_channel = [r.over_boundary(mean[here] - mean[there]) for mean in means.T]
    return np.stack(by_channel, axis=1) if by_channel else np.empty_like(means)


def _neighbour_contrast(r):
    (here, there), _ = r.graph
    means = r.statistics.mean
    return r.over_boundary(np.linalg.norm(means[here] - means[there], axis=1))


_OF_LABELS = {
    "label": lambda r: r.ids.astype(np.int64),
    "area": lambda r: r.statistics.area,
    "bbox": lambda r: r.statistics.bbox,
    "centroid": lambda r: r.statistics.centroid,
    "position": _position,
    "area_share": lambda r: r.statistics.area / r.index.size,
    "extent": _extent,
    "axis_major_length": lambda r: 4 * np.sqrt(r.axes[0]),
    "axis_minor_length": lambda r: 4 * np.sqrt(r.axes[1]),
    "eccentricity": _eccentricity,
    "orientation": _orientation,
    "equivalent_diameter_area": lambda r: np.sqrt(4 / np.pi * r.statistics.area),
    "perimeter": lambda r: r.perimeters[0],
    "boundary_length": lambda r: r.perimeters[1],
    "compactness": _compactness,
    "neighbour_count": _neighbour_count,
}
_OF_IMAGE = {
    "intensity_mean": lambda r: r.statistics.mean,
    "intensity_std": lambda r: r.statistics.std,
    "intensity_min": lambda r: r.statistics.low,
    "intensity_max": lambda r: r.statistics.high,
    "intensity_quantiles": lambda r: region_quantiles(r.image, r.index, r.quantiles),
    "gradient_magnitude": lambda r: r.gradients[0],
    "gradient_orientations": lambda r: r.gradients[1],
    "neighbour_difference": _neighbour_difference,
    "neighbour_contrast": _neighbour_contrast,
}
_BY_CHANNEL = {
    "intensity_mean",
    "intensity_std",
    "intensity_min",
    "intensity_max",
    "intensity_quantiles",
    "neighbour_difference",
}
