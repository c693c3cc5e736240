"""Random crops keep image and annotations in register."""

import numpy as np
import pytest

from sklearn_spx.training.augment import random_crop


def world(height=40, width=56):
    """An image whose pixels say where they are, and label images that say the same."""
    y, x = np.mgrid[:height, :width]
    return np.stack([y, x], axis=2).astype(np.uint8), [y * 100 + x, x]


@pytest.mark.parametrize("seed", range(8))
def test_quarter_turns_are_exact(seed):
    image, annotations = world()
    crop, (both, column) = random_crop(image, annotations, 17, np.random.default_rng(seed), 0)
    assert crop.dtype == np.float32
    assert crop.shape == (17, 17, 2)
    np.testing.assert_array_equal(both, crop[:, :, 0] * 100 + crop[:, :, 1])
    np.testing.assert_array_equal(column, crop[:, :, 1])
    steps = np.abs(np.diff(crop.sum(axis=2), axis=0))
    assert (steps == 1).all()  # neighbours stay neighbours


@pytest.mark.parametrize("seed", range(8))
def test_any_angle_keeps_labels_within_half_a_pixel(seed):
    image, annotations = world()
    crop, (both, column) = random_crop(image, annotations, 17, np.random.default_rng(seed), 1)
    assert np.abs(column - crop[:, :, 1]).max() <= 0.5 + 1e-4
    assert np.abs(both // 100 - crop[:, :, 0]).max() <= 0.5 + 1e-4
    step = np.diff(crop, axis=0)
    np.testing.assert_allclose(np.hypot(step[..., 0], step[..., 1]), 1, atol=1e-3)


def test_small_images_go_on_mirrored():
    image, annotations = world(3, 5)
    for seed in range(6):
        crop, (both, _) = random_crop(image, annotations, 16, np.random.default_rng(seed))
        assert crop.shape == (16, 16, 2)
        assert both.shape == (16, 16)
        assert set(np.unique(both)) <= set(np.unique(annotations[0]))


def test_all_orientations_come_up_and_the_generator_decides():
    image, annotations = world()
    seen = set()
    for seed in range(64):
        crop, _ = random_crop(image, annotations, 5, np.random.default_rng(seed), 0)
        again, _ = random_crop(image, annotations, 5, np.random.default_rng(seed), 0)
        np.testing.assert_array_equal(crop, again)
        seen.add(tuple((crop[0, 1] - crop[0, 0]).tolist() + (crop[1, 0] - crop[0, 0]).tolist()))
    assert len(seen) == 8
