"""Mean intersection over union of classes: worked examples and the definition."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from sklearn_spx.metrics import class_iou, mean_iou

from . import naive

classes = hnp.arrays(np.int64, (3, 4), elements=st.integers(-1, 3))


def test_a_worked_example():
    found, truth = np.array([[5, 5, 5, 9]]), np.array([[5, 5, 9, -1]])
    assert class_iou(found, truth) == {5: 2 / 3, 9: 0.0}
    assert mean_iou(found, truth) == 1 / 3


def test_pixels_of_all_images_count_together():
    found, truths = [np.array([[0, 0]]), np.array([[1, 1, 1]])], [[[0, 1]], [[1, 1, 0]]]
    assert class_iou(found, truths) == {0: 1 / 3, 1: 2 / 4}
    assert mean_iou(found, truths, sample_weight=[2, 0]) == (1 / 2 + 0) / 2
    np.testing.assert_allclose(class_iou(found, truths, sample_weight=[2, 1])[0], 2 / (4 + 1))


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(classes, classes), min_size=1, max_size=3))
def test_it_is_the_naive_one(pairs):
    found, truths = zip(*pairs)
    wanted = naive.mean_iou(found, truths)
    if wanted is None:
        with pytest.raises(ValueError, match="no pixel is known"):
            mean_iou(list(found), list(truths))
    else:
        np.testing.assert_allclose(mean_iou(list(found), list(truths)), wanted)


def test_bad_input_is_named():
    one = np.zeros((2, 2), int)
    with pytest.raises(ValueError, match=r"ground_truths\[1\] has shape"):
        mean_iou([one, one], [one, one[:1]])
    with pytest.raises(ValueError, match="predictions holds 2 images and ground_truths 1"):
        mean_iou([one, one], [one])
    with pytest.raises(TypeError, match=r"predictions\[0\] has dtype float64"):
        mean_iou(one / 2, one)
    for weights in ([1, 1], [-1], [np.inf]):
        with pytest.raises(ValueError, match="sample_weight"):
            mean_iou(one, one, sample_weight=weights)
