"""What regions look like: size, place, shape, values, gradients; each in one pass over the pixels.

Labels are 0 .. n - 1, each with a pixel; :func:`number_regions` makes such labels of any others.
Where labels are negative nothing counts, and the image may hold anything, as NaN. Labels of three
dimensions are those of a volume, (depth, height, width), and the image is one then, with channels
or without.
"""

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..checks import (
    as_image,
    as_labels,
    as_standard,
    check_count,
    check_no_masked_pixels,
    image_shape,
    spacing_of,
)
from . import _cpu
from ._results import RegionStatistics

__all__ = [
    "label_statistics",
    "number_regions",
    "region_gradients",
    "region_perimeters",
    "region_quantiles",
    "region_statistics",
    "region_surfaces",
]


def number_regions(
    labels: ArrayLike, *, volumes: bool = False
) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Number the regions of a label image from 0, in the order of their labels.

    Parameters
    ----------
    labels : ndarray of shape (height, width), integer
        Label image, with gaps perhaps. Pixels below 0 are outside every region.

    volumes : bool, default=False
        Whether it may be that of a volume, (depth, height, width).

    Returns
    -------
    index : ndarray of the shape of the labels, int32
        Number of each pixel's region, -1 outside.

    ids : ndarray of shape (n_regions,), int32
        Label of each region, ascending.

    Raises
    ------
    ValueError, TypeError
        If ``labels`` is no label image.

    Examples
    --------
    >>> from sklearn_spx.kernels.region_statistics import number_regions
    >>> index, ids = number_regions([[7, 7, -1], [2, 7, 2]])
    >>> index.tolist(), ids.tolist()
    ([[1, 1, -1], [0, 1, 0]], [2, 7])
    """
    labels = as_labels(labels, volumes=volumes)
    highest = int(labels.max())
    if highest > 4 * labels.size + 1024:  # a table by label would be larger than the image
        ids, dense = np.unique(labels, return_inverse=True)
        first = int(np.searchsorted(ids, 0))
        index = np.maximum(dense.reshape(labels.shape) - first, -1).astype(np.int32)
        return index, ids[first:]
    index = np.empty(labels.shape, np.int32)
    ids = np.empty(max(highest + 1, 0), np.int32)
    n = _cpu.number(_rows(labels), np.zeros(ids.size, np.int32), _rows(index), ids)
    return index, ids[:n].copy()


def region_statistics(
    labels: ArrayLike, image: ArrayLike | None = None, *, spread: bool = True
) -> RegionStatistics:
    """Sizes, places, second moments and statistics of the values of regions, in one pass.

    Parameters
    ----------
    labels : ndarray of shape (height, width) or (depth, height, width), integer
        Labels 0 .. n - 1, each with at least one pixel; pixels below 0 count for nothing.

    image : ndarray of shape (height, width) or (height, width, channels), or None, default=None
        Image of any number of channels. None: no values, 0 channels.

    spread : bool, default=True
        Whether ``std``, ``low`` and ``high`` are wanted; else they are not worked out, and have 0
        channels.

    Returns
    -------
    statistics : RegionStatistics
        Named tuple of ``area`` (n,), ``bbox`` (n, 4), ``centroid`` (n, 2), ``covariance`` (n, 3:
        of rows, mixed, of columns), and ``mean``, ``std``, ``low`` and ``high`` (n, channels).
        Sums are taken in float64 about values of the region, so that large ones cost no digits of
        the deviations.

    Raises
    ------
    ValueError, TypeError
        If the two do not fit, or a label has no pixel.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_spx.kernels.region_statistics import region_statistics
    >>> found = region_statistics([[0, 0, 1]], np.array([[60000, 60002, 7]], np.uint16))
    >>> found.area.tolist(), found.mean.tolist(), found.std.tolist()
    ([2, 1], [[60001.0], [7.0]], [[1.0], [0.0]])
    """
    labels, n = _as_dense(labels)
    sums = _sum_up(labels, n, image, True, spread)
    _check_no_gap(sums.area)
    return _statistics(sums, labels.ndim)


def label_statistics(
    labels: ArrayLike, image: ArrayLike | None = None, *, places: bool = True, spread: bool = True
) -> tuple[NDArray[np.int32], RegionStatistics]:
    """Sizes, places and statistics of regions as `region_statistics` has them, of any labels.

    Parameters
    ----------
    labels : ndarray of shape (height, width) or (depth, height, width), integer
        Labels, with gaps perhaps; pixels below 0 count for nothing.

    image : ndarray of shape (height, width) or (height, width, channels), or None, default=None
        Image of any number of channels. None: no values, 0 channels.

    places : bool, default=True
        Whether ``bbox``, ``centroid`` and ``covariance`` are wanted; else they are not worked out,
        and have 0 columns.

    spread : bool, default=True
        See :func:`region_statistics`.

    Returns
    -------
    ids : ndarray of shape (n_regions,), int32
        Label of each region, ascending.

    statistics : RegionStatistics
        Of these regions, in their order.

    Raises
    ------
    ValueError, TypeError
        If the two do not fit.

    Examples
    --------
    >>> from sklearn_spx.kernels.region_statistics import label_statistics
    >>> ids, found = label_statistics([[2, 2, -1, 9]], [[1, 3, 0, 7]])
    >>> ids.tolist(), found.area.tolist(), found.mean.tolist()
    ([2, 9], [2, 1], [[2.0], [7.0]])
    """
    labels = as_labels(labels, volumes=True)
    n = max(int(labels.max()) + 1, 0)
    ids = None
    if n > labels.size // 8:  # sums for all these numbers might be larger than the image
        labels, ids = number_regions(labels, volumes=True)
        n = len(ids)
    sums = _sum_up(labels, n, image, places, spread)
    if ids is None:
        ids = np.flatnonzero(sums.area).astype(np.int32)
        if len(ids) < n:
            sums = _Sums(*(of_all[ids] for of_all in sums))
    return ids, _statistics(sums, labels.ndim)


class _Sums(NamedTuple):
    """What `_cpu.sum_up` writes."""

    area: NDArray[np.int64]
    bbox: NDArray[np.int64]
    first: NDArray[np.float64]
    places: NDArray[np.float64]
    origin: NDArray[np.float64]
    mean: NDArray[np.float64]
    deviation: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]


def _sum_up(labels, n, image, places, spread):
    if image is None:
        values = np.empty((*labels.shape, 0), np.float32)
    elif np.asarray(image).dtype == np.uint8:  # read as it is
        _check_same_shape(image_shape(image, axes=labels.ndim), labels)
        values = as_standard(image, np.uint8).reshape(*labels.shape, -1)
    else:
        values = _as_image(image, labels)
    n_channels = values.shape[-1]
    n_axes = 3 if places else 0
    sums = _Sums(
        np.zeros(n, np.int64),
        np.zeros((n, 2 * n_axes), np.int64),
        np.zeros((n, n_axes)),
        np.zeros((n, 3 * n_axes)),
        *np.zeros((2, n, n_channels)),
        *np.zeros((3, n, n_channels if spread else 0)),
    )
    where = _rows(labels), labels.shape[-2], _rows(values, n_channels)
    _cpu.sum_up(*where, places, spread, *sums)
    return sums


def _statistics(sums, n_axes):
    """The statistics of regions, each of which has a pixel."""
    if sums.places.shape[1]:
        places = sums.places / sums.area[:, None]
        skipped = 3 - n_axes  # an image has no slices
        axes = range(skipped, 3)
        products = [(i, j) for i in range(3) for j in range(i, 3)]
        covariance = [
            np.maximum(squares - places[:, i] ** 2, 0)
            if i == j
            else squares - places[:, i] * places[:, j]
            for (i, j), squares in zip(products, places.T[3:])
            if i in axes
        ]
        where = (
            sums.bbox[:, [*axes, *(3 + axis for axis in axes)]],
            (sums.first + places[:, :3])[:, skipped:],
            np.stack(covariance, axis=1),
        )
    else:
        where = sums.bbox, sums.first, sums.places
    deviation = sums.deviation
    if deviation.shape[1]:
        deviation = np.sqrt(np.maximum(deviation, 0) / sums.area[:, None])
    return RegionStatistics(
        sums.area, *where, sums.origin + sums.mean, deviation, sums.low, sums.high
    )


def region_perimeters(labels: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Perimeters of regions, as lengths of the line through their border pixels, and in sides.

    Parameters
    ----------
    labels : ndarray of shape (height, width) or (depth, height, width), integer
        Labels 0 .. n - 1; pixels below 0 are outside every region.

    Returns
    -------
    perimeters : ndarray of shape (n,), float64
        Estimated length of the line through the centres of the border pixels [1]_, those with a
        4-neighbour outside the region: what ``skimage.measure.perimeter`` returns.

    sides : ndarray of shape (n,), int64
        Sides of pixels on the boundary, the end of the image included.

    Raises
    ------
    ValueError, TypeError
        If ``labels`` is no label image.

    References
    ----------
    .. [1] K. Benkrid, D. Crookes, "Design and FPGA implementation of a perimeter estimator",
       Irish Machine Vision and Image Processing Conference, 2000.

    Examples
    --------
    >>> from sklearn_spx.kernels.region_statistics import region_perimeters
    >>> perimeters, sides = region_perimeters([[0, 0, 0], [0, 0, 0], [0, 0, 0]])
    >>> perimeters.tolist(), sides.tolist()
    ([8.0], [12])
    """
    labels, n = _as_dense(labels)
    if labels.ndim == 3:
        raise ValueError(
            f"labels has shape {labels.shape}; perimeters are of images, and region_surfaces of "
            "volumes"
        )
    border = np.empty(labels.shape, bool)
    sides = np.zeros(n, np.int64)
    steps = np.zeros((n, 3), np.int64)
    _cpu.mark_borders(labels, border, sides)
    _cpu.count_steps(labels, border, steps)
    return steps @ np.array([1, np.sqrt(2), (1 + np.sqrt(2)) / 2]), sides


