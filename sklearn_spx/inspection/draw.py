"""What the display and the command line draw with: pixels in, pixels out."""

import colorsys
import re
from itertools import chain, count

import numpy as np

from ..utils.images import check_image, n_channels
from ..utils.scale import Survey, kind_of, seen

__all__ = [
    "as_rgb",
    "boundary_lines",
    "dim_outside",
    "fill",
    "mean_colors",
    "overlay",
    "region_colors",
    "rgb",
    "shown",
]

# of the palette of Okabe and Ito, told apart by all common kinds of colour vision
SEGMENTATION_COLOR = "#F0E442"  # yellow
GROUND_TRUTH_COLOR = "#56B4E9"  # sky blue
# colours of regions, (hue, saturation, value): eight strong ones, and eight pale ones between
PALETTE = [(k / 8, 0.8, 0.95) for k in range(8)] + [((k + 0.5) / 8, 0.45, 0.75) for k in range(8)]
ALIKE = 120  # a distance of red, green and blue below which colours are told apart with an effort


def as_rgb(image, name="image", mask=None):
    """Return any image as (H, W, 3) uint8 for the eye: the first three channels, or gray.

    Black and white are what an estimator would learn from this image alone: those of the dtype, or
    nearly the least and the greatest value. Outside a mask, where anything may stand, it is black.
    """
    image = check_image(image, name, mask)
    if n_channels(image) < 3:
        image = np.repeat(image.reshape(*image.shape[:2], -1)[:, :, :1], 3, axis=2)
    image = np.ascontiguousarray(image[:, :, :3])
    survey = Survey()
    survey.add(image, mask)
    image = seen(image, survey.ranges()[kind_of(image.dtype)], mask)
    return image if image.dtype == np.uint8 else np.round(255 * image).astype(np.uint8)


def mean_colors(image, labels):
    """Return an image (H, W, 3) uint8 with every region in its mean colour, black where -1."""
    image = shown(image, labels)
    found, index = _numbered(labels)
    flat = index.ravel()
    means = np.column_stack([np.bincount(flat, image[..., c].ravel()) for c in range(3)])
    means /= np.bincount(flat)[:, None]
    means[found < 0] = 0
    return np.round(means).astype(np.uint8)[index]


def shown(image, labels):
    """Return an image as RGB, whatever it holds where the label is negative."""
    outside = np.asarray(labels) < 0
    if not outside.any() or np.asarray(image).dtype == np.uint8:
        return as_rgb(image)
    return as_rgb(image, mask=~outside) if not outside.all() else as_rgb(np.zeros(outside.shape))


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


