"""The graph of regions, and what other libraries make of it."""

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.sparse.csgraph import connected_components
from sklearn.cluster import AgglomerativeClustering, SpectralClustering

from sklearn_spx import SLICSuperpixels
from sklearn_spx.datasets import make_dead_leaves
from sklearn_spx.regions import RegionGraph, region_graph

from ..kernels import naive

label_images = hnp.arrays(
    np.int32,
    hnp.array_shapes(min_dims=2, max_dims=2, max_side=7),
    elements=st.sampled_from([-5, -1, 0, 2, 3, 9, 2**31 - 1]),
)
IMAGE = make_dead_leaves(1, (40, 56), random_state=0).images[0]
LABELS = SLICSuperpixels(40).fit_transform([IMAGE])[0]
MASKED = np.where(np.arange(56) < 9, -1, 3 * LABELS + 2)


@settings(max_examples=60, deadline=None)
@given(label_images, st.integers(1, 3))
def test_nodes_and_edges_are_the_obvious_ones(labels, n_channels):
    image = np.random.default_rng(0).normal(size=(*labels.shape, n_channels))
    graph = region_graph(labels, image)
    ids = sorted(set(labels[labels >= 0].tolist()))
    assert graph.ids.tolist() == ids
    np.testing.assert_array_equal(
        graph.pixel_nodes, [[ids.index(v) if v >= 0 else -1 for v in row] for row in labels]
    )
    for i, label in enumerate(ids):
        inside = labels == label
        assert graph.sizes[i] == inside.sum()
        np.testing.assert_allclose(graph.centroids[i], np.argwhere(inside).mean(axis=0))
        np.testing.assert_allclose(graph.features[i], image[inside].mean(axis=0), atol=1e-6)
    wanted, lengths = naive.region_adjacency(labels)
    assert [(ids[a], ids[b]) for a, b in graph.edges.tolist()] == wanted
    assert graph.lengths.tolist() == lengths
    for i in range(len(ids)):
        row = slice(graph.indptr[i], graph.indptr[i + 1])
        mine = [(b if a == i else a, e) for e, (a, b) in enumerate(graph.edges) if i in (a, b)]
        assert list(zip(graph.indices[row], graph.entry_edges[row])) == sorted(mine)
    for (a, b), contrast in zip(graph.edges, graph.contrasts):
        assert contrast == pytest.approx(np.linalg.norm(graph.features[a] - graph.features[b]))


def test_no_region_is_an_empty_graph():
    graph = region_graph(np.full((2, 3), -4), np.full((2, 3), np.nan))
    assert graph.edge_index().shape == (2, 0)
    assert graph.to_scipy().shape == (0, 0)
    assert graph.to_arrays()["x"].shape == (0, 1)
    for labels in (graph.cut(1.0), graph.segment(1.0), graph.merge([]), graph.merge({})):
        np.testing.assert_array_equal(labels, np.full((2, 3), -1))
    assert repr(graph) == "RegionGraph of 0 regions and 0 edges"


def test_scipy_and_scikit_learn_take_it():
    graph = RegionGraph(MASKED, IMAGE)
    for weight, values in (("length", graph.lengths), ("contrast", graph.contrasts)):
        adjacency = graph.to_scipy(weight)
        assert (adjacency != adjacency.T).nnz == 0
        a, b = graph.edges.T
        np.testing.assert_array_equal(adjacency[a, b], values)
    assert connected_components(graph.to_scipy())[0] == 1
    groups = AgglomerativeClustering(6, connectivity=graph.to_scipy()).fit_predict(graph.features)
    assert set(np.unique(graph.merge(groups))) == {-1, 0, 1, 2, 3, 4, 5}
    similar = np.exp(-graph.contrasts / graph.contrasts.mean())
    clustering = SpectralClustering(3, affinity="precomputed", random_state=0)
    assert len(np.unique(clustering.fit_predict(graph.to_scipy(similar)))) == 3


def test_what_is_done_to_the_sparse_array_leaves_the_graph():
    graph = region_graph(LABELS)
    before = graph.indices.copy(), graph.indptr.copy(), graph.lengths.copy()
    adjacency = graph.to_scipy()
    adjacency.indices[:], adjacency.indptr[:], adjacency.data[:] = 0, 0, 0
    for old, now in zip(before, (graph.indices, graph.indptr, graph.lengths)):
        np.testing.assert_array_equal(old, now)


