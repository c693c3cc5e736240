"""Connected label images."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from sklearn_spx.kernels import enforce_connectivity

from . import naive

label_images = hnp.arrays(
    np.int32, hnp.array_shapes(min_dims=2, max_dims=2, max_side=12), elements=st.integers(-1, 3)
)


@settings(max_examples=150, deadline=None, derandomize=True)
@given(label_images, st.integers(0, 30))
def test_is_the_naive_one(labels, min_size):
    before = labels.copy()
    found = enforce_connectivity(labels, min_size)
    assert found.dtype == np.int32
    assert found.flags.c_contiguous
    assert found.tolist() == naive.enforce_connectivity(labels, min_size).tolist()
    assert labels.tolist() == before.tolist()


@settings(max_examples=50, deadline=None, derandomize=True)
@given(label_images, st.integers(0, 30))
def test_every_region_is_connected_and_large_unless_alone(labels, min_size):
    found = enforce_connectivity(labels, min_size)
    assert ((found < 0) == (labels < 0)).all()
    regions = naive.connected_regions(found)
    assert regions.tolist() == found.tolist()  # connected, without a gap, in reading order
    alone = naive.connected_regions(np.where(labels < 0, -1, 0))
    for region in range(found.max() + 1):
        inside = found == region
        if inside.sum() < min_size:
            assert inside.sum() == (alone == alone[inside][0]).sum()


@settings(max_examples=50, deadline=None, derandomize=True)
@given(label_images)
def test_twice_is_once(labels):
    once = enforce_connectivity(labels, 4)
    assert enforce_connectivity(once, 4).tolist() == once.tolist()


def test_the_longest_border_wins():
    # The two pixels of 1 share four pixel edges with 0 and two with 2.
    labels = np.array([[0, 0, 0, 2], [0, 1, 1, 2], [0, 0, 2, 2]])
    assert enforce_connectivity(labels, 3).tolist() == [[0, 0, 0, 1], [0, 0, 0, 1], [0, 0, 1, 1]]


def test_crumbs_meet_their_like_first():
    labels = np.arange(64).reshape(8, 8)
    sizes = np.bincount(enforce_connectivity(labels, 8).ravel())
    assert sizes.min() >= 8
    assert len(sizes) > 2


@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (9, 1)])
@pytest.mark.parametrize("min_size", [0, 1, 5, 100])
def test_thin_images(shape, min_size):
    labels = np.arange(shape[0] * shape[1]).reshape(shape) // 3
    found = enforce_connectivity(labels, min_size)
    assert found.tolist() == naive.enforce_connectivity(labels, min_size).tolist()


def test_one_label_is_one_region():
    assert not enforce_connectivity(np.full((50, 60), 7), 1000).any()


def test_mask_and_negative_labels_are_outside():
    labels = np.array([[0, 0, -3, 1], [0, 5, 5, 1]])
    mask = np.array([[1, 1, 1, 1], [1, 0, 1, 1]], dtype=bool)
    assert enforce_connectivity(labels, 2, mask=mask).tolist() == [[0, 0, -1, 1], [0, -1, 1, 1]]


def test_all_outside():
    assert enforce_connectivity(np.full((3, 4), -1), 5).tolist() == [[-1] * 4] * 3


def test_unlike_everything_in_a_large_image():
    labels = np.random.default_rng(0).permutation(300 * 200).reshape(300, 200)
    found = enforce_connectivity(labels, 50)
    assert np.bincount(found.ravel()).min() >= 50
    assert enforce_connectivity(labels).max() == labels.size - 1


@pytest.mark.parametrize(
    ("labels", "kwargs", "error", "message"),
    [
        (np.zeros((2, 2)), {}, TypeError, "labels has dtype float64"),
        (np.zeros(3, int), {}, ValueError, "labels has shape"),
        (np.zeros((2, 2), int), {"min_size": -1}, ValueError, "min_size must be at least 0"),
        (np.zeros((2, 2), int), {"min_size": 1.5}, TypeError, "min_size must be an integer"),
        (np.zeros((2, 2), int), {"mask": np.ones((3, 2), bool)}, ValueError, "mask has shape"),
    ],
)
def test_bad_input(labels, kwargs, error, message):
    with pytest.raises(error, match=message):
        enforce_connectivity(labels, **kwargs)
