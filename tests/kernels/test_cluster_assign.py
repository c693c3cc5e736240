"""The bottom-up kernels against their slow twins."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sklearn_spx.kernels import enforce_connectivity
from sklearn_spx.kernels._clustering import grid_seeds
from sklearn_spx.kernels.cluster_assign import (
    border_crossings,
    bottom_up,
    cluster_means,
    nearest_clusters,
    squared_differences,
)

from . import naive_cluster_assign as naive

SETTINGS = settings(deadline=None, max_examples=40)


@st.composite
def worlds(draw):
    height, width = draw(st.integers(1, 12)), draw(st.integers(1, 12))
    channels, n_clusters = draw(st.integers(1, 4)), draw(st.integers(1, 9))
    rng = np.random.default_rng(draw(st.integers(0, 2**31)))
    image = rng.normal(size=(height, width, channels)).astype(np.float32)
    labels = rng.integers(-1, n_clusters, (height, width)).astype(np.int32)
    return image, labels, n_clusters, rng


@given(worlds())
@SETTINGS
def test_cluster_means(world):
    image, labels, n_clusters, _ = world
    for found, expected in zip(
        cluster_means(image, labels, n_clusters),
        naive.cluster_means(image, labels, n_clusters),
        strict=True,
    ):
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


@given(worlds(), st.integers(1, 9), st.booleans())
@SETTINGS
def test_nearest_clusters(world, n_neighbors, on_grid):
    image, _, n_clusters, rng = world
    height, width = image.shape[:2]
    centers = rng.random((n_clusters, 2)) * (height - 1, width - 1)
    if on_grid:  # many ties
        centers = np.round(centers)
    pixels = rng.permutation(height * width)
    np.testing.assert_array_equal(
        nearest_clusters(pixels, (height, width), centers, n_neighbors),
        naive.nearest_clusters(pixels, (height, width), centers, n_neighbors),
    )


@given(worlds(), st.integers(1, 7))
@SETTINGS
def test_squared_differences(world, n_neighbors):
    image, labels, n_clusters, rng = world
    means, centers, _ = cluster_means(image, labels, n_clusters)
    pixels = rng.integers(0, image[..., 0].size, 10)
    neighbors = rng.integers(-1, n_clusters, (10, n_neighbors)).astype(np.int32)
    found = squared_differences(image, pixels, means, centers, neighbors, 3.0)
    expected = naive.squared_differences(image, pixels, means, centers, neighbors, 3.0)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


@given(worlds(), st.integers(1, 3), st.integers(1, 7))
@SETTINGS
def test_border_crossings(world, n_annotations, n_neighbors):
    image, _, n_clusters, rng = world
    shape = image.shape[:2]
    annotations = [rng.integers(-1, 3, shape).astype(np.int32) for _ in range(n_annotations)]
    centers = (rng.random((n_clusters, 2)) * np.subtract(shape, 0.01)).astype(np.float32)
    pixels = rng.integers(0, image[..., 0].size, 10)
    neighbors = rng.integers(-1, n_clusters, (10, n_neighbors)).astype(np.int32)
    np.testing.assert_array_equal(
        border_crossings(annotations, pixels, centers, neighbors),
        naive.border_crossings(annotations, pixels, centers, neighbors),
    )


def test_all_centres_in_one_corner_are_found_from_afar():
    centers = [[0, 0], [0, 1], [1, 0]]
    found = nearest_clusters([59 * 80 + 79], (60, 80), centers, 2)
    np.testing.assert_array_equal(found, [[1, 2]])  # 59, 78 away beats 58, 79


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: nearest_clusters([6], (2, 3), [[0, 0]]), "pixels reach"),
        (lambda: nearest_clusters([0.5], (2, 3), [[0, 0]]), "flat integer"),
        (lambda: nearest_clusters([0], (2, 3), [[0, 3]]), "outside the image"),
        (lambda: nearest_clusters([0], (2, 3), [[0, np.nan]]), "outside the image"),
        (lambda: nearest_clusters([0], (2, 3), np.zeros((0, 2))), r"expected \(n_clusters, 2\)"),
        (lambda: cluster_means(np.zeros((2, 2)), np.full((2, 2), 3), 2), "labels reach 3"),
        (
            lambda: squared_differences([[1.0]], [0], [[1.0]], [[0, 0]], [[1]], 2),
            "names cluster 1 of 1",
        ),
        (
            lambda: squared_differences([[1.0]], [0], [[1.0, 2]], [[0, 0]], [[0]], 2),
            r"expected \(n_clusters, 1\)",
        ),
        (lambda: squared_differences([[1.0]], [0], [[1.0]], [[0, 0]], [[0]], 0), "step must be"),
        (lambda: border_crossings([], [0], [[0, 0]], [[0]]), "annotations is empty"),
        (
            lambda: border_crossings([[[1]], [[1, 2]]], [0], [[0, 0]], [[0]]),
            r"annotations\[1\] has",
        ),
        (lambda: border_crossings([[[1]]], [0], [[0, 0]], [[1]]), "names cluster 1 of 1"),
    ],
)
def test_bad_input(call, words):
    with pytest.raises(ValueError, match=words):
        call()


@pytest.mark.parametrize(("shape", "n_segments"), [((11, 9), 6), ((24, 32), 8), ((1, 7), 3)])
@pytest.mark.parametrize("max_iter", [1, 3])
def test_bottom_up(shape, n_segments, max_iter):
    """The second shape's step is 12: iterations look at a quarter of the pixels."""
    rng = np.random.default_rng(0)
    image = rng.integers(0, 9, (*shape, 2)).astype(np.float32)
    weights = np.float32([0.3, 0.1, 2.5])

    def choose(values, means, neighbors, differences):
        assert values.shape[1] == means.shape[1] == 2
        return np.where(neighbors < 0, np.inf, differences @ weights).argmin(axis=1)

    before = image.copy()
    found = bottom_up(image, n_segments, choose, max_iter=max_iter, n_neighbors=4)
    seeds, step = grid_seeds(*shape, n_segments)
    labels = naive.bottom_up_clusters(image, seeds, step, weights, max_iter, 4)
    assert found.max() + 1 == n_segments
    crumbs = round(shape[0] * shape[1] / n_segments / 8)
    # alike up to the smallest regions, which colours tell where to join
    expected = enforce_connectivity(labels, crumbs, n_segments=n_segments)
    overlaps = np.histogram2d(found.ravel(), expected.ravel(), n_segments)[0]
    assert overlaps.max(axis=0).sum() > 0.8 * found.size
    np.testing.assert_array_equal(image, before)


