"""SLIC superpixels (Achanta et al., 2012), for any number of channels."""

from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .._clustering import QUARTERS, start_on_grid
from .._device import as_host, like, open_session, uses_gpu
from ..checks import as_image, as_mask, as_standard, check_count, check_real, full_scale
from ..connectivity import connect
from . import _cpu, _rules, _tiles
from ._notice import warn_of_a_grid

__all__ = ["slic", "slic_quiet"]

_MOST = 1e9  # compactness beyond which colour says nothing
_MANY = 16  # channels above which principal axes are tried
_DROPPED = 1e-3  # of the variance, at most, that lies along the axes that are dropped


def slic(
    image: ArrayLike,
    n_segments: int = 100,
    *,
    compactness: float = 10.0,
    max_iter: int = 10,
    weights: ArrayLike | None = None,
    mask: ArrayLike | None = None,
    convert2lab: bool | None = None,
    slic_zero: bool = False,
    enforce_connectivity: bool = True,
    device: Literal["cpu", "cuda", "auto"] | None = None,
) -> NDArray[np.int32]:
    """Superpixels by k-means on colour and place, within a window: SLIC [1]_.

    Centres start on a grid of step S. A pixel is at the squared distance ``d_c^2 + (compactness /
    S)^2 d_s^2`` from a centre, with d_s in pixels and ``d_c^2 = sum_c weights[c] (difference in
    channel c)^2``, equation 1 of [2]_. `max_iter` times each pixel joins the nearest centre of
    those close by, and each centre moves to the mean of its pixels. Where S is 8 pixels or more,
    all iterations but the last look at a quarter of the pixels, every second one of every second
    row, each quarter in turn: centres are means of so many pixels that this changes no score.
    More than 16 channels are first replaced by their coordinates on their principal axes where
    half as many hold 99.9 % of the variance.

    Parameters
    ----------
    image : array-like of shape (height, width) or (height, width, n_channels)
        Boolean, integer or real, without NaN and infinity inside the mask. Values count as they
        are, unless `convert2lab` says otherwise: nothing is rescaled.
    n_segments : int, default=100
        How many superpixels, met exactly. Where that cannot be, as near to it as can be: no more
        than one a pixel, no fewer than one a connected part of the mask. Without
        `enforce_connectivity`, about how many clusters.
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
        False for pixels that belong to no superpixel; the image may hold anything there, as NaN.
        Also numbers, 0 for False and 1 for True. Each connected part of the mask has at least one
        superpixel.
    convert2lab : bool, default=None
        Whether to convert RGB to CIE Lab first. RGB is uint8 on a scale to 255, uint16 to 65535,
        or real from 0 to 1; other integers count as 8-bit. None: three channels are converted if
        they are integers or all within the scale.
    slic_zero : bool, default=False
        Adapt to each superpixel's contrast (SLICO): the colour distance is divided by the greatest
        one seen within the superpixel, and `compactness` is only where this starts.
    enforce_connectivity : bool, default=True
        Split each cluster into connected regions and join those smaller than an eighth of the
        mean to a neighbour, then the smallest, one by one, until there are `n_segments`; where
        there are too few, cut the largest in two. A region joins the neighbour of the greatest
        length of border over (`compactness` + distance of colours). Otherwise a label is a
        cluster, connected or not.
    device : {"cpu", "cuda", "auto"}, default=None
        Where pixels are clustered: the labels are the same. "auto" is "cuda" if there is a GPU;
        None is where the image lies, which may be a CUDA tensor of torch, or whatever else has
        ``__cuda_array_interface__``. What does not run on the GPU yet: the image is read and
        checked on the host, and regions are connected there.

    Returns
    -------
    labels : ndarray of int32, or array on the GPU of the image's kind, shape (height, width)
        0, 1, ... without a gap, each superpixel one 4-connected region; -1 outside the mask.

    Raises
    ------
    TypeError, ValueError
        If an argument has a wrong type, shape or range, or if there is no GPU where `device` asks
        for one.
    MemoryError
        If the GPU has too little memory.

    Warns
    -----
    UserWarning
        If the values span so little that no border can follow them beside `compactness`, as those
        of a gray image from 0 to 1 at a compactness of 10.

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
    return _slic(
        image,
        n_segments,
        compactness=compactness,
        max_iter=max_iter,
        weights=weights,
        mask=mask,
        convert2lab=convert2lab,
        slic_zero=slic_zero,
        enforce_connectivity=enforce_connectivity,
        device=device,
        warns=True,
    )


def slic_quiet(image: ArrayLike, n_segments: int = 100, **options: Any) -> NDArray[np.int32]:
    """Do the work of `slic` without its warning, for callers who know the range of the values.

    Parameters
    ----------
    image : array-like of shape (height, width) or (height, width, n_channels)
        As in :func:`sklearn_spx.kernels.slic`.
    n_segments : int, default=100
        As in :func:`sklearn_spx.kernels.slic`.
    **options
        All others of :func:`sklearn_spx.kernels.slic`.

    Returns
    -------
    labels : ndarray of int32, shape (height, width)
        As of :func:`sklearn_spx.kernels.slic`.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_spx.kernels.slic import slic_quiet
    >>> slic_quiet(np.array([[0, 0, 0, 1]]), 2, compactness=10)
    array([[0, 0, 1, 1]], dtype=int32)
    """
    return _slic(image, n_segments, **{**(slic.__kwdefaults__ or {}), **options}, warns=False)


def _slic(
    image: ArrayLike,
    n_segments: int,
    *,
    compactness: float,
    max_iter: int,
    weights: ArrayLike | None,
    mask: ArrayLike | None,
    convert2lab: bool | None,
    slic_zero: bool,
    enforce_connectivity: bool,
    device: Literal["cpu", "cuda", "auto"] | None,
    warns: bool,
) -> NDArray[np.int32]:
    n_segments = check_count(n_segments, "n_segments")
    max_iter = check_count(max_iter, "max_iter")
    compactness = min(check_real(compactness, "compactness", 0, strict=slic_zero), _MOST)
    on_gpu = uses_gpu(device, image=image, mask=mask)
    given, image, mask = image, as_host(image, "image"), as_host(mask, "mask")
    image, rgb_scale = _read(image, convert2lab, mask)
    height, width = image.shape[:2]
    if mask is not None:
        mask = as_mask(mask, (height, width))
    roots = _roots(weights, image.shape[2])
    start = start_on_grid(height, width, n_segments, mask)
    if warns and rgb_scale is None and not slic_zero and len(start.seeds) > 1:
        warn_of_a_grid(image, roots, mask, compactness, start.step, stacklevel=3)
    if image.shape[2] > _MANY:
        image, roots = _on_axes(image, roots, mask)
    everywhere = np.empty((0, 0), bool)
    mask = everywhere if mask is None else mask
    factors = _factors(compactness, start.step, slic_zero)
    if on_gpu:
        labels, colours = _cluster_on_gpu(
            image, rgb_scale, roots, mask, start, factors, max_iter, slic_zero
        )
    else:
        tiles = _tiles.cut(image, rgb_scale, roots, mask, start.stride)
        labels, colours = _cluster(tiles, start, factors, max_iter, slic_zero)
    if enforce_connectivity:
        connect(labels, start.min_size, start.n_segments, colours, compactness)
    else:
        _close_gaps(labels, len(start.seeds))
    return like(labels, given)


def _read(image: Any, convert2lab: bool | None, mask: Any) -> tuple[NDArray[Any], int | None]:
    """The image as (H, W, C), and the value of full intensity if it is RGB to be converted."""
    if convert2lab is not None and not isinstance(convert2lab, (bool, np.bool_)):
        raise TypeError(f"convert2lab must be None, True or False, got {convert2lab!r}")
    never = convert2lab is not None and not convert2lab
    image = np.asarray(image)
    dtype = image.dtype
    may_be_rgb = image.ndim == 3 and image.shape[2] == 3 and image.size > 0
    if may_be_rgb and dtype == np.uint8 and not never:
        return as_standard(image, np.uint8), 255  # spares a copy as float
    image = as_image(image, mask=mask)  # 0 outside
    if convert2lab and not may_be_rgb:
        raise ValueError(f"convert2lab=True needs an image of 3 channels, found {image.shape[2]}")
    if not may_be_rgb or never or (convert2lab is None and dtype.kind == "b"):
        return image, None
    full = full_scale(dtype)
    low, high = image.min(), image.max()
    if low >= 0 and high <= full:
        return image, full
    if convert2lab:
        inside = image if mask is None else image[as_mask(mask, image.shape[:2])]
        low, high = inside.min(), inside.max()
        raise ValueError(
            f"image holds values from {low} to {high}; RGB of dtype {dtype} goes from 0 to {full}"
        )
    return image, None


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
    with np.errstate(over="ignore", under="ignore"):
        roots = np.sqrt(weights).astype(np.float32)
    if not np.isfinite(roots).all() or (weights.any() and not roots.any()):
        raise ValueError(f"weights must have square roots within float32, got {weights}")
    return roots


def _on_axes(
    image: NDArray[Any], roots: NDArray[Any], mask: NDArray[np.bool_] | None
) -> tuple[NDArray[np.float32], NDArray[Any]]:
    """Many channels that say much the same as few: their coordinates on the principal axes.

    The axes are found on a sample of the pixels. Turning changes no distance, and what is dropped
    is less than a thousandth of the variance. Where that spares less than half of the channels, or
    the sample is too small to tell, nothing changes.
    """
    height, width, n_channels = image.shape
    if mask is None:
        sample = image[:: 1 + height // 64, :: 1 + width // 64].reshape(-1, n_channels) * roots
    else:
        inside = np.flatnonzero(mask)
        sample = image.reshape(-1, n_channels)[inside[:: 1 + len(inside) // 4096]] * roots
    if len(sample) < 10 * n_channels or not np.isfinite(sample).all():
        return image, roots
    values, axes = np.linalg.eigh(np.cov(sample, rowvar=False))
    n_dropped = np.searchsorted(np.cumsum(values), _DROPPED * values.sum())
    if 2 * n_dropped < n_channels:
        return image, roots
    axes = (roots[:, None] * axes[:, : n_dropped - n_channels - 1 : -1]).astype(np.float32)
    turned = (image.reshape(-1, n_channels) @ axes).reshape(height, width, -1)
    return turned, np.ones(turned.shape[2], np.float32)


def _factors(compactness, step, slic_zero):
    """Of the squared distance in pixels, and, to begin with, of that in colour; float32."""
    if slic_zero:
        least = np.float32(max(compactness**2, 1 / _rules.TOO_LARGE))
        return np.float32(step**-2), np.float32(1) / least
    return np.float32((compactness / step) ** 2), np.float32(1)


def _cluster_on_gpu(image, rgb_scale, roots, mask, start, factors, max_iter, slic_zero):
    """Do the work of `_cluster` on a GPU, from a numpy array to numpy arrays."""
    from . import _cuda

    planes = _tiles.choose_planes(image, rgb_scale, roots, mask)
    with open_session() as session:
        on = session.allocate("slic, for its image,", image=(image.shape, image.dtype))
        session.copy_in(image, on.image)
        options = *factors, max_iter, slic_zero
        labels, colours = _cuda.cluster(session, on.image, rgb_scale, *planes, mask, start, options)
        return session.copy_out(labels), colours


def _cluster(tiles, start, factors, max_iter, slic_zero):
    """k-means from the seeds: each pixel's cluster, -1 outside the mask, and their colours."""
    centres = _tiles.pixels_at(tiles, start.seeds)
    spatial = factors[0]
    contrast = np.full(len(centres), factors[1])
    farthest = np.zeros(len(centres) if slic_zero else 0, np.float32)
    clusters = _cpu.Clusters(centres=centres, contrast=contrast, spatial=spatial)
    sums = np.empty((len(centres), 1 + centres.shape[1]))
    for iteration in range(max_iter - 1):
        part = QUARTERS[iteration % tiles.stride**2]
        _cpu.iterate(tiles, part, clusters, start.step, sums, farthest)
        if slic_zero:
            seen = farthest > 0
            contrast[seen] = 1 / np.maximum(farthest[seen], np.float32(1 / _rules.TOO_LARGE))
    labels = np.empty((tiles.height, tiles.width), np.int32)
    _cpu.assign(tiles, clusters, start.step, labels)
    return labels, centres[:, 2:]


def _close_gaps(labels, n_labels):
    """Number the labels that occur 0, 1, ... in their order, in place."""
    occurs = np.zeros(n_labels + 1, bool)
    occurs[labels] = True  # -1, outside, is the last entry
    occurs[-1] = False
    numbers = np.cumsum(occurs, dtype=np.int32) - np.int32(1)
    numbers[-1] = -1
    np.take(numbers, labels, out=labels, mode="wrap")
