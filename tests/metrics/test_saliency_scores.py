"""Scores of saliency maps: by hand, against pysodmetrics, and their errors."""

import math
from importlib.util import find_spec

import numpy as np
import pytest

from sklearn_spx.metrics import s_measure, saliency_mae, weighted_f_measure

SCORES = (saliency_mae, weighted_f_measure, s_measure)


def _maps(n=40):
    """Maps that hold 0 and 1, as pysodmetrics stretches them, and masks of an object or two."""
    rng = np.random.default_rng(0)
    for _ in range(n):
        shape = tuple(rng.integers(4, 40, 2))
        ys, xs = np.mgrid[: shape[0], : shape[1]]
        truth = np.zeros(shape, bool)
        for _ in range(rng.integers(1, 3)):
            y, x, r = rng.uniform(0, shape[0]), rng.uniform(0, shape[1]), rng.uniform(2, 9)
            truth |= (ys - y) ** 2 + (xs - x) ** 2 < r**2
        saliency = np.clip(truth * rng.uniform() + rng.normal(0, 0.3, shape), 0, 1)
        saliency = (saliency * 255).astype(np.uint8)
        saliency[0, 0], saliency[-1, -1] = 0, 255
        yield saliency, truth


def test_scores_are_those_of_pysodmetrics():
    if find_spec("py_sod_metrics") is None:  # no extra has it: it asks for an older numpy than ours
        pytest.skip("pysodmetrics is not there to compare with")
    import py_sod_metrics as peer

    n_with_object = 0
    for saliency, truth in _maps():
        n_with_object += truth.any() and not truth.all()
        theirs = [peer.MAE(), peer.WeightedFmeasure(), peer.Smeasure()]
        for score in theirs:
            score.step(pred=saliency, gt=truth.astype(np.uint8) * 255)
        mae, weighted, structure = theirs
        assert saliency_mae(saliency, truth) == pytest.approx(mae.get_results()["mae"], abs=1e-12)
        assert weighted_f_measure(saliency, truth) == pytest.approx(
            weighted.get_results()["wfm"], abs=1e-9
        )
        assert s_measure(saliency, truth) == pytest.approx(structure.get_results()["sm"], abs=1e-9)
    assert n_with_object > 20


