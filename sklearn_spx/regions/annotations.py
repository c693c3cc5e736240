"""Annotations that other tools export, as label images: data sets of COCO, and GeoJSON."""

import warnings
from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils import Bunch

from ._affine import affine_of
from .coco import rle_to_mask
from .polygons import polygons_to_labels

__all__ = ["labels_from_coco", "labels_from_geojson"]

Order = Literal["smallest", "last"]


def labels_from_coco(
    data_set: Mapping[str, Any],
    *,
    label: Literal["annotation", "category", "label"] = "annotation",
    order: Order = "smallest",
) -> Bunch:
    """Make label images of a data set of COCO, as CVAT, Label Studio and others export it.

    Parameters
    ----------
    data_set : mapping
        What ``json.load`` reads: ``images`` with ``id``, ``file_name``, ``height`` and ``width``;
        ``annotations`` with ``image_id``, ``category_id`` and a ``segmentation``, polygons or run
        lengths; ``categories`` with ``id`` and ``name``.

    label : {"annotation", "category", "label"}, default="annotation"
        What numbers a pixel: the place of its annotation among those of the image, from 0; the
        place of its category in ``names``; or the annotation's own ``label``, as :func:`to_coco`
        writes it.

    order : {"smallest", "last"}, default="smallest"
        Which of the annotations that cover a pixel has it: the one of fewest pixels, so that parts
        are not hidden by the whole, or the last in the file. Of equals it is the last.

    Returns
    -------
    annotated : :class:`~sklearn.utils.Bunch`
        A dictionary with attributes

        labels : list of ndarray of shape (height, width), int32
            One an image, -1 where there is no annotation, which ``fit`` and all scores take for
            unknown.
        file_names : list of str
            Of the images, in their order in the file.
        names : list of str
            Names of the categories, in their order in the file.

    Raises
    ------
    TypeError
        If ``data_set`` is no mapping.
    ValueError
        If something is missing or does not fit; the message names the image or the annotation.

    Warns
    -----
    UserWarning
        If an annotation has no pixel in the label image; the message names it.

    See Also
    --------
    to_coco : The way back.

    Examples
    --------
    >>> from sklearn_spx.regions import labels_from_coco, to_coco
    >>> file = to_coco([[[4, 4, 9]]], ["a.png"], segmentation="polygons")
    >>> found = labels_from_coco(file)
    >>> found.file_names, found.labels[0].tolist()
    (['a.png'], [[0, 0, 1]])
    >>> labels_from_coco(file, label="label").labels[0].tolist()
    [[4, 4, 9]]
    """
    if not isinstance(data_set, Mapping):
        raise TypeError(
            f"data_set is of type {type(data_set).__name__}; accepted is the dict of json.load"
        )
    if label not in ("annotation", "category", "label"):
        raise ValueError(f"label is {label!r}; accepted are 'annotation', 'category' and 'label'")
    _check_order(order)
    for part in ("images", "annotations", "categories"):
        if not isinstance(data_set.get(part), (list, tuple)):
            raise ValueError(f"data_set has no list {part!r}")
    places = {_of(one, "id", f"categories[{k}]"): k for k, one in enumerate(data_set["categories"])}
    areas: dict[Any, list[Any]] = {}
    shapes = {}
    for i, image in enumerate(data_set["images"]):
        key = _of(image, "id", f"images[{i}]")
        if key in areas:
            raise ValueError(f"images[{i}] has the id {key!r} of an image before it")
        areas[key] = []
        shapes[key] = tuple(
            _check_size(_of(image, side, f"images[{i}]"), f"images[{i}]: {side!r}")
            for side in ("height", "width")
        )
    for k, annotation in enumerate(data_set["annotations"]):
        name = f"annotations[{k}]"
        image = _of(annotation, "image_id", name)
        if image not in areas:
            raise ValueError(f"{name} is of image {image!r}, which is not among the images")
        category = _of(annotation, "category_id", name)
        if category not in places:
            raise ValueError(f"{name} is of category {category!r}, which is not there")
        number = {
            "annotation": len(areas[image]),
            "category": places[category],
            "label": annotation.get("label"),
        }[label]
        _check_number(number, f"{name}: 'label'")
        mask = _coco_mask(_of(annotation, "segmentation", name), shapes[image], name)
        areas[image].append((number, mask, name))
    painted = [_painted(areas[key], shapes[key], order) for key in areas]
    _warn_of_lost([name for _, names in painted for name in names], len(data_set["annotations"]))
    return Bunch(
        labels=[labels for labels, _ in painted],
        file_names=[str(_of(one, "file_name", "images")) for one in data_set["images"]],
        names=[str(_of(one, "name", "categories")) for one in data_set["categories"]],
    )


