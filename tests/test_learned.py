"""Pretrained nets as parameters, trained nets as state, and the loop over images."""

import pickle
import subprocess
import sys
import warnings

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.tree import DecisionTreeClassifier

import sklearn_spx
from sklearn_spx import DELSegmenter, SEALSuperpixels, SLICSuperpixels, TrainableSLIC
from sklearn_spx.datasets import make_dead_leaves
from sklearn_spx.features import EmbeddingFeatures, LabFeatures
from sklearn_spx.regions import RegionFeatures, SuperpixelClassifier
from sklearn_spx.training import NetTraining, loop

LEARNED = [DELSegmenter, SEALSuperpixels, TrainableSLIC]


@pytest.fixture(scope="module")
def data():
    leaves = make_dead_leaves(6, shape=(48, 64), random_state=0)
    return leaves.images, leaves.ground_truths


@pytest.fixture
def no_step(monkeypatch):
    """Whoever trains a net fails."""

    def train(*args, **kwargs):
        raise AssertionError("a net was trained")

    monkeypatch.setattr(loop, "train", train)


def same(first, second):
    for a, b in zip(first, second, strict=True):
        np.testing.assert_array_equal(a, b)


def test_these_are_all_that_learn():
    public = {getattr(sklearn_spx, name) for name in sklearn_spx.__all__}
    assert {c for c in public if hasattr(c, "from_pretrained")} == set(LEARNED)


# --- pretrained ---------------------------------------------------------------------------------


@pytest.mark.parametrize("cls", LEARNED)
def test_pretrained_needs_no_fit_and_survives_whatever_scikit_learn_does(cls, data, no_step):
    X, y = data
    estimator = cls(pretrained="bsds500")
    expected = estimator.transform(X)
    same(cls.from_pretrained("bsds500").transform(X), expected)
    same(clone(cls.from_pretrained("bsds500")).transform(X), expected)
    same(clone(estimator).fit(X, y).transform(X), expected)
    same(clone(estimator).fit(X).predict(X), expected)
    same(make_pipeline(cls(pretrained="bsds500")).fit(X, y).transform(X), expected)
    same(pickle.loads(pickle.dumps(estimator)).transform(X), expected)
    same(pickle.loads(pickle.dumps(clone(estimator))).transform(X), expected)
    scores = cross_validate(estimator, X, y, cv=2, error_score="raise")["test_score"]
    assert np.all(scores > 0)


@pytest.mark.parametrize("cls", LEARNED)
def test_a_search_over_a_pretrained_net_trains_nothing(cls, data, no_step):
    grid = {"n_segments": [4, 9]}
    search = GridSearchCV(cls(pretrained="bsds500"), grid, cv=3, error_score="raise").fit(*data)
    assert search.best_params_["n_segments"] in (4, 9)


def test_a_search_over_thresholds_shows_each_image_to_the_net_once(tmp_path, no_step, monkeypatch):
    from sklearn_spx.methods.deep_embedding import model

    leaves = make_dead_leaves(30, shape=(32, 40), random_state=0)
    forwards, forward = [], model._forward
    monkeypatch.setattr(model, "_forward", lambda *a: forwards.append(1) or forward(*a))
    segmenter = DELSegmenter(pretrained="bsds500", memory=str(tmp_path))
    search = GridSearchCV(segmenter, {"threshold": [0.3, 0.5, 0.7]}, cv=3, error_score="raise")
    search.fit(leaves.images, leaves.ground_truths)
    assert len(forwards) == 30
    search.best_estimator_.transform(leaves.images)
    assert len(forwards) == 30


def test_another_process_finds_a_net_by_the_same_digest():
    # it held an address once, so that no other process found what a memory had kept
    code = """
from sklearn_spx import DELSegmenter
print(DELSegmenter.from_pretrained("bsds500")._net.digest)
"""
    found = {
        subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout
        for _ in range(2)
    }
    assert len(found) == 1


