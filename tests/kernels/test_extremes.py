"""Odd arrays give what plain ones give; extreme numbers give the right answer or a ValueError."""

import numpy as np
import pytest

from sklearn_spx.kernels import (
    enforce_connectivity,
    entropy_rate_superpixels,
    graph_segmentation,
    merge_regions,
    region_adjacency,
    region_means,
    segment_region_graph,
    slic,
)
from sklearn_spx.kernels.agglomeration import agglomerate
from sklearn_spx.kernels.checks import full_scale
from sklearn_spx.kernels.cluster_assign import bottom_up, cluster_means, squared_differences
from sklearn_spx.kernels.footprints import region_footprints
from sklearn_spx.kernels.slic import _tiles
from sklearn_spx.metrics import boundary_f_measure, boundary_recall

from .. import scenes

EXTREMES = [1e300, 1e-300, 5e-324]


def nearest(values, means, neighbors, differences):
    return (differences @ np.ones(differences.shape[2], np.float32)).argmin(axis=1)


OF_IMAGES = {
    "slic": lambda image: slic(image, 9),
    "slic of channels": lambda image: slic(image, 9, convert2lab=False, compactness=0.1),
    "entropy rate": lambda image: entropy_rate_superpixels(image, 9),
    "graph": lambda image: graph_segmentation(image, scale=50, min_size=2),
    "bottom up": lambda image: bottom_up(image, 9, nearest),
    "means": lambda image: region_means(image, np.indices(image.shape[:2])[0] // 3)[0],
    "cluster means": lambda image: cluster_means(image, np.zeros(image.shape[:2], int))[0],
}
OF_LABELS = {
    "adjacency": lambda labels: region_adjacency(labels)[0],
    "connectivity": lambda labels: enforce_connectivity(labels, 3),
    "footprints": lambda labels: region_footprints(labels, 9, (3, 4), 4, 1)[2],
}


LAYOUTS = {"big-endian": lambda a: a.astype(a.dtype.newbyteorder(">")), **scenes.LAYOUTS}


@pytest.mark.parametrize("shape", [(13, 17), (1, 1), (1, 12), (12, 1)])
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32, np.float64])
def test_the_layout_of_an_image_does_not_matter(dtype, layout, shape):
    rng = np.random.default_rng(0)
    image = rng.random((*shape, 3)) if dtype in (np.float32, np.float64) else None
    if image is None:
        image = rng.integers(0, np.iinfo(dtype).max, (*shape, 3))
    image = image.astype(dtype)
    odd = LAYOUTS[layout](image)
    if layout == "list":
        if dtype == np.uint16:  # numbers of a list are 64-bit, on a scale of 8
            return
        image = np.array(odd)
        odd = image.tolist()
    before = np.array(odd)
    for name, function in OF_IMAGES.items():
        if "means" in name and layout == "list":
            continue
        if image.shape[0] * image.shape[1] < 9 and name == "entropy rate":
            continue
        np.testing.assert_array_equal(function(odd), function(image), err_msg=name)
    np.testing.assert_array_equal(odd, before)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("dtype", [np.uint8, np.int32, np.int64])
def test_the_layout_of_labels_does_not_matter(dtype, layout):
    labels = np.random.default_rng(0).integers(0, 9, (13, 17)).astype(dtype)
    odd = LAYOUTS[layout](labels)
    for name, function in OF_LABELS.items():
        np.testing.assert_array_equal(function(odd), function(labels), err_msg=name)


def test_no_layout_is_compiled_for():
    image = np.random.default_rng(0).integers(0, 256, (13, 17, 3), dtype=np.uint8)
    for layout in LAYOUTS:
        slic(LAYOUTS[layout](image), 9)
    images = [signature[0] for signature in _tiles._cut_lab_8bit.signatures]
    assert images
    assert all(kind.mutable and kind.aligned and kind.layout == "C" for kind in images)


def test_full_scale_of_another_byte_order():
    assert full_scale(np.dtype(">u2")) == full_scale(np.dtype("<u2")) == 65535
    assert full_scale(np.dtype(">i2")) == full_scale(np.dtype("i2")) == 255


@pytest.mark.parametrize("dtype", [bool, np.float16, np.longdouble, np.int8])
def test_every_real_dtype_is_taken(dtype):
    image = (np.random.default_rng(0).random((13, 17, 3)) > 0.4).astype(dtype)
    for name, function in OF_IMAGES.items():
        if "means" not in name:
            found = function(image)
            assert set(np.unique(found)) == set(range(found.max() + 1)), name


# --- numbers ---------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def image():
    return np.random.default_rng(0).integers(0, 256, (9, 12, 3), dtype=np.uint8)


@pytest.mark.parametrize("value", EXTREMES)
def test_extremes_of_entropy_rate(image, value):
    options = {"n_segments": 7}
    near = {"sigma": 1e15 if value > 1 else 1e-9}  # all alike; only what is the same
    found = entropy_rate_superpixels(image, sigma=value, **options)
    np.testing.assert_array_equal(found, entropy_rate_superpixels(image, **near, **options))
    near = {"balance": 1e18 if value > 1 else 0}
    found = entropy_rate_superpixels(image, balance=value, **options)
    np.testing.assert_array_equal(found, entropy_rate_superpixels(image, **near, **options))