def labels_from_geojson(
    collection: Mapping[str, Any],
    shape: tuple[int, int],
    *,
    label: str | None = None,
    transform: ArrayLike | None = None,
    order: Order = "smallest",
) -> Bunch:
    """Make a label image of a GeoJSON feature collection, as QuPath and GIS export it.

    Parameters
    ----------
    collection : mapping
        What ``json.load`` reads: a FeatureCollection, whose features are Polygons and
        MultiPolygons.

    shape : tuple of two int
        Height and width of the image; what lies beyond is cut.

    label : str or None, default=None
        The property that numbers a pixel. Integers are labels as they are; of anything else, as
        names of classes, each that occurs is a label, by its place in ``names``. Of a dict, as
        QuPath's ``classification``, it is the ``name``. None: the place of the feature, from 0.

    transform : array-like of 6 or 9 numbers or None, default=None
        From pixels to the coordinates of the file, as :func:`to_geojson` takes it. None: they are
        columns and rows.

    order : {"smallest", "last"}, default="smallest"
        Which of the features that cover a pixel has it: the one of fewest pixels, so that parts are
        not hidden by the whole, or the last in the file. Of equals it is the last.

    Returns
    -------
    annotated : :class:`~sklearn.utils.Bunch`
        A dictionary with attributes

        labels : ndarray of shape (height, width), int32
            -1 where there is no feature, which ``fit`` and all scores take for unknown.
        names : list of str
            What the labels stand for, where ``label`` names a property that is no integer;
            ascending. Empty otherwise.

    Raises
    ------
    TypeError
        If ``collection`` is no mapping.
    ValueError
        If a feature is no area, has no such property, or is not well formed; the message names the
        feature.

    Warns
    -----
    UserWarning
        If a feature has no pixel in the label image; the message names it.

    See Also
    --------
    to_geojson : The way back.

    Examples
    --------
    >>> from sklearn_spx.regions import labels_from_geojson, to_geojson
    >>> file = to_geojson([[4, 4, 9]], {"kind": ["wheat", "barley"]})
    >>> labels_from_geojson(file, (1, 3), label="label").labels.tolist()
    [[4, 4, 9]]
    >>> found = labels_from_geojson(file, (1, 3), label="kind")
    >>> found.labels.tolist(), found.names
    ([[1, 1, 0]], ['barley', 'wheat'])
    """
    if not isinstance(collection, Mapping):
        raise TypeError(
            f"collection is of type {type(collection).__name__}; accepted is the dict of json.load"
        )
    _check_order(order)
    features = collection.get("features")
    if collection.get("type") != "FeatureCollection" or not isinstance(features, (list, tuple)):
        raise ValueError("collection is no GeoJSON FeatureCollection with a list of 'features'")
    height, width = _check_shape(shape)
    back = None if transform is None else _inverse(affine_of(transform))
    values = [_property(one, label, f"features[{k}]") for k, one in enumerate(features)]
    is_number = label is None or all(
        isinstance(value, int) and not isinstance(value, bool) for value in values
    )
    if label is None:
        values = list(range(len(features)))
    names = [] if is_number else sorted({str(value) for value in values})
    places = {name: k for k, name in enumerate(names)}
    areas = []
    for k, (feature, value) in enumerate(zip(features, values)):
        number = value if is_number else places[str(value)]
        _check_number(number, f"features[{k}]: {label!r}")
        pieces = _pieces(feature, back, f"features[{k}]")
        name = f"features[{k}]"
        areas.append((number, _mask_of(pieces, (height, width), name), name))
    labels, lost = _painted(areas, (height, width), order)
    hint = ""
    if len(lost) == len(features) and transform is None:
        hint = "; are the coordinates those of a map? Then give its transform"
    _warn_of_lost(lost, len(features), hint)
    return Bunch(labels=labels, names=names)


# --- masks of areas -------------------------------------------------------------------------------


def _painted(areas, shape, order):
    """Label image of (number, (mask, rows and columns it covers), name), each over those before.

    And the names of those of which nothing is left in it.
    """
    labels = np.full(shape, -1, np.int32)
    by_size = sorted(areas, key=lambda area: -np.count_nonzero(area[1][0]))
    for number, (mask, window), _ in by_size if order == "smallest" else areas:
        labels[window][mask] = number
    return labels, [
        name for number, (mask, window), name in areas if not (labels[window][mask] == number).any()
    ]


def _warn_of_lost(names, n, hint=""):
    if names:
        some = ", ".join(names[:10]) + (", ..." if len(names) > 10 else "")
        warnings.warn(
            f"{len(names)} of {n} have no pixel in the label image, since they lie beyond the "
            f"image, below others, or between the centres of pixels: {some}{hint}",
            stacklevel=3,
        )


