"""RegionFeatures: what X may be, which row is whose, names, data frames, memory, bad input."""

import pickle

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.cluster import KMeans
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from sklearn_spx import ERSSuperpixels, SLICSuperpixels
from sklearn_spx.datasets import make_dead_leaves
from sklearn_spx.features import ChannelUnion, LabFeatures
from sklearn_spx.kernels import slic
from sklearn_spx.kernels.color import rgb_to_lab
from sklearn_spx.regions import RegionFeatures, region_table
from sklearn_spx.utils import estimator_checks


def _images(n=3, channels=3):
    rng = np.random.default_rng(0)
    return [rng.integers(0, 256, (20 + 2 * i, 30 - i, channels), dtype=np.uint8) for i in range(n)]


def _pairs(n=3):
    # numbers with gaps, regions in pieces
    return [(image, slic(image, 12) % 5 * 10) for image in _images(n)]


@pytest.mark.parametrize(
    "check", estimator_checks._SKLEARN_CHECKS, ids=lambda check: check.__name__
)
def test_contract_of_scikit_learn(check):
    check("RegionFeatures", RegionFeatures())


def test_rows_are_those_of_the_table():
    pairs = _pairs()
    features = RegionFeatures(properties=["area", "intensity_std", "perimeter"]).fit(pairs)
    names = features.get_feature_names_out().tolist()
    assert names[1:4] == ["intensity_std-L", "intensity_std-a", "intensity_std-b"]
    assert features.n_features_out_ == len(names) == 5
    assert features.n_channels_in_ == 3
    found = features.transform(pairs)
    of_image, label = features.rows(pairs)
    assert found.dtype == np.float64
    for i, (image, labels) in enumerate(pairs):
        table = region_table(labels, rgb_to_lab(image), properties=features.properties)
        wanted = np.stack([np.asarray(c, float) for c in table.values()], axis=1)
        np.testing.assert_array_equal(found[of_image == i], wanted)
        np.testing.assert_array_equal(label[of_image == i], np.unique(labels))


def test_channels_as_they_are():
    pairs = _pairs()
    features = RegionFeatures(properties=["intensity_max"], color_space="channels")
    found = features.fit_transform(pairs)
    assert features.get_feature_names_out().tolist() == [f"intensity_max-{c}" for c in range(3)]
    table = region_table(pairs[0][1], pairs[0][0], properties=["intensity_max"])
    np.testing.assert_array_equal(found[:5, 0], table["intensity_max-0"])


def test_by_default_there_is_no_place_and_no_label():
    features = RegionFeatures().fit(_pairs())
    names = features.get_feature_names_out()
    assert not {"label", "bbox-0", "centroid-0", "orientation"} & set(names)
    assert {"position-0", "area", "gradient_magnitude", "neighbour_difference-L"} <= set(names)
    assert np.isfinite(features.transform(_pairs())).all()


def test_images_get_the_superpixels_of_the_estimator():
    images = _images()
    features = RegionFeatures(SLICSuperpixels(12)).fit(images)
    labels = SLICSuperpixels(12).fit_transform(images)
    for found, wanted in zip(features.label_images(images), labels):
        np.testing.assert_array_equal(found, wanted)
    pairs = list(zip(images, labels))
    np.testing.assert_array_equal(
        features.transform(images), RegionFeatures().fit(pairs).transform(pairs)
    )
    # a pair brings its own labels, beside images that do not
    mixed = features.transform([images[0], (images[1], np.zeros(images[1].shape[:2], int))])
    assert len(mixed) == 12 + 1