def test_bottom_up_starts_at_given_seeds():
    rng = np.random.default_rng(1)
    image = rng.integers(0, 9, (11, 9, 2)).astype(np.float32)
    seeds, weights = rng.integers(0, 9, (6, 2)), np.float32([0.3, 0.1, 2.5])
    seen = []

    def choose(values, means, neighbors, differences):
        seen.append(means.copy())
        return np.where(neighbors < 0, np.inf, differences @ weights).argmin(axis=1)

    bottom_up(image, 6, choose, max_iter=1, n_neighbors=4, seeds=seeds)
    np.testing.assert_array_equal(seen[0], image[tuple(seeds.T)])
    several = np.repeat(seeds[:, None], 2, axis=1)
    several[:, 1, 1] = 0
    bottom_up(image, 6, choose, max_iter=1, n_neighbors=4, seeds=several)
    expected = (image[tuple(seeds.T)] + image[seeds[:, 0], 0]) / 2
    np.testing.assert_array_equal(seen[1], expected)


@pytest.mark.parametrize("n_segments", [1, 10, 100, 1000])
def test_bottom_up_makes_as_many_as_asked_for(n_segments):
    rng = np.random.default_rng(0)

    def choose(values, means, neighbors, differences):
        return differences.sum(axis=2).argmin(axis=1)

    for image in (rng.normal(size=(60, 80, 2)), np.zeros((60, 80))):
        labels = bottom_up(image, n_segments, choose)
        np.testing.assert_array_equal(labels, enforce_connectivity(labels))
        assert labels.max() + 1 == n_segments


def test_bottom_up_stays_inside_the_mask():
    mask = np.zeros((20, 30), bool)
    mask[3:9, 2:8] = mask[12:, 15:] = True
    image = np.random.default_rng(0).random((20, 30, 1))

    def choose(values, means, neighbors, differences):
        return differences.sum(axis=2).argmin(axis=1)

    labels = bottom_up(image, 8, choose, mask=mask)
    np.testing.assert_array_equal(labels >= 0, mask)
    assert not set(labels[:10].ravel()) & set(labels[12:, 15:].ravel())
    # more clusters asked for than pixels, fewer clusters than neighbours
    assert bottom_up(image[:1, :2], 9, choose).tolist() == [[0, 1]]


@pytest.mark.parametrize(
    ("chosen", "words"),
    [
        (lambda n: np.full(n, 3), r"choose returned \d+ numbers outside 0 to 2"),
        (lambda n: np.full(n, -1), r"choose returned \d+ numbers outside 0 to 2"),
        (lambda n: np.full(n, 2**63, np.uint64), r"choose returned \d+ numbers outside 0 to 2"),
        (lambda n: np.full(n, 2), r"choose returned \d+ numbers of neighbours that are -1"),
        (lambda n: np.zeros(n), r"choose returned an array of shape \(\d+,\) and dtype float64"),
        (lambda n: np.zeros(n, bool), "choose returned an array of shape .* and dtype bool"),
        (lambda n: np.zeros((n, 1), int), r"choose returned an array of shape \(\d+, 1\)"),
    ],
)
def test_a_choice_of_what_is_not_there_is_an_error(chosen, words):
    """Two clusters, so that the third neighbour is none."""

    def choose(values, means, neighbors, differences):
        return chosen(len(values))

    with pytest.raises(ValueError, match=words):
        bottom_up(np.zeros((4, 6)), 2, choose, max_iter=2, n_neighbors=3)
