"""The display draws the borders where they are, and says what was wrong with its arguments."""

import subprocess
import sys
import warnings

import matplotlib
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.base import BaseEstimator
from sklearn.pipeline import make_pipeline

from sklearn_spx.inspection import SegmentationDisplay, draw

matplotlib.use("agg")
import matplotlib.pyplot as plt

BARS = np.repeat([[0, 1, 2]], 20, axis=0).repeat(10, axis=1).astype(np.int32)  # 20 x 30


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    plt.close("all")


class Halves(BaseEstimator):
    """Left and right half of every image."""

    def fit(self, X, y=None):
        self.fitted_ = True
        return self

    def transform(self, X):
        return [
            np.repeat(np.arange(x.shape[1]) >= x.shape[1] // 2, x.shape[0])
            .reshape(x.shape[1], x.shape[0])
            .T.astype(np.int32)
            for x in X
        ]


def _text(panel):
    return " ".join(text.get_text() for text in panel.texts)


# --- drawing -----------------------------------------------------------------------------------


def test_boundary_lines_by_hand():
    """0 0 1
    2 2 1   : one horizontal line, one vertical one two pixels long."""
    lines = draw.boundary_lines(np.array([[0, 0, 1], [2, 2, 1]]))
    found = {tuple(map(tuple, line)) for line in lines.tolist()}
    assert found == {((-0.5, 0.5), (1.5, 0.5)), ((1.5, -0.5), (1.5, 1.5))}


@settings(deadline=None, max_examples=50)
@given(
    arrays(np.int32, st.tuples(st.integers(1, 6), st.integers(1, 6)), elements=st.integers(-1, 2))
)
def test_boundary_lines_cover_every_border_once(labels):
    lines = draw.boundary_lines(labels)
    unit_edges = set()
    for (x0, y0), (x1, y1) in lines.tolist():
        assert (x0 == x1) != (y0 == y1)
        length = int(abs(x1 - x0) + abs(y1 - y0))
        for k in range(length):
            edge = (x0 + k, y0, "across") if y0 == y1 else (x0, y0 + k, "down")
            assert edge not in unit_edges
            unit_edges.add(edge)
    expected = set()
    for y, x in np.ndindex(labels.shape):
        if y + 1 < labels.shape[0] and labels[y, x] != labels[y + 1, x]:
            expected.add((x - 0.5, y + 0.5, "across"))
        if x + 1 < labels.shape[1] and labels[y, x] != labels[y, x + 1]:
            expected.add((x + 0.5, y - 0.5, "down"))
    assert unit_edges == expected


def test_mean_colors_are_the_means():
    image = np.random.default_rng(0).integers(0, 256, (20, 30, 3)).astype(np.uint8)
    labels = BARS.copy()
    labels[:5] = -1
    means = draw.mean_colors(image, labels)
    assert (means[:5] == 0).all()
    for k in range(3):
        expected = np.round(image[labels == k].mean(axis=0))
        np.testing.assert_array_equal(np.unique(means[labels == k], axis=0), [expected])


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        (np.array([[0, 200]], np.uint8), [0, 200]),
        (np.array([[0, 65535]], np.uint16), [0, 255]),
        (np.array([[0.0, 0.2]]), [0, 51]),
        (np.array([[False, True]]), [0, 255]),
        (np.array([[-3000, 5000]], np.int16), [0, 255]),
        (np.array([[7.0, 7.0]]), [0, 0]),
    ],
)
def test_any_image_can_be_shown(image, expected):
    shown = draw.as_rgb(image)
    assert shown.dtype == np.uint8
    np.testing.assert_array_equal(shown, np.repeat(np.array([expected])[..., None], 3, axis=2))


