"""Region graph: adjacency and means."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from sklearn_spx.kernels import region_adjacency, region_means

from . import naive

label_images = hnp.arrays(
    np.int32, hnp.array_shapes(min_dims=2, max_dims=3, max_side=8), elements=st.integers(-1, 5)
)


@settings(max_examples=50, deadline=None)
@given(label_images)
def test_adjacency_is_the_naive_one(labels):
    edges, lengths = region_adjacency(labels)
    wanted_edges, wanted_lengths = naive.region_adjacency(labels)
    assert edges.dtype == np.int32
    assert edges.shape == (len(lengths), 2)
    assert [tuple(edge) for edge in edges.tolist()] == wanted_edges
    assert lengths.tolist() == wanted_lengths


def test_huge_labels_cost_no_table():
    top = np.iinfo(np.int32).max
    edges, lengths = region_adjacency(np.array([[-1, 7, top], [3, 7, top]]))
    assert edges.tolist() == [[3, 7], [7, top]]
    assert lengths.tolist() == [1, 2]


@pytest.mark.parametrize("labels", [[[0]], [[3, 3, 3]], [[-1, -1]]])
def test_one_region_touches_nothing(labels):
    edges, lengths = region_adjacency(labels)
    assert edges.shape == (0, 2)
    assert lengths.shape == (0,)


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 4), st.integers(0, 2**32 - 1))
def test_means_are_the_naive_ones(channels, seed):
    rng = np.random.default_rng(seed)
    image = rng.normal(size=(6, 7, channels))
    labels = np.unique(rng.integers(0, 5, (6, 7)), return_inverse=True)[1].reshape(6, 7)
    labels[0, 0] = -1
    labels[1:4, 1] = np.arange(3)
    labels = np.where(labels > 2, 2, labels)
    means, sizes = region_means(image, labels)
    for label in range(3):
        assert sizes[label] == (labels == label).sum()
        np.testing.assert_allclose(means[label], image[labels == label].mean(0), atol=1e-6)


def test_means_are_summed_in_double():
    image = np.full((2000, 1000), 16777216 / 16, np.float32) + np.float32(1)
    means, _ = region_means(image, np.zeros(image.shape, int))
    assert means[0, 0] == image[0, 0]


def test_what_does_not_fit_is_named():
    with pytest.raises(ValueError, match="no pixel is 1"):
        region_means(np.zeros((1, 3)), np.array([[0, 0, 2]]))
    with pytest.raises(ValueError, match="labels has shape"):
        region_means(np.zeros((1, 2)), np.zeros((2, 2), int))
    with pytest.raises(ValueError, match="labels go up to 9 in an image of 2 pixels"):
        region_means(np.zeros((1, 2)), np.array([[0, 9]]))
    with pytest.raises(TypeError, match="labels has dtype float64"):
        region_adjacency(np.zeros((2, 2)))


def test_no_region_has_no_mean():
    means, sizes = region_means(np.zeros((2, 3, 4)), np.full((2, 3), -7))
    assert means.shape == (0, 4)
    assert sizes.shape == (0,)


def test_means_of_volumes_are_those_of_slices_side_by_side():
    rng = np.random.default_rng(0)
    volume, labels = rng.random((3, 4, 5, 2)), rng.integers(0, 4, (3, 4, 5))
    volume[0, 0, 0], labels[0, 0, 0] = np.nan, -1
    means, sizes = region_means(volume, labels)
    wanted, wanted_sizes = region_means(volume.reshape(12, 5, 2), labels.reshape(12, 5))
    np.testing.assert_array_equal(means, wanted)
    np.testing.assert_array_equal(sizes, wanted_sizes)
    means, _ = region_means(volume[..., 0], labels)
    np.testing.assert_array_equal(means, wanted[:, :1])


def test_what_does_not_fit_a_volume_is_named():
    labels = np.zeros((3, 4, 5), int)
    with pytest.raises(ValueError, match=r"image has shape \(4, 5\)"):
        region_means(np.zeros((4, 5)), labels)
    with pytest.raises(ValueError, match=r"labels has shape \(3, 4, 5\), expected \(3, 4, 6\)"):
        region_means(np.zeros((3, 4, 6)), labels)
    with pytest.raises(ValueError, match=r"accepted are \(height, width\) and \(depth, height, w"):
        region_adjacency(labels[None])
    with pytest.raises(ValueError, match="device is 'cuda'; volumes"):
        region_adjacency(labels, device="cuda")
    with pytest.raises(ValueError, match="device is 'cuda'; volumes"):
        region_means(np.zeros((3, 4, 5)), labels, device="cuda")
