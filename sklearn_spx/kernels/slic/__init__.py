"""SLIC superpixels (Achanta et al., 2012), for any number of channels."""

import numpy as np

from .._checks import as_image, as_mask, check_count, check_real
from .._color import TABLE, TABLE_8BIT
from ..connectivity import connect
from . import _cpu
from ._seeds import grid_seeds, mask_seeds

__all__ = ["slic"]

_MIN_SIZE = 0.5  # of the mean superpixel: what is smaller joins a neighbour
_TOO_LARGE = 1e18  # beyond it, squared differences overflow float32


def slic(
    image,
    n_segments=100,
    *,
    compactness=10.0,
    max_iter=10,
    weights=None,
    mask=None,
    convert2lab=None,
    slic_zero=False,
    enforce_connectivity=True,
):
    """Superpixels by k-means on colour and place, within a window: SLIC [1]_.

    Centres start on a grid of step S. A pixel is at the squared distance ``d_c^2 + (compactness /
    S)^2 d_s^2`` from a centre, with d_s in pixels and ``d_c^2 = sum_c weights[c] (difference in
    channel c)^2``, equation 1 of [2]_. `max_iter` times each pixel joins the nearest centre of
    those close by, and each centre moves to the mean of its pixels.

    Parameters
    ----------
    image : array-like of shape (height, width) or (height, width, n_channels)
        Boolean, integer or real, without NaN and infinity. Values count as they are, unless
        `convert2lab` says otherwise: nothing is rescaled.
    n_segments : int, default=100
        How many centres to start with, at most one a pixel. About as many superpixels come out.
    compactness : float, default=10.0
        Weight of place against colour, in units of the channels (Lab: L from 0 to 100); the
        greater, the squarer the superpixels. The same as in :func:`skimage.segmentation.slic`,
        for an image that this function does not rescale.
    max_iter : int, default=10
        Clustering iterations.
    weights : array-like of shape (n_channels,), default=None
        Weight of each channel's squared difference, 0 or more; of the Lab channels where the image
        is converted. A channel of weight 0 costs nothing. None: 1 for all.
    mask : array-like of bool, shape (height, width), default=None
        False for pixels that belong to no superpixel. Each connected part of the mask has at least
        one superpixel.
    convert2lab : bool, default=None
        Whether to convert RGB to CIE Lab first. RGB is uint8 on a scale to 255, uint16 to 65535,
        or real from 0 to 1; other integers count as 8-bit. None: three channels are converted if
        they are integers or all within the scale.
    slic_zero : bool, default=False
        Adapt to each superpixel's contrast (SLICO): the colour distance is divided by the greatest
        one seen within the superpixel, and `compactness` is only where this starts.
    enforce_connectivity : bool, default=True
        Split each cluster into connected regions and join those smaller than half the mean to a
        neighbour. Otherwise a label is a cluster, connected or not.

    Returns
    -------
    labels : ndarray of int32, shape (height, width)
        0, 1, ... without a gap, each superpixel one 4-connected region; -1 outside the mask.

    Raises
    ------
    TypeError, ValueError
        If an argument has a wrong type, shape or range.

    References
    ----------
    .. [1] R. Achanta et al., "SLIC superpixels compared to state-of-the-art superpixel methods",
           IEEE TPAMI 34(11), 2012.
    .. [2] T. Verelst, M. Blaschko, M. Berman, "Generating superpixels using deep image
           representations", arXiv:1903.04586, 2019.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_spx.kernels import slic
    >>> image = np.zeros((4, 6))
    >>> image[:, 3:] = 1
    >>> slic(image, n_segments=2, compactness=0.1)
    array([[0, 0, 0, 1, 1, 1],
           [0, 0, 0, 1, 1, 1],
           [0, 0, 0, 1, 1, 1],
           [0, 0, 0, 1, 1, 1]], dtype=int32)
    """
    n_segments = check_count(n_segments, "n_segments")
    max_iter = check_count(max_iter, "max_iter")
    compactness = check_real(compactness, "compactness", 0, strict=slic_zero)
    image, rgb_scale = _read(image, convert2lab)
    roots = _roots(weights, image.shape[2])
    height, width = image.shape[:2]
    if mask is None:
        mask, area = np.empty((0, 0), bool), height * width
        seeds, step = grid_seeds(height, width, min(n_segments, area))
    else:
        mask = as_mask(mask, (height, width))
        area = int(np.count_nonzero(mask))
        seeds, step = mask_seeds(mask, n_segments, area)
    tiles = _Tiles(image, rgb_scale, roots, mask)
    labels = _cluster(tiles, seeds, step, compactness, max_iter, slic_zero)
    if enforce_connectivity:
        connect(labels, round(_MIN_SIZE * area / len(seeds)))
    else:
        _close_gaps(labels, len(seeds))
    return labels


def _read(image, convert2lab):
    """The image as (H, W, C), and the value of full intensity if it is RGB to be converted."""
    image = np.asarray(image)
    if image.dtype == np.uint8 and image.ndim == 3 and image.size > 0:
        raw = np.ascontiguousarray(image)  # spares a float copy
    else:
        raw = as_image(image)
    if convert2lab is None:
        convert2lab = raw.shape[2] == 3 and image.dtype.kind in "uif"
        must = False
    elif convert2lab and raw.shape[2] != 3:
        raise ValueError(f"convert2lab=True needs an image of 3 channels, found {raw.shape[2]}")
    else:
        must = True
    if not convert2lab:
        return as_image(raw), None
    if raw.dtype == np.uint8:
        return raw, 255
    full = {"f": 1, "b": 1}.get(image.dtype.kind, 65535 if image.dtype == np.uint16 else 255)
    low, high = raw.min(), raw.max()
    if low >= 0 and high <= full:
        return raw, full
    if must:
        raise ValueError(
            f"image holds values from {low} to {high}; RGB of dtype {image.dtype} goes from 0 to "
            f"{full}"
        )
    return raw, None


