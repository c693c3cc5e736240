"""Felzenszwalb and Huttenlocher on pixels, affinities and regions."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter, generate_binary_structure, label

from sklearn_spx.kernels import graph_segmentation
from sklearn_spx.kernels.graph_segmentation import (
    _colour_weights,
    _gaussian,
    segment_region_graph,
)
from sklearn_spx.kernels.graph_segmentation._cpu_sort import sort_pairs

from . import naive


@settings(max_examples=40, deadline=None)
@given(
    st.integers(0, 2**32 - 1),
    st.tuples(st.integers(1, 8), st.integers(1, 8)),
    st.sampled_from([0.0, 20.0, 100.0, 400.0]),
    st.integers(0, 6),
    st.sampled_from([4, 8]),
    st.booleans(),
)
def test_pixels_are_the_naive_ones(seed, shape, scale, min_size, connectivity, masked):
    rng = np.random.default_rng(seed)
    image = rng.choice(np.float32([0, 0.25, 0.5, 1]), (*shape, 2))
    mask = rng.random(shape) < 0.7 if masked else np.ones(shape, bool)
    mask[0, 0] = True
    found = graph_segmentation(
        image, scale=scale, sigma=0, min_size=min_size, connectivity=connectivity, mask=mask
    )
    wanted = naive.graph_segmentation(image, scale, min_size, connectivity, mask)
    np.testing.assert_array_equal(found, wanted)
    assert found.dtype == np.int32


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from([0.0, 0.3, 2.0]), st.integers(0, 5))
def test_regions_are_the_naive_ones(seed, scale, min_size):
    rng = np.random.default_rng(seed)
    n = rng.integers(1, 10)
    edges, weights = rng.integers(0, n, (15, 2)), rng.integers(0, 6, 15) / 5
    sizes = rng.integers(1, 4, n)
    found = segment_region_graph(edges, weights, n, scale=scale, sizes=sizes, min_size=min_size)
    wanted = naive.segment_graph(
        n, edges.tolist(), weights.tolist(), scale, min_size, sizes.tolist()
    )
    assert found.tolist() == wanted


def test_regions_by_hand():
    # a chain of weights .1 .2 .6: with scale .5 the first two join (.1 <= .5), the third needs
    # .2 <= min(.1 + .5 / 2, .5), the last .6 <= min(.2 + .5 / 3, .5) fails
    graph = [[0, 1], [1, 2], [2, 3]], [0.1, 0.2, 0.6], 4
    assert segment_region_graph(*graph, scale=0.5).tolist() == [0, 0, 0, 1]
    assert segment_region_graph(*graph, scale=0.5, min_size=2).tolist() == [0, 0, 0, 0]
    assert segment_region_graph(*graph, scale=0.0).tolist() == [0, 1, 2, 3]


@pytest.mark.parametrize("connectivity", [4, 8])
def test_min_size_is_strict_and_segments_connected(connectivity):
    image = np.random.default_rng(0).integers(0, 256, (60, 70, 3), dtype=np.uint8)
    labels = graph_segmentation(image, scale=50, min_size=30, connectivity=connectivity)
    assert np.bincount(labels.ravel()).min() >= 30
    structure = generate_binary_structure(2, 1 if connectivity == 4 else 2)
    for found in range(labels.max() + 1):
        assert label(labels == found, structure)[1] == 1


def test_affinities():
    affinities = np.ones((2, 4, 6))
    affinities[0, :, 2] = 0.1  # between the third and the fourth column
    labels = graph_segmentation(affinities=affinities, scale=1.0, min_size=0)
    np.testing.assert_array_equal(labels, np.repeat([[0, 0, 0, 1, 1, 1]], 4, axis=0))
    affinities[0, :, -1] = np.nan  # leads nowhere, and is not looked at
    affinities[1, -1] = np.nan
    np.testing.assert_array_equal(
        labels, graph_segmentation(affinities=affinities, scale=1.0, min_size=0)
    )


def test_scale_means_what_it_means_to_scikit_image():
    from skimage.segmentation import felzenszwalb

    from sklearn_spx.datasets import make_dead_leaves

    image = make_dead_leaves(1, random_state=0).images[0]
    for scale in (10, 100, 400):
        ours = graph_segmentation(image, scale=scale, min_size=20).max() + 1
        theirs = felzenszwalb(image, scale=scale, sigma=0.8, min_size=20).max() + 1
        assert abs(ours - theirs) <= 0.05 * theirs + 2


def test_integers_count_on_the_scale_of_their_type():
    image = np.random.default_rng(0).integers(0, 256, (20, 30), dtype=np.uint8)
    expected = graph_segmentation(image, scale=100)
    for other in (image / np.float32(255), image.astype(np.uint16) * 257, image.astype(int)):
        np.testing.assert_array_equal(expected, graph_segmentation(other, scale=100))


def test_smoothing_is_gaussian():
    image = np.random.default_rng(0).random((20, 30, 2)).astype(np.float32)
    smooth = gaussian_filter(image, (0.8, 0.8, 0), mode="nearest")
    weights = _colour_weights(image, 0.8, 4, None, np.ones((0, 0), bool))
    wanted = np.linalg.norm(smooth[:, 1:] - smooth[:, :-1], axis=2)
    np.testing.assert_allclose(weights[:, 0, :-1], wanted, atol=1e-5)
    wanted = np.linalg.norm(smooth[1:] - smooth[:-1], axis=2)
    np.testing.assert_allclose(weights[:-1, 1], wanted, atol=1e-5)


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("sigma", [0, 0.1, 0.5, 0.8, 3.0])
@pytest.mark.parametrize("shape", [(1, 1, 3), (1, 9, 1), (8, 1, 2), (2, 2, 3), (11, 13, 20)])
def test_weights_are_the_naive_ones_bit_for_bit(shape, sigma, masked):
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, shape, np.uint8)
    mask, inside = None, np.ones(shape[:2], bool)
    if masked:
        mask = inside = rng.random(shape[:2]) < 0.7
        mask[0, 0] = True
        image[~mask] = 0
    for connectivity in (4, 8):
        given_mask = np.ones((0, 0), bool) if mask is None else mask
        found = _colour_weights(image, sigma, connectivity, mask, given_mask)
        values = image / np.float32(255)
        if sigma:
            values = naive.smoothed(values, _gaussian(sigma), mask)
        wanted = naive.edge_weights(values, connectivity, inside)
        np.testing.assert_array_equal(found.view(np.uint32), wanted.view(np.uint32))


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(0, 200), st.integers(0, 31), st.integers(0, 31))
def test_pairs_are_sorted_by_key_and_stay_in_order(seed, n, first, wide):
    rng = np.random.default_rng(seed)
    low = 2**first
    high = low + 2**wide
    keys = np.minimum(low + rng.integers(0, 2**wide, n) // 3 * 3, high - 1).astype(np.uint64)
    pairs = keys << np.uint64(32) | np.arange(n, dtype=np.uint64)
    wanted = np.sort(pairs)
    found = sort_pairs(pairs, np.empty_like(pairs), low, high)
    np.testing.assert_array_equal(found, wanted)


@pytest.mark.parametrize("connectivity", [4, 8])
@pytest.mark.parametrize("scale", [0.0, 30.0])
def test_many_equal_weights_are_the_naive_ones(scale, connectivity):
    # far more of weight 0 than one round lists, and all small in the end
    image = np.random.default_rng(1).choice(np.float32([0, 0, 0, 1]), (40, 21, 1))
    mask = np.ones(image.shape[:2], bool)
    mask[7:9, 3:] = False
    found = graph_segmentation(
        image, scale=scale, sigma=0, min_size=7, connectivity=connectivity, mask=mask
    )
    wanted = naive.graph_segmentation(image, scale, 7, connectivity, mask)
    np.testing.assert_array_equal(found, wanted)


@pytest.mark.parametrize("shape", [(1, 1), (1, 50), (50, 1), (90, 110)])
def test_a_constant_image_is_one_segment(shape):
    for connectivity in (4, 8):
        for sigma in (0, 0.8):
            labels = graph_segmentation(
                np.full(shape, 7, np.uint8), scale=0, sigma=sigma, connectivity=connectivity
            )
            assert labels.shape == shape
            assert not labels.any()


@pytest.mark.parametrize("connectivity", [4, 8])
def test_more_channels_than_colours(connectivity):
    image = np.random.default_rng(2).choice(np.float32([0, 0.25, 0.5, 1]), (9, 8, 20))
    mask = np.ones(image.shape[:2], bool)
    found = graph_segmentation(image, scale=900, sigma=0, min_size=3, connectivity=connectivity)
    wanted = naive.graph_segmentation(image, 900, 3, connectivity, mask)
    np.testing.assert_array_equal(found, wanted)


@pytest.mark.parametrize(("connectivity", "shape"), [(8, (2**15, 2**15)), (4, (2**16, 2**15))])
def test_more_edges_than_can_be_counted_are_refused_before_anything_is_allocated(
    connectivity, shape
):
    image = np.broadcast_to(np.uint8(0), shape)
    with pytest.raises(ValueError, match="more edges than 32 bits count"):
        graph_segmentation(image, connectivity=connectivity)
    with pytest.raises(ValueError, match=f"at most {2**33 // connectivity - 1} pixels"):
        graph_segmentation(
            affinities=np.broadcast_to(np.float32(1), (2, *shape)), connectivity=connectivity
        )


def test_nothing_outside_the_mask_matters():
    rng = np.random.default_rng(0)
    image = rng.random((20, 30))
    mask = np.zeros((20, 30), bool)
    mask[3:17, 4:25] = True
    expected = graph_segmentation(image, scale=100, mask=mask)
    other = np.where(mask, image, 1e6)
    np.testing.assert_array_equal(expected, graph_segmentation(other, scale=100, mask=mask))


def test_what_does_not_fit_is_named():
    image = np.zeros((4, 5))
    with pytest.raises(ValueError, match="one of the two"):
        graph_segmentation()
    with pytest.raises(ValueError, match="one of the two"):
        graph_segmentation(image, affinities=np.ones((2, 4, 5)))
    bad = np.ones((2, 4, 5))
    bad[1, 1, 2] = 1.5
    with pytest.raises(ValueError, match=r"row 1, column 2 is 1\.5; accepted is 0 to 1"):
        graph_segmentation(affinities=bad)
    with pytest.raises(ValueError, match=r"affinities has shape \(3, 4, 5\)"):
        graph_segmentation(affinities=np.ones((3, 4, 5)))
    with pytest.raises(ValueError, match=r"affinities has shape \(4,\)"):
        graph_segmentation(affinities=np.ones(4))
    with pytest.raises(ValueError, match=r"image has shape \(4,\)"):
        graph_segmentation(np.ones(4))
    with pytest.raises(ValueError, match="connectivity must be 4 or 8"):
        graph_segmentation(image, connectivity=6)
    with pytest.raises(ValueError, match="sizes must be 2 positive numbers"):
        segment_region_graph([[0, 1]], [0.0], 2, sizes=[1, 0])