@pytest.mark.parametrize("outside", [np.nan, np.inf, -9999.0])
@pytest.mark.parametrize("draws", [draw.overlay, draw.fill, draw.mean_colors])
def test_what_lies_outside_a_mask_does_not_matter(draws, outside):
    image, labels = np.linspace(20, 300, 600).reshape(20, 30), BARS.copy()
    labels[:5] = -1
    other = image.copy()
    other[:5] = outside
    image[:5] = 20
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = draws(other, labels)
    inside = np.s_[-20:]
    np.testing.assert_array_equal(found[inside], draws(image, labels)[inside])
    SegmentationDisplay.from_predictions([other], [labels])


def test_twelve_bits_in_sixteen_are_not_black():
    image = np.linspace(0, 4095, 600).reshape(20, 30).astype(np.uint16)
    assert draw.as_rgb(image).max() == 255


def test_channels_shown():
    image = np.arange(2 * 2 * 5, dtype=np.uint8).reshape(2, 2, 5)
    np.testing.assert_array_equal(draw.as_rgb(image), image[..., :3])
    np.testing.assert_array_equal(draw.as_rgb(image[..., :2]), image[..., [0, 0, 0]])


def test_overlay_marks_both_sides_of_a_border_and_leaves_the_rest():
    image = np.full((20, 30), 100, np.uint8)
    drawn = draw.overlay(image, BARS)
    assert drawn.shape == (40, 60, 3)  # small images at twice the size
    yellow, black = (drawn == (0xF0, 0xE4, 0x42)).all(axis=2), (drawn == 0).all(axis=2)
    np.testing.assert_array_equal(np.nonzero(yellow[7])[0], [19, 39])
    np.testing.assert_array_equal(np.nonzero(black[7])[0], [20, 40])
    assert (drawn[~yellow & ~black] == 100).all()
    large = np.zeros((1000, 4), np.uint8)
    assert draw.overlay(large, np.zeros((1000, 4), np.int32)).shape == (1000, 4, 3)


@pytest.mark.parametrize(("width", "rim"), [(1, 0), (2, 1), (3, 1), (6, 2)])
def test_lines_are_bright_on_dark_and_as_wide_as_asked(width, rim):
    """One vertical border between columns 29 and 30 of what is drawn."""
    labels = np.repeat([[0] * 15 + [1] * 15], 30, axis=0)
    drawn = draw.overlay(np.full((30, 30), 100, np.uint8), labels, "red", width)
    row = drawn[20]
    bright = np.flatnonzero((row == (255, 0, 0)).all(axis=1))
    dark = np.flatnonzero((row == 0).all(axis=1))
    start = 30 - (width + 1) // 2
    np.testing.assert_array_equal(bright, np.arange(start, start + width))
    if width == 1:
        np.testing.assert_array_equal(dark, [30])
    else:
        sides = [*range(start - rim, start), *range(start + width, start + width + rim)]
        np.testing.assert_array_equal(dark, sides)
    assert (np.delete(row, [*bright, *dark], axis=0) == 100).all()


