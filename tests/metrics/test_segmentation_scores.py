"""Covering, Rand index, information, objects and parts: naive twins, worked examples."""

import math

import numpy as np
import pytest
from hypothesis import given, settings

from sklearn_spx.metrics import (
    object_part_f_measure,
    probabilistic_rand_index,
    segmentation_covering,
    variation_of_information,
)

from . import naive
from .common import cases, random_labels

few = settings(max_examples=40, deadline=None)


def test_worked_example():
    # overlaps (3, 0), (2, 2), (0, 3); segments of 5
    labels = np.array([[0, 0, 0, 1, 1, 1, 1, 2, 2, 2]])
    truth = np.array([[7, 7, 7, 7, 7, 9, 9, 9, 9, 9]])
    assert segmentation_covering(labels, truth) == 3 / 5
    # pairs together in labels 3 + 6 + 3, in truth 10 + 10, in both 3 + 1 + 1 + 3, of 45
    assert probabilistic_rand_index(labels, truth) == pytest.approx((45 - 12 - 20 + 2 * 8) / 45)
    # H(labels | truth) is that of (3, 2) out of 5; H(truth | labels) is 1 bit in 4 of 10 pixels
    split = -(0.6 * math.log2(0.6) + 0.4 * math.log2(0.4))
    assert variation_of_information(labels, truth) == pytest.approx(split + 0.4)


@few
@given(cases(max_side=9))
def test_equal_naive(case):
    labels, truth = case
    for score in (segmentation_covering, probabilistic_rand_index, variation_of_information):
        assert score(labels, truth) == pytest.approx(
            getattr(naive, score.__name__)(labels, truth), rel=1e-9, abs=1e-9
        )


@few
@given(cases())
def test_perfect_segmentation(case):
    _, truth = case
    labels = truth - truth.min()
    assert segmentation_covering(labels, truth) == 1.0
    assert probabilistic_rand_index(labels, truth) == 1.0
    assert variation_of_information(labels, truth) == 0.0
    assert object_part_f_measure(labels, truth, return_precision_recall=True) == (1.0, 1.0, 1.0)


@few
@given(cases())
def test_rand_index_and_information_are_symmetric(case):
    labels, truth = (image - image.min() for image in case)
    for score in (probabilistic_rand_index, variation_of_information):
        assert score(labels, truth) == pytest.approx(score(truth, labels), rel=1e-12, abs=1e-12)


def _objects_and_parts(rng):
    """Return labels and annotations that share most of their borders."""
    truth = random_labels(rng, (14, 15), 6)
    images = []
    for _ in range(4):
        image = truth.copy()
        for _ in range(int(rng.integers(0, 4))):
            values = np.unique(image)
            if rng.random() < 0.5:  # join two regions
                image[image == rng.choice(values)] = rng.choice(values)
            else:  # cut one
                cut = (image == rng.choice(values)) & (np.arange(15) < rng.integers(0, 15))
                image[cut] = 100 + values.max()
        images.append(image)
    return images[0] - images[0].min(), images[1:]


@pytest.mark.parametrize("seed", range(30))
def test_objects_and_parts_equal_naive(seed):
    labels, truths = _objects_and_parts(np.random.default_rng(seed))
    precision, recall = naive.object_part_f_measure(labels, truths)
    f, p, r = object_part_f_measure(labels, truths, return_precision_recall=True)
    assert p == pytest.approx(precision, abs=1e-12)
    assert r == pytest.approx(recall, abs=1e-12)
    total = precision + recall
    assert f == pytest.approx(2 * precision * recall / total if total else 0.0, abs=1e-12)
    assert object_part_f_measure(labels, truths) == f


def test_objects_and_parts_worked_example():
    # an object; a segment cut in two parts of 0.5; a region that swallows two segments
    truth = np.repeat([[0] * 10 + [1] * 10 + [2] * 5 + [3] * 5], 4, axis=0)
    labels = np.repeat([[0] * 10 + [1] * 5 + [2] * 5 + [3] * 10], 4, axis=0)
    f, p, r = object_part_f_measure(labels, truth, return_precision_recall=True)
    # regions: object, two parts, and one that two whole segments fill: 1 + 0.1 + 0.1 + 1
    assert p == pytest.approx((1 + 0.1 + 0.1 + 1) / 4)
    # segments: object, one that two parts fill, and two parts: 1 + 1 + 0.1 + 0.1
    assert r == pytest.approx((1 + 1 + 0.1 + 0.1) / 4)
    assert f == pytest.approx(0.55)


def test_small_regions_are_no_candidates():
    # 1 pixel of 200 is below the last 1 %, and no segment matches it: recall and precision stay 1
    truth = np.zeros((10, 20), dtype=int)
    labels = truth.copy()
    labels[0, 0] = 1
    assert object_part_f_measure(labels, truth) == 1.0
