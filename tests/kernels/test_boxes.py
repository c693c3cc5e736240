"""Boxes of merge trees, their overlaps, and boxes moved to the borders of regions."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sklearn_spx.kernels.boxes import (
    as_boxes,
    as_pixel_boxes,
    box_overlaps,
    suppress_overlaps,
    tree_boxes,
)
from sklearn_spx.kernels.straddling import align_and_expand, straddling_scores

from . import naive_boxes as naive


@st.composite
def label_images(draw, lowest=-1):
    shape = draw(st.tuples(st.integers(1, 9), st.integers(1, 9)))
    values = draw(st.lists(st.integers(lowest, 6), min_size=81, max_size=81))
    # blocks of two, so that regions have insides
    return np.reshape(values, (9, 9)).repeat(2, 0).repeat(2, 1)[: shape[0], : shape[1]]


@st.composite
def label_images_and_boxes(draw):
    labels = draw(label_images())
    height, width = labels.shape
    boxes = []
    for _ in range(draw(st.integers(1, 5))):
        x0, y0 = draw(st.integers(0, width - 1)), draw(st.integers(0, height - 1))
        boxes.append([x0, y0, draw(st.integers(x0 + 1, width)), draw(st.integers(y0 + 1, height))])
    return labels, np.array(boxes)


@settings(deadline=None)
@given(label_images(), st.integers(0, 2**32 - 1))
def test_boxes_of_a_tree_are_those_of_masks(labels, seed):
    ids, dense = np.unique(labels[labels >= 0], return_inverse=True)
    labels[labels >= 0] = dense
    rng = np.random.default_rng(seed)
    groups, merges = [[k] for k in range(ids.size)], []
    while len(groups) > 1 and rng.random() < 0.9:
        rng.shuffle(groups)
        a, b = groups.pop(), groups.pop()
        merges.append([rng.choice(a), rng.choice(b)])
        groups.append(a + b)
    boxes, sizes, parents = tree_boxes(labels, merges)
    expected = naive.tree_boxes(labels, merges)
    assert boxes.tolist() == [list(box) for box, _ in expected]
    assert sizes.tolist() == [size for _, size in expected]
    assert (np.bincount(parents[parents >= 0], minlength=len(parents))[ids.size :] == 2).all()
    assert (parents < 0).sum() == len(groups)


def test_a_merge_of_one_region_is_named():
    with pytest.raises(ValueError, match=r"merges\[1\] is \[1, 0\], which are in one region"):
        tree_boxes([[0, 1]], [[0, 1], [1, 0]])
    with pytest.raises(ValueError, match="regions are 0 to 1"):
        tree_boxes([[0, 1]], [[0, 2]])
    with pytest.raises(ValueError, match="number them without gaps"):
        tree_boxes([[0, 10**9]], [])


@settings(deadline=None)
@given(label_images_and_boxes(), st.sampled_from([0.0, 0.3, 0.5, 1.0]))
def test_overlaps_and_suppression_are_those_of_masks(labels_and_boxes, max_overlap):
    labels, boxes = labels_and_boxes
    boxes = np.concatenate([boxes, boxes[:1]])
    expected = [[naive.overlap(a, b, labels.shape) for b in boxes] for a in boxes]
    np.testing.assert_allclose(box_overlaps(boxes, boxes), expected)
    kept = suppress_overlaps(boxes, max_overlap)
    assert kept.tolist() == naive.suppress(boxes, max_overlap, labels.shape)
    assert suppress_overlaps(boxes, max_overlap, limit=1).tolist() == [0]


@settings(deadline=None, max_examples=200)
@given(label_images_and_boxes())
def test_aligned_and_expanded_boxes_are_those_of_masks(labels_and_boxes):
    labels, boxes = labels_and_boxes
    thresholds = [0.5, 0.1, 1.0, 0.25]
    for box, found in zip(boxes, align_and_expand(boxes, labels, thresholds).tolist()):
        aligned = naive.align(box, labels)
        if aligned is None:
            assert found == [[0, 0, 0, 0]] * 5
        else:
            assert found[0] == aligned
            assert found[1:] == [naive.expand(aligned, labels, t) for t in thresholds]


@settings(deadline=None)
@given(label_images_and_boxes())
def test_straddling_scores_are_those_of_masks(labels_and_boxes):
    labels, boxes = labels_and_boxes
    expected = [naive.straddling(box, labels) for box in boxes]
    np.testing.assert_allclose(straddling_scores(boxes, labels), expected, atol=1e-12)


def test_labels_with_gaps_are_as_those_without():
    labels = np.array([[0, 0, 1, 1, 1], [0, 0, 1, 2, 2]])
    boxes = [[1, 0, 4, 2], [0, 0, 4, 1]]
    wide = np.array([5, 10**9, 2 * 10**9])[labels]
    np.testing.assert_array_equal(
        align_and_expand(boxes, wide, [0.4]), align_and_expand(boxes, labels, [0.4])
    )
    np.testing.assert_array_equal(straddling_scores(boxes, wide), straddling_scores(boxes, labels))


def test_boxes_go_to_whole_pixels_of_the_image():
    assert as_pixel_boxes([[0.6, 0.6, 1.2, 99]], (3, 4)).tolist() == [[0, 0, 2, 3]]
    assert as_pixel_boxes([], (3, 4)).shape == (0, 4)


@pytest.mark.parametrize(
    ("boxes", "error", "message"),
    [
        ([0, 0, 1, 1], ValueError, r"shape \(4,\); accepted is \(n_boxes, 4\)"),
        ([[0, 0, 1]], ValueError, r"shape \(1, 3\)"),
        ([["a", "b", "c", "d"]], TypeError, "accepted are real numbers"),
        ([[0, 0, 1, 1], [0, 0, np.nan, 1]], ValueError, r"boxes\[1\] .* not finite"),
        ([[0, 0, 1, 1], [2, 0, 2, 1]], ValueError, r"boxes\[1\] .* is empty"),
    ],
)
def test_what_is_no_box_is_named(boxes, error, message):
    with pytest.raises(error, match=message):
        as_boxes(boxes)


def test_a_box_outside_of_the_image_is_named():
    with pytest.raises(ValueError, match=r"boxes\[1\] is .* outside of the image of 4 columns"):
        align_and_expand([[0, 0, 1, 1], [4, 0, 9, 2]], np.zeros((2, 4), int), [0.5])


@pytest.mark.parametrize("thresholds", [[0.0], [1.1], [np.nan], 0.5, [[0.5]]])
def test_thresholds_are_shares(thresholds):
    with pytest.raises(ValueError, match="numbers above 0 and at most 1"):
        align_and_expand([[0, 0, 1, 1]], [[0, 1]], thresholds)


def test_parameters_of_suppression_are_checked():
    with pytest.raises(ValueError, match="max_overlap must be at most 1"):
        suppress_overlaps([[0, 0, 1, 1]], 2.0)
    with pytest.raises(ValueError, match="limit must be at least 1"):
        suppress_overlaps([[0, 0, 1, 1]], limit=0)