@pytest.mark.parametrize("cls", LEARNED)
def test_fit_trains_on_where_training_is_given(cls, data):
    X, y = data
    still = {"max_steps": 1, "learning_rate": 1e-30}
    if cls is not DELSegmenter:
        still |= {"batch_size": 1, "crop_size": 32}
    on = cls(pretrained="bsds500", training=NetTraining(**still)).fit(X, y)
    assert on.history_[-1]["step"] == 1
    before = cls.from_pretrained("bsds500")
    if cls is TrainableSLIC:
        one, other = (e.features_.weights_ for e in (on, before))
    else:
        one, other = ({k: v.numpy() for k, v in e.net_.state_dict().items()} for e in (on, before))
    assert one.keys() == other.keys()
    # but for statistics of batches, and the scale that the shape of superpixels sets
    own = [k for k in one if "running" not in k and "num_batches" not in k and k != "scale"]
    for name in own:
        if not (cls is DELSegmenter and name.split(".")[0] in ("mean", "scale")):
            np.testing.assert_allclose(one[name], other[name], atol=1e-6, err_msg=name)
    moved = cls(pretrained="bsds500").set_params(
        training=NetTraining(**{**still, "learning_rate": 1e-2})
    )
    moved.fit(X, y)
    if cls is TrainableSLIC:
        other = moved.features_.weights_
    else:
        other = {k: v.numpy() for k, v in moved.net_.state_dict().items()}
    assert any(not np.allclose(one[name], other[name], atol=1e-5) for name in own)


@pytest.mark.parametrize("cls", LEARNED)
def test_a_wrong_name_gets_the_right_ones(cls):
    names = cls.list_pretrained()
    assert "bsds500" in names
    for call in (
        lambda: cls.from_pretrained("bsds5000"),
        lambda: cls(pretrained="bsds5000").transform([np.zeros((9, 9, 3), np.uint8)]),
        lambda: cls(pretrained="bsds5000").fit([np.zeros((9, 9, 3), np.uint8)]),
    ):
        with pytest.raises(FileNotFoundError, match="bsds5000") as info:
            call()
        assert all(repr(name) in str(info.value) for name in names)


def test_images_of_other_channels_are_refused_where_nothing_is_trained(data):
    two = [image[:, :, :2] for image in data[0]]
    for cls in LEARNED:
        with pytest.raises(ValueError, match=r"X\[0\] has 2 channels where .* expects 3"):
            cls(pretrained="bsds500").fit(two)


def test_parameters_that_disagree_with_the_net_are_named(data):
    for estimator, name in (
        (SEALSuperpixels(pretrained="bsds500", net="pan-no-canny"), "net"),
        (DELSegmenter(pretrained="bsds500", net="vgg16"), "net"),
        (DELSegmenter(pretrained="bsds500", pooling="max"), "pooling"),
        (TrainableSLIC(pretrained="bsds500", distance="linear"), "distance"),
    ):
        with pytest.raises(ValueError, match=f"^{name} is .* leave {name} at None"):
            estimator.transform(data[0])
    DELSegmenter(pretrained="bsds500", sides=[1, 2, 3, 4, 5]).transform(data[0][:1])


def test_another_pretrained_net_is_read(data):
    seal = SEALSuperpixels.from_pretrained("bsds500")
    first = seal.affinities(data[0][:1])[0]
    second = seal.set_params(pretrained="bsds500-train").affinities(data[0][:1])[0]
    assert not np.array_equal(first, second)
    expected = SEALSuperpixels(pretrained="bsds500-train").affinities(data[0][:1])[0]
    np.testing.assert_array_equal(second, expected)


def test_saved_parameters_come_back_and_give_way(data, tmp_path):
    path = tmp_path / "own.safetensors"
    own = SEALSuperpixels.from_pretrained("bsds500", n_segments=7, balance=0.9)
    own.save(path)
    again = SEALSuperpixels.from_pretrained(path)
    assert (again.n_segments, again.balance) == (7, 0.9)
    assert SEALSuperpixels.from_pretrained(path, n_segments=8).n_segments == 8
    assert SEALSuperpixels(pretrained=path).n_segments == 100
    same(clone(again).transform(data[0]), own.transform(data[0]))


def test_reading_follows_merge_net_and_loss(data):
    from sklearn_spx.methods.deep_embedding import merging
    from sklearn_spx.methods.seal.growth import own_reading

    segmenter = DELSegmenter.from_pretrained("bsds500")
    for merge, threshold in merging.THRESHOLDS.items():
        own = segmenter.set_params(merge=merge, threshold=None).transform(data[0])
        same(own, segmenter.set_params(threshold=threshold).transform(data[0]))
    readings = {
        own_reading(net, loss, backend)
        for net in ("compact", "pan")
        for loss in ("cross_entropy", "seal")
        for backend in ("ers", "egb")
    }
    assert len(readings) > 3
    seal = SEALSuperpixels.from_pretrained("bsds500", n_segments=30)
    reading = own_reading("compact", "cross_entropy", "ers")
    own = seal.transform(data[0])
    same(own, seal.set_params(**reading._asdict()).transform(data[0]))


