"""Footprints on a GPU: the CPU's entries in their order, and its weights bit by bit."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sklearn_spx.kernels.footprints import region_footprints

from .simulator import SIMULATED, permuted

pytestmark = pytest.mark.skipif(not SIMULATED, reason="NUMBA_ENABLE_CUDASIM=1 is not set")


def assert_the_cpus(labels, *arguments, seed=0):
    wanted = region_footprints(labels, *arguments)
    with permuted(seed):
        found = region_footprints(labels, *arguments, device="cuda")
    for a, b in zip(found, wanted, strict=True):
        assert a.dtype == b.dtype
        assert a.tolist() == b.tolist()


@settings(max_examples=20, deadline=None, derandomize=True)
@given(
    st.integers(0, 2**32 - 1),
    st.integers(1, 9),
    st.integers(1, 11),
    st.integers(1, 5),
    st.tuples(st.integers(1, 4), st.integers(1, 5)),
    st.sampled_from([(1.0, 0.0), (2.0, 0.5), (4.0, 1.5), (3.0, -2.0), (0.5, 0.25)]),
)
def test_are_the_cpus(seed, height, width, n_regions, shape, grid):
    rng = np.random.default_rng(seed)
    labels = rng.integers(-1, n_regions, (height, width)).astype(rng.choice([np.int32, np.int64]))
    if rng.random() < 0.5:
        labels = np.sort(labels, axis=1)  # long runs
    assert_the_cpus(labels, n_regions + 1, shape, *grid, seed=seed)


def test_no_region_at_all():
    assert_the_cpus(np.full((2, 3), -1), 0, (1, 2), 2.0, 0.0)


def test_arrays_on_the_gpu_and_labels_that_are_too_many():
    from numba import cuda

    labels = np.array([[0, 0, 1, 1, 2]], np.int32)
    with permuted(1):
        found = region_footprints(cuda.to_device(labels), 3, (1, 3), 2, 0)
        assert not isinstance(found[0], np.ndarray)
        wanted = region_footprints(labels, 3, (1, 3), 2, 0)
        assert [a.copy_to_host().tolist() for a in found] == [a.tolist() for a in wanted]
        with pytest.raises(ValueError, match="n_regions is 2, but labels reach 2"):
            region_footprints(labels, 2, (1, 3), 2, 0, device="cuda")
