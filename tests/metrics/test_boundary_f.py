"""Boundary F: thinning and matching against naive twins, worked examples and identities."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sklearn_spx.metrics import boundary_f_counts, boundary_f_measure
from sklearn_spx.metrics._matching import _window, match_pixels
from sklearn_spx.metrics._thinning import thin_boundaries

from . import naive
from .common import cases, random_labels

few = settings(max_examples=100, deadline=None)


@few
@given(cases(max_side=16))
def test_thinning_equals_naive(case):
    labels = np.maximum(case[0], -1).astype(np.int32)
    before = labels.copy()
    np.testing.assert_array_equal(thin_boundaries(labels), naive.thin_boundaries(labels))
    np.testing.assert_array_equal(labels, before)


def test_straight_border_is_marked_on_its_left():
    labels = np.repeat([[0, 0, 1, 1]], 5, axis=0).astype(np.int32)
    expected = np.zeros((5, 4), dtype=bool)
    expected[:, 1] = True
    np.testing.assert_array_equal(thin_boundaries(labels), expected)
    np.testing.assert_array_equal(thin_boundaries(np.ascontiguousarray(labels.T)), expected.T)


@few
@given(st.integers(0, 2**32 - 1), st.sampled_from([0.0, 1.0, 1.5, 2.3, 4.3]))
def test_matching_equals_naive(seed, radius):
    rng = np.random.default_rng(seed)
    shape = rng.integers(1, 9, 2)
    first = rng.random(shape) < rng.uniform(0.05, 0.6)
    second = np.zeros(shape, dtype=bool)
    second.flat[rng.permutation(second.size)[: rng.integers(0, 15)]] = True
    n, matched = match_pixels(first, second, radius)
    expected_n, expected = naive.match_pixels(first, second, radius)
    assert n == expected_n
    np.testing.assert_array_equal(matched, expected)


@pytest.mark.parametrize("seed", range(12))
def test_large_matching_is_as_short_as_can_be(seed):
    rng = np.random.default_rng(seed)
    shape = (40, 45)
    first = rng.random(shape) < rng.choice([0.02, 0.1, 0.2])
    second = rng.random(shape) < rng.choice([0.02, 0.1, 0.2])
    n, matched = match_pixels(first, second, 3.2)
    expected_n, shortest = naive.least_distance(first, second, 3.2)
    assert n == matched.sum() == expected_n
    # the chosen pixels alone allow as many pairs and as short
    chosen = np.zeros(shape, dtype=bool)
    chosen[second] = matched
    assert naive.least_distance(first, chosen, 3.2) == (n, pytest.approx(shortest, abs=1e-6))


def test_more_pairs_come_before_less_distance():
    first = np.array([[0, 1, 0, 1]], dtype=bool)
    second = np.array([[1, 1, 0, 0]], dtype=bool)
    # pixel 1 with pixel 1 is shortest, but leaves 3 without a partner within 2
    n, matched = match_pixels(first, second, 2.0)
    assert n == 2
    assert matched.all()


def test_equal_pairings_take_the_first_pixel_in_reading_order():
    first, second = np.zeros((3, 3), dtype=bool), np.zeros((3, 3), dtype=bool)
    first[1, 1] = True
    second[[0, 1, 1, 2], [1, 0, 2, 1]] = True
    assert match_pixels(first, second, 1.0)[1].tolist() == [True, False, False, False]


def test_equal_pairings_take_the_first_pixel_behind_a_longer_path():
    # Three pixels are 5 away from one partner and 10 from one of their own each. Whichever has
    # the common partner, the other two go 10 far: the last of the own partners stays alone.
    first, second = np.zeros((13, 23), dtype=bool), np.zeros((13, 23), dtype=bool)
    common = np.array([12, 9])
    for offset, own in (((-5, 0), (-11, 8)), ((-4, -3), (-12, -9)), ((0, 5), (-6, 13))):
        first[tuple(common + offset)] = True
        second[tuple(common + own)] = True
    second[tuple(common)] = True
    assert match_pixels(first, second, 10.0)[1].tolist() == [True, True, False, True]


def test_equal_pairings_take_the_first_pixel_when_it_is_found_last():
    first = np.array([[0, 0], [1, 0], [0, 1], [0, 0]], dtype=bool)
    second = np.array([[0, 1], [0, 1], [0, 0], [1, 0]], dtype=bool)
    # 1 + sqrt(2) either way, with pixel 0 or with pixel 2 beside pixel 1
    assert match_pixels(first, second, 2.3)[1].tolist() == [True, True, False]


def test_lengths_keep_exact_relations():
    dy, dx, step = _window(6.0)
    length = {(y, x): s for y, x, s in zip(dy.tolist(), dx.tolist(), step.tolist())}
    assert length[0, 0] == 0
    assert length[2, 2] == 2 * length[1, 1]
    assert length[3, 3] == 3 * length[1, 1]
    assert length[2, 4] == 2 * length[1, 2]
    assert length[3, 4] == 5 * length[0, 1] == 5 << 20
    assert len(length) == sum(y * y + x * x <= 36 for y in range(-6, 7) for x in range(-6, 7))
    np.testing.assert_allclose(step / (1 << 20), np.hypot(dy, dx), atol=1e-5)


@few
@given(cases(max_side=16))
def test_perfect_segmentation(case):
    _, truth = case
    labels = truth - truth.min()
    assert boundary_f_measure(labels, [truth, truth], return_precision_recall=True) == (1, 1, 1)


def test_worked_example():
    # borders after columns 9 and 19; the annotator's after 12 and 19, which is 3 pixels off
    labels = np.repeat(np.repeat([[0, 1, 2]], 10, axis=1), 30, axis=0)
    truth = np.repeat([[0] * 13 + [1] * 7 + [2] * 10], 30, axis=0)
    diagonal = np.hypot(30, 30)
    np.testing.assert_array_equal(
        boundary_f_counts(labels, truth, max_distance=2.9 / diagonal), [30, 60, 30, 60]
    )
    np.testing.assert_array_equal(
        boundary_f_counts(labels, truth, max_distance=3.1 / diagonal), [60, 60, 60, 60]
    )
    # a second annotator who sees the first border alone: precision counts a pixel once
    other = (labels > 0).astype(int)
    np.testing.assert_array_equal(
        boundary_f_counts(labels, [truth, other], max_distance=2.9 / diagonal), [60, 90, 60, 60]
    )
    f, p, r = boundary_f_measure(
        labels, [truth, other], max_distance=2.9 / diagonal, return_precision_recall=True
    )
    assert (p, r) == (1.0, pytest.approx(2 / 3))
    assert f == pytest.approx(0.8)


def test_without_boundaries():
    one, two = np.zeros((5, 6), dtype=int), np.repeat([[0, 0, 0, 1, 1, 1]], 5, axis=0)
    assert boundary_f_measure(one, two, return_precision_recall=True) == (0.0, 1.0, 0.0)
    assert boundary_f_measure(two, one, return_precision_recall=True) == (0.0, 0.0, 0.0)
    assert boundary_f_measure(one, one, return_precision_recall=True) == (1.0, 1.0, 1.0)


@pytest.mark.parametrize("seed", range(5))
def test_counts_follow_from_thinning_and_matching(seed):
    rng = np.random.default_rng(seed)
    labels = random_labels(rng, (50, 60), 12).astype(np.int32)
    truths = [random_labels(rng, (50, 60), 8).astype(np.int32) for _ in range(3)]
    found = thin_boundaries(labels)
    wanted = [thin_boundaries(t) for t in truths]
    each = [match_pixels(w, found, 0.03 * np.hypot(50, 60)) for w in wanted]
    expected = [
        sum(n for n, _ in each),
        sum(w.sum() for w in wanted),
        np.any([m for _, m in each], axis=0).sum(),
        found.sum(),
    ]
    np.testing.assert_array_equal(boundary_f_counts(labels, truths, max_distance=0.03), expected)


@pytest.mark.parametrize("value", [-0.1, np.nan, np.inf])
def test_max_distance_is_checked(value):
    with pytest.raises(ValueError, match="max_distance"):
        boundary_f_measure([[0, 1]], [[0, 1]], max_distance=value)
