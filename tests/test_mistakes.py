"""Typical mistakes of the first hour: each is told what it is, where, and which line mends it."""

import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from sklearn_spx import (
    DELSegmenter,
    EGBSegmenter,
    ERSSuperpixels,
    SEALSuperpixels,
    SLICSuperpixels,
    TrainableSLIC,
    kernels,
    metrics,
    regions,
)
from sklearn_spx.datasets import make_dead_leaves
from sklearn_spx.features import LabFeatures
from sklearn_spx.features.affinities import annotation_affinities
from sklearn_spx.io import read_labels, write_labels
from sklearn_spx.kernels.region_statistics import region_statistics
from sklearn_spx.training import NetTraining

LEAVES = make_dead_leaves(2, shape=(40, 52), random_state=0)
X, Y = LEAVES.images, LEAVES.ground_truths
A, B = X
RNG = np.random.default_rng(0)
FEW = NetTraining(max_steps=1, batch_size=1, crop_size=32)
OPAQUE = np.full((40, 52, 1), 255, np.uint8)
CODES = RNG.integers(0, 255, (40, 3), dtype=np.uint8)
FIRST_ROW = np.arange(40)[:, None] == 0  # what a masked array leaves out

ESTIMATORS = {
    "slic": SLICSuperpixels(20),
    "ers": ERSSuperpixels(20),
    "egb": EGBSegmenter(),
    "trainable-slic": TrainableSLIC(20, features=LabFeatures()),
    "seal": SEALSuperpixels(20, training=FEW),
    "del": DELSegmenter(training=NetTraining(max_steps=1)),
}
LEARNED = ("trainable-slic", "seal", "del")
# all take images by the same door; of one plain and one learned method every day
DOORS = [
    n if n in ("slic", "seal") else pytest.param(n, marks=pytest.mark.slow) for n in ESTIMATORS
]


def _with(value, shape=(40, 52, 3)):
    image = RNG.random(shape)
    image[2, 3] = value
    return image


# --- images: what is passed as X, what the message says ------------------------------------------

