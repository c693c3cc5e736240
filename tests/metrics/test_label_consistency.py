"""Label consistency: hand-made cases, flows that leave the frame, what is left out."""

import numpy as np
import pytest

from sklearn_spx.metrics import label_consistency

STILL = np.zeros((2, 1, 1))
LABELS = np.arange(12).reshape(3, 4)


def test_a_still_frame_agrees_with_itself_and_with_no_other():
    assert label_consistency(LABELS, LABELS, STILL) == 1.0
    assert label_consistency(LABELS, LABELS + 1, STILL) == 0.0


def test_what_moves_out_of_the_frame_is_left_out():
    moved = np.full_like(LABELS, 99)
    moved[1:, :2] = LABELS[:2, 2:]
    shift = np.reshape([1.0, -2.0], (2, 1, 1))
    assert label_consistency(LABELS, moved, shift) == 1.0
    moved[1, 0] = 98  # one of four
    assert label_consistency(LABELS, moved, shift) == 0.75


def test_each_pixel_has_its_own_flow_in_whole_pixels():
    flow = np.zeros((2, 3, 4))
    flow[1, 0, 0], flow[1, 2, 3] = 1.4, np.nan
    after = LABELS.copy()
    after[0, 1], after[2, 3] = LABELS[0, 0], 99
    # 11 pixels have a flow; label 1 is covered by label 0
    assert label_consistency(LABELS, after, flow) == pytest.approx(10 / 11)


def test_negative_labels_are_left_out_on_both_sides():
    before, after = LABELS.copy(), LABELS.copy()
    before[0], after[1] = -1, -5
    after[2, 0] = 99
    assert label_consistency(before, after, STILL) == 0.75


@pytest.mark.parametrize(
    ("following", "flow", "error", "words"),
    [
        (LABELS[:2], STILL, ValueError, r"following has shape \(2, 4\)"),
        (LABELS, np.zeros((3, 4, 2)), ValueError, r"flow has shape \(3, 4, 2\); accepted is"),
        (LABELS, np.zeros((2, 1, 1), bool), TypeError, "flow has dtype bool"),
        (LABELS, np.full((2, 1, 1), 99), ValueError, "no pixel with a label"),
        (LABELS * 1.0, STILL, TypeError, "following has dtype float64"),
    ],
)
def test_bad_input_is_named(following, flow, error, words):
    with pytest.raises(error, match=words):
        label_consistency(LABELS, following, flow)
