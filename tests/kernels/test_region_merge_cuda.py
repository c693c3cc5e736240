"""Merging's CUDA twins: the CPU's segments, heights and trees, whatever the order of blocks."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sklearn_spx.kernels import merge_heights, merge_regions

from .simulator import SIMULATED, permuted

pytestmark = pytest.mark.skipif(not SIMULATED, reason="NUMBA_ENABLE_CUDASIM=1 is not set")

WEIGHTS = np.array([-np.inf, -2.5, -1.0, -0.0, 0.0, 0.25, 1.0, 1e300, np.inf])


@pytest.fixture(params=[0, 10**9])
def few(request, monkeypatch):
    """All is done in rounds, or all but the first few by one thread."""
    from sklearn_spx.kernels import _cuda_graph

    monkeypatch.setattr(_cuda_graph, "FEW", request.param)


def graph(rng, n, n_edges, distinct):
    edges = rng.integers(0, n, (n_edges, 2))
    weights = rng.normal(size=n_edges) if distinct else rng.choice(WEIGHTS, n_edges)
    return edges, weights, n


def assert_segments(given, threshold, min_size, seed=0):
    wanted = merge_regions(*given, threshold, min_size)
    with permuted(seed):
        found = merge_regions(*given, threshold, min_size, device="cuda")
    assert found.dtype == wanted.dtype
    assert found.tolist() == wanted.tolist()


def assert_heights(given, seed=0):
    wanted = merge_heights(*given)
    with permuted(seed):
        found = merge_heights(*given, device="cuda")
    for there, here in zip(found, wanted, strict=True):
        assert there.dtype == here.dtype
        assert there.tolist() == here.tolist()


problems = st.tuples(
    st.integers(0, 2**32 - 1), st.integers(1, 30), st.integers(0, 60), st.booleans()
)


@settings(max_examples=10, deadline=None, derandomize=True)
@given(problems, st.sampled_from([-np.inf, -0.5, 0.0, np.inf]), st.sampled_from([0, 2, 5, 100]))
def test_any_segments(problem, threshold, min_size):
    seed, *rest = problem
    assert_segments(graph(np.random.default_rng(seed), *rest), threshold, min_size, seed)


@pytest.mark.parametrize("min_size", [2, 3, 7, 40])
@pytest.mark.parametrize("seed", [None, 1, 2])
@pytest.mark.usefixtures("few")
def test_small_segments(min_size, seed):
    assert_segments(graph(np.random.default_rng(min_size), 60, 150, True), -1.5, min_size, seed)


@pytest.mark.usefixtures("few")
def test_each_edge_waits_for_the_one_before():
    chain = np.stack([np.arange(40), np.arange(1, 41)], axis=1)
    for edges in (chain, chain[::-1]):
        assert_segments((edges, np.ones(40), 41), 0.0, 9)


@settings(max_examples=8, deadline=None, derandomize=True)
@given(problems)
def test_any_heights(problem):
    seed, *rest = problem
    assert_heights(graph(np.random.default_rng(seed), *rest), seed)


def test_heights_of_chains():
    chain = np.stack([np.arange(30), np.arange(1, 31)], axis=1)
    for weights in (np.arange(30.0), -np.arange(30.0), np.zeros(30)):
        assert_heights((chain, weights, 33))


def test_no_edge():
    assert_heights(([], [], 3))
    assert_segments(([], [], 3), 1.0, 5)


def test_arrays_on_the_gpu():
    from numba import cuda

    edges, weights = np.array([[0, 1], [1, 2], [2, 3]], np.uint8), np.float32([0.1, 0.6, 0.2])
    with permuted(0):
        there = cuda.to_device(edges), cuda.to_device(weights)
        segments = merge_regions(*there, 4, 0.3)
        heights, tree = merge_heights(*there, 4)
    assert not isinstance(segments, np.ndarray)
    assert segments.copy_to_host().tolist() == [0, 0, 1, 1]
    assert not isinstance(heights, np.ndarray)
    wanted = merge_heights(edges, weights, 4)
    assert heights.copy_to_host().tolist() == wanted[0].tolist()
    assert tree.copy_to_host().tolist() == wanted[1].tolist()


@pytest.mark.parametrize(
    ("edges", "weights", "error", "message"),
    [
        ([[0, 1], [1, 4]], [0.0, 1.0], ValueError, r"edges\[1\] is \[1, 4\]; regions are 0 to 3"),
        ([[0, -1]], [0.0], ValueError, r"edges\[0\] is \[0, -1\]"),
        ([[0, 1], [1, 2]], [0.0, np.nan], ValueError, r"weights\[1\] is NaN"),
        ([[0, 1]], [0.0, 1.0], ValueError, r"weights has shape \(2,\), expected \(1,\)"),
        ([[0, 1, 2]], [0.0], ValueError, r"edges has shape \(1, 3\)"),
        ([[0.0, 1.0]], [0.0], TypeError, "edges has dtype float64"),
    ],
)
@pytest.mark.parametrize("there", [False, True])
def test_what_cannot_be_used(edges, weights, error, message, there):
    from numba import cuda

    edges, weights = np.array(edges), np.array(weights)
    if there:
        edges, weights = cuda.to_device(edges), cuda.to_device(weights)
    with permuted(0), pytest.raises(error, match=message):
        merge_heights(edges, weights, 4)


def test_parallel_edges_are_dropped_but_for_the_first():
    from sklearn_spx.kernels import _cuda_graph
    from sklearn_spx.kernels._device import open_session

    low, high = np.int32([3, 3, 1, 3, 4, 9]), np.int32([4, 4, 2, 5, 3, 8])
    with permuted(0), open_session() as session:
        on = session.allocate("a test", low=((6,), np.int32), high=((6,), np.int32))
        session.copy_in(low, on.low)
        session.copy_in(high, on.high)
        work = _cuda_graph.compaction(session, 6)
        session.copy_in(np.uint8([0, 1, 1, 1, 1, 1]), work.flags)
        _cuda_graph.drop_parallel(session, work, work.flags, (on.low, on.high))
        assert session.copy_out(work.flags).tolist() == [0, 1, 1, 1, 0, 1]
