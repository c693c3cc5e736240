"""Boxes moved to where regions end: exact small cases, ranks, and what is refused."""

import numpy as np
import pytest

from sklearn_spx.regions import straddling_expansion, straddling_score

LABELS = np.zeros((12, 12), int)
LABELS[2:8, 2:8] = 1
LABELS[5:9, 7:11] = 2  # of 1 it takes three pixels


def test_a_box_becomes_that_of_its_regions():
    found = straddling_expansion([[1, 1, 8, 8]], LABELS, thresholds=[])
    assert found.boxes.tolist() == [[2, 2, 8, 8]]
    assert found.sources.tolist() == [0]


def test_thresholds_join_regions_that_the_box_cuts():
    # of region 2 the aligned box holds 3 of 16 pixels, of region 0 none
    labels = np.where(LABELS == 0, -1, LABELS)
    for threshold, expected in ((0.19, [[2, 2, 8, 8]]), (0.18, [[2, 2, 8, 8], [2, 2, 11, 9]])):
        found = straddling_expansion([[2, 2, 8, 8]], labels, thresholds=[threshold])
        assert found.boxes.tolist() == expected
    assert found.scores.tolist() == [1.0, 0.5]


def test_ranks_are_products_of_places_and_scores_sort_boxes():
    labels = np.arange(6).reshape(1, 6)
    boxes = [[0, 0, 1, 1], [1, 0, 2, 1], [2, 0, 3, 1]]
    found = straddling_expansion(boxes, labels)
    assert found.sources.tolist() == [0, 1, 2]
    assert found.scores.tolist() == [1, 1 / 2, 1 / 3]
    found = straddling_expansion(boxes, labels, scores=[0.1, 0.9, 0.5], max_proposals=2)
    assert found.sources.tolist() == [1, 2]
    assert found.boxes.tolist() == [boxes[1], boxes[2]]


def test_each_segmentation_gives_boxes():
    fine, coarse = np.arange(8).reshape(1, 8), np.arange(8).reshape(1, 8) // 4
    found = straddling_expansion([[0, 0, 3, 1]], [coarse, fine])
    assert found.boxes.tolist() == [[0, 0, 4, 1], [0, 0, 3, 1]]
    assert found.scores.tolist() == [1.0, 0.5]
    stacked = straddling_expansion([[0, 0, 3, 1]], np.stack([coarse, fine]))
    assert stacked.boxes.tolist() == found.boxes.tolist()
    assert straddling_score([[0, 0, 3, 1]], [coarse, fine]).tolist() == [(1 - 1 / 3 + 1) / 2]


def test_the_order_of_thresholds_is_free():
    labels = np.random.default_rng(0).integers(0, 9, (5, 5)).repeat(4, 0).repeat(4, 1)
    boxes = [[3, 2, 12, 15], [0, 0, 20, 9]]
    one = straddling_expansion(boxes, labels, thresholds=(0.1, 0.3, 0.5))
    other = straddling_expansion(boxes, labels, thresholds=(0.5, 0.1, 0.3))
    assert all((one[name] == other[name]).all() for name in one)


def test_a_box_without_a_region_makes_none_and_the_others_stay():
    labels = [[-1, -1, 4, 4]]
    found = straddling_expansion([[0, 0, 2, 1], [1, 0, 4, 1]], labels)
    assert found.boxes.tolist() == [[2, 0, 4, 1]]
    assert found.sources.tolist() == [1]
    assert straddling_expansion([], labels).boxes.shape == (0, 4)


@pytest.mark.parametrize(
    ("labels", "parameters", "error", "message"),
    [
        ([LABELS, LABELS[1:]], {}, ValueError, r"labels\[1\] has shape \(11, 12\)"),
        ([], {}, ValueError, "labels is empty"),
        (LABELS / 2, {}, TypeError, "labels has dtype float64"),
        (LABELS, {"scores": [1.0, 2.0]}, ValueError, r"scores has shape \(2,\), expected \(1,\)"),
        (LABELS, {"scores": [np.nan]}, ValueError, r"scores\[0\] is NaN"),
        (LABELS, {"thresholds": [0.0]}, ValueError, "above 0 and at most 1"),
        (LABELS, {"thresholds": 0.5}, ValueError, "thresholds must be a list"),
        (LABELS, {"max_proposals": 0}, ValueError, "max_proposals must be at least 1"),
    ],
)
def test_what_cannot_be_used_is_named(labels, parameters, error, message):
    with pytest.raises(error, match=message):
        straddling_expansion([[0, 0, 4, 4]], labels, **parameters)
