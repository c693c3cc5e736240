"""Polygons of regions, there and back."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from sklearn_spx import SLICSuperpixels
from sklearn_spx.datasets import make_dead_leaves
from sklearn_spx.regions import label_polygons, polygons_to_labels

from ..kernels.naive_polygons import shoelace

label_images = hnp.arrays(
    np.int32,
    hnp.array_shapes(min_dims=2, max_dims=2, max_side=9),
    elements=st.sampled_from([-2, -1, 0, 1, 1, 7, 300, 2**31 - 1]),
)
IMAGE = make_dead_leaves(1, (60, 80), random_state=0).images[0]
LABELS = SLICSuperpixels(40).fit_transform([IMAGE])[0]


@settings(max_examples=200, deadline=None)
@given(label_images, st.booleans())
def test_polygons_give_back_the_labels_exactly(labels, doubled):
    if doubled:
        labels = labels.repeat(2, axis=0).repeat(2, axis=1)
    polygons = label_polygons(labels)
    assert list(polygons) == np.unique(labels[labels >= 0]).tolist()
    found = polygons_to_labels(polygons, labels.shape)
    assert found.dtype == np.int32
    np.testing.assert_array_equal(found, np.maximum(labels, -1))


@pytest.mark.parametrize(
    ("labels", "n_rings"),
    [
        ([[0]], {0: [1]}),
        ([[-1]], {}),
        ([[4, 2, 4]], {2: [1], 4: [1, 1]}),
        ([[0, 1], [1, 0]], {0: [1, 1], 1: [1, 1]}),
        (np.pad([[1, 0, 1]], 1, constant_values=3), {0: [1], 1: [1, 1], 3: [2]}),
        (np.pad(np.pad([[1]], 1), 1, constant_values=1), {0: [2], 1: [1, 2]}),  # holes in holes
    ],
)
def test_pieces_and_holes(labels, n_rings):
    polygons = label_polygons(labels)
    found = {label: sorted(len(p) for p in pieces) for label, pieces in polygons.items()}
    assert found == n_rings


def test_neighbours_have_the_same_corners_along_their_border():
    polygons = label_polygons(LABELS, simplify=1)
    steps = [
        step
        for pieces in polygons.values()
        for polygon in pieces
        for ring in polygon
        for step in zip(map(tuple, ring[:-1].tolist()), map(tuple, ring[1:].tolist()))
    ]
    height, width = LABELS.shape
    walked = set(steps)
    assert len(walked) == len(steps)
    for (ax, ay), (bx, by) in steps:
        on_frame = (ax == bx and ax in (0, width)) or (ay == by and ay in (0, height))
        assert on_frame != (((bx, by), (ax, ay)) in walked)


@pytest.mark.parametrize("tolerance", [0, 0.75, 2, 50])
def test_simplified_polygons_fill_the_image(tolerance):
    polygons = label_polygons(LABELS, simplify=tolerance)
    areas = [shoelace(ring) for ps in polygons.values() for polygon in ps for ring in polygon]
    assert sum(areas) == LABELS.size
    again = polygons_to_labels(polygons, LABELS.shape)
    assert again.min() >= 0
    moved = (again != LABELS).mean()
    assert moved == 0 if tolerance == 0 else 0 < moved < 0.15 * min(tolerance, 3)


@pytest.mark.parametrize("tolerance", [0, 0.75, 2, 50])
@pytest.mark.parametrize("masked", [False, True])
def test_shapely_finds_them_valid_and_side_by_side(tolerance, masked):
    shapely = pytest.importorskip("shapely")
    labels = np.where(np.hypot(*np.indices(LABELS.shape)) < 30, -1, LABELS) if masked else LABELS
    shapes = [
        shapely.Polygon(polygon[0], polygon[1:])
        for pieces in label_polygons(labels, simplify=tolerance).values()
        for polygon in pieces
    ]
    assert all(shape.is_valid for shape in shapes)
    area = sum(shape.area for shape in shapes)
    assert shapely.union_all(shapes).area == pytest.approx(area, abs=1e-6)
    if not masked:
        assert area == labels.size
    elif tolerance == 0:
        assert area == (labels >= 0).sum()


def test_open_rings_are_closed():
    assert polygons_to_labels({2: [[[[0, 0], [2, 0], [2, 1], [0, 1]]]]}, (1, 3)).tolist() == [
        [2, 2, -1]
    ]
    assert (polygons_to_labels({}, (2, 2)) == -1).all()


@pytest.mark.parametrize(
    ("polygons", "message"),
    [
        ({-1: []}, "the label -1"),
        ({3: [[[[0, 0], [1, 1]]]]}, "ring 0 of polygon 0 of label 3 has 2 corners"),
        ({3: [[[0, 0, 1]]]}, r"ring 0 of polygon 0 of label 3 has shape \(3,\)"),
        ({3: [[[[0, 0], [1, 1], [np.inf, 2]]]]}, "NaN or infinite"),
    ],
)
def test_polygons_that_are_none_are_named(polygons, message):
    with pytest.raises(ValueError, match=message):
        polygons_to_labels(polygons, (2, 2))


def test_numbers_are_whole():
    square = [[[[0, 0], [2, 0], [2, 1], [0, 1]]]]
    with pytest.raises(TypeError, match=r"a label of polygons must be an integer, got 1\.5"):
        polygons_to_labels({1.5: square}, (1, 3))
    with pytest.raises(TypeError, match=r"side of shape must be an integer, got 3\.0"):
        polygons_to_labels({1: square}, (1, 3.0))


def test_a_real_label_image_is_asked_for():
    with pytest.raises(TypeError, match="labels has dtype float64"):
        label_polygons([[0.0]])
    with pytest.raises(ValueError, match="tolerance must be at least 0"):
        label_polygons([[0]], simplify=-1)
