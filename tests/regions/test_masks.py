"""Masks that overlap to a label image."""

import warnings

import numpy as np
import pytest

from sklearn_spx.regions import label_once, to_coco

WHOLE = np.zeros((4, 6), bool)
WHOLE[:, :4] = True
PART = np.zeros((4, 6), bool)
PART[1:3, 1:3] = True
ACROSS = np.zeros((4, 6), bool)
ACROSS[1, 2:6] = True
MASKS = [WHOLE, PART, ACROSS]  # of 16, 4 and 4 pixels


def painted(*masks):
    labels = np.full((4, 6), -1)
    for k in masks:
        labels[MASKS[k]] = k
    return labels


@pytest.mark.parametrize(
    ("more", "bottom_up"),
    [
        ({}, (0, 2, 1)),  # of equals the first
        ({"order": "largest"}, (2, 1, 0)),
        ({"order": "first"}, (2, 1, 0)),
        ({"order": "last"}, (0, 1, 2)),
        ({"order": "score", "scores": [0.2, 0.1, 0.9]}, (1, 0, 2)),
        ({"order": "score", "scores": [0.2, 0.5, 0.2]}, (2, 0, 1)),
    ],
)
@pytest.mark.filterwarnings("ignore:1 of 3 masks")
def test_of_masks_that_overlap_one_has_the_pixel(more, bottom_up):
    found = label_once(MASKS, **more)
    assert found.dtype == np.int32
    np.testing.assert_array_equal(found, painted(*bottom_up))


def test_masks_come_in_many_forms():
    import torch

    expected = label_once(MASKS)
    runs = [
        a["segmentation"] for a in to_coco([m.astype(int) - 1 for m in MASKS], "abc")["annotations"]
    ]
    sam = [{"segmentation": m, "area": int(m.sum()), "predicted_iou": 0.5} for m in MASKS]
    forms = [
        np.stack(MASKS),
        np.stack(MASKS).astype(np.uint8) * 255,
        np.stack(MASKS).astype(float),
        torch.from_numpy(np.stack(MASKS)),
        (mask for mask in MASKS),
        [mask.tolist() for mask in MASKS],
        runs,
        sam,
        [{"segmentation": run} for run in runs],
    ]
    for form in forms:
        np.testing.assert_array_equal(label_once(form), expected)


def test_scores_are_those_of_the_masks():
    sam = [{"segmentation": m, "predicted_iou": s} for m, s in zip(MASKS, (0.9, 0.95, 0.7))]
    np.testing.assert_array_equal(label_once(sam, order="score"), painted(2, 0, 1))


def test_what_no_mask_covers():
    left = np.zeros((2, 7), bool)
    left[:, 1:3] = True
    right = np.zeros((2, 7), bool)
    right[:, 4:6] = True
    row = [-1, 0, 0, -1, 1, 1, -1]
    assert label_once([left, right]).tolist() == [row, row]
    own = [2, 0, 0, 3, 1, 1, 4]
    assert label_once([left, right], fill="own").tolist() == [own, own]
    near = label_once([left, right], fill="nearest")
    assert near[:, [0, 1, 2, 4, 5, 6]].tolist() == [[0, 0, 0, 1, 1, 1]] * 2
    assert set(near[:, 3]) <= {0, 1}
    assert near.dtype == np.int32


@pytest.mark.parametrize("fill", [None, "nearest", "own"])
def test_what_is_covered_needs_no_filling(fill):
    assert label_once([np.ones((2, 3), bool)], fill=fill).tolist() == [[0, 0, 0]] * 2


def test_masks_that_are_hidden_are_told():
    with pytest.warns(UserWarning, match="2 of 4 masks have no pixel that is not another's: 2, 3"):
        found = label_once([WHOLE, PART, PART, np.zeros((4, 6), bool)])
    np.testing.assert_array_equal(found, painted(0, 1))
    with pytest.warns(UserWarning, match="1 of 2 masks"):
        label_once([WHOLE * 1.0, np.zeros((4, 6))])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        label_once(MASKS)


@pytest.mark.parametrize(
    ("masks", "more", "error", "message"),
    [
        ([], {}, ValueError, "masks is empty"),
        ([WHOLE, PART[1:]], {}, ValueError, r"masks\[1\] has shape \(3, 6\), and masks\[0\]"),
        ([WHOLE, WHOLE * 0.5], {}, ValueError, r"masks\[1\] of dtype float64 holds 0.5"),
        ([WHOLE, WHOLE.astype(str)], {}, TypeError, r"masks\[1\] has dtype"),
        ([WHOLE[0]], {}, ValueError, r"masks\[0\] has shape \(6,\)"),
        (np.stack(MASKS)[:, None], {}, ValueError, r"give masks\[:, 0\]"),
        (WHOLE, {}, ValueError, r"masks has shape \(4, 6\); accepted is \(n_masks"),
        ({"segmentation": WHOLE}, {}, TypeError, "one dict"),
        ([{"mask": WHOLE}], {}, ValueError, r"masks\[0\]: run lengths are a dict"),
        (MASKS, {"order": "area"}, ValueError, "order is 'area'"),
        (MASKS, {"fill": -1}, ValueError, "fill is -1"),
        (MASKS, {"order": "score"}, ValueError, r"masks\[0\] has no 'predicted_iou'"),
        (MASKS, {"order": "score", "scores": [1]}, ValueError, r"scores has shape \(1,\)"),
        (MASKS, {"order": "score", "scores": [1, np.nan, 0]}, ValueError, r"scores\[1\] is NaN"),
        (MASKS, {"scores": [1, 2, 3]}, ValueError, "scores are for order='score'"),
    ],
)
def test_what_cannot_be_used_is_named(masks, more, error, message):
    with pytest.raises(error, match=message):
        label_once(masks, **more)


@pytest.mark.filterwarnings("ignore:1 of 1 masks")
def test_nothing_is_nearest_to_nothing():
    with pytest.raises(ValueError, match="needs a pixel in some mask"):
        label_once([np.zeros((2, 2), bool)], fill="nearest")
