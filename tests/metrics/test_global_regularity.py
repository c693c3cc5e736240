"""Global regularity against its naive twin, shapes worked by hand, masks, errors."""

import numpy as np
import pytest
from hypothesis import given, settings

from sklearn_spx.metrics import global_regularity

from . import naive
from .common import cases, random_labels


def tiles(rows, columns, height, width):
    """Labels of ``rows`` x ``columns`` rectangles of ``height`` x ``width`` pixels."""
    return np.kron(
        np.arange(rows * columns).reshape(rows, columns), np.ones((height, width), dtype=int)
    )


@pytest.mark.parametrize("side", [1, 2, 3, 8])
def test_squares_are_perfect(side):
    assert global_regularity(tiles(4, 5, side, side)) == 1.0
    assert global_regularity(tiles(1, 1, side, side)) == 1.0


def test_stripes_lack_balance():
    # deviations of 2 rows and 7 columns: ((4 - 1) / (49 - 1)) ** (1 / 2)
    assert global_regularity(tiles(3, 2, 2, 7)) == pytest.approx(0.25**0.5)
    assert global_regularity(tiles(2, 3, 7, 2)) == pytest.approx(0.25**0.5)
    assert global_regularity(tiles(6, 1, 1, 7)) == 0.0  # lines


def test_convexity_of_shapes():
    # a frame: 8 pixels, 12 + 4 edges; its hull: 9 pixels, 12 edges
    frame = np.zeros((3, 3), dtype=int)
    frame[1, 1] = -1
    assert global_regularity(frame) == pytest.approx((12 / 9) / (16 / 8))
    # a comb of 7 pixels, 12 + 4 edges: deviations are not alike
    comb = np.array([[0, -1, 0], [0, -1, 0], [0, 0, 0]])
    y, x = np.nonzero(comb == 0)
    balance = np.sqrt(y.std() / x.std())
    assert global_regularity(comb) == pytest.approx((12 / 9) / (16 / 7) * balance)
    # convex on the grid: a disc, a diagonal line
    ys, xs = np.mgrid[-6:7, -6:7]
    assert global_regularity(np.where(ys**2 + xs**2 <= 36, 0, -1)) == 1.0
    assert global_regularity(np.eye(5, dtype=int) - 1) == 1.0


def test_convexity_of_parts_is_at_most_one():
    # by the definition 1.05
    parts = np.full((5, 3), -1)
    parts[0, 0] = parts[3, 2] = parts[4, 2] = 0
    y, x = np.nonzero(parts == 0)
    assert global_regularity(parts) == pytest.approx(np.sqrt(x.std() / y.std()))


def test_matching_of_unequal_shapes():
    # squares of 4 and 16 pixels, both of shape regularity 1; registered, the small one lies in
    # the large one: the mean is 2 / 20 on 4 pixels and 1 / 20 on 12
    labels = np.full((4, 7), -1)
    labels[:, :4] = 1
    labels[1:3, 5:] = 0
    small = (4 * (1 / 4 - 2 / 20) + 12 / 20) / 2
    large = (4 * (2 / 20 - 1 / 16) + 12 * (1 / 16 - 1 / 20)) / 2
    assert global_regularity(labels) == pytest.approx(1 - (4 * small + 16 * large) / 20)


@settings(max_examples=40, deadline=None)
@given(cases(max_side=9))
def test_equals_naive(case):
    labels, _ = case
    value = global_regularity(labels)
    assert 0 <= value <= 1
    assert value == pytest.approx(naive.global_regularity(labels), rel=1e-12)


def test_names_rows_and_columns_do_not_matter():
    labels = random_labels(np.random.default_rng(0), (20, 30), 9)
    value = global_regularity(labels)
    assert global_regularity(labels * 1000 + 7) == pytest.approx(value, rel=1e-12)
    assert global_regularity(labels.T) == pytest.approx(value, rel=1e-12)


def test_masked_margin_equals_crop():
    labels = random_labels(np.random.default_rng(0), (20, 30), 9)
    masked = labels.copy()
    masked[:, 22:] = -1
    masked[:3] = -5
    copy = masked.copy()
    assert global_regularity(masked) == pytest.approx(global_regularity(labels[3:, :22]), rel=1e-12)
    np.testing.assert_array_equal(masked, copy)


def test_errors_name_the_argument():
    good = np.zeros((3, 4), dtype=int)
    with pytest.raises(TypeError, match="labels has dtype float64"):
        global_regularity(good.astype(float))
    with pytest.raises(ValueError, match=r"labels has shape \(4,\)"):
        global_regularity(good[0])
    with pytest.raises(ValueError, match="labels is negative everywhere"):
        global_regularity(good - 1)
