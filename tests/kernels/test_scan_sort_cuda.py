"""Prefix sums and sorts on a GPU, against numpy's."""

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from sklearn_spx.kernels import _device

from .simulator import SIMULATED, permuted

pytestmark = pytest.mark.skipif(not SIMULATED, reason="NUMBA_ENABLE_CUDASIM=1 is not set")

seeds = st.integers(0, 2**32 - 1)


@settings(max_examples=15, deadline=None, derandomize=True)
@given(seeds, st.integers(0, 1100), st.sampled_from([np.int32, np.int64, bool]))
@example(0, 1024, np.int32)
@example(1, 3000, bool)
def test_prefix_sums(seed, n, dtype):
    from sklearn_spx.kernels._cuda_scan import prefix_sum

    counts = np.random.default_rng(seed).integers(0, 2 if dtype is bool else 50, n).astype(dtype)
    with permuted(seed), _device.open_session() as session:
        on = session.allocate("test", counts=((n,), dtype), starts=((n + 1,), np.int64))
        session.copy_in(counts, on.counts)
        prefix_sum(session, on.counts, on.starts)
        found = session.copy_out(on.starts)
    assert found.tolist() == [0, *np.cumsum(counts)]


@settings(max_examples=15, deadline=None, derandomize=True)
@given(
    seeds, st.integers(0, 60), st.sampled_from([(np.uint32, 6), (np.uint32, 32), (np.uint64, 40)])
)
@example(0, 1300, (np.uint32, 7))
def test_sorts_are_stable(seed, n, what):
    from sklearn_spx.kernels._cuda_sort import sort_pairs

    dtype, n_bits = what
    keys = np.random.default_rng(seed).integers(0, 2 ** min(n_bits, 5), n).astype(dtype)
    keys <<= dtype(max(n_bits - 5, 0))
    values = np.arange(n, dtype=np.int32)
    with permuted(seed), _device.open_session() as session:
        on = session.allocate("test", keys=((n,), dtype), values=((n,), np.int32))
        session.copy_in(keys, on.keys)
        session.copy_in(values, on.values)
        keys_found, found = sort_pairs(session, on.keys, on.values, n_bits)
        keys_found, found = session.copy_out(keys_found), session.copy_out(found)
    order = np.argsort(keys, kind="stable")
    assert found.tolist() == order.tolist()
    assert keys_found.tolist() == keys[order].tolist()
