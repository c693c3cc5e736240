"""The loss that reads annotations off soft superpixels, against a plain computation."""

import numpy as np
import pytest
import torch

from sklearn_spx.nets.reconstruction_loss import reconstruction_loss


def naive(features, labels, annotation, pixels, neighbors, place, sharpness, q):
    """The same, pixel by pixel."""
    means = [features[labels == k].mean(axis=0) for k in range(labels.max() + 1)]
    inside = [(p // labels.shape[1], p % labels.shape[1]) for p in pixels]
    belongs = {}
    for p, near, away in zip(inside, neighbors, place):
        weight = {
            k: np.exp(-sharpness * (np.square(features[p] - means[k]).sum() + d))
            for k, d in zip(near, away)
            if k >= 0
        }
        belongs[p] = {k: w / sum(weight.values()) for k, w in weight.items()}
    loss = 0
    for p in inside:
        read = 0
        for k, share in belongs[p].items():
            whole = sum(b.get(k, 0) for b in belongs.values())
            same = sum(b.get(k, 0) for q, b in belongs.items() if annotation[q] == annotation[p])
            read += share * same / whole
        loss += (1 - read**q) / q
    return loss / len(inside)


def near(labels, n_neighbors):
    """All pixels, each cluster as a neighbour, in an order of their own; places at random."""
    rng = np.random.default_rng(n_neighbors)
    pixels = np.flatnonzero(labels >= 0)
    neighbors = np.array([rng.permutation(labels.max() + 1)[:n_neighbors] for _ in pixels])
    return pixels, neighbors, rng.random(neighbors.shape)


@pytest.mark.parametrize(("n_neighbors", "q"), [(1, 1.0), (2, 0.5), (4, 0.01)])
def test_like_the_plain_computation(n_neighbors, q):
    rng = np.random.default_rng(n_neighbors)
    features = rng.normal(size=(6, 7, 3)).astype(np.float32)
    labels = np.add.outer(np.arange(6) // 3 * 2, np.arange(7) // 4).astype(np.int32)
    labels[0, 0] = -1
    annotation = rng.integers(0, 3, (6, 7)) * 4
    pixels, neighbors, place = near(labels, n_neighbors)
    if n_neighbors == 4:
        neighbors[::3, 2] = -1
    near_them = pixels[2:], neighbors[2:], place[2:]
    found = reconstruction_loss(
        torch.from_numpy(features), labels, annotation, *near_them, sharpness=0.7, q=q
    )
    wanted = naive(features, labels, annotation, *near_them, 0.7, q)
    assert found.item() == pytest.approx(wanted, rel=1e-4)


def test_gradient_passes_through_pixels_and_means():
    rng = np.random.default_rng(0)
    labels = np.repeat([[0, 0, 1, 1]], 4, axis=0)
    annotation = np.repeat([[0, 1, 1, 1]], 4, axis=0)
    features = torch.from_numpy(rng.normal(size=(4, 4, 2))).requires_grad_()

    def loss(f):
        return reconstruction_loss(f, labels, annotation, *near(labels, 2))

    assert torch.autograd.gradcheck(loss, (features,), eps=1e-4, atol=1e-4)


def test_features_that_follow_the_annotation_cost_nothing():
    labels = np.repeat([[0, 0, 1, 1]], 4, axis=0)
    same, other = (np.repeat([row], 4, axis=0) for row in ([3, 3, 8, 8], [3, 8, 3, 8]))
    features = torch.from_numpy(20.0 * labels[:, :, None]).float()
    clusters = near(labels, 2)
    assert reconstruction_loss(features, labels, same, *clusters).item() < 1e-3
    assert reconstruction_loss(features, labels, other, *clusters).item() == pytest.approx(
        0.5, rel=1e-3
    )


def test_nothing_annotated_is_nothing_lost():
    features = torch.ones(2, 3, 1, requires_grad=True)
    nothing = np.zeros(0, int), np.zeros((0, 9), int), np.zeros((0, 9))
    loss = reconstruction_loss(features, np.zeros((2, 3), int), np.zeros((2, 3), int), *nothing)
    loss.backward()
    assert loss.item() == 0
    assert torch.equal(features.grad, torch.zeros(2, 3, 1))
