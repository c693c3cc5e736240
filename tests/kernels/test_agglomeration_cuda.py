"""Means along boundaries on a GPU: the CPU's, bit by bit."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sklearn_spx.kernels import region_adjacency
from sklearn_spx.kernels.agglomeration import boundary_means

from .simulator import SIMULATED, permuted

pytestmark = pytest.mark.skipif(not SIMULATED, reason="NUMBA_ENABLE_CUDASIM=1 is not set")


@settings(max_examples=15, deadline=None, derandomize=True)
@given(st.integers(0, 2**32 - 1), st.integers(1, 9), st.integers(1, 11), st.integers(1, 8))
def test_are_the_cpus(seed, height, width, n_labels):
    rng = np.random.default_rng(seed)
    labels = rng.integers(-1, n_labels, (height, width), dtype=np.int32)
    values = rng.random((height, width)).astype(rng.choice([np.float32, np.float64]))
    edges, lengths = region_adjacency(labels)
    wanted = boundary_means(labels, edges, lengths, values)
    with permuted(seed):
        found = boundary_means(labels, edges, lengths, values, device="cuda")
    assert found.dtype == np.float64
    assert found.tolist() == wanted.tolist()


def test_arrays_on_the_gpu():
    from numba import cuda

    labels = np.array([[0, 0, 1], [2, 1, 1]], np.int32)
    values = np.arange(6, dtype=np.float32).reshape(2, 3)
    arrays = labels, *region_adjacency(labels), values
    with permuted(0):
        found = boundary_means(*map(cuda.to_device, arrays))
        assert not isinstance(found, np.ndarray)
        assert found.copy_to_host().tolist() == boundary_means(*arrays).tolist()
        with pytest.raises(ValueError, match="not those of the labels"):
            boundary_means(labels, arrays[1], arrays[2] + 1, values, device="cuda")
