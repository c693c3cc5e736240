"""Evaluation over a data set: what the figures are made of, threads, errors."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.integrate import trapezoid

from sklearn_spx import metrics

from .common import random_labels

N_SETTINGS = 5


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(5)
    segmentations, ground_truths = [], []
    for shape, n_annotators in (((30, 40), 3), ((40, 30), 1), ((25, 25), 2)):
        segmentations.append([random_labels(rng, shape, 2 + 4 * k) for k in range(N_SETTINGS)])
        ground_truths.append([random_labels(rng, shape, 8) for _ in range(n_annotators)])
    return segmentations, ground_truths


def _f(p, r):
    return np.where(p + r > 0, 2 * p * r / np.maximum(p + r, 1e-300), 0)


def test_boundary_f(data):
    figures = metrics.evaluate_segmentations(*data).boundary_f
    counts = np.array(
        [
            [metrics.boundary_f_counts(s, truths) for s in settings]
            for settings, truths in zip(*data)
        ]
    )
    assert_array_equal(figures.counts, counts)
    total = counts.sum(axis=0)
    recall, precision = total[:, 0] / total[:, 1], total[:, 2] / total[:, 3]
    assert_allclose(figures.recall, recall)
    assert_allclose(figures.precision, precision)
    assert_allclose(figures.curve, _f(precision, recall))
    k = int(np.argmax(figures.curve))
    assert figures.ods_setting == k
    assert (figures.ods, figures.ods_precision, figures.ods_recall) == (
        figures.curve[k],
        figures.precision[k],
        figures.recall[k],
    )
    best = np.zeros(4)
    for settings, truths in zip(*data):
        scores = [metrics.boundary_f_measure(s, truths) for s in settings]
        best += metrics.boundary_f_counts(settings[int(np.argmax(scores))], truths)
    assert figures.ois_recall == pytest.approx(best[0] / best[1])
    assert figures.ois_precision == pytest.approx(best[2] / best[3])
    assert figures.ois == pytest.approx(_f(best[2] / best[3], best[0] / best[1]))


def test_interpolation_reads_between_settings():
    # precision 1 -> 0.5 and recall 0.5 -> 1 between two settings: F is 2/3 at both, 0.75 halfway
    truth = np.repeat([[0] * 10 + [1] * 10 + [2] * 10], 20, axis=0)
    fine = np.repeat([[0] * 5 + [1] * 5 + [2] * 10 + [3] * 5 + [4] * 5], 20, axis=0)
    coarse = (truth > 0).astype(int)
    plain = metrics.evaluate_segmentations([[coarse, fine]], [truth], max_distance=0.01)
    assert plain.boundary_f.ods == pytest.approx(2 / 3)
    between = metrics.evaluate_segmentations(
        [[coarse, fine]], [truth], max_distance=0.01, interpolate=True
    )
    figures = between.boundary_f
    assert figures.ods == pytest.approx(0.75, abs=1e-4)
    assert figures.ods_precision == pytest.approx(0.75, abs=0.01)
    assert figures.ods_recall == pytest.approx(0.75, abs=0.01)
    assert figures.ois == plain.boundary_f.ois


def test_object_part_f(data):
    figures = metrics.evaluate_segmentations(*data).object_part_f
    each = np.array(
        [
            [metrics.object_part_f_measure(s, t, return_precision_recall=True) for s in settings]
            for settings, t in zip(*data)
        ]
    )
    assert_allclose(figures.per_image, each[..., 1:])
    p, r = each[..., 1].mean(axis=0), each[..., 2].mean(axis=0)
    assert_allclose(figures.curve, _f(p, r))
    assert figures.ods == pytest.approx(_f(p, r).max())
    best = each[np.arange(len(each)), each[..., 0].argmax(axis=1)]
    assert figures.ois == pytest.approx(_f(best[:, 1].mean(), best[:, 2].mean()))


@pytest.mark.parametrize(
    ("name", "score", "best"),
    [
        ("probabilistic_rand_index", metrics.probabilistic_rand_index, np.max),
        ("variation_of_information", metrics.variation_of_information, np.min),
    ],
)
def test_means_over_images(data, name, score, best):
    figures = metrics.evaluate_segmentations(*data)[name]
    each = np.array([[score(s, t) for s in settings] for settings, t in zip(*data)])
    assert_allclose(figures.per_image, each)
    assert_allclose(figures.curve, each.mean(axis=0))
    assert figures.ods == pytest.approx(best(each.mean(axis=0)))
    assert figures.curve[figures.ods_setting] == figures.ods
    assert figures.ois == pytest.approx(best(each, axis=1).mean())


def test_settings_that_change_nothing_are_scored_once(data, monkeypatch):
    from sklearn_spx.metrics import _evaluate_segmentations as module

    segmentations, truths = data
    expected = metrics.evaluate_segmentations(segmentations, truths)
    calls, thin = [], module.thin_boundaries
    monkeypatch.setattr(module, "thin_boundaries", lambda a: calls.append(a) or thin(a))
    n = len(segmentations[0])
    again = [[s[k] for k in (0, 0, *range(1, n), 1)] for s in segmentations]
    found = metrics.evaluate_segmentations(again, truths)
    assert len(calls) == len(truths) * n + sum(map(len, truths))
    where = [0, *range(2, n + 1)]
    assert_array_equal(found.object_part_f.curve[where], expected.object_part_f.curve)
    assert_array_equal(found.boundary_f.curve[[1, n + 1]], expected.boundary_f.curve[[0, 1]])
    assert found.covering.best == expected.covering.best


def test_covering_counts_annotated_pixels(data):
    figures = metrics.evaluate_segmentations(*data).covering
    each = np.array(
        [[metrics.segmentation_covering(s, t) for s in settings] for settings, t in zip(*data)]
    )
    annotated = np.array([len(t) * t[0].size for t in data[1]])
    curve = annotated @ each / annotated.sum()
    assert_allclose(figures.curve, curve)
    assert figures.ods == pytest.approx(curve.max())
    assert figures.ois == pytest.approx(annotated @ each.max(axis=1) / annotated.sum())
    covered = 0.0
    for settings, truths in zip(*data):
        for truth in truths:
            for g in np.unique(truth):
                segment = truth == g
                covered += segment.sum() * max(
                    (segment & (s == j)).sum() / (segment | (s == j)).sum()
                    for s in settings
                    for j in np.unique(s)
                )
    assert figures.best == pytest.approx(covered / annotated.sum())


def test_superpixel_means_are_over_pairs(data):
    result = metrics.evaluate_superpixels(*data)
    produced = np.array([[len(np.unique(s)) for s in settings] for settings in data[0]])
    assert_array_equal(result.n_segments_per_image, produced)
    assert_allclose(result.n_segments, produced.mean(axis=0))
    pairs = [
        np.concatenate(
            [
                metrics.achievable_segmentation_accuracy(settings[k], truths, per_annotator=True)
                for settings, truths in zip(*data)
            ]
        )
        for k in range(N_SETTINGS)
    ]
    assert len(pairs[0]) == 6
    asa = result.mean.achievable_segmentation_accuracy
    assert_allclose(asa, [values.mean() for values in pairs])
    assert result.per_image.boundary_recall[1, 2] == pytest.approx(
        metrics.boundary_recall(data[0][1][2], data[1][1])
    )
    assert_allclose(
        result.mean.compactness,
        np.mean([[metrics.compactness(s) for s in settings] for settings in data[0]], axis=0),
    )
    assert set(result.mean) == set(result.per_image) == set(result.average)
    x = produced.mean(axis=0)
    order = np.argsort(x, kind="stable")
    area = trapezoid(asa[order], x[order]) / (x.max() - x.min())
    assert result.average.achievable_segmentation_accuracy == pytest.approx(area)


def test_one_label_image_an_image(data):
    first = [settings[0] for settings in data[0]]
    result = metrics.evaluate_superpixels(first, data[1])
    listed = metrics.evaluate_superpixels([[one] for one in first], data[1])
    assert "average" not in result
    assert np.isnan(listed.average.compactness)
    for name, value in result.mean.items():
        assert type(value) is float
        assert listed.mean[name].tolist() == [value]
        assert result.per_image[name].shape == (3,)
    assert result.n_segments == np.mean([len(np.unique(one)) for one in first])
    assert result.n_segments_per_image.shape == (3,)


def test_own_scores(data):
    result = metrics.evaluate_superpixels(
        *data, scores={"pixels": lambda labels, truths: labels.size}
    )
    assert_allclose(result.mean.pixels, np.mean([1200, 1200, 625]))


@pytest.mark.parametrize("evaluate", [metrics.evaluate_segmentations, metrics.evaluate_superpixels])
def test_threads_and_progress_change_nothing(data, evaluate, capsys):
    def flat(result):
        return {
            (name, key): np.asarray(value)
            for name, part in result.items()
            for key, value in (part.items() if isinstance(part, dict) else [("", part)])
        }

    one, two = flat(evaluate(*data)), flat(evaluate(*data, n_jobs=2, verbose=1))
    assert one.keys() == two.keys()
    for key in one:
        assert_array_equal(one[key], two[key])
    assert "3/3" in capsys.readouterr().err


class _Lazy:
    """A collection that reads its images when asked."""

    def __init__(self, images):
        self.images = images

    def __len__(self):
        return len(self.images)

    def __getitem__(self, i):
        return self.images[i]


def test_lazy_collections_and_stacks(data):
    expected = metrics.evaluate_segmentations(*data)
    found = metrics.evaluate_segmentations(
        _Lazy([np.stack(settings) for settings in data[0]]), _Lazy(data[1])
    )
    assert found.boundary_f.ods == expected.boundary_f.ods
    assert_array_equal(found.covering.per_image, expected.covering.per_image)


def test_masks(data):
    rng = np.random.default_rng(0)
    outside = rng.random((30, 40)) < 0.3
    settings = [np.where(outside, -1, s) for s in data[0][0]]
    figures = metrics.evaluate_segmentations([settings], data[1][:1])
    assert figures.covering.curve[2] == pytest.approx(
        metrics.segmentation_covering(settings[2], data[1][0])
    )
    assert_array_equal(
        figures.boundary_f.counts[0, 3], metrics.boundary_f_counts(settings[3], data[1][0])
    )
    with pytest.raises(ValueError, match=r"image 0: labels\[1\] and labels\[0\] differ"):
        metrics.evaluate_segmentations([[settings[0], data[0][0][1]]], data[1][:1])


@pytest.mark.parametrize("evaluate", [metrics.evaluate_segmentations, metrics.evaluate_superpixels])
def test_errors(data, evaluate):
    segmentations, truths = data
    with pytest.raises(ValueError, match="segmentations is empty"):
        evaluate([], [])
    with pytest.raises(ValueError, match="3 images and ground_truths 2"):
        evaluate(segmentations, truths[:2])
    bad = [truths[0], [truths[1][0], np.zeros((3, 4), dtype=int)], truths[2]]
    with pytest.raises(ValueError, match=r"image 1: ground_truths\[1\] has shape \(3, 4\)"):
        evaluate(segmentations, bad)
    with pytest.raises(ValueError, match="different numbers of settings"):
        evaluate([segmentations[0], segmentations[1][:2], segmentations[2]], truths)
    with pytest.raises(ValueError, match="image 2: labels is an empty list"):
        evaluate([*segmentations[:2], []], truths)
    with pytest.raises(TypeError, match=r"image 0: labels.* has dtype float64"):
        evaluate([[s.astype(float) for s in segmentations[0]]], truths[:1])


@pytest.mark.parametrize("evaluate", [metrics.evaluate_superpixels, metrics.evaluate_segmentations])
def test_what_is_no_collection_is_named(evaluate):
    labels = np.zeros((3, 4), int)
    for wrong, error, words in (
        ((a for a in [labels]), TypeError, r"of type generator; .* pass list\(segmentations\)"),
        ({"a": labels}, TypeError, r"of type dict; .* pass list\(segmentations.values\(\)\)"),
        (labels, ValueError, r"segmentations has shape \(3, 4\); .* pass \[segmentations\]"),
        ([None], ValueError, "image 0 could not be segmented, so it has no score"),
    ):
        with pytest.raises(error, match=words):
            evaluate(wrong, [labels])
    with pytest.raises(TypeError, match="ground_truths is of type NoneType"):
        evaluate([labels], None)


def test_scores_that_are_no_functions_by_name():
    labels = np.zeros((3, 4), int)
    for scores in (["asa"], {"asa": "asa"}):
        with pytest.raises(TypeError, match="scores must be a dict of functions by name, got"):
            metrics.evaluate_superpixels([labels], [labels], scores=scores)


def test_a_series_is_indexed_by_position():
    """By its labels, images would meet the annotations of others."""
    pd = pytest.importorskip("pandas")
    labels = [np.arange(12).reshape(3, 4) // n for n in (1, 3, 5)]
    turned = pd.Series(labels, index=[2, 1, 0])
    found = metrics.evaluate_superpixels(labels, turned, scores={"asa": metrics.boundary_recall})
    assert_array_equal(found.per_image.asa, [1, 1, 1])
    found = metrics.evaluate_superpixels(turned, labels, scores={"asa": metrics.boundary_recall})
    assert_array_equal(found.per_image.asa, [1, 1, 1])
