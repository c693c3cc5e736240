"""Superpixel scores against their naive twins, worked examples and identities."""

import math

import numpy as np
import pytest
from hypothesis import given, settings

from sklearn_spx.metrics import (
    achievable_iou,
    achievable_segmentation_accuracy,
    boundary_precision,
    boundary_recall,
    compactness,
    mean_distance_to_edge,
    undersegmentation_error,
)
from sklearn_spx.metrics._contingency import compact, contingency

from . import naive
from .common import cases, random_labels

few = settings(max_examples=40, deadline=None)

# One row, worked by hand: superpixels of 3, 4, 3 pixels; segments A = 5, B = 5.
# Overlaps: (3, 0), (2, 2), (0, 3).
LABELS = np.array([[0, 0, 0, 1, 1, 1, 1, 2, 2, 2]])
TRUTH = np.array([[7, 7, 7, 7, 7, 9, 9, 9, 9, 9]])


def test_worked_example():
    assert achievable_segmentation_accuracy(LABELS, TRUTH) == 0.8
    assert undersegmentation_error(LABELS, TRUTH) == 0.4  # 2 from either segment
    assert undersegmentation_error(LABELS, TRUTH, variant="corrected") == pytest.approx(0.2)
    assert undersegmentation_error(LABELS, TRUTH, variant="levinshtein") == 0.4  # (7 - 5) / 5
    assert undersegmentation_error(LABELS, TRUTH, variant="achanta") == 0.4  # (14 - 10) / 10
    # the tie of superpixel 1 goes to A: IoU 5/7 and 3/5
    assert achievable_iou(LABELS, TRUTH) == pytest.approx(0.5 * 5 / 7 + 0.5 * 3 / 5)
    assert achievable_iou(LABELS, TRUTH, average="pixel") == 8 / 12
    # perimeters 8, 10, 8
    expected = 4 * math.pi * (3 * 3 / 64 + 4 * 4 / 100 + 3 * 3 / 64) / 10
    assert compactness(LABELS) == pytest.approx(expected)
    # boundary pixels: superpixels 2, 3, 6, 7; segments 4, 5
    assert mean_distance_to_edge(LABELS, TRUTH) == 1.0
    assert boundary_recall(LABELS, TRUTH, tolerance=0, protocol="stutz") == 0.0
    assert boundary_recall(LABELS, TRUTH, tolerance=1, protocol="stutz") == 1.0
    assert boundary_precision(LABELS, TRUTH, tolerance=0) == 0.0
    assert boundary_precision(LABELS, TRUTH, tolerance=1) == 0.5  # 4, 5 hit; 2 and 7 are wrong
    # in "seal" the boundary pixels are 2, 6 and 4
    assert boundary_recall(LABELS, TRUTH, tolerance=1) == 0.0
    assert boundary_recall(LABELS, TRUTH, tolerance=2) == 1.0


def test_squares_are_compact_as_squares():
    assert compactness(np.arange(16).reshape(4, 4).repeat(5, 0).repeat(5, 1)) == pytest.approx(
        math.pi / 4
    )


@few
@given(cases())
def test_region_scores_equal_naive(case):
    labels, truth = case
    assert achievable_segmentation_accuracy(labels, truth) == pytest.approx(
        naive.achievable_segmentation_accuracy(labels, truth), rel=1e-12
    )
    for variant in ("np", "corrected", "levinshtein", "achanta"):
        assert undersegmentation_error(labels, truth, variant=variant) == pytest.approx(
            naive.undersegmentation_error(labels, truth, variant), rel=1e-12, abs=1e-12
        )
    for average in ("area", "segment", "pixel"):
        assert achievable_iou(labels, truth, average=average) == pytest.approx(
            naive.achievable_iou(labels, truth, average), rel=1e-12
        )
    assert compactness(labels) == pytest.approx(
        naive.compactness(np.maximum(labels, -1)), rel=1e-12
    )


