"""What the widgets compute, by hand and without napari."""

import numpy as np
import pytest

from sklearn_spx.interactive import METHODS
from sklearn_spx.napari.arrays import (
    from_napari,
    image_and_mask,
    regions_along,
    spacing_for,
    to_napari,
    tree_of,
    with_n_regions,
)

ROW = np.array([[0, 1, 2, 3]], np.int32)


def test_background_is_minus_one_here_and_0_there():
    labels = np.array([[-1, 0, 1]], np.int32)
    assert to_napari(labels).tolist() == [[0, 1, 2]]
    assert from_napari(to_napari(labels)).tolist() == labels.tolist()


def test_numbers_of_napari_may_have_gaps_and_be_of_any_dtype():
    found = from_napari(np.array([[[7, 0], [3, 7]], [[7, 200], [0, 0]]], np.uint8))
    assert found.tolist() == [[[1, -1], [0, 1]], [[1, 2], [-1, -1]]]
    assert found.dtype == np.int32


def test_transparent_pixels_are_outside():
    rgba = np.full((2, 2, 4), 255, np.uint8)
    assert image_and_mask(rgba, True)[1] is None
    rgba[0, 1, 3] = 0
    image, mask = image_and_mask(rgba, True)
    assert image.shape == (2, 2, 3)
    assert mask.tolist() == [[True, False], [True, True]]
    volume = np.zeros((5, 6, 4))  # four columns, not four channels
    assert image_and_mask(volume, False)[0] is volume


@pytest.mark.parametrize(
    ("method", "scale", "expected"),
    [
        ("slic", (1, 1), None),
        ("seal", (1, 2), None),
        ("ers", (3, 3), None),
        ("ers", (1, -2), (1, 2)),
        ("egb", (4, 1, 1), (4, 1, 1)),
    ],
)
def test_the_scale_is_the_spacing_of_methods_that_take_one(method, scale, expected):
    assert spacing_for(METHODS[method], "cells", scale) == expected


def test_axes_that_are_refused():
    with pytest.raises(
        ValueError, match="SEAL takes images of two; volumes are taken by SLIC; ERS"
    ):
        spacing_for(METHODS["seal"], "cells", (1, 1, 1))
    with pytest.raises(ValueError, match="cells has 4 axes; accepted are"):
        spacing_for(METHODS["ers"], "cells", (1, 1, 1, 1))


def test_regions_that_stay_keep_their_number():
    edges = np.array([[0, 1], [1, 2], [2, 3]], np.int32)
    tree = tree_of(ROW, edges, np.array([[0, 1], [1, 2]], np.int32), np.array([0.1, 0.2]))
    assert with_n_regions(tree, 4).tolist() == [[1, 2, 3, 4]]
    assert with_n_regions(tree, 3).tolist() == [[1, 1, 3, 4]]
    assert with_n_regions(tree, 2).tolist() == [[1, 1, 1, 4]]
    with pytest.raises(ValueError, match="n_segments must lie from 2 to 4"):
        with_n_regions(tree, 1)


def test_what_is_outside_stays_outside():
    labels = np.array([[0, -1, 1]], np.int32)
    none = np.empty((0, 2), np.int32)
    assert with_n_regions(tree_of(labels, none, none, np.empty(0)), 2).tolist() == [[1, 0, 2]]


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        ((0, 0), (0, 0), []),
        ((0.4, 1.6), (0.4, 1.6), [2]),
        ((0, 1), (0, 3), [1, 2, 3]),
        ((0, 9), (0, 2), [2, 3]),
        ((-1, 3), (-1, 3), []),
        ((7, 0), (7, 3), []),
    ],
)
def test_regions_under_a_line(start, end, expected):
    assert regions_along(ROW, start, end).tolist() == expected


def test_regions_under_a_line_through_a_volume():
    volume = np.arange(1, 28).reshape(3, 3, 3)
    assert regions_along(volume, (0, 0, 0), (2, 2, 2)).tolist() == [1, 14, 27]
