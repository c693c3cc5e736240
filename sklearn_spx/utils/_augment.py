"""Random crops, rotated and reflected, of images and their annotations."""

import numpy as np


def random_crop(image, annotations, size, rng, any_angle=0.5):
    """Cut a random square out of an image and out of its label images.

    Parameters
    ----------
    image : ndarray of shape (height, width, channels)
        The image.

    annotations : list of ndarray of shape (height, width)
        Label images.

    size : int
        Side of the square, in pixels. Past the border the image goes on mirrored.

    rng : numpy.random.Generator
        Source of the randomness.

    any_angle : float, default=0.5
        Share of crops turned by any angle, which blurs them a little; the others are turned by
        quarters, exactly. Half of all are reflected.

    Returns
    -------
    crop : float32 ndarray of shape (size, size, channels)
        Bilinear where turned by any angle.

    labels : list of ndarray of shape (size, size)
        Of the nearest pixels.
    """
    height, width = image.shape[:2]
    angle = rng.uniform(0, 2 * np.pi) if rng.random() < any_angle else None
    quarter, reflected = rng.integers(4), rng.random() < 0.5
    cosine, sine = (1.0, 0.0) if angle is None else (np.cos(angle), np.sin(angle))
    reach = (size - 1) / 2 * (abs(cosine) + abs(sine))  # half the side of what the square spans
    row, column = (_centre(n, reach, rng) for n in (height, width))
    if angle is None:
        row, column = (np.round(c - reach) + reach for c in (row, column))
    offset = np.arange(size) - (size - 1) / 2
    rows = row + cosine * offset[:, None] + sine * offset
    columns = column - sine * offset[:, None] + cosine * offset
    near = _mirror(np.rint(rows).astype(int), height), _mirror(np.rint(columns).astype(int), width)
    if angle is None:
        crop = image[near].astype(np.float32)
    else:
        crop = _bilinear(image, rows, columns)

    def turn(a):
        a = np.rot90(a, quarter)
        return np.ascontiguousarray(a[::-1] if reflected else a)

    return turn(crop), [turn(labels[near]) for labels in annotations]


def _centre(n, reach, rng):
    low, high = reach, n - 1 - reach
    return rng.uniform(low, high) if low < high else (n - 1) / 2


def _mirror(index, n):
    index = index % (2 * n)
    return np.where(index < n, index, 2 * n - 1 - index)


def _bilinear(image, rows, columns):
    height, width = image.shape[:2]
    top, left = np.floor(rows).astype(int), np.floor(columns).astype(int)
    down = (rows - top).astype(np.float32)[:, :, None]
    right = (columns - left).astype(np.float32)[:, :, None]
    above, below = _mirror(top, height), _mirror(top + 1, height)
    before, after = _mirror(left, width), _mirror(left + 1, width)
    upper = image[above, before] * (1 - right) + image[above, after] * right
    lower = image[below, before] * (1 - right) + image[below, after] * right
    return upper * (1 - down) + lower * down
