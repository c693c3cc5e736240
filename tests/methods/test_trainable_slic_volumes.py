"""TrainableSLIC's linear form on volumes and on pixels that are no squares."""

import numpy as np
import pytest
from scipy.ndimage import label
from sklearn.base import clone

from sklearn_spx import SLICSuperpixels, TrainableSLIC
from sklearn_spx.datasets import make_dead_leaves
from sklearn_spx.features import LabFeatures
from sklearn_spx.kernels import slic
from sklearn_spx.kernels.cluster_assign import cluster_means, nearest_clusters
from sklearn_spx.methods.trainable_slic.samples import grid_count, nearest_in_space
from sklearn_spx.metrics import achievable_segmentation_accuracy, compactness

SPACING = (2, 1, 1)


def noisy(volume, seed):
    """A volume of two bands, of which the second is noise alone."""
    rng = np.random.default_rng(seed)
    gray = volume[..., 1] / 255
    return np.stack([gray, rng.random(gray.shape)], axis=-1)


@pytest.fixture(scope="module")
def data():
    leaves = make_dead_leaves(3, shape=(20, 40, 44), random_state=1)
    leaves.images = [noisy(volume, i) for i, volume in enumerate(leaves.images)]
    return leaves


@pytest.fixture(scope="module")
def fitted(data):
    model = TrainableSLIC(
        60, features=LabFeatures(), labels="weak", size=8, n_samples=5000, spacing=SPACING
    )
    return model.set_params(hard_examples=2).fit(data.images[:2], data.ground_truths[:2])


def test_what_tells_nothing_weighs_little(fitted, data):
    volume, truth = data.images[2], data.ground_truths[2]
    assert fitted.weights_[1] < 0.1 * fitted.weights_[0]
    (found,) = fitted.transform([volume])
    assert found.shape == truth.shape
    assert found.max() + 1 == 60
    assert all(label(found == k)[1] == 1 for k in range(60))
    (plain,) = SLICSuperpixels(60, spacing=SPACING).fit_transform([volume])
    ours, theirs = (1 - achievable_segmentation_accuracy(one, truth) for one in (found, plain))
    assert ours < 0.8 * theirs


