"""The same picture gives the same regions, whatever dtype and shape it comes in."""

import warnings

import numpy as np
import pytest
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
from sklearn_spx.features import LabFeatures
from sklearn_spx.training import NetTraining

FEW = NetTraining(max_steps=2, batch_size=1, crop_size=32)
ESTIMATORS = {
    "slic": SLICSuperpixels(30),
    "slico": SLICSuperpixels(30, slic_zero=True),
    "ers": ERSSuperpixels(30),
    "egb": EGBSegmenter(20.0),
    "trainable-slic": TrainableSLIC(30, features=LabFeatures()),
    "trainable-slic shipped": TrainableSLIC(30, pretrained="bsds500"),
    "seal": SEALSuperpixels(30, training=FEW),
    "seal shipped": SEALSuperpixels(30, pretrained="bsds500"),
    "del": DELSegmenter(training=NetTraining(max_steps=1)),
    "del shipped": DELSegmenter(pretrained="bsds500"),
}
LEAVES = make_dead_leaves(2, shape=(48, 64), random_state=0)
COLOURS = LEAVES.images
GRAY = [np.rint(image.mean(axis=2)).astype(np.uint8) for image in COLOURS]

# 8-bit pictures in other clothes
FORMS = {
    "uint8": lambda image: image,
    "uint16": lambda image: image.astype(np.uint16) * 257,
    "big-endian uint16": lambda image: (image.astype(np.uint16) * 257).astype(">u2"),
    "uint16 up to 255": lambda image: image.astype(np.uint16),
    "int64": lambda image: image.astype(np.int64),
    "float16": lambda image: (image / 255).astype(np.float16),
    "float32": lambda image: (image / 255).astype(np.float32),
    "float64": lambda image: image / 255,
    "float32 up to 255": lambda image: image.astype(np.float32),
}
SHAPES = {
    "gray": lambda image: image,
    "one channel": lambda image: image[:, :, None],
    "gray as RGB": lambda image: np.repeat(image[:, :, None], 3, axis=2),
}


def labels_of(name, images):
    estimator = clone(ESTIMATORS[name])
    return estimator.fit(images, LEAVES.ground_truths).transform(images)


@pytest.fixture(scope="module")
def expected():
    """Labels of the 8-bit gray pictures as RGB, and of the colours, computed once."""
    as_rgb = [SHAPES["gray as RGB"](image) for image in GRAY]
    return {name: (labels_of(name, as_rgb), labels_of(name, COLOURS)) for name in ESTIMATORS}


def assert_same(found, wanted):
    for one, other in zip(found, wanted, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", ESTIMATORS)
def test_gray_is_the_same_gray_as_rgb(name, form, shape, expected):
    images = [FORMS[form](SHAPES[shape](image)) for image in GRAY]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert_same(labels_of(name, images), expected[name][0])


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", ESTIMATORS)
def test_colours_are_the_same_in_any_dtype(name, form, expected):
    images = [FORMS[form](image) for image in COLOURS]
    assert_same(labels_of(name, images), expected[name][1])


@pytest.mark.parametrize("name", ESTIMATORS)
def test_fitted_to_one_dtype_and_asked_about_another(name, expected):
    estimator = clone(ESTIMATORS[name]).fit(COLOURS, LEAVES.ground_truths)
    for form in ("uint16", "float32"):
        assert_same(
            estimator.transform([FORMS[form](image) for image in COLOURS]), expected[name][1]
        )
