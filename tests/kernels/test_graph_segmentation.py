"""Felzenszwalb and Huttenlocher on pixels, affinities and regions."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter, generate_binary_structure, label

from sklearn_spx.kernels import graph_segmentation
from sklearn_spx.kernels._grid import grid_of, relative_spacing
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


def _weights(image, sigma, connectivity, mask, spacing=None):
    grid = grid_of(image.shape[:-1], connectivity, spacing)
    inside = np.ones((0, 0), bool) if mask is None else grid.flat(mask)
    sigmas = [sigma / step for step in relative_spacing(spacing)]
    return _colour_weights(image, sigmas, grid, mask, inside)


def test_smoothing_is_gaussian():
    image = np.random.default_rng(0).random((20, 30, 2)).astype(np.float32)
    smooth = gaussian_filter(image, (0.8, 0.8, 0), mode="nearest")
    weights = _weights(image, 0.8, 4, None)
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
        found = _weights(image, sigma, connectivity, mask)
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
@pytest.mark.parametrize("scale", [0.0, -0.0, 30.0])
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


# --- volumes and spacing -------------------------------------------------------------------------


@settings(max_examples=30, deadline=None)
@given(
    st.integers(0, 2**32 - 1),
    st.tuples(st.integers(1, 4), st.integers(1, 4), st.integers(1, 4)),
    st.sampled_from([0.0, 20.0, 100.0, 400.0]),
    st.integers(0, 6),
    st.sampled_from([6, 26]),
    st.booleans(),
)
def test_volumes_are_the_naive_ones(seed, shape, scale, min_size, connectivity, masked):
    rng = np.random.default_rng(seed)
    volume = rng.choice(np.float32([0, 0.25, 0.5, 1]), (*shape, 2))
    mask = rng.random(shape) < 0.7 if masked else np.ones(shape, bool)
    mask[0, 0, 0] = True
    options = {"scale": scale, "sigma": 0, "min_size": min_size, "mask": mask}
    found = graph_segmentation(volume, connectivity=connectivity, spacing=(1, 1, 1), **options)
    wanted = naive.graph_segmentation(volume, scale, min_size, connectivity, mask)
    np.testing.assert_array_equal(found, wanted)
    assert found.dtype == np.int32
    meaning_the_same = {6: 4, 26: 8}[connectivity]
    found = graph_segmentation(volume, connectivity=meaning_the_same, spacing=(1, 1, 1), **options)
    np.testing.assert_array_equal(found, wanted)


def test_many_equal_weights_in_a_volume_are_the_naive_ones():
    # more edges of weight 0 than one round lists, so that rows are left for the next
    volume = np.random.default_rng(1).choice(np.float32([0, 0, 0, 1]), (7, 9, 11, 1))
    mask = np.ones(volume.shape[:3], bool)
    mask[2:4, 3:, 2] = False
    for scale in (0.0, 30.0):
        found = graph_segmentation(
            volume, scale=scale, sigma=0, min_size=7, spacing=(1, 1, 1), mask=mask
        )
        wanted = naive.graph_segmentation(volume, scale, 7, 26, mask)
        np.testing.assert_array_equal(found, wanted)


@pytest.mark.parametrize("connectivity", [4, 8])
@pytest.mark.parametrize("masked", [False, True])
def test_a_volume_of_one_slice_is_the_image(connectivity, masked):
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (30, 41, 3), np.uint8)
    mask = rng.random((30, 41)) < 0.8 if masked else None
    options = {"scale": 90, "min_size": 9, "connectivity": connectivity}
    wanted = graph_segmentation(image, mask=mask, **options)
    in_3d = None if mask is None else mask[None]
    found = graph_segmentation(image[None], mask=in_3d, spacing=(1, 1, 1), **options)
    np.testing.assert_array_equal(found[0], wanted)
    # of one row or column alike: sums of the Gaussian are of the same numbers
    line = graph_segmentation(image[:1], scale=90, sigma=0, min_size=2)
    across = graph_segmentation(
        image[0][:, None, None], scale=90, sigma=0, min_size=2, spacing=(1, 1, 1)
    )
    np.testing.assert_array_equal(across.ravel(), line.ravel())


@pytest.mark.parametrize("connectivity", [6, 26])
def test_turned_volumes_have_turned_segments(connectivity):
    volume = np.random.default_rng(3).random((6, 7, 8)).astype(np.float32)  # no two edges alike
    options = {"scale": 120, "sigma": 0, "min_size": 4, "connectivity": connectivity}
    wanted = graph_segmentation(volume, spacing=(1, 1, 1), **options)
    for turn in (
        lambda v: v[::-1],
        lambda v: v[:, ::-1],
        lambda v: v[:, :, ::-1],
        lambda v: v.transpose(2, 0, 1),
        lambda v: v.transpose(1, 0, 2),
    ):
        found = graph_segmentation(turn(volume), spacing=(1, 1, 1), **options)
        pairs = np.unique(np.stack([found.ravel(), turn(wanted).ravel()]), axis=1)
        assert pairs.shape[1] == wanted.max() + 1 == found.max() + 1


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("spacing", [(1, 1, 1), (2.5, 1, 0.5)])
@pytest.mark.parametrize("shape", [(1, 1, 1, 2), (2, 1, 5, 1), (5, 4, 6, 3)])
def test_weights_of_volumes_are_the_naive_ones_bit_for_bit(shape, spacing, masked):
    rng = np.random.default_rng(0)
    volume = rng.integers(0, 256, shape, np.uint8)
    mask, inside = None, np.ones(shape[:3], bool)
    if masked:
        mask = inside = rng.random(shape[:3]) < 0.7
        mask[0, 0, 0] = True
        volume[~mask] = 0
    for connectivity in (6, 26):
        for sigma in (0, 0.8):
            found = _weights(volume, sigma, connectivity, mask, spacing)
            values = volume / np.float32(255)
            if sigma:
                taps = [_gaussian(sigma / step) for step in relative_spacing(spacing)]
                if shape[0] == 1:
                    taps[0] = _gaussian(0)
                values = naive.smoothed(values, taps, mask)
            wanted = naive.edge_weights(values, connectivity, inside, relative_spacing(spacing))
            np.testing.assert_array_equal(found.view(np.uint32), wanted.view(np.uint32))


def test_spacing_makes_the_gaussian_round_in_space():
    volume = np.random.default_rng(0).random((9, 10, 20, 1)).astype(np.float32)
    weights = _weights(volume, 1.2, 6, None, (3.0, 1.5, 1.5))
    smooth = gaussian_filter(volume[..., 0], (0.6, 1.2, 1.2), mode="nearest")
    wanted = 2 * np.abs(smooth[1:] - smooth[:-1])
    np.testing.assert_allclose(weights.reshape(9, 10, 3, 20)[:-1, :, 2], wanted, atol=1e-5)
    wanted = np.abs(smooth[:, 1:] - smooth[:, :-1])
    np.testing.assert_allclose(weights.reshape(9, 10, 3, 20)[:, :-1, 1], wanted, atol=1e-5)


def test_only_ratios_of_spacing_count():
    rng = np.random.default_rng(0)
    volume, image = rng.random((5, 8, 9)), rng.random((20, 30))
    wanted = graph_segmentation(volume, scale=200, spacing=(2.5, 0.5, 0.5))
    found = graph_segmentation(volume, scale=200, spacing=np.array([5.0, 1, 1]) * 512)
    np.testing.assert_array_equal(found, wanted)
    wanted = graph_segmentation(image, scale=200)
    np.testing.assert_array_equal(graph_segmentation(image, scale=200, spacing=(3, 3)), wanted)
    tall = graph_segmentation(image, scale=200, spacing=(3, 1))
    assert (tall != wanted).any()
    np.testing.assert_array_equal(
        tall, graph_segmentation(image[None], scale=200, spacing=(1, 3, 1))[0]
    )


@pytest.mark.parametrize("connectivity", [6, 26])
def test_min_size_is_strict_and_segments_of_volumes_connected(connectivity):
    volume = np.random.default_rng(0).integers(0, 256, (12, 14, 15), dtype=np.uint8)
    labels = graph_segmentation(
        volume, scale=50, min_size=30, connectivity=connectivity, spacing=(1, 1, 1)
    )
    assert labels.max() > 0
    assert np.bincount(labels.ravel()).min() >= 30
    structure = generate_binary_structure(3, 1 if connectivity == 6 else 3)
    for found in range(labels.max() + 1):
        assert label(labels == found, structure)[1] == 1


@pytest.mark.parametrize("connectivity", [6, 26])
def test_affinities_of_volumes(connectivity):
    rng = np.random.default_rng(0)
    shape, offsets = (3, 4, 5), naive.OFFSETS[connectivity]
    affinities = rng.random((len(offsets), *shape)).astype(np.float32)
    mask = rng.random(shape) < 0.8
    edges, weights = [], []
    for p, q, k in naive._neighbours(shape, connectivity):
        if mask[p] and mask[q]:
            edges.append([int(np.ravel_multi_index(i, shape)) for i in (p, q)])
            weights.append(np.float32(1) - affinities[(k, *p)])
    names = naive.segment_graph(mask.size, edges, weights, 150 / 255, 3)
    wanted = np.full(mask.size, -1)
    wanted[mask.ravel()] = naive._numbered([names[i] for i in np.flatnonzero(mask)])
    options = {"scale": 150, "min_size": 3, "connectivity": connectivity, "spacing": (1, 1, 1)}
    found = graph_segmentation(affinities=affinities, mask=mask, **options)
    np.testing.assert_array_equal(found.ravel(), wanted)
    affinities[:, ~mask] = np.nan  # neither these, nor what leads out of the volume, are looked at
    affinities[0, :, :, -1] = 7
    again = graph_segmentation(affinities=affinities, mask=mask, **options)
    np.testing.assert_array_equal(again, found)


def test_what_does_not_fit_a_volume_is_named():
    volume = np.zeros((3, 4, 5))
    with pytest.raises(ValueError, match=r"A volume needs spacing=\(z, y, x\)"):
        graph_segmentation(volume[..., None])
    with pytest.raises(ValueError, match=r"shape \(4, 5\).*as spacing has three numbers"):
        graph_segmentation(volume[0], spacing=(1, 1, 1))
    with pytest.raises(ValueError, match=r"shape \(3, 4, 5, 2\).*accepted are \(height, width\)"):
        graph_segmentation(np.zeros((3, 4, 5, 2)), spacing=(1, 1))
    with pytest.raises(ValueError, match=r"connectivity must be 6 or 26, of a volume, .* got 18"):
        graph_segmentation(volume, spacing=(1, 1, 1), connectivity=18)
    with pytest.raises(ValueError, match="connectivity must be 4 or 8, got 26"):
        graph_segmentation(volume[0], connectivity=26)
    with pytest.raises(ValueError, match=r"spacing\[0\] must be above 0"):
        graph_segmentation(volume, spacing=(0, 1, 1))
    with pytest.raises(ValueError, match=r"mask has shape \(4, 5\), expected \(3, 4, 5\)"):
        graph_segmentation(volume, spacing=(1, 1, 1), mask=np.ones((4, 5)))
    with pytest.raises(
        ValueError, match=r"affinities has shape \(2, 3, 4, 5\); accepted is \(3, d"
    ):
        graph_segmentation(affinities=np.ones((2, 3, 4, 5)), spacing=(1, 1, 1))
    with pytest.raises(ValueError, match="each sample has 13: give connectivity=6"):
        graph_segmentation(affinities=np.ones((3, 3, 4, 5)), spacing=(1, 1, 1))
    bad = np.ones((3, 3, 4, 5))
    bad[2, 1, 2, 3] = 1.5
    with pytest.raises(ValueError, match=r"affinities\[2\] of slice 1, row 2, column 3 is 1\.5"):
        graph_segmentation(affinities=bad, spacing=(1, 1, 1), connectivity=6)
    with pytest.raises(ValueError, match="device must be None, 'cpu', 'cuda' or 'auto', got 'gpu'"):
        graph_segmentation(volume, spacing=(1, 1, 1), device="gpu")
    with pytest.raises(ValueError, match="device is 'cuda'; volumes, and images with spacing"):
        graph_segmentation(volume, spacing=(1, 1, 1), device="cuda")
    with pytest.raises(ValueError, match=r"a volume of shape .* more edges than 32 bits count"):
        graph_segmentation(np.broadcast_to(np.uint8(0), (2**10, 2**9, 2**9)), spacing=(1, 1, 1))
