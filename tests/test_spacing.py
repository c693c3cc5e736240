"""The contract of volumes: what `spacing` says of X, masks and y, by a simple segmenter."""

import numpy as np
import pytest

from sklearn_spx import ERSSuperpixels, SLICSuperpixels
from sklearn_spx.base import StartingSegmenter, UntrainedSegmenter
from sklearn_spx.kernels.checks import as_image, as_image_and_labels, as_labels, check_spacing
from sklearn_spx.utils.scale import eight_bit_units
from sklearn_spx.value_range import ValueRange


class Bright(ValueRange, StartingSegmenter, UntrainedSegmenter):
    """Two regions: what is darker and what is brighter than the middle."""

    _parameter_constraints = {  # noqa: RUF012
        **ValueRange._parameter_constraints,
        "spacing": ["array-like", None],
    }

    def __init__(self, spacing=None, value_range=None, device="cpu", on_error="raise"):
        self.spacing = spacing
        self.value_range = value_range
        self.device = device
        self.n_jobs, self.verbose, self.on_error = None, 0, on_error

    def _segment(self, image, mask, start=None):
        labels = (eight_bit_units(image).mean(-1) > 127).astype(np.int32)
        if start is not None:
            labels = start
        return labels if mask is None else np.where(mask, labels, np.int32(-1))


RNG = np.random.default_rng(0)
GRAY = RNG.integers(0, 256, (5, 6, 7), np.uint8)
COLOURS = np.repeat(GRAY[..., None], 3, axis=3)


@pytest.mark.parametrize("spacing", [(1, 1, 1), [2.5, 0.5, 0.5], np.array([3, 1, 1])])
def test_sequences_of_volumes(spacing):
    bright = Bright(spacing)
    found = bright.fit_transform([GRAY, COLOURS[:2], GRAY[..., None]])
    assert isinstance(found, list)
    np.testing.assert_array_equal(found[0], GRAY > 127)
    np.testing.assert_array_equal(found[1], GRAY[:2] > 127)  # gray among colours is a colour
    np.testing.assert_array_equal(found[2], GRAY > 127)
    assert bright.n_channels_in_ == 3
    assert bright.score([GRAY], [(GRAY > 127).astype(int)]) == 1


def test_stacked_arrays_of_volumes():
    stack = np.stack([GRAY, GRAY[::-1]])
    for X in (stack, np.repeat(stack[..., None], 3, axis=-1)):
        found = Bright((1, 1, 1)).fit_transform(X)
        assert isinstance(found, np.ndarray)
        np.testing.assert_array_equal(found, stack > 127)


def test_a_failure_in_a_stack_of_volumes_keeps_its_place():
    stack = np.stack([GRAY, GRAY]) / 255
    stack[1, 0, 0, 0] = np.nan
    bright = Bright((1, 1, 1), on_error="warn")
    with pytest.warns(RuntimeWarning, match=r"X\[1\] holds 1 values that are NaN"):
        found = bright.fit_transform(stack)
    np.testing.assert_array_equal(found[0], GRAY > 127)
    assert (found[1] == -1).all()


def test_two_numbers_are_those_of_an_image():
    image = GRAY[0]
    found = Bright((2, 1)).fit_transform([image, COLOURS[0]])
    for labels in found:
        np.testing.assert_array_equal(labels, image > 127)


def test_masks_annotations_and_starts_have_the_shape_of_the_volume():
    mask = RNG.random(GRAY.shape) < 0.5
    values = np.where(mask, GRAY / 255, np.nan)
    bright = Bright((1, 1, 1))
    (found,) = bright.fit_transform([values], masks=[mask])
    np.testing.assert_array_equal(found, np.where(mask, GRAY > 127, -1))
    (found,) = bright.transform([GRAY], start=[np.full(GRAY.shape, 7)])
    assert (found == 7).all()
    truth = (GRAY > 127).astype(np.uint8)
    for y in (truth, [truth, truth], np.stack([truth, truth]), list(truth), truth[..., None]):
        assert bright.score([GRAY], [y]) == 1
    with pytest.raises(ValueError, match=r"masks\[0\] has shape \(6, 7\), expected \(5, 6, 7\)"):
        bright.fit([GRAY], masks=[mask[0]])
    with pytest.raises(ValueError, match=r"y\[0\] has shape \(7, 6, 5\).*its axes are \(x, y, z\)"):
        bright.score([GRAY], [truth.T])
    with pytest.raises(
        ValueError, match=r"y\[0\] has shape \(5, 6, 6\), but its image \(5, 6, 7\)"
    ):
        bright.score([GRAY], [truth[:, :, :6]])
    with pytest.raises(ValueError, match=r"y\[0\] has shape \(6, 7\); accepted is \(depth, height"):
        bright.score([GRAY], [truth[0]])


