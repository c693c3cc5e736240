"""Region statistics: against the slow twin, numpy and scikit-image."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from skimage.measure import perimeter

from sklearn_spx.kernels.region_statistics import (
    label_statistics,
    number_regions,
    region_gradients,
    region_perimeters,
    region_quantiles,
    region_statistics,
)

from . import naive_region_statistics as naive

any_labels = hnp.arrays(
    np.int32, hnp.array_shapes(min_dims=2, max_dims=2, max_side=8), elements=st.integers(-1, 6)
)
blobs = any_labels.filter(lambda labels: labels.max() >= 0).map(lambda a: number_regions(a)[0])


def _image(labels, n_channels=2, dtype=float):
    rng = np.random.default_rng(labels.size)
    return rng.integers(0, 200, (*labels.shape, n_channels)).astype(dtype)


@settings(max_examples=25, deadline=None)
@given(any_labels)
def test_numbers_are_those_of_unique(labels):
    index, ids = number_regions(labels)
    assert index.dtype == ids.dtype == np.int32
    assert ids.tolist() == np.unique(labels[labels >= 0]).tolist()
    np.testing.assert_array_equal(index < 0, labels < 0)
    np.testing.assert_array_equal(ids[index[index >= 0]], labels[labels >= 0])


def test_huge_labels_cost_no_table():
    top = np.iinfo(np.int32).max
    index, ids = number_regions(np.array([[-9, 7, top], [3, 7, top]]))
    assert index.tolist() == [[-1, 1, 2], [0, 1, 2]]
    assert ids.tolist() == [3, 7, top]


@settings(max_examples=25, deadline=None)
@given(blobs, st.sampled_from([np.uint8, np.float32, np.float64, np.int64, bool]))
def test_statistics_are_the_naive_ones(labels, dtype):
    image = _image(labels, dtype=dtype)
    for found, wanted in zip(region_statistics(labels, image), naive.statistics(labels, image)):
        np.testing.assert_allclose(found, wanted, rtol=1e-12, atol=1e-12)


@settings(max_examples=25, deadline=None)
@given(blobs, st.sampled_from([np.uint8, np.float32, np.float64]))
def test_without_spread_the_rest_is_the_same(labels, dtype):
    image = _image(labels, dtype=dtype) / dtype(3)
    whole, part = region_statistics(labels, image), region_statistics(labels, image, spread=False)
    for name in ("area", "bbox", "centroid", "covariance", "mean"):
        np.testing.assert_array_equal(getattr(part, name), getattr(whole, name))
    assert {values.shape for values in (part.std, part.low, part.high)} == {(labels.max() + 1, 0)}


@settings(max_examples=50, deadline=None)
@given(any_labels, st.integers(1, 5), st.booleans(), st.booleans(), st.integers(1, 40))
def test_of_labels_with_gaps(labels, n_channels, places, spread, factor):
    labels = np.tile(labels, (4, 5)) * np.int32(factor)  # of many pixels, so that few have a table
    image = _image(labels, n_channels, np.uint8)
    ids, found = label_statistics(labels, image, places=places, spread=spread)
    index, wanted_ids = number_regions(labels)
    assert ids.dtype == np.int32
    np.testing.assert_array_equal(ids, wanted_ids)
    wanted = region_statistics(index, image.astype(np.float32))
    for name, of_all in wanted._asdict().items():
        here = getattr(found, name)
        if (name in ("bbox", "centroid", "covariance") and not places) or (
            name in ("std", "low", "high") and not spread
        ):
            assert here.shape == (len(ids), 0)
        else:
            np.testing.assert_array_equal(here, of_all)


def test_without_an_image_there_are_no_channels():
    found = region_statistics([[0, 1, 1]])
    assert found.area.tolist() == [1, 2]
    assert found.mean.shape == (2, 0)


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_an_image_of_another_shape(dtype):
    labels = np.zeros((3, 4), np.int32)
    for measure in (region_statistics, label_statistics):
        with pytest.raises(ValueError, match=r"labels has shape \(3, 4\), but the image \(4, 3"):
            measure(labels, np.zeros((4, 3), dtype))
        with pytest.raises(ValueError, match=r"image has shape \(3, 4, 1, 1\)"):
            measure(labels, np.zeros((3, 4, 1, 1), dtype))


def test_large_values_cost_no_digits():
    rng = np.random.default_rng(0)
    labels = np.repeat([[0, 1]], 500, axis=0).repeat(300, axis=1).astype(np.int32)
    image = np.round(60000 + rng.normal(size=labels.shape)).astype(np.uint16)
    wide = 1e9 + rng.normal(scale=1e-3, size=labels.shape)
    image[0, 0], wide[0, 0] = 0, 0  # the first pixel is no measure of the others
    for values in (image, wide):
        found = region_statistics(labels, values)
        wanted = naive.statistics(labels, values[:, :, None])
        np.testing.assert_allclose(found.mean, wanted[4], rtol=1e-12)
        np.testing.assert_allclose(found.std, wanted[5], rtol=1e-9)


def test_a_large_image_of_one_row_does_not_overflow():
    n = 4_000_000  # the sum of squared columns is beyond int64
    found = region_statistics(np.zeros((1, n), np.int32))
    np.testing.assert_allclose(found.covariance[0], [0, 0, (n**2 - 1) / 12], rtol=1e-12)


@settings(max_examples=25, deadline=None)
@given(blobs)
def test_perimeters_are_those_of_scikit_image(labels):
    perimeters, sides = region_perimeters(labels)
    wanted = [perimeter(np.pad(labels == a, 1), 4) for a in range(labels.max() + 1)]
    np.testing.assert_allclose(perimeters, wanted, rtol=1e-12)
    np.testing.assert_array_equal(sides, naive.sides(labels))


@settings(max_examples=15, deadline=None)
@given(blobs)
def test_quantiles_are_those_of_numpy(labels):
    image, shares = _image(labels), [0, 0.1, 0.5, 0.75, 1]
    found = region_quantiles(image, labels, shares)
    for a in range(labels.max() + 1):
        wanted = np.quantile(image[labels == a], shares, axis=0)
        np.testing.assert_allclose(found[a], wanted, rtol=1e-12)


@settings(max_examples=25, deadline=None)
@given(blobs, st.integers(1, 3))
def test_gradients_are_the_naive_ones(labels, n_channels):
    rng = np.random.default_rng(0)  # reals: no orientation lies between two bins
    image = rng.normal(size=(*labels.shape, n_channels))
    for found, wanted in zip(region_gradients(image, labels, 7), naive.gradients(image, labels, 7)):
        np.testing.assert_allclose(found, wanted, rtol=1e-9, atol=1e-12)


def test_what_lies_outside_changes_nothing():
    rng = np.random.default_rng(0)
    labels = rng.integers(-1, 3, (9, 8)).astype(np.int32)
    image = rng.normal(size=(9, 8, 2))
    other = np.where((labels < 0)[:, :, None], np.nan, image)
    for function in (
        lambda image: region_statistics(labels, image),
        lambda image: region_gradients(image, labels),
        lambda image: [region_quantiles(image, labels, [0.3])],
    ):
        for first, second in zip(function(image), function(other)):
            np.testing.assert_array_equal(first, second)


def test_nothing_inside_gives_no_rows():
    labels, image = np.full((2, 3), -4), np.full((2, 3), np.nan)
    assert number_regions(labels)[1].size == 0
    assert region_statistics(labels, image).mean.shape == (0, 1)
    assert region_perimeters(labels)[0].shape == (0,)
    assert region_quantiles(image, labels, [0.5]).shape == (0, 1, 1)
    assert region_gradients(image, labels)[1].shape == (0, 8)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: region_statistics([[0, 2, 2]]), "no pixel is 1; number_regions"),
        (lambda: region_statistics([[0, 9]]), "labels go up to 9 in an image of 2 pixels"),
        (lambda: region_statistics([[0, 0]], np.zeros((3, 3))), r"labels has shape \(1, 2\)"),
        (lambda: region_statistics([[0, 0]], [[1, np.nan]]), "image holds 1 values"),
        (lambda: region_quantiles([[1, 2]], [[0, 0]], [0.5, 2]), "quantiles must be numbers from"),
        (lambda: region_quantiles([[1, 2, 3]], [[0, 2, 2]], [0.5]), "no pixel is 1"),
        (lambda: region_gradients([[1, 2, 3]], [[0, 2, 2]]), "no pixel is 1"),
    ],
)
def test_what_does_not_fit_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
