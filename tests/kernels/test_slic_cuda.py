"""SLIC's CUDA twin: the CPU's labels, pixel by pixel, whatever the order of blocks."""

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sklearn_spx.kernels import slic
from sklearn_spx.kernels.slic import slic_quiet

from .simulator import SIMULATED, permuted

pytestmark = pytest.mark.skipif(not SIMULATED, reason="NUMBA_ENABLE_CUDASIM=1 is not set")


def assert_the_cpus(image, n_segments, seed=0, **options):
    wanted = slic_quiet(image, n_segments, device="cpu", **options)
    with permuted(seed):
        found = slic_quiet(image, n_segments, device="cuda", **options)
    assert found.dtype == np.int32
    assert found.tolist() == wanted.tolist()


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.mark.parametrize("n_channels", [1, 3, 5, 20])
@pytest.mark.parametrize("slic_zero", [False, True])
def test_any_number_of_channels(rng, n_channels, slic_zero):
    image = rng.normal(size=(11, 13, n_channels)).astype(np.float32)
    assert_the_cpus(image, 4, compactness=1.0, max_iter=3, slic_zero=slic_zero)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_lab(rng, dtype):
    full = 1 if dtype is np.float32 else np.iinfo(dtype).max
    image = (rng.random((12, 9, 3)) * full).astype(dtype)
    assert_the_cpus(image, 5, max_iter=2, weights=[1, 2, 0.5])


def test_mask(rng):
    image = rng.normal(size=(18, 20, 3)).astype(np.float32)
    mask = rng.random((18, 20)) < 0.5
    mask[:, 8:16] = False
    assert_the_cpus(image, 5, compactness=1.0, max_iter=3, mask=mask)


def test_a_stride_of_two(rng):
    image = rng.normal(size=(19, 17, 3)).cumsum(axis=1).astype(np.float32)
    assert_the_cpus(image, 4, compactness=3.0, max_iter=4, enforce_connectivity=False)


def test_tiles_that_no_window_meets(rng):
    mask = np.zeros((9, 40), bool)
    mask[0, :3] = mask[8, 37:] = True
    assert_the_cpus(rng.random((9, 40)), 1, max_iter=2, mask=mask, enforce_connectivity=False)


@pytest.mark.parametrize(("shape", "n"), [((1, 1), 1), ((1, 9), 3), ((7, 1), 99), ((3, 3), 9)])
def test_degenerate_shapes(rng, shape, n):
    assert_the_cpus(rng.random(shape), n, max_iter=2)


def test_no_order_of_blocks_shows(rng):
    image = rng.normal(size=(10, 18, 3)).astype(np.float32)
    for seed in (None, 1, 2):
        assert_the_cpus(image, 6, seed, compactness=0.5, max_iter=3, enforce_connectivity=False)


def test_many_channels_that_say_what_few_do(rng):
    few = rng.normal(size=(25, 27, 2)).cumsum(axis=1)
    image = (few @ rng.normal(size=(2, 18))).astype(np.float32)
    mask = rng.random((25, 27)) < 0.9
    assert_the_cpus(image, 6, compactness=2.0, max_iter=2)
    assert_the_cpus(image, 6, compactness=2.0, max_iter=1, mask=mask)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, bool, np.float32, np.float64, np.int64])
@pytest.mark.parametrize("n_channels", [None, 2, 3])
def test_images_that_lie_on_the_gpu(rng, dtype, n_channels):
    from numba import cuda

    shape = (7, 9) if n_channels is None else (7, 9, n_channels)
    image = (rng.random(shape) * (1 if np.dtype(dtype).kind == "f" else 256)).astype(dtype)
    mask = rng.random((7, 9)) < 0.8
    for keep in (None, mask):
        options = {"compactness": 0.5, "max_iter": 2, "enforce_connectivity": keep is None}
        wanted = slic_quiet(image, 4, mask=keep, **options)
        with permuted(1):
            there = None if keep is None else cuda.to_device(keep)
            found = slic_quiet(cuda.to_device(image), 4, mask=there, **options)
            assert found.copy_to_host().tolist() == wanted.tolist()
            if keep is not None:
                found = slic_quiet(image, 4, mask=there, device="cuda", **options)
                assert found.copy_to_host().tolist() == wanted.tolist()


