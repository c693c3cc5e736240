"""Pooling over superpixels, against a loop over superpixels."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from sklearn_spx.kernels.footprints import region_footprints, region_runs
from sklearn_spx.nets.pooling import Footprints, concatenate, pixel_footprints, superpixel_pool
from sklearn_spx.nets.resampling import regrid


def _labels(rng, height, width, n):
    """Every label has a pixel; some pixels have none."""
    flat = rng.integers(-1, n, height * width)
    flat[rng.permutation(flat.size)[:n]] = np.arange(n)
    return flat.reshape(height, width).astype(np.int32)


def _naive(image, labels, mode):
    reduce = {"mean": lambda x: x.mean(1), "max": lambda x: x.amax(1)}[mode]
    return torch.stack([reduce(image[:, labels == r]) for r in range(labels.max() + 1)])


@settings(deadline=None, max_examples=25)
@given(
    seed=st.integers(0, 2**16),
    sizes=st.lists(st.tuples(st.integers(1, 9), st.integers(1, 9)), min_size=1, max_size=3),
    mode=st.sampled_from(["mean", "max"]),
)
def test_pooling_of_unequal_images_equals_a_loop(seed, sizes, mode):
    rng = np.random.default_rng(seed)
    labels = [_labels(rng, h, w, int(rng.integers(1, h * w + 1))) for h, w in sizes]
    maps = [torch.from_numpy(rng.normal(size=(3, *size))) for size in sizes]
    pooled = superpixel_pool(maps, concatenate([pixel_footprints(a) for a in labels]), mode)
    expected = torch.cat([_naive(m, a, mode) for m, a in zip(maps, labels)])
    torch.testing.assert_close(pooled, expected)


@pytest.mark.parametrize("dtype", [torch.int32, torch.int64])
def test_footprints_of_a_tensor_are_those_of_an_array(dtype):
    for labels in (
        _labels(np.random.default_rng(0), 7, 9, 5),
        np.full((2, 3), -1),
        np.array([[0]]),
    ):
        found, wanted = (
            pixel_footprints(torch.tensor(labels, dtype=dtype)),
            pixel_footprints(labels),
        )
        assert found.cells.tolist() == wanted.cells.tolist()
        assert found.offsets.tolist() == wanted.offsets.tolist()
        assert found.cells.dtype == found.offsets.dtype == torch.int64
        assert found.n_cells == wanted.n_cells


@pytest.mark.parametrize("mode", ["mean", "max"])
def test_gradient_reaches_the_map(mode):
    rng = np.random.default_rng(0)
    footprints = pixel_footprints(_labels(rng, 4, 5, 6))
    image = torch.from_numpy(rng.normal(size=(2, 4, 5))).requires_grad_()
    assert torch.autograd.gradcheck(lambda x: superpixel_pool(x, footprints, mode), image)


def test_weighted_footprints_pass_the_gradient_too():
    footprints = Footprints(
        torch.tensor([0, 1, 3]), torch.tensor([0, 2, 3]), torch.tensor([0.25, 0.75, 1.0]), 4
    )
    image = torch.arange(8.0).reshape(2, 2, 2).requires_grad_()
    pooled = superpixel_pool(image, footprints)
    assert pooled.tolist() == [[0.75, 4.75], [3.0, 7.0]]
    pooled.sum().backward()
    assert image.grad.tolist() == [[[0.25, 0.75], [0, 1]], [[0.25, 0.75], [0, 1]]]


@settings(deadline=None, max_examples=25)
@given(
    seed=st.integers(0, 2**16),
    shape=st.tuples(st.integers(1, 12), st.integers(1, 12)),
    cells=st.tuples(st.integers(1, 5), st.integers(1, 5)),
    stride=st.sampled_from([1.0, 2.0, 4.0]),
    origin=st.sampled_from([0.0, 1.0, 1.5]),
)
def test_pooling_a_coarse_map_is_pooling_the_interpolated_one(seed, shape, cells, stride, origin):
    rng = np.random.default_rng(seed)
    labels = _labels(rng, *shape, int(rng.integers(1, shape[0] * shape[1] + 1)))
    n = int(labels.max()) + 1
    found = [torch.from_numpy(a) for a in region_footprints(labels, n, cells, stride, origin)]
    coarse = torch.from_numpy(rng.normal(size=(1, 3, *cells)).astype(np.float32))
    fine = regrid(coarse, shape, stride, origin, 1, 0)[0]
    pooled = superpixel_pool(coarse[0], Footprints(*found, cells[0] * cells[1]))
    torch.testing.assert_close(pooled, _naive(fine, labels, "mean"), atol=1e-5, rtol=1e-4)


@settings(deadline=None, max_examples=25)
@given(seed=st.integers(0, 2**16), shape=st.tuples(st.integers(1, 12), st.integers(1, 12)))
def test_runs_are_the_pixels_of_each_region_and_serve_several_maps(seed, shape):
    rng = np.random.default_rng(seed)
    labels = _labels(rng, *shape, int(rng.integers(1, shape[0] * shape[1] + 1)))
    n = int(labels.max()) + 2  # the last region has no pixel
    found = region_runs(labels, n)
    assert found.sizes.tolist() == np.bincount(labels[labels >= 0], minlength=n).tolist()
    for r in range(n):
        runs = found.runs[found.starts[r] : found.starts[r + 1]]
        pixels = [p for first, length in runs for p in range(first, first + length)]
        assert pixels == np.flatnonzero(labels == r).tolist()
    for cells, stride in (((2, 3), 4.0), ((5, 4), 2.0)):
        given = region_footprints(labels, n, cells, stride, 0.5, runs=found)
        for a, b in zip(given, region_footprints(labels, n, cells, stride, 0.5), strict=True):
            assert a.tolist() == b.tolist()


def test_runs_of_other_regions_are_refused():
    with pytest.raises(ValueError, match="runs are of 2 regions, n_regions is 3"):
        region_footprints([[0, 1]], 3, (1, 1), 2, 0, runs=region_runs([[0, 1]], 2))
    with pytest.raises(ValueError, match=r"runs are of an image \(3, 1\), labels have .* \(1, 2\)"):
        region_footprints([[0, 1]], 2, (1, 1), 2, 0, runs=region_runs([[0], [1], [1]], 2))
    with pytest.raises(ValueError, match="n_regions is 1, but labels reach 1"):
        region_runs([[0, 1]], 1)


def test_footprints_leave_their_input_alone():
    labels = np.array([[0, 1], [1, 1]], np.int32)
    labels.setflags(write=False)
    cells, offsets, weights = region_footprints(labels, 3, (2, 2), 1, 0)
    assert cells.tolist() == [0, 1, 2, 3]
    assert offsets.tolist() == [0, 1, 4, 4]  # the third region has no pixel
    np.testing.assert_allclose(weights, [1, 1 / 3, 1 / 3, 1 / 3], rtol=1e-6)
