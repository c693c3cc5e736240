"""Black and white of images: what their dtype says, or what a collection of them shows.

An 8-bit picture is the same picture in 16 bits, as floats in [0, 1] or as floats up to 255. So
images are brought to one form before anything looks at their colours: uint8 where they hold an
8-bit picture, float32 with black at 0 and white at 1 otherwise.

    images -> Survey -> range of each kind of dtype ; image, range -> seen
"""

import warnings

import numpy as np

from .images import LARGEST_VALUE, grid_of, n_channels

__all__ = [
    "KINDS",
    "Survey",
    "as_bands",
    "as_colour",
    "eight_bit_units",
    "fill_outside",
    "for_slic",
    "given_range",
    "kind_of",
    "range_of",
    "scaled",
    "seen",
]

KINDS = ("bool", "uint8", "uint16", "integer", "float")  # of dtypes, each with a range
# what a range learned from images leaves out at either end, as a share of the values: dead and hot
# pixels, which would leave all others nearly alike
_LEFT_OUT = 0.001
_PIXELS = 4096  # of an image that are looked at for that
_MOST_PIXELS = 2**20  # of all images
_BLOCK = 2**18  # values that are brought to scale at once
# how far from a whole number an 8-bit value may lie by the rounding of float16, and of all finer
_ROUNDING_16, _ROUNDING = 0.1, 1e-3


def given_range(value_range):
    """Return ``value_range`` as two floats, or None.

    Raises
    ------
    ValueError, TypeError
        Unless it is None, or two finite numbers, the lower one first.
    """
    if value_range is None:
        return None
    try:
        low, high = (float(value) for value in value_range)
    except (TypeError, ValueError):
        raise TypeError(
            f"value_range must be None or two numbers (low, high), got {value_range!r}"
        ) from None
    if not (np.isfinite([low, high]).all() and low < high):
        raise ValueError(f"value_range must be (low, high) with low < high, got {value_range!r}")
    if not np.isfinite(high - low):
        raise ValueError(f"value_range ({low:g}, {high:g}) is too wide for numbers of 64 bits")
    return low, high


def kind_of(dtype):
    """Return what dtypes that share a range are called: "bool", "uint8", "uint16", ..."""
    if dtype.kind == "u" and dtype.itemsize <= 2:
        return f"uint{8 * dtype.itemsize}"
    return {"b": "bool", "f": "float"}.get(dtype.kind, "integer")


class Survey:
    """Collects what a range of values is learned from, one image after the other.

    Boolean and uint8 images need no look; nor is any image kept.
    """

    def __init__(self):
        self._seen = {}

    def add(self, image, mask=None):
        """Take an image (H, W) or (H, W, C) into account; of a masked one the inside."""
        kind = kind_of(image.dtype)
        found = self._seen.setdefault(kind, _Seen())
        if kind in ("bool", "uint8"):
            return
        pixels = image.reshape(-1, n_channels(image)) if mask is None else image[mask]
        found.add(pixels.reshape(len(pixels), -1))

    def ranges(self):
        """Return {kind: (low, high)} of all that was added, in the order it came."""
        return {kind: found.range(kind) for kind, found in self._seen.items()}


