"""Explained variation against its naive twin, worked examples, masks, offsets, errors."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sklearn_spx.metrics import explained_variation

from . import naive
from .common import cases, random_labels

few = settings(max_examples=40, deadline=None)


def test_worked_example():
    # means 0.5 and 2.5 about 1.5: 4 of 5
    assert explained_variation([[0, 0, 1, 1]], [[0, 1, 2, 3]]) == 0.8
    assert explained_variation([[0, 0, 0, 0]], [[0, 1, 2, 3]]) == 0.0
    assert explained_variation([[3, 0, 7, 1]], [[0, 1, 2, 3]]) == 1.0
    # channels add up: 4 of 5, and 0 of 4
    image = np.array([[[0, 1], [1, -1], [2, 1], [3, -1]]])
    assert explained_variation([[0, 0, 1, 1]], image) == pytest.approx(4 / 9)


@few
@given(cases(), st.integers(0, 2**32 - 1), st.sampled_from([None, 1, 2, 5]))
def test_equals_naive(case, seed, n_channels):
    labels, _ = case
    shape = labels.shape if n_channels is None else (*labels.shape, n_channels)
    image = np.random.default_rng(seed).normal(size=shape)
    if (labels >= 0).sum() > 1:
        assert explained_variation(labels, image) == pytest.approx(
            float(naive.explained_variation(labels, image)), rel=1e-12, abs=1e-15
        )


@pytest.mark.parametrize("dtype", [bool, np.uint8, np.int16, np.uint16, np.float32, np.float64])
def test_any_dtype(dtype):
    rng = np.random.default_rng(0)
    labels, image = random_labels(rng, (9, 11)), rng.integers(0, 2, (9, 11, 3))
    expected = explained_variation(labels, image)
    assert 0 < expected < 1
    assert explained_variation(labels, image.astype(dtype)) == expected


@pytest.mark.parametrize("value", [0, 7, 0.1, 1e-300, -3e37])
def test_image_of_one_colour_is_explained(value):
    labels = random_labels(np.random.default_rng(0), (7, 9))
    assert explained_variation(labels, np.full((7, 9, 3), value)) == 1.0


def test_offset_and_scale_cost_no_digits():
    rng = np.random.default_rng(0)
    labels, image = random_labels(rng, (20, 30), 9), rng.integers(0, 256, (20, 30, 3))
    expected = explained_variation(labels, image)
    for offset in (1e6, 1e12, -1e15):
        assert explained_variation(labels, image + offset) == pytest.approx(expected, rel=1e-12)
    for scale in (1e-200, 1e30):
        assert explained_variation(labels, image * scale) == pytest.approx(expected, rel=1e-12)


def test_outside_of_the_mask_may_hold_anything():
    rng = np.random.default_rng(0)
    labels, image = random_labels(rng, (20, 30), 9), rng.random((20, 30, 3))
    masked, marred = labels.copy(), image.copy()
    masked[:, 22:], marred[:, 22:] = -1, np.nan
    masked[:3], marred[:3] = -5, 1e300
    copy = masked.copy()
    assert explained_variation(masked, marred) == explained_variation(
        labels[3:, :22], image[3:, :22]
    )
    np.testing.assert_array_equal(masked, copy)


def test_errors_name_the_argument():
    labels, image = np.zeros((3, 4), dtype=int), np.zeros((3, 4, 3))
    with pytest.raises(ValueError, match=r"labels has shape \(4, 3\), expected \(3, 4\)"):
        explained_variation(labels.T, image)
    with pytest.raises(TypeError, match="labels has dtype float64"):
        explained_variation(labels.astype(float), image)
    with pytest.raises(ValueError, match="labels is negative everywhere"):
        explained_variation(labels - 1, image)
    with pytest.raises(TypeError, match="image has dtype complex128"):
        explained_variation(labels, image.astype(complex))
    with pytest.raises(ValueError, match=r"image has shape \(4,\)"):
        explained_variation(labels, image[0, :, 0])
    image[1, 2, 0] = np.nan
    with pytest.raises(ValueError, match="image holds 1 values inside the mask that are NaN"):
        explained_variation(np.where(np.eye(3, 4), -1, labels), image)
    with pytest.raises(ValueError, match="image holds 1 values that are NaN"):
        explained_variation(labels, image)