@few
@given(cases())
def test_boundary_scores_equal_naive(case):
    labels, truth = case
    for radius in (0, 1, 3):
        for protocol in ("seal", "stutz"):
            assert boundary_recall(
                labels, truth, tolerance=radius, protocol=protocol
            ) == pytest.approx(naive.boundary_recall(labels, truth, radius, protocol))
        assert boundary_precision(labels, truth, tolerance=radius) == pytest.approx(
            naive.boundary_precision(labels, truth, radius)
        )
    for metric in ("euclidean", "chamfer3"):
        assert mean_distance_to_edge(labels, truth, metric=metric) == pytest.approx(
            naive.mean_distance_to_edge(labels, truth, metric), rel=1e-12
        )


@few
@given(cases())
def test_perfect_superpixels(case):
    _, truth = case
    labels = truth - truth.min()
    assert achievable_segmentation_accuracy(labels, truth) == 1.0
    assert achievable_iou(labels, truth) == 1.0
    assert mean_distance_to_edge(labels, truth) == 0.0
    assert boundary_recall(labels, truth, tolerance=0) == 1.0
    for variant in ("np", "corrected", "levinshtein", "achanta"):
        assert undersegmentation_error(labels, truth, variant=variant) == 0.0


@few
@given(cases())
def test_names_of_labels_do_not_matter(case):
    labels, truth = case
    other = np.where(labels < 0, labels, (labels * 7 + 3) % 101)
    assert achievable_segmentation_accuracy(other, truth * 1000) == (
        achievable_segmentation_accuracy(labels, truth)
    )
    assert boundary_recall(other, truth * 1000) == boundary_recall(labels, truth)
    assert compactness(other) == pytest.approx(compactness(labels), rel=1e-12)


def test_default_tolerances():
    # 300 x 400: diagonal 500, so "stutz" rounds 1.25 to 1; "seal" is always 1
    rng = np.random.default_rng(0)
    for shape, stutz in (((300, 400), 1), ((600, 800), 3)):
        labels, truth = random_labels(rng, shape, 40), random_labels(rng, shape, 20)
        assert boundary_recall(labels, truth) == boundary_recall(labels, truth, tolerance=1)
        assert boundary_recall(labels, truth, protocol="stutz") == boundary_recall(
            labels, truth, tolerance=stutz, protocol="stutz"
        )
        assert boundary_precision(labels, truth) == boundary_precision(
            labels, truth, tolerance=stutz
        )


def test_without_boundaries():
    one, two = np.zeros((3, 4), dtype=int), np.repeat([[0, 0, 1, 1]], 3, axis=0)
    assert boundary_recall(two, one) == 1.0
    assert boundary_recall(two, one, protocol="stutz") == 0.0
    assert boundary_recall(one, two) == 0.0
    assert boundary_precision(one, one) == 0.0
    assert mean_distance_to_edge(two, one) == 0.0
    assert mean_distance_to_edge(one, two) == np.inf


def test_contingency_adds_up_at_scale():
    rng = np.random.default_rng(1)
    labels = rng.integers(0, 3000, (300, 400)).astype(np.int32)
    truth = rng.integers(0, 200, (300, 400)).astype(np.int32)
    table = contingency(labels, truth)
    dense = np.zeros((3000, 200), dtype=int)
    np.add.at(dense, (labels.ravel(), truth.ravel()), 1)
    row, column = np.nonzero(dense)
    np.testing.assert_array_equal(table.row, row)
    np.testing.assert_array_equal(table.column, column)
    np.testing.assert_array_equal(table.overlap, dense[row, column])
    np.testing.assert_array_equal(table.row_size, dense.sum(1))
    np.testing.assert_array_equal(table.column_size, dense.sum(0))
    np.testing.assert_array_equal(table.row[table.row_start], np.arange(3000))


def test_compact_keeps_the_order_of_sparse_labels():
    values = np.array([5, 2**31 - 1, 0, 5, 70000], dtype=np.int32)
    for labels in (values, np.array([5, 9, 0, 5, 7], dtype=np.int32)):
        index, n = compact(labels)
        assert n == 4
        np.testing.assert_array_equal(index, np.unique(labels, return_inverse=True)[1])
        assert index.dtype == np.int32