@pytest.mark.parametrize(
    ("spacing", "error", "message"),
    [
        ((1, 1), ValueError, None),
        (1.0, TypeError, r"accepted are \(z, y, x\) for volumes, .* spacing is 1.0"),
        ("zyx", TypeError, "spacing is 'zyx'"),
        ((1,), ValueError, r"accepted are \(z, y, x\) .* spacing is \(1,\)"),
        ((1, 1, 1, 1), ValueError, r"spacing is \(1, 1, 1, 1\)"),
        ((1, 0, 1), ValueError, r"spacing\[1\] must be above 0, got 0"),
        ((1, 1, -2), ValueError, r"spacing\[2\] must be above 0"),
        ((np.nan, 1, 1), ValueError, r"spacing\[0\] must be finite"),
        ((np.inf, 1, 1), ValueError, r"spacing\[0\] must be finite"),
        (("a", 1, 1), TypeError, r"spacing\[0\] must be a real number"),
        ((True, 1, 1), TypeError, r"spacing\[0\] must be a real number"),
        ((1e-9, 1, 1), ValueError, "more than a million times another"),
    ],
)
def test_spacings_that_are_none(spacing, error, message):
    if message is None:
        assert check_spacing(spacing) == (1.0, 1.0)
        return
    with pytest.raises(error, match=message):
        check_spacing(spacing)
    with pytest.raises((error, ValueError)):
        Bright(spacing).fit([GRAY])


MISTAKES = {
    "a volume": (
        [COLOURS],
        None,
        r"X\[0\] has shape \(5, 6, 7, 3\).* volume .*spacing=\(1, 1, 1\)",
    ),
    "volumes": (COLOURS[None], None, r"shape \(1, 5, 6, 7, 3\).* volume .*spacing=\(1, 1, 1\)"),
    "a thin volume": (
        [np.zeros((3, 30, 30))],
        None,
        r"X\[0\] has shape \(3, 30, 30\).*if it is a volume .* spacing",
    ),
    "an image": ([GRAY[0]], (1, 1, 1), r"X\[0\] has shape \(6, 7\).*spacing has three numbers"),
    "an image of colours": (
        [COLOURS[0]],
        (1, 1, 1),
        r"reads as a volume 3 samples wide. If it is an image of 3 channels, spacing has two",
    ),
    "two numbers": ([COLOURS], (1, 1), r"X\[0\] has shape \(5, 6, 7, 3\)"),
    "one gray volume": (GRAY, (1, 1, 1), r"If it is one volume, pass \[X\]"),
    "one volume of colours": (
        COLOURS,
        (1, 1, 1),
        r"5 gray volumes 3 samples wide. If it is one volume of 3 channels, pass \[X\]",
    ),
    "channels first": (
        [np.zeros((3, 8, 20, 20))],
        (1, 1, 1),
        r"reads as 3 slices of 20 channels.*Pass np.moveaxis\(X\[0\], 0, -1\)",
    ),
    "a stack, channels first": (
        np.zeros((2, 3, 8, 20, 20)),
        (1, 1, 1),
        r"\(n, depth, height, width, channels\). Pass np.moveaxis\(X, 1, -1\)",
    ),
    "nothing": ([], (1, 1, 1), r"a sequence of volumes \(depth, height, width, channels\)"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_mistakes_are_named(mistake):
    X, spacing, message = MISTAKES[mistake]
    with pytest.raises(ValueError, match=message):
        Bright(spacing).fit(X)


def test_estimators_without_spacing_say_that_volumes_need_it():
    for estimator in (SLICSuperpixels(9), ERSSuperpixels(9)):
        with pytest.raises(ValueError, match=r"X\[0\].* volume .*spacing=\(1, 1, 1\)"):
            estimator.fit([COLOURS])


def test_a_gpu_takes_no_spacing():
    with pytest.raises(ValueError, match="device is 'cuda' and spacing"):
        Bright((1, 1, 1), device="cuda").fit([GRAY])


def test_checks_of_kernels():
    assert as_image(GRAY, axes=3).shape == (5, 6, 7, 1)
    assert as_image(COLOURS, axes=3).shape == (5, 6, 7, 3)
    assert as_image(GRAY / 255, mask=GRAY > 3, axes=3)[GRAY <= 3].max(initial=0) == 0
    assert as_labels(GRAY, volumes=True).shape == GRAY.shape
    image, labels = as_image_and_labels(COLOURS, GRAY, volumes=True)
    assert image.shape == COLOURS.shape
    assert labels.shape == GRAY.shape
    with pytest.raises(ValueError, match=r"A volume needs spacing=\(z, y, x\)"):
        as_image(COLOURS)
    with pytest.raises(ValueError, match=r"\(6, 7\).* as spacing has three numbers"):
        as_image(GRAY[0], axes=3)
    with pytest.raises(ValueError, match=r"accepted is \(height, width\)"):
        as_labels(GRAY)
    with pytest.raises(ValueError, match=r"accepted are \(height, width\) and \(depth, height"):
        as_labels(GRAY[0, 0], volumes=True)
