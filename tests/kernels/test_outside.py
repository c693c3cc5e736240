"""What an image holds outside the mask, or where labels are negative, changes nothing."""

import warnings

import numpy as np
import pytest

from sklearn_spx.kernels import (
    enforce_connectivity,
    entropy_rate_superpixels,
    graph_segmentation,
    region_means,
    slic,
)
from sklearn_spx.kernels.affinities import as_affinities, diagonal_affinities
from sklearn_spx.kernels.checks import as_image, as_mask
from sklearn_spx.kernels.cluster_assign import bottom_up, cluster_means


def choose(values, means, neighbors, differences):
    return differences.sum(axis=2).argmin(axis=1)


CALLS = {
    "slic": lambda image, mask: slic(image, 12, mask=mask, compactness=0.01),
    "slic, raw": lambda image, mask: slic(
        image, 12, mask=mask, compactness=0.01, enforce_connectivity=False
    ),
    "slic, zero": lambda image, mask: slic(image, 12, mask=mask, slic_zero=True),
    "bottom-up": lambda image, mask: bottom_up(image, 12, choose, mask=mask),
    "entropy rate": lambda image, mask: entropy_rate_superpixels(image, 60, mask=mask),
    "graph-based": lambda image, mask: graph_segmentation(image, scale=100, mask=mask),
    "graph-based, sharp": lambda image, mask: graph_segmentation(image, sigma=0, mask=mask),
    "means": lambda image, mask: region_means(image, np.where(mask, 0, -1)),
    "cluster means": lambda image, mask: cluster_means(image, np.where(mask, 0, -1)),
}


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.fixture
def mask(rng):
    mask = rng.random((50, 70)) < 0.95
    mask[:, 55:] = False
    return mask


def assert_same(found, wanted):
    if isinstance(found, np.ndarray):
        found, wanted = [found], [wanted]
    for a, b in zip(found, wanted, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("junk", [np.nan, np.inf, -np.inf, -9999, 1e38, 1e300, 0.5])
@pytest.mark.parametrize("n_channels", [1, 3, 4, 40])
@pytest.mark.parametrize("call", CALLS)
def test_reals(rng, mask, call, n_channels, junk):
    few = rng.random((50, 70, min(n_channels, 4))).cumsum(axis=0).cumsum(axis=1)
    image = few / few.max() @ rng.random((few.shape[2], n_channels)) / few.shape[2]
    other = image.copy()
    other[~mask] = junk
    kept = other.copy()
    with warnings.catch_warnings(action="error"):
        found = CALLS[call](other, mask)
    assert_same(found, CALLS[call](image, mask))
    np.testing.assert_array_equal(other, kept)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int16, np.int64])
@pytest.mark.parametrize("n_channels", [1, 3])
@pytest.mark.parametrize("call", CALLS)
def test_integers(rng, mask, call, n_channels, dtype):
    image = rng.integers(0, 256, (50, 70, n_channels)).astype(dtype)
    for junk in (np.iinfo(dtype).min, np.iinfo(dtype).max):
        other = image.copy()
        other[~mask] = junk
        assert_same(CALLS[call](other, mask), CALLS[call](image, mask))


@pytest.mark.parametrize("connectivity", [4, 8])
@pytest.mark.parametrize("junk", [np.nan, np.inf, -9999, 1e300, 1])
def test_affinities(rng, mask, connectivity, junk):
    affinities = rng.random((2, 50, 70))
    other = affinities.copy()
    other[:, ~mask] = junk
    other[0, :, :-1][~mask[:, 1:]] = junk
    other[1, :-1][~mask[1:]] = junk
    options = {"mask": mask, "connectivity": connectivity}
    with warnings.catch_warnings(action="error"):
        found = entropy_rate_superpixels(None, 60, affinities=other, **options)
        segments = graph_segmentation(affinities=other, scale=100, **options)
    wanted = entropy_rate_superpixels(None, 60, affinities=affinities, **options)
    np.testing.assert_array_equal(found, wanted)
    wanted = graph_segmentation(affinities=affinities, scale=100, **options)
    np.testing.assert_array_equal(segments, wanted)


def test_a_diagonal_within_the_mask_is_of_affinities_within_it():
    mask = np.array([[True, True], [True, False]])
    affinities = as_affinities([[[0.5, 0], [np.nan, 0]], [[0.75, np.nan], [0, 0]]], mask=mask)
    assert diagonal_affinities(affinities, mask).tolist() == [[0.5]]
    full = as_affinities(np.full((2, 2, 2), 0.25))
    every = np.ones((2, 2), bool)
    assert diagonal_affinities(full, every).tolist() == diagonal_affinities(full).tolist()


@pytest.mark.parametrize("call", CALLS)
def test_what_is_not_finite_inside_is_counted(rng, mask, call):
    image = np.where(mask[:, :, None], rng.random((50, 70, 4)), np.nan)
    y, x = np.argwhere(mask)[0]
    image[y, x, :2] = np.nan
    with pytest.raises(ValueError, match="image holds 2 values inside the mask that are NaN"):
        CALLS[call](image, mask)


def test_whether_an_image_is_rgb_is_seen_inside(rng, mask):
    image = rng.random((50, 70, 3))
    other = np.where(mask[:, :, None], image, -7)
    np.testing.assert_array_equal(
        slic(other, 12, mask=mask), slic(image, 12, mask=mask, convert2lab=True)
    )
    with pytest.raises(ValueError, match=r"image holds values from 2\.\d+ to 2\.\d+"):
        slic(np.where(mask[:, :, None], 2 + image, -7), 12, mask=mask, convert2lab=True)


@pytest.mark.parametrize("dtype", [np.uint8, np.int64, np.float16, np.float32, np.float64])
def test_masks_of_0_and_1(rng, mask, dtype):
    image = 100 * rng.random((50, 70))
    numbers = mask.astype(dtype)
    np.testing.assert_array_equal(slic(image, 9, mask=numbers), slic(image, 9, mask=mask))
    np.testing.assert_array_equal(
        enforce_connectivity(np.zeros((50, 70), int), mask=numbers),
        enforce_connectivity(np.zeros((50, 70), int), mask=mask),
    )


@pytest.mark.parametrize(
    ("mask", "error", "message"),
    [
        (np.full((3, 4), 0.7), ValueError, r"mask of dtype float64 holds 0.7.*give mask > 0.5"),
        (np.full((3, 4), np.nan), ValueError, "holds nan, neither 0 nor 1"),
        (np.ones((3, 4, 1)), ValueError, r"expected \(3, 4\): give mask\[:, :, 0\]$"),
        (np.ones((3, 4, 3)), ValueError, r"mask\[:, :, 0\] where .* or mask.any\(axis=2\)"),
        (np.full((3, 4), "yes"), TypeError, "mask has dtype <U3"),
        (np.zeros((3, 4)), ValueError, "mask keeps no pixel"),
    ],
)
def test_masks_that_are_none(mask, error, message):
    with pytest.raises(error, match=message):
        as_mask(mask, (3, 4))


def test_an_image_without_mask_is_not_copied():
    image = np.zeros((3, 4, 2), np.float32)
    assert as_image(image) is image
    assert as_image(image, mask=np.ones((3, 4))) is not image


def test_nothing_inside():
    labels = np.full((2, 2), -1)
    assert region_means(np.full((2, 2, 3), np.nan), labels)[0].shape == (0, 3)
    assert cluster_means(np.full((2, 2), np.nan), labels)[2].tolist() == [0]