# --- state --------------------------------------------------------------------------------------


def test_not_fitted():
    for cls in LEARNED:
        with pytest.raises(NotFittedError):
            cls().transform([np.zeros((9, 9, 3), np.uint8)])
        with pytest.raises(NotFittedError):
            cls().save("nowhere")


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
@pytest.mark.parametrize("cls", [DELSegmenter, SEALSuperpixels])
def test_the_device_counts_whenever_it_is_set(cls, data):
    estimator = cls.from_pretrained("bsds500").set_params(device="cuda")
    for one in (estimator, pickle.loads(pickle.dumps(estimator)), clone(estimator)):
        with pytest.raises(ValueError, match=r"finds (no GPU|none)"):
            one.transform(data[0])
    same(
        estimator.set_params(device="auto").transform(data[0]),
        cls(pretrained="bsds500").transform(data[0]),
    )


FORKED = """
import joblib, torch
from sklearn_spx import {name}
from sklearn_spx.datasets import make_dead_leaves
torch.set_num_threads(2)
images = make_dead_leaves(2, shape=(64, 96), random_state=0).images
estimator = {name}.from_pretrained("bsds500")
before = estimator.transform(images)
with joblib.parallel_config("multiprocessing"):
    after = estimator.set_params(n_jobs=2).transform(images)
assert all((a == b).all() for a, b in zip(before, after))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere processes are not forked")
@pytest.mark.slow
@pytest.mark.parametrize("cls", LEARNED)
def test_forked_after_a_transform(cls):
    code = FORKED.format(name=cls.__name__)
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)


# --- the loop over images -----------------------------------------------------------------------


def methods(cls):
    """What an estimator computes image by image, apart from transform."""
    if cls is SEALSuperpixels:
        return {
            "affinities": lambda e, X: e.affinities(X),
            "several counts": lambda e, X: e.transform(X, n_segments=[3, 5]),
        }
    names = ("embed", "similarities", "hierarchy")
    return {name: lambda e, X, name=name: getattr(e, name)(X) for name in names}


@pytest.mark.parametrize("cls", [DELSegmenter, SEALSuperpixels])
def test_every_method_leaves_out_what_cannot_be_used(cls, data):
    estimator = cls.from_pretrained("bsds500", on_error="warn")
    bad = [data[0][0], np.zeros(3), data[0][2]]
    for name, call in methods(cls).items():
        with pytest.warns(RuntimeWarning, match=r"X\[1\]"):
            found = call(estimator, bad)
        assert found[1] is None, name
        assert found[0] is not None, name
        assert len(found) == 3
        with pytest.raises(ValueError, match=r"X\[1\]"):
            call(clone(estimator).set_params(on_error="raise"), bad)


def test_stacked_images_of_which_one_cannot_be_used():
    X = np.random.default_rng(0).random((3, 24, 32, 3))
    X[1, 2, 3] = np.nan
    seal = SEALSuperpixels.from_pretrained("bsds500", on_error="warn")
    with pytest.warns(RuntimeWarning, match=r"X\[1\]"):
        labels = seal.transform(X, n_segments=[3, 5])
    assert labels.shape == (3, 2, 24, 32)
    assert (labels[1] == -1).all()
    with pytest.warns(RuntimeWarning, match=r"X\[1\]"):
        affinities = seal.affinities(X)
    assert affinities[1] is None


class Raising:
    """A lazy collection of which one item cannot be read."""

    def __init__(self, items, missing):
        self.items, self.missing = items, missing

    def __len__(self):
        return len(self.items)

    def __getitem__(self, i):
        if i == self.missing:
            raise OSError("no such file")
        return self.items[i]


@pytest.mark.parametrize("what", ["X", "y", "masks"])
def test_one_item_that_cannot_be_read(what, data):
    X, y = (list(part) for part in data)
    masks = [np.ones(image.shape[:2], bool) for image in X]
    given = {"X": X, "y": y, "masks": masks}
    given[what] = Raising(given[what], 1)
    training = NetTraining(max_steps=1, batch_size=1, crop_size=32)
    seal = SEALSuperpixels(9, training=training, on_error="warn")
    with pytest.warns(RuntimeWarning, match=rf"{what}\[1\] cannot be read: no such file"):
        seal.fit(**given)
    with pytest.raises(ValueError, match=rf"{what}\[1\] cannot be read: no such file"):
        clone(seal).set_params(on_error="raise").fit(**given)


@pytest.mark.parametrize("value", [1e20, 1e38])
def test_values_too_great_for_a_net(value, data):
    """One hot pixel among colours is white; of bands, which nothing clips, it is named."""
    X = [image / 255 for image in data[0]]
    great = [X[0], X[1].copy(), *X[2:]]
    great[1][3, 4, 0] = value
    bands = [np.dstack([image, image[..., :2]]) for image in great]
    few = NetTraining(max_steps=1, batch_size=1, crop_size=32)
    estimators = [
        SEALSuperpixels(9, training=few),
        DELSegmenter(training=NetTraining(max_steps=1)),
        TrainableSLIC(9, features=LabFeatures()),
    ]
    for estimator in estimators:
        estimator.fit(great, data[1])
        assert 0 <= estimator.value_range_[0] < estimator.value_range_[1] <= 1
        assert estimator.transform(great)[1].shape == X[1].shape[:2]
        with pytest.raises(ValueError, match=r"holds values up to 1e\+.* leave them out by a mask"):
            clone(estimator).fit(bands, data[1])
    with pytest.raises(ValueError, match=r"X\[1\] holds values up to 1e\+"):
        EmbeddingFeatures(training=few).fit(great, data[1])
    for cls in LEARNED:
        with pytest.raises(ValueError, match=r"X\[1\] holds values from .* to 1e\+"):
            cls(pretrained="bsds500").transform(great)


def test_views_of_one_pixel():
    image = np.arange(27, dtype=np.uint8).reshape(3, 3, 3)
    for view in (image[2:0:-2, 2:0:-2], image[::-1, ::-1][1:2, 1:2], image[:1, :1, ::-1]):
        for cls in LEARNED:
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                estimator = cls(n_segments=1, pretrained="bsds500")
                assert estimator.transform([view])[0].tolist() == [[0]]


# --- a fit that does not end --------------------------------------------------------------------


FEW = NetTraining(max_steps=1, batch_size=1, crop_size=32)
REFITTED = {
    "del": DELSegmenter(training=NetTraining(max_steps=1), initial_weights="random"),
    "seal": SEALSuperpixels(9, training=FEW),
    "trainable slic": TrainableSLIC(9, features=LabFeatures(), size=8),
    "its embedding": TrainableSLIC(9, distance="embedding", training=FEW),
    "embedding": EmbeddingFeatures(n_components=2, size=8, training=FEW),
    "regions": RegionFeatures(SLICSuperpixels(9), pixel_features=LabFeatures()),
    "classifier": SuperpixelClassifier(SLICSuperpixels(9), classifier=DecisionTreeClassifier()),
}


@pytest.mark.parametrize("name", REFITTED)
def test_a_fit_that_is_stopped_changes_nothing(name, data, monkeypatch):
    """It left the range of new images beside the net of old ones."""
    X, y = [image.astype(np.uint16) * 13 for image in data[0][:3]], data[1][:3]
    classes = [labels % 2 for labels in y]
    y = classes if name == "classifier" else y
    estimator = clone(REFITTED[name]).fit(X, y)
    before = dict(vars(estimator))

    def stop(*args, **kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr(loop, "train", stop)
    monkeypatch.setattr(DecisionTreeClassifier, "fit", stop)
    if name in ("trainable slic", "regions"):
        monkeypatch.setattr(LabFeatures, "fit", stop)
    with pytest.raises(KeyboardInterrupt):
        estimator.fit([image // 7 for image in X], y)
    assert list(vars(estimator)) == list(before)
    assert all(value is before[key] for key, value in vars(estimator).items())


def test_a_fit_that_fails_leaves_an_estimator_unfitted(data):
    X, y = data
    estimator = SEALSuperpixels(9, training=FEW)
    with pytest.raises(ValueError, match=r"y\[1\] has shape"):
        estimator.fit(X[:2], [y[0], y[1][:9]])
    assert list(vars(estimator)) == list(vars(clone(estimator)))