def test_anything_with_transform_finds_superpixels():
    stripes = FunctionTransformer(
        lambda X: [np.repeat([np.arange(x.shape[1]) // 10], len(x), axis=0) for x in X]
    )
    features = RegionFeatures(stripes, properties=["label", "area"])
    found = features.fit_transform(_images(1))
    assert found.tolist() == [[0, 200], [1, 200], [2, 200]]


def test_label_images_alone_have_shapes():
    images = _images()
    pipeline = make_pipeline(SLICSuperpixels(12), RegionFeatures(), KMeans(2, random_state=0))
    assert len(pipeline.fit_predict(images)) == 36
    features = pipeline[1]
    assert features.n_channels_in_ == 0
    assert features.superpixels_ is None
    assert "perimeter" in features.get_feature_names_out()
    assert not [name for name in features.get_feature_names_out() if "intensity" in name]


def test_a_label_image_of_bytes_is_one():
    labels = np.array([[0, 255], [255, 255]], np.uint8)
    found = RegionFeatures(properties=["label", "area"]).fit_transform([labels])
    assert found.tolist() == [[0, 1], [255, 3]]


def test_features_of_pixels_have_means_and_deviations():
    pairs = _pairs()
    union = ChannelUnion([("lab", LabFeatures()), ("rgb", LabFeatures(convert2lab=False))])
    features = RegionFeatures(properties=["area"], pixel_features=union)
    found = features.fit_transform(pairs)
    names = features.get_feature_names_out().tolist()
    assert names[:2] == ["area", "feature_mean-0"]
    assert names[-1] == "feature_std-5"
    assert found.shape[1] == len(names) == 13
    image, labels = pairs[0]
    inside = labels == 10
    np.testing.assert_allclose(found[1, 4:7], image[inside].mean(0), rtol=1e-6)
    np.testing.assert_allclose(found[1, 10:], image[inside].std(0), rtol=1e-5)


def test_outside_the_mask_nothing_counts():
    images, mask = _images(2), np.zeros((20, 30), bool)
    mask[5:15, 5:25] = True
    real = images[0] / 255
    real[~mask] = np.nan
    union = LabFeatures(convert2lab=False)
    for superpixels in (SLICSuperpixels(6), None):
        items = [real, images[1] / 255]
        if superpixels is None:
            items = [(image, slic(np.nan_to_num(image), 6)) for image in items]
        features = RegionFeatures(superpixels, pixel_features=union)
        found = features.fit(items, masks=[mask, None]).transform(items, masks=[mask, None])
        assert np.isfinite(found).all()
        labels = features.label_images(items, masks=[mask, None])
        np.testing.assert_array_equal(labels[0] < 0, ~mask)
        assert len(found) == sum(len(np.unique(one[one >= 0])) for one in labels)


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_data_frames(library):
    pytest.importorskip(library)
    pairs = _pairs(2)
    features = RegionFeatures(properties=["area", "intensity_mean"])
    wanted = features.fit_transform(pairs)
    frame = features.set_output(transform=library).fit_transform(pairs)
    assert type(frame).__module__.startswith(library)
    assert list(frame.columns) == features.get_feature_names_out().tolist()
    np.testing.assert_array_equal(frame.to_numpy(), wanted)


class Counting(SLICSuperpixels):
    """SLIC that counts its images."""

    calls = 0

    def _segment(self, image, mask):
        type(self).calls += 1
        return super()._segment(image, mask)


def test_memory_spares_superpixels(tmp_path):
    images = _images()
    features = RegionFeatures(Counting(9), memory=str(tmp_path)).fit(images)
    Counting.calls = 0
    first = features.transform(images)
    assert Counting.calls == 3
    features.rows(images)
    np.testing.assert_array_equal(features.transform(images[::-1])[-9:], first[:9])
    np.testing.assert_array_equal(clone(features).fit(images).transform(images), first)
    assert Counting.calls == 3
    features.set_params(superpixels__n_segments=4)  # fitted again: other superpixels
    assert len(features.fit(images).rows(images)[0]) == 12
    assert Counting.calls == 6


def test_threads_and_pickles_change_nothing():
    images = _images()
    features = RegionFeatures(SLICSuperpixels(9)).fit(images)
    wanted = features.transform(images)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(features)).transform(images), wanted)
    np.testing.assert_array_equal(features.set_params(n_jobs=2).transform(images), wanted)


def test_not_fitted():
    for call in ("transform", "rows", "label_images"):
        with pytest.raises(NotFittedError):
            getattr(RegionFeatures(), call)(_pairs())
    with pytest.raises(NotFittedError):
        RegionFeatures().get_feature_names_out()


IMAGE, LABELS = np.zeros((4, 5, 3), np.uint8), np.zeros((4, 5), int)


@pytest.mark.parametrize(
    ("error", "message", "options", "X"),
    [
        (ValueError, r"X\[0\] has shape \(4, 5, 3\).*Give superpixels=", {}, [IMAGE]),
        (ValueError, r"X\[0\] has .*float64.*Give superpixels=", {}, [np.zeros((4, 5))]),
        (TypeError, r"X\[0\] is a list of two arrays.*pass \(image", {}, [[IMAGE, LABELS]]),
        (ValueError, r"X\[0\] is a tuple of 3", {}, [(IMAGE, LABELS, LABELS)]),
        (ValueError, r"labels of X\[0\] have shape \(5, 4\).*swapped", {}, [(IMAGE, LABELS.T)]),
        (TypeError, r"labels of X\[0\] has dtype float", {}, [(IMAGE, LABELS / 2)]),
        (ValueError, r"labels of X\[0\] are negative everywhere", {}, [(IMAGE, LABELS - 1)]),
        (ValueError, r"labels of X\[0\] are negative everywhere", {}, [LABELS - 1]),
        (
            ValueError,
            r"X\[1\] is a label image alone, X\[0\] a pair",
            {},
            [(IMAGE, LABELS), LABELS],
        ),
        (ValueError, r"X\[1\] is a pair .*, X\[0\] a label image", {}, [LABELS, (IMAGE, LABELS)]),
        (
            ValueError,
            r"X\[1\] has 1 channels where 3",
            {},
            [(IMAGE, LABELS), (IMAGE[:, :, 0], LABELS)],
        ),
        (ValueError, r"X\[0\] holds 60 values that are NaN", {}, [(IMAGE * np.nan, LABELS)]),
        (
            ValueError,
            "'intensity_mean' needs an image",
            {"properties": ["intensity_mean"]},
            [LABELS],
        ),
        (ValueError, "pixel_features need images", {"pixel_features": LabFeatures()}, [LABELS]),
        (ValueError, "no column", {"properties": []}, [LABELS]),
        (ValueError, "no property 'size'", {"properties": ["size"]}, [LABELS]),
        (ValueError, "quantiles must be", {"quantiles": (10,)}, [LABELS]),
        (TypeError, r"X\[0\] is a path", {"superpixels": SLICSuperpixels(3)}, ["a.png"]),
    ],
)
def test_bad_input_is_named(error, message, options, X):
    with pytest.raises(error, match=message):
        RegionFeatures(**options).fit(X)


def test_truths_of_superpixels_are_as_many_as_images():
    with pytest.raises(ValueError, match="y holds 1 items for the 2 images of X"):
        RegionFeatures(SLICSuperpixels(3)).fit([IMAGE, IMAGE], [LABELS])


def test_what_fit_did_not_see_is_named():
    features = RegionFeatures().fit([(IMAGE, LABELS)])
    with pytest.raises(ValueError, match=r"X\[1\] is a label image alone.*pass \(image, labels\)"):
        features.transform([(IMAGE, LABELS), LABELS])
    features = RegionFeatures(SLICSuperpixels(3)).fit([(IMAGE, LABELS)])
    with pytest.raises(ValueError, match=r"X\[0\]: it has no labels, but all of fit had theirs"):
        features.transform([IMAGE])


# --- volumes and spacing -------------------------------------------------------------------------


def test_features_of_volumes():
    data = make_dead_leaves(2, shape=(6, 12, 14), random_state=0)
    superpixels = ERSSuperpixels(15, connectivity=6, spacing=(2, 1, 1))
    features = RegionFeatures(superpixels=superpixels, spacing=(2, 1, 1))
    rows = features.fit_transform(data.images)
    names = features.get_feature_names_out().tolist()
    assert rows.shape == (30, len(names))
    assert "intensity_mean-L" in names
    assert {"position-2", "boundary_length", "axis_major_length"} <= set(names)
    assert not {"orientation", "perimeter", "eccentricity"} & set(names)
    labels = features.label_images(data.images)
    assert labels[0].shape == (6, 12, 14)
    np.testing.assert_allclose(rows[:15, names.index("area")], 2 * np.bincount(labels[0].ravel()))
    pairs = list(zip(data.images, labels))
    again = RegionFeatures(spacing=(2, 1, 1)).fit(pairs)
    np.testing.assert_array_equal(again.transform(pairs), rows)
    flat = rgb_to_lab(data.images[0].reshape(-1, 14, 3)).reshape(-1, 3)
    means = [flat[labels[0].ravel() == k, 0].mean() for k in range(15)]
    np.testing.assert_allclose(rows[:15, names.index("intensity_mean-L")], means, rtol=1e-5)
    alone = RegionFeatures(spacing=(2, 1, 1)).fit(labels)
    assert alone.transform(labels).shape[0] == 30
    mask = np.ones((6, 12, 14), bool)
    mask[0] = False
    masked = features.fit(data.images, masks=[mask, None]).transform(
        data.images, masks=[mask, None]
    )
    assert masked.shape == rows.shape


def test_what_does_not_fit_a_volume_is_named():
    volume, labels = np.zeros((3, 12, 14)), np.zeros((3, 12, 14), int)
    with pytest.raises(ValueError, match=r"the labels of X\[0\] has shape \(3, 12, 14\)"):
        RegionFeatures().fit([(volume, labels)])
    with pytest.raises(ValueError, match="pixel_features are of images"):
        RegionFeatures(pixel_features=LabFeatures(), spacing=(1, 1, 1)).fit([(volume, labels)])
    with pytest.raises(ValueError, match="'orientation' is of images"):
        RegionFeatures(properties=["orientation"], spacing=(1, 1, 1)).fit([(volume, labels)])
    with pytest.raises(ValueError, match=r"spacing\[1\] must be above 0"):
        RegionFeatures(spacing=(1, 0)).fit([(volume[0], labels[0])])
    with pytest.raises(ValueError, match=r"labels of X\[0\] have shape \(12, 14\), but its image"):
        RegionFeatures(spacing=(1, 1, 1)).fit([(volume, labels[0])])