IMAGES = {
    "one colour image": (A, r"pass \[X\]"),
    "one gray image": (A[..., 0], r"pass \[X\]"),
    "a path": ("photo.png", r"X is a path, 'photo.png'; pass \[sklearn_spx.io.read_image\(X\)\]"),
    "a pathlib path": (Path("photo.png"), r"sklearn_spx.io.ImageFolder\(folder\)"),
    "paths": (["a.png", "b.png"], r"X\[0\] is a path, 'a.png'; .*read_image\(path\) for path in X"),
    "pathlib paths": ([Path("a.png"), Path("b.png")], r"X\[0\] is a path, 'a.png'"),
    "a path among images": ([A, "b.png"], r"X\[1\] is a path, 'b.png'"),
    "a generator": ((image for image in X), r"pass list\(X\)"),
    "a dict": ({"a": A, "b": B}, r"pass list\(X.values\(\)\)"),
    "a set": ({1, 2}, r"X is of type set"),
    "nothing": (None, r"X is of type NoneType; accepted is a sequence of images"),
    "no images": ([], r"X is empty; accepted is a sequence of images"),
    "a table": (RNG.random((100, 5)), r"X is an array of shape \(100, 5\)"),
    "a stack, channels first": (
        RNG.random((2, 3, 40, 52)),
        r"channels come last here, .* Pass np.moveaxis\(X, 1, -1\)",
    ),
    "a batch of tensors": (torch.rand(2, 3, 40, 52), r"X.permute\(0, 2, 3, 1\).numpy\(\)"),
    "one tensor": (torch.rand(3, 40, 52), r"pass \[X.permute\(1, 2, 0\).numpy\(\)\]"),
    "channels first": ([A, np.moveaxis(B, -1, 0)], r"X\[1\] has shape \(3, 40, 52\).*moveaxis"),
    "tensors": ([torch.rand(3, 40, 52)], r"X\[0\].*np.moveaxis\(X\[0\], 0, -1\)"),
    "a batch in a list": ([A, B[None]], r"X\[1\] has shape .* If it is a batch, .* list\(X\[1\]\)"),
    "a palette image": (
        [Image.fromarray(A).convert("P")],
        r'X\[0\] is a palette image, .*X\[0\].convert\("RGB"\)',
    ),
    "a CMYK image": ([Image.fromarray(A).convert("CMYK")], r"X\[0\] is a CMYK image"),
    "a spectrum": ([np.fft.fft2(A[..., 0])], r"X\[0\] has dtype complex128; accepted are"),
    "words": ([A.astype(str)], r"X\[0\] has dtype <U"),
    "rows of unequal length": ([[[1, 2], [3]]], r"X\[0\]"),
    "None among images": ([A, None], r"X\[1\] has dtype object"),
    "NaN": ([A, _with(np.nan)], r"X\[1\] holds 3 values .*; a mask may leave them out"),
    "infinity": ([_with(np.inf)], r"X\[0\] holds 3 values that are NaN or infinite"),
    "an empty image": ([A, A[:0]], r"X\[1\] has shape \(0, 52, 3\): it is empty"),
    "a line": ([A, A[0, :, 0]], r"X\[1\] has shape \(52,\)"),
    "RGBA": ([np.dstack([A, OPAQUE])], r"looks like alpha \(RGBA\).*X\[0\]\[..., :3\]"),
    "RGBA as floats": ([np.dstack([A, OPAQUE]) / 255], r"looks like alpha \(RGBA\)"),
    "gray and alpha": (
        [np.dstack([A[..., 0], OPAQUE])],
        r"looks like alpha \(gray and alpha\).*X\[0\]\[..., :1\]",
    ),
    "a masked array": (
        [A, np.ma.masked_array(B, np.broadcast_to(FIRST_ROW[..., None], B.shape))],
        r"X\[1\] is a masked array, of which 156 values are masked: pass X\[1\].data, and as "
        r"masks\[1\] ~np.ma.getmaskarray\(X\[1\]\).any\(axis=-1\)",
    ),
    "a stacked masked array": (
        np.ma.masked_array(np.stack([A, B])[..., 0], np.broadcast_to(FIRST_ROW, (2, 40, 52))),
        r"X\[0\] is a masked array, of which .* ~np.ma.getmaskarray\(X\[0\]\)$",
    ),
    "other channels among them": (
        [A, RNG.random((40, 52, 5))],
        r"X\[1\] has 5 channels where .* expects 3",
    ),
}


def _is_one(images):
    return isinstance(images, list) and len(images) == 1


@pytest.mark.parametrize("mistake", IMAGES)
@pytest.mark.parametrize("name", DOORS)
def test_images(name, mistake):
    images, message = IMAGES[mistake]
    if mistake == "a generator":
        images = (image for image in X)
    with pytest.raises((TypeError, ValueError), match=f"(?s){message}"):
        clone(ESTIMATORS[name]).fit(images, Y[:1] if _is_one(images) else Y)


# lines that messages ask to paste, each with what it is applied to
PASTED = {
    "np.moveaxis(X, 1, -1)": np.stack(X).transpose(0, 3, 1, 2),
    "X.permute(0, 2, 3, 1).numpy()": torch.from_numpy(np.stack(X)).permute(0, 3, 1, 2),
    "[X.permute(1, 2, 0).numpy()]": torch.from_numpy(A).permute(2, 0, 1),
    '[X[0].convert("RGB")]': [Image.fromarray(A).convert("P")],
    "[X[0][..., :3]]": [np.dstack([A, OPAQUE])],
    "list(X.values())": {"a": A, "b": B},
}


@pytest.mark.parametrize("line", PASTED)
def test_the_line_to_paste_works(line):
    found = eval(line, {"np": np, "X": PASTED[line]})
    wrong = PASTED[line]
    with pytest.raises((TypeError, ValueError)) as error:
        SLICSuperpixels(20).fit(wrong)
    core = line.removeprefix("[").removesuffix("]") if line.startswith("[") else line
    assert core in str(error.value)
    labels = SLICSuperpixels(20).fit_transform(found)
    assert labels[0].shape == (40, 52)