def overlay(image, labels, color=SEGMENTATION_COLOR, line_width=None):
    """Return an RGB image with the borders drawn into its pixels, small images at twice the size.

    A border is a bright line on a wider dark one, so that it is seen on any ground. ``line_width``
    is that of the bright one in pixels; None: one for every thousand pixels of the longer side.
    """
    image, labels = dim_outside(shown(image, labels), labels), np.asarray(labels)
    if max(labels.shape) < 1000:
        image, labels = (a.repeat(2, axis=0).repeat(2, axis=1) for a in (image, labels))
    if line_width is None:
        line_width = max(1, round(max(labels.shape) / 1000))
    above = np.zeros(labels.shape, np.uint8)  # beside a border, on its upper or left side
    above[:-1] |= labels[1:] != labels[:-1]
    above[:, :-1] |= labels[:, 1:] != labels[:, :-1]
    rim = max(1, line_width // 3)
    wide = line_width + (2 * rim if line_width > 1 else rim)  # of a thin line, one side is enough
    image = image.copy()
    image[_thickened(above, wide)] = 0
    image[_thickened(above, line_width)] = rgb(color)
    return image


def fill(image, labels):
    """Return an RGB image, each region mixed with a colour that no neighbour has, half and half."""
    image, labels = dim_outside(shown(image, labels), labels), np.asarray(labels)
    mixed = (image.astype(np.uint16) + region_colors(labels) + 1) // 2
    return np.where((labels < 0)[..., None], image, mixed.astype(np.uint8))


def region_colors(labels):
    """Return an RGB image with a colour for each region: the same each time, black where -1.

    Regions that touch have different colours, whatever their labels are.
    """
    found, index = _numbered(labels)
    chosen = _different_from_neighbours(index, len(found))
    return np.where(found < 0, 0, _palette(chosen.max() + 1)[chosen].T).T.astype(np.uint8)[index]


def rgb(color):
    """Return a colour as (red, green, blue) uint8: a name of matplotlib or CSS, "#rrggbb", ...

    ValueError if it is none, or is transparent.
    """
    if re.fullmatch("#[0-9a-fA-F]{6}", str(color)):  # spares an import
        return np.frombuffer(bytes.fromhex(color[1:]), np.uint8)
    from matplotlib.colors import is_color_like, to_rgba

    if not is_color_like(color):
        raise ValueError(f"{color!r} is no colour; accepted are names such as red, and #rrggbb")
    values = to_rgba(color)
    if values[3] != 1:
        raise ValueError(f"{color!r} is transparent; accepted are opaque colours")
    return np.round(255 * np.array(values[:3])).astype(np.uint8)


def _thickened(line, width):
    """Return where a square of ``width`` pixels, drawn along a line, has been; as a mask."""
    from scipy.ndimage import maximum_filter1d

    for axis in (0, 1):  # of an even width the odd pixel lies below and on the right
        line = maximum_filter1d(line, width, axis=axis, mode="constant")
    return line.astype(bool)


def _numbered(labels):
    """Return (sorted labels, image of their indices), in memory of the image's size."""
    labels = np.asarray(labels)
    low, high = int(labels.min()), int(labels.max())
    if high - low > labels.size:
        found, index = np.unique(labels, return_inverse=True)
        return found, index.reshape(labels.shape)
    there = np.zeros(high - low + 1, dtype=bool)
    there[labels - low] = True
    found = np.flatnonzero(there) + low
    return found, (np.cumsum(there) - 1)[labels - low]


def _different_from_neighbours(index, n_regions):
    """Return the number of a colour for each region, not that of a region it touches.

    Nor one that looks like it, where there is a choice.
    """
    colors = _palette(len(PALETTE))
    near = (((colors[:, None] - colors) ** 2).sum(axis=2) < ALIKE**2).tolist()
    alike = [{j for j, is_near in enumerate(row) if is_near} for row in near]
    sides = [(index[1:], index[:-1]), (index[:, 1:], index[:, :-1])]
    pairs = np.concatenate([np.stack([a[a != b], b[a != b]], axis=1) for a, b in sides])
    first, second = np.concatenate([pairs, pairs[:, ::-1]]).T
    pairs = np.unique(first * n_regions + second)
    first, second = np.divmod(pairs, n_regions)
    starts = np.searchsorted(first, np.arange(n_regions + 1))
    neighbours = np.split(second, starts[1:-1])
    chosen = np.full(n_regions, -1)
    for k in np.argsort(-np.diff(starts), kind="stable"):  # those with many have the first choice
        taken = set(chosen[neighbours[k]].tolist())
        avoid = taken.union(*(alike[c] for c in taken if 0 <= c < len(PALETTE)))
        n = int(k) * 7 % len(PALETTE)  # begins anywhere, for variety
        tries = [*range(n, len(PALETTE)), *range(n)]
        free = (number for number in tries if number not in avoid)
        others = (number for number in chain(tries, count(len(PALETTE))) if number not in taken)
        chosen[k] = next(chain(free, others))
    return chosen


def _palette(n_colors):
    """Return ``n_colors`` different colours: those of PALETTE, then darker and darker ones."""
    colors = 255 * np.array([colorsys.hsv_to_rgb(*color) for color in PALETTE])
    turns = -(-n_colors // len(PALETTE))
    return np.concatenate([np.round(colors * 0.8**k) for k in range(turns)])
