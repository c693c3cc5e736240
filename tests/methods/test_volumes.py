"""The untrained estimators on volumes and on pixels that are no squares."""

import sys

import numpy as np
import pytest
from scipy.ndimage import label
from sklearn.base import clone

from sklearn_spx import EGBSegmenter, ERSSuperpixels, SLICSuperpixels
from sklearn_spx.datasets import make_dead_leaves
from sklearn_spx.kernels import (
    entropy_rate_superpixels,
    graph_segmentation,
    region_adjacency,
    region_means,
    slic,
)
from sklearn_spx.kernels.slic import region_seeds
from sklearn_spx.metrics import achievable_segmentation_accuracy
from sklearn_spx.model_file._parameters import check, encode

ESTIMATORS = {
    "ers": ERSSuperpixels(20, connectivity=6, spacing=(2, 1, 1)),
    "egb": EGBSegmenter(100.0, connectivity=26, spacing=(2, 1, 1), min_size=30),
    "slic": SLICSuperpixels(20, spacing=(2, 1, 1)),
}


@pytest.fixture(scope="module")
def data():
    return make_dead_leaves(2, shape=(8, 16, 18), random_state=0)


@pytest.mark.parametrize("name", ESTIMATORS)
def test_volumes(name, data):
    estimator = clone(ESTIMATORS[name])
    labels = estimator.fit_transform(data.images)
    for found, truth in zip(labels, data.ground_truths):
        assert found.dtype == np.int32
        assert found.shape == truth.shape
        np.testing.assert_array_equal(np.unique(found), np.arange(found.max() + 1))
        structure = np.ones((3, 3, 3)) if name == "egb" else None
        assert all(label(found == k, structure)[1] == 1 for k in range(found.max() + 1))
    if name != "egb":
        assert [found.max() + 1 for found in labels] == [20, 20]
    stacked = estimator.transform(np.stack(data.images))
    np.testing.assert_array_equal(stacked, np.stack(labels))
    assert 0 < estimator.score(data.images, data.ground_truths) <= 1
    for same in (data.images[0] / 255, data.images[0].astype(np.uint16) * 257):
        np.testing.assert_array_equal(clone(estimator).fit_transform([same])[0], labels[0])


@pytest.mark.parametrize("name", ESTIMATORS)
def test_gray_volumes_are_those_of_three_channels(name, data):
    gray = data.images[0][..., 1]
    estimator = clone(ESTIMATORS[name])
    (wanted,) = estimator.fit_transform([np.repeat(gray[..., None], 3, axis=-1)])
    for same in (gray, gray[..., None]):
        np.testing.assert_array_equal(clone(estimator).fit_transform([same])[0], wanted)


@pytest.mark.parametrize("name", ESTIMATORS)
def test_nothing_outside_a_mask_matters(name, data):
    mask = np.zeros(data.images[0].shape[:3], bool)
    mask[1:6, 2:14, 3:] = True
    volume = data.images[0] / 255
    estimator = clone(ESTIMATORS[name])
    (wanted,) = estimator.fit_transform([volume], masks=[mask])
    volume[~mask] = np.nan
    (found,) = estimator.fit_transform([volume], masks=[mask])
    np.testing.assert_array_equal(found, wanted)
    assert (found[~mask] == -1).all()
    assert (found[mask] >= 0).all()


def test_estimators_do_what_the_kernels_do(data):
    volume = data.images[0]
    (found,) = ESTIMATORS["egb"].fit_transform([volume])
    options = {"connectivity": 26, "spacing": (2, 1, 1), "min_size": 30}
    np.testing.assert_array_equal(found, graph_segmentation(volume, scale=100.0, **options))
    ers = clone(ESTIMATORS["ers"])
    (found,) = ers.fit_transform([volume])
    cells = slic(volume, 20, spacing=(2, 1, 1))
    options = {"connectivity": 6, "spacing": (2, 1, 1), "regularity": 0.1}
    wanted = entropy_rate_superpixels(volume, 20, cells=cells, **options)
    np.testing.assert_array_equal(found, wanted)
    (found,) = ers.set_params(regularity=0).fit_transform([volume])
    np.testing.assert_array_equal(
        found, entropy_rate_superpixels(volume, 20, connectivity=6, spacing=(2, 1, 1))
    )
    ers.set_params(regularity=0.1)
    (found,) = ers.transform([volume], start=[cells])
    np.testing.assert_array_equal(found, wanted)
    clusters = clone(ESTIMATORS["slic"])
    (found,) = clusters.fit_transform([volume])
    np.testing.assert_array_equal(found, slic(volume, 20, spacing=(2, 1, 1)))
    (found,) = clusters.transform([volume], start=[cells])
    wanted = slic(volume, 20, spacing=(2, 1, 1), seeds=region_seeds(cells))
    np.testing.assert_array_equal(found, wanted)


