"""The same picture gives the same regions, whatever dtype and shape it comes in."""

import functools
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
# by the plain methods in all of them; by the others in these, and in the rest by `pytest -m slow`
OF_ALL = ("uint8", "float32")
PLAIN = ("slic", "slico", "ers", "egb")
CASES = [
    (name, form)
    if name in PLAIN or form in OF_ALL
    else pytest.param(name, form, marks=pytest.mark.slow)
    for name in ESTIMATORS
    for form in FORMS
]
SHAPES = {
    "gray": lambda image: image,
    "one channel": lambda image: image[:, :, None],
    "gray as RGB": lambda image: np.repeat(image[:, :, None], 3, axis=2),
}


def labels_of(name, images):
    estimator = clone(ESTIMATORS[name])
    return estimator.fit(images, LEAVES.ground_truths).transform(images)


@functools.cache
def expected(name, what):
    """Labels of the 8-bit pictures, gray as RGB, or colours."""
    as_rgb = [SHAPES["gray as RGB"](image) for image in GRAY]
    return labels_of(name, as_rgb if what == "gray" else COLOURS)


def assert_same(found, wanted):
    for one, other in zip(found, wanted, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(("name", "form"), CASES)
def test_gray_is_the_same_gray_as_rgb(name, form, shape):
    images = [FORMS[form](SHAPES[shape](image)) for image in GRAY]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert_same(labels_of(name, images), expected(name, "gray"))


@pytest.mark.parametrize(("name", "form"), CASES)
def test_colours_are_the_same_in_any_dtype(name, form):
    images = [FORMS[form](image) for image in COLOURS]
    assert_same(labels_of(name, images), expected(name, "colours"))


@pytest.mark.parametrize("name", ESTIMATORS)
def test_fitted_to_one_dtype_and_asked_about_another(name):
    estimator = clone(ESTIMATORS[name]).fit(COLOURS, LEAVES.ground_truths)
    for form in ("uint16", "float32"):
        assert_same(
            estimator.transform([FORMS[form](image) for image in COLOURS]),
            expected(name, "colours"),
        )


def test_what_cannot_be_brought_to_scale_is_named_and_left_out():
    """By its place among all images, those left out before it included."""
    bands = [np.dstack([image, image[..., :2]]) / 255 for image in COLOURS]
    far = bands[0].copy()
    far[3, 4] = 1e38
    images = [np.zeros(3), bands[0], far, bands[1]]
    truths = [LEAVES.ground_truths[i] for i in (0, 0, 0, 1)]
    estimator = TrainableSLIC(30, features=LabFeatures(), on_error="warn")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        estimator.fit(images, truths)
    words = [str(warning.message) for warning in caught]
    assert any(text.startswith("X[0] has shape (3,)") for text in words)
    assert any(text.startswith("X[2] holds values up to 1e+38") for text in words)
    assert estimator.n_images_ == 2
    with pytest.raises(ValueError, match=r"X\[1\] holds values up to 1e\+38"):
        clone(estimator).set_params(on_error="raise").fit(images[1:], truths[1:])