def _roots(weights, n_channels):
    """Square roots of the weights, float32."""
    if weights is None:
        return np.ones(n_channels, np.float32)
    weights = np.asarray(weights)
    if weights.dtype.kind not in "buif":
        raise TypeError(f"weights has dtype {weights.dtype}; accepted are real numbers")
    if weights.shape != (n_channels,):
        raise ValueError(f"weights has shape {weights.shape}, expected {(n_channels,)}")
    if not (np.isfinite(weights).all() and (weights >= 0).all()):
        raise ValueError(f"weights must be finite and at least 0, got {weights}")
    return np.sqrt(weights).astype(np.float32)


def _aligned(shape):
    """An empty float32 array that starts a cache line, as vector loads like it."""
    size = int(np.prod(shape)) * 4
    buffer = np.empty(size + 64, np.uint8)
    start = -buffer.ctypes.data % 64
    return buffer[start : start + size].view(np.float32).reshape(shape)


class _Tiles:
    """The image cut into tiles of planes, as the kernels take it."""

    def __init__(self, image, rgb_scale, roots, mask):
        self.shape = height, width = image.shape[:2]
        self.n_down, self.n_across = -(-height // _cpu.SIDE), -(-width // _cpu.SIDE)
        self.n = self.n_down * self.n_across
        self.inside = np.empty((self.n, 2, _cpu.FIELD), bool)
        self.counts = np.empty((self.n, 2), np.int32)
        _cpu.tile_mask(mask, height, width, self.inside, self.counts)
        if rgb_scale is None:
            channels = np.flatnonzero(roots)
            scale = roots[channels]
        else:
            channels, scale = np.arange(3), roots
        n_planes = _cpu.FUSED + -(-max(len(channels) - _cpu.FUSED, 0) // _cpu.GROUP) * _cpu.GROUP
        self.planes = _aligned((self.n, 2, n_planes, _cpu.FIELD))
        self.totals = np.zeros((self.n, 2, n_planes), np.float32)
        self.planes[:, :, len(channels) :] = 0
        cut = self.inside, self.counts, self.planes, self.totals
        if rgb_scale is None:
            _cpu.tile_channels(image, channels, scale, *cut)
        elif image.dtype == np.uint8:
            _cpu.tile_lab_8bit(image, TABLE_8BIT, scale, *cut)
        else:
            step = np.float32((len(TABLE) - 2) / rgb_scale)
            _cpu.tile_lab(image, TABLE, step, scale, *cut)

    def at(self, pixels):
        """Row, column and planes at some pixels: centres (n, 2 + P) float32."""
        (y, x), side = pixels.T, _cpu.SIDE
        tile = y // side * self.n_across + x // side
        place = (y % side >> 1) * side + x % side
        return np.column_stack([pixels, self.planes[tile, y % 2, :, place]]).astype(np.float32)


def _cluster(tiles, seeds, step, compactness, max_iter, slic_zero):
    """k-means from the seeds: each pixel's cluster, -1 outside the mask."""
    centres = tiles.at(seeds)
    contrast = np.ones(len(centres), np.float32)
    farthest = np.zeros(len(centres) if slic_zero else 0, np.float32)
    spatial = compactness / step
    if slic_zero:
        contrast /= np.float32(compactness**2)
        spatial = 1 / step
    spatial = np.float32(min(spatial**2, _TOO_LARGE))
    sums = np.empty((len(centres), 1 + centres.shape[1]))
    starts = np.empty(tiles.n + 1, np.int64)
    filled = np.empty(tiles.n, np.int32)
    grid = step, tiles.n_down, tiles.n_across
    for iteration in range(max_iter):
        most = _cpu.count_candidates(centres, *grid, starts)
        candidates = np.empty(starts[-1], np.int32)
        _cpu.list_candidates(centres, *grid, tiles.counts, starts, filled, candidates)
        if iteration == max_iter - 1:
            break
        sums[:] = 0
        _cpu.accumulate(
            tiles.planes, tiles.totals, tiles.inside, tiles.counts, tiles.n_across, 0, tiles.n,
            0, 2, centres, contrast, spatial, starts, candidates, most, sums, farthest,
        )  # fmt: skip
        _cpu.move_centres(sums, centres)
        if slic_zero:
            contrast[farthest > 0] = 1 / farthest[farthest > 0]
    labels = np.empty(tiles.shape, np.int32)
    _cpu.assign(
        tiles.planes, tiles.inside, tiles.counts, tiles.n_across, 0, tiles.n,
        centres, contrast, spatial, starts, candidates, labels,
    )  # fmt: skip
    return labels


def _close_gaps(labels, n_labels):
    """Number the labels that occur 0, 1, ... in their order, in place."""
    occurs = np.zeros(n_labels + 1, bool)
    occurs[labels] = True  # -1, outside, is the last entry
    occurs[-1] = False
    numbers = np.cumsum(occurs, dtype=np.int32) - np.int32(1)
    numbers[-1] = -1
    np.take(numbers, labels, out=labels, mode="wrap")