def test_what_is_outside_may_be_anything_on_the_gpu(rng):
    from numba import cuda

    image = rng.random((6, 8, 3))
    mask = rng.random((6, 8)) < 0.7
    image[~mask] = np.nan
    wanted = slic_quiet(image, 3, max_iter=2, mask=mask)
    there = cuda.to_device(image)
    with permuted(0):
        found = slic_quiet(there, 3, max_iter=2, mask=cuda.to_device(mask))
        with pytest.raises(ValueError, match=r"image holds \d+ values that are NaN, infinite"):
            slic(there, 3)
    assert found.copy_to_host().tolist() == wanted.tolist()


def test_rgb_or_not_is_told_by_the_values_on_the_gpu():
    from numba import cuda

    image = np.full((4, 4, 3), 0.5)
    image[1, 1] = -2, 3, 0
    on_gpu = cuda.to_device(image)
    with permuted(0), pytest.raises(ValueError, match=r"values from -2\.0 to 3\.0; RGB"):
        slic(on_gpu, 2, convert2lab=True)
    with permuted(0), pytest.raises(ValueError, match="needs an image of 3 channels, found 1"):
        slic(cuda.to_device(image[:, :, 0].copy()), 2, convert2lab=True)
    with permuted(0), pytest.raises(TypeError, match="convert2lab must be None, True or False"):
        slic(on_gpu, 2, convert2lab="yes")
    with permuted(0), pytest.raises(ValueError, match="it is empty"):
        slic(cuda.to_device(np.zeros((0, 4), np.float32)), 2)


def test_a_grid_is_warned_of_on_the_gpu(rng):
    from numba import cuda

    image = rng.random((9, 9)).astype(np.float32)
    mask = np.arange(81).reshape(9, 9) % 5 > 0
    image[0, 0] = 1000  # outside the mask
    for keep in (None, mask):
        there = cuda.to_device(image), None if keep is None else cuda.to_device(keep)
        with warnings.catch_warnings(record=True) as wanted:
            warnings.simplefilter("always")
            slic(image, 4, mask=keep)
        with permuted(0), warnings.catch_warnings(record=True) as found:
            warnings.simplefilter("always")
            slic(there[0], 4, mask=there[1])
        assert [str(w.message) for w in found] == [str(w.message) for w in wanted]
        assert {w.filename for w in found} <= {__file__}
    assert len(found) == 1


@st.composite
def problems(draw):
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    height, width = draw(st.integers(1, 12)), draw(st.integers(1, 14))
    n_channels = draw(st.sampled_from([1, 2, 4]))
    image = rng.integers(0, draw(st.sampled_from([2, 50])), (height, width, n_channels))
    mask = None
    if draw(st.booleans()):
        mask = rng.random((height, width)) < 0.7
        mask[rng.integers(height), rng.integers(width)] = True
    return image, {
        "n_segments": draw(st.integers(1, 9)),
        "compactness": draw(st.sampled_from([0.3, 10.0])),
        "max_iter": draw(st.integers(1, 3)),
        "mask": mask,
    }


@settings(max_examples=8, deadline=None, derandomize=True)
@given(problems())
def test_any_problem(problem):
    image, options = problem
    assert_the_cpus(image, **options)


@pytest.mark.parametrize("value", [1e30, 3e38, -3e38])
def test_values_beyond_what_sums_hold(value):
    image = np.zeros((4, 4))
    image[1, 2] = value
    with permuted(0), pytest.raises(ValueError, match="beyond 1e"):
        slic(image, 2, device="cuda")


def test_equal_looks_where_place_does_not_count(rng):
    image = np.zeros((9, 12, 1), np.float32)
    image[:, 6:] = rng.integers(0, 2, (9, 6, 1))
    assert_the_cpus(image, 4, compactness=0.0, max_iter=2)


@pytest.mark.parametrize("n_places", [1, 3])
def test_seeds_of_ones_own(n_places):
    rng = np.random.default_rng(n_places)
    image = rng.integers(0, 50, (11, 13, 2))
    seeds = rng.integers(0, 11, (5, n_places, 2))
    assert_the_cpus(image, n_segments=4, compactness=3.0, max_iter=3, seeds=seeds)
