"""Bilateral inceptions on cases that are known, and against loops over superpixels."""

import numpy as np
import pytest
import torch

from sklearn_spx.nets.bilateral_inception import BilateralInception, superpixel_features
from sklearn_spx.nets.pooling import pixel_footprints, superpixel_pool, superpixel_unpool


def random(*shape, seed=0):
    return torch.from_numpy(np.random.default_rng(seed).normal(size=shape))


def naive(values, features, at, scales, weights, transform):
    out = np.zeros((len(at), values.shape[1]))
    for theta, w in zip(scales, weights):
        for i, f in enumerate(at):
            kernel = [np.exp(-theta * np.sum((transform @ (f - g)) ** 2)) for g in features]
            out[i] += w * (kernel @ values) / np.sum(kernel)
    return out


@pytest.mark.parametrize("others", [False, True])
def test_it_is_the_sum_over_kernels(others):
    layer = BilateralInception(4, n_features=3, scales=(0.2, 1.5)).double()
    with torch.no_grad():
        layer.weights.copy_(random(2, 4, seed=1))
        layer.transform.copy_(random(3, 3, seed=2))
    values, features = random(7, 4), random(7, 3, seed=3)
    at = random(5, 3, seed=4) if others else None
    expected = naive(
        values.numpy(),
        features.numpy(),
        (at if others else features).numpy(),
        (0.2, 1.5),
        layer.weights.detach().numpy(),
        layer.transform.detach().numpy(),
    )
    np.testing.assert_allclose(layer(values, features, at).detach(), expected, rtol=1e-6)


def test_one_superpixel_keeps_its_values():
    values = random(1, 6).float()
    torch.testing.assert_close(BilateralInception(6)(values, torch.rand(1, 5)), values)


def test_a_narrow_kernel_changes_nothing_and_a_wide_one_leaves_the_mean():
    values, features = random(9, 2).float(), random(9, 5, seed=1).float()
    narrow, wide = (BilateralInception(2, scales=[theta]) for theta in (1e9, 1e-9))
    torch.testing.assert_close(narrow(values, features), values)
    torch.testing.assert_close(wide(values, features), values.mean(0).expand(9, 2))


def test_gradients_of_everything():
    layer = BilateralInception(2, n_features=3, scales=(0.3, 2.0)).double()
    names = [name for name, _ in layer.named_parameters()]
    assert sorted(names) == ["log_scales", "transform", "weights"]

    def run(values, features, *parameters):
        return torch.func.functional_call(layer, dict(zip(names, parameters)), (values, features))

    given = [random(5, 2), random(5, 3, seed=1), *layer.parameters()]
    given = [tensor.detach().clone().requires_grad_() for tensor in given]
    assert torch.autograd.gradcheck(run, given)


def test_the_transform_may_be_fixed():
    layer = BilateralInception(2, transform=False)
    assert layer.transform is None
    values, features = random(4, 2).float(), random(4, 5, seed=1).float()
    torch.testing.assert_close(layer(values, features), BilateralInception(2)(values, features))


@pytest.mark.parametrize("scales", [[], [1.0, 0.0], [-1.0], [float("nan")], [float("inf")]])
def test_scales_that_are_none(scales):
    with pytest.raises(ValueError, match="scales must be numbers above 0, at least one"):
        BilateralInception(2, scales=scales)


def test_features_are_means_of_place_and_colour():
    labels = np.array([[0, 0, 2], [-1, 1, 1]])
    image = random(3, 2, 3)
    found = superpixel_features(image, labels).numpy()
    for r in range(3):
        rows, columns = np.nonzero(labels == r)
        place = [(rows.mean() + 0.5) / 3, (columns.mean() + 0.5) / 3]
        np.testing.assert_allclose(found[r], [*place, *image.numpy()[:, labels == r].mean(1)])
    of_tensor = superpixel_features(image, torch.from_numpy(labels))
    np.testing.assert_array_equal(of_tensor, found)


def test_a_layer_learns_to_undo_noise_between_like_superpixels():
    """Pooled, mixed and given back to the pixels, a noisy map comes nearer to the true one."""
    rng = np.random.default_rng(0)
    labels = torch.from_numpy(np.kron(np.arange(48).reshape(6, 8), np.ones((4, 4), int)))
    truth = (labels % 8 >= 4).double()[None]
    image = truth.repeat(3, 1, 1)
    noisy = truth + torch.from_numpy(rng.normal(size=(6, 8)))[labels // 8, labels % 8]
    layer = BilateralInception(1, scales=(0.01, 300.0)).double()
    values = superpixel_pool(noisy, pixel_footprints(labels))
    features = superpixel_features(image, labels)
    optimizer = torch.optim.Adam(layer.parameters(), lr=0.1)
    errors = []
    for _ in range(30):
        optimizer.zero_grad()
        error = (superpixel_unpool(layer(values, features), labels) - truth).square().mean()
        error.backward()
        optimizer.step()
        errors.append(error.item())
    assert errors[-1] < 0.3 * errors[0]
