"""Regions as GeoJSON (RFC 7946): one feature a label, with borders that neighbours share."""

import math
import re
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ._affine import affine_of
from .polygons import label_polygons

__all__ = ["to_geojson"]

# of longitude and latitude, as RFC 7946 has it: they are not named
_WORLD = ("EPSG:4326", "OGC:CRS84")


def to_geojson(
    labels: ArrayLike,
    properties: Mapping[str, ArrayLike] | None = None,
    *,
    simplify: float = 0.0,
    transform: ArrayLike | None = None,
    crs: Any = None,
) -> dict[str, Any]:
    """Make a GeoJSON feature collection of the regions of a label image.

    Parameters
    ----------
    labels : array-like of int, shape (height, width)
        Label image; negative is outside every region.

    properties : mapping of str to array-like of shape (n_regions, ...) or None, default=None
        Columns of a table, a row a region: a dict of arrays, a pandas or polars data frame. Rows
        are in the order of the labels, ascending, unless there is a column ``label``, which says
        whose row it is. What is NaN or infinite becomes null.

    simplify : float, default=0.0
        How far, in pixels, borders may move to have fewer points; see :func:`label_polygons`.

    transform : array-like of 6 or 9 numbers or None, default=None
        From pixels to coordinates, as rasterio's ``transform`` or the first six numbers of it, (a,
        b, c, d, e, f): x = a column + b row + c, y = d column + e row + f. None leaves columns and
        rows, with y pointing down. (GDAL's GetGeoTransform has another order.)

    crs : str, rasterio.crs.CRS or None, default=None
        Coordinate reference system of what `transform` gives, as "EPSG:32633". None names none.

    Returns
    -------
    collection : dict
        What ``json.dump`` writes. Each feature has the label as ``id`` and as the property
        ``label``, and a Polygon, or a MultiPolygon where the region lies in several pieces.
        Exterior rings run counter-clockwise in x and y of the output, holes clockwise.

    Raises
    ------
    TypeError
        If a property is nothing that JSON has.
    ValueError
        If a property has another number of rows than there are regions, a transform is none, or
        ``crs`` comes without one.

    Notes
    -----
    RFC 7946 knows longitude and latitude (EPSG:4326) alone. Of other systems the collection has the
    member ``crs`` of the specification of 2008, which GDAL, QGIS and geopandas read.

    Examples
    --------
    >>> from sklearn_spx.regions import to_geojson
    >>> found = to_geojson([[4, 4, 7]], {"pixels": [2, 1]}, transform=(10, 0, 500, 0, -10, 80))
    >>> found["features"][1]["properties"]
    {'label': 7, 'pixels': 1}
    >>> found["features"][1]["geometry"]["coordinates"]
    [[[520.0, 80.0], [520.0, 70.0], [530.0, 70.0], [530.0, 80.0], [520.0, 80.0]]]
    """
    polygons = label_polygons(labels, simplify)
    columns = _columns(properties, list(polygons))
    affine = None if transform is None else affine_of(transform)
    collection: dict[str, Any] = {"type": "FeatureCollection"}
    if crs is not None:
        if affine is None:
            raise ValueError("crs is given without transform: coordinates would be pixels")
        name = crs if isinstance(crs, str) else crs.to_string()
        if name.upper() not in _WORLD:
            collection["crs"] = {"type": "name", "properties": {"name": _urn(name)}}
    features = []
    for i, (label, pieces) in enumerate(polygons.items()):
        rings = [[_placed(ring, affine) for ring in polygon] for polygon in pieces]
        kind, coordinates = ("MultiPolygon", rings) if len(rings) > 1 else ("Polygon", rings[0])
        features.append(
            {
                "type": "Feature",
                "id": label,
                "properties": {"label": label} | {key: rows[i] for key, rows in columns.items()},
                "geometry": {"type": kind, "coordinates": coordinates},
            }
        )
    return collection | {"features": features}


def _placed(ring, affine):
    """A ring's coordinates as lists, counter-clockwise where it encloses."""
    if affine is None:
        return ring.tolist()
    a, b, c, d, e, f = affine
    if a * e < b * d:  # mirrored, as where y points up
        ring = ring[::-1]
    x, y = ring.astype(np.float64).T
    return np.stack([a * x + b * y + c, d * x + e * y + f], axis=1).tolist()


def _urn(name):
    code = re.fullmatch(r"([A-Za-z]+):(\w+)", name)
    return f"urn:ogc:def:crs:{code[1].upper()}::{code[2]}" if code else name


def _columns(properties, labels):
    """Each column as a list, in the order of the labels."""
    if properties is None:
        return {}
    names = list(properties.columns if hasattr(properties, "columns") else properties)
    columns = {str(name): _plain(properties[name], str(name), len(labels)) for name in names}
    own = columns.pop("label", None)
    if own is None:
        return columns
    if sorted(own) != labels:
        wrong = sorted(set(own) ^ set(labels)) or sorted(own)
        raise ValueError(
            f"properties' column 'label' and the label image differ, for one in {wrong[0]}"
        )
    order = sorted(range(len(own)), key=own.__getitem__)
    return {name: [rows[i] for i in order] for name, rows in columns.items()}


def _plain(column, name, n_rows):
    """A column as a list of what JSON has."""
    array = np.asarray(column)
    if array.ndim == 0 or len(array) != n_rows:
        raise ValueError(
            f"property {name!r} has shape {array.shape}; there are {n_rows} regions, in as many "
            "rows"
        )
    if array.dtype.kind == "M":
        array = array.astype(str)
    return [_value(value, name) for value in array.tolist()]


def _value(value, name):
    if isinstance(value, list):
        return [_value(item, name) for item in value]
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if value is not None and not isinstance(value, (bool, int, float, str)):
        raise TypeError(f"property {name!r} holds {value!r} of type {type(value).__name__}")
    return value
