"""EmbeddingFeatures: trained through SLIC."""

import pickle

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from sklearn_spx import SLICSuperpixels, TrainableSLIC, metrics
from sklearn_spx.datasets import load_bsds500, load_sample_images, make_dead_leaves
from sklearn_spx.features import ChannelUnion, EmbeddingFeatures, LabFeatures
from sklearn_spx.kernels import slic
from sklearn_spx.training import NetTraining


def quick(**training):
    """Parameters for a short training."""
    training = NetTraining(**{"max_steps": 3, "batch_size": 1, "crop_size": 48, **training})
    return {"training": training, "n_components": 2, "random_state": 0}


@pytest.fixture(scope="module")
def leaves():
    return make_dead_leaves(4, shape=(72, 96), random_state=1)


@pytest.fixture(scope="module")
def fitted(leaves):
    return EmbeddingFeatures(**quick()).fit(leaves.images, leaves.ground_truths)


def same(a, b):
    return all(np.array_equal(x, y) for x, y in zip(a, b, strict=True))


def test_learns_what_colour_does_not_show():
    """Segments differ in the orientation of their stripes alone."""
    rng = np.random.default_rng(0)
    images, truths = [], []
    for _ in range(6):
        truth = (np.add.outer(np.arange(64) * rng.normal(), np.arange(64) * rng.normal())) % 64 > 32
        down, across = np.indices((64, 64))
        stripes = np.where(truth, down // 2 % 2, across // 2 % 2)
        images.append((stripes * 120 + 60 + rng.integers(0, 20, (64, 64))).astype(np.uint8))
        truths.append(truth.astype(np.int32))
    embedding = EmbeddingFeatures(
        n_components=4,
        training=NetTraining(max_steps=60, batch_size=2, crop_size=64),
        size=8,
        random_state=0,
    ).fit(images[:4], truths[:4])

    def accuracy(features):
        found = [slic(f, 64, compactness=10, convert2lab=False) for f in features]
        return np.mean(
            [metrics.achievable_segmentation_accuracy(*both) for both in zip(found, truths[4:])]
        )

    plain = accuracy(LabFeatures().fit_transform(images[4:]))
    assert accuracy(embedding.transform(images[4:])) > plain + 0.02
    losses = [entry["loss"] for entry in embedding.history_]
    assert losses[-1] < losses[0]


def test_output(fitted, leaves):
    features = fitted.transform(leaves.images)
    assert features[0].shape == (72, 96, 5)
    assert features[0].dtype == np.float32
    assert fitted.n_features_out_ == 5
    assert [entry["step"] for entry in fitted.history_] == [1, 2, 3]
    stacked = fitted.transform(np.stack(leaves.images))
    assert isinstance(stacked, np.ndarray)
    assert same(stacked, features)


@pytest.mark.parametrize("shape", [(1, 1), (1, 30), (37, 5)])
def test_any_size(fitted, shape):
    features = fitted.transform([np.zeros((*shape, 3), np.uint8)])[0]
    assert features.shape == (*shape, 5)
    assert np.isfinite(features).all()


@pytest.mark.parametrize("kind", ["gray", "uint16", "ten bands", "negative floats"])
def test_any_channels(leaves, kind):
    first = [image[:, :, 0] for image in leaves.images]
    images = {
        "gray": first,
        "uint16": [image.astype(np.uint16) * 257 for image in leaves.images],
        "ten bands": [np.repeat(image[:, :, None], 10, axis=2) * 3.5 for image in first],
        "negative floats": [image - 300.0 for image in first],
    }[kind]
    embedding = EmbeddingFeatures(**quick()).fit(images, leaves.ground_truths)
    features = embedding.transform(images)[0]
    n_channels = images[0].shape[2] if images[0].ndim == 3 else 1
    assert features.shape == (72, 96, n_channels + 2)
    assert np.isfinite(features).all()


def test_colours_count_the_same_in_eight_and_sixteen_bits(fitted, leaves):
    deep = [image.astype(np.uint16) * 257 for image in leaves.images]
    for a, b in zip(fitted.transform(leaves.images), fitted.transform(deep)):
        np.testing.assert_allclose(a, b, atol=2e-2)


def test_repeatable_whatever_the_threads(fitted, leaves):
    again = clone(fitted).set_params(n_jobs=2).fit(leaves.images, leaves.ground_truths)
    assert same(again.transform(leaves.images), fitted.transform(leaves.images))
    other = clone(fitted).set_params(random_state=1).fit(leaves.images, leaves.ground_truths)
    assert not same(other.transform(leaves.images), fitted.transform(leaves.images))


def test_pickle(fitted, leaves):
    fitted.transform(leaves.images[:1])  # the net is built
    again = pickle.loads(pickle.dumps(fitted))
    assert same(again.transform(leaves.images), fitted.transform(leaves.images))


def test_nothing_is_learned_from_pixels_left_out(leaves):
    blind = [[np.full((72, 96), -1), np.full((72, 96), -1)] for _ in leaves.images]
    with pytest.raises(ValueError, match="y shows no boundary"):
        EmbeddingFeatures(**quick()).fit(leaves.images, blind)
    blind[-1][-1][:2, :3] = [0, 1, 1]  # so few that crops hardly meet them
    stay = EmbeddingFeatures(**quick()).fit(leaves.images, blind)
    assert min(entry["loss"] for entry in stay.history_) == 0


def test_holds_images_out(leaves):
    embedding = EmbeddingFeatures(**quick(validation_fraction=0.5, early_stopping=True))
    embedding.fit(leaves.images, leaves.ground_truths)
    assert all(entry["score"] < 0 for entry in embedding.history_)


def test_starts_from_a_file(tmp_path, leaves, fitted):
    from safetensors.numpy import save_file

    state = {k.removeprefix("unet."): v for k, v in fitted.weights_.items() if "unet." in k}
    save_file(state, tmp_path / "net.safetensors")
    tiny = quick(max_steps=1, learning_rate=1e-9) | {"initial": tmp_path / "net.safetensors"}
    brought = EmbeddingFeatures(**tiny).fit(leaves.images, leaves.ground_truths).weights_
    name = "unet.entry.0.weight"
    np.testing.assert_allclose(brought[name], fitted.weights_[name], atol=1e-6)
    gray = [image[:, :, 0] for image in leaves.images]
    brought = EmbeddingFeatures(**tiny).fit(gray, leaves.ground_truths).weights_
    np.testing.assert_allclose(brought[name], fitted.weights_[name], atol=1e-6)
    save_file({"a": np.zeros(3)}, tmp_path / "other.safetensors")
    with pytest.raises(ValueError, match=r"holds no U-Net of these widths: entry\.0"):
        EmbeddingFeatures(initial=tmp_path / "other.safetensors").fit(
            leaves.images, leaves.ground_truths
        )
    with pytest.raises(FileNotFoundError, match="nowhere"):
        EmbeddingFeatures(initial="nowhere").fit(leaves.images, leaves.ground_truths)


def test_goes_on_where_it_was(leaves):
    on = EmbeddingFeatures(**quick(), warm_start=True).fit(leaves.images, leaves.ground_truths)
    first = on.weights_
    on.set_params(training__max_steps=1, training__learning_rate=1e-9).fit(
        leaves.images, leaves.ground_truths
    )
    name = "unet.head.weight"
    np.testing.assert_allclose(on.weights_[name], first[name], atol=1e-6)
    on.set_params(training__learning_rate=1e-2).fit(leaves.images, leaves.ground_truths)
    assert np.abs(on.weights_[name] - first[name]).max() > 1e-3
    with pytest.raises(ValueError, match="X has 1 channels; the net to go on from was trained on"):
        on.fit([image[:, :, 0] for image in leaves.images], leaves.ground_truths)


# --- under TrainableSLIC --------------------------------------------------------------------------


@pytest.mark.parametrize("distance", ["linear", "embedding"])
def test_under_trainable_slic(tmp_path, leaves, distance):
    union = ChannelUnion([("lab", LabFeatures()), ("embedding", EmbeddingFeatures(**quick()))])
    masks = [np.ones((72, 96), bool) for _ in leaves.images]
    masks[0][:, :20] = False
    model = TrainableSLIC(40, distance=distance, features=union, size=8)
    model.fit(leaves.images, leaves.ground_truths, masks=masks)
    assert model.weights_.shape == (8,)
    assert (len(set(model.weights_)) == 1) == (distance == "embedding")
    model.save(tmp_path / "model.safetensors")
    again = TrainableSLIC.from_pretrained(tmp_path / "model.safetensors")
    assert same(again.transform(leaves.images), model.transform(leaves.images))
    found = model.transform(leaves.images, masks=masks)[0]
    assert np.array_equal(found < 0, ~masks[0])


@pytest.fixture(scope="module")
def embedded(leaves):
    return TrainableSLIC(
        40, distance="embedding", features=EmbeddingFeatures(**quick(), size=8), size=8
    ).fit(leaves.images, leaves.ground_truths)


def test_embedding_distance(embedded, leaves):
    """Plain SLIC on the features, on the scale that gives the shape of plain SLIC."""
    features = embedded.features_.transform(leaves.images)
    scale = np.float32(np.sqrt(embedded.weights_[0]))
    wanted = [slic(f * scale, 40, compactness=10, max_iter=10, convert2lab=False) for f in features]
    assert same(embedded.transform(leaves.images), wanted)
    assert [entry["step"] for entry in embedded.history_] == [1, 2, 3]
    assert embedded.loss_ == embedded.history_[-1]["loss"]
    plain = SLICSuperpixels(54, max_iter=5).fit_transform(leaves.images)
    embedded = clone(embedded).set_params(n_segments=54, max_iter=5)
    found = embedded.fit(leaves.images, leaves.ground_truths).transform(leaves.images)
    shapes = [np.mean([metrics.compactness(one) for one in labels]) for labels in (plain, found)]
    assert shapes[0] == pytest.approx(shapes[1], abs=0.05)


def test_embedding_distance_half_precision(embedded, leaves, tmp_path):
    sizes = {}
    for half in (False, True):
        path = tmp_path / f"{half}.safetensors"
        embedded.save(path, half_precision=half)
        sizes[half] = path.stat().st_size
    again = TrainableSLIC.from_pretrained(tmp_path / "True.safetensors")
    assert sizes[True] < 0.6 * sizes[False]
    for a, b in zip(again.features_.transform(leaves.images), features_of(embedded, leaves)):
        np.testing.assert_allclose(a, b, atol=0.02 * np.abs(b).max())
    assert again.features_.weights_["unet.head.weight"].dtype == np.float32


def features_of(model, leaves):
    return model.features_.transform(leaves.images)


def test_embedding_distance_goes_on(embedded, leaves):
    name, still = "unet.head.weight", {"training": NetTraining(learning_rate=1e-9, max_steps=1)}
    before = embedded.features_.weights_[name]
    on = pickle.loads(pickle.dumps(embedded))
    on.features.set_params(**still)
    on.partial_fit(leaves.images[:2], leaves.ground_truths[:2])
    np.testing.assert_allclose(on.features_.weights_[name], before, atol=1e-6)
    assert on.n_images_ == 6
    assert not on.features_.warm_start
    on.set_params(warm_start=True).fit(leaves.images, leaves.ground_truths)
    np.testing.assert_allclose(on.features_.weights_[name], before, atol=1e-6)
    on.set_params(warm_start=False).fit(leaves.images, leaves.ground_truths)
    assert np.abs(on.features_.weights_[name] - before).max() > 1e-3
    with pytest.raises(
        ValueError, match="distance is 'linear', but the fit before was 'embedding'"
    ):
        on.set_params(distance="linear").partial_fit(leaves.images, leaves.ground_truths)
    on.set_params(features=LabFeatures(), warm_start=True, size=8, n_samples=4000)
    assert on.fit(leaves.images, leaves.ground_truths).weights_.shape == (3,)


def test_embedding_distance_by_default(monkeypatch, leaves, tmp_path):
    """Without features it makes its own, with the settings given."""
    made = []

    def fit(self, X, y=None):
        made.append(self)
        raise KeyboardInterrupt

    monkeypatch.setattr(EmbeddingFeatures, "fit", fit)
    training = NetTraining(validation_fraction=0.5, checkpoint=tmp_path / "run.pt")
    settings = {"size": 8, "n_jobs": 2, "training": training}
    with pytest.raises(KeyboardInterrupt):
        TrainableSLIC(distance="embedding", **settings).fit(leaves.images, leaves.ground_truths)
    found = made[0].get_params()
    assert {name: found[name] for name in ("size", "n_jobs")} == {"size": 8, "n_jobs": 2}
    assert found["training"].get_params() == training.get_params()
    # what chooses samples of pixels is refused, as it would do nothing
    with pytest.raises(ValueError, match="n_samples would change nothing"):
        TrainableSLIC(distance="embedding", n_samples=5).fit(leaves.images, leaves.ground_truths)


@pytest.mark.parametrize(
    ("parameters", "y", "message"),
    [
        ({}, None, "y is None"),
        ({"training": NetTraining(crop_size=8)}, "truths", "crop_size"),
        ({"device": "tpu"}, "truths", "device"),
        ({}, "one", "1 items for the 4 images"),
        ({}, "small", r"y\[0\]"),
    ],
)
def test_complaints(leaves, parameters, y, message):
    truths = leaves.ground_truths
    y = {"truths": truths, "one": truths[:1], "small": [t[:9] for t in truths]}.get(y)
    with pytest.raises(ValueError, match=message):
        EmbeddingFeatures(**{**quick(), **parameters}).fit(leaves.images, y)


def test_needs_fit():
    with pytest.raises(NotFittedError):
        EmbeddingFeatures().transform([np.zeros((4, 4))])


# --- what is shipped ------------------------------------------------------------------------------


def test_shipped():
    shipped = TrainableSLIC.from_pretrained("bsds500", n_segments=80)
    assert shipped.distance == "embedding"
    samples = load_sample_images()
    images = [samples.images[samples.names.index(name)] for name in ("astronaut", "chelsea")]
    labels = shipped.transform(images)
    for image, found in zip(images, labels):
        assert found.shape == image.shape[:2]
        assert 60 <= found.max() + 1 <= 110
    # of the shape of plain SLIC
    plain = SLICSuperpixels(80).fit_transform(images)
    shapes = [np.mean([metrics.compactness(one) for one in many]) for many in (plain, labels)]
    assert shapes[0] == pytest.approx(shapes[1], abs=0.08)


def test_shipped_beats_plain_slic_on_validation_photographs(data_root):
    data = load_bsds500(data_root / "BSDS500", "val")
    images, truths = (
        [many[i] for i in range(0, 100, 10)] for many in (data.images, data.ground_truths)
    )
    shipped = TrainableSLIC.from_pretrained("bsds500", n_segments=600, max_iter=5)
    found = shipped.transform(images)
    plain = SLICSuperpixels(600, max_iter=5).fit_transform(images)

    def mean(figure, labels):
        return np.mean([figure(*both) for both in zip(labels, truths)])

    assert mean(metrics.boundary_recall, found) > mean(metrics.boundary_recall, plain) + 0.02
    assert (
        mean(metrics.undersegmentation_error, found)
        < mean(metrics.undersegmentation_error, plain) - 0.005
    )
    shapes = [np.mean([metrics.compactness(one) for one in many]) for many in (plain, found)]
    assert shapes[0] == pytest.approx(shapes[1], abs=0.04)
