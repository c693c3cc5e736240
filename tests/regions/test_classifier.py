"""SuperpixelClassifier: scribbles, ties, weights, search with memory, bad input."""

import pickle
import warnings

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.cluster import KMeans
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_val_predict
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeClassifier

from sklearn_spx import SLICSuperpixels
from sklearn_spx.metrics import mean_iou
from sklearn_spx.regions import RegionFeatures, SuperpixelClassifier
from sklearn_spx.utils import estimator_checks


def _data(n=4):
    """Images of a disc on a ground, and their class images: 3 and 8."""
    rng = np.random.default_rng(0)
    X, y = [], []
    for i in range(n):
        rows, columns = np.mgrid[: 24 + i, : 30 - i]
        disc = (rows - 10 - i) ** 2 + (columns - 14) ** 2 < 60
        X.append((np.where(disc, 170, 60) + rng.normal(0, 6, disc.shape)).astype(np.uint8))
        y.append(np.where(disc, 8, 3))
    return X, y


def _classifier(**options):
    parts = {
        "superpixels": SLICSuperpixels(60),
        "features": RegionFeatures(properties=["intensity_mean", "intensity_std"]),
        "classifier": DecisionTreeClassifier(random_state=0),
    }
    return SuperpixelClassifier(**{**parts, **options})


class Recorder(LogisticRegression):
    """Remembers what it was fitted to."""

    def fit(self, X, y, sample_weight=None):
        self.seen_ = np.column_stack([X, y])
        self.weights_ = sample_weight
        return super().fit(X, y, sample_weight)


@pytest.mark.parametrize(
    "check", estimator_checks._SKLEARN_CHECKS, ids=lambda check: check.__name__
)
def test_contract_of_scikit_learn(check):
    check("SuperpixelClassifier", SuperpixelClassifier())


def test_scribbles_suffice():
    X, y = _data()
    scribbles = [np.full(truth.shape, -1) for truth in y]
    scribbles[0][10, 12:17], scribbles[0][1:3, 1:20] = 8, 3
    classifier = _classifier().fit(X, scribbles)
    assert classifier.classes_.tolist() == [3, 8]
    assert classifier.n_channels_in_ == 1
    found = classifier.predict(X)
    assert isinstance(found, list)
    for classes, image in zip(found, X):
        assert classes.dtype == np.int32
        assert classes.shape == image.shape
    score = classifier.score(X, y)
    assert 0.85 < score <= 1
    assert score == mean_iou(found, y)


def test_defaults_work():
    X, y = _data(2)
    assert SuperpixelClassifier().fit(X, y).score(X, y) > 0.9


def test_a_region_has_the_class_of_most_of_its_known_pixels():
    labels = np.repeat([[0, 4, 5, 9]], 4, axis=0)
    image = np.repeat([[10, 20, 30, 40]], 4, axis=0).astype(np.uint8)
    classes = np.array([[7, 2, 1, -1], [7, 7, 1, -1], [2, -1, 7, -1], [-1, -1, -1, -5]])
    options = {
        "features": RegionFeatures(properties=["label"]),
        "classifier": Recorder(),
    }
    classifier = SuperpixelClassifier(**options).fit([(image, labels)], [classes])
    # 0 is 7 by two of three; 4 a tie, the lowest; 5 is 1 by two of three; 9 is unknown
    assert classifier.classifier_.seen_.tolist() == [[0, 7], [4, 2], [5, 1]]
    np.testing.assert_allclose(classifier.classifier_.weights_, np.array([2, 1, 2]) * 3 / 5)
    classifier = SuperpixelClassifier(**options, min_share=0.6).fit([(image, labels)], [classes])
    assert classifier.classifier_.seen_.tolist() == [[0, 7], [5, 1]]


def test_weights_of_images():
    X, y = _data(2)
    classifier = _classifier(classifier=Recorder())
    plain = classifier.fit(X, y).classifier_.weights_
    weighed = classifier.fit(X, y, sample_weight=[1, 3]).classifier_.weights_
    n = len(plain) // 2
    np.testing.assert_allclose(weighed[n:] / weighed[0], 3 * plain[n:] / plain[0])
    np.testing.assert_allclose([plain.mean(), weighed.mean()], 1)
    first, second = classifier.score(X[:1], y[:1]), classifier.score(X[1:], y[1:])
    np.testing.assert_allclose(classifier.score(X, y, sample_weight=[1, 0]), first)
    np.testing.assert_allclose(classifier.score(X, y, sample_weight=[0, 2]), second)


def test_classifiers_that_take_no_weights():
    X, y = _data(2)
    classifier = _classifier(classifier=KNeighborsClassifier(1))
    assert classifier.fit(X, y).score(X, y) > 0.9
    assert classifier.fit(X, y, sample_weight=[2, 2]).score(X, y) > 0.9  # alike: none
    with pytest.raises(ValueError, match="KNeighborsClassifier takes none"):
        classifier.fit(X, y, sample_weight=[1, 2])


