"""Pixels outside a mask may hold anything, in every estimator and feature: it changes nothing."""

import warnings

import numpy as np
import pytest
import torch
from sklearn.base import clone

from sklearn_spx import (
    DELSegmenter,
    EGBSegmenter,
    ERSSuperpixels,
    SEALSuperpixels,
    SLICSuperpixels,
    TrainableSLIC,
)
from sklearn_spx.datasets import make_dead_leaves
from sklearn_spx.features import (
    ChannelUnion,
    ConvFeatures,
    EmbeddingFeatures,
    LabFeatures,
    ScatteringFeatures,
)
from sklearn_spx.features.affinities import edge_affinities, feature_affinities
from sklearn_spx.training import NetTraining

LEAVES = make_dead_leaves(2, shape=(48, 64), random_state=0)
FEW = NetTraining(max_steps=2, batch_size=1, crop_size=32)
ROWS, COLUMNS = np.indices((48, 64))
MASKS = [(ROWS - 24) ** 2 + (COLUMNS - 30) ** 2 < 18**2, COLUMNS > 12]
FLOATS = [image / 255 for image in LEAVES.images]
TWELVE_BITS = [(image.astype(np.uint16) * 13) for image in LEAVES.images]

ESTIMATORS = {
    "slic": SLICSuperpixels(20),
    "slic as it is": SLICSuperpixels(20, convert2lab=False, compactness=0.1),
    "ers": ERSSuperpixels(20),
    "egb": EGBSegmenter(20.0),
    "trainable-slic": TrainableSLIC(20),
    "trainable-slic mlp": TrainableSLIC(
        20, distance="mlp", features=LabFeatures(), training=NetTraining(max_epochs=1)
    ),
    "trainable-slic shipped": TrainableSLIC(20, pretrained="bsds500"),
    "seal": SEALSuperpixels(20, training=FEW),
    "seal shipped": SEALSuperpixels(20, pretrained="bsds500"),
    "seal egb": SEALSuperpixels(20, pretrained="bsds500", backend="egb"),
    "del": DELSegmenter(training=NetTraining(max_steps=1)),
    "del shipped": DELSegmenter(pretrained="bsds500"),
    "del over seal": DELSegmenter(
        superpixels=SEALSuperpixels(40, pretrained="bsds500"), training=NetTraining(max_steps=1)
    ),
}
PLAIN = ("slic", "slic as it is", "ers", "egb")  # and those that train nothing, every day
FEATURES = {
    "lab": LabFeatures(),
    "scattering": ScatteringFeatures(),
    "union": ChannelUnion([("lab", LabFeatures()), ("plain", LabFeatures(convert2lab=False))]),
    "conv": ConvFeatures(torch.nn.Sequential(torch.nn.Conv2d(3, 2, 3, padding=1)), "0"),
    "embedding": EmbeddingFeatures(training=FEW),
}


def with_outside(images, *values):
    """The images, their outside overwritten by values in turn."""
    out = []
    for image, mask in zip(images, MASKS, strict=True):
        image = image.copy()
        n = np.count_nonzero(~mask)
        image[~mask] = np.resize(values, (n, image.shape[2]))
        out.append(image)
    return out


@pytest.mark.parametrize(
    "name",
    [
        name if name in PLAIN or "shipped" in name else pytest.param(name, marks=pytest.mark.slow)
        for name in ESTIMATORS
    ],
)
@pytest.mark.parametrize(
    ("images", "outside"),
    [
        (FLOATS, (np.nan, np.inf, -9999.0, 1e38)),
        pytest.param(FLOATS, (-np.inf,), marks=pytest.mark.slow),
        pytest.param(TWELVE_BITS, (65535,), marks=pytest.mark.slow),
        pytest.param(LEAVES.images, (255, 0), marks=pytest.mark.slow),
    ],
    ids=["NaN and more", "infinity", "nodata of 16 bits", "black and white"],
)
def test_estimators(name, images, outside):
    wanted = clone(ESTIMATORS[name]).fit(images, LEAVES.ground_truths, masks=MASKS)
    expected = wanted.transform(images, masks=MASKS)
    other = with_outside(images, *outside)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = clone(ESTIMATORS[name]).fit(other, LEAVES.ground_truths, masks=MASKS)
        labels = found.transform(other, masks=MASKS)
    for one, wanted_labels, mask in zip(labels, expected, MASKS, strict=True):
        np.testing.assert_array_equal(one, wanted_labels)
        np.testing.assert_array_equal(one < 0, ~mask)


@pytest.mark.parametrize("name", FEATURES)
def test_features(name):
    expected = clone(FEATURES[name]).fit_transform(FLOATS, LEAVES.ground_truths, masks=MASKS)
    other = with_outside(FLOATS, np.nan, np.inf, -9999.0, 1e38)
    found = clone(FEATURES[name]).fit_transform(other, LEAVES.ground_truths, masks=MASKS)
    for one, wanted in zip(found, expected, strict=True):
        assert np.isfinite(one).all()
        np.testing.assert_array_equal(one, wanted)


@pytest.mark.parametrize(
    "make", [feature_affinities, lambda f, mask: edge_affinities(f[..., 0], mask=mask)]
)
def test_affinities(make):
    image, mask = FLOATS[0], MASKS[0]
    other = with_outside(FLOATS, np.nan, np.inf)[0]
    found, expected = make(other, mask=mask), make(image, mask=mask)
    np.testing.assert_array_equal(found, expected)
    both = mask[:, :-1] & mask[:, 1:]
    assert (found[0, :, :-1][~both] == 1).all()
    np.testing.assert_array_equal(
        found[0, :, :-1][both], make(image, mask=np.ones_like(mask))[0, :, :-1][both]
    )


def test_a_mask_of_everything_is_none():
    everything = [np.ones((48, 64), bool)] * 2
    for image, one in zip(
        FLOATS, LabFeatures().fit_transform(FLOATS, masks=everything), strict=True
    ):
        np.testing.assert_array_equal(one, LabFeatures().fit_transform([image])[0])


@pytest.mark.parametrize("name", ["slic", "seal shipped", "del shipped"])
@pytest.mark.parametrize("dtype", [bool, np.uint8, np.int64, np.float32, np.float64])
def test_masks_of_any_dtype(name, dtype):
    estimator = clone(ESTIMATORS[name]).fit(LEAVES.images)
    expected = estimator.transform(LEAVES.images, masks=MASKS)
    found = estimator.transform(LEAVES.images, masks=[mask.astype(dtype) for mask in MASKS])
    for one, wanted in zip(found, expected, strict=True):
        np.testing.assert_array_equal(one, wanted)
