"""Negative labels are unknown: nothing is learned there, and nobody is scored there."""

import numpy as np
import pytest

from sklearn_spx import DELSegmenter, SEALSuperpixels, TrainableSLIC
from sklearn_spx.datasets import make_dead_leaves
from sklearn_spx.features import EmbeddingFeatures, LabFeatures
from sklearn_spx.training import NetTraining
from sklearn_spx.training.state import digest, net_arrays


def crops(**more):
    return NetTraining(
        **{"max_steps": 4, "batch_size": 1, "crop_size": 32, "validation_fraction": 0.3, **more}
    )


def slic(labels, **more):
    return TrainableSLIC(
        9, features=LabFeatures(), size=8, n_samples=600, labels=labels, hard_examples=1, **more
    )


ESTIMATORS = {
    "seal": SEALSuperpixels(9, training=crops()),
    "seal loss": SEALSuperpixels(9, loss="seal", training=crops()),
    "deep embedding": DELSegmenter(
        initial_weights="random", training=NetTraining(max_steps=4, validation_fraction=0.3)
    ),
    "embedding": EmbeddingFeatures(n_components=2, size=8, training=crops()),
    "classifier": slic("corrected", distance="classifier", training=NetTraining(max_steps=4)),
    **{labels: slic(labels) for labels in ("corrected", "corrected_only", "weak", "edges")},
}


@pytest.fixture(scope="module")
def data():
    leaves = make_dead_leaves(3, shape=(48, 64), n_annotators=2, random_state=0)
    return leaves.images, leaves.ground_truths


def learned(estimator):
    if isinstance(getattr(estimator, "weights_", None), dict):
        return digest(estimator.weights_)
    if hasattr(estimator, "weights_"):
        return digest(estimator.weights_)
    return digest(net_arrays(estimator.net_))


@pytest.mark.slow
@pytest.mark.parametrize("name", ESTIMATORS)
def test_nothing_is_learned_from_what_is_unknown(name, data):
    images, truths = data
    from sklearn.base import clone

    def with_unknown(value, rows=slice(None)):
        out = [[a.copy() for a in each] for each in truths]
        for each in out:
            for a in each:
                a[rows, 40:] = value
        return out

    one = clone(ESTIMATORS[name]).fit(images, with_unknown(-1))
    other = clone(ESTIMATORS[name]).fit(images, with_unknown(-7))
    assert learned(one) == learned(other)
    whole = clone(ESTIMATORS[name]).fit(images, truths)
    assert learned(one) != learned(whole)
    if name != "edges":  # which merges annotators, so that one who does not know hides the others
        part = with_unknown(-1)
        for each, known in zip(part, truths):  # one annotator knows everything
            each[1] = known[1]
        assert learned(clone(ESTIMATORS[name]).fit(images, part)) != learned(one)


def test_a_border_to_the_unknown_is_no_border():
    from sklearn_spx.methods.deep_embedding.training import boundary_share
    from sklearn_spx.methods.seal.training import _targets
    from sklearn_spx.nets.seal_loss import segmentation_error_weights

    a = np.array([[0, 0, 1, -1, -1, -1]] * 3, np.int32)
    b = np.array([[2, 2, 2, 2, -1, -1]] * 3, np.int32)
    right = _targets(np.stack([a, b]))[0, 0]
    np.testing.assert_array_equal(right, [1, 0.5, 1, np.nan, np.nan, np.nan])
    share = boundary_share([a, b], (3, 6), 1, 0)[0]
    np.testing.assert_array_equal(share, [0.5, 0.5, 0.5, 0.5, np.nan, np.nan])
    weights = segmentation_error_weights(np.zeros((3, 6), int), a)
    assert weights[0][:, 1].all()
    assert not weights[0][:, 2:].any()


def test_images_that_nobody_knows_teach_nothing(data):
    images, truths = data
    nobody = [[np.full_like(a, -1) for a in each] for each in truths]
    with pytest.raises(ValueError, match="y shows no boundary"):
        slic("corrected").fit(images, nobody)
