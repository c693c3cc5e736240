"""Regions as GeoJSON."""

import json

import numpy as np
import pytest

from sklearn_spx import SLICSuperpixels
from sklearn_spx.datasets import make_dead_leaves
from sklearn_spx.regions import to_geojson

from ..kernels.naive_polygons import shoelace

IMAGE = make_dead_leaves(1, (30, 40), random_state=0).images[0]
LABELS = 3 * SLICSuperpixels(12).fit_transform([IMAGE])[0] + 1
PIECES = np.array([[5, 5, 5, -1], [5, 2, 5, 5], [5, 5, 5, -1], [2, -1, -1, 2]])
NORTH_UP = (10.0, 0.0, 500000.0, 0.0, -10.0, 4600000.0)
TURNED = (0.0, 2.0, 7.0, 3.0, 0.0, -1.0)


def rings_of(feature):
    coordinates = feature["geometry"]["coordinates"]
    polygons = coordinates if feature["geometry"]["type"] == "MultiPolygon" else [coordinates]
    return [[np.array(ring) for ring in polygon] for polygon in polygons]


@pytest.mark.parametrize("transform", [None, NORTH_UP, TURNED, (1, 1, 0, 1, -1, 0)])
def test_exteriors_run_counter_clockwise(transform):
    found = to_geojson(PIECES, transform=transform)
    assert found["type"] == "FeatureCollection"
    assert [feature["id"] for feature in found["features"]] == [2, 5]
    assert [f["geometry"]["type"] for f in found["features"]] == ["MultiPolygon", "Polygon"]
    pixel = 1 if transform is None else abs(np.linalg.det(np.reshape(transform, (2, 3))[:, :2]))
    for feature, n_pieces, size in zip(found["features"], (3, 1), (3, 9)):
        polygons = rings_of(feature)
        assert len(polygons) == n_pieces
        assert all(shoelace(polygon[0]) > 0 for polygon in polygons)
        assert all(shoelace(hole) < 0 for polygon in polygons for hole in polygon[1:])
        assert sum(shoelace(r) for p in polygons for r in p) == pytest.approx(size * pixel)
        assert all((ring[0] == ring[-1]).all() for polygon in polygons for ring in polygon)


def test_a_transform_places_the_corners():
    feature = to_geojson([[0]], transform=NORTH_UP)["features"][0]
    corners = {tuple(corner) for corner in rings_of(feature)[0][0].tolist()}
    assert corners == {(500000 + 10 * x, 4600000 - 10 * y) for x in (0, 1) for y in (0, 1)}
    nine = to_geojson([[0]], transform=(*NORTH_UP, 0, 0, 1))["features"][0]
    assert nine == feature


def test_rasterio_draws_the_same_labels():
    features = pytest.importorskip("rasterio.features")
    from rasterio.transform import Affine

    found = to_geojson(LABELS, transform=Affine(*NORTH_UP), crs="EPSG:32633")
    shapes = [(feature["geometry"], feature["id"]) for feature in found["features"]]
    drawn = features.rasterize(
        shapes, LABELS.shape, transform=Affine(*NORTH_UP), fill=-1, dtype="int32"
    )
    np.testing.assert_array_equal(drawn, LABELS)


@pytest.mark.parametrize(
    ("crs", "name"),
    [
        ("EPSG:32633", "urn:ogc:def:crs:EPSG::32633"),
        ("LOCAL_CS[...]", "LOCAL_CS[...]"),
        ("EPSG:4326", None),
        (None, None),
    ],
)
def test_a_system_is_named_unless_it_is_that_of_the_standard(crs, name):
    found = to_geojson([[0]], transform=NORTH_UP, crs=crs)
    assert found.get("crs") == (name and {"type": "name", "properties": {"name": name}})


def test_a_system_of_rasterio_is_taken():
    crs = pytest.importorskip("rasterio.crs").CRS.from_epsg(32633)
    found = to_geojson([[0]], transform=NORTH_UP, crs=crs)
    assert found["crs"]["properties"]["name"] == "urn:ogc:def:crs:EPSG::32633"


def test_properties_are_what_json_has():
    table = {
        "pixels": np.array([3, 9]),
        "mean": np.array([[0.5, np.nan], [np.inf, 1]], np.float32),
        "name": ["a", None],
        "is_flat": np.array([True, False]),
        "day": np.array(["2020-01-02", "2021-01-01"], "M8[D]"),
    }
    first, second = (f["properties"] for f in to_geojson(PIECES, table)["features"])
    assert first == {
        "label": 2,
        "pixels": 3,
        "mean": [0.5, None],
        "name": "a",
        "is_flat": True,
        "day": "2020-01-02",
    }
    assert (second["label"], second["mean"], second["name"]) == (5, [None, 1.0], None)
    json.dumps([first, second], allow_nan=False)


def test_rows_are_found_by_their_label():
    found = to_geojson(PIECES, {"label": [5, 2], "pixels": [9, 3]})
    assert [f["properties"] for f in found["features"]] == [
        {"label": 2, "pixels": 3},
        {"label": 5, "pixels": 9},
    ]


def test_data_frames_are_tables():
    class Frame:  # of pandas or polars: iterating gives names in the one and columns in the other
        columns = ("pixels",)

        def __getitem__(self, name):
            return {"pixels": np.array([3, 9])}[name]

    found = to_geojson(PIECES, Frame())
    assert [f["properties"]["pixels"] for f in found["features"]] == [3, 9]


def test_fewer_points_by_simplify():
    n_points = [
        sum(
            len(r)
            for f in to_geojson(LABELS, simplify=s)["features"]
            for p in rings_of(f)
            for r in p
        )
        for s in (0, 1)
    ]
    assert n_points[1] < 0.6 * n_points[0]


@pytest.mark.parametrize(
    ("more", "error", "message"),
    [
        ({"properties": {"a": [1]}}, ValueError, r"property 'a' has shape \(1,\); there are 2"),
        ({"properties": {"a": [1j, 2j]}}, TypeError, "property 'a' holds 1j"),
        ({"properties": {"label": [2, 4]}}, ValueError, "'label' and the label image differ.* 4"),
        ({"properties": {"label": [2, 2]}}, ValueError, "'label' and the label image differ"),
        ({"transform": (1, 2, 3)}, ValueError, "transform is .*accepted are 6"),
        ({"transform": (1, 0, 0, 0, 1, 0, 0, 0.1, 1)}, ValueError, "not affine"),
        ({"transform": (1, 1, 0, 1, 1, 0)}, ValueError, "to a line"),
        ({"crs": "EPSG:3857"}, ValueError, "crs is given without transform"),
    ],
)
def test_what_cannot_be_used_is_named(more, error, message):
    with pytest.raises(error, match=message):
        to_geojson(PIECES, **more)