def test_the_kernel_takes_the_weights(fitted, data):
    volume = data.images[2]
    (found,) = fitted.transform([volume])
    wanted = slic(volume.astype(np.float32) @ fitted.axes_, 60, spacing=SPACING, convert2lab=False)
    assert (found == wanted).mean() > 0.999
    weighted = slic(
        volume.astype(np.float32), 60, weights=fitted.weights_, spacing=SPACING, convert2lab=False
    )
    assert (found == weighted).mean() > 0.9
    start = np.arange(60).repeat(-(-found.size // 60))[: found.size].reshape(found.shape)
    assert fitted.transform([volume], start=[start])[0].max() + 1 == 60


def test_cuts_are_as_compact_as_those_of_plain_slic():
    leaves = make_dead_leaves(2, shape=(16, 48, 48), random_state=0)
    n = grid_count(leaves.images[0].shape[:3], None, 8, SPACING)
    assert n == round(16 * 48 * 48 * 2 / 8**3)
    options = {"size": 8, "n_samples": 2000, "hard_examples": 2, "spacing": SPACING}
    model = TrainableSLIC(n, features=LabFeatures(), **options)
    found = model.fit_transform(leaves.images, leaves.ground_truths)
    plain = SLICSuperpixels(n, spacing=SPACING).fit_transform(leaves.images)
    found, plain = (
        np.mean([compactness(cut) for volume in labels for cut in volume])
        for labels in (found, plain)
    )
    assert found == pytest.approx(plain, abs=0.05)


def test_features_are_those_of_the_slices(data):
    images = [(volume[..., 0] * 255).astype(np.uint8) for volume in data.images]
    model = TrainableSLIC(30, size=8, n_samples=2000, hard_examples=2, spacing=SPACING)
    model.fit(images[:2], data.ground_truths[:2])
    (found,) = model.transform(images[2:])
    slices = [np.repeat(image[..., None], 3, axis=-1) for image in images[2]]
    values = np.stack(model.features_.transform(slices)) @ model.axes_
    assert (found == slic(values, 30, spacing=SPACING, convert2lab=False)).all()


def test_images_of_other_pixels_than_squares():
    leaves = make_dead_leaves(2, (60, 80), random_state=0)
    options = {"size": 8, "n_samples": 2000, "features": LabFeatures(), "hard_examples": 2}
    model = TrainableSLIC(40, spacing=(2, 1), **options)
    found = model.fit_transform(leaves.images, leaves.ground_truths)
    assert [labels.max() + 1 for labels in found] == [40, 40]
    other = TrainableSLIC(40, **options).fit_transform(leaves.images, leaves.ground_truths)
    assert (found[0] != other[0]).any()


def test_nothing_outside_a_mask_matters(data):
    mask = np.zeros(data.images[0].shape[:3], bool)
    mask[2:18, 4:36, 2:] = True
    model = TrainableSLIC(
        30, features=LabFeatures(), size=8, n_samples=2000, hard_examples=2, spacing=SPACING
    )
    given = {"masks": [mask, None]}
    wanted = model.fit(data.images[:2], data.ground_truths[:2], **given)
    (labels,) = wanted.transform(data.images[:1], masks=[mask])
    assert ((labels >= 0) == mask).all()
    volume = np.where(mask[..., None], data.images[0], np.nan)
    found = clone(model).fit([volume, data.images[1]], data.ground_truths[:2], **given)
    np.testing.assert_array_equal(found.weights_, wanted.weights_)
    np.testing.assert_array_equal(found.transform([volume], masks=[mask])[0], labels)


def test_learning_on_saving_and_spacing_after_the_fit(fitted, data, tmp_path):
    model = clone(fitted).fit(data.images[:1], data.ground_truths[:1])
    model.partial_fit(data.images[1:2], data.ground_truths[1:2])
    assert model.n_images_ == 2
    assert model.weights_[1] < 0.1 * model.weights_[0]
    model.save(tmp_path / "model.safetensors")
    again = TrainableSLIC.from_pretrained(tmp_path / "model.safetensors")
    assert again.spacing == SPACING
    (wanted,) = model.transform(data.images[2:])
    np.testing.assert_array_equal(again.transform(data.images[2:])[0], wanted)
    (labels,) = again.set_params(spacing=None).transform([data.images[2][0]])
    assert labels.shape == wanted.shape[1:]


@pytest.mark.parametrize("steps", [(1.0, 1.0), (2.0, 1.0), (3.0, 1.0, 1.5)])
def test_nearest_in_space(steps):
    rng = np.random.default_rng(0)
    shape = (6, 9, 8)[: len(steps)]
    labels = rng.integers(-1, 5, shape).astype(np.int32)
    pixels = rng.permutation(labels.size)[:20]
    steps = np.array(steps)
    neighbors, squares = nearest_in_space(labels, pixels, 7, steps)
    assert neighbors.shape == squares.shape == (20, 7)
    assert (neighbors[:, 5:] == -1).all()
    assert np.isinf(squares[:, 5:]).all()
    centers = np.array([np.argwhere(labels == k).mean(axis=0) for k in range(5)])
    places = np.stack(np.unravel_index(pixels, shape), axis=1)
    wanted = (((places[:, None] - centers) * steps) ** 2).sum(axis=2)
    np.testing.assert_array_equal(neighbors[:, :5], np.argsort(wanted, axis=1, kind="stable"))
    np.testing.assert_allclose(squares[:, :5], np.sort(wanted, axis=1), rtol=1e-5)
    if len(steps) == 2 and steps.max() == 1:
        _, centers, _ = cluster_means(labels[..., None], labels)
        np.testing.assert_array_equal(neighbors, nearest_clusters(pixels, shape, centers, 7))


def test_mistakes_are_named(fitted, data):
    volumes, truths = data.images[:2], data.ground_truths[:2]
    for distance in ("mlp", "classifier", "embedding"):
        with pytest.raises(ValueError, match=f"distance='{distance}' is learned on images"):
            TrainableSLIC(9, distance=distance, spacing=SPACING).fit(volumes, truths)
    with pytest.raises(ValueError, match="labels='edges' walks through images"):
        clone(fitted).set_params(labels="edges").fit(volumes, truths)
    with pytest.raises(ValueError, match="device is 'cuda' and spacing"):
        clone(fitted).set_params(device="cuda").fit(volumes, truths)
    with pytest.raises(ValueError, match="between superpixels of 8 x 8 x 8 pixels"):
        clone(fitted).fit(volumes, [np.zeros(truth.shape, int) for truth in truths])
    with pytest.raises(ValueError, match=r"X\[0\].* as spacing has three numbers|X\[0\] reads"):
        fitted.transform([volumes[0][0, :, :, 0]])


def test_a_net_that_is_of_images_refuses_spacing():
    pytest.importorskip("torch")
    leaves = make_dead_leaves(2, (48, 64), random_state=0)
    model = TrainableSLIC(
        9, distance="mlp", features=LabFeatures(), size=8, n_samples=500, hard_examples=2
    )
    model.set_params(training__max_epochs=1, training__validation_fraction=0.0)
    model.fit(leaves.images, leaves.ground_truths).set_params(spacing=(2, 1))
    with pytest.raises(ValueError, match="the net of distance='mlp' is of images of square pixels"):
        model.transform(leaves.images)
