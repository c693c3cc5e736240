"""A warning where colour cannot matter beside compactness.

Two neighbouring centres are S pixels apart. Between them, x pixels off the middle, the squared
distances in space differ by ``(compactness / S)^2 2 S x``, and those in colour by the squared
distance d_c of the two centres at most. So colour moves a border by half a pixel only where ``d_c^2
>= compactness^2 / S``; and no d_c is greater than the spans of the channels allow.
"""

import warnings

import numpy as np

_SIDE = 32  # rows and columns of a sample
_USUAL = 10.0  # greatest distance of colours over compactness, as in Lab at a compactness of 10


def warn_of_a_grid(image, roots, mask, compactness, step, stacklevel):
    """Warn if no border can follow colour.

    Parameters
    ----------
    image : float32 array (H, W, C), as it is compared
    roots : float32 array (C,), square roots of the channels' weights
    mask : bool array (H, W) or None
    compactness : float
    step : float, pixels from centre to centre
    stacklevel : int, that of the function to blame, as seen from here
    """
    height, width, n_channels = image.shape
    if mask is None:
        pixels = image.reshape(-1, n_channels)
        sample = image[:: 1 + height // _SIDE, :: 1 + width // _SIDE].reshape(-1, n_channels)
    else:
        pixels = image[mask]
        sample = pixels[:: 1 + len(pixels) // _SIDE**2]
    spans = sample.min(axis=0), sample.max(axis=0)
    if _greatest_distance(*spans, roots) < compactness / np.sqrt(step):
        spans = pixels.min(axis=0), pixels.max(axis=0)
        warn_of_spans(*spans, roots, compactness, step, stacklevel + 1)


def warn_of_spans(low, high, roots, compactness, step, stacklevel):
    """Do the work of `warn_of_a_grid`, knowing what each channel spans.

    Parameters
    ----------
    low, high : float32 arrays (C,)
    roots, compactness, step, stacklevel : as in `warn_of_a_grid`
    """
    greatest = _greatest_distance(low, high, roots)
    if greatest == 0 or greatest >= compactness / np.sqrt(step):
        return
    warnings.warn(
        f"image holds values from {low.min():.4g} to {high.max():.4g}, and its colours are "
        f"{greatest:.4g} apart at most: beside compactness={compactness:g}, no border between "
        f"superpixels {step:.0f} pixels apart moves by half a pixel, and they are a grid. Give "
        f"compactness={greatest / _USUAL:.1g}, or multiply the image by "
        f"{_USUAL * compactness / greatest:.1g}; sklearn_spx.SLICSuperpixels knows the range of "
        "images",
        UserWarning,
        stacklevel=stacklevel + 1,
    )


def _greatest_distance(low, high, roots):
    """The distance of the colours furthest apart that the spans of the channels allow."""
    return np.sqrt(np.sum((roots * (high.astype(float) - low)) ** 2))
