"""Losses on affinities, against slow obvious twins."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from sklearn_spx.nets.seal_loss import (
    affinity_cross_entropy,
    segmentation_error_weights,
    transition_targets,
)


def naive_gamma(superpixels, labels):
    """Equations 2 and 3, pixel by pixel; what is below 0 is unknown."""
    height, width = labels.shape
    gamma = np.zeros((2, height, width))
    for s in np.unique(superpixels):
        inside = (superpixels == s) & (labels >= 0)
        if not inside.any():
            continue
        values, counts = np.unique(labels[inside], return_counts=True)
        own, error = values[counts.argmax()], counts.sum() - counts.max()
        for y, x in np.argwhere(inside):
            for k, (v, u) in enumerate(((y, x + 1), (y + 1, x))):
                if v < height and u < width and 0 <= labels[v, u] != labels[y, x]:
                    if own in (labels[y, x], labels[v, u]):
                        gamma[k, y, x] = error
    return gamma


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 10**6), st.integers(1, 7), st.integers(1, 7))
def test_gamma_is_that_of_the_pixelwise_twin(seed, height, width):
    rng = np.random.default_rng(seed)
    superpixels = np.unique(rng.integers(0, 4, (height, width)), return_inverse=True)[1]
    superpixels = superpixels.reshape(height, width)
    labels = rng.integers(-2, 3, (height, width))
    found = segmentation_error_weights(superpixels, labels)
    np.testing.assert_array_equal(found, naive_gamma(superpixels, labels))


def test_gamma_by_hand():
    # one superpixel over segments of 6 and 3 pixels: 3 leak, across the border between columns
    labels = np.array([[1, 1, 2]] * 3)
    gamma = segmentation_error_weights(np.zeros((3, 3), int), labels)
    np.testing.assert_array_equal(gamma[0], [[0, 3, 0]] * 3)
    assert not gamma[1].any()
    # superpixels that keep to the segments have no error
    assert not segmentation_error_weights(labels - 1, labels).any()


def test_targets_by_hand():
    targets = transition_targets(np.array([[4, 4, 7], [4, 7, 7]]))
    nan = np.nan
    np.testing.assert_array_equal(targets[0], [[1, 0, nan], [0, 1, nan]])
    np.testing.assert_array_equal(targets[1], [[1, 0, 1], [nan, nan, nan]])


def batch(seed=0):
    rng = np.random.default_rng(seed)
    annotations = rng.integers(0, 3, (2, 5, 6))
    targets = np.mean([transition_targets(a) for a in annotations], axis=0, dtype=np.float32)
    logits = torch.from_numpy(rng.normal(size=(1, 2, 5, 6)).astype(np.float32))
    return annotations, logits, torch.from_numpy(targets)[None]


@pytest.mark.parametrize("weight", [1.0, 8.0])
def test_each_annotation_is_a_sample_of_its_own(weight):
    annotations, logits, targets = batch()
    superpixels = np.arange(30).reshape(5, 6) // 8
    gammas = [segmentation_error_weights(superpixels, a) for a in annotations]
    for gamma in (None, gammas):
        single = [
            affinity_cross_entropy(
                logits,
                torch.from_numpy(transition_targets(a))[None],
                None if gamma is None else torch.from_numpy(gamma[i])[None],
                weight,
            )
            for i, a in enumerate(annotations)
        ]
        mean = None if gamma is None else torch.from_numpy(np.mean(gamma, axis=0))[None]
        together = affinity_cross_entropy(logits, targets, mean, weight)
        torch.testing.assert_close(together, torch.stack(single).mean())


def test_cross_entropy_is_that_of_torch_where_a_neighbour_is():
    _, logits, targets = batch()
    known = ~torch.isnan(targets)
    expected = torch.nn.functional.binary_cross_entropy_with_logits(logits[known], targets[known])
    torch.testing.assert_close(affinity_cross_entropy(logits, targets), expected)


def test_balanced_classes_pull_alike_on_an_undecided_net():
    targets = torch.ones(1, 2, 4, 4)
    targets[0, 0, 1, 1] = 0
    logits = torch.zeros(1, 2, 4, 4, requires_grad=True)
    affinity_cross_entropy(logits, targets, boundary_weight="balanced").backward()
    pull = logits.grad
    assert float(pull.sum()) == pytest.approx(0, abs=1e-7)
    assert pull[0, 0, 1, 1] == pytest.approx(-float(pull[targets == 1].sum()))


def test_pairs_without_a_neighbour_teach_nothing():
    _, logits, targets = batch()
    logits.requires_grad_()
    for weight in (1.0, "balanced"):
        (grad,) = torch.autograd.grad(
            affinity_cross_entropy(logits, targets, boundary_weight=weight), logits
        )
        assert not grad[0, 0, :, -1].any()
        assert not grad[0, 1, -1].any()
        assert torch.isfinite(grad).all()
    nothing = torch.full((1, 2, 2, 2), torch.nan)
    assert affinity_cross_entropy(torch.zeros(1, 2, 2, 2), nothing) == 0