def region_surfaces(labels: ArrayLike) -> NDArray[np.int64]:
    """Surfaces of the regions of a volume, as a number of faces of samples.

    Parameters
    ----------
    labels : ndarray of shape (depth, height, width), integer
        Labels 0 .. n - 1; samples below 0 are outside every region.

    Returns
    -------
    faces : ndarray of shape (n,), int64
        Faces on the boundary, the end of the volume included.

    Raises
    ------
    ValueError, TypeError
        If ``labels`` is no label volume.

    Examples
    --------
    >>> from sklearn_spx.kernels.region_statistics import region_surfaces
    >>> region_surfaces([[[0, 0, 1]]]).tolist()
    [10, 6]
    """
    labels, n = _as_dense(labels)
    if labels.ndim != 3:
        raise ValueError(f"labels has shape {labels.shape}; accepted is (depth, height, width)")
    faces = np.zeros(n, np.int64)
    _cpu.count_faces(_rows(labels), labels.shape[1], faces)
    return faces


def region_quantiles(
    image: ArrayLike, labels: ArrayLike, quantiles: ArrayLike
) -> NDArray[np.float64]:
    """Quantiles of each channel over each region.

    Parameters
    ----------
    image : ndarray of shape (height, width) or (height, width, channels)
        Image of any number of channels.

    labels : ndarray of shape (height, width) or (depth, height, width), integer
        Labels 0 .. n - 1, each with at least one pixel; pixels below 0 count for nothing.

    quantiles : array-like of shape (n_quantiles,)
        Shares from 0 to 1.

    Returns
    -------
    values : ndarray of shape (n, n_quantiles, channels), float64
        Linear between the two nearest values, as in ``numpy.quantile``.

    Raises
    ------
    ValueError, TypeError
        If the two do not fit, a label has no pixel, or a quantile is outside 0 to 1.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_spx.kernels.region_statistics import region_quantiles
    >>> region_quantiles(np.array([[1.0, 3.0, 7.0]]), [[0, 0, 1]], [0.5]).ravel().tolist()
    [2.0, 7.0]
    """
    shares = np.asarray(quantiles, dtype=np.float64)
    if shares.ndim != 1 or not ((shares >= 0) & (shares <= 1)).all():
        raise ValueError(f"quantiles must be numbers from 0 to 1, got {quantiles!r}")
    labels, n = _as_dense(labels)
    values = _as_image(image, labels).reshape(labels.size, -1)
    area = np.bincount(labels[labels >= 0], minlength=n)
    _check_no_gap(area)
    ends = np.cumsum(area)
    pixels = np.empty(int(area.sum()), np.int64)
    _cpu.list_pixels(_rows(labels), ends - area, pixels)
    out = np.empty((n, shares.size, values.shape[1]))
    scratch = np.empty(int(area.max(initial=0)), values.dtype)
    _cpu.interpolate_quantiles(values, pixels, area, shares, scratch, out)
    return out