def test_the_last_step_of_a_pipeline_gets_the_weights():
    X, y = _data(2)
    classifier = _classifier(classifier=make_pipeline(StandardScaler(), Recorder()))
    assert classifier.fit(X, y).classifier_[-1].weights_ is not None


def test_probabilities():
    X, y = _data(2)
    mask = np.ones(X[0].shape, bool)
    mask[:6] = False
    classifier = _classifier(classifier=LogisticRegression()).fit(X, y)
    found = classifier.predict_proba(X, masks=[mask, None])
    classes = classifier.predict(X, masks=[mask, None])
    assert found[0].shape == (*X[0].shape, 2)
    np.testing.assert_array_equal(np.isnan(found[0]).all(axis=2), ~mask)
    np.testing.assert_array_equal(classes[0] == -1, ~mask)
    np.testing.assert_allclose(found[1].sum(axis=2), 1)
    np.testing.assert_array_equal(classifier.classes_[found[1].argmax(axis=2)], classes[1])
    assert not hasattr(_classifier(classifier=LinearSVC()).fit(X, y), "predict_proba")


def test_labels_of_others():
    X, y = _data(2)
    labels = [np.where(truth == 8, 40, 2) for truth in y]
    labels[1][:3] = -1
    classifier = _classifier(features=RegionFeatures(properties=["intensity_mean"]))
    pairs = list(zip(X, labels))
    found = classifier.fit(pairs, y).predict(pairs)
    np.testing.assert_array_equal(found[0], y[0])
    np.testing.assert_array_equal(found[1], np.where(labels[1] < 0, -1, y[1]))
    assert classifier.superpixels_ is None
    with pytest.raises(ValueError, match=r"X\[0\]: it has no labels, but all of fit had theirs"):
        classifier.predict(X)


def test_features_may_be_a_pipeline():
    X, y = _data(2)
    features = make_pipeline(RegionFeatures(properties=["intensity_mean"]), StandardScaler())
    assert _classifier(features=features).fit(X, y).score(X, y) > 0.9


def test_stacked_arrays():
    X, y = _data(2)
    X, y = np.stack([one[:24, :29] for one in X]), np.stack([one[:24, :29] for one in y])
    found = _classifier().fit(X, y).predict(X)
    assert isinstance(found, np.ndarray)
    assert found.shape == X.shape


class Counting(SLICSuperpixels):
    """SLIC that counts its images."""

    calls = 0

    def _segment(self, image, mask):
        type(self).calls += 1
        return super()._segment(image, mask)


class CountingFeatures(RegionFeatures):
    """Features that count their images."""

    calls = 0

    def transform(self, X, *, masks=None):
        type(self).calls += len(X)
        return super().transform(X, masks=masks)


def test_a_search_over_all_three_parts_computes_each_image_once(tmp_path):
    X, y = _data()
    grid = {
        "superpixels__n_segments": [30, 60],
        "features__properties": [["intensity_mean"], ["area", "intensity_mean"]],
        "classifier__max_depth": [1, 2, 3],
    }
    classifier = _classifier(
        superpixels=Counting(), features=CountingFeatures(), memory=str(tmp_path)
    )
    search = GridSearchCV(classifier, grid, cv=2, error_score="raise")
    Counting.calls = CountingFeatures.calls = 0
    search.fit(X, y)
    assert Counting.calls == 2 * len(X)
    assert CountingFeatures.calls == 4 * len(X)
    assert search.best_score_ > 0.8
    Counting.calls = CountingFeatures.calls = 0
    clone(search.best_estimator_).fit(X, y).predict(X)
    assert Counting.calls == CountingFeatures.calls == 0


def test_predictions_over_folds():
    X, y = _data()
    found = cross_val_predict(_classifier(), X, y, cv=2)
    assert [classes.shape for classes in found] == [image.shape for image in X]


def test_on_error():
    X, y = _data(3)
    classifier = _classifier(on_error="warn").fit(X, y)
    wanted = classifier.predict(X)
    with pytest.warns(RuntimeWarning, match=r"X\[1\] has shape"):
        found = classifier.predict([X[0], np.zeros(3), X[2]])
    assert found[1] is None
    np.testing.assert_array_equal(found[2], wanted[2])
    with pytest.warns(RuntimeWarning, match=r"X\[1\]"), pytest.raises(ValueError, match="no score"):
        classifier.score([X[0], np.zeros(3), X[2]], y)
    with pytest.warns(RuntimeWarning, match=r"y\[1\] has shape"):
        clone(classifier).fit(X, [y[0], y[0][:3], y[2]])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with pytest.raises(ValueError, match="no image that could be used"):
            clone(classifier).fit([np.zeros(3)], y[:1])


