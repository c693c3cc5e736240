"""What is exported computes what the estimator does, at any size; what cannot be is named."""

import warnings

import numpy as np
import pytest

from sklearn_spx import DELSegmenter, SEALSuperpixels, SLICSuperpixels, TrainableSLIC
from sklearn_spx.bioimageio._maps import maps_of
from sklearn_spx.bioimageio._package import _run, _script
from sklearn_spx.datasets import make_dead_leaves
from sklearn_spx.features.devices import features_on
from sklearn_spx.kernels import entropy_rate_superpixels, slic
from sklearn_spx.methods.deep_embedding.model import as_rgb, as_tensor, several_views
from sklearn_spx.training import NetTraining

RNG = np.random.default_rng(0)
# odd, a multiple of no stride, of all, less than one, and a single pixel
SHAPES = [(37, 51), (64, 96), (101, 78), (3, 130), (1, 1)]
QUICK = NetTraining(max_steps=1, batch_size=1, crop_size=32)


def affinities(estimator, image):
    return estimator.affinities([image])[0]


def boundaries(estimator, image):
    labels = np.zeros(image.shape[:2], np.int32)
    tensor = as_tensor(as_rgb(image))
    return several_views(estimator.net_, lambda: tensor, labels, 1, "mean", (1.0,), False)[
        1
    ].numpy()[None]


def features(estimator, image):
    return (features_on(estimator.features_, image, "cpu") @ estimator.axes_).transpose(2, 0, 1)


def planes(image):
    return np.ascontiguousarray(image.transpose(2, 0, 1)[None], np.float32)


def noise(shape, n_channels=3):
    image = RNG.integers(0, 256, (*shape, n_channels)).astype(np.uint8)
    image[: shape[0] // 3], image[-shape[0] // 4 :] = 0, 255
    return image


@pytest.fixture(scope="module")
def leaves():
    return make_dead_leaves(2, shape=(40, 56), random_state=0)


@pytest.mark.parametrize(
    ("cls", "expected"),
    [(SEALSuperpixels, affinities), (DELSegmenter, boundaries), (TrainableSLIC, features)],
)
def test_maps_are_those_of_the_estimator_at_any_size(cls, expected):
    estimator = cls.from_pretrained("bsds500")
    script = _script(maps_of(estimator))  # of an image of 48 x 64
    for shape in SHAPES:
        image = noise(shape)
        found = _run(script, planes(image))
        want = expected(estimator, image)
        assert found.dtype == np.float32
        assert found.shape == (1, *want.shape)
        np.testing.assert_allclose(found[0], want, rtol=1e-6, atol=1e-6 * np.abs(want).max())


def test_images_of_a_batch_are_apart():
    maps = maps_of(SEALSuperpixels.from_pretrained("bsds500"))
    script, images = _script(maps), [planes(noise((40, 33))) for _ in range(2)]
    found = _run(script, np.concatenate(images))
    for k, image in enumerate(images):
        np.testing.assert_allclose(found[k], _run(script, image)[0], atol=1e-6)


def test_a_net_of_other_channels():
    leaves = make_dead_leaves(2, shape=(40, 56), random_state=0)
    images = [image[:, :, :2] for image in leaves.images]
    seal = SEALSuperpixels(20, training=QUICK).fit(images, leaves.ground_truths)
    maps = maps_of(seal)
    assert maps.n_channels == 2
    image = noise((21, 30), 2)
    found = _run(_script(maps), planes(image))[0]
    np.testing.assert_allclose(found, seal.affinities([image])[0], atol=1e-6)


def test_superpixels_grow_of_the_maps_as_the_readme_says():
    estimator = TrainableSLIC.from_pretrained("bsds500", n_segments=40)
    image = make_dead_leaves(1, shape=(48, 64), random_state=1).images[0]
    maps = _run(maps_of(estimator).graph, planes(image))[0]
    compactness = estimator.compactness
    labels = slic(maps.transpose(1, 2, 0), 40, compactness=compactness, convert2lab=False)
    assert np.mean(labels == estimator.transform([image])[0]) > 0.99
    seal = SEALSuperpixels.from_pretrained("bsds500", regularity=0, colour=0, sharpness=1)
    maps = _run(maps_of(seal).graph, planes(image))[0]
    labels = entropy_rate_superpixels(n_segments=30, affinities=maps, balance=0.3)
    assert np.array_equal(labels, seal.transform([image], n_segments=[30])[0][0])


def test_nets_that_are_not_compact_are_named(leaves):
    seal = SEALSuperpixels(net="pan-no-canny", training=QUICK)
    seal.fit(leaves.images, leaves.ground_truths)
    with pytest.raises(
        ValueError, match=r"no compact net to export but a PixelAffinityNet.*compact"
    ):
        maps_of(seal)
    linear = TrainableSLIC(n_samples=500).fit(leaves.images, leaves.ground_truths)
    with pytest.raises(ValueError, match=r"features of ChannelUnion; accepted.*embedding"):
        maps_of(linear)
    many = [np.dstack([image, image[:, :, :2]]) for image in leaves.images]
    segmenter = DELSegmenter(training=NetTraining(max_steps=1)).fit(many, leaves.ground_truths)
    with pytest.raises(ValueError, match="means of 5 channels"):
        maps_of(segmenter)


def test_features_of_other_images_than_colours_are_named(leaves):
    images = [image[:, :, :2] for image in leaves.images]
    embedding = TrainableSLIC(distance="embedding", training=NetTraining(max_steps=1))
    embedding.fit(images, leaves.ground_truths)
    with pytest.raises(ValueError, match="no embedding of colours"):
        maps_of(embedding)


def test_a_trunk_of_ones_own_is_named():
    import torch

    from sklearn_spx.nets.del_heads import CompactNet

    class Trunk(torch.nn.Module):
        channels, strides, origins = (4,), (2,), (0.5,)

        def __init__(self):
            super().__init__()
            self.first = torch.nn.Conv2d(3, 4, 2, 2)

    estimator = DELSegmenter.from_pretrained("bsds500")
    estimator._net.module = CompactNet(Trunk())
    with pytest.raises(ValueError, match="one over the trunk Trunk"):
        maps_of(estimator)


def test_estimators_without_nets_are_named():
    with pytest.raises(TypeError, match="SLICSuperpixels; accepted is"):
        maps_of(SLICSuperpixels())


@pytest.mark.parametrize("cls", [SEALSuperpixels, DELSegmenter, TrainableSLIC])
def test_tracing_frightens_nobody(cls):
    """torch warned of wrong results at other sizes, of which there are none: see above."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        _script(maps_of(cls.from_pretrained("bsds500")))
