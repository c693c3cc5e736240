"""Exports of annotation tools, as label images."""

import copy
import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from sklearn_spx.regions import (
    labels_from_coco,
    labels_from_geojson,
    polygons_to_labels,
    to_coco,
    to_geojson,
)

label_images = hnp.arrays(
    np.int32,
    hnp.array_shapes(min_dims=2, max_dims=2, max_side=12),
    elements=st.sampled_from([-1, 0, 0, 3, 9]),
)
SQUARE = [[0, 0], [4, 0], [4, 4], [0, 4], [0, 0]]
PART = [[1, 1], [3, 1], [3, 3], [1, 3], [1, 1]]


@settings(max_examples=50, deadline=None)
@given(label_images, st.sampled_from(["rle", "counts", "polygons"]))
def test_coco_gives_back_every_label(labels, kind):
    file = json.loads(json.dumps(to_coco([labels], ["a.png"], segmentation=kind)))
    found = labels_from_coco(file, label="label")
    np.testing.assert_array_equal(found.labels[0], labels)
    assert found.labels[0].dtype == np.int32
    ids = np.unique(labels[labels >= 0])
    by_place = labels_from_coco(file).labels[0]
    np.testing.assert_array_equal(by_place, np.where(labels < 0, -1, np.searchsorted(ids, labels)))


@settings(max_examples=50, deadline=None)
@given(label_images, st.booleans())
def test_geojson_gives_back_every_label(labels, on_a_map):
    transform = (10, 2, 500, 1, -10, 80) if on_a_map else None
    file = json.loads(json.dumps(to_geojson(labels, transform=transform)))
    found = labels_from_geojson(file, labels.shape, label="label", transform=transform)
    np.testing.assert_array_equal(found.labels, labels)
    assert found.names == []


def coco(*annotations, height=4, width=4):
    return {
        "images": [{"id": 7, "file_name": "a.png", "height": height, "width": width}],
        "categories": [{"id": 3, "name": "leaf"}, {"id": 1, "name": "stem"}],
        "annotations": [
            {"image_id": 7, "category_id": 3, "segmentation": s} if isinstance(s, list) else s
            for s in annotations
        ],
    }


def flat(ring):
    return [float(value) for point in ring[:-1] for value in point]


def test_parts_lie_on_the_whole_unless_the_last_is_asked_for():
    file = coco([flat(PART)], [flat(SQUARE)])
    inner = np.pad(np.zeros((2, 2), int), 1, constant_values=1)
    np.testing.assert_array_equal(labels_from_coco(file).labels[0], inner)
    with pytest.warns(UserWarning, match=r"^1 of 2 have no pixel .*: annotations\[0\]$"):
        assert (labels_from_coco(file, order="last").labels[0] == 1).all()


def test_categories_are_numbered_by_their_place():
    file = coco([flat(SQUARE)], {"image_id": 7, "category_id": 1, "segmentation": [flat(PART)]})
    found = labels_from_coco(file, label="category")
    assert found.names == ["leaf", "stem"]
    assert np.unique(found.labels[0], return_counts=True)[1].tolist() == [12, 4]
    assert found.labels[0][1, 1] == 1


def test_overlapping_polygons_of_one_annotation_are_one_area():
    file = coco([flat(SQUARE), flat(PART)])
    assert (labels_from_coco(file).labels[0] == 0).all()


def test_images_without_annotations_are_unknown_and_what_lies_beyond_is_cut():
    assert (labels_from_coco(coco()).labels[0] == -1).all()
    beyond = [[-5, -5], [2, -5], [2, 2], [-5, 2], [-5, -5]]
    outside = [[50, 50], [60, 50], [60, 60], [50, 50]]
    with pytest.warns(UserWarning, match=r"^1 of 2 have no pixel .*: annotations\[1\]$"):
        found = labels_from_coco(coco([flat(beyond)], [flat(outside)])).labels[0]
    assert (found[:2, :2] == 0).all()
    assert (found >= 0).sum() == 4


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda f: f.pop("categories"), "no list 'categories'"),
        (lambda f: f["images"][0].pop("height"), r"images\[0\] has no 'height'"),
        (lambda f: f["images"][0].update(width=0), r"images\[0\]: 'width' is 0"),
        (lambda f: f["images"].append(f["images"][0]), r"images\[1\] has the id 7"),
        (lambda f: f["annotations"][0].update(image_id=8), r"annotations\[0\] is of image 8"),
        (lambda f: f["annotations"][0].update(category_id=8), "of category 8, which is not there"),
        (lambda f: f["annotations"][0].pop("segmentation"), r"annotations\[0\] has no 'segm"),
        (lambda f: f["annotations"][0].update(segmentation=[]), "neither polygons nor run lengths"),
        (
            lambda f: f["annotations"][0].update(segmentation=[[1, 2, 3, 4]]),
            "three or more corners",
        ),
        (lambda f: f["annotations"][0].update(segmentation=[["a"] * 6]), "must be numbers"),
        (lambda f: f["annotations"][0].update(segmentation=[[float("nan")] * 6]), "NaN"),
        (
            lambda f: f["annotations"][0].update(segmentation={"size": [2, 2], "counts": [4]}),
            r"annotations\[0\] is of \(2, 2\) pixels",
        ),
        (
            lambda f: f["annotations"][0].update(segmentation={"size": [4, 4], "counts": [4]}),
            r"annotations\[0\]: counts do not fill",
        ),
    ],
)
def test_wrong_coco_files_are_named(change, message):
    file = copy.deepcopy(coco([flat(SQUARE)]))
    change(file)
    with pytest.raises(ValueError, match=message):
        labels_from_coco(file)


