"""What the display and the command line draw with: numpy only."""

import numpy as np

from ..utils.images import check_image, n_channels

__all__ = ["as_rgb", "boundary_lines", "dim_outside", "mean_colors", "overlay"]

# of the palette of Okabe and Ito, told apart by all common kinds of colour vision
SEGMENTATION_COLOR = "#F0E442"  # yellow
GROUND_TRUTH_COLOR = "#56B4E9"  # sky blue


def as_rgb(image, name="image"):
    """Return any image as (H, W, 3) uint8 for the eye: the first three channels, or gray.

    8-bit images are shown as they are, floats in [0, 1] and 16-bit integers over their full
    range; of all else the first and last percentiles become black and white.
    """
    image = check_image(image, name)
    if n_channels(image) < 3:
        image = np.repeat(image.reshape(*image.shape[:2], -1)[:, :, :1], 3, axis=2)
    image = image[:, :, :3]
    if image.dtype == np.uint8:
        return np.ascontiguousarray(image)
    values = image.astype(np.float64)
    if image.dtype in (np.uint16, bool):
        low, high = 0.0, float(np.iinfo(np.uint16).max if image.dtype == np.uint16 else 1)
    elif image.dtype.kind == "f" and values.min() >= 0 and values.max() <= 1:
        low, high = 0.0, 1.0
    else:
        low, high = np.percentile(values, [1, 99])
    values = (values - low) / (high - low) if high > low else np.zeros_like(values)
    return np.round(255 * np.clip(values, 0, 1)).astype(np.uint8)


def mean_colors(image, labels):
    """Return an image (H, W, 3) uint8 with every region in its mean colour, black where -1."""
    index = labels.ravel() + 1
    sizes = np.bincount(index)
    means = np.column_stack([np.bincount(index, image[..., c].ravel()) for c in range(3)])
    means /= np.maximum(sizes, 1)[:, None]
    means[0] = 0
    return np.round(means).astype(np.uint8)[labels + 1]


def dim_outside(image, labels):
    """Return ``image`` darkened where the label is negative, that is outside the mask."""
    return np.where((labels < 0)[..., None], image // 3, image)


def boundary_lines(labels):
    """Return the borders between regions as lines (n, 2, 2) of (x, y), as long as they go.

    The lines run between the pixels: pixel (row, column) covers half a unit around it.
    """
    lines = []
    for border, swap in (
        (labels[1:] != labels[:-1], False),
        ((labels[:, 1:] != labels[:, :-1]).T, True),
    ):
        steps = np.diff(np.pad(border.astype(np.int8), ((0, 0), (1, 1))), axis=1)
        across, start = np.nonzero(steps == 1)
        end = np.nonzero(steps == -1)[1]
        along = np.stack([start, end], axis=1) - 0.5
        across = np.repeat(across[:, None] + 0.5, 2, axis=1)
        lines.append(np.stack([across, along] if swap else [along, across], axis=2))
    return np.concatenate(lines)


def overlay(image, labels):
    """Return an RGB image with the borders drawn into its pixels, small images at twice the size.

    Each border is a pixel of yellow beside one of black, so that it is seen on any colour.
    """
    image, labels = dim_outside(as_rgb(image), labels), np.asarray(labels)
    if max(labels.shape) < 1000:
        image, labels = (a.repeat(2, axis=0).repeat(2, axis=1) for a in (image, labels))
    image = image.copy()
    below, right = labels[1:] != labels[:-1], labels[:, 1:] != labels[:, :-1]
    dark, bright = np.zeros(labels.shape, bool), np.zeros(labels.shape, bool)
    dark[1:] |= below
    dark[:, 1:] |= right
    bright[:-1] |= below
    bright[:, :-1] |= right
    image[dark] = 0
    image[bright] = [int(SEGMENTATION_COLOR[k : k + 2], 16) for k in (1, 3, 5)]
    return image
