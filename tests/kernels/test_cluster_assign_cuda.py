"""The CUDA twins of the bottom-up view: the CPU's neighbours, differences, means and labels."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sklearn_spx.kernels.cluster_assign import (
    bottom_up,
    cluster_means,
    nearest_clusters,
    squared_differences,
)

from .simulator import SIMULATED, permuted

pytestmark = pytest.mark.skipif(not SIMULATED, reason="NUMBA_ENABLE_CUDASIM=1 is not set")


def assert_the_cpus(function, *arguments, seed=0, **options):
    wanted = function(*arguments, device="cpu", **options)
    with permuted(seed):
        found = function(*arguments, device="cuda", **options)
    if not isinstance(wanted, tuple):
        wanted, found = (wanted,), (found,)
    for there, here in zip(found, wanted, strict=True):
        assert there.dtype == here.dtype
        assert there.shape == here.shape
        assert there.tobytes() == here.tobytes()


@settings(max_examples=15, deadline=None, derandomize=True)
@given(
    st.integers(0, 2**32 - 1),
    st.integers(1, 12),
    st.integers(1, 12),
    st.integers(1, 30),
    st.integers(1, 9),
    st.booleans(),
)
def test_neighbours_are_the_cpus(seed, height, width, n_clusters, n_neighbors, on_grid):
    rng = np.random.default_rng(seed)
    centers = rng.random((n_clusters, 2)) * (height - 1, width - 1)
    if on_grid:  # many ties
        centers = np.round(centers)
    pixels = rng.permutation(height * width)[:50].astype(rng.choice(["i4", "u8", "i2"]))
    assert_the_cpus(nearest_clusters, pixels, (height, width), centers, n_neighbors, seed=seed % 3)


def test_neighbours_from_afar():
    centers = [[0, 0], [0, 1], [1, 0]]
    assert_the_cpus(nearest_clusters, [59 * 80 + 79], (60, 80), centers, 2)
    assert_the_cpus(nearest_clusters, np.zeros(0, int), (60, 80), centers, 2)


@settings(max_examples=10, deadline=None, derandomize=True)
@given(
    st.integers(0, 2**32 - 1),
    st.integers(1, 9),
    st.integers(1, 9),
    st.integers(1, 4),
    st.integers(1, 5),
    st.sampled_from([1, 3.1, 1e-12, 1e12]),
)
def test_differences_are_the_cpus(seed, height, width, n_channels, n_neighbors, step):
    rng = np.random.default_rng(seed)
    image = rng.lognormal(sigma=9, size=(height, width, n_channels)).astype(np.float32)
    means = rng.lognormal(sigma=9, size=(6, n_channels))
    centers = rng.random((6, 2)) * 9
    pixels = rng.integers(0, height * width, 11)
    neighbors = rng.integers(-2, 6, (11, n_neighbors))
    arrays = image, pixels, means, centers, neighbors
    assert_the_cpus(squared_differences, *arrays, step, seed=seed % 3)


@settings(max_examples=15, deadline=None, derandomize=True)
@given(
    st.integers(0, 2**32 - 1),
    st.integers(1, 9),
    st.integers(1, 9),
    st.sampled_from([1, 3]),
    st.sampled_from([None, 5, 200]),
)
def test_means_are_the_cpus(seed, height, width, n_channels, n_clusters):
    rng = np.random.default_rng(seed)
    image = rng.lognormal(sigma=9, size=(height, width, n_channels)).astype(np.float32)
    labels = rng.integers(-1, 5, (height, width)).astype(rng.choice(["i1", "i4", "i8"]))
    image[labels < 0] = np.nan
    assert_the_cpus(cluster_means, image, labels, n_clusters, seed=seed % 3)


def test_means_of_nothing():
    assert_the_cpus(cluster_means, np.full((3, 4), np.nan), np.full((3, 4), -7))


def on_host(*arrays):
    return [a.copy_to_host() if hasattr(a, "copy_to_host") else np.asarray(a) for a in arrays]


def nearest(values, means, neighbors, differences):
    """The nearest in features and place, wherever the arrays lie."""
    from numba import cuda

    there = not isinstance(neighbors, np.ndarray)
    values, means, neighbors, differences = on_host(values, means, neighbors, differences)
    n = len(values)
    assert values.shape == (n, means.shape[1])
    assert differences.shape == (*neighbors.shape, values.shape[1] + 1)
    assert (np.isinf(differences) == (neighbors < 0)[:, :, None]).all()
    present = neighbors >= 0
    expected = (values[:, None] - means[neighbors]) ** 2
    assert (differences[:, :, :-1] == expected)[present].all()
    chosen = differences.sum(axis=2).argmin(axis=1)
    return cuda.to_device(chosen) if there else chosen


@pytest.mark.parametrize(
    ("shape", "n_segments", "max_iter"),
    [
        ((9, 11), 6, 3),
        ((19, 21), 4, 3),  # a quarter of the pixels an iteration
        ((17, 16), 3, 7),
        ((1, 1), 1, 2),
        ((1, 9), 3, 2),
        ((7, 1), 99, 1),
    ],
)
@pytest.mark.parametrize("masked", [False, True])
def test_labels_are_the_cpus(shape, n_segments, max_iter, masked):
    rng = np.random.default_rng(n_segments)
    image = rng.normal(size=(*shape, 2)).cumsum(axis=1)
    mask = None
    if masked:
        mask = rng.random(shape) < 0.7
        mask.flat[0] = True
        image[~mask] = np.nan
    options = {"max_iter": max_iter, "n_neighbors": 4, "mask": mask}
    assert_the_cpus(bottom_up, image, n_segments, nearest, seed=max_iter, **options)


@pytest.mark.parametrize("n_places", [1, 3])
def test_seeds_of_ones_own(n_places):
    rng = np.random.default_rng(n_places)
    image = rng.normal(size=(9, 11, 2)).cumsum(axis=1)
    seeds = rng.integers(0, 9, (5, n_places, 2))
    assert_the_cpus(bottom_up, image, 4, nearest, max_iter=2, n_neighbors=4, seeds=seeds)


@pytest.mark.parametrize("seed", [None, 1, 2])
def test_no_order_of_blocks_shows(seed):
    image = np.random.default_rng(0).normal(size=(12, 13)).cumsum(axis=0)
    assert_the_cpus(bottom_up, image, 7, nearest, max_iter=3, seed=seed)
    assert_the_cpus(bottom_up, np.zeros((9, 10)), 5, nearest, max_iter=2, seed=seed)


@pytest.mark.parametrize("size", [7, 64])
def test_no_size_of_blocks_shows(size, monkeypatch):
    from sklearn_spx.kernels.cluster_assign import _cuda_bottom_up

    monkeypatch.setattr(_cuda_bottom_up, "_BLOCK", size)
    image = np.random.default_rng(0).normal(size=(18, 17, 2)).cumsum(axis=0)
    assert_the_cpus(bottom_up, image, 4, nearest, max_iter=2)


def test_arrays_on_the_gpu():
    from numba import cuda

    rng = np.random.default_rng(0)
    image = rng.normal(size=(8, 9, 2)).astype(np.float32)
    labels = rng.integers(-1, 4, (8, 9)).astype(np.int16)
    mask = rng.random((8, 9)) < 0.8
    pixels, neighbors = rng.integers(0, 72, 9), rng.integers(-1, 4, (9, 3))
    means, centers, counts = cluster_means(image, labels)
    there = cuda.to_device
    with permuted(0):
        for found, wanted in (
            (bottom_up(there(image), 5, nearest), bottom_up(image, 5, nearest)),
            (
                bottom_up(there(image), 5, nearest, mask=there(mask)),
                bottom_up(image, 5, nearest, mask=mask),
            ),
            (
                nearest_clusters(there(pixels), (8, 9), there(centers.astype(float)), 3),
                nearest_clusters(pixels, (8, 9), centers, 3),
            ),
            (
                squared_differences(
                    there(image), pixels, there(means), there(centers), there(neighbors), 3
                ),
                squared_differences(image, pixels, means, centers, neighbors, 3),
            ),
            *zip(cluster_means(there(image), there(labels)), (means, centers, counts)),
        ):
            assert not isinstance(found, np.ndarray)
            assert found.copy_to_host().tolist() == wanted.tolist()


@pytest.mark.parametrize(
    ("chosen", "error", "words"),
    [
        (lambda n: np.full(n, 3), ValueError, r"\d+ numbers outside 0 to 2"),
        (lambda n: np.full(n, -1), ValueError, r"\d+ numbers outside 0 to 2"),
        (lambda n: np.full(n, 2**63, np.uint64), ValueError, r"\d+ numbers outside 0 to 2"),
        (lambda n: np.full(n, 2), ValueError, r"\d+ numbers of neighbours that are -1"),
        (lambda n: np.zeros(n), ValueError, r"of shape \(\d+,\) and dtype float64"),
        (lambda n: np.zeros(n, bool), ValueError, "of shape .* and dtype bool"),
        (lambda n: np.zeros((n, 1), int), ValueError, r"of shape \(\d+, 1\)"),
        (None, TypeError, "which is not on the GPU"),
    ],
)
def test_a_choice_of_what_is_not_there_is_an_error(chosen, error, words):
    """Two clusters, so that the third neighbour is none."""
    from numba import cuda

    def choose(values, means, neighbors, differences):
        n = values.shape[0]
        return np.zeros(n, int) if chosen is None else cuda.to_device(chosen(n))

    with permuted(0), pytest.raises(error, match=f"choose returned .*{words}"):
        bottom_up(np.zeros((4, 6)), 2, choose, max_iter=2, n_neighbors=3, device="cuda")


@pytest.mark.parametrize("on_gpu", [False, True])
@pytest.mark.parametrize(
    ("function", "arguments", "words"),
    [
        (nearest_clusters, ([6], (2, 3), [[0, 0]]), "pixels .* beyond 6"),
        (nearest_clusters, ([-1], (2, 3), [[0, 0]]), "pixels .* beyond 6"),
        (nearest_clusters, ([0.5], (2, 3), [[0, 0]]), "flat integer"),
        (nearest_clusters, ([0], (2, 3), [[0, 3], [0, 0]]), "centers holds 1 that lie outside"),
        (nearest_clusters, ([0], (2, 3), [[0, np.nan]]), "centers holds 1 that lie outside"),
        (nearest_clusters, ([0], (2, 3), [0, 0]), r"expected \(n_clusters, 2\)"),
        (cluster_means, (np.zeros((2, 2)), np.full((2, 2), 3), 2), "labels reach 3"),
        (cluster_means, (np.zeros((2, 2)), np.zeros((2, 3), int)), r"expected \(2, 2\)"),
        (squared_differences, ([[1.0]], [0], [[1.0]], [[0, 0]], [[1]], 2), "neighbors .* of 1"),
        (squared_differences, ([[1.0]], [0], [[1.0, 2]], [[0, 0]], [[0]], 2), "means has shape"),
        (squared_differences, ([[1.0]], [0], [[1.0]], [0, 0], [[0]], 2), "centers has shape"),
        (squared_differences, ([[1.0]], [0], [[1.0]], [[0, 0]], [0], 2), "neighbors has shape"),
        (squared_differences, ([[np.inf]], [0], [[1.0]], [[0, 0]], [[0]], 2), "holds 1 values"),
        (bottom_up, ([[np.nan, 1]], 2, nearest), "holds 1 values that are NaN"),
    ],
)
def test_what_cannot_be_used(function, arguments, words, on_gpu):
    from numba import cuda

    if on_gpu:
        arguments = [
            cuda.to_device(np.asarray(a)) if isinstance(a, (list, np.ndarray)) else a
            for a in arguments
        ]
    with permuted(0), pytest.raises(ValueError, match=words):
        function(*arguments, device="cuda")


def test_too_many_pixels_are_an_error(monkeypatch):
    from sklearn_spx.kernels import _cuda_checks

    monkeypatch.setattr(_cuda_checks, "_MOST", 11)
    with permuted(0), pytest.raises(ValueError, match="3 x 4 pixels are too many for CUDA"):
        bottom_up(np.zeros((3, 4)), 2, nearest, device="cuda")
