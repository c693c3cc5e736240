"""Transformers of images: what they compute, whatever the image's size or type."""

import pickle
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import make_pipeline
from torch import nn

from sklearn_spx import SLICSuperpixels
from sklearn_spx.features import ChannelUnion, ConvFeatures, LabFeatures, ScatteringFeatures
from sklearn_spx.features import _scattering as scattering
from sklearn_spx.features._upsample import upsample


@pytest.fixture(scope="module")
def image():
    return np.random.default_rng(0).integers(0, 255, (45, 70, 3), dtype=np.uint8)


# --- Lab --------------------------------------------------------------------------------------


def test_lab_of_known_colours():
    # sRGB primaries under D65: red 53.24, 80.09, 67.20; blue 32.30, 79.19, -107.86 (CIE formulas)
    image = np.array([[[255, 0, 0], [0, 0, 255], [255, 255, 255], [0, 0, 0]]], np.uint8)
    lab = LabFeatures().fit_transform([image])[0][0]
    expected = [[53.24, 80.09, 67.20], [32.30, 79.19, -107.86], [100, 0, 0], [0, 0, 0]]
    np.testing.assert_allclose(lab, expected, atol=0.02)


@pytest.mark.parametrize("dtype", [np.uint16, np.float32, np.float64])
def test_lab_does_not_depend_on_the_type_of_the_image(image, dtype):
    scale = 257 if dtype is np.uint16 else 1 / 255
    other = (image.astype(float) * scale).astype(dtype)
    expected = LabFeatures().fit_transform([image])[0]
    np.testing.assert_allclose(LabFeatures().fit_transform([other])[0], expected, atol=2e-3)


def test_what_is_no_colour_passes_as_it_is(image):
    for other in (image[:, :, :2], image[:, :, 0], image.astype(float), image > 128):
        features = LabFeatures().fit_transform([other])[0]
        np.testing.assert_array_equal(features, np.float32(np.atleast_3d(other)))


def test_one_answer_for_all_images_on_whether_they_are_colour():
    dark, light = np.full((4, 4, 3), 0.5), np.full((4, 4, 3), 200.0)
    features = LabFeatures().fit([dark, light])
    assert not features.converts_
    np.testing.assert_array_equal(features.transform([dark])[0], np.float32(dark))
    assert LabFeatures().fit([dark]).converts_


def test_convert2lab_needs_three_channels(image):
    with pytest.raises(ValueError, match="needs images of 3 channels, X has 2"):
        LabFeatures(convert2lab=True).fit([image[:, :, :2]])


# --- scattering -------------------------------------------------------------------------------


@pytest.mark.parametrize(("J", "L", "order", "maps"), [(2, 8, 2, 81), (2, 8, 1, 17), (1, 4, 2, 5)])
def test_number_of_coefficients(image, J, L, order, maps):
    # 1 + J L + J (J - 1) / 2 L^2
    features = ScatteringFeatures(J=J, L=L, max_order=order).fit([image])
    assert features.n_features_out_ == maps
    assert features.transform([image])[0].shape == (45, 70, maps)


@pytest.mark.parametrize("channels", ["all", [0, 1, 2]])
def test_channels_are_scattered_one_by_one(image, channels):
    every = ScatteringFeatures(J=1, L=2, channels=channels).fit_transform([image])[0]
    for c in range(3):
        one = ScatteringFeatures(J=1, L=2, channels=[c]).fit_transform([image])[0]
        np.testing.assert_array_equal(every[:, :, 3 * c : 3 * c + 3], one)
    intensity = ScatteringFeatures(J=1, L=2).fit_transform([image])[0]
    np.testing.assert_array_equal(intensity, every[:, :, :3])


def test_tiles_do_not_show(monkeypatch):
    plane = np.random.default_rng(1).random((1, 150, 130), dtype=np.float32)
    maps = []
    for side in (64, 192):
        monkeypatch.setattr(scattering, "_tile_side", lambda *_, side=side: side)
        maps.append(scattering.scatter(plane, 2, 8, 2))
    typical = maps[1].mean(axis=(1, 2), keepdims=True)
    assert np.abs((maps[0] - maps[1]) / typical).max() < 0.01


def test_scattering_agrees_with_kymatio_on_the_whole_image():
    from kymatio.scattering2d.frontend.torch_frontend import ScatteringTorch2D
    from torch import from_numpy

    plane = np.random.default_rng(2).random((1, 64, 48), dtype=np.float32)
    padded = np.pad(plane, ((0, 0), (16, 16), (16, 16)), mode="reflect")
    whole = ScatteringTorch2D(2, padded.shape[1:], L=4)(from_numpy(padded)).numpy()[0]
    found = scattering.scatter(plane, 2, 4, 2)
    np.testing.assert_allclose(found, whole[:, 4:-4, 4:-4], atol=2e-3 * whole.std())


def test_texture_is_told_from_flat_ground_of_the_same_mean():
    y, x = np.mgrid[:48, :64]
    image = 0.5 + 0.4 * np.where(x < 32, np.sin(np.pi / 2 * y), 0)  # period 4, left half
    features = ScatteringFeatures().fit_transform([image])[0][12:36]
    left, right = features[:, 8:24, 1:17], features[:, 40:56, 1:17]
    assert left.max() > 20 * right.max()


@pytest.mark.parametrize("shape", [(1, 1), (1, 30), (30, 1), (3, 5), (33, 32)])
def test_scattering_of_any_size(shape):
    image = np.random.default_rng(3).random(shape)
    features = ScatteringFeatures(J=2, L=2).fit_transform([image])[0]
    assert features.shape == (*shape, 9)
    assert np.isfinite(features).all()