def region_gradients(
    image: ArrayLike, labels: ArrayLike, n_orientations: int = 8, *, spacing: Any = None
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Length and orientation of the gradient over each region.

    Parameters
    ----------
    image : ndarray of shape (height, width) or (height, width, channels)
        Image of any number of channels.

    labels : ndarray of shape (height, width) or (depth, height, width), integer
        Labels 0 .. n - 1, each with at least one pixel. Pixels below 0 count for nothing, and
        differences do not reach into them.

    n_orientations : int, default=8
        Bins of the histogram; their middles are multiples of pi / n_orientations. Volumes have
        none.

    spacing : tuple of two or three numbers or None, default=None
        Distances of neighbouring samples, one an axis: gradients are by that unit. None is 1.

    Returns
    -------
    magnitude : ndarray of shape (n,), float64
        Mean length of the gradient: root of the sum over channels of its squares. Differences are
        central, as in ``numpy.gradient``.

    orientations : ndarray of shape (n, n_orientations), float64
        Share of that length in each bin. The angle is that of the channel with the longest
        gradient, from the columns' axis to the rows', modulo pi. All 0 in a flat region. Of a
        volume the shape is (n, 0).

    Raises
    ------
    ValueError, TypeError
        If the two do not fit, a label has no pixel, or ``n_orientations`` is no count.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_spx.kernels.region_statistics import region_gradients
    >>> magnitude, orientations = region_gradients(np.array([[0.0, 2.0, 4.0]]), [[0, 0, 0]], 4)
    >>> magnitude.tolist(), orientations.tolist()
    ([2.0], [[1.0, 0.0, 0.0, 0.0]])
    """
    n_orientations = check_count(n_orientations, "n_orientations")
    labels, n = _as_dense(labels)
    image = _as_image(image, labels)
    area = np.bincount(labels[labels >= 0], minlength=n)
    _check_no_gap(area)
    magnitude = np.zeros(n)
    histogram = np.zeros((n, n_orientations if labels.ndim == 2 else 0))
    steps = spacing_of(labels, spacing)
    steps = (1.0,) * (3 - len(steps)) + steps
    where = _rows(labels), labels.shape[-2], steps, _rows(image, image.shape[-1])
    _cpu.sum_gradients(*where, magnitude, histogram)
    total = magnitude[:, None]
    orientations = np.divide(histogram, total, out=np.zeros_like(histogram), where=total > 0)
    return magnitude / area, orientations


def _as_dense(labels: Any) -> tuple[NDArray[np.int32], int]:
    """The labels, and how many they are if there is no gap."""
    labels = as_labels(labels, volumes=True)
    n = max(int(labels.max()) + 1, 0)
    if n > labels.size:
        raise ValueError(
            f"labels go up to {n - 1} in an image of {labels.size} pixels; number_regions "
            "numbers them without gaps"
        )
    return labels, n


def _rows(array, *more):
    """An array (H, W, *more) or (D, H, W, *more) as (rows, W, *more)."""
    *lines, width = array.shape[: array.ndim - len(more)]
    return array.reshape(math.prod(lines), width, *more)


def _check_no_gap(area):
    if area.size and not area.all():
        raise ValueError(
            f"labels have a gap: no pixel is {int(np.argmin(area))}; number_regions numbers them "
            "without gaps"
        )


def _check_same_shape(shape, labels):
    if shape[: labels.ndim] != labels.shape:
        raise ValueError(f"labels has shape {labels.shape}, but the image {shape}")


def _as_image(image: Any, labels: NDArray[np.int32]) -> NDArray[Any]:
    """The image (H, W, C), 0 outside: float32 if that is exact, float64 else."""
    check_no_masked_pixels(image, "image", labels.ndim)
    image = np.asarray(image)
    _check_same_shape(image.shape, labels)
    inside = labels >= 0
    mask = None if inside.all() else inside
    narrow = as_image(image, mask=mask, axes=labels.ndim)
    if image.dtype.itemsize <= 2 or image.dtype == np.float32:
        return narrow
    wide = as_standard(image, np.float64).reshape(narrow.shape)
    return wide if mask is None else np.where(mask[..., None], wide, 0.0)
