"""Scorers in scikit-learn's model selection."""

import pickle

import numpy as np
import pytest
from sklearn.base import BaseEstimator
from sklearn.model_selection import GridSearchCV, cross_validate

from sklearn_spx import SLICSuperpixels, metrics
from sklearn_spx.datasets import make_dead_leaves

NAMES = {
    "asa_scorer": (metrics.achievable_segmentation_accuracy, 1),
    "boundary_recall_scorer": (metrics.boundary_recall, 1),
    "boundary_precision_scorer": (metrics.boundary_precision, 1),
    "undersegmentation_error_scorer": (metrics.undersegmentation_error, -1),
    "mean_distance_to_edge_scorer": (metrics.mean_distance_to_edge, -1),
    "compactness_scorer": (lambda labels, truths: metrics.compactness(labels), 1),
    "achievable_iou_scorer": (metrics.achievable_iou, 1),
    "boundary_f_scorer": (metrics.boundary_f_measure, 1),
    "object_part_f_scorer": (metrics.object_part_f_measure, 1),
    "segmentation_covering_scorer": (metrics.segmentation_covering, 1),
    "probabilistic_rand_index_scorer": (metrics.probabilistic_rand_index, 1),
    "variation_of_information_scorer": (metrics.variation_of_information, -1),
}


