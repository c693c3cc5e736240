"""Recall of boxes, by hand."""

import numpy as np
import pytest

from sklearn_spx.metrics import detection_recall

TALL, WIDE, FAR = [0, 0, 10, 20], [0, 0, 20, 10], [50, 50, 60, 60]


def test_recall_by_hand():
    # IoU of TALL: with [0, 0, 10, 10] 0.5, with [0, 0, 10, 15] 0.75, with itself 1
    proposals = [[[0, 0, 10, 10], FAR, [0, 0, 10, 15]], [[1, 1, 2, 2], FAR]]
    objects = [[TALL], [FAR, WIDE]]
    scores = detection_recall(proposals, objects, iou=[0.5, 0.75, 0.76], counts=[1, 2, 3, 100])
    third = 1 / 3
    np.testing.assert_allclose(
        scores.recall,
        [
            [third, 2 * third, 2 * third, 2 * third],
            [0, third, 2 * third, 2 * third],
            [0, third, third, third],
        ],
    )
    np.testing.assert_allclose(scores.average_recall, [0, third, 0.5, 0.5])
    wide = 1 / 200  # [1, 1, 2, 2] lies in WIDE
    best = [(0.5 + 0 + wide) / 3, (0.5 + 1 + wide) / 3, *[(0.75 + 1 + wide) / 3] * 2]
    np.testing.assert_allclose(scores.best_overlap, best)
    assert scores.n_objects == 3


def test_one_box_may_find_several_objects():
    scores = detection_recall([[TALL]], [[TALL, TALL, [0, 0, 10, 11]]], counts=[1])
    assert scores.recall.tolist() == [1.0]


def test_one_overlap_gives_one_row():
    scores = detection_recall([[TALL]], [[TALL]], iou=1)
    assert scores.recall.tolist() == [1.0, 1.0, 1.0]
    assert scores.average_recall.tolist() == [1.0, 1.0, 1.0]


def test_average_recall_is_the_mean_over_overlaps():
    rng = np.random.default_rng(0)
    corners = rng.uniform(0, 20, (2, 60, 2))
    boxes = np.concatenate([corners[0], corners[0] + 5 + corners[1]], axis=1)
    steps = (np.arange(2000) + 0.5) / 4000 + 0.5
    scores = detection_recall([boxes[:40]], [boxes[40:]], iou=steps, counts=[5, 40])
    np.testing.assert_allclose(scores.average_recall, scores.recall.mean(axis=0), atol=1e-3)
    assert (scores.average_recall > 0).all()


def test_images_without_boxes_count_by_their_objects():
    scores = detection_recall([[], [TALL]], [[TALL], []], counts=[10])
    assert scores.recall.tolist() == [0.0]
    assert scores.n_objects == 1


@pytest.mark.parametrize(
    ("proposals", "objects", "parameters", "message"),
    [
        ([[TALL]], [], {}, "proposals has 1 images and objects 0"),
        ([[TALL]], [[]], {}, "nothing to find"),
        ([], [], {}, "nothing to find"),
        ([[TALL], [[0, 0, 0, 1]]], [[TALL]] * 2, {}, r"proposals\[1\]\[0\] .* is empty"),
        ([[TALL]], [TALL], {}, r"objects\[0\] has shape \(4,\)"),
        ([[TALL]], [[TALL]], {"iou": 0.0}, "iou must be above 0"),
        ([[TALL]], [[TALL]], {"iou": [0.5, np.nan]}, "iou must be above 0"),
        ([[TALL]], [[TALL]], {"counts": [10, 0]}, r"counts\[1\] must be at least 1"),
    ],
)
def test_what_cannot_be_scored_is_named(proposals, objects, parameters, message):
    with pytest.raises(ValueError, match=message):
        detection_recall(proposals, objects, **parameters)
