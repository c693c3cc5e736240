"""What training makes of an image and its label images: crops, mirrored, turned."""

import math

import numpy as np


def random_crop(image, annotations, size, rng, any_angle=0.5, zoom=1.0):
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

    zoom : float, default=1.0
        How many times larger things are in the crop, 0.5 or more.

    Returns
    -------
    crop : float32 ndarray of shape (size, size, channels)
        Bilinear where turned by any angle or zoomed; below a zoom of 1 each pixel is the mean of
        four.

    labels : list of ndarray of shape (size, size)
        Of the nearest pixels.
    """
    height, width = image.shape[:2]
    angle = rng.uniform(0, 2 * np.pi) if rng.random() < any_angle else None
    quarter, reflected = rng.integers(4), rng.random() < 0.5
    cosine, sine = (1.0, 0.0) if angle is None else (np.cos(angle), np.sin(angle))
    # half the side of what the square spans
    reach = (size - 1) / 2 * (abs(cosine) + abs(sine)) / zoom
    row, column = (_centre(n, reach, rng) for n in (height, width))
    exact = angle is None and zoom == 1
    if exact:
        row, column = (np.round(c - reach) + reach for c in (row, column))

    def places(finer):
        offset = (np.arange(size * finer) - (size * finer - 1) / 2) / (zoom * finer)
        rows = row + cosine * offset[:, None] + sine * offset
        return rows, column - sine * offset[:, None] + cosine * offset

    rows, columns = places(1)
    near = _mirror(np.rint(rows).astype(int), height), _mirror(np.rint(columns).astype(int), width)
    if exact:
        crop = image[near].astype(np.float32)
    elif zoom < 1:
        fine = _bilinear(image, *places(2)).reshape(size, 2, size, 2, -1)
        crop = fine.mean(axis=(1, 3), dtype=np.float32)
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


# --- whole images, turned ------------------------------------------------------------------------


def n_variants(augmentation):
    """Number of variants that an augmentation makes of an image."""
    return {"none": 1, "flip": 2, "rotate": 32}[augmentation]


def vary(variant, image, labels, annotations):
    """Variant of an image and of its label images: turned by variant // 2 / 16 of a circle.

    Odd variants are mirrored first. Turned images are cut to the largest upright rectangle
    inside; superpixels are numbered anew, as some may be lost.
    """
    maps = [labels, *annotations]
    if variant % 2:
        image, maps = image[:, ::-1], [m[:, ::-1] for m in maps]
    angle = variant // 2
    if angle % 4 == 0:
        image, maps = np.rot90(image, angle // 4), [np.rot90(m, angle // 4) for m in maps]
    else:
        image, maps = _rotated(image, maps, 2 * math.pi * angle / 16)
    return _renumber(image, *maps)


def crop_window(size, image, labels, annotations, rng):
    """A random square of an image and of its label images; all of a side that is shorter."""
    corner = [int(rng.integers(max(n - size, 0) + 1)) for n in labels.shape]
    window = tuple(slice(first, first + size) for first in corner)
    return _renumber(image[window], labels[window], *[a[window] for a in annotations])


def _renumber(image, labels, *annotations):
    """Contiguous arrays, the superpixels numbered anew."""
    kept = labels >= 0
    out = np.full(labels.shape, -1, np.int32)
    out[kept] = np.unique(labels[kept], return_inverse=True)[1].ravel()
    return np.ascontiguousarray(image), out, [np.ascontiguousarray(a) for a in annotations]


def _rotated(image, maps, angle):
    from scipy.ndimage import affine_transform

    height, width = image.shape[:2]
    shape = np.maximum(np.floor(inscribed(height, width, angle)), 1).astype(int)
    c, s = math.cos(angle), math.sin(angle)
    turn = np.array([[c, s], [-s, c]])
    offset = (np.array([height, width]) - 1) / 2 - turn @ ((shape - 1) / 2)
    layers = [
        affine_transform(image[..., k], turn, offset, tuple(shape), order=1, mode="nearest")
        for k in range(image.shape[2])
    ]
    nearest = {"order": 0, "mode": "nearest"}
    maps = [affine_transform(m, turn, offset, tuple(shape), **nearest) for m in maps]
    return np.stack(layers, -1), maps


def inscribed(height, width, angle):
    """Height and width of the largest upright rectangle in a rectangle turned by an angle."""
    long, short = max(height, width), min(height, width)
    s, c = abs(math.sin(angle)), abs(math.cos(angle))
    if short <= 2 * s * c * long or abs(s - c) < 1e-9:  # two corners touch the long side
        if width >= height:
            return short / 2 / c, short / 2 / s
        return short / 2 / s, short / 2 / c
    d = c * c - s * s
    return (height * c - width * s) / d, (width * c - height * s) / d