def _mask_of(pieces, shape, name):
    """Mask of pieces, each a list of rings, in the window that they cover."""
    points = np.concatenate([ring for piece in pieces for ring in piece])
    if not np.isfinite(points).all():
        raise ValueError(f"{name} holds NaN or infinite coordinates")
    limits = np.array([shape[1], shape[0]])
    low = np.clip(np.floor(points.min(axis=0)), 0, limits).astype(int)
    high = np.clip(np.ceil(points.max(axis=0)), low, limits).astype(int)
    (left, top), (right, bottom) = low.tolist(), high.tolist()
    mask = np.zeros((bottom - top, right - left), bool)
    for piece in pieces:  # holes belong to one piece; pieces may overlap
        rings = [ring - low for ring in piece]
        try:
            mask |= polygons_to_labels({0: [rings]}, mask.shape) == 0
        except ValueError as error:
            raise ValueError(f"{name}: {error}") from None
    return mask, np.s_[top:bottom, left:right]


def _coco_mask(segmentation, shape, name):
    if isinstance(segmentation, Mapping):
        try:
            mask = rle_to_mask(dict(segmentation))
        except ValueError as error:
            raise ValueError(f"{name}: {error}") from None
        if mask.shape != shape:
            raise ValueError(f"{name} is of {mask.shape} pixels, and its image of {shape}")
        rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
        if rows.size == 0:
            return mask[:0, :0], np.s_[:0, :0]
        window = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
        return mask[window].copy(), window
    if not isinstance(segmentation, (list, tuple)) or not segmentation:
        raise ValueError(f"{name}: 'segmentation' holds neither polygons nor run lengths")
    pieces = []
    for polygon in segmentation:
        flat = _numbers(polygon, name)
        if flat.ndim != 1 or flat.size % 2 or flat.size < 6:
            raise ValueError(f"{name}: a polygon is x and y of three or more corners in turn")
        pieces.append([flat.reshape(-1, 2)])
    return _mask_of(pieces, shape, name)


def _pieces(feature, back, name):
    """Polygons of a feature, each a list of rings of columns and rows."""
    geometry = feature.get("geometry")
    kind = geometry.get("type") if isinstance(geometry, Mapping) else None
    if kind not in ("Polygon", "MultiPolygon"):
        raise ValueError(
            f"{name} is of type {kind!r}; accepted are 'Polygon' and 'MultiPolygon': leave others "
            "out of the list of features"
        )
    polygons = geometry.get("coordinates")
    polygons = [polygons] if kind == "Polygon" else polygons
    if not isinstance(polygons, (list, tuple)) or not all(polygons) or not polygons:
        raise ValueError(f"{name} has no coordinates")
    return [[_ring(ring, back, name) for ring in polygon] for polygon in polygons]


def _ring(ring, back, name):
    points = _numbers(ring, name)
    if points.ndim != 2 or points.shape[1] not in (2, 3) or len(points) < 3:
        raise ValueError(f"{name}: a ring is a list of three or more points of two coordinates")
    points = points[:, :2]
    if back is None:
        return points
    matrix, offset = back
    return (points - offset) @ matrix.T


def _inverse(affine):
    """Matrix from coordinates to columns and rows, and what is to be taken off them before."""
    a, b, c, d, e, f = affine
    return np.linalg.inv([[a, b], [d, e]]), np.array([c, f])


# --- checks ---------------------------------------------------------------------------------------


def _check_order(order):
    if order not in ("smallest", "last"):
        raise ValueError(f"order is {order!r}; accepted are 'smallest' and 'last'")


def _of(one, key, name):
    if not isinstance(one, Mapping) or key not in one:
        raise ValueError(f"{name} has no {key!r}")
    return one[key]


def _check_size(value, name):
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < 1:
        raise ValueError(f"{name} is {value!r}; accepted are integers from 1 up")
    return int(value)


def _check_shape(shape):
    shape = tuple(shape)
    if len(shape) != 2:
        raise ValueError(f"shape is {shape}; accepted is (height, width), as image.shape[:2]")
    return tuple(_check_size(n, "shape") for n in shape)


def _check_number(number, name):
    is_integer = isinstance(number, (int, np.integer)) and not isinstance(number, bool)
    if not is_integer or not 0 <= number <= np.iinfo(np.int32).max:
        raise ValueError(f"{name} is {number!r}; accepted are integers from 0 to 2147483647")


def _numbers(values, name):
    try:
        return np.asarray(values, np.float64)
    except (TypeError, ValueError):
        raise ValueError(f"{name}: coordinates must be numbers") from None


def _property(feature, label, name):
    if not isinstance(feature, Mapping):
        raise ValueError(f"{name} is no feature")
    if label is None:
        return None
    value = (feature.get("properties") or {}).get(label)
    if isinstance(value, Mapping):
        value = value.get("name")
    if value is None:
        raise ValueError(f"{name} has no property {label!r}")
    return value