@pytest.mark.parametrize("name", ESTIMATORS)
def test_alpha_where_colours_were_learned(name):
    estimator = clone(ESTIMATORS[name]).fit(X, Y)
    message = r"X\[0\] has 4 channels .* pass image\[..., :3\]"
    with pytest.raises(ValueError, match=message):
        estimator.transform([np.dstack([A, OPAQUE])])


@pytest.mark.parametrize("name", ESTIMATORS)
def test_colours_where_gray_was_learned(name):
    estimator = clone(ESTIMATORS[name]).fit([image[..., 0] for image in X], Y)
    with pytest.raises(ValueError, match=r"X\[0\] has 3 channels where .* expects 1"):
        estimator.transform(X)


# --- values, to a net that was fitted elsewhere ---------------------------------------------------


@pytest.mark.parametrize(
    "image",
    [A.astype(np.float32) * 3, A.astype(np.int16) * 30 - 1000],
    ids=["floats beyond 1", "signed integers"],
)
@pytest.mark.parametrize("estimator", [SEALSuperpixels, DELSegmenter, TrainableSLIC])
def test_values_that_no_dtype_explains(estimator, image):
    shipped = estimator(pretrained="bsds500")
    message = r"X\[0\] holds values from .*fit to images like this one.*value_range=\(low, high\)"
    with pytest.raises(ValueError, match=message):
        shipped.transform([image])
    assert shipped.fit([image]).transform([image])[0].shape == (40, 52)
    low, high = float(image.min()), float(image.max())
    given = estimator(pretrained="bsds500", value_range=(low, high))
    assert given.transform([image])[0].shape == (40, 52)


def test_twelve_bits_in_sixteen_are_dark_to_a_net():
    shipped = SEALSuperpixels(20, pretrained="bsds500")
    dark = A.astype(np.uint16) * 16
    with pytest.warns(UserWarning, match=r"X\[0\] holds values up to .* nearly black; fit to"):
        shipped.transform([dark])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        shipped.fit([dark]).transform([dark])


@pytest.mark.parametrize("name", ESTIMATORS)
@pytest.mark.parametrize(
    ("value_range", "message"),
    [
        ((1, 0), r"value_range must be \(low, high\) with low < high, got \(1, 0\)"),
        ((0, np.nan), r"value_range must be \(low, high\)"),
        ((3,), r"value_range must be None or two numbers \(low, high\)"),
        (("a", "b"), r"value_range must be None or two numbers \(low, high\)"),
        (255, r"value_range"),
        ("uint8", r"value_range"),
    ],
)
def test_value_range(name, value_range, message):
    with pytest.raises((TypeError, ValueError), match=message):
        clone(ESTIMATORS[name]).set_params(value_range=value_range).fit(X, Y)


# --- ground truths -------------------------------------------------------------------------------

TRUTHS = {
    "none": (None, r"y is None|but y is None"),
    "too few": (Y[:1], r"y holds 1 items for the 2 images of X"),
    "one": (Y[0], r"pass \[y\]"),
    "of another size": (
        [Y[0], Y[1][:30]],
        r"y\[1\] has shape \(30, 52\), but its image \(40, 52\)",
    ),
    "turned": ([Y[0].T, Y[1]], r"y\[0\].*Pass y\[0\].T if rows and columns are swapped"),
    "coloured": (
        [CODES[Y[0] % 40], Y[1]],
        r"y\[0\] has shape \(40, 52, 3\): it is a picture.*read_labels.*"
        r"here y\[0\]\[..., :3\].astype\(int\) @ \(1, 256, 65536\) numbers them, alike in all",
    ),
    "floats": ([Y[0].astype(float), Y[1]], r"y\[0\] has dtype float64.*y\[0\].astype\(int\)"),
    "floats with NaN": (
        [np.where(Y[0] == Y[0].max(), np.nan, Y[0]), Y[1]],
        r"np.nan_to_num\(y\[0\], nan=-1\).astype\(int\)",
    ),
    "probabilities": ([RNG.random((40, 52)), Y[1]], r"y\[0\] has dtype float64; accepted are int"),
    "a mask for each class": (
        [np.eye(7, dtype=np.uint8)[Y[0] % 7], Y[1]],
        r"y\[0\].argmax\(-1\)",
    ),
    "paths": (["a.png", "b.png"], r"y\[0\] is a path.*read_labels\(path\) for path in y"),
    "paths of annotators": ([["a.png"], ["b.png"]], r"y\[0\]\[0\] is a path"),
    "no annotation": ([[], Y[1]], r"y\[0\] holds no annotation"),
    "a masked array": (
        [Y[0], np.ma.masked_array(Y[1], Y[1] == 1)],
        r"y\[1\] is a masked array, of which .* pass y\[1\].filled\(-1\)",
    ),
    "an annotator of another size": ([[Y[0], Y[0][:9]], Y[1]], r"y\[0\]\[1\] has shape \(9, 52\)"),
}