def test_intensity_of_many_channels_is_learned_and_free_of_their_units():
    rng = np.random.default_rng(4)
    shared = rng.normal(size=(40, 40))
    image = np.stack([shared + 0.1 * rng.normal(size=(40, 40)) for _ in range(5)], axis=2)
    axis = ScatteringFeatures().fit([image]).mixing_
    stretched = ScatteringFeatures().fit([image * np.array([1, 10, 100, 1000, 1])]).mixing_
    np.testing.assert_allclose(stretched[:, 0] * [1, 10, 100, 1000, 1], axis[:, 0], rtol=1e-3)
    assert abs(np.corrcoef((image @ axis).ravel(), shared.ravel())[0, 1]) > 0.99


@pytest.mark.parametrize(
    ("channels", "words"),
    [
        ([3], "channels names 3; X has channels 0 to 2"),
        ([], "must be integers"),
        ([0.5], "must be"),
    ],
)
def test_bad_channels(image, channels, words):
    with pytest.raises(ValueError, match=words):
        ScatteringFeatures(channels=channels).fit([image])


@given(st.integers(1, 9), st.integers(1, 9), st.integers(1, 4))
@settings(deadline=None, max_examples=30)
def test_upsampling_keeps_an_affine_function(rows, columns, step):
    y, x = np.mgrid[:rows, :columns] * step
    maps = np.stack([2 * y + 3 * x + 1, y - x]).astype(np.float32)
    shape = ((rows - 1) * step + 1, (columns - 1) * step + 1)
    y, x = np.mgrid[: shape[0], : shape[1]]
    expected = np.stack([2 * y + 3 * x + 1, y - x], axis=2)
    np.testing.assert_allclose(upsample(maps, step, shape), expected, atol=1e-4)


# --- union ------------------------------------------------------------------------------------


def test_union_concatenates_and_selects(image):
    parts = [LabFeatures(), ScatteringFeatures(J=1, L=2)]
    expected = np.concatenate([p.fit_transform([image])[0] for p in parts], axis=2)
    union = ChannelUnion([("lab", parts[0]), ("scattering", parts[1])])
    np.testing.assert_array_equal(union.fit_transform([image])[0], expected)
    for select in ([5, 0], np.arange(6) % 2 == 0):
        union.set_params(select=select)
        np.testing.assert_array_equal(union.fit_transform([image])[0], expected[:, :, select])


def test_union_reaches_the_parameters_of_its_parts(image):
    union = ChannelUnion([("lab", LabFeatures()), ("scattering", ScatteringFeatures())])
    union.set_params(scattering__J=1, scattering__L=2)
    assert union.fit_transform([image])[0].shape[2] == 6
    assert clone(union).get_params()["scattering__J"] == 1


def test_manual_selection_in_a_pipeline(image):
    union = ChannelUnion([("lab", LabFeatures()), ("scattering", ScatteringFeatures(J=1, L=2))])
    weights = [1, 1, 1, 0, 1, 0]
    slic = SLICSuperpixels(20, weights=weights, convert2lab=False)
    labels = make_pipeline(union, slic).fit_transform([image])
    selected = clone(union).set_params(select=np.array(weights, bool))
    same = make_pipeline(selected, SLICSuperpixels(20, convert2lab=False)).fit_transform([image])
    np.testing.assert_array_equal(labels[0], same[0])


def test_bad_union(image):
    with pytest.raises(ValueError, match="transformers is empty"):
        ChannelUnion([]).fit([image])
    with pytest.raises(ValueError, match="not unique"):
        ChannelUnion([("a", LabFeatures()), ("a", LabFeatures())]).fit([image])
    with pytest.raises(ValueError, match="select has shape"):
        ChannelUnion([("a", LabFeatures())], select=[True]).fit_transform([image])


# --- what all keep ----------------------------------------------------------------------------

ALL = [
    LabFeatures(),
    ScatteringFeatures(J=1, L=2),
    ConvFeatures(nn.Conv2d(3, 4, 3, 2, 1), n_components=2),
    ChannelUnion([("lab", LabFeatures()), ("scattering", ScatteringFeatures(J=1, L=2))]),
]


@pytest.mark.parametrize("features", ALL, ids=lambda f: type(f).__name__)
def test_contract(features, image):
    X = [image, image[:20, :33], image[10:]]
    before = [x.copy() for x in X]
    with pytest.raises(NotFittedError):
        clone(features).transform(X)
    features = clone(features).fit(X)
    expected = features.transform(X)
    assert all(f.dtype == np.float32 and f.flags.c_contiguous for f in expected)
    others = [
        clone(features).set_params(n_jobs=2).fit(X).transform(X),
        pickle.loads(pickle.dumps(features)).transform(X),
        features.transform(X[::-1])[::-1],
        features.transform(tuple(X)),
    ]
    for other in others:
        for a, b in zip(other, expected, strict=True):
            np.testing.assert_array_equal(a, b)
    for a, b in zip(X, before):
        np.testing.assert_array_equal(a, b)
    stacked = features.transform(np.stack([image, image]))
    assert isinstance(stacked, np.ndarray)
    np.testing.assert_array_equal(stacked[1], expected[0])


@pytest.mark.parametrize("features", ALL, ids=lambda f: type(f).__name__)
def test_bad_input(features, image):
    features = clone(features).fit([image])
    with pytest.raises(ValueError, match=r"X\[1\] has 2 channels"):
        features.transform([image, image[:, :, :2]])
    bad = image / 255
    bad[0, 0, 0] = np.nan
    with pytest.raises(ValueError, match=r"X\[0\] holds 1 values that are NaN"):
        features.transform([bad])
    with pytest.raises(TypeError, match=r"X is a path, 'image.png'; pass"):
        features.fit("image.png")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        if not isinstance(features, ConvFeatures):  # whose module says how many it takes
            features.fit([image[:, :, 0]])
