"""Features along axes: what `features_on` gives, times the axes, with less memory."""

import tracemalloc

import numpy as np
import pytest
import torch
from sklearn.base import BaseEstimator, TransformerMixin

from sklearn_spx.features import (
    ChannelUnion,
    ConvFeatures,
    EmbeddingFeatures,
    LabFeatures,
    ScatteringFeatures,
    _upsample,
)
from sklearn_spx.features.devices import add_features_along, features_along


class Doubled(TransformerMixin, BaseEstimator):
    """A transformer of another package: no number of features."""

    def fit(self, X, y=None):
        return self

    def transform(self, X):
        return [np.float32(2) * image[:, :, :1] for image in X]


def convolutions(**parameters):
    torch.manual_seed(0)
    net = torch.nn.Sequential(
        torch.nn.Conv2d(3, 5, 3, padding=1), torch.nn.Conv2d(5, 6, 3, stride=2, padding=1)
    )
    return ConvFeatures(net, ("0", "1"), **parameters)


def union(*parts, select=None):
    return ChannelUnion([(str(i), part) for i, part in enumerate(parts)], select=select)


CASES = {
    "lab": LabFeatures(),
    "scattering": ScatteringFeatures(),
    "scattering, all": ScatteringFeatures(J=1, L=3, channels="all", max_order=1),
    "convolutions": convolutions(),
    "components": convolutions(n_components=2),
    "union": union(LabFeatures(), ScatteringFeatures(L=2), convolutions()),
    "selected": union(LabFeatures(), ScatteringFeatures(L=2), select=[5, 0, 5, -1]),
    "selected by a mask": union(LabFeatures(), LabFeatures(), select=np.arange(6) % 2 == 0),
    "of another package": union(LabFeatures(), Doubled(), select=[3, 1]),
}


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("shape", [(37, 61), (150, 40)])
def test_it_is_the_features_times_the_axes(name, shape):
    rng = np.random.default_rng(0)
    images = [rng.integers(0, 256, (*size, 3)).astype(np.uint8) for size in (shape, (50, 50))]
    transformer = CASES[name].fit(images)
    features = transformer.transform(images[:1])[0]
    axes = rng.normal(size=(features.shape[2], 2)).astype(np.float32)
    values = features_along(transformer, images[0], axes)
    assert values.dtype == np.float32
    np.testing.assert_allclose(values, features @ axes, rtol=1e-4, atol=1e-3)


def test_it_is_so_for_an_embedding(monkeypatch):
    from sklearn_spx.nets import compact_unet
    from sklearn_spx.training import NetTraining

    monkeypatch.setattr(compact_unet, "_STRIP", 1)  # of 16 rows
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (60, 50, 3)).astype(np.uint8)
    truth = np.repeat([0, 1], 30)[:, None].repeat(50, 1)
    transformer = EmbeddingFeatures(training=NetTraining(max_steps=1)).fit([image], [truth])
    features = transformer.transform([image])[0]
    axes = rng.normal(size=(features.shape[2], 2)).astype(np.float32)
    values = features_along(transformer, image, axes)
    np.testing.assert_allclose(values, features @ axes, rtol=1e-4, atol=1e-3)
    asked = []
    make = transformer._features_on
    transformer._features_on = lambda image, device, *a: asked.append(device) or make(image, "cpu")
    transformer.set_params(device="auto")
    features_along(transformer, image, axes)
    assert asked == ["auto"]  # its own


@pytest.mark.parametrize("name", ["scattering", "union", "selected"])
def test_strips_change_no_bit(monkeypatch, name):
    image = np.random.default_rng(0).integers(0, 256, (37, 61, 3)).astype(np.uint8)
    transformer = CASES[name].fit([image])
    n_features = transformer.transform([image])[0].shape[2]
    axes = np.random.default_rng(1).normal(size=(n_features, 2)).astype(np.float32)
    wanted, strips = features_along(transformer, image, axes), []
    monkeypatch.setattr(_upsample, "STRIP", 5 * 61 * 2)
    add_features_along(transformer, image, axes, strips.append)
    assert len(strips) == (8 if name == "scattering" else 1)
    np.testing.assert_array_equal(np.concatenate(strips), wanted)


def test_a_mask_of_another_length_is_named():
    image = np.zeros((20, 20, 3), np.uint8)
    transformer = union(LabFeatures(), LabFeatures(), select=[True]).fit([image])
    with pytest.raises(ValueError, match=r"select has shape \(1,\), but there are 6 channels"):
        features_along(transformer, image, np.ones((1, 1), np.float32))


def test_many_features_are_never_in_memory_at_once():
    image = np.random.default_rng(0).random((400, 400, 3)).astype(np.float32)
    transformer = union(LabFeatures(), ScatteringFeatures()).fit([image])
    axes = np.ones((84, 2), np.float32)
    features_along(transformer, image, axes)  # compiled, filters built
    tracemalloc.start()
    features_along(transformer, image, axes)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 20 * image[:, :, 0].nbytes < 84 * image[:, :, 0].nbytes
