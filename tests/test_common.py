"""Every estimator of the package keeps the contract."""

import doctest
import sys
from pathlib import Path
from types import ModuleType

import pytest

import sklearn_spx
from sklearn_spx.base import ImageSegmenter
from sklearn_spx.features import EmbeddingFeatures, LabFeatures
from sklearn_spx.training import NetTraining
from sklearn_spx.utils.estimator_checks import check_estimator, parametrize_with_checks

# parameters that suit images of 1,200 pixels
ESTIMATORS = [
    sklearn_spx.SLICSuperpixels(n_segments=20),
    sklearn_spx.SLICSuperpixels(n_segments=20, slic_zero=True),
    sklearn_spx.ERSSuperpixels(n_segments=20),
    sklearn_spx.ERSSuperpixels(n_segments=20, connectivity=4),
    sklearn_spx.EGBSegmenter(),
    sklearn_spx.EGBSegmenter(connectivity=4),
    sklearn_spx.TrainableSLIC(n_segments=20, features=LabFeatures()),
    sklearn_spx.SEALSuperpixels(
        n_segments=20, training=NetTraining(max_steps=1, batch_size=1, crop_size=32)
    ),
    sklearn_spx.DELSegmenter(training=NetTraining(max_steps=2, batch_size=1)),
]


@parametrize_with_checks(ESTIMATORS)
def test_contract(estimator, check):
    check(estimator)


# scattering features, and nets that learn from samples: most of the time
SLOW = [
    sklearn_spx.TrainableSLIC(n_segments=20),
    sklearn_spx.TrainableSLIC(
        n_segments=20,
        distance="embedding",
        features=EmbeddingFeatures(training=NetTraining(max_steps=1, batch_size=1, crop_size=32)),
    ),
    sklearn_spx.TrainableSLIC(
        20,
        distance="mlp",
        features=LabFeatures(),
        training=NetTraining(max_epochs=1),
        n_samples=500,
    ),
    sklearn_spx.TrainableSLIC(
        20,
        distance="classifier",
        features=LabFeatures(),
        training=NetTraining(max_epochs=1),
        n_samples=500,
    ),
]


@pytest.mark.slow
@parametrize_with_checks(SLOW)
def test_contract_of_slow_ones(estimator, check):
    check(estimator)


def test_every_public_estimator_is_checked():
    public = {getattr(sklearn_spx, name) for name in sklearn_spx.__all__}
    public = {thing for thing in public if isinstance(thing, type)}
    assert public == {type(estimator) for estimator in ESTIMATORS}
    assert all(issubclass(thing, ImageSegmenter) for thing in public)


class _Broken(sklearn_spx.SLICSuperpixels):
    """Forgets that labels start at 0."""

    def _segment(self, image, mask):
        return super()._segment(image, mask) + 1


def test_the_estimator_of_the_guide_keeps_the_contract(monkeypatch):
    """It left masks out, so that the page's own check failed."""
    page = Path(__file__).parents[1] / "doc" / "project" / "add_a_method.rst"
    module = ModuleType("page")  # which pickle finds
    monkeypatch.setitem(sys.modules, "page", module)
    for example in doctest.DocTestParser().get_examples(page.read_text(encoding="utf-8")):
        exec(example.source, vars(module))
        if "class Squares" in example.source:
            break
    check_estimator(module.Squares(), expected_failed_checks={"check_docstring": "it is short"})


class _Undocumented(sklearn_spx.SLICSuperpixels):
    """Says nothing of its parameters."""


def test_the_suite_says_what_is_not_documented():
    """Without pytest, which writes more, the message was empty."""
    words = "_Undocumented fails check_docstring: parameters are .'n_segments', .*documented"
    with pytest.raises(AssertionError, match=words):
        check_estimator(_Undocumented(n_segments=20))


def test_the_suite_finds_a_broken_estimator():
    with pytest.raises(AssertionError, match="_Broken fails check_label_images"):
        check_estimator(_Broken(n_segments=20))


def test_an_expected_failure_that_passes_is_an_error():
    with pytest.raises(AssertionError, match="expected to fail: no reason at all"):
        check_estimator(
            sklearn_spx.SLICSuperpixels(n_segments=20),
            expected_failed_checks={"check_label_images": "no reason at all"},
        )