class _Seen:
    """Of the images of one kind."""

    def __init__(self):
        self.low, self.high = np.inf, -np.inf
        self.whole = self.by_257 = True
        self.sample, self.stride = [], 1

    def add(self, pixels):
        self.low = min(self.low, float(pixels.min()))
        self.high = max(self.high, float(pixels.max()))
        if self.whole and pixels.dtype.kind == "f":
            self.whole = bool((pixels == np.rint(pixels)).all())
        if self.by_257 and pixels.dtype.kind == "u":
            self.by_257 = not (pixels % 257).any()
        n_channels = pixels.shape[1]
        most = _PIXELS if n_channels <= 3 else max(64, 3 * _PIXELS // n_channels)
        step = -(-len(pixels) // most) * self.stride
        self.sample.append(pixels[_spread(len(pixels), step)].astype(np.float64))
        if sum(map(len, self.sample)) > _MOST_PIXELS:
            self.sample = [part[::2] for part in self.sample]
            self.stride *= 2

    def range(self, kind):
        natural = _natural(kind)
        if kind in ("bool", "uint8"):
            return natural
        if kind == "float" and self.low >= 0 and self.high <= 1:
            return natural
        if self.whole and self.low >= 0 and 127 < self.high <= 255:
            return 0.0, 255.0  # 8 bits in a wider dtype
        if kind == "uint16" and (self.by_257 or self.high > 32767):
            return natural
        values = np.concatenate([part.ravel() for part in self.sample])
        # of repeated values, as of gray in three channels, these are the same
        low, high = np.quantile(values, [_LEFT_OUT, 1 - _LEFT_OUT], method="inverted_cdf")
        if low == high:
            low, high = self.low, self.high
        if low == high:
            high = low + max(1.0, abs(low))
        if not np.isfinite(high - low):
            raise ValueError(f"X holds values from {low:g} to {high:g}, too wide a range to scale")
        return float(low), float(high)


def _spread(n, step):
    """Numbers of pixels, one of each ``step``, by the golden ratio at ever another place of it.

    At the same place, where the step is a multiple of the width, they would be of few columns.
    """
    first = np.arange(0, n, step)
    turns = np.arange(len(first), dtype=np.uint64) * np.uint64(2654435769) % np.uint64(2**32)
    return np.minimum(first + (turns * np.uint64(step) >> np.uint64(32)).astype(np.int64), n - 1)


def _natural(kind):
    """Black and white by the dtype alone."""
    return 0.0, {"bool": 1.0, "float": 1.0, "uint16": 65535.0}.get(kind, 255.0)


def range_of(image, ranges, name, mask=None):
    """Return (low, high) of an image: of its kind in ``ranges``, else by its dtype.

    Raises
    ------
    ValueError
        If nothing of its kind is known and it holds values beyond what its dtype says.

    Warns
    -----
    UserWarning
        If nothing of its kind is known and it is black but for the lowest 12 bits of 16.
    """
    kind = kind_of(image.dtype)
    if kind in ranges:
        return ranges[kind]
    natural = _natural(kind)
    if kind in ("bool", "uint8"):
        return natural
    values = image if mask is None else image[mask]
    low, high = float(values.min()), float(values.max())
    ways_out = (
        "fit to images like this one, which learns their range, or give value_range=(low, high), "
        "the values of black and white"
    )
    if low < natural[0] or high > natural[1]:
        raise ValueError(
            f"{name} holds values from {low:g} to {high:g}, where images of dtype {image.dtype} "
            f"are read from {natural[0]:g} to {natural[1]:g}; {ways_out}"
        )
    if kind == "uint16" and 0 < high < 4096 and (values % 257).any():
        warnings.warn(
            f"{name} holds values up to {high:g} of {natural[1]:g}, which is nearly black; "
            f"{ways_out}",
            UserWarning,
            stacklevel=2,
        )
    return natural


def seen(image, value_range, mask=None, name="image", eight_bit=None):
    """Return an image on its scale: uint8 if it is an 8-bit picture, else float32, white at 1.

    Of one or three channels, gray and colour, what lies beyond black and white counts as them. Of
    a masked image the outside becomes 0 where it has to change at all.

    Parameters
    ----------
    image : ndarray of shape (height, width) or (height, width, channels), or a volume
        Finite inside the mask.

    value_range : tuple of two float
        Black and white.

    mask : ndarray of shape (height, width), bool, or None, default=None
        The pixels that count.

    name : str, default="image"
        What messages call it.

    eight_bit : bool or None, default=None
        Whether it is (part of) an 8-bit picture; None finds out.

    Returns
    -------
    image : ndarray of the same shape, uint8 or float32
        The same object where nothing has to change.

    Raises
    ------
    ValueError
        If values of other channels lie beyond the range by far, so that sums of their squares
        would overflow.
    """
    low, high = value_range
    if image.dtype == np.uint8 and value_range == (0, 255):
        return image
    fine = _ROUNDING_16 if image.dtype == np.float16 else _ROUNDING
    clips = n_channels(image) in (1, 3)
    out = np.empty(image.shape, np.float32)
    is_8_bit = eight_bit is None or eight_bit
    step = max(1, _BLOCK // max(1, image[0].size))
    for first in range(0, len(image), step):
        rows = slice(first, first + step)
        with np.errstate(all="ignore"):  # outside a mask
            part = (image[rows].astype(np.float64) - low) / (high - low)
            if clips:
                part = np.clip(part, 0, 1)
        if mask is not None:
            part[~mask[rows]] = 0
        if not clips and np.abs(part).max() > LARGEST_VALUE:
            raise ValueError(
                f"{name} holds values up to {np.abs(image[rows]).max():.3g}, too far from the "
                f"range {low:g} to {high:g}; leave them out by a mask, or give another value_range"
            )
        out[rows] = part
        if is_8_bit and eight_bit is None:
            part *= 255
            is_8_bit = bool(
                part.min() > -fine
                and part.max() < 255 + fine
                and np.abs(part - np.rint(part)).max() < fine
            )
    return np.rint(out * np.float32(255)).astype(np.uint8) if is_8_bit else out


def fill_outside(image, mask):
    """Return an image whose pixels outside the mask are as the nearest one inside.

    So a net or a filter sees nothing but what is inside, and no edge along the mask.
    """
    from scipy.ndimage import distance_transform_edt

    if mask is None or mask.all():
        return image
    nearest = distance_transform_edt(~mask, return_distances=False, return_indices=True)
    return image[tuple(nearest)]


# --- what the kernels take ------------------------------------------------------------------------


def as_colour(image):
    """Return a gray image as that gray in three channels, without a copy; others as they are."""
    if n_channels(image) != 1:
        return image
    return np.broadcast_to(image.reshape(*grid_of(image), 1), (*grid_of(image), 3))


def for_slic(image):
    """Return an image that was ``seen`` as the SLIC kernel takes it, and whether it is RGB."""
    if n_channels(image) in (1, 3):
        return as_colour(image), True
    return as_bands(image), False


def as_bands(image):
    """Return n channels from 0 to 100 / sqrt(n): black and white are as far apart as in L."""
    return scaled(image, 100 / n_channels(image) ** 0.5)


def eight_bit_units(image):
    """Return colours in the units of 8-bit RGB: differences in n channels count as in three."""
    image = as_colour(image)
    n = n_channels(image)
    return image if image.dtype == np.uint8 and n == 3 else scaled(image, 255 * 3 / n)


def scaled(image, white):
    """Return what ``seen`` returned as float32 with white at ``white``."""
    unit = white / 255 if image.dtype == np.uint8 else white
    return image.astype(np.float32) * np.float32(unit)