def test_an_error_of_any_kind_leaves_one_image_out():
    class Failing(SLICSuperpixels):
        def _segment(self, image, mask, start=None):
            if image.shape[:2] == (7, 9):
                raise RuntimeError("out of luck")
            return super()._segment(image, mask, start)

    X, y = _data(3)
    classifier = _classifier().set_params(superpixels=Failing(60), on_error="warn").fit(X, y)
    wanted = classifier.predict(X)
    X[1] = np.zeros((7, 9), np.uint8)
    with pytest.warns(RuntimeWarning, match="out of luck; left out") as warned:
        found = classifier.predict(X)
    assert found[1] is None
    assert warned[0].filename == __file__
    np.testing.assert_array_equal(found[2], wanted[2])
    with pytest.raises(RuntimeError, match="out of luck"):
        classifier.set_params(on_error="raise").predict(X)


def test_masks_in_fit():
    X, y = _data(2)
    X = [image / 255 for image in X]
    masks = [truth == 8 for truth in y]
    X[0][~masks[0]] = np.nan
    classifier = _classifier().fit(X, y, masks=masks)
    assert classifier.classes_.tolist() == [8]
    assert classifier.score(X, y, masks=masks) == 1


def test_threads_and_pickles_change_nothing():
    X, y = _data(3)
    classifier = _classifier().fit(X, y)
    wanted = classifier.predict(X)
    for other in (
        pickle.loads(pickle.dumps(classifier)),
        clone(classifier).set_params(n_jobs=2).fit(X, y),
    ):
        for found, one in zip(other.predict(X), wanted):
            np.testing.assert_array_equal(found, one)


IMAGE, CLASSES = np.zeros((4, 5), np.uint8), np.zeros((4, 5), int)


@pytest.mark.parametrize(
    ("error", "message", "options", "X", "y"),
    [
        (TypeError, r"y\[0\] holds strings", {}, [IMAGE], [CLASSES.astype(str)]),
        (TypeError, r"y\[0\] holds strings", {}, [IMAGE], [np.full((4, 5), "cat", object)]),
        (TypeError, r"y\[0\] is a path", {}, [IMAGE], ["a.png"]),
        (TypeError, r"y\[0\] has dtype float64.*astype", {}, [IMAGE], [CLASSES * 1.0]),
        (ValueError, r"y\[0\] holds 2 annotations", {}, [IMAGE], [[CLASSES, CLASSES]]),
        (ValueError, r"y\[0\] has shape \(5, 4\)", {}, [IMAGE], [CLASSES.T]),
        (ValueError, "y has no known pixel", {}, [IMAGE], [CLASSES - 1]),
        (ValueError, "y holds 1 items for the 2 images", {}, [IMAGE, IMAGE], [CLASSES]),
        (
            ValueError,
            r"X\[1\] has 3 channels where 1",
            {},
            [IMAGE, np.zeros((4, 5, 3))],
            [CLASSES] * 2,
        ),
        (
            ValueError,
            "features has superpixels of its own",
            {"features": RegionFeatures(SLICSuperpixels(3))},
            [IMAGE],
            [CLASSES],
        ),
    ],
)
def test_bad_input_is_named(error, message, options, X, y):
    with pytest.raises(error, match=message):
        SuperpixelClassifier(**options).fit(X, y)


def test_bad_weights_are_named():
    X, y = _data(2)
    for weights in ([1], [1, np.nan], [1, -1]):
        with pytest.raises(ValueError, match="sample_weight must be 2 finite numbers"):
            _classifier().fit(X, y, sample_weight=weights)
    with pytest.raises(ValueError, match="sample_weight is 0 for every image"):
        _classifier().fit(X, y, sample_weight=[0, 0])


def test_not_fitted():
    X, y = _data(1)
    for call in (
        lambda: _classifier().predict(X),
        lambda: _classifier().predict_proba(X),
        lambda: _classifier().score(X, y),
    ):
        with pytest.raises(NotFittedError):
            call()


@pytest.mark.parametrize(
    ("wrong", "kind"), [(LinearRegression(), "regressor"), (KMeans(2), "clustering")]
)
def test_what_predicts_no_classes_is_told_before_the_work(wrong, kind, monkeypatch):
    def stop(*args, **kwargs):
        raise AssertionError("superpixels were made first")

    X, y = _data(1)
    monkeypatch.setattr(SLICSuperpixels, "fit", stop)
    with pytest.raises(TypeError, match=f"classifier is a {kind}, {type(wrong).__name__}; "):
        _classifier(classifier=wrong).fit(X, y)
    with pytest.raises(TypeError, match=f"classifier is a {kind}"):
        _classifier(classifier=make_pipeline(StandardScaler(), wrong)).fit(X, y)