@pytest.mark.parametrize("value", EXTREMES)
def test_extremes_of_graph_segmentation(image, value):
    near = 1e9 if value > 1 else 0
    for options in ({"image": image}, {"affinities": image[:2, :, :].astype(float) / 255}):
        found = graph_segmentation(**options, scale=value, min_size=0)
        np.testing.assert_array_equal(found, graph_segmentation(**options, scale=near, min_size=0))
    graph = [[0, 1], [1, 2]], [0.1, 0.2], 3
    for sizes in (value, 1.0):
        found = segment_region_graph(*graph, scale=value, sizes=[sizes] * 3)
        assert found.max() == (0 if value / sizes > 0.1 else 2)
    if value > 1:
        with pytest.raises(ValueError, match="sigma must be at most 1000 pixels, got 1e"):
            graph_segmentation(image, sigma=value)
    else:
        found = graph_segmentation(image, sigma=value, scale=100)
        np.testing.assert_array_equal(found, graph_segmentation(image, sigma=0, scale=100))


@pytest.mark.parametrize("value", EXTREMES)
def test_extremes_of_slic(image, value):
    with pytest.raises(ValueError, match="weights must have square roots within float32"):
        slic(image, 7, weights=[value] * 3)
    if value < 1:  # nothing beside the others
        found = slic(image, 7, weights=[1, value, 1])
        np.testing.assert_array_equal(found, slic(image, 7, weights=[1, 0, 1]))
    for slic_zero in (False, True):
        labels = slic(image, 7, compactness=value, slic_zero=slic_zero)
        assert set(np.unique(labels)) == set(range(labels.max() + 1))


@pytest.mark.parametrize("value", [1e20, 3e38, -3e38])
def test_one_finite_value_far_from_all_others(value):
    image = np.random.default_rng(0).random((9, 12))
    image[3, 4] = value
    with pytest.raises(ValueError, match="image holds values beyond 1e"):
        slic(image, 7)
    labels = entropy_rate_superpixels(image, 7)
    assert set(np.unique(labels)) == set(range(7))
    assert np.sum(graph_segmentation(image, sigma=0, min_size=0) == 0) >= 1
    alone = graph_segmentation(image, sigma=0, min_size=0, scale=1e6)
    assert np.sum(alone == alone[3, 4]) == 1
    labels = bottom_up(image, 7, nearest)
    assert set(np.unique(labels)) == set(range(labels.max() + 1))


def test_extremes_of_the_distance_that_boundaries_match_at():
    labels, truth = np.random.default_rng(0).integers(0, 3, (2, 9, 12))
    all_pairs = boundary_f_measure(labels, truth, max_distance=1)
    assert boundary_f_measure(labels, truth, max_distance=1e300) == all_pairs
    same_pixels = boundary_f_measure(labels, truth, max_distance=0)
    assert boundary_f_measure(labels, truth, max_distance=5e-324) == same_pixels < all_pairs


def test_extremes_of_the_others(image):
    for value in EXTREMES:
        with pytest.raises(ValueError, match="step must be from 1e-12 to 1e"):
            squared_differences(image, [0], np.zeros((1, 3)), np.zeros((1, 2)), [[0]], value)
        _, offsets, weights = region_footprints([[0, 0], [0, 1]], 2, (3, 3), value, 0)
        np.testing.assert_allclose(np.add.reduceat(weights, offsets[:-1]), 1)
    with pytest.raises(ValueError, match="n_regions is 1, but labels reach 1"):
        region_footprints([[0, 0], [0, 1]], 1, (3, 3), 1, 0)
    with pytest.raises(ValueError, match="stride must be above 0"):
        region_footprints([[0, 0]], 1, (3, 3), 0, 0)


@pytest.mark.parametrize("value", [2**62 + 1, 2**63 - 1])
def test_a_least_size_beyond_all_pixels(image, value):
    labels = np.arange(12).reshape(3, 4) // 5
    assert enforce_connectivity(labels, value).max() == 0
    assert graph_segmentation(image, min_size=value).max() == 0
    assert segment_region_graph([[0, 1]], [1.0], 2, scale=0, min_size=value).max() == 0
    assert merge_regions([[0, 1]], [1.0], 2, 0.0, value).max() == 0


@pytest.mark.parametrize(
    "call",
    [
        lambda n: enforce_connectivity([[0, 1]], n),
        lambda n: graph_segmentation([[0, 1]], min_size=n),
        lambda n: merge_regions([[0, 1]], [1.0], 2, 0.0, n),
        lambda n: slic([[0, 1]], n),
        lambda n: slic([[0, 1]], max_iter=n),
        lambda n: entropy_rate_superpixels([[0, 1]], n),
        lambda n: boundary_recall([[0, 1]], [[0, 1]], tolerance=n),
    ],
)
def test_counts_beyond_64_bits(call):
    with pytest.raises(ValueError, match=f"must be at most {2**63 - 1}, got {2**63}"):
        call(2**63)


def test_what_agglomerate_cannot_take_is_named():
    def run(edges=((0, 1),), lengths=(1,), embeddings=((0.0,), (1.0,)), sizes=(1, 1), kinds=0):
        return agglomerate(edges, lengths, embeddings, sizes, np.zeros((1, kinds)), np.ones(4))

    assert run()[0].tolist() == [[0, 1]]
    with pytest.raises(ValueError, match=r"edges\[0\] is \[0, 2\]; regions are 0 to 1"):
        run(edges=[[0, 2]])
    with pytest.raises(ValueError, match="lengths must be above 0"):
        run(lengths=[0])
    with pytest.raises(ValueError, match="embeddings and sizes have shapes"):
        run(sizes=[1])
    with pytest.raises(ValueError, match="evidence and coefficients have shapes"):
        run(kinds=1)
