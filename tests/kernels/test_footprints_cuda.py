"""The CUDA twin of a coarse map's weights: the CPU's entries, in its order, bit by bit."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sklearn_spx.kernels.footprints import region_footprints, region_runs

from .simulator import SIMULATED, permuted

pytestmark = pytest.mark.skipif(not SIMULATED, reason="NUMBA_ENABLE_CUDASIM=1 is not set")


def assert_the_cpus(*arguments, seed=0):
    wanted = region_footprints(*arguments, device="cpu")
    with permuted(seed):
        found = region_footprints(*arguments, device="cuda")
    for there, here in zip(found, wanted, strict=True):
        assert there.dtype == here.dtype
        assert there.tolist() == here.tolist()


@settings(max_examples=8, deadline=None, derandomize=True)
@given(
    st.integers(0, 2**32 - 1),
    st.tuples(st.integers(1, 8), st.integers(1, 9)),
    st.sampled_from([1, 2, 6]),
    st.sampled_from([1.0, 1.7, 4.0]),
    st.sampled_from([-0.5, 0.0, 1.5]),
    st.sampled_from([None, 1, 2]),
)
def test_any_labels(seed, shape, n_labels, stride, origin, order):
    rng = np.random.default_rng(seed)
    labels = rng.integers(-1, n_labels, shape)
    labels = labels.repeat(rng.integers(1, 4), axis=0)
    grid = int(rng.integers(1, 6)), int(rng.integers(1, 6))
    assert_the_cpus(labels, n_labels + int(rng.integers(2)), grid, stride, origin, seed=order)


def test_no_region():
    assert_the_cpus(np.full((2, 3), -1), 0, (2, 2), 2.0, 0.5)
    assert_the_cpus(np.full((2, 3), -1), 3, (2, 2), 2.0, 0.5)


def test_one_region_of_long_rows():
    assert_the_cpus(np.zeros((3, 90), np.uint8), 1, (2, 30), 3.0, 1.0)


def test_arrays_on_the_gpu():
    from numba import cuda

    labels = np.array([[0, 0, 1], [2, 1, -1]])
    with permuted(0):
        there = cuda.to_device(labels)
        with pytest.raises(ValueError, match="runs are of no use on a GPU"):
            region_footprints(there, 3, (2, 2), 1.5, 0.25, runs=region_runs(labels, 3))
        found = region_footprints(there, 3, (2, 2), 1.5, 0.25)
        for a, b in zip(found, region_footprints(labels, 3, (2, 2), 1.5, 0.25), strict=True):
            assert not isinstance(a, np.ndarray)
            assert a.copy_to_host().tolist() == b.tolist()
        with pytest.raises(ValueError, match="n_regions is 2, but labels reach 2"):
            region_footprints(there, 2, (2, 2), 1.5, 0.25)
