"""Graph-based segmentation's CUDA twins: the CPU's labels, whatever the order of blocks."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sklearn_spx.kernels import graph_segmentation, segment_region_graph

from .simulator import SIMULATED, permuted

pytestmark = pytest.mark.skipif(not SIMULATED, reason="NUMBA_ENABLE_CUDASIM=1 is not set")


@pytest.fixture(params=[0, 10**9])
def few(request, monkeypatch):
    """All is done in rounds, or all but the first few by one thread."""
    from sklearn_spx.kernels import _cuda_graph

    monkeypatch.setattr(_cuda_graph, "FEW", request.param)


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def assert_the_cpus(function, *arguments, seed=0, **options):
    wanted = function(*arguments, device="cpu", **options)
    with permuted(seed):
        found = function(*arguments, device="cuda", **options)
    assert found.dtype == np.int32
    assert found.tolist() == wanted.tolist()


@st.composite
def problems(draw):
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    shape = draw(st.integers(1, 9)), draw(st.integers(1, 10))
    mask = None
    if draw(st.booleans()):
        mask = rng.random(shape) < 0.7
        mask[0, 0] = True
    options = {
        "scale": draw(st.sampled_from([0.0, 20.0, 100.0, 400.0])),
        "min_size": draw(st.sampled_from([0, 2, 5])),
        "connectivity": draw(st.sampled_from([4, 8])),
        "mask": mask,
    }
    if draw(st.booleans()):
        levels = draw(st.sampled_from([2, 4, 256]))
        affinities = np.float32(rng.integers(0, levels, (2, *shape)) / (levels - 1))
        if mask is not None:
            affinities[:, ~mask] = np.nan
        return {"affinities": affinities, **options}
    image = rng.choice(np.float32([0, 0.25, 0.5, 1]), (*shape, 2))
    if draw(st.booleans()):
        image = rng.random((*shape, 3))
    if mask is not None:
        image[~mask] = np.inf
    return {"image": image, "sigma": draw(st.sampled_from([0.0, 0.8])), **options}


@settings(max_examples=8, deadline=None, derandomize=True)
@given(problems(), st.sampled_from([None, 1, 2]))
def test_any_image(problem, seed):
    assert_the_cpus(graph_segmentation, seed=seed, **problem)


@pytest.mark.parametrize("connectivity", [4, 8])
@pytest.mark.usefixtures("few")
def test_rounds_and_turns_are_one(rng, connectivity):
    image = rng.integers(0, 256, (8, 13, 3), np.uint8)
    for scale in (30, 300):
        assert_the_cpus(
            graph_segmentation, image, scale=scale, min_size=9, connectivity=connectivity
        )


@pytest.mark.usefixtures("few")
def test_weights_that_are_all_alike():
    image = (np.indices((7, 8)).sum(axis=0) % 2).astype(float)
    for scale in (10, 600):
        assert_the_cpus(graph_segmentation, image, scale=scale, sigma=0, min_size=4, connectivity=4)
    assert_the_cpus(graph_segmentation, np.zeros((7, 8)), scale=0)


@pytest.mark.usefixtures("few")
def test_weights_that_rise_from_pixel_to_pixel():
    image = np.arange(40.0)[None] ** 2 / 1600
    assert_the_cpus(graph_segmentation, image, scale=60, sigma=0, min_size=3)


@pytest.mark.parametrize("dtype", [bool, np.uint8, np.uint16, np.int64, np.float16, np.float64])
def test_scales_of_types(rng, dtype):
    full = 1 if np.dtype(dtype).kind in "fb" else min(np.iinfo(dtype).max, 65535)
    image = (rng.random((5, 6)) * full).round(0 if full > 1 else 3).astype(dtype)
    assert_the_cpus(graph_segmentation, image, scale=50, min_size=2)


def test_smoothing_under_a_mask(rng):
    mask = rng.random((9, 7)) < 0.5
    image = np.where(mask, rng.random((9, 7)), np.nan)
    assert_the_cpus(graph_segmentation, image, scale=40, sigma=2.5, min_size=0, mask=mask)


@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (8, 1)])
def test_degenerate_shapes(rng, shape):
    assert_the_cpus(graph_segmentation, rng.random(shape), scale=50, min_size=3)
    assert_the_cpus(graph_segmentation, affinities=rng.random((2, *shape)), min_size=2)


@settings(max_examples=8, deadline=None, derandomize=True)
@given(
    st.integers(0, 2**32 - 1),
    st.sampled_from([0.0, 0.3, 2.0]),
    st.sampled_from([0, 2.5, 4]),
    st.sampled_from(["none", "integers", "floats"]),
)
def test_any_graph(seed, scale, min_size, kind):
    rng = np.random.default_rng(seed)
    n = int(rng.integers(1, 30))
    edges = rng.integers(0, n, (50, 2))
    weights = rng.choice([rng.normal(size=50), rng.integers(-1, 6, 50) / 5, np.full(50, -0.0)])
    sizes = {"none": None, "integers": rng.integers(1, 4, n), "floats": rng.random(n) + 0.1}[kind]
    options = {"scale": scale, "min_size": min_size, "sizes": sizes}
    assert_the_cpus(segment_region_graph, edges, weights, n, seed=seed, **options)


@pytest.mark.parametrize("seed", [None, 1, 2])
@pytest.mark.usefixtures("few")
def test_rounds_and_turns_of_graphs(rng, seed):
    graph = rng.integers(0, 60, (150, 2)), rng.integers(0, 20, 150) / 20, 60
    for scale in (0.2, 2.0):
        assert_the_cpus(segment_region_graph, *graph, scale=scale, min_size=5, seed=seed)
    assert_the_cpus(segment_region_graph, [], [], 3, min_size=2)


def test_arrays_on_the_gpu(rng):
    from numba import cuda

    image, mask = rng.random((6, 7, 3)), rng.random((6, 7)) < 0.8
    affinities, sizes = rng.random((2, 6, 7)), np.float32([1, 2, 3])
    edges, weights = np.array([[0, 1], [1, 2]]), np.array([0.5, 0.7])
    with permuted(0):
        for found, wanted in (
            (
                graph_segmentation(cuda.to_device(image), mask=cuda.to_device(mask)),
                graph_segmentation(image, mask=mask),
            ),
            (
                graph_segmentation(affinities=cuda.to_device(affinities)),
                graph_segmentation(affinities=affinities),
            ),
            (
                segment_region_graph(
                    cuda.to_device(edges), weights, 3, sizes=cuda.to_device(sizes)
                ),
                segment_region_graph(edges, weights, 3, sizes=sizes),
            ),
        ):
            assert not isinstance(found, np.ndarray)
            assert found.copy_to_host().tolist() == wanted.tolist()


@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_what_cannot_be_used(device):
    affinities = np.full((2, 3, 4), 0.5)
    affinities[0, 1, 3] = affinities[1, 2] = 9  # lead nowhere
    affinities[1, 1, 2] = -0.5
    with (
        permuted(0),
        pytest.raises(ValueError, match=r"lower neighbour of row 1, column 2 is -0\.5; accepted"),
    ):
        graph_segmentation(affinities=affinities, device=device)
    with permuted(0), pytest.raises(ValueError, match="sizes must be 2 positive numbers"):
        segment_region_graph([[0, 1]], [1.0], 2, sizes=[1, 0], device=device)
    with permuted(0), pytest.raises(ValueError, match=r"affinities has shape \(3, 4\)"):
        graph_segmentation(affinities=affinities[0], device=device)
    with permuted(0), pytest.raises(ValueError, match="holds 1 values that are NaN"):
        graph_segmentation(np.array([[0.0, np.nan]]), device=device)