@pytest.mark.parametrize(
    ("disc", "figures"),
    [
        ((10, 12, 6), (0.23407407407407405, 0.44051727504817373, 0.728746681512162)),
        ((3, 25, 4), (0.24086056644880177, 0.21449352130094387, 0.5451866955276129)),
    ],
)
def test_figures_of_pysodmetrics(disc, figures):
    """What version 1.6.2 gave for two maps, one with its object in a corner."""
    y, x, radius = disc
    ys, xs = np.mgrid[:24, :30]
    pattern = (ys * 37 + xs * 91 + ys * xs * 13) % 256
    truth = (ys - y) ** 2 + (xs - x) ** 2 < radius**2
    saliency = np.where(truth, 255 - pattern // 3, pattern // 2).astype(np.uint8)
    saliency[0, 0], saliency[y, x] = 0, 255
    assert [score(saliency, truth) for score in SCORES] == pytest.approx(figures, abs=1e-9)


def test_mean_absolute_error_by_hand():
    assert saliency_mae([[0.25, 1.0]], [[0, 1]]) == 0.125
    assert saliency_mae(np.uint8([[51, 255]]), [[0, 255]]) == pytest.approx(0.1)


def test_weighted_f_measure_by_hand():
    """An object of one pixel, missed by half; an alarm 5 pixels away weighs 2 - 1/2."""
    truth = [[1, 0, 0, 0, 0, 0]]
    saliency = [[0.5, 0, 0, 0, 0, 1.0]]
    # around: outside takes the object's error of 1/2, zeros beyond the image take their share
    window = np.exp(-(np.arange(-3, 4) ** 2) / 50.0)
    window /= window.sum()
    around = 0.5 * window[3:].sum() * window[3]  # right of the pixel, in the one row
    hits, alarms = 1 - around, 1.5
    precision, recall = hits / (hits + alarms), 1 - around
    expected = 2 * precision * recall / (precision + recall)
    assert weighted_f_measure(saliency, truth) == pytest.approx(expected)


def test_s_measure_by_hand():
    """A flat map of 1/2: evenness is 1 / 1.25, and no block has a structure in common."""
    truth = np.zeros((6, 6), int)
    truth[2:4, 2:4] = 1
    flat = np.full((6, 6), 0.5)
    assert s_measure(flat, truth, alpha=1) == pytest.approx(0.8)
    # three of the blocks around (3, 3) hold a corner of the object each, the flat map no variance
    assert s_measure(flat, truth, alpha=0) == pytest.approx(0.0, abs=1e-9)
    assert s_measure(flat, truth) == pytest.approx(0.4)


@pytest.mark.parametrize("value", [0.0, 0.25, 1.0])
def test_masks_without_object_or_without_background(value):
    saliency, none = np.full((3, 4), value), np.zeros((3, 4), bool)
    assert s_measure(saliency, none) == pytest.approx(1 - value)
    assert s_measure(saliency, ~none) == pytest.approx(value)
    assert weighted_f_measure(saliency, none) == 0.0
    assert saliency_mae(saliency, none) == pytest.approx(value)
    assert saliency_mae(saliency, ~none) == pytest.approx(1 - value)


@pytest.mark.parametrize("score", SCORES)
def test_the_mask_itself_is_best_and_its_inverse_worst(score):
    truth = np.zeros((9, 12), np.uint8)
    truth[2:6, 3:8] = 255
    best, worst = score(truth, truth), score(255 - truth, truth)
    expected = (0.0, 1.0) if score is saliency_mae else (1.0, 0.0)
    assert best == pytest.approx(expected[0], abs=1e-6)
    assert worst == pytest.approx(expected[1], abs=0.01)  # by the window of weighted F


@pytest.mark.parametrize("score", SCORES)
def test_one_pixel(score):
    for found in ([[0.0]], [[1.0]]):
        for truth in ([[0]], [[1]]):
            assert math.isfinite(score(found, truth))


@pytest.mark.parametrize("score", SCORES)
def test_annotators(score):
    (saliency, truth), *_ = _maps(1)
    inverse = ~truth
    each = score(saliency, [truth, inverse], per_annotator=True)
    assert each.tolist() == [score(saliency, truth), score(saliency, inverse)]
    assert score(saliency, [truth, inverse]) == pytest.approx(each.mean())


@pytest.mark.parametrize(
    ("saliency", "truth", "message"),
    [
        ([[0.0, 1.5]], [[0, 1]], r"saliency holds values from 0 to 1\.5; accepted are floats"),
        ([[0, 255]], [[0, 1]], "saliency holds values from 0 to 255"),
        ([[np.nan, 0.5]], [[0, 1]], "saliency holds values from nan"),
        ([[0.0, 1.0]], [[0], [1]], r"ground_truths has shape \(2, 1\), but the saliency map"),
        ([[0.0, 1.0, 1.0]], [[0, 1, 2]], "ground_truths holds 3 different values, from 0 to 2"),
        ([[0.0, 1.0]], [[[0, 1]], [[0, -1, 1]]], r"ground_truths\[1\] has shape"),
        ([[0.0, 1.0]], [[0, -1]], "ground_truths holds -1, a negative value"),
        ([0.0, 1.0], [[0, 1]], r"saliency has shape \(2,\)"),
        ([[0.0, 1.0]], [], "ground_truths is an empty list"),
    ],
)
@pytest.mark.parametrize("score", SCORES)
def test_errors_name_the_argument(score, saliency, truth, message):
    saliency = np.asarray(saliency)
    with pytest.raises(ValueError, match=message):
        score(saliency, truth)


@pytest.mark.parametrize("score", SCORES)
def test_masks_of_floats_are_refused(score):
    with pytest.raises(TypeError, match="ground_truths has dtype float64; accepted are masks"):
        score([[0.0, 1.0]], [[0.0, 1.0]])
    with pytest.raises(TypeError, match="saliency has dtype <U1"):
        score([["a"]], [[1]])


def test_alpha_is_checked():
    with pytest.raises(ValueError, match=r"alpha must be at most 1, got 1\.5"):
        s_measure([[0.0, 1.0]], [[0, 1]], alpha=1.5)
