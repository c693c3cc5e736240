"""What cameras and files do to images: exposure, tint, blur, noise, JPEG, for training."""

import io
import math

import numpy as np

CLEAN = 0.4  # share of crops that stay as they are
ZOOM = 0.5, 3.0  # of what is zoomed, two in five


def random_zoom(rng):
    """How many times larger a crop shows things: as they are in three of five."""
    low, high = map(math.log, ZOOM)
    return math.exp(rng.uniform(low, high)) if rng.random() < 0.4 else 1.0


def wear(image, rng):
    """An image as it may have come out of another camera, in other light, or of a file.

    Parameters
    ----------
    image : float32 ndarray of shape (height, width, channels)
        In [0, 1].

    rng : numpy.random.Generator
        Source of the randomness.

    Returns
    -------
    image : float32 ndarray of shape (height, width, channels)
        In [0, 1]. Four in ten are as they were.
    """
    from scipy.ndimage import gaussian_filter

    if rng.random() < CLEAN:
        return image
    n_channels = image.shape[2]
    if rng.random() < 0.5:  # light
        image = image ** math.exp(rng.uniform(-0.6, 0.6)) * math.exp(rng.uniform(-1.5, 0.2))
    if n_channels == 3 and rng.random() < 0.4:  # colours paler or stronger, and a tint
        gray = image.mean(axis=2, keepdims=True)
        image = gray + rng.choice([0.0, rng.uniform(0.2, 1.5)]) * (image - gray)
        image = image * np.exp(rng.uniform(-0.15, 0.15, 3))
    if rng.random() < 0.3:
        reach = rng.uniform(0.4, 2.0)
        image = gaussian_filter(image, (reach, reach, 0))
    if rng.random() < 0.3:
        image = image + rng.normal(0, rng.uniform(0.01, 0.1), image.shape)
    image = np.clip(image, 0, 1).astype(np.float32)
    if n_channels in (1, 3) and rng.random() < 0.3:
        image = _jpeg(image, int(rng.integers(10, 70)))
    return image


def _jpeg(image, quality):
    from PIL import Image

    eight_bit = np.rint(image * 255).astype(np.uint8)
    eight_bit = eight_bit[:, :, 0] if image.shape[2] == 1 else eight_bit
    file = io.BytesIO()
    Image.fromarray(eight_bit).save(file, "JPEG", quality=quality)
    with Image.open(file) as worn:
        return (np.asarray(worn, np.float32) / 255).reshape(image.shape)