@pytest.mark.parametrize("mistake", TRUTHS)
@pytest.mark.parametrize("name", LEARNED)
def test_ground_truths(name, mistake):
    truths, message = TRUTHS[mistake]
    with pytest.raises((TypeError, ValueError), match=message):
        clone(ESTIMATORS[name]).fit(X, truths)


@pytest.mark.parametrize("name", LEARNED)
@pytest.mark.parametrize("label", [0, -1], ids=["one segment", "nothing known"])
def test_ground_truths_that_show_nothing(name, label):
    nothing = [np.full((40, 52), label)] * 2
    with pytest.raises(ValueError, match="y shows no boundary"):
        clone(ESTIMATORS[name]).fit(X, nothing)


def test_the_lines_for_ground_truths_work():
    coloured, classes = CODES[Y[0] % 40], np.eye(7, dtype=np.uint8)[Y[0] % 7]
    line = "y[..., :3].astype(int) @ (1, 256, 65536)"
    for y, fixed in ((coloured, line), (classes, "y.argmax(-1)")):
        found = eval(fixed, {"np": np, "y": y})
        TrainableSLIC(20, features=LabFeatures()).fit([A], [found])
    # by np.unique, which this line was, a colour had another number where others were missing
    part = coloured[:, :20]
    whole = eval(line, {"np": np, "y": coloured})
    np.testing.assert_array_equal(eval(line, {"np": np, "y": part}), whole[:, :20])


def test_colours_have_the_numbers_of_files(tmp_path):
    coloured = CODES[Y[0] % 40]
    Image.fromarray(coloured).save(tmp_path / "classes.png")
    expected = coloured.astype(int) @ (1, 256, 65536)
    np.testing.assert_array_equal(read_labels(tmp_path / "classes.png"), expected)


# masked arrays where there is no estimator: each call, and what is refused
MASKED = np.ma.masked_array(Y[0], np.broadcast_to(FIRST_ROW, (40, 52)))
MASKED_IMAGE = np.ma.masked_array(A, np.broadcast_to(FIRST_ROW[..., None], A.shape))
DEEP = MASKED_IMAGE.astype(float)
ELSEWHERE = {
    "labels of a table": (lambda: regions.region_table(MASKED), "labels"),
    "the image of a table": (lambda: regions.region_table(Y[0], MASKED_IMAGE), "image"),
    "the image of statistics": (lambda: region_statistics(Y[0], DEEP), "image"),
    "8 bits of statistics": (lambda: region_statistics(Y[0], MASKED_IMAGE), "image"),
    "labels alone": (lambda: regions.RegionFeatures().fit([MASKED]), r"X\[0\]"),
    "scores to pool": (lambda: regions.pool_over_regions(DEEP, Y[0]), "values"),
    "a mask to label": (lambda: regions.label_once([MASKED_IMAGE[..., 0] > 0]), r"masks\[0\]"),
    "a frame": (
        lambda: next(regions.segment_frames(SLICSuperpixels(9).fit([A]), [MASKED_IMAGE])),
        r"frames\[0\]",
    ),
    "labels to score": (lambda: metrics.compactness(MASKED), "labels"),
    "a truth": (lambda: metrics.boundary_recall(Y[0], MASKED), "ground_truths"),
    "a map of saliency": (lambda: metrics.saliency_mae(DEEP[..., 0] / 255, Y[0] > 3), "saliency"),
    "a mask of objects": (lambda: metrics.saliency_mae(A[..., 0], MASKED > 3), "ground_truths"),
    "labels to write": (lambda: write_labels("never.png", MASKED), "labels"),
    "an image of superpixels": (lambda: kernels.slic(MASKED_IMAGE, 9), "image"),
    "an image without colours": (lambda: kernels.slic(DEEP, 9, convert2lab=False), "image"),
    "a graph": (lambda: kernels.graph_segmentation(MASKED_IMAGE), "image"),
    "affinities": (lambda: annotation_affinities([Y[0], MASKED]), r"annotations\[1\]"),
}


