"""The loop over images: containers, joblib backends, failures, progress."""

import joblib
import numpy as np
import pytest

from sklearn_spx import EGBSegmenter, SLICSuperpixels
from sklearn_spx.datasets import make_dead_leaves
from sklearn_spx.metrics import asa_scorer, segmentation_covering


@pytest.fixture(scope="module")
def data():
    return make_dead_leaves(4, shape=(40, 52), random_state=0)


def test_processes_give_the_labels_of_threads(data):
    estimator = SLICSuperpixels(n_segments=20, n_jobs=2).fit(data.images)
    expected = estimator.transform(data.images)
    with joblib.parallel_config(backend="loky"):
        labels = estimator.transform(data.images)
    for found, wanted in zip(labels, expected, strict=True):
        np.testing.assert_array_equal(found, wanted)


def test_progress_bar(data, capsys):
    SLICSuperpixels(n_segments=20, verbose=1).fit_transform(data.images)
    assert "4/4" in capsys.readouterr().err
    SLICSuperpixels(n_segments=20).fit_transform(data.images)
    assert capsys.readouterr().err == ""


class _Folder:
    """A lazy collection whose second file is missing."""

    def __init__(self, images):
        self.images = images

    def __len__(self):
        return len(self.images)

    def __getitem__(self, i):
        if i == 1:
            raise FileNotFoundError("b.png")
        return self.images[i]


def test_an_unreadable_image_is_named(data):
    estimator = SLICSuperpixels(n_segments=20).fit(data.images)
    with pytest.raises(ValueError, match=r"X\[1\] cannot be read: b.png"):
        estimator.transform(_Folder(data.images))
    with pytest.raises(ValueError, match=r"X\[1\] cannot be read: b.png"):
        estimator.fit(_Folder(data.images))
    estimator.set_params(on_error="warn")
    with pytest.warns(RuntimeWarning, match=r"X\[1\] cannot be read: b.png"):
        labels = estimator.transform(_Folder(data.images))
    assert labels[1] is None
    assert labels[2].shape == (40, 52)


def test_a_failure_in_a_stack_keeps_its_place(data):
    stack = np.stack(data.images) / 255
    stack[2, 0, 0] = np.nan
    estimator = SLICSuperpixels(n_segments=20, on_error="warn").fit(data.images)
    with pytest.warns(RuntimeWarning, match=r"X\[2\] holds 3 values"):
        labels = estimator.transform(stack)
    assert labels.shape == (4, 40, 52)
    assert (labels[2] == -1).all()
    assert (labels[[0, 1, 3]] >= 0).all()


def test_no_usable_image(data):
    estimator = SLICSuperpixels(on_error="warn")
    with (
        pytest.warns(RuntimeWarning, match=r"X\[0\]"),
        pytest.raises(ValueError, match="no image that could be used"),
    ):
        estimator.fit([np.zeros(3)])


def test_parameters_set_after_fit_are_checked(data):
    estimator = SLICSuperpixels().fit(data.images)
    with pytest.raises(ValueError, match="'compactness' parameter of SLICSuperpixels"):
        estimator.set_params(compactness=-1.0).transform(data.images)


def test_segmenters_are_scored_by_covering(data):
    estimator = EGBSegmenter().fit(data.images)
    expected = [
        segmentation_covering(found, truth)
        for found, truth in zip(estimator.transform(data.images), data.ground_truths, strict=True)
    ]
    assert estimator.score(data.images, data.ground_truths) == pytest.approx(np.mean(expected))


def test_one_colour_image_is_not_taken_for_a_stack():
    image = np.zeros((40, 50, 3), np.uint8)
    with pytest.raises(ValueError, match=r"pass \[X\]"):
        SLICSuperpixels().fit(image)
    with pytest.raises(ValueError, match=r"pass \[X\]"):
        SLICSuperpixels().fit(image[:, :, 0])


def test_what_has_no_score_is_named(data):
    slic = SLICSuperpixels(9, value_range=(0, 255), on_error="warn").fit(data.images)
    images = np.stack(data.images).astype(float)
    images[2, 3, 4] = np.nan
    for X in (images, list(images)):  # of a stacked array label image 2 is -1
        with (
            pytest.warns(RuntimeWarning, match=r"X\[2\] holds 3 values that are NaN"),
            pytest.raises(ValueError, match=r"^X\[2\] could not be segmented, so it has no score"),
        ):
            slic.score(X, data.ground_truths)
    unknown = [*data.ground_truths[:3], np.full((40, 52), -1)]
    with pytest.raises(ValueError, match=r"^y\[3\]: ground_truths\[0\] is negative"):
        slic.score(data.images, unknown)
    with (
        pytest.warns(RuntimeWarning, match="left out"),
        pytest.raises(ValueError, match="image 2 could not be segmented, so it has no score"),
    ):
        asa_scorer(slic, images, data.ground_truths)
