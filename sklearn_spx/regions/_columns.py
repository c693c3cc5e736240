"""The columns of a table of regions, by the names of their properties.

labels, image -> kernels -> _Regions, each part when a column asks for it -> columns
"""

import math
from collections.abc import Iterable, Sequence
from functools import cached_property
from numbers import Real

import numpy as np

from ..kernels.checks import spacing_of
from ..kernels.region_graph import region_adjacency
from ..kernels.region_statistics import (
    label_statistics,
    number_regions,
    region_gradients,
    region_perimeters,
    region_quantiles,
    region_surfaces,
)


def check_properties(
    properties: Iterable[str] | None,
    has_image: bool,
    axes: int = 2,
    spacing: tuple[float, ...] = (1.0,),
) -> list[str]:
    """Return the names of properties, all there are for None, or say what is wrong with them."""
    lacking = {}
    if axes == 3:
        lacking = dict.fromkeys(_OF_TWO_AXES, "is of images, and this is a volume")
    elif len(set(spacing)) > 1:
        lacking = {"perimeter": f"is of square pixels, and spacing is {spacing}"}
    if properties is None:
        there = [*_OF_LABELS, *_OF_IMAGE] if has_image else [*_OF_LABELS]
        return [name for name in there if name not in lacking]
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
        if name in lacking:
            raise ValueError(f"the property {name!r} {lacking[name]}")
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


def columns(labels, image, names, quantiles, channels, spacing=None):
    """The table of checked labels and an image; ``channels`` has the channels' names."""
    regions = _Regions(labels, image, quantiles, spacing, names)
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

    def __init__(self, labels, image, quantiles, spacing, names):
        self.labels, self.image, self.quantiles, self.spacing = labels, image, quantiles, spacing
        self.steps = spacing_of(labels, spacing)
        self._wanted = {
            "places": not _NO_PLACES.issuperset(names),
            "spread": not _SPREAD.isdisjoint(names),
        }

    @cached_property
    def _measured(self):
        return label_statistics(self.labels, self.image, **self._wanted)

    @property
    def ids(self):
        return self._measured[0]

    @property
    def statistics(self):
        return self._measured[1]

    @cached_property
    def index(self):
        """Number of each pixel's region."""
        return number_regions(self.labels, volumes=True)[0]

    @cached_property
    def area(self):
        """In the units of spacing, if there is one."""
        area = self.statistics.area
        return area if self.spacing is None else area * math.prod(self.steps)

    @cached_property
    def perimeters(self):
        return region_perimeters(self.index)

    @cached_property
    def sides(self):
        """Sides of pixels, or faces of samples, on the boundary."""
        return self.perimeters[1] if self.labels.ndim == 2 else region_surfaces(self.index)

    @cached_property
    def gradients(self):
        return region_gradients(self.image, self.index, spacing=self.spacing)

    @cached_property
    def covariance(self):
        """In the units of spacing."""
        n = self.labels.ndim
        products = [self.steps[i] * self.steps[j] for i in range(n) for j in range(i, n)]
        return self.statistics.covariance * products

    @cached_property
    def axes(self):
        """Variances along the longest and the shortest axis."""
        if self.labels.ndim == 3:
            matrices = np.empty((len(self.ids), 3, 3))
            for k, (i, j) in enumerate(zip(*np.triu_indices(3))):
                matrices[:, i, j] = matrices[:, j, i] = self.covariance[:, k]
            variances = np.maximum(np.linalg.eigvalsh(matrices), 0)
            return variances[:, 2], variances[:, 0]
        yy, yx, xx = self.covariance.T
        middle, half = (yy + xx) / 2, np.hypot((yy - xx) / 2, yx)
        return middle + half, np.maximum(middle - half, 0)

    @property
    def axis_scale(self):
        """Length of an axis of an ellipse, or an ellipsoid, over the root of its variance."""
        return 2 * math.sqrt(self.labels.ndim + 2)

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
    return (r.statistics.centroid + 0.5) / r.labels.shape


def _extent(r):
    first, behind = np.split(r.statistics.bbox, 2, axis=1)
    return r.statistics.area / (behind - first).prod(axis=1)


def _eccentricity(r):
    major, minor = r.axes
    return np.sqrt(1 - np.divide(minor, major, out=np.ones_like(major), where=major > 0))


def _orientation(r):
    yy, yx, xx = r.covariance.T
    angle = 0.5 * np.arctan2(2 * yx, yy - xx)
    return np.where(yy == xx, np.where(yx > 0, np.pi / 4, -np.pi / 4), angle)


def _diameter(r):
    if r.labels.ndim == 3:
        return np.cbrt(6 / np.pi * r.area)
    return np.sqrt(4 / np.pi * r.area)


def _compactness(r):
    area, sides = r.statistics.area, r.sides
    if r.labels.ndim == 3:
        return 36 * np.pi * area**2 / sides.astype(np.float64) ** 3
    return 4 * np.pi * area / sides**2


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
    "area": lambda r: r.area,
    "bbox": lambda r: r.statistics.bbox,
    "centroid": lambda r: r.statistics.centroid * r.steps,
    "position": _position,
    "area_share": lambda r: r.statistics.area / r.labels.size,
    "extent": _extent,
    "axis_major_length": lambda r: r.axis_scale * np.sqrt(r.axes[0]),
    "axis_minor_length": lambda r: r.axis_scale * np.sqrt(r.axes[1]),
    "eccentricity": _eccentricity,
    "orientation": _orientation,
    "equivalent_diameter_area": _diameter,
    "perimeter": lambda r: r.perimeters[0] * r.steps[0],
    "boundary_length": lambda r: r.sides,
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
_NO_PLACES = {
    *("label", "area", "area_share", "equivalent_diameter_area", "perimeter", "boundary_length"),
    *("compactness", "neighbour_count", *_OF_IMAGE),
}
_SPREAD = {"intensity_std", "intensity_min", "intensity_max"}
_OF_TWO_AXES = ("eccentricity", "orientation", "perimeter", "gradient_orientations")
_BY_CHANNEL = {
    "intensity_mean",
    "intensity_std",
    "intensity_min",
    "intensity_max",
    "intensity_quantiles",
    "neighbour_difference",
}