def test_networkx_has_the_labels_as_nodes():
    graph = region_graph(MASKED, IMAGE)
    found = graph.to_networkx()
    assert sorted(found.nodes) == graph.ids.tolist()
    for (a, b), length, contrast in zip(graph.edges, graph.lengths, graph.contrasts):
        edge = found.edges[int(graph.ids[a]), int(graph.ids[b])]
        assert edge == {"length": length, "contrast": contrast}
    for i, label in enumerate(graph.ids.tolist()):
        assert found.nodes[label]["size"] == (label == MASKED).sum()
        np.testing.assert_array_equal(found.nodes[label]["feature"], graph.features[i])


def test_torch_takes_the_arrays_without_a_copy():
    import torch

    graph = region_graph(MASKED, IMAGE)
    arrays = graph.to_arrays()
    n, m = len(graph.ids), 2 * len(graph.edges)
    shapes = {"edge_index": (2, m), "edge_attr": (m, 2), "pos": (n, 2), "x": (n, 3)}
    assert {name: array.shape for name, array in arrays.items()} == shapes
    assert arrays["edge_index"].dtype == np.int64
    for array in arrays.values():
        tensor = torch.from_numpy(array)
        assert tensor.data_ptr() == array.ctypes.data
        assert tensor.is_contiguous()
    # one step of message passing by plain torch: means over neighbours
    source, target = torch.from_numpy(arrays["edge_index"])
    x = torch.from_numpy(arrays["x"])
    sums = torch.zeros_like(x).index_add(0, target, x[source])
    np.testing.assert_allclose(
        sums, (graph.to_scipy(np.ones(len(graph.edges))) @ graph.features), rtol=1e-5
    )
    assert set(region_graph(LABELS).to_arrays()) == {"edge_index", "edge_attr", "pos"}


# --- scikit-image ------------------------------------------------------------------------------


def same_regions(a, b):
    """Whether two label images differ in their numbers alone."""
    pairs = np.unique(np.stack([a.ravel(), b.ravel()]), axis=1)
    return pairs.shape[1] == len(np.unique(a)) == len(np.unique(b))


@pytest.fixture
def rags():
    from skimage.graph import rag_mean_color

    image = IMAGE.astype(float)
    return region_graph(LABELS, image).to_skimage(), rag_mean_color(image, LABELS, connectivity=1)


def test_the_graph_of_scikit_image_is_that_of_mean_colours(rags):
    ours, theirs = rags
    assert set(ours.nodes) == set(theirs.nodes)
    assert {frozenset(e) for e in ours.edges} == {frozenset(e) for e in theirs.edges}
    for a, b, weight in theirs.edges(data="weight"):
        assert ours.edges[a, b]["weight"] == pytest.approx(weight, abs=1e-4)
    for node, about in theirs.nodes(data=True):
        assert ours.nodes[node]["labels"] == about["labels"]
        assert ours.nodes[node]["pixel count"] == about["pixel count"]
        np.testing.assert_allclose(ours.nodes[node]["total color"], about["total color"], rtol=1e-5)
    assert ours.next_id() == theirs.next_id()


def test_scikit_image_cuts_and_merges_it_as_its_own(rags):
    from skimage.graph import cut_threshold, merge_hierarchical

    def weigh(graph, source, target, n):
        mean = graph.nodes[target]["mean color"] - graph.nodes[n]["mean color"]
        return {"weight": np.linalg.norm(mean)}

    def merge(graph, source, target):
        for key in ("total color", "pixel count"):
            graph.nodes[target][key] += graph.nodes[source][key]
        node = graph.nodes[target]
        node["mean color"] = node["total color"] / node["pixel count"]

    ours, theirs = rags
    threshold = 25
    cut = cut_threshold(LABELS, ours, threshold, in_place=False)
    np.testing.assert_array_equal(cut, cut_threshold(LABELS, theirs, threshold, in_place=False))
    assert 1 < len(np.unique(cut)) < len(np.unique(LABELS))
    assert same_regions(cut, region_graph(LABELS, IMAGE).cut(threshold))
    merged = [merge_hierarchical(LABELS, rag, threshold, False, True, merge, weigh) for rag in rags]
    assert same_regions(*merged)
    assert 1 < len(np.unique(merged[0])) < len(np.unique(LABELS))


def test_scikit_image_draws_it():
    import matplotlib.pyplot as plt
    from skimage.graph import show_rag

    graph = region_graph(LABELS, IMAGE)
    lines = show_rag(LABELS, graph.to_skimage(), IMAGE)
    plt.close("all")
    assert len(lines.get_segments()) == len(graph.edges)