@pytest.mark.parametrize(("side", "width"), [(30, 1), (900, 2), (1200, 1), (2000, 2), (6000, 6)])
def test_lines_are_wider_on_large_images(side, width):
    labels = np.repeat([[0, 1]], side // 2, axis=1)
    drawn = draw.overlay(np.full((1, side), 100, np.uint8), labels)
    assert (drawn[0] == (0xF0, 0xE4, 0x42)).all(axis=1).sum() == width


def test_corners_of_wide_lines_are_filled():
    labels = np.zeros((1200, 1200), int)
    labels[600:, 600:] = 1
    drawn = draw.overlay(np.full(labels.shape, 100, np.uint8), labels, "white", 4)
    assert (drawn[598:602, 598:602] == 255).all(axis=2).sum() >= 15  # of 16


@pytest.mark.parametrize(
    ("color", "expected"),
    [("red", [255, 0, 0]), ("#56b4e9", [0x56, 0xB4, 0xE9]), ("rebeccapurple", [102, 51, 153])],
)
def test_colours_by_name(color, expected):
    assert draw.rgb(color).tolist() == expected


@pytest.mark.parametrize(
    ("color", "words"),
    [("reddish", "'reddish' is no colour"), ("#12345", "no colour"), ("none", "is transparent"),
     ("#11223344", "is transparent")],
)  # fmt: skip
def test_what_is_no_colour(color, words):
    with pytest.raises(ValueError, match=words):
        draw.rgb(color)


@settings(deadline=None, max_examples=100)
@given(
    arrays(np.int32, st.tuples(st.integers(1, 9), st.integers(1, 9)), elements=st.integers(-1, 40))
)
def test_neighbours_have_different_colours(labels):
    colors = draw.region_colors(labels).astype(int) @ [1, 256, 65536]
    for a, b, c, d in (
        (labels[1:], labels[:-1], colors[1:], colors[:-1]),
        (labels[:, 1:], labels[:, :-1], colors[:, 1:], colors[:, :-1]),
    ):
        np.testing.assert_array_equal(a == b, c == d)
    assert (colors[labels < 0] == 0).all()
    assert (colors[labels >= 0] > 0).all()
    for label in np.unique(labels):
        assert len(np.unique(colors[labels == label])) == 1
    np.testing.assert_array_equal(draw.region_colors(labels * 50_000_000 + 7 * (labels > 0)).shape,
                                  (*labels.shape, 3))  # fmt: skip


def test_colours_of_neighbours_are_easily_told_apart():
    from sklearn_spx.kernels import slic

    image = np.random.default_rng(0).integers(0, 256, (80, 100, 3)).astype(np.uint8)
    labels = slic(image, 100, compactness=10)
    colors = draw.region_colors(labels).astype(int)
    for axis in (0, 1):
        differs = np.diff(labels, axis=axis) != 0
        distance = np.sqrt((np.diff(colors, axis=axis) ** 2).sum(axis=2))
        assert (distance[differs] >= draw.ALIKE).mean() > 0.97
    assert len(np.unique(colors.reshape(-1, 3), axis=0)) > 10  # and there are many


def test_a_region_that_touches_more_than_there_are_colours():
    labels = np.zeros((3, 200), int)
    labels[0] = labels[2] = np.arange(200) // 2 + 1
    colors = draw.region_colors(labels)
    assert (colors[0] != colors[1]).any(axis=1).all()
    labels[1] = 0
    crowded = np.arange(400).reshape(20, 20)
    assert len(np.unique(draw.region_colors(crowded).reshape(-1, 3), axis=0)) <= len(draw.PALETTE)


def test_fill_lays_a_colour_over_each_region():
    image, labels = np.full((20, 30), 90, np.uint8), BARS.copy()
    labels[:, :10] = -1
    filled = draw.fill(image, labels)
    assert (filled[:, :10] == 30).all()  # dimmed
    expected = (91 + draw.region_colors(labels).astype(int)) // 2
    np.testing.assert_array_equal(filled[:, 10:], expected[:, 10:])
    display = SegmentationDisplay.from_predictions([image], [labels], views="fill")
    np.testing.assert_array_equal(display.ax_.images[0].get_array(), filled)
    assert display.ax_.get_ylabel() == "regions"


def test_labels_may_be_any_numbers():
    image = np.random.default_rng(0).integers(0, 256, (20, 30, 3)).astype(np.uint8)
    great = BARS * 1_000_000_000 - 1
    np.testing.assert_array_equal(
        draw.mean_colors(image, great)[great >= 0], draw.mean_colors(image, BARS)[great >= 0]
    )


# --- the display -------------------------------------------------------------------------------


def test_from_predictions_lays_out_views_by_images():
    image = np.random.default_rng(0).random((20, 30, 3))
    display = SegmentationDisplay.from_predictions(
        [image, image[..., 0]], [BARS, None], names=["a", "b"], estimator_name="Bars"
    )
    assert display.axes_.shape == (2, 2)
    assert display.ax_ is display.axes_[0, 0]
    assert display.figure_ is display.ax_.figure
    assert _text(display.axes_[0, 0]) == "a, 3 regions"
    assert _text(display.axes_[1, 1]) == "b, not segmented"
    assert display.axes_[0, 0].get_ylabel() == "Bars\nboundaries"
    bright = display.axes_[0, 0].lines[1]
    np.testing.assert_array_equal(bright.get_xdata(), [9.5, 9.5, np.nan, 19.5, 19.5, np.nan])
    np.testing.assert_array_equal(bright.get_ydata(), [-0.5, 19.5, np.nan] * 2)
    shown = display.axes_[1, 0].images[0].get_array()
    np.testing.assert_array_equal(shown, draw.mean_colors(draw.as_rgb(image), BARS))


def test_from_estimator_with_ground_truths():
    X = [np.zeros((20, 30), np.uint8)]
    y = [[BARS, BARS // 2]]
    estimator = make_pipeline(Halves()).fit(X)
    display = SegmentationDisplay.from_estimator(estimator, X, y)
    assert display.axes_.shape == (3, 1)
    assert display.estimator_name == "Halves"
    # of the bars each half covers 10 columns of one bar: 20 / 30; of the coarser map: 25 / 30
    assert _text(display.axes_[0, 0]) == "2 regions, ASA 0.750"
    assert _text(display.axes_[2, 0]) == "2 annotators, 2 to 3 regions"
    assert len(display.axes_[2, 0].lines) == 4  # two lines each


def test_plot_draws_into_given_axes_with_given_lines():
    images, labels = [np.zeros((20, 30), np.uint8)] * 2, [BARS] * 2
    figure, axes = plt.subplots(1, 2)
    display = SegmentationDisplay.from_predictions(
        images, labels, views="boundaries", ax=axes, line_kwargs={"color": "red", "linewidth": 3}
    )
    assert display.figure_ is figure
    assert list(display.axes_[0]) == list(axes)
    assert axes[0].lines[1].get_color() == "red"
    assert axes[0].lines[1].get_linewidth() == 3
    again = SegmentationDisplay(images[:1], labels[:1]).plot(ax=plt.figure().gca(), views=["means"])
    assert again.axes_.shape == (1, 1)


def test_mask_is_dimmed_and_not_a_region():
    labels = BARS.copy()
    labels[:, :10] = -1
    image = np.full((20, 30), 90, np.uint8)
    display = SegmentationDisplay.from_predictions([image], [labels])
    assert _text(display.ax_) == "2 regions"
    shown = display.ax_.images[0].get_array()
    assert (shown[:, :10] == 30).all()
    assert (shown[:, 10:] == 90).all()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"images": np.zeros((20, 30))}, r"images is an array of shape \(20, 30\).*\[images\]"),
        ({"labels": []}, "labels is empty"),
        ({"labels": [BARS, BARS]}, "labels holds 2 items for 1 images"),
        ({"labels": [BARS[:5]]}, r"labels\[0\] has shape \(5, 30\), but its image \(20, 30\)"),
        ({"ground_truths": [[BARS[:5]]]}, r"ground_truths\[0\]\[0\] has shape"),
        ({"names": ["a", "b"]}, "names holds 2 items for the 1 images"),
        (
            {"views": ["edges"]},
            "views must be among boundaries, means, fill, ground_truth, got 'edges'",
        ),
        ({"views": []}, "views is empty"),
        ({"views": ["ground_truth"]}, "there is none"),
        ({"ax": [None]}, "ax holds 1 axes; 2 views of 1 images need 2"),
    ],
)
def test_bad_arguments_are_named(arguments, words):
    good = {"images": [np.zeros((20, 30))], "labels": [BARS]}
    with pytest.raises(ValueError, match=words):
        SegmentationDisplay.from_predictions(**{**good, **arguments})


def test_matplotlib_is_imported_only_to_draw():
    code = "import sys, sklearn_spx.inspection; sys.exit('matplotlib' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