def test_wrong_arguments_are_named():
    with pytest.raises(TypeError, match=r"dict of json\.load"):
        labels_from_coco("a.json")
    with pytest.raises(TypeError, match=r"dict of json\.load"):
        labels_from_geojson([], (4, 4))
    with pytest.raises(ValueError, match="label is 'id'"):
        labels_from_coco(coco(), label="id")
    with pytest.raises(ValueError, match="order is 'first'"):
        labels_from_coco(coco(), order="first")
    with pytest.raises(ValueError, match=r"annotations\[0\]: 'label' is None"):
        labels_from_coco(coco([flat(SQUARE)]), label="label")


def collection(*features):
    return {
        "type": "FeatureCollection",
        "features": [
            {"type": "Feature", "properties": p, "geometry": {"type": k, "coordinates": c}}
            for k, c, p in features
        ],
    }


def test_qupath_s_classes_are_named():
    file = collection(
        ("Polygon", [SQUARE], {"classification": {"name": "Tumor", "color": [200, 0, 0]}}),
        ("MultiPolygon", [[PART]], {"classification": {"name": "Stroma"}}),
    )
    found = labels_from_geojson(file, (4, 4), label="classification")
    assert found.names == ["Stroma", "Tumor"]
    np.testing.assert_array_equal(found.labels, np.pad(np.zeros((2, 2)), 1, constant_values=1))


def test_holes_are_holes_and_a_third_coordinate_is_height():
    ring = [[*point, 12.5] for point in SQUARE]
    found = labels_from_geojson(collection(("Polygon", [ring, PART], {})), (4, 4)).labels
    assert (found[1:3, 1:3] == -1).all()
    assert (found >= 0).sum() == 12


@pytest.mark.parametrize(
    ("file", "message"),
    [
        ({"type": "Feature"}, "no GeoJSON FeatureCollection"),
        (collection(("Point", [1, 2], {"kind": 1})), r"features\[0\] is of type 'Point'"),
        (collection(("Polygon", [], {"kind": 1})), r"features\[0\] has no coordinates"),
        (collection(("Polygon", [[[1, 2]]], {"kind": 1})), "three or more points"),
        (collection(("Polygon", [SQUARE], {})), r"features\[0\] has no property 'kind'"),
        (collection(("Polygon", [SQUARE], {"kind": -1})), "is -1; accepted are integers"),
        (collection(("Polygon", [[["a", "b"]] * 4], {"kind": 1})), "must be numbers"),
        (collection(("Polygon", [[[1e999, 0]] * 4], {"kind": 1})), "NaN or infinite"),
    ],
)
def test_wrong_geojson_is_named(file, message):
    with pytest.raises(ValueError, match=message):
        labels_from_geojson(file, (4, 4), label="kind")


def test_annotations_can_be_learned_from():
    """A scribble and an outline train a classifier of regions."""
    from sklearn.tree import DecisionTreeClassifier

    from sklearn_spx import SLICSuperpixels
    from sklearn_spx.regions import RegionFeatures, SuperpixelClassifier

    image = np.zeros((24, 24, 3), np.uint8)
    image[:, 12:] = 200
    left, right = ([[x, 4], [x + 6, 4], [x + 6, 18], [x, 18], [x, 4]] for x in (2, 15))
    classes = labels_from_geojson(
        collection(
            ("Polygon", [left], {"class": "dark"}), ("Polygon", [right], {"class": "bright"})
        ),
        image.shape[:2],
        label="class",
    )
    classifier = SuperpixelClassifier(
        SLICSuperpixels(8), RegionFeatures(), DecisionTreeClassifier()
    )
    predicted = classifier.fit([image], [classes.labels]).predict([image])[0]
    assert classes.names[predicted[0, 0]] == "dark"
    assert classes.names[predicted[0, 20]] == "bright"


def test_features_in_coordinates_of_a_map_are_told():
    """Without its transform they all lie beyond the image, whose labels were -1 in silence."""
    transform = (10.0, 0.0, 500_000.0, 0.0, -10.0, 4_000_000.0)
    file = to_geojson(np.repeat([[0, 1]], 4, axis=0), transform=transform)
    with pytest.warns(UserWarning, match=r"2 of 2 have .* features\[1\]; .* give its transform"):
        found = labels_from_geojson(file, (4, 2))
    assert (found.labels == -1).all()
    with pytest.warns(UserWarning, match=r"1 of 2 have .*: features\[1\]$"):
        labels_from_geojson(to_geojson(np.repeat([[0, 1]], 4, axis=0)), (4, 1))


def test_what_lies_below_others_of_its_class_is_not_lost():
    file = coco([flat(SQUARE)], [flat(PART)])
    found = labels_from_coco(file, label="category", order="last").labels[0]
    assert (found == 0).all()


@pytest.mark.parametrize("draw", [labels_from_geojson, polygons_to_labels])
def test_a_shape_with_channels_is_named(draw):
    nothing = {"type": "FeatureCollection", "features": []} if draw is labels_from_geojson else {}
    with pytest.raises(ValueError, match=r"shape is \(4, 5, 3\); .*, as image.shape\[:2\]"):
        draw(nothing, (4, 5, 3))
