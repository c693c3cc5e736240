"""The region graph's CUDA twins: the CPU's edges, lengths, sizes and means, bit by bit."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sklearn_spx.kernels import region_adjacency, region_means

from .simulator import SIMULATED, permuted

pytestmark = pytest.mark.skipif(not SIMULATED, reason="NUMBA_ENABLE_CUDASIM=1 is not set")


def assert_the_cpus(function, *arrays, seed=0):
    wanted = function(*arrays, device="cpu")
    with permuted(seed):
        found = function(*arrays, device="cuda")
    for there, here in zip(found, wanted, strict=True):
        assert there.dtype == here.dtype
        assert there.shape == here.shape
        assert there.tobytes() == here.tobytes()


@settings(max_examples=7, deadline=None, derandomize=True)
@given(
    st.integers(0, 2**32 - 1),
    st.integers(1, 9),
    st.integers(1, 11),
    st.sampled_from([1, 2, 5, 70, 2**31 - 1]),
    st.sampled_from([None, 1, 2]),
)
def test_edges_are_the_cpus(seed, height, width, n_labels, order):
    rng = np.random.default_rng(seed)
    labels = rng.integers(-1, n_labels, (height, width)).astype(rng.choice(["i4", "i8"]))
    assert_the_cpus(region_adjacency, labels, seed=order)


@settings(max_examples=12, deadline=None, derandomize=True)
@given(
    st.integers(0, 2**32 - 1),
    st.integers(1, 6),
    st.integers(1, 9),
    st.sampled_from([1, 3]),
    st.booleans(),
)
def test_means_are_the_cpus(seed, height, width, n_channels, masked):
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 4, (height, width))
    labels = np.unique(labels, return_inverse=True)[1].reshape(height, width)
    image = rng.lognormal(sigma=9, size=(height, width, n_channels)).astype(np.float32)
    if masked:
        outside = rng.random(labels.shape) < 0.2
        labels[outside & (labels == 0)] = -1
        labels = np.where(labels == labels.max(), 0, labels + 1) - 1
        labels = np.unique(labels, return_inverse=True)[1].reshape(height, width)
        labels = (labels - masked).astype(np.int32)
        image[labels < 0] = np.nan
    assert_the_cpus(region_means, image, labels, seed=seed % 3)


@pytest.mark.parametrize("dtype", [bool, np.uint8, np.uint16, np.float64])
def test_rows_longer_than_a_stretch(dtype):
    rng = np.random.default_rng(0)
    image = (rng.random((2, 71)) * 200).astype(dtype)
    labels = np.zeros((2, 71), np.uint8)
    labels[1, 40:] = 1
    assert_the_cpus(region_means, image, labels)
    assert_the_cpus(region_adjacency, labels)


def test_no_region():
    labels = np.full((3, 4), -7)
    assert_the_cpus(region_adjacency, labels)
    assert_the_cpus(region_means, np.full((3, 4), np.nan), labels)


def test_arrays_on_the_gpu():
    from numba import cuda

    labels = np.array([[0, 0, 1], [2, 1, -1]], np.int16)
    image = np.arange(12, dtype=np.float32).reshape(2, 3, 2)
    image[1, 2] = np.inf
    with permuted(0):
        there = cuda.to_device(labels)
        for found, wanted in (
            (region_adjacency(there), region_adjacency(labels)),
            (region_means(cuda.to_device(image), there), region_means(image, labels)),
        ):
            for a, b in zip(found, wanted, strict=True):
                assert not isinstance(a, np.ndarray)
                assert a.copy_to_host().tolist() == b.tolist()


@pytest.mark.parametrize(
    ("image", "labels", "error", "message"),
    [
        (np.zeros((2, 3)), np.array([[0, 2, 0], [0, 4, 0]]), ValueError, "no pixel is 1"),
        (np.zeros((1, 2)), np.array([[0, 5]]), ValueError, "labels go up to 5 in an image of 2"),
        (np.full((1, 2), np.nan), np.array([[0, -1]]), ValueError, "1 values inside the mask"),
        (np.full((1, 2), np.nan), np.array([[0, 0]]), ValueError, "holds 2 values that are NaN"),
        (np.zeros((1, 2)), np.array([[0, 2**40]]), ValueError, "beyond int32"),
        (np.zeros((2, 2)), np.array([[0, 0]]), ValueError, r"has shape \(1, 2\), expected \(2, 2"),
        (np.zeros((1, 2)), np.array([[0.0, 1.0]]), TypeError, "labels has dtype float64"),
    ],
)
@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_what_cannot_be_used(image, labels, error, message, device):
    from numba import cuda

    if device == "cuda":
        image, labels = cuda.to_device(image), cuda.to_device(labels)
    with permuted(0), pytest.raises(error, match=message):
        region_means(image, labels, device=device)
