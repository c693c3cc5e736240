"""Pooling of scores and classes over regions, against loops over regions."""

import numpy as np
import pytest
import torch

from sklearn_spx.regions import pool_over_regions

LABELS = np.array([[3, 3, -1, 900], [3, 0, 0, 900], [-7, 0, 3, 0]])  # with gaps, in pieces


def naive(values, labels, how):
    out = np.array(values, np.float64)
    for r in np.unique(labels[labels >= 0]):
        region = out[labels == r]
        if how == "mean":
            out[labels == r] = region.mean(0)
        elif how == "max":
            out[labels == r] = region.max(0)
        else:
            votes = np.bincount(region.argmax(1), minlength=values.shape[2])
            out[labels == r] = votes / votes.sum()
    return out


def scores(*shape, dtype=np.float64, seed=0):
    return (100 * np.random.default_rng(seed).normal(size=shape)).astype(dtype)


@pytest.mark.parametrize("how", ["mean", "max", "vote"])
@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.int32, np.uint8])
def test_scores_of_arrays_and_tensors(how, dtype):
    values = scores(3, 4, 5, dtype=dtype)
    expected = naive(values, LABELS, how)
    before = values.copy()
    found = pool_over_regions(values, LABELS, how=how)
    assert (values == before).all()
    np.testing.assert_allclose(found, expected, rtol=1e-6)
    of_tensor = pool_over_regions(torch.from_numpy(values).permute(2, 0, 1), LABELS, how=how)
    np.testing.assert_allclose(of_tensor.permute(1, 2, 0), expected, rtol=1e-5, atol=1e-4)
    if np.dtype(dtype).kind == "f" or how == "max":
        assert found.dtype == dtype
        assert of_tensor.numpy().dtype == dtype


def test_float64_is_kept():
    values = np.array([[1.0, 1.0 + 1e-12, 5.0]])
    assert pool_over_regions(values, [[4, 4, 0]])[0, 0] == 1.0 + 5e-13


@pytest.mark.parametrize("how", ["mean", "max"])
def test_a_single_map(how):
    values = scores(3, 4)
    expected = naive(values[..., None], LABELS, how)[..., 0]
    np.testing.assert_allclose(pool_over_regions(values, LABELS, how=how), expected)
    found = pool_over_regions(torch.from_numpy(values), torch.from_numpy(LABELS), how=how)
    np.testing.assert_allclose(found, expected)


def test_outside_is_left_as_it_is_and_may_be_anything():
    values = scores(3, 4, 2, dtype=np.float32)
    values[LABELS < 0] = np.nan
    for found in (
        pool_over_regions(values, LABELS),
        pool_over_regions(torch.from_numpy(values).permute(2, 0, 1), LABELS)
        .permute(1, 2, 0)
        .numpy(),
    ):
        assert np.isnan(found[LABELS < 0]).all()
        assert np.isfinite(found[LABELS >= 0]).all()
    outside = np.full((3, 4), -1)
    np.testing.assert_array_equal(pool_over_regions(values, outside), values)
    tensor = torch.from_numpy(values[..., 0])
    np.testing.assert_array_equal(pool_over_regions(tensor, outside), values[..., 0])


def test_gradient_is_shared_by_the_region():
    values = torch.from_numpy(scores(2, 3, 4) / 100).requires_grad_()
    assert torch.autograd.gradcheck(lambda x: pool_over_regions(x, LABELS), values)
    assert torch.autograd.gradcheck(lambda x: pool_over_regions(x, LABELS, how="max"), values)


def majority(classes, labels):
    out = classes.copy()
    for r in np.unique(labels[labels >= 0]):
        votes = classes[(labels == r) & (classes >= 0)]
        if votes.size:
            out[labels == r] = np.argmax(np.bincount(votes))
    return out


def test_classes_are_voted_on():
    rng = np.random.default_rng(0)
    for _ in range(20):
        labels = rng.integers(-1, 6, (6, 7)) * 11
        classes = rng.integers(-2, 4, (6, 7)) * 5
        classes[labels == 22] = -4  # a region that nothing is known of
        expected = majority(classes, labels)
        found = pool_over_regions(classes, labels, how="vote")
        assert found.dtype == classes.dtype
        np.testing.assert_array_equal(found, expected)
        np.testing.assert_array_equal(
            pool_over_regions(torch.from_numpy(classes), labels, how="vote"), expected
        )
    nothing = np.full((2, 2), -1)
    np.testing.assert_array_equal(pool_over_regions(nothing, [[0, 0], [1, 1]], how="vote"), nothing)


@pytest.mark.parametrize(
    ("values", "options", "kind", "words"),
    [
        (np.zeros((3, 4, 2)), {"how": "median"}, ValueError, "how is 'median'; accepted are"),
        (np.zeros((2, 3, 4)), {}, ValueError, r"give np\.moveaxis\(values, 0, 2\)"),
        (np.zeros(12), {}, ValueError, r"values has shape \(12,\); accepted are \(3, 4\)"),
        (np.zeros((3, 4), complex), {}, TypeError, "values has dtype complex128"),
        (np.zeros((3, 4)), {"how": "vote"}, TypeError, "a vote over .* is of classes"),
        (np.full((3, 4, 2), np.nan), {}, ValueError, "NaN or infinity in a region"),
        (torch.zeros(3, 4, 2), {}, ValueError, r"give values\.permute\(2, 0, 1\)"),
        (torch.zeros(1, 2, 3, 4), {}, ValueError, "a batch is pooled image by image"),
        (torch.full((2, 3, 4), torch.inf), {}, ValueError, "NaN or infinity in a region"),
    ],
)
def test_bad_input_is_named(values, options, kind, words):
    with pytest.raises(kind, match=words):
        pool_over_regions(values, LABELS, **options)