@pytest.mark.parametrize("name", ESTIMATORS)
def test_images_of_other_pixels_than_squares(name):
    image = make_dead_leaves(1, (40, 52), random_state=0).images[0]
    estimator = clone(ESTIMATORS[name]).set_params(spacing=None)
    if name != "slic":
        estimator.set_params(connectivity=8)
    (plain,) = estimator.fit_transform([image])
    (same,) = clone(estimator).set_params(spacing=(3, 3)).fit_transform([image])
    np.testing.assert_array_equal(same, plain)
    (other,) = clone(estimator).set_params(spacing=[3, 1]).fit_transform([image])
    assert other.shape == plain.shape
    assert (other != plain).any()


@pytest.mark.parametrize("name", ESTIMATORS)
def test_mistakes_are_errors_of_the_call(name, data):
    estimator = clone(ESTIMATORS[name]).set_params(on_error="warn")
    if name != "slic":
        with pytest.raises(ValueError, match="connectivity must be 4 or 8, got"):
            clone(estimator).set_params(spacing=None).fit([data.images[0][0]])
    with pytest.raises(ValueError, match="device is 'cuda' and spacing"):
        clone(estimator).set_params(device="cuda").fit(data.images)
    with pytest.raises(ValueError, match=r"spacing\[0\] must be above 0"):
        clone(estimator).set_params(spacing=(0, 1, 1)).fit(data.images)
    with pytest.raises(ValueError, match=r"'spacing' parameter"):
        clone(estimator).set_params(spacing=3.5).fit(data.images)
    estimator.fit(data.images).set_params(device="auto").transform(data.images)


def test_spacing_is_kept_in_model_files():
    ers = ERSSuperpixels(spacing=(2.5, 1, 1), connectivity=26)
    for estimator in (ers, SLICSuperpixels(spacing=(2, 1))):
        assert check(encode(estimator)).build().get_params() == estimator.get_params()
    encoded = encode(ers)
    for bad in ([1.0], [1.0, 0.0], [1.0] * 4, ["a", "b"]):
        encoded["params"]["spacing"] = {"tuple": bad}
        with pytest.raises(ValueError, match=r"spacing.*two or three numbers above 0"):
            check(encoded)


def test_superpixels_of_volumes_follow_their_borders():
    data = make_dead_leaves(1, (24, 32, 32), random_state=0)
    (labels,) = ERSSuperpixels(60, connectivity=6, spacing=(1, 1, 1)).fit_transform(data.images)
    (boxes,) = SLICSuperpixels(60, spacing=(1, 1, 1)).fit_transform([np.zeros(labels.shape)])
    truth = data.ground_truths[0]
    found, chance = (achievable_segmentation_accuracy(one, truth) for one in (labels, boxes))
    assert 1 - found < 0.8 * (1 - chance)


def test_volumes_are_compiled_with_images(data):
    volume, mask = data.images[0], data.ground_truths[0] > 0

    def signatures():
        modules = (
            "entropy_rate._cpu",
            "entropy_rate._cpu_weights",
            "entropy_rate._queue",
            "graph_segmentation._cpu",
            "graph_segmentation._cpu_weights",
        )
        functions = [
            function
            for name in (*modules, "region_graph._cpu")
            for function in vars(sys.modules[f"sklearn_spx.kernels.{name}"]).values()
            if hasattr(function, "signatures")
        ]
        return [len(function.signatures) for function in functions]

    def segment(image, mask, spacing):
        graph_segmentation(image, spacing=spacing)
        graph_segmentation(image, spacing=spacing, mask=mask)
        labels = entropy_rate_superpixels(image, 40, spacing=spacing)
        entropy_rate_superpixels(image, 150, spacing=spacing, mask=mask, cells=labels)
        region_adjacency(labels)
        region_means(image, labels)

    segment(volume[2], np.ones(volume.shape[1:3], bool), None)
    before = signatures()
    assert sum(before) > 4
    segment(volume, mask, (2, 1, 1))
    assert signatures() == before
