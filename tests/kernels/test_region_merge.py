"""DEL's merge, and all its thresholds at once."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sklearn_spx.kernels import merge_heights, merge_regions

from . import naive


@st.composite
def graphs(draw):
    n = draw(st.integers(1, 12))
    pair = st.tuples(st.integers(0, n - 1), st.integers(0, n - 1))
    edges = draw(st.lists(pair, max_size=25))
    weights = draw(
        st.lists(st.integers(0, 5).map(lambda i: i / 5), min_size=len(edges), max_size=len(edges))
    )
    return edges, weights, n


@settings(max_examples=80, deadline=None)
@given(graphs(), st.sampled_from([-1.0, 0.0, 0.2, 0.5, 1.0, np.inf]), st.integers(0, 4))
def test_merge_is_the_naive_one(graph, threshold, min_size):
    found = merge_regions(*graph, threshold, min_size)
    assert found.dtype == np.int32
    assert found.tolist() == naive.merge_regions(*graph, threshold, min_size)


@settings(max_examples=80, deadline=None)
@given(graphs())
def test_heights_agree_with_merging_at_every_threshold(graph):
    edges, weights, n = graph
    heights, tree = merge_heights(edges, weights, n)
    for threshold in [-1.0, *sorted(set(weights)), np.inf]:
        segments = merge_regions(edges, weights, n, threshold)
        together = [segments[a] == segments[b] for a, b in edges]
        assert together == (heights <= threshold).tolist()
    n_components = merge_regions(edges, weights, n, np.inf).max() + 1
    assert len(tree) == n - n_components
    assert np.all(np.diff(np.asarray(weights)[tree]) >= 0)
    for k in range(n_components, n + 1):  # k segments: the first n - k edges of the tree
        first = [edges[e] for e in tree[: n - k]]
        assert len(set(naive.components(n, first))) == k


def test_by_hand():
    # a path 0 - 1 - 2 - 3 with a shortcut 0 - 3
    edges, weights = [(0, 1), (1, 2), (2, 3), (0, 3)], [0.1, 0.7, 0.2, 0.5]
    heights, tree = merge_heights(edges, weights, 4)
    assert heights.tolist() == [0.1, 0.5, 0.2, 0.5]
    assert tree.tolist() == [0, 2, 3]
    assert merge_regions(edges, weights, 4, 0.2).tolist() == [0, 0, 1, 1]
    assert merge_regions(edges, weights, 4, 0.1).tolist() == [0, 0, 1, 2]
    # one pass in the order of the edges: 1 - 2 comes before 2 - 3
    assert merge_regions(edges, weights, 4, 0.1, min_size=2).tolist() == [0, 0, 0, 0]


def test_a_long_chain():
    n = 100_000
    edges = np.column_stack([np.arange(n - 1), np.arange(1, n)])
    weights = np.random.default_rng(0).permutation(n - 1) / n
    heights, tree = merge_heights(edges, weights, n)
    np.testing.assert_array_equal(heights, weights)
    np.testing.assert_array_equal(tree, np.argsort(weights))


def test_what_does_not_fit_is_named():
    with pytest.raises(ValueError, match=r"edges\[1\] is \[0, 2\]; regions are 0 to 1"):
        merge_regions([[0, 1], [0, 2]], [0, 0], 2, 0.5)
    with pytest.raises(ValueError, match=r"edges has shape \(3,\)"):
        merge_regions([0, 1, 2], [0, 0], 2, 0.5)
    with pytest.raises(TypeError, match="edges has dtype float64"):
        merge_heights([[0.0, 1.0]], [0], 2)
    with pytest.raises(ValueError, match=r"weights\[1\] is NaN"):
        merge_heights([[0, 1], [0, 1]], [0, np.nan], 2)
    with pytest.raises(ValueError, match=r"weights has shape \(1,\), expected \(2,\)"):
        merge_heights([[0, 1], [0, 1]], [0], 2)
    with pytest.raises(ValueError, match="n_regions must be at least 1"):
        merge_heights([], [], 0)
    with pytest.raises(ValueError, match="threshold is NaN"):
        merge_regions([[0, 1]], [0], 2, float("nan"))
    with pytest.raises(TypeError, match="threshold must be a real number, got '1'"):
        merge_regions([[0, 1]], [0], 2, "1")
