"""A long property run: every kernel, every score and all six estimators, over odd data.

    pytest -m fuzz                                # three minutes
    SKLEARN_SPX_FUZZ_SECONDS=3600 pytest -m fuzz
    SKLEARN_SPX_FUZZ_SEED=7 pytest -m fuzz        # other cases

The time is shared among the tests, which draw rounds of cases until theirs is up; a case that
fails is printed in words. What a case may be refused with is said beside its call: any other
exception, and any warning, is a fault.
"""

import contextlib
import copy
import os
import re
import warnings
from functools import cache
from time import perf_counter
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st
from skimage.measure import label as connected

from sklearn_spx import (
    DELSegmenter,
    EGBSegmenter,
    ERSSuperpixels,
    SEALSuperpixels,
    SLICSuperpixels,
    TrainableSLIC,
    kernels,
    metrics,
)
from sklearn_spx.datasets import make_dead_leaves
from sklearn_spx.features import EmbeddingFeatures, LabFeatures
from sklearn_spx.kernels.agglomeration import agglomerate
from sklearn_spx.kernels.cluster_assign import (
    bottom_up,
    cluster_means,
    nearest_clusters,
    squared_differences,
)
from sklearn_spx.kernels.color import rgb_to_lab
from sklearn_spx.kernels.footprints import region_footprints
from sklearn_spx.methods.seal.graph import graph_segments
from sklearn_spx.training import NetTraining

from .fuzz_regions import CHECKS as CHECKS_OF_REGIONS
from .kernels import naive, naive_cluster_assign
from .metrics import naive as naive_scores
from .metrics.common import cases as label_images
from .scenes import scenes

pytestmark = pytest.mark.fuzz

SECONDS = float(os.environ.get("SKLEARN_SPX_FUZZ_SECONDS", 180))
SEED = int(os.environ.get("SKLEARN_SPX_FUZZ_SEED", 0))
WORKERS = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", 1))
ROUND = 20  # cases drawn by one seed
# what is said of images that are taken as they are
NOTICES = (r"image holds values from .* they are a grid", r"X\[\d\] holds .* nearly black")

positive = st.one_of(
    st.sampled_from([5e-324, 1e-300, 1e-38, 1e-9, 1e9, 1e38, 1e300, 1.7e308]),
    st.floats(1e-3, 1e3),
)
not_negative = st.one_of(st.just(0.0), positive)
counts = st.one_of(st.sampled_from([1, 2, 2**63 - 1]), st.integers(1, 60))


# --- what a case must keep to ----------------------------------------------------------------


class Reason(NamedTuple):
    """Why a case may be refused, or must be: the words of the ValueError, and if they hold."""

    words: str
    holds: bool
    must: bool = False


