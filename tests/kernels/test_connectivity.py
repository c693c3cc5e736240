"""Connected label images."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from sklearn_spx.kernels import enforce_connectivity
from sklearn_spx.kernels.connectivity import _components, connect

from . import naive

label_images = hnp.arrays(
    np.int32, hnp.array_shapes(min_dims=2, max_dims=2, max_side=12), elements=st.integers(-1, 3)
) | hnp.arrays(
    np.int32, hnp.array_shapes(min_dims=3, max_dims=3, max_side=5), elements=st.integers(-1, 3)
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


@pytest.mark.parametrize("width", [63, 64, 65, 127, 128, 129, 200])
@pytest.mark.parametrize("shape", [(1,), (3,), (2, 2)])
@pytest.mark.parametrize("long", [1, 5, 70])
def test_runs_across_words_of_bits(width, shape, long):
    rng = np.random.default_rng(width)
    runs = rng.integers(-1, 3, (*shape, -(-width // long)), dtype=np.int32)
    labels = np.roll(runs.repeat(long, axis=-1), rng.integers(long), axis=-1)[..., :width].copy()
    for min_size in (0, 4):
        wanted = naive.enforce_connectivity(labels, min_size)
        assert enforce_connectivity(labels, min_size).tolist() == wanted.tolist()


def _totals(labels):
    """Entries of borders, and what each two neighbours share in all."""
    runs, sizes, _ = _components.components(labels)
    borders = _components.borders_of(runs, np.ones(len(sizes), bool))
    n, totals = 0, {}
    for i, node in enumerate(borders.heads.tolist()):
        while node >= 0:
            pair = i, int(borders.other[node])
            totals[pair] = totals.get(pair, 0) + int(borders.shared[node])
            n, node = n + 1, int(borders.after[node])
    return n, totals


@pytest.mark.parametrize("shape", [(30, 40), (4, 9, 11)])
def test_borders_of_many_runs_are_added_up_as_they_are_listed(shape, monkeypatch):
    labels = np.random.default_rng(0).integers(-1, 2, shape, dtype=np.int32)
    wanted = naive.enforce_connectivity(labels, 9).tolist()
    n_listed, totals = _totals(labels)
    monkeypatch.setattr(_components, "_MANY", 0)
    n_added_up, same = _totals(labels)
    assert same == totals
    assert len(totals) <= n_added_up < 0.8 * n_listed
    assert enforce_connectivity(labels, 9).tolist() == wanted


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


@st.composite
def asked(draw):
    """A label image that is not all outside, and a number of segments."""
    labels = draw(label_images.filter(lambda labels: labels.max() >= 0))
    return labels, draw(st.integers(1, 30))


def nearest_count(inside, n_segments):
    """The count nearest to the one asked for that connected regions of a mask can have."""
    n_parts = naive.connected_regions(np.where(inside, 0, -1)).max() + 1
    return max(n_parts, min(n_segments, np.count_nonzero(inside)))


@settings(max_examples=150, deadline=None, derandomize=True)
@given(asked(), st.integers(0, 9))
def test_as_many_as_asked_for(problem, min_size):
    labels, n_segments = problem
    found = enforce_connectivity(labels, min_size, n_segments=n_segments)
    assert ((found < 0) == (labels < 0)).all()
    assert naive.connected_regions(found).tolist() == found.tolist()
    assert found.max() + 1 == nearest_count(labels >= 0, n_segments)


@settings(max_examples=100, deadline=None, derandomize=True)
@given(asked(), st.integers(0, 9))
def test_the_smallest_go_first(problem, min_size):
    labels, n_segments = problem
    merged = naive.enforce_connectivity(labels, min_size, n_segments)
    found = enforce_connectivity(labels, min_size, n_segments=max(1, merged.max() + 1))
    if merged.max() < n_segments:  # else it was cut
        assert naive.enforce_connectivity(labels, min_size).max() >= merged.max()
    assert found.tolist() == merged.tolist()


@settings(max_examples=100, deadline=None, derandomize=True)
@given(asked(), st.sampled_from([0, 2, 5, 9, 30]), st.integers(0, 2**32 - 1))
def test_colours_speak_for_a_neighbour(problem, min_size, seed):
    labels, n_segments = problem
    colours = np.random.default_rng(seed).normal(size=(4, 2)).astype(np.float32)
    wanted = naive.enforce_connectivity(labels, min_size, n_segments, colours, 0.5)
    found = np.ascontiguousarray(labels)
    n = connect(found, min_size, max(1, wanted.max() + 1), colours, 0.5)
    assert n == wanted.max() + 1
    assert found.tolist() == wanted.tolist()


def test_the_more_alike_wins_over_a_longer_border():
    labels = np.int32([[0, 0, 0, 2], [0, 1, 1, 2], [0, 0, 2, 2]])
    connect(labels, 3, 2, np.float32([[9], [0], [1]]), 1.0)
    assert labels.tolist() == [[0, 0, 0, 1], [0, 1, 1, 1], [0, 0, 1, 1]]


@pytest.mark.parametrize(("shape", "n"), [((8, 12), 6), ((1, 30), 7), ((40, 1), 3), ((30, 50), 11)])
def test_one_region_is_cut_evenly(shape, n):
    labels = enforce_connectivity(np.zeros(shape, int), n_segments=n)
    sizes = np.bincount(labels.ravel())
    assert len(sizes) == n
    assert sizes.max() - sizes.min() <= n.bit_length()  # a pixel a cut


def test_the_largest_are_cut_across_their_longer_side():
    labels = np.zeros((6, 9), int)
    labels[:, 8:] = 1
    wanted = np.repeat([[0, 0, 0, 0, 1, 1, 1, 1, 2]], 6, axis=0)
    assert enforce_connectivity(labels, n_segments=3).tolist() == wanted.tolist()
    assert enforce_connectivity(labels.T, n_segments=3).tolist() == wanted.T.tolist()


def test_cutting_a_comb_leaves_connected_parts():
    comb = np.full((9, 21), -1)
    comb[:, ::2] = comb[8] = 0
    for n in range(1, 40):
        labels = enforce_connectivity(comb, n_segments=n)
        assert labels.max() + 1 == n
        assert naive.connected_regions(labels).tolist() == labels.tolist()


def test_a_number_among_crumbs():
    labels = np.random.default_rng(0).permutation(120 * 90).reshape(120, 90)
    found = enforce_connectivity(labels, n_segments=50)
    assert found.max() + 1 == 50
    assert np.bincount(found.ravel()).min() >= 50


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
        (np.zeros((2, 2), int), {"n_segments": 0}, ValueError, "n_segments must be at least 1"),
        (np.zeros((2, 2), int), {"n_segments": 2.0}, TypeError, "n_segments must be an integer"),
        (np.zeros((2, 2), int), {"mask": np.ones((3, 2), bool)}, ValueError, "mask has shape"),
    ],
)
def test_bad_input(labels, kwargs, error, message):
    with pytest.raises(error, match=message):
        enforce_connectivity(labels, **kwargs)


def test_looks_that_are_equal_where_nothing_else_counts():
    labels = np.array([[0, 0, 0, 0, 1, 2, 2, 2]], np.int32)
    assert connect(labels, 8, None, np.zeros((3, 1), np.float32), 0.0) == 1
    labels = np.array([[0, 0, 0, 0, 0, 0, 0, 1, 1, 2, 2, 2]], np.int32)
    assert connect(labels, 3, None, np.float32([[7], [7], [7]]), 0.0) == 2
    assert labels.tolist() == [[0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1]]  # of equals the smaller


@settings(max_examples=60, deadline=None, derandomize=True)
@given(label_images, st.integers(0, 9), st.none() | st.integers(1, 30))
def test_a_volume_of_one_slice_is_its_image(labels, min_size, n_segments):
    image = labels if labels.ndim == 2 else labels[0]
    wanted = enforce_connectivity(image, min_size, n_segments=n_segments)
    found = enforce_connectivity(image[None], min_size, n_segments=n_segments)
    assert found[0].tolist() == wanted.tolist()


def test_the_longest_side_is_longest_in_space():
    block = np.zeros((4, 6, 8), int)
    for spacing, axis in [(None, 2), ((1, 2, 1), 1), ([3, 1, 1], 0)]:
        found = enforce_connectivity(block, n_segments=2, spacing=spacing)
        halves = np.moveaxis(found, axis, 0)
        assert (halves[: len(halves) // 2] == 0).all()
        assert (halves[len(halves) // 2 :] == 1).all()
    found = enforce_connectivity(block[0], n_segments=2, spacing=(2, 1))
    assert (found[:3] == 0).all()
    assert (found[3:] == 1).all()


def test_mistakes_with_volumes_are_named():
    block = np.zeros((2, 3, 4), int)
    with pytest.raises(ValueError, match="device is 'cuda'; volumes, and images with spacing"):
        enforce_connectivity(block, device="cuda")
    with pytest.raises(ValueError, match="spacing has 2 numbers, but labels has shape"):
        enforce_connectivity(block, spacing=(1, 1))
    with pytest.raises(ValueError, match=r"mask has shape \(3, 4\), expected \(2, 3, 4\)"):
        enforce_connectivity(block, mask=np.ones((3, 4)))
    with pytest.raises(ValueError, match=r"accepted are \(height, width\) and \(depth, height"):
        enforce_connectivity(block[0, 0])
