"""The table of regions: against scikit-image, on exact small cases, and on bad input."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from skimage.measure import regionprops_table

from sklearn_spx.kernels import slic
from sklearn_spx.kernels.region_statistics import (
    number_regions,
    region_perimeters,
    region_surfaces,
)
from sklearn_spx.regions import region_table

SHARED = (
    "label",
    "area",
    "bbox",
    "centroid",
    "extent",
    "axis_major_length",
    "axis_minor_length",
    "eccentricity",
    "equivalent_diameter_area",
    "perimeter",
    "intensity_mean",
    "intensity_min",
    "intensity_max",
)


def _scene(kind):
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (40, 50, 3), dtype=np.uint8)
    labels = slic(image, 60, compactness=20)
    if kind == "gaps":
        labels = labels * 7 + 3
    elif kind == "pieces":
        labels = labels % 9
    elif kind == "one region":
        labels = np.zeros_like(labels)
    elif kind == "one pixel":
        labels, image = labels[:1, :1], image[:1, :1]
    elif kind == "noise":
        labels = rng.integers(0, 900, labels.shape)
    elif kind == "masked":
        labels = np.where(labels % 3 == 0, -1, labels)
    return labels, image


KINDS = ["superpixels", "gaps", "pieces", "one region", "one pixel", "noise", "masked"]


@pytest.mark.parametrize("kind", KINDS)
def test_values_are_those_of_scikit_image(kind):
    labels, image = _scene(kind)
    wanted = regionprops_table(np.maximum(labels, -1) + 1, image, properties=SHARED)
    found = region_table(labels, image, properties=SHARED)
    assert list(found) == list(wanted)
    np.testing.assert_array_equal(found.pop("label"), wanted.pop("label") - 1)
    for name, column in found.items():
        np.testing.assert_allclose(column, wanted[name], rtol=1e-9, atol=2e-6, err_msg=name)


@pytest.mark.parametrize("kind", KINDS)
def test_orientations_are_those_of_scikit_image(kind):
    labels, _ = _scene(kind)
    names = ("orientation", "axis_major_length", "axis_minor_length")
    wanted = regionprops_table(np.maximum(labels, -1) + 1, properties=names)
    found = region_table(labels, properties=names)
    long = wanted["axis_major_length"] > 1.01 * wanted["axis_minor_length"]
    turn = (found["orientation"] - wanted["orientation"])[long] / np.pi
    np.testing.assert_allclose(turn, np.rint(turn), atol=1e-6)  # half a turn is none


def test_a_column_is_the_same_alone():
    labels, image = _scene("masked")
    whole = region_table(labels, image)
    for name in {column.split("-")[0] for column in whole}:
        for column, values in region_table(labels, image, properties=[name]).items():
            np.testing.assert_array_equal(values, whole[column], err_msg=column)


def test_a_gray_image_has_columns_without_numbers():
    labels, image = _scene("superpixels")
    names = ["intensity_mean", "intensity_quantiles", "neighbour_difference"]
    found = region_table(labels, image[:, :, 0], properties=names, quantiles=[0, 0.25])
    assert list(found) == [
        "intensity_mean",
        "intensity_quantiles-0",
        "intensity_quantiles-0.25",
        "neighbour_difference",
    ]
    colour = region_table(labels, image, properties=names, quantiles=[0, 0.25])
    assert list(colour)[3:5] == ["intensity_quantiles-0-0", "intensity_quantiles-0-1"]
    np.testing.assert_array_equal(
        found["intensity_quantiles-0.25"], colour["intensity_quantiles-0.25-0"]
    )


def test_neighbours_count_by_their_boundary():
    labels = np.array([[4, 4, 9], [4, 4, 9], [6, 6, 6]])
    image = np.choose(np.searchsorted([4, 6, 9], labels), [10.0, 20.0, 40.0])
    found = region_table(labels, image)
    assert found["label"].tolist() == [4, 6, 9]
    assert found["neighbour_count"].tolist() == [2, 2, 2]
    # 4 meets 6 over two pixels and 9 over two; 6 meets 9 over one
    np.testing.assert_allclose(
        found["neighbour_difference"], [(-10 * 2 - 30 * 2) / 4, (10 * 2 - 20) / 3, (60 + 20) / 3]
    )
    np.testing.assert_allclose(found["neighbour_contrast"], [20, 40 / 3, 80 / 3])
    assert found["boundary_length"].tolist() == [8, 8, 6]
    np.testing.assert_allclose(found["position-0"], [1 / 3, 5 / 6, 1 / 3])
    np.testing.assert_allclose(found["area_share"], [4 / 9, 3 / 9, 2 / 9])
    np.testing.assert_allclose(found["compactness"][0], np.pi / 4)


def test_a_region_alone_has_no_contrast():
    found = region_table([[3, 3]], [[1, 2]])
    assert found["neighbour_count"].tolist() == [0]
    assert found["neighbour_difference"].tolist() == [0]
    assert found["neighbour_contrast"].tolist() == [0]


def test_every_value_is_finite():
    labels, image = _scene("noise")
    found = region_table(labels, image[:, :, [0, 1, 2, 0, 1]])
    assert len(set(found)) == len(found) > 60
    assert all(len(column) == len(np.unique(labels)) for column in found.values())
    assert all(np.isfinite(column).all() for column in found.values())


def test_outside_may_be_anything():
    labels, image = _scene("masked")
    other = np.where((labels < 0)[:, :, None], np.nan, image)
    for name, column in region_table(labels, image).items():
        np.testing.assert_array_equal(region_table(labels, other)[name], column)
    assert all(len(c) == 0 for c in region_table(np.full((2, 2), -1), image[:2, :2]).values())


def test_input_is_not_written_to():
    labels, image = _scene("gaps")
    labels.flags.writeable = image.flags.writeable = False
    region_table(labels[::-1], image[::-1])


@pytest.mark.parametrize(
    ("error", "message", "arguments", "options"),
    [
        (ValueError, "'intensity_mean' needs an image", (), {"properties": ["intensity_mean"]}),
        (ValueError, "no property 'size'; accepted are label, area", (), {"properties": ["size"]}),
        (ValueError, "'area' twice", (), {"properties": ["area", "label", "area"]}),
        (TypeError, r"pass a list of names: \['area'\]", (), {"properties": "area"}),
        (ValueError, r"labels has shape \(1, 2\)", ([[1, 2, 3]],), {}),
        (ValueError, r"but the image \(3, 2\)", ([[1, 2]] * 3,), {"properties": ["area"]}),
        (ValueError, "quantiles must be", ([[1, 2]],), {"quantiles": [50]}),
        (ValueError, "quantiles has 0.5 twice", ([[1, 2]],), {"quantiles": [0.5, 0.5]}),
    ],
)
def test_bad_input_is_named(error, message, arguments, options):
    with pytest.raises(error, match=message):
        region_table([[0, 1]], *arguments, **options)


# --- volumes and spacing -------------------------------------------------------------------------

VOLUMES_LACK = {"eccentricity", "orientation", "perimeter", "gradient_orientations"}


def _volume(seed=0):
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 4, (5, 6, 7))
    labels[0, 0, 0] = -1
    image = rng.random((5, 6, 7, 2))
    image[0, 0, 0] = np.nan
    return labels, image


@pytest.mark.parametrize("spacing", [None, (2.5, 1, 0.5)])
def test_a_table_of_a_volume_is_that_of_scikit_image(spacing):
    labels, image = _volume()
    table = region_table(labels, image, spacing=spacing)
    theirs = regionprops_table(
        labels + 1,  # 0 is no region there
        np.nan_to_num(image),
        properties=["area", "bbox", "centroid", "intensity_mean", "intensity_min", "intensity_max"]
        + ["extent", "equivalent_diameter_area"],
        spacing=spacing or (1, 1, 1),
    )
    for name, column in theirs.items():
        np.testing.assert_allclose(table[name], column, rtol=1e-6, err_msg=name)
    missing = {name.split("-")[0] for name in region_table(labels[1], image[1])}
    assert missing - {name.split("-")[0] for name in table} == VOLUMES_LACK


def test_axes_of_a_ball_and_a_rod_by_spacing():
    z, y, x = np.ogrid[-10:11, -20:21, -20:21]
    ball = ((2 * z) ** 2 + y**2 + x**2 <= 18**2).astype(int)
    table = region_table(ball, spacing=(2, 1, 1))
    for name in ("axis_major_length", "axis_minor_length", "equivalent_diameter_area"):
        assert table[name][1] == pytest.approx(36, rel=0.03)
    np.testing.assert_allclose([table[f"position-{k}"][1] for k in range(3)], 0.5)
    np.testing.assert_allclose([table[f"centroid-{k}"][1] for k in range(3)], [20, 20, 20])
    rod = np.zeros((3, 3, 20), int)
    rod[1, 1, 2:18] = 1
    table = region_table(rod)
    assert table["boundary_length"][1] == 4 * 16 + 2
    assert table["compactness"][1] == pytest.approx(36 * np.pi * 16**2 / 66**3)
    assert table["neighbour_count"].tolist() == [1, 1]
    assert table["axis_minor_length"][1] == 0


def test_gradients_of_volumes_are_by_the_unit_of_spacing():
    z, y, x = np.mgrid[:5, :6, :7].astype(float)
    labels, spacing = np.zeros((5, 6, 7), int), (2.0, 0.5, 1.0)
    image = 3 * 2 * z + 4 * 0.5 * y + 12 * x
    table = region_table(labels, image, properties=["gradient_magnitude"], spacing=spacing)
    assert table["gradient_magnitude"][0] == pytest.approx(13)
    flat = region_table(labels[0], image[0], properties=["gradient_magnitude"], spacing=(0.5, 1))
    assert flat["gradient_magnitude"][0] == pytest.approx(np.hypot(4, 12))


def test_a_volume_of_one_slice_has_the_table_of_the_image():
    labels, image = _volume()
    flat = region_table(labels[1], image[1])
    table = region_table(labels[1:2], image[1:2])
    for name in ("area", "label", "area_share", "extent", "intensity_mean-1", "neighbour_count"):
        np.testing.assert_array_equal(table[name], flat[name])
    for name in ("gradient_magnitude", "neighbour_contrast", "intensity_quantiles-0.5-0"):
        np.testing.assert_array_equal(table[name], flat[name])
    np.testing.assert_array_equal(table["centroid-1"], flat["centroid-0"])
    np.testing.assert_allclose(
        table["axis_major_length"] / np.sqrt(5), flat["axis_major_length"] / 2
    )


def test_spacing_of_an_image():
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 3, (9, 10))
    plain, table = region_table(labels), region_table(labels, spacing=(2, 2))
    np.testing.assert_allclose(table["area"], 4 * plain["area"])
    for name in ("perimeter", "axis_minor_length", "centroid-1", "equivalent_diameter_area"):
        np.testing.assert_allclose(table[name], 2 * plain[name])
    for name in ("orientation", "eccentricity", "compactness", "boundary_length", "bbox-3"):
        np.testing.assert_allclose(table[name], plain[name])
    tall = region_table(np.kron(labels, np.ones((3, 1), int)))
    table = region_table(labels, spacing=(3, 1))
    np.testing.assert_allclose(table["area"], tall["area"])
    np.testing.assert_allclose(table["centroid-0"], (tall["centroid-0"] - 1))
    assert "perimeter" not in table


def test_what_does_not_fit_a_volume_is_named():
    labels, image = _volume()
    with pytest.raises(ValueError, match="'orientation' is of images, and this is a volume"):
        region_table(labels, properties=["orientation"])
    with pytest.raises(ValueError, match="'perimeter' is of square pixels, and spacing is"):
        region_table(labels[0], properties=["perimeter"], spacing=(2, 1))
    with pytest.raises(
        ValueError, match=r"spacing has 2 numbers, but labels has shape \(5, 6, 7\)"
    ):
        region_table(labels, spacing=(1, 1))
    with pytest.raises(ValueError, match=r"labels has shape \(5, 6, 7\), but the image \(5, 6, 6"):
        region_table(labels, image[:, :, :6])
    with pytest.raises(ValueError, match="perimeters are of images"):
        region_perimeters(labels + 1)
    with pytest.raises(ValueError, match=r"accepted is \(depth, height, width\)"):
        region_surfaces(labels[1])


@settings(max_examples=30, deadline=None)
@given(
    hnp.arrays(
        np.int32, hnp.array_shapes(min_dims=3, max_dims=3, max_side=5), elements=st.integers(-1, 2)
    )
)
def test_surfaces_are_counted_face_by_face(labels):
    labels = number_regions(labels, volumes=True)[0]
    padded = np.pad(labels, 1, constant_values=-2)
    for k, faces in enumerate(region_surfaces(labels)):
        wanted = sum(
            np.count_nonzero((padded == k) & (np.roll(padded, step, axis) != k))
            for axis in range(3)
            for step in (1, -1)
        )
        assert faces == wanted