class Blocks(BaseEstimator):
    """Square blocks of ``step`` pixels."""

    predictions = 0

    def __init__(self, step=4):
        self.step = step

    def fit(self, X, y=None):
        return self

    def predict(self, X):
        Blocks.predictions += 1
        out = []
        for image in X:
            y, x = np.indices(np.shape(image))
            out.append((y // self.step * 100 + x // self.step).astype(np.int32))
        return np.stack(out) if isinstance(X, np.ndarray) else out


@pytest.fixture
def data():
    X = [np.zeros(shape) for shape in ((12, 16), (9, 12), (16, 12), (12, 12))]
    y = []
    for k, image in enumerate(X):
        rows, columns = np.indices(image.shape)
        y.append([rows // 3 * 100 + columns // 3, (rows + k > columns).astype(int)][: 1 + k % 2])
    return X, y


@pytest.mark.parametrize("name", NAMES)
def test_mean_over_images(name, data):
    X, y = data
    score, sign = NAMES[name]
    scorer = getattr(metrics, name)
    each = [score(labels, truths) for labels, truths in zip(Blocks().predict(X), y)]
    value = scorer(Blocks(), X, y)
    assert type(value) is float
    assert value == pytest.approx(sign * np.mean(each))
    weights = np.array([1.0, 2.0, 0.0, 3.0])
    assert scorer(Blocks(), X, y, sample_weight=weights) == pytest.approx(
        sign * np.average(each, weights=weights)
    )
    assert pickle.loads(pickle.dumps(scorer))(Blocks(), X, y) == value
    assert name.split("_")[0] in repr(scorer) or name == "asa_scorer"


def test_every_scorer_is_tested():
    assert set(NAMES) == {name for name in metrics.__all__ if name.endswith("_scorer")} - {
        "make_image_scorer"
    }


def test_stacked_and_object_arrays(data):
    X, y = [data[0][0]] * 3, [data[1][0]] * 3
    expected = metrics.asa_scorer(Blocks(), X, y)
    assert metrics.asa_scorer(Blocks(), np.stack(X), np.stack([t[0] for t in y])) == expected
    boxed = np.empty(3, dtype=object)
    boxed[:] = X
    assert metrics.asa_scorer(Blocks(), boxed, y) == expected


def test_cross_validate_predicts_once_for_all_scorers(data):
    Blocks.predictions = 0
    result = cross_validate(
        Blocks(3),
        *data,
        cv=2,
        scoring={"asa": metrics.asa_scorer, "ue": metrics.undersegmentation_error_scorer},
        error_score="raise",
    )
    assert Blocks.predictions == 2
    assert result["test_asa"].shape == (2,)
    assert (result["test_ue"] <= 0).all()


def test_grid_search(data):
    X, y = data
    search = GridSearchCV(
        Blocks(), {"step": [2, 3, 6]}, scoring=metrics.segmentation_covering_scorer, cv=2
    ).fit(X, [truths[:1] for truths in y])
    assert search.best_params_ == {"step": 3}
    assert search.best_score_ == 1.0


def test_own_scorer(data):
    X, y = data
    scorer = metrics.make_image_scorer(metrics.boundary_recall, tolerance=0)
    assert scorer(Blocks(), X, y) == pytest.approx(
        np.mean(
            [metrics.boundary_recall(s, t, tolerance=0) for s, t in zip(Blocks().predict(X), y)]
        )
    )


@pytest.mark.parametrize("kind", ["superpixels", "segments"])
def test_all_scorers_of_a_kind(kind, data):
    X, y = data
    scoring = metrics.scorers(kind)
    result = cross_validate(Blocks(3), X, y, cv=2, scoring=scoring, error_score="raise")
    for name in scoring:
        assert result[f"test_{name}"].shape == (2,)
        assert scoring[name] is getattr(metrics, f"{name}_scorer")
        assert (result[f"test_{name}"] <= 0).all() == (NAMES[f"{name}_scorer"][1] == -1)


def test_every_scorer_has_a_name():
    named = {**metrics.scorers("superpixels"), **metrics.scorers("segments")}
    assert {f"{name}_scorer" for name in named} == set(NAMES)


def test_scorers_by_name():
    assert metrics.scorers("asa") == {"asa": metrics.asa_scorer}
    assert list(metrics.scorers(["boundary_f", "asa"])) == ["boundary_f", "asa"]
    metrics.scorers().clear()  # a dict of the caller's own
    assert "asa" in metrics.scorers()
    with pytest.raises(ValueError, match=r"no scorer 'dice'; names are asa, .*, and superpixels"):
        metrics.scorers(["asa", "dice"])


def test_scorers_of_estimators_on_unequal_images_in_processes():
    images = [*make_dead_leaves(2, (24, 36), random_state=0).images]
    truths = [*make_dead_leaves(2, (24, 36), random_state=0).ground_truths]
    images += make_dead_leaves(2, (30, 20), random_state=1).images
    truths += make_dead_leaves(2, (30, 20), random_state=1).ground_truths
    both = [
        cross_validate(
            SLICSuperpixels(9),
            images,
            truths,
            cv=2,
            scoring=metrics.scorers(),
            n_jobs=n_jobs,
            error_score="raise",
        )
        for n_jobs in (1, 2)
    ]
    for name in metrics.scorers():
        np.testing.assert_array_equal(both[0][f"test_{name}"], both[1][f"test_{name}"])
    grid = {"compactness": [1, 20]}
    search = GridSearchCV(
        SLICSuperpixels(9), grid, cv=2, scoring=metrics.scorers(), refit="undersegmentation_error"
    ).fit(images, truths)
    errors = search.cv_results_["mean_test_undersegmentation_error"]
    assert search.best_index_ == np.argmax(errors)
    assert (errors < 0).all()


def test_an_image_that_was_not_segmented_has_no_score(data):
    X, y = data

    class Fails(Blocks):
        def predict(self, X):
            return [None, *super().predict(X)[1:]]

    with pytest.raises(ValueError, match="image 0 could not be segmented"):
        metrics.asa_scorer(Fails(), X, y)


def test_errors_name_the_image(data):
    X, y = data
    with pytest.raises(ValueError, match=r"image 2: ground_truths has shape \(3, 3\)"):
        metrics.asa_scorer(Blocks(), X, [y[0], y[1], np.zeros((3, 3), dtype=int), y[3]])
    with pytest.raises(ValueError, match="4 images were segmented and 3 annotated"):
        metrics.asa_scorer(Blocks(), X, y[:3])


def test_annotations_in_a_series_are_those_of_their_images():
    """A fold of a Series is indexed by labels, which are places in the whole."""
    pd = pytest.importorskip("pandas")
    leaves = make_dead_leaves(4, shape=(20, 24), random_state=0)
    slic = SLICSuperpixels(9).fit(leaves.images)
    folds = [([0, 1], [3, 2]), ([2, 3], [1, 0])]
    found, expected = (
        cross_validate(
            slic, leaves.images, y, cv=folds, scoring=metrics.asa_scorer, error_score="raise"
        )["test_score"]
        for y in (pd.Series(leaves.ground_truths), leaves.ground_truths)
    )
    np.testing.assert_array_equal(found, expected)
    turned = pd.Series(leaves.ground_truths, index=[3, 2, 1, 0])
    np.testing.assert_array_equal(
        metrics.asa_scorer(slic, leaves.images, turned),
        metrics.asa_scorer(slic, leaves.images, leaves.ground_truths),
    )


@pytest.mark.parametrize(
    ("weights", "words"),
    [
        ([1], r"sample_weight has shape \(1,\), expected \(2,\): a weight an image"),
        ([1, np.nan], "sample_weight must hold finite numbers of 0 or more"),
        ([2, -1], "sample_weight must hold finite numbers of 0 or more"),
        ([0, 0], "sample_weight is 0 for every image"),
    ],
)
def test_weights_that_make_no_mean(weights, words):
    leaves = make_dead_leaves(2, shape=(20, 24), random_state=0)
    slic = SLICSuperpixels(9).fit(leaves.images)
    for score in (slic.score, lambda *a, **k: metrics.asa_scorer(slic, *a, **k)):
        with pytest.raises(ValueError, match=words):
            score(leaves.images, leaves.ground_truths, sample_weight=weights)
    with pytest.raises(ValueError, match=words):
        metrics.mean_iou(leaves.ground_truths, leaves.ground_truths, sample_weight=weights)
