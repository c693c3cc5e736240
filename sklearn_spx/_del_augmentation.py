"""Variants of an image and its label images, for DEL's training: mirrored, turned, cropped."""

import math

import numpy as np


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
    return _anew(image, *maps)


def crop(size, image, labels, annotations, rng):
    """A random square of an image and of its label images; all of a side that is shorter."""
    corner = [int(rng.integers(max(n - size, 0) + 1)) for n in labels.shape]
    window = tuple(slice(first, first + size) for first in corner)
    return _anew(image[window], labels[window], *[a[window] for a in annotations])


def _anew(image, labels, *annotations):
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
