"""Connectivity's CUDA twin: the CPU's labels, pixel by pixel, whatever the order of blocks."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sklearn_spx.kernels import enforce_connectivity
from sklearn_spx.kernels._device import open_session
from sklearn_spx.kernels.connectivity import connect

from .simulator import SIMULATED, permuted

pytestmark = pytest.mark.skipif(not SIMULATED, reason="NUMBA_ENABLE_CUDASIM=1 is not set")


def assert_the_cpus(labels, min_size=0, n_segments=None, colours=None, scale=1.0, seed=0):
    wanted = np.ascontiguousarray(labels, np.int32)
    there = wanted.copy()
    n = connect(wanted, min_size, n_segments, colours, scale)
    with permuted(seed), open_session() as session:
        on = session.allocate("a test", labels=(there.shape, np.int32))
        session.copy_in(there, on.labels)
        if colours is not None:
            own = session.allocate("a test", colours=(colours.shape, np.float32)).colours
            session.copy_in(colours, own)
            colours = own
        assert connect(on.labels, min_size, n_segments, colours, scale, session=session) == n
        found = session.copy_out(on.labels)
    assert found.tolist() == wanted.tolist()


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.mark.parametrize("min_size", [0, 2, 7, 1000])
def test_small_regions(rng, min_size):
    assert_the_cpus(rng.integers(-1, 4, (13, 11)), min_size)


@pytest.mark.parametrize("n_segments", [1, 2, 5, 12])
def test_the_smallest(rng, n_segments):
    labels = rng.integers(0, 40, (11, 13))
    assert_the_cpus(labels, 2, n_segments)
    labels[4] = -1
    assert_the_cpus(labels, 0, n_segments)


@pytest.mark.parametrize("seed", [None, 1, 2, 3])
def test_no_order_of_blocks_shows(rng, seed):
    labels = np.kron(rng.permutation(30).reshape(5, 6), np.ones((3, 3), int))
    labels[rng.random(labels.shape) < 0.3] = 7
    colours = rng.normal(size=(30, 3)).astype(np.float32)
    assert_the_cpus(labels, 16, 9, colours, 0.5, seed)


def test_crumbs_take_the_colours_of_what_they_join(rng):
    labels = rng.integers(0, 5, (12, 14))
    colours = rng.normal(size=(5, 2)).astype(np.float32)
    assert_the_cpus(labels, 40, None, colours, 1.0)


@pytest.mark.parametrize(("shape", "n"), [((9, 12), 7), ((1, 30), 7), ((20, 1), 3), ((2, 2), 99)])
def test_one_region_is_cut(shape, n):
    assert_the_cpus(np.zeros(shape, int), 0, n)


def test_the_largest_are_cut(rng):
    labels = rng.integers(0, 3, (14, 15)).cumsum(axis=1) // 9
    for n in (20, 33):
        assert_the_cpus(labels, 5, n)
    labels[3:5] = -1
    assert_the_cpus(labels, 5, 25)


def test_equal_regions_get_more_parts_in_their_order():
    labels = np.kron(np.arange(6).reshape(2, 3), np.ones((4, 4), int))
    for n in (8, 11, 96):
        assert_the_cpus(labels, 0, n)


@pytest.mark.parametrize("n", [2, 5, 9])
def test_what_is_not_connected_row_by_row_is_grown(n):
    comb = np.full((7, 13), -1)
    comb[:, ::2] = comb[6] = 0
    assert_the_cpus(comb, 0, n)
    assert_the_cpus(comb[::-1], 0, n)
    assert_the_cpus(comb.T, 0, n)
    spiral = np.int32([[0, 0, 0, 0, 0], [-1, -1, -1, -1, 0], [0, 0, 0, -1, 0], [0, -1, -1, -1, 0],
                       [0, 0, 0, 0, 0]])  # fmt: skip
    assert_the_cpus(spiral, 0, n)


@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (9, 1)])
def test_thin_images(rng, shape):
    for labels in (rng.integers(-1, 3, shape), np.zeros(shape, int), np.full(shape, -3)):
        assert_the_cpus(labels, 3)
        assert_the_cpus(labels, 2, 4)


def test_rows_wider_than_a_block(rng):
    labels = np.repeat(rng.integers(0, 3, (3, 40)), 5, axis=1)
    labels[1, 60:] = 2
    assert_the_cpus(labels, 12, 6)


@st.composite
def problems(draw):
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    shape = draw(st.integers(1, 9)), draw(st.integers(1, 9))
    labels = rng.integers(draw(st.integers(-1, 0)), draw(st.sampled_from([1, 2, 4, 20])), shape)
    colours = None
    if draw(st.booleans()):
        colours = rng.integers(0, 3, (20, 2)).astype(np.float32)
    n_segments = draw(st.sampled_from([None, 1, 3, 10, 30]))
    return labels, draw(st.sampled_from([0, 2, 5, 17])), n_segments, colours


@settings(max_examples=20, deadline=None, derandomize=True)
@given(problems(), st.integers(0, 2**32 - 1))
def test_any_problem(problem, seed):
    assert_the_cpus(*problem, seed=seed)


@pytest.mark.parametrize("dtype", [np.int32, np.uint8, np.int64, bool])
def test_arrays_in_and_out(rng, dtype):
    from numba import cuda

    labels = rng.integers(0, 2, (6, 7)).astype(dtype)
    mask = rng.random((6, 7)) < 0.8
    for keep in (None, mask, mask.astype(np.float32)):
        wanted = enforce_connectivity(labels, 3, mask=keep).tolist()
        before = cuda.to_device(labels)
        with permuted(0):
            there = None if keep is None else cuda.to_device(keep)
            found = enforce_connectivity(before, 3, mask=there)
            assert not isinstance(found, np.ndarray)
            assert found.copy_to_host().tolist() == wanted
            assert enforce_connectivity(labels, 3, mask=keep, device="cuda").tolist() == wanted
        assert before.copy_to_host().tolist() == labels.tolist()


def test_bad_arguments():
    from numba import cuda

    labels = cuda.to_device(np.zeros((3, 4), np.int32))
    for bad, error, match in [
        (np.zeros((3, 4), np.float32), TypeError, "accepted are integer label images"),
        (np.zeros(4, np.int32), ValueError, "accepted is"),
        (np.zeros((3, 4, 1), np.int32), ValueError, "labels lies on a GPU; volumes"),
        (np.full((3, 4), 2**40), ValueError, "labels holds 12 labels beyond int32"),
    ]:
        with permuted(0), pytest.raises(error, match=match):
            enforce_connectivity(cuda.to_device(bad))
    for bad, match in [
        (np.zeros((3, 4), bool), "mask keeps no pixel"),
        (np.full((3, 4), 0.5), "neither 0 nor 1: give mask > 0.5"),
        (np.ones((3, 4, 1)), r"give mask\[:, :, 0\]"),
    ]:
        with permuted(0), pytest.raises(ValueError, match=match):
            enforce_connectivity(labels, mask=cuda.to_device(bad))
    with pytest.raises(ValueError, match="min_size must be at least 0"):
        enforce_connectivity(labels, -1)
