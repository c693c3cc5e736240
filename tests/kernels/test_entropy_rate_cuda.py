"""The CUDA twin of entropy rate superpixels: the CPU's labels, whatever the order of blocks."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sklearn_spx.kernels import entropy_rate_superpixels

from .simulator import SIMULATED, permuted

pytestmark = pytest.mark.skipif(not SIMULATED, reason="NUMBA_ENABLE_CUDASIM=1 is not set")


def assert_the_cpus(image, n_segments, seed=0, **options):
    wanted = entropy_rate_superpixels(image, n_segments, device="cpu", **options)
    with permuted(seed):
        found = entropy_rate_superpixels(image, n_segments, device="cuda", **options)
    assert found.dtype == np.int32
    assert found.tolist() == wanted.tolist()


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.mark.parametrize("seed", [None, 1])
def test_no_order_of_blocks_shows(rng, seed):
    image = rng.integers(0, 256, (6, 25, 3), dtype=np.uint8)  # blocks of 128
    assert_the_cpus(image, 9, seed)


@pytest.mark.parametrize("n_segments", [1, 6])
def test_ties(n_segments):
    assert_the_cpus(np.zeros((4, 5)), n_segments)


@pytest.mark.parametrize(("shape", "n"), [((1, 1), 1), ((1, 6), 2), ((5, 1), 4), ((2, 2), 1)])
def test_degenerate_shapes(rng, shape, n):
    assert_the_cpus(rng.random(shape), n)


@pytest.mark.parametrize("connectivity", [4, 8])
def test_image_affinities_and_cells_together(rng, connectivity):
    mask = np.ones((5, 7), bool)
    mask[0, :2] = mask[4, 6] = False
    image = rng.integers(0, 90, (5, 7, 3)).astype(float)
    image[~mask] = np.nan
    options = {
        "affinities": rng.random((2, 5, 7)),
        "cells": rng.integers(-1, 4, (5, 7)),
        "mask": mask,
        "connectivity": connectivity,
    }
    assert_the_cpus(image, 4, 1, **options)
    assert_the_cpus(image, 4, 2, **options, regularity=1.0)
    assert_the_cpus(None, 4, 3, **options, regularity=0.5)


def test_affinities_of_nothing(rng):
    assert_the_cpus(None, 3, affinities=np.zeros((2, 3, 4)), balance=0.0)


@st.composite
def problems(draw):
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    shape = draw(st.integers(2, 6)), draw(st.integers(2, 6))
    connectivity = draw(st.sampled_from([4, 8]))
    mask = None
    n_least = 1
    if draw(st.booleans()):
        mask = np.ones(shape, bool)
        mask[0, 0] = mask[-1, -1] = False  # what is left is connected
        mask[1 - shape[0] % 2, 1] = True
        n_least = 3
    n_pixels = int(mask.sum()) if mask is not None else shape[0] * shape[1]
    if n_pixels < 4:
        mask, n_least = None, 1
    options = {
        "n_segments": draw(st.integers(n_least, 4)),
        "balance": draw(st.sampled_from([0.0, 0.5, 30.0])),
        "connectivity": connectivity,
        "mask": mask,
    }
    if draw(st.booleans()):
        return {"image": rng.integers(0, draw(st.sampled_from([2, 99])), shape), **options}
    affinities = rng.choice([0.25, 0.5, 1], (2, *shape))
    return {"image": None, "affinities": affinities, **options}


@settings(max_examples=8, deadline=None, derandomize=True)
@given(problems(), st.integers(0, 2**32 - 1))
def test_any_problem(problem, seed):
    assert_the_cpus(**problem, seed=seed)


def test_arrays_in_and_out(rng):
    from numba import cuda

    image, mask = rng.integers(0, 99, (3, 5)), np.ones((3, 5), np.float32)
    mask[1, 3:] = 0
    affinities = rng.random((2, 3, 5))
    affinities[:, 1, 4] = np.nan
    for options in ({"image": image}, {"affinities": affinities}):
        wanted = entropy_rate_superpixels(n_segments=3, mask=mask, **options).tolist()
        there = {name: cuda.to_device(array) for name, array in options.items()}
        with permuted(0):
            found = entropy_rate_superpixels(n_segments=3, mask=cuda.to_device(mask), **there)
        assert not isinstance(found, np.ndarray)
        assert found.copy_to_host().tolist() == wanted


def test_bad_arguments():
    from numba import cuda

    mask = np.ones((3, 4), bool)
    mask[:, 2] = False
    image, affinities = cuda.to_device(np.zeros((3, 4))), np.ones((2, 3, 4))
    affinities[1, 1, 2] = 1.5
    with permuted(0), pytest.raises(ValueError, match="the mask has 2 unconnected parts"):
        entropy_rate_superpixels(image, 1, mask=mask)
    with permuted(0), pytest.raises(ValueError, match="n_segments is 13, but there are 12 pixels"):
        entropy_rate_superpixels(image, 13)
    with (
        permuted(0),
        pytest.raises(ValueError, match=r"to the lower neighbour of row 1, column 2 is 1\.5"),
    ):
        entropy_rate_superpixels(affinities=cuda.to_device(affinities), n_segments=2)
    with permuted(0), pytest.raises(ValueError, match=r"accepted is \(2, height, width\)"):
        entropy_rate_superpixels(affinities=image, n_segments=2)
