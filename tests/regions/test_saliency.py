"""Robust background detection: by hand, against a slow twin, on awkward images and labels."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sklearn_spx import SLICSuperpixels
from sklearn_spx.kernels.color import rgb_to_lab
from sklearn_spx.metrics import weighted_f_measure
from sklearn_spx.regions import background_detection, region_saliency


def _scene():
    """A dark red disc on a background of two blues, which both reach the border."""
    rng = np.random.default_rng(0)
    ys, xs = np.mgrid[:80, :120]
    truth = (ys - 40) ** 2 + (xs - 55) ** 2 < 20**2
    image = np.where((xs < 60)[..., None], [70, 110, 190], [90, 140, 215])
    image = np.where(truth[..., None], [170, 40, 40], image) + rng.normal(0, 4, (80, 120, 3))
    return np.clip(image, 0, 255).astype(np.uint8), truth


@pytest.fixture(scope="module")
def scene():
    image, truth = _scene()
    labels = SLICSuperpixels(n_segments=150).fit_transform([image])[0]
    return image, truth, labels


def _slow(colours, positions, labels, clip, sigma_clr=10, sigma_bndcon=1, sigma_spa=0.25, mu=0.1):
    """The paper's equations by loops, and Floyd and Warshall's shortest paths."""
    n = len(colours)
    d_app = np.sqrt(((colours[:, None] - colours[None]) ** 2).sum(axis=2))
    touch = np.zeros((n, n), bool)
    for a, b in [(labels[1:], labels[:-1]), (labels[:, 1:], labels[:, :-1])]:
        for i, j in zip(a.ravel(), b.ravel()):
            if i != j and min(i, j) >= 0:
                touch[i, j] = touch[j, i] = True
    outside = np.pad(labels, 1, constant_values=-1)
    border = np.zeros(n, bool)
    for y, x in np.ndindex(labels.shape):
        around = (
            outside[y, x + 1],
            outside[y + 2, x + 1],
            outside[y + 1, x],
            outside[y + 1, x + 2],
        )
        if labels[y, x] >= 0 and min(around) < 0:
            border[labels[y, x]] = True
    if clip is None:
        least = [d_app[i, touch[i]].min() for i in range(n) if touch[i].any()]
        clip = np.mean(least) if least else 0
    geodesic = np.full((n, n), np.inf)
    linked = touch | np.outer(border, border)
    geodesic[linked] = np.maximum(d_app - clip, 0)[linked]
    np.fill_diagonal(geodesic, 0)
    for k in range(n):
        geodesic = np.minimum(geodesic, geodesic[:, k, None] + geodesic[k])
    alike = np.exp(-(geodesic**2) / (2 * sigma_clr**2))
    connectivity = alike[:, border].sum(axis=1) / np.sqrt(alike.sum(axis=1))
    background = 1 - np.exp(-(connectivity**2) / (2 * sigma_bndcon**2))
    d_spa = np.sqrt(((positions[:, None] - positions[None]) ** 2).sum(axis=2))
    contrast = (d_app * np.exp(-(d_spa**2) / (2 * sigma_spa**2)) * background).sum(axis=1)
    if np.ptp(contrast):
        contrast = (contrast - contrast.min()) / np.ptp(contrast)
    else:
        contrast = np.zeros(n)
    # the least squares, as such: rows of sqrt(w) (a . s - b)
    rows, right = [], []
    for i in range(n):
        rows += [np.sqrt(background[i]) * np.eye(n)[i], np.sqrt(contrast[i]) * np.eye(n)[i]]
        right += [0, np.sqrt(contrast[i])]
        for j in range(i):
            if touch[i, j]:
                w = np.exp(-(d_app[i, j] ** 2) / (2 * sigma_clr**2)) + mu
                rows.append(np.sqrt(w) * (np.eye(n)[i] - np.eye(n)[j]))
                right.append(0)
    return connectivity, background, np.linalg.lstsq(np.array(rows), np.array(right), rcond=None)[0]


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 2**32 - 1), st.booleans(), st.booleans())
def test_it_is_the_papers_least_squares(seed, masked, clipped):
    rng = np.random.default_rng(seed)
    shape = tuple(rng.integers(1, 9, 2))
    labels = rng.integers(-1 if masked else 0, rng.integers(1, 12), shape)
    labels.ravel()[rng.integers(labels.size)] = 0
    image = rng.integers(0, 256, (*shape, 3), dtype=np.uint8)
    clip = None if clipped else float(rng.uniform(0, 20))
    found = region_saliency(image, labels, clip=clip)
    lab = rgb_to_lab(image)
    where = [np.nonzero(labels == label) for label in found.label]
    colours = np.array([lab[at].mean(axis=0, dtype=float) for at in where])
    positions = np.array([[np.mean(a) / side for a, side in zip(at, shape)] for at in where])
    dense = np.full(shape, -1)
    for i, at in enumerate(where):
        dense[at] = i
    connectivity, background, saliency = _slow(colours, positions, dense, clip)
    np.testing.assert_allclose(found.boundary_connectivity, connectivity, rtol=1e-5)
    np.testing.assert_allclose(found.background_probability, background, rtol=1e-5, atol=1e-12)
    np.testing.assert_allclose(found.saliency, saliency, atol=1e-5)


def test_boundary_connectivity_by_hand():
    """A ring of 8 regions of one colour around one of another: sqrt(8), and nothing."""
    labels = np.arange(9).reshape(3, 3)
    image = np.zeros((3, 3), np.uint8)
    image[1, 1] = 255
    found = region_saliency(image, labels)
    ring = found.label != 4
    np.testing.assert_allclose(found.boundary_connectivity[ring], np.sqrt(8))
    assert found.boundary_connectivity[4] < 1e-10
    np.testing.assert_allclose(found.background_probability[ring], 1 - np.exp(-4))
    assert found.contrast[4] == 1
    assert found.saliency[4] > 0.65
    assert found.saliency[ring].max() < 0.35


def test_the_object_is_found(scene):
    image, truth, labels = scene
    saliency = background_detection(image, labels)
    assert weighted_f_measure(saliency, truth) > 0.7
    assert saliency[truth].mean() > 0.8
    assert saliency[~truth].mean() < 0.05


def test_small_steps_do_not_add_up_where_they_are_clipped():
    """A slow ramp is one background from end to end; without clipping its ends are apart."""
    image = np.repeat(np.linspace(0, 255, 40)[None], 30, axis=0).astype(np.uint8)
    labels = np.repeat(np.arange(40)[None] // 2, 30, axis=0)
    clipped, unclipped = (
        region_saliency(image, labels, clip=clip).boundary_connectivity for clip in (None, 0)
    )
    assert clipped.min() > 1.5 * unclipped.min()


@pytest.mark.parametrize("dtype", [np.uint16, np.float32, np.float64])
def test_the_same_picture_in_any_dtype(scene, dtype):
    image, _, labels = scene
    scale = 257 if dtype == np.uint16 else 1 / 255
    found = background_detection((image.astype(np.float64) * scale).astype(dtype), labels)
    np.testing.assert_allclose(found, background_detection(image, labels), atol=1e-5)


def test_gray_is_the_same_as_rgb_of_that_gray(scene):
    image, _, labels = scene
    gray = image[..., 0]
    found = background_detection(gray, labels)
    assert (found == background_detection(np.stack([gray] * 3, axis=-1), labels)).all()
    assert (found == background_detection(gray[..., None], labels)).all()


def test_many_channels(scene):
    image, truth, labels = scene
    bands = np.concatenate([image, image], axis=-1).astype(np.float32) / 255
    saliency = background_detection(bands, labels)
    assert saliency[truth].mean() > 0.5 + saliency[~truth].mean()


def test_numbers_of_labels_do_not_matter(scene):
    image, _, labels = scene
    rng = np.random.default_rng(1)
    numbers = rng.choice(2**31 - 1, labels.max() + 1, replace=False)
    found = background_detection(image, numbers[labels])
    np.testing.assert_allclose(found, background_detection(image, labels), atol=1e-9)
    assert (region_saliency(image, numbers[labels]).label == np.sort(numbers)).all()


def test_outside_a_mask_may_be_anything(scene):
    image, truth, labels = scene
    labels = labels.copy()
    labels[:, 100:] = -7
    worn = image.astype(np.float64) / 255
    found = background_detection(worn, labels)
    worn[:, 100:] = np.nan
    assert (background_detection(worn, labels) == found).all()
    assert (found[:, 100:] == 0).all()
    # the mask's edge is the image's border
    cropped = background_detection(image[:, :100], labels[:, :100])
    assert np.abs(found[:, :100] - cropped).max() < 0.2
    assert found[truth].mean() > 0.7


@pytest.mark.parametrize("value", [0, 77, 255])
def test_nothing_stands_out_of_one_colour(value, scene):
    _, _, labels = scene
    image = np.full((*labels.shape, 3), value, np.uint8)
    assert (background_detection(image, labels) == 0).all()
    assert region_saliency(image, labels).background_probability.min() > 0.9


def test_one_region_and_one_pixel(scene):
    image, _, labels = scene
    assert (background_detection(image, np.zeros_like(labels)) == 0).all()
    assert background_detection([[3]], [[5]]).tolist() == [[0]]


def test_islands_of_a_mask(scene):
    """Two parts that do not touch are each solved, and linked by what lies along their borders."""
    image, _, labels = scene
    labels = labels.copy()
    labels[:, 58:62] = -1
    saliency = background_detection(image, labels)
    assert np.isfinite(saliency).all()
    assert saliency.max() > 0.5


@pytest.mark.parametrize("name", ["sigma_clr", "sigma_bndcon", "sigma_spa"])
@pytest.mark.parametrize("value", [1e-3, 1e-150, 1e100])
def test_extreme_parameters_stay_in_range(scene, name, value):
    image, _, labels = scene
    saliency = background_detection(image, labels, **{name: value})
    assert ((saliency >= 0) & (saliency <= 1)).all()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"sigma_clr": 0}, "sigma_clr must be above 0"),
        ({"sigma_bndcon": -1}, "sigma_bndcon must be above 0"),
        ({"sigma_spa": np.nan}, "sigma_spa must be finite"),
        ({"mu": 0}, "mu must be above 0"),
        ({"clip": -1}, "clip must be at least 0"),
        ({"labels": np.full((2, 2), -1)}, "labels is negative everywhere"),
        ({"labels": np.zeros((2, 3), int)}, r"labels has shape \(2, 3\), but the image \(2, 2\)"),
        ({"labels": np.array([[0, -1, -1]])}, r"labels has shape \(1, 3\), but the image \(2, 2\)"),
        ({"image": np.array([[0, np.nan], [0, 0]])}, "image holds 1 values that are NaN"),
        ({"image": np.zeros(4)}, r"image has shape \(4,\)"),
    ],
)
def test_errors_name_the_culprit(change, message):
    arguments = {"image": np.eye(2), "labels": np.eye(2, dtype=int)} | change
    with pytest.raises(ValueError, match=message):
        background_detection(**arguments)


def test_labels_of_floats_are_refused():
    with pytest.raises(TypeError, match="labels has dtype float64"):
        background_detection(np.eye(2), np.eye(2))
