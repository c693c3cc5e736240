"""Affinities from colour, features, edges and annotations."""

import numpy as np
import pytest

from sklearn_spx.features.affinities import (
    annotation_affinities,
    canny_edges,
    edge_affinities,
    feature_affinities,
)
from sklearn_spx.kernels import entropy_rate_superpixels

RNG = np.random.default_rng(0)


def test_colour_affinities_by_hand():
    image = np.array([[[0, 0, 0], [3, 4, 0]], [[0, 0, 0], [0, 0, 0]]], np.uint8)
    for norm, distance in ((1, 7), (2, 5)):
        right, lower = feature_affinities(image, sigma=2.0, norm=norm)
        far = np.exp(-(distance**2) / (2 * 6**2))
        np.testing.assert_allclose(right, [[far, 1], [1, 1]], rtol=1e-6)
        np.testing.assert_allclose(lower, [[1, far], [1, 1]], rtol=1e-6)


def test_colour_affinities_are_those_of_the_standard_superpixels():
    image = RNG.integers(0, 60, (20, 30, 3), dtype=np.uint8)
    np.testing.assert_array_equal(
        entropy_rate_superpixels(
            affinities=feature_affinities(image), n_segments=25, connectivity=4
        ),
        entropy_rate_superpixels(image, 25, connectivity=4),
    )


def test_edges_part_both_their_sides():
    edges = np.zeros((3, 3))
    edges[1, 1] = 0.75
    right, lower = edge_affinities(edges)
    np.testing.assert_array_equal(right[1], [0.25, 0.25, 1])
    np.testing.assert_array_equal(lower[:, 1], [0.25, 0.25, 1])
    assert (right[[0, 2]] == 1).all()
    for bad, words in ((edges - 1, r"\[0, 1\]"), (np.zeros((3, 3, 2)), "height, width")):
        with pytest.raises(ValueError, match=words):
            edge_affinities(bad)


def test_the_oracle_is_the_mean_of_the_annotators():
    one, two = RNG.integers(0, 2, (2, 6, 7))
    mean = annotation_affinities([one, two])
    np.testing.assert_allclose(
        mean, (annotation_affinities(one) + annotation_affinities([two])) / 2
    )
    with pytest.raises(ValueError, match=r"annotations\[1\]"):
        annotation_affinities([one, two[:3]])


def test_canny_follows_a_step():
    pytest.importorskip("cv2")
    image = np.zeros((20, 20, 3), np.uint8)
    image[:, 10:] = 200
    edges = canny_edges(image)
    assert edges.dtype == np.float32
    assert edges[:, 9:11].any(axis=1).all()
    assert not edges[:, :8].any()
    np.testing.assert_array_equal(canny_edges(image[:, :, 0]), edges)
