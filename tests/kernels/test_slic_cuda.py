"""SLIC's CUDA twin: the CPU's labels, pixel by pixel, whatever the order of blocks."""

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
