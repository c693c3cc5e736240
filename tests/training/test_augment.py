"""Random crops keep image and annotations in register."""

import numpy as np
import pytest

from sklearn_spx.training.augment import random_crop
from sklearn_spx.training.wear import CLEAN, random_zoom, wear


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


@pytest.mark.parametrize("zoom", [0.5, 0.8, 2.5])
@pytest.mark.parametrize("any_angle", [0, 1])
def test_a_zoom_keeps_image_and_labels_in_register(zoom, any_angle):
    image, annotations = world(80, 90)
    crop, (both, column) = random_crop(
        image, annotations, 17, np.random.default_rng(3), any_angle, zoom
    )
    assert np.abs(column - crop[:, :, 1]).max() <= 0.5 + 1e-4
    assert np.abs(both // 100 - crop[:, :, 0]).max() <= 0.5 + 1e-4
    step = np.diff(crop, axis=0)
    np.testing.assert_allclose(np.hypot(step[..., 0], step[..., 1]), 1 / zoom, atol=1e-3)


def test_a_smaller_crop_averages_what_it_leaves_out():
    stripes = np.zeros((40, 40, 1), np.uint8)
    stripes[:, ::2] = 200
    crop, _ = random_crop(stripes, [stripes[:, :, 0]], 10, np.random.default_rng(0), 0, 0.5)
    np.testing.assert_allclose(crop, 100, atol=51)  # never a stripe alone
    assert abs(crop.mean() - 100) < 1


@pytest.mark.parametrize("n_channels", [1, 3, 5])
def test_wear_stays_in_range_and_leaves_some_as_they_were(n_channels):
    rng = np.random.default_rng(0)
    image = rng.random((16, 16, n_channels), dtype=np.float32)
    kept, changes = 0, []
    for seed in range(200):
        worn = wear(image, np.random.default_rng(seed))
        assert worn.dtype == np.float32
        assert worn.shape == image.shape
        assert worn.min() >= 0
        assert worn.max() <= 1
        kept += np.array_equal(worn, image)
        changes.append(np.abs(worn - image).mean())
        np.testing.assert_array_equal(worn, wear(image, np.random.default_rng(seed)))
    assert CLEAN * 200 - 30 < kept < CLEAN * 200 + 60
    assert max(changes) > 0.2


def test_zooms_are_one_or_within_their_range():
    zooms = [random_zoom(np.random.default_rng(seed)) for seed in range(300)]
    assert 0.5 < zooms.count(1.0) / 300 < 0.7
    assert 0.5 <= min(zooms) < 0.6
    assert 2.5 < max(zooms) <= 3
