"""Colours are converted in torch to the last bit as the kernels do."""

import numpy as np
import torch

from sklearn_spx.kernels.color import rgb_to_lab
from sklearn_spx.nets.from_rgb import _Lab
from sklearn_spx.nets.resampling import regrid


def test_lab_is_that_of_the_kernel_to_the_last_bit():
    gray = np.repeat(np.arange(256)[None, :, None], 3, 2)
    noise = np.random.default_rng(0).integers(0, 256, (200, 256, 3))
    rgb = np.concatenate([gray, noise]).astype(np.float32) / np.float32(255)
    found = _Lab()(torch.from_numpy(rgb.transpose(2, 0, 1)[None].copy()))[0]
    assert np.array_equal(found.numpy().transpose(1, 2, 0), rgb_to_lab(rgb))


def test_values_between_and_beyond_those_of_8_bits():
    rgb = np.random.default_rng(0).uniform(-0.2, 1.2, (50, 60, 3)).astype(np.float32)
    found = _Lab()(torch.from_numpy(rgb.transpose(2, 0, 1)[None].copy()))[0]
    np.testing.assert_allclose(found.numpy().transpose(1, 2, 0), rgb_to_lab(rgb), atol=1e-4)


def test_one_cell_is_interpolated_as_itself():
    found = regrid(torch.tensor([[[[3.0]]]]), (2, 3), 16, 10, 1, 0)
    assert found.tolist() == [[[[3.0] * 3] * 2]]