@pytest.mark.slow
def test_networkx_and_scikit_image_come_when_asked_for():
    code = (
        "import sys; from sklearn_spx.regions import region_graph; region_graph([[0, 1]]).cut(1, "
        "'length'); print([m for m in ('networkx', 'skimage', 'torch') if m in sys.modules])"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"


# --- back to label images ------------------------------------------------------------------------


def test_a_cut_joins_what_is_alike():
    labels = np.array([[3, 3, 5, 9], [-1, 3, 5, 9]])
    image = np.array([[0.0, 0.0, 0.1, 0.9], [7.0, 0.0, 0.1, 0.9]])
    graph = region_graph(labels, image)
    np.testing.assert_array_equal(graph.cut(0.05), labels)
    np.testing.assert_array_equal(graph.cut(0.3), [[3, 3, 3, 9], [-1, 3, 3, 9]])
    np.testing.assert_array_equal(graph.cut(np.inf), [[3, 3, 3, 3], [-1, 3, 3, 3]])
    np.testing.assert_array_equal(graph.cut(0.5, [1.0, 0.0]), [[3, 3, 5, 5], [-1, 3, 5, 5]])
    np.testing.assert_array_equal(graph.cut(0.3, min_size=2), graph.cut(np.inf))
    np.testing.assert_array_equal(graph.segment(0.9), [[3, 3, 3, 9], [-1, 3, 3, 9]])
    np.testing.assert_array_equal(graph.segment(0.0, min_size=3), [[3, 3, 3, 3], [-1, 3, 3, 3]])


def test_groups_become_labels():
    graph = region_graph([[3, 3, 5, 9], [-1, 3, 5, 9]])
    np.testing.assert_array_equal(graph.merge([7, -9, 7]), [[7, 7, -1, 7], [-1, 7, -1, 7]])
    np.testing.assert_array_equal(graph.merge({5: 9, 3: 0}), [[0, 0, 9, 9], [-1, 0, 9, 9]])
    np.testing.assert_array_equal(
        graph.merge(np.array([1, 0, 1], np.uint8)), [[1, 1, 0, 1], [-1, 1, 0, 1]]
    )


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda g: g.cut(1.0), ValueError, "no contrasts.*region_graph"),
        (lambda g: g.to_skimage(), ValueError, "no contrasts"),
        (lambda g: g.cut(1.0, "colour"), ValueError, "weight is 'colour'"),
        (lambda g: g.cut(1.0, [1.0]), ValueError, r"weight has shape \(1,\), expected \(2,\)"),
        (lambda g: g.to_scipy(["a", "b"]), TypeError, "weight has dtype"),
        (lambda g: g.merge([0, 1]), ValueError, r"groups has shape \(2,\), expected \(3,\)"),
        (lambda g: g.merge([0.0, 1.0, 2.0]), TypeError, "groups has dtype float64"),
        (lambda g: g.merge({4: 0}), ValueError, "names the label 4"),
        (lambda g: g.merge({3: 2**31}), ValueError, "beyond int32"),
        (lambda g: region_graph([[0.5]]), TypeError, "labels has dtype"),
        (lambda g: region_graph([[0]], [[0, 1]]), ValueError, "labels has shape"),
    ],
)
def test_what_cannot_be_used_is_named(call, error, message):
    with pytest.raises(error, match=message):
        call(region_graph([[3, 5, 9]]))


def test_the_graph_of_a_volume():
    labels = np.zeros((3, 4, 5), int)
    labels[1:, :2] = 4
    labels[0, 0, 0] = -1
    image = np.where(labels == 4, 9.0, 1.0)
    graph = region_graph(labels, image)
    assert graph.ids.tolist() == [0, 4]
    assert graph.sizes.tolist() == [39, 20]
    assert graph.edges.tolist() == [[0, 1]]
    assert graph.lengths.tolist() == [9 + 10]  # faces: below, and beside
    assert graph.contrasts.tolist() == [8]
    np.testing.assert_allclose(graph.centroids[1], [1.5, 0.5, 2])
    assert graph.to_arrays()["pos"].shape == (2, 3)
    found = graph.cut(10.0)
    assert found.shape == labels.shape
    np.testing.assert_array_equal(found, np.minimum(labels, 0))
    np.testing.assert_array_equal(graph.merge({4: 7}), np.where(labels == 4, 7, labels))
