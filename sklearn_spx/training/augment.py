"""What training makes of an image and its label images: crops, mirrored, turned."""

import math

import numpy as np

_ZOOM = 0.6, 1.7  # of whole images


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
    return {"none": 1, "flip": 2, "rotate": 32, "wear": 2}[augmentation]


def vary(variant, image, labels, annotations, beside=()):
    """Variant of an image and of its label images: turned by variant // 2 / 16 of a circle.

    Odd variants are mirrored first. Turned images are cut to the largest upright rectangle inside.
    Maps ``beside`` the image are turned as it is. The superpixels keep their numbers, of which
    some may be gone.
    """
    maps = [labels, *annotations]
    pictures = [image, *beside]
    if variant % 2:
        pictures, maps = [p[:, ::-1] for p in pictures], [m[:, ::-1] for m in maps]
    angle = variant // 2
    if angle % 4 == 0:
        pictures, maps = ([np.rot90(a, angle // 4) for a in group] for group in (pictures, maps))
    else:
        pictures, maps = _rotated(pictures, maps, 2 * math.pi * angle / 16)
    return pictures[0], maps[0], maps[1:], pictures[1:]


def crop_window(size, image, labels, annotations, rng, beside=()):
    """A random square of an image, its label images and maps; all of a side that is shorter."""
    corner = [int(rng.integers(max(n - size, 0) + 1)) for n in labels.shape]
    window = tuple(slice(first, first + size) for first in corner)
    return (
        image[window],
        labels[window],
        [a[window] for a in annotations],
        [a[window] for a in beside],
    )


def zoom_window(image, labels, annotations, rng, beside=()):
    """Zoom an image by .6 to 1.7 in three of five, by a random window where it grows.

    Parameters
    ----------
    image : float32 ndarray of shape (height, width, channels)
        The image.

    labels : int ndarray of shape (height, width)
        Its superpixels.

    annotations : list of int ndarray of shape (height, width)
        Its annotations.

    rng : numpy.random.Generator
        Source of the randomness.

    beside : sequence of float32 ndarray of shape (height, width), default=()
        Maps that are zoomed as the image is.

    Returns
    -------
    image, labels, annotations, beside : as given
        Of an image that grows a window, as large as the image was; the superpixels keep their
        numbers, of which some may be gone.
    """
    zoom = math.exp(rng.uniform(*map(math.log, _ZOOM))) if rng.random() < 0.6 else 1.0
    if zoom == 1:
        return image, labels, annotations, list(beside)
    shape = labels.shape
    seen = [round(n / max(zoom, 1)) for n in shape]
    first = [int(rng.integers(n - part + 1)) for n, part in zip(shape, seen)]
    window = tuple(slice(f, f + part) for f, part in zip(first, seen))
    size = tuple(max(round(part * zoom), 1) for part in seen)
    return (
        _resize(image[window], size),
        _resize(labels[window], size, nearest=True),
        [_resize(a[window], size, nearest=True) for a in annotations],
        [_resize(a[window], size) for a in beside],
    )


def _resize(array, size, nearest=False):
    """Bilinear, antialiased where it shrinks; label images by the nearest pixel."""
    import torch
    from torch.nn.functional import interpolate

    if nearest:  # in double precision, which holds every int32
        planes = torch.from_numpy(np.ascontiguousarray(array, np.float64))[None, None]
        return interpolate(planes, size=size, mode="nearest-exact")[0, 0].numpy().astype(np.int32)
    planes = torch.from_numpy(np.ascontiguousarray(array, np.float32))
    planes = planes[None, None] if array.ndim == 2 else planes.permute(2, 0, 1)[None]
    planes = interpolate(planes, size=size, mode="bilinear", antialias=True)[0]
    return planes[0].numpy() if array.ndim == 2 else planes.permute(1, 2, 0).numpy()


def _rotated(pictures, maps, angle):
    from scipy.ndimage import affine_transform

    height, width = maps[0].shape
    shape = np.maximum(np.floor(inscribed(height, width, angle)), 1).astype(int)
    c, s = math.cos(angle), math.sin(angle)
    turn = np.array([[c, s], [-s, c]])
    offset = (np.array([height, width]) - 1) / 2 - turn @ ((shape - 1) / 2)

    def turned(plane, order):
        return affine_transform(plane, turn, offset, tuple(shape), order=order, mode="nearest")

    pictures = [
        turned(p, 1) if p.ndim == 2 else np.stack([turned(q, 1) for q in np.moveaxis(p, 2, 0)], -1)
        for p in pictures
    ]
    return pictures, [turned(m, 0) for m in maps]


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