@pytest.mark.parametrize("call", ELSEWHERE)
def test_no_masked_array_loses_its_mask(call):
    function, name = ELSEWHERE[call]
    with pytest.raises(ValueError, match=f"^{name} is a masked array, of which"):
        function()


def test_a_masked_array_with_nothing_masked_is_an_array():
    np.testing.assert_array_equal(
        SLICSuperpixels(20).fit_transform([np.ma.masked_array(A)])[0],
        SLICSuperpixels(20).fit_transform([A])[0],
    )


# --- masks ---------------------------------------------------------------------------------------

MASKS = {
    "too few": ([None], r"masks holds 1 items for the 2 images of X"),
    "of another size": ([None, np.ones((3, 4), bool)], r"masks\[1\] has shape \(3, 4\)"),
    "empty": ([np.zeros((40, 52), bool), None], r"masks\[0\] keeps no pixel"),
    "one": (np.ones((40, 52), bool), r"pass \[masks\]"),
    "probabilities": ([RNG.random((40, 52)), None], r"masks\[0\]"),
    "words": ([np.full((40, 52), "in"), None], r"masks\[0\] has dtype <U2"),
    "a masked array": (
        [np.ma.masked_array(np.ones((40, 52), bool), np.broadcast_to(FIRST_ROW, (40, 52))), None],
        r"masks\[0\] is a masked array, of which 52 values are masked: pass masks\[0\].filled",
    ),
}


@pytest.mark.parametrize("mistake", MASKS)
@pytest.mark.parametrize("name", DOORS)
def test_masks(name, mistake):
    masks, message = MASKS[mistake]
    with pytest.raises((TypeError, ValueError), match=message):
        clone(ESTIMATORS[name]).fit(X, Y, masks=masks)


# --- parameters ----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["slic", "ers", "trainable-slic", "seal"])
@pytest.mark.parametrize("n_segments", [0, -3, 2.5, "many", None])
def test_n_segments(name, n_segments):
    with pytest.raises(ValueError, match="'n_segments' parameter of"):
        clone(ESTIMATORS[name]).set_params(n_segments=n_segments).fit(X, Y)


@pytest.mark.parametrize("name", ["ers", "seal"])
def test_more_segments_than_pixels(name):
    estimator = clone(ESTIMATORS[name]).set_params(n_segments=5000).fit(X, Y)
    with pytest.raises(ValueError, match=r"X\[0\]: n_segments is 5000, but there are 2080 pixels"):
        estimator.transform(X)


@pytest.mark.parametrize("name", ESTIMATORS)
def test_transform_before_fit(name):
    with pytest.raises(NotFittedError):
        clone(ESTIMATORS[name]).transform(X)


@pytest.mark.parametrize("name", LEARNED)
def test_weights_that_are_not_there(name):
    estimator = clone(ESTIMATORS[name]).set_params(pretrained="bsds5000", training=None)
    with pytest.raises(FileNotFoundError, match=r"bsds5000.*bsds500"):
        estimator.transform(X)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
@pytest.mark.parametrize("name", ["seal", "del"])
def test_a_gpu_that_is_not_there(name):
    estimator = clone(ESTIMATORS[name]).set_params(device="cuda")
    with pytest.raises(ValueError, match="torch finds no GPU"):
        estimator.fit(X, Y)