@contextlib.contextmanager
def refused_for(reasons):
    """Accept a ValueError whose reason holds, no other exception, and no warning."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            for words in NOTICES:
                warnings.filterwarnings("ignore", words)
            yield
    except ValueError as error:
        if not any(r.holds and re.search(r.words, str(error)) for r in reasons):
            raise
    else:
        assert not [r for r in reasons if r.must and r.holds]


def assert_regions(labels, inside, connectivity, count=None):
    """The contract of a label image."""
    assert labels.dtype == np.int32
    assert labels.flags.c_contiguous
    np.testing.assert_array_equal(labels >= 0, inside)
    assert labels.min() >= -1
    n = int(labels.max()) + 1
    assert np.array_equal(np.unique(labels[inside]), np.arange(n))
    if connectivity is not None:
        parts = connected(labels, background=-1, connectivity=connectivity // 4, return_num=True)[1]
        assert parts == n
    if count is not None:
        assert n == count


def check_call(scene, function, connectivity, reasons, count=None):
    """Call ``function(image, mask)`` twice; check what it returns and that it changes nothing."""
    image, mask = scene.image(), scene.given_mask()
    before = copy.deepcopy((image, mask))
    labels = None
    with refused_for(reasons):
        labels = function(image, mask)
        assert_regions(labels, scene.inside(), connectivity, count)
        np.testing.assert_array_equal(labels, function(scene.image(), scene.given_mask()))
    for a, b in zip(before, (image, mask)):
        np.testing.assert_array_equal(a, b)
    return labels


def beyond_float32(scene, masked=True):
    """An image that no kernel takes; where it has a mask, pixels outside may hold anything."""
    words = r"values( inside the mask)? that are NaN, infinite or beyond float32"
    reach = scene.reach(scene.inside()) if masked else scene.reach()
    return Reason(words, not np.isfinite(reach), must=True)


def of_count(scene, count, connectivity):
    """The two reasons not to cut an image into so many superpixels."""
    n_pixels, n_parts = int(scene.inside().sum()), scene.n_parts(connectivity)
    words = f"n_segments is {count},"
    return [
        Reason(f"{words}.* {n_pixels} pixels", count > n_pixels, must=True),
        Reason(f"{words} but the mask has .* unconnected parts", count < n_parts, must=True),
    ]


# --- kernels ---------------------------------------------------------------------------------


@st.composite
def slic_cases(draw):
    scene = draw(scenes())
    n_channels = scene.channels or 1
    weights = None
    if draw(st.booleans()):
        weights = [draw(st.one_of(st.floats(0, 9), not_negative)) for _ in range(n_channels)]
    return scene, {
        "n_segments": draw(counts),
        "compactness": draw(not_negative),
        "max_iter": draw(st.integers(1, 6)),
        "weights": weights,
        "convert2lab": draw(st.sampled_from([None, True, False])),
        "slic_zero": draw(st.booleans()),
    }


def of_slic(scene, options):
    weights = np.array(options.get("weights") or [1.0])
    reach = scene.reach() * np.sqrt(min(weights.max(), 1e76))
    roots = np.sqrt(weights)
    lost = roots.max() > 3e38 or (weights.any() and roots.max() < 1e-44)
    convert = bool(options.get("convert2lab"))
    no_compactness = options["slic_zero"] and options["compactness"] == 0
    return [
        beyond_float32(scene),
        Reason(r"image holds values beyond 1e\+18, times root of weight", reach > 1e15),
        Reason(r"weights must have square roots within float32", lost),
        Reason(r"compactness must be above 0", no_compactness, must=True),
        Reason(r"needs an image of 3 channels", convert and scene.channels != 3, must=True),
        Reason(r"image holds values from .*; RGB of dtype", convert),
    ]


def check_slic(case):
    scene, options = case
    check_call(scene, lambda i, m: kernels.slic(i, mask=m, **options), 4, of_slic(scene, options))
    raw = {**options, "enforce_connectivity": False}
    check_call(scene, lambda i, m: kernels.slic(i, mask=m, **raw), None, of_slic(scene, options))


@st.composite
def ers_cases(draw):
    scene = draw(scenes(max_side=16))
    return scene, {
        "n_segments": draw(counts),
        "balance": draw(not_negative),
        "sigma": draw(positive),
        "connectivity": draw(st.sampled_from([4, 8])),
        "regularity": draw(st.sampled_from([0.0, 5e-324, 0.1, 1.0])),
    }


def check_ers(case):
    scene, options = case
    count, connectivity = options["n_segments"], options["connectivity"]
    reasons = [beyond_float32(scene), *of_count(scene, count, connectivity)]
    check_call(
        scene,
        lambda i, m: kernels.entropy_rate_superpixels(i, mask=m, **options),
        connectivity,
        reasons,
        count,
    )


def affinities_of(scene):
    values = np.float32([0, 1e-30, 0.25, 0.5, 1]) if scene.seed % 2 else None
    rng = scene.rng
    if values is None:
        return rng.uniform(0, 1, (2, *scene.shape)).astype(np.float32)
    return rng.choice(values, (2, *scene.shape))


@st.composite
def affinity_cases(draw, max_side=9):
    scene = draw(scenes(max_side=max_side))
    connectivity = draw(st.sampled_from([4, 8]))
    low, high = scene.n_parts(connectivity), int(scene.inside().sum())
    return scene, connectivity, draw(st.integers(low, high)), draw(st.sampled_from([0.0, 0.5, 3.0]))


def check_exact_counts(case):
    scene, connectivity, count, balance = case
    affinities = affinities_of(scene)
    grow = {"n_segments": count, "balance": balance, "connectivity": connectivity}
    for function in (
        lambda i, m: kernels.entropy_rate_superpixels(affinities=affinities, mask=m, **grow),
        lambda i, m: graph_segments(affinities, count, connectivity, scene.plain_mask()),
    ):
        check_call(scene, function, connectivity, [], count)


def check_ers_twin(case):
    scene, connectivity, count, balance = case
    affinities = scene.rng.uniform(0.01, 1, (2, *scene.shape))
    found = kernels.entropy_rate_superpixels(
        affinities=affinities,
        n_segments=count,
        balance=balance,
        connectivity=connectivity,
        mask=scene.given_mask(),
    )
    affinity = naive.given_affinity(affinities.astype(np.float32), scene.inside())
    wanted, tied = naive.entropy_rate_superpixels(
        scene.shape, affinity, count, balance, connectivity, scene.inside()
    )
    if not tied:  # as on a line, whose two ends are alike
        np.testing.assert_array_equal(found, wanted)


@st.composite
def egb_cases(draw, max_side=16):
    scene = draw(scenes(max_side=max_side))
    return scene, {
        "scale": draw(not_negative),
        "sigma": draw(st.one_of(st.just(0.0), st.floats(0, 3), positive)),
        "min_size": draw(st.one_of(st.integers(0, 30), st.just(2**63 - 1))),
        "connectivity": draw(st.sampled_from([4, 8])),
    }


def of_egb(scene, options):
    wide = options["sigma"] > 1000
    return [beyond_float32(scene), Reason("sigma must be at most 1000 pixels", wide, must=True)]


def check_egb(case):
    scene, options = case
    labels = check_call(
        scene,
        lambda i, m: kernels.graph_segmentation(i, mask=m, **options),
        options["connectivity"],
        of_egb(scene, options),
    )
    if labels is not None:  # none is too small that has a neighbour
        n_parts = scene.n_parts(options["connectivity"])
        sizes = np.bincount(labels[labels >= 0])
        assert np.sum(sizes < options["min_size"]) <= n_parts


def check_egb_twin(case):
    scene, options = case
    image = scene.rng.choice(np.float32([0, 0.25, 0.5, 1]), (*scene.shape, scene.channels or 1))
    options = {**options, "sigma": 0.0}
    found = kernels.graph_segmentation(image, mask=scene.given_mask(), **options)
    scale, min_size, connectivity = (options[k] for k in ("scale", "min_size", "connectivity"))
    with np.errstate(over="ignore"):  # scale, in float32
        wanted = naive.graph_segmentation(image, scale, min_size, connectivity, scene.inside())
    np.testing.assert_array_equal(found, wanted)


def labels_of(scene):
    """Labels from noise, in the dtype of the scene where that is one of integers."""
    dtype = np.dtype(scene.dtype)
    labels = scene.rng.integers(0, 5, scene.shape)
    labels[~scene.inside()] = -3 if dtype.kind == "i" else 0
    return labels.astype(dtype if dtype.kind in "iu" else int)


def check_labels_twins(case):
    scene, min_size = case
    labels = labels_of(scene)
    found = kernels.enforce_connectivity(labels, min_size)
    np.testing.assert_array_equal(
        found, naive.enforce_connectivity(np.maximum(labels.astype(int), -1), min_size)
    )
    edges, lengths = kernels.region_adjacency(labels)
    wanted = naive.region_adjacency(np.maximum(labels.astype(int), -1))
    assert [tuple(edge) for edge in edges.tolist()] == wanted[0]
    assert lengths.tolist() == wanted[1]


def check_means(case):
    scene, min_size = case
    labels = kernels.enforce_connectivity(labels_of(scene), min_size)
    with refused_for([beyond_float32(scene, masked=False)]):
        means, sizes = kernels.region_means(scene.image(), labels)
        image = scene.plain_image().astype(np.float32).reshape(*scene.shape, -1).astype(float)
        for region in range(labels.max() + 1):
            own = image[labels == region]
            assert sizes[region] == len(own)
            np.testing.assert_allclose(means[region], own.mean(axis=0), rtol=1e-5, atol=1e-30)


@st.composite
def graphs(draw):
    n = draw(st.integers(1, 12))
    pair = st.tuples(st.integers(0, n - 1), st.integers(0, n - 1))
    edges = draw(st.lists(pair, max_size=25))
    value = st.one_of(st.integers(0, 5).map(lambda i: i / 5), not_negative)
    weights = draw(st.lists(value, min_size=len(edges), max_size=len(edges)))
    return (edges, weights, n), draw(not_negative), draw(st.integers(0, 4))


def check_graph_twins(case):
    graph, threshold, min_size = case
    edges, weights, n = graph
    found = kernels.merge_regions(*graph, threshold, min_size)
    assert found.tolist() == naive.merge_regions(*graph, threshold, min_size)
    found = kernels.segment_region_graph(*graph, scale=threshold, min_size=min_size)
    assert found.tolist() == naive.segment_graph(n, edges, weights, threshold, min_size)
    heights, tree = kernels.merge_heights(*graph)
    inside = kernels.merge_regions(*graph, threshold)
    together = [inside[a] == inside[b] for a, b in edges]
    assert together == (heights <= threshold).tolist()
    assert len(tree) == n - 1 - kernels.merge_regions(*graph, np.inf).max()


def check_agglomerate(case):
    (edges, _, n), coefficient, _ = case
    edges = sorted({(min(e), max(e)) for e in edges if e[0] != e[1]})
    rng = np.random.default_rng(len(edges))
    arguments = (
        edges,
        np.ones(len(edges)),
        rng.random((n, 3)),
        rng.integers(1, 9, n),
        rng.random((len(edges), 1)),
        [1, min(coefficient, 1e6), 0.1, -0.1, 1],
    )
    merges, heights = agglomerate(*arguments)
    assert len(merges) == n - 1 - kernels.merge_regions(edges, np.zeros(len(edges)), n, 0).max()
    assert (np.diff(heights) >= 0).all()
    tree = kernels.merge_regions(merges, np.zeros(len(merges)), n, 0)
    assert tree.max() + 1 == n - len(merges)  # no merge is in vain


@st.composite
def cluster_cases(draw):
    scene = draw(scenes(dtypes=("f4", "f8", "u1"), max_side=9))
    if scene.content in ("spike", "widest", "large"):  # compared to a relative precision
        scene = scene._replace(content="noise")
    return scene, draw(st.integers(1, 12)), draw(st.integers(1, 6)), draw(st.floats(0.1, 9))


def check_cluster_twins(case):
    scene, n_clusters, n_neighbors, step = case
    rng = scene.rng
    image = scene.plain_image().reshape(*scene.shape, -1)
    centers = (rng.random((n_clusters, 2)) * scene.shape * 0.999).astype(np.float32)
    pixels = np.flatnonzero(scene.inside())
    neighbors = nearest_clusters(pixels, scene.shape, centers, n_neighbors)
    wanted = naive_cluster_assign.nearest_clusters(pixels, scene.shape, centers, n_neighbors)
    np.testing.assert_array_equal(neighbors, wanted)
    labels = np.where(scene.inside(), rng.integers(0, n_clusters, scene.shape), -1)
    means, places, sizes = cluster_means(image, labels, n_clusters)
    wanted = naive_cluster_assign.cluster_means(image, labels, n_clusters)
    for a, b in zip((means, places, sizes), wanted):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-30)
    found = squared_differences(image, pixels, means, centers, neighbors, step)
    wanted = naive_cluster_assign.squared_differences(
        image, pixels, means, centers, neighbors, step
    )
    np.testing.assert_allclose(found, wanted, rtol=1e-3, atol=1e-3)


def nearest(values, means, neighbors, differences):
    with np.errstate(over="ignore"):
        return differences.sum(axis=2).argmin(axis=1)


def check_bottom_up(case):
    scene, options = case
    options = {"n_segments": options["n_segments"], "max_iter": options["max_iter"]}
    check_call(
        scene,
        lambda i, m: bottom_up(i, choose=nearest, mask=m, **options),
        4,
        [beyond_float32(scene)],
    )


def check_footprints(case):
    scene, stride, origin = case
    labels = kernels.enforce_connectivity(labels_of(scene))
    n, shape = int(labels.max()) + 1, (1 + scene.seed % 4, 1 + scene.seed % 5)
    cells, offsets, weights = region_footprints(labels, n, shape, stride, origin)
    coarse = scene.rng.random(shape)
    rows, columns = (
        np.clip((np.arange(size) - origin) / stride, 0, cells_along - 1)
        for size, cells_along in zip(scene.shape, shape)
    )
    fine = [np.interp(columns, np.arange(shape[1]), row) for row in coarse]
    fine = np.stack([np.interp(rows, np.arange(shape[0]), column) for column in zip(*fine)], axis=1)
    for region in range(n):
        part = slice(offsets[region], offsets[region + 1])
        found = weights[part] @ coarse.ravel()[cells[part]]
        np.testing.assert_allclose(found, fine[labels == region].mean(), rtol=1e-5)


def check_lab(scene):
    words = r"image has shape .*; accepted is \(height, width, 3\)"
    of_channels = Reason(words, scene.channels != 3, must=True)
    with refused_for([beyond_float32(scene, masked=False), of_channels]):
        lab = rgb_to_lab(scene.image())
        assert lab.shape == (*scene.shape, 3)
        assert lab[:, :, 0].min() >= -1e-3
        assert lab[:, :, 0].max() <= 100.001


# --- scores ----------------------------------------------------------------------------------


def check_scores(case):
    labels, truth = case
    if not (labels >= 0).any():
        return
    for name, options in SCORES:
        found = getattr(metrics, name)(labels, truth, **options)
        wanted = getattr(naive_scores, name)(labels, truth, *options.values())
        assert found == pytest.approx(wanted, abs=1e-9), (name, options)
    for tolerance in (0, 1, 2, 10**6):
        for protocol in ("seal", "stutz"):
            found = metrics.boundary_recall(labels, truth, tolerance=tolerance, protocol=protocol)
            wanted = naive_scores.boundary_recall(labels, truth, tolerance, protocol)
            assert found == pytest.approx(wanted), (tolerance, protocol)
        found = metrics.boundary_precision(labels, truth, tolerance=tolerance)
        assert found == pytest.approx(naive_scores.boundary_precision(labels, truth, tolerance))
    assert metrics.compactness(labels) == pytest.approx(naive_scores.compactness(labels))
    found = metrics.object_part_f_measure(labels, truth, return_precision_recall=True)[1:]
    assert found == pytest.approx(naive_scores.object_part_f_measure(labels, [truth]))


SCORES = [
    ("achievable_segmentation_accuracy", {}),
    ("segmentation_covering", {}),
    ("probabilistic_rand_index", {}),
    ("variation_of_information", {}),
    *(("undersegmentation_error", {"variant": v}) for v in ("np", "corrected", "levinshtein")),
    ("undersegmentation_error", {"variant": "achanta"}),
    *(("achievable_iou", {"average": a}) for a in ("area", "segment", "pixel")),
    *(("mean_distance_to_edge", {"metric": m}) for m in ("euclidean", "chamfer3")),
]


def check_score_bounds(case):
    labels, truth = case
    if not (labels >= 0).any():
        return
    for name in (
        "achievable_segmentation_accuracy",
        "segmentation_covering",
        "probabilistic_rand_index",
        "achievable_iou",
        "boundary_recall",
        "boundary_precision",
        "boundary_f_measure",
        "object_part_f_measure",
    ):
        score = getattr(metrics, name)
        found = score(labels, [truth, truth])
        assert 0 <= found <= 1 + 1e-12, name
        renamed = labels.astype(np.int64)
        renamed[labels >= 0] = 7 * renamed[labels >= 0] + 2**20
        assert score(renamed, [truth, truth]) == pytest.approx(found, abs=1e-12), name
    itself = np.maximum(labels, 0)
    for name in ("achievable_segmentation_accuracy", "segmentation_covering", "boundary_f_measure"):
        assert getattr(metrics, name)(labels, itself) == pytest.approx(1), name


# --- estimators ------------------------------------------------------------------------------


def check_estimator(estimator, scene, reasons, count=None):
    """The contract of ``transform``: of one image, beside others, in any order, on threads."""
    estimator = copy.copy(estimator)
    known = scene.seed % 2 and "value_range" in estimator.get_params()
    if known:
        inside = scene.plain_image()[scene.inside()].astype(float)
        low, high = float(inside.min()), float(inside.max())
        estimator.set_params(value_range=(low, high if high > low else low + abs(low) + 1))
    reasons = [
        *reasons,
        Reason(r"X\[0\] holds values from .* are read from .*value_range", not known),
        Reason(r"X\[0\] holds values up to .* too far from the range", True),
        Reason(r"value_range \(.*\) is too wide", known),
        Reason(r"channels come last here", scene.shape[0] <= 4 and (scene.channels or 1) > 16),
    ]
    labels = check_call(
        scene,
        lambda i, m: estimator.transform([i], masks=[m])[0],
        getattr(estimator, "connectivity", 4),
        reasons,
        count,
    )
    if labels is None or scene.seed % 3:
        return
    other = scene._replace(shape=(20, 17), content="blocks", layout="plain", mask="none")
    # the other has more or fewer pixels, and other values
    with refused_for([Reason(r"^X\[0\]: ", True), Reason(r"^X\[0\] holds values", True)]):
        several = copy.copy(estimator).set_params(n_jobs=2)
        found = several.transform([other.image(), scene.image()], masks=[None, scene.given_mask()])
        np.testing.assert_array_equal(found[1], labels)
    stacked = np.stack([scene.plain_image()] * 2)
    if stacked.ndim == 4 or min(stacked.shape[1:]) > 4:  # else it may read as one image
        found = estimator.transform(stacked, masks=[scene.given_mask()] * 2)
        assert isinstance(found, np.ndarray)
        np.testing.assert_array_equal(found, [labels] * 2)


def fitted(estimator, scene):
    """An untrained one, fitted to images of so many channels."""
    n = scene.channels
    return estimator.fit([np.zeros((3, 3) if n is None else (3, 3, n), np.uint8)])


def check_slic_estimator(case):
    scene, options = case
    of_channels = "needs an image of 3 channels"  # of the kernel; gray will do here
    convert, gray = options["convert2lab"], scene.channels in (None, 1)
    reasons = [reason for reason in of_slic(scene, options) if reason.words != of_channels]
    reasons[0] = reasons[0]._replace(holds=True, must=False)  # what is brought to scale is within
    reasons[1] = reasons[1]._replace(holds=True)
    wrong = bool(convert) and not gray and scene.channels != 3
    reasons.append(Reason("convert2lab=True needs one or three channels", wrong))
    check_estimator(fitted(SLICSuperpixels(**options), scene), scene, reasons)


def check_ers_estimator(case):
    scene, options = case
    count, connectivity = options["n_segments"], options["connectivity"]
    reasons = [r._replace(must=False) for r in of_count(scene, count, connectivity)]
    check_estimator(fitted(ERSSuperpixels(**options), scene), scene, reasons, count)


def check_egb_estimator(case):
    scene, options = case
    reasons = [of_egb(scene, options)[1]._replace(must=False)]
    check_estimator(fitted(EGBSegmenter(**options), scene), scene, reasons)


@cache
def leaves(n_channels):
    found = make_dead_leaves(3, shape=(48, 64), n_annotators=2, random_state=0)
    if n_channels == 3:
        return found.images, found.ground_truths
    if n_channels is None:
        return [image[:, :, 1] for image in found.images], found.ground_truths
    rng = np.random.default_rng(0)
    mix = rng.random((3, n_channels)).astype(np.float32)
    return [image / np.float32(255) @ mix for image in found.images], found.ground_truths


def trained_slic(distance):
    few = {"n_samples": 1000, "training": NetTraining(max_epochs=1)}
    if distance == "linear":
        few = {}
    if distance == "embedding":
        training = NetTraining(max_steps=2, batch_size=1, crop_size=48)
        few = {"features": EmbeddingFeatures(random_state=0, training=training)}
    return TrainableSLIC(distance=distance, **{"features": LabFeatures(), **few})


def trained_seal(net):
    return SEALSuperpixels(
        net=net, training=NetTraining(max_steps=1, batch_size=1, crop_size=32), random_state=0
    )


def trained_del(superpixels):
    return DELSegmenter(
        superpixels, initial_weights="random", training=NetTraining(max_steps=1), random_state=0
    )


SHIPPED = {cls.__name__: cls for cls in (TrainableSLIC, SEALSuperpixels, DELSegmenter)}
LEARNED = {  # by name, with the channels that they are fitted to
    "TrainableSLIC": {
        "linear": (lambda: trained_slic("linear"), (None, 3, 5)),
        "mlp": (lambda: trained_slic("mlp"), (None, 3)),
        "classifier": (lambda: trained_slic("classifier"), (3,)),
        "classifier-paper": (lambda: trained_slic("classifier-paper"), (3,)),
        "embedding": (lambda: trained_slic("embedding"), (3,)),
    },
    "SEALSuperpixels": {
        "compact": (lambda: trained_seal("compact"), (None, 3, 5)),
        "pan": (lambda: trained_seal("pan-no-canny"), (3,)),
    },
    "DELSegmenter": {
        "compact": (lambda: trained_del(None), (None, 3, 5)),
        "over ERS": (lambda: trained_del(ERSSuperpixels(6)), (3,)),
    },
}


@cache
def learned(kind, name, n_channels):
    """A fitted estimator; little training teaches little, and says so."""
    if name == "shipped":
        return SHIPPED[kind].from_pretrained("bsds500")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return LEARNED[kind][name][0]().fit(*leaves(n_channels))


@st.composite
def learned_cases(draw, kind):
    name = draw(st.sampled_from(["shipped", *LEARNED[kind]]))
    n_channels = 3 if name == "shipped" else draw(st.sampled_from(LEARNED[kind][name][1]))
    return name, draw(scenes(channels=(n_channels,))), draw(OPTIONS[kind])


OPTIONS = {
    "TrainableSLIC": st.fixed_dictionaries(
        {
            "n_segments": counts,
            "compactness": not_negative,
            "max_iter": st.integers(1, 4),
        }
    ),
    "SEALSuperpixels": st.fixed_dictionaries(
        {
            "n_segments": counts,
            "backend": st.sampled_from(["ers", "egb"]),
            "connectivity": st.sampled_from([4, 8]),
            "balance": st.one_of(st.none(), not_negative),
            "sharpness": st.one_of(st.none(), positive),
            "regularity": st.one_of(st.none(), st.sampled_from([0.0, 5e-324, 0.5, 1.0])),
            "colour": st.one_of(st.none(), not_negative),
        }
    ),
    "DELSegmenter": st.fixed_dictionaries(
        {
            "merge": st.sampled_from(["greedy", "threshold", "egb"]),
            "threshold": st.one_of(st.none(), not_negative),
            "n_segments": st.one_of(st.none(), st.integers(1, 9)),
            "min_size": st.one_of(st.integers(0, 4), st.just(2**63 - 1)),
            "scales": st.sampled_from([(1.0,), (1, 1.5), (0.01,), (0.5, 3.0)]),
            "mirror": st.booleans(),
        }
    ),
}


def check_learned_slic(case):
    name, scene, options = case
    estimator = copy.copy(learned("TrainableSLIC", name, scene.channels)).set_params(**options)
    check_estimator(estimator, scene, [])


def check_seal(case):
    name, scene, options = case
    estimator = copy.copy(learned("SEALSuperpixels", name, scene.channels)).set_params(**options)
    count, connectivity = options["n_segments"], options["connectivity"]
    reasons = [r._replace(must=False) for r in of_count(scene, count, connectivity)]
    check_estimator(estimator, scene, reasons, count)


def check_del(case):
    name, scene, options = case
    estimator = copy.copy(learned("DELSegmenter", name, scene.channels)).set_params(**options)
    count, egb = options["n_segments"], options["merge"] == "egb"
    reasons = [
        Reason("n_segments means nothing to merge=", egb and count is not None),
        Reason(r"n_segments must lie from \d+ to \d+", count is not None),
    ]
    if name == "over ERS":
        reasons += [r._replace(must=False) for r in of_count(scene, 6, 8)]
    check_estimator(estimator, scene, reasons, count)


# --- the run ---------------------------------------------------------------------------------

CHECKS = {
    "slic": (check_slic, slic_cases()),
    "entropy rate": (check_ers, ers_cases()),
    "exact counts": (check_exact_counts, affinity_cases()),
    "entropy rate twin": (check_ers_twin, affinity_cases(max_side=6)),
    "graph segmentation": (check_egb, egb_cases()),
    "graph segmentation twin": (check_egb_twin, egb_cases(max_side=8)),
    "label twins": (
        check_labels_twins,
        st.tuples(
            scenes(dtypes=("u1", "i1", "u2", ">u2", "i4", ">i4", "i8")),
            st.one_of(st.integers(0, 30), st.just(2**63 - 1)),
        ),
    ),
    "region means": (check_means, st.tuples(scenes(max_side=12), st.integers(0, 9))),
    "graph twins": (check_graph_twins, graphs()),
    "agglomerate": (check_agglomerate, graphs()),
    "cluster twins": (check_cluster_twins, cluster_cases()),
    "bottom up": (check_bottom_up, slic_cases()),
    "footprints": (
        check_footprints,
        st.tuples(scenes(max_side=12), st.floats(0.1, 9), st.floats(-5, 5)),
    ),
    **CHECKS_OF_REGIONS,
    "lab": (check_lab, scenes()),
    "scores": (check_scores, label_images(max_side=10)),
    "bounds of scores": (check_score_bounds, label_images(max_side=16)),
    "SLICSuperpixels": (check_slic_estimator, slic_cases()),
    "ERSSuperpixels": (check_ers_estimator, ers_cases()),
    "EGBSegmenter": (check_egb_estimator, egb_cases()),
    "TrainableSLIC": (check_learned_slic, learned_cases("TrainableSLIC")),
    "SEALSuperpixels": (check_seal, learned_cases("SEALSuperpixels")),
    "DELSegmenter": (check_del, learned_cases("DELSegmenter")),
}
SHARE = {"TrainableSLIC": 3, "SEALSuperpixels": 3, "DELSegmenter": 3}  # of the time, in parts


@pytest.mark.parametrize("name", CHECKS)
def test_fuzz(name, record_property):
    check, strategy = CHECKS[name]
    parts = sum(SHARE.get(other, 1) for other in CHECKS)
    seconds = SECONDS * min(WORKERS, len(CHECKS)) * SHARE.get(name, 1) / parts
    n_cases, a_round, start = 0, SEED, perf_counter()
    while n_cases == 0 or perf_counter() - start < seconds:

        @seed(a_round)
        @settings(
            max_examples=ROUND,
            deadline=None,
            print_blob=False,
            suppress_health_check=list(HealthCheck),
        )
        @given(strategy)
        def attempt(case):
            nonlocal n_cases
            n_cases += 1
            check(case)

        attempt()
        a_round += 1
    record_property("fuzz_cases", n_cases)
