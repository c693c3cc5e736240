"""SLIC superpixels (Achanta et al., 2012), for any number of channels."""

from collections import namedtuple
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .._bands import Bands
from .._clustering import QUARTERS, mean_of_places, region_seeds, start_at
from .._device import open_session, uses_gpu
from .._grid import relative_spacing, stays_on_cpu
from ..checks import (
    as_image,
    as_mask,
    as_standard,
    check_count,
    check_no_masked_pixels,
    check_real,
    check_spacing,
)
from ..connectivity import connect
from . import _cpu, _rules, _tiles
from ._colour import is_8bit_rgb, rgb_scale_of
from ._notice import warn_of_a_grid, warn_of_spans
from ._sample import axes_and_planes, sample_places, turn_to
from ._scale import MOST, factors_of, roots_of
from .parts import Parts

__all__ = ["region_seeds", "slic", "slic_quiet"]

_Options = namedtuple(
    "_Options",
    [
        "n_segments",
        "compactness",
        "max_iter",
        "weights",
        "slic_zero",
        "enforce_connectivity",
        "seeds",
    ],
)


def slic(
    image: ArrayLike,
    n_segments: int = 100,
    *,
    compactness: float = 10.0,
    max_iter: int = 10,
    weights: ArrayLike | None = None,
    mask: ArrayLike | None = None,
    spacing: ArrayLike | None = None,
    convert2lab: bool | None = None,
    slic_zero: bool = False,
    enforce_connectivity: bool = True,
    seeds: ArrayLike | None = None,
    device: Literal["cpu", "cuda", "auto"] | None = None,
    n_threads: int = 1,
) -> NDArray[np.int32]:
    """Superpixels by k-means on colour and place, within a window: SLIC [1]_.

    Centres start on a grid of step S. A pixel is at the squared distance ``d_c^2 + (compactness /
    S)^2 d_s^2`` from a centre, with d_s and S in pixels, or in space by `spacing`, and ``d_c^2 =
    sum_c weights[c] (difference in channel c)^2``, equation 1 of [2]_. `max_iter` times each pixel
    joins the nearest centre of those close by, and each centre moves to the mean of its pixels.
    Where a superpixel has 64 pixels or more, all iterations but the last look at a quarter of the
    pixels, every second one of every second row, each quarter in turn: centres are means of so many
    pixels that this changes no score.
    More than 16 channels are first replaced by their coordinates on their principal axes where
    half as many hold 99.9 % of the variance.

    Parameters
    ----------
    image : array-like of shape (height, width) or (height, width, n_channels)
        Boolean, integer or real, without NaN and infinity inside the mask. Values count as they
        are, unless `convert2lab` says otherwise: nothing is rescaled. Where `spacing` has three
        numbers a volume, (depth, height, width) or with channels, as the mask and the labels.
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
    spacing : tuple of two or three numbers, default=None
        Distances of neighbouring samples: (z, y, x) makes it a volume, (y, x) is of an image whose
        pixels are no squares. Only their ratios count: S is the side of a cell of the grid in
        space, so that `compactness` means the same whatever they are.
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
    seeds : array-like of shape (n, 2) or (n, m, 2), default=None
        Rows and columns, in pixels, where centres start in the place of the grid: each at the mean
        of m pixels, in place and colour, as those of ``slic.region_seeds``; in a volume slices,
        rows and columns. There may be more or fewer than `n_segments`. S is the root of the mean
        area then, or the cube root of the mean volume.
    device : {"cpu", "cuda", "auto"}, default=None
        Where to work; the labels are the same. "auto" is "cuda" if there is a GPU; None is where
        the image lies, which may be a CUDA tensor of torch, or whatever else has
        ``__cuda_array_interface__``. An image on a GPU stays there, but for a sample of some
        thousand pixels where it has more than 3 channels; a mask is copied to the host, where
        the seeds are placed. With `spacing` the CPU works.
    n_threads : int, default=1
        Threads that share the work on the CPU, each with a band of the image's rows; the labels
        are the same. Small images gain nothing: ``benchmarks/kernels.py`` has a row for it.

    Returns
    -------
    labels : ndarray of int32, or array on the GPU of the image's kind, shape (height, width)
        0, 1, ... without a gap, each superpixel one 4-connected region, 6-connected in volumes; -1
        outside the mask.

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
        spacing=spacing,
        convert2lab=convert2lab,
        slic_zero=slic_zero,
        enforce_connectivity=enforce_connectivity,
        seeds=seeds,
        device=device,
        n_threads=n_threads,
        warns=True,
    )


def slic_quiet(
    image: ArrayLike | Parts, n_segments: int = 100, **options: Any
) -> NDArray[np.int32]:
    """Do the work of `slic` without its warning, for callers who know the range of the values.

    Parameters
    ----------
    image : array-like of shape (height, width) or (height, width, n_channels), or Parts
        As in :func:`sklearn_spx.kernels.slic`. Parts are of an image on the CPU that is not to be
        converted to Lab; they are gone afterwards, and no whole image is ever there.
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
    image: Any,
    n_segments: int,
    *,
    compactness: float,
    max_iter: int,
    weights: ArrayLike | None,
    mask: ArrayLike | None,
    spacing: Any,
    convert2lab: bool | None,
    slic_zero: bool,
    enforce_connectivity: bool,
    seeds: ArrayLike | None,
    device: Literal["cpu", "cuda", "auto"] | None,
    n_threads: int,
    warns: bool,
) -> NDArray[np.int32]:
    n_segments = check_count(n_segments, "n_segments")
    max_iter = check_count(max_iter, "max_iter")
    n_threads = check_count(n_threads, "n_threads")
    compactness = min(check_real(compactness, "compactness", 0, strict=slic_zero), MOST)
    options = _Options(
        n_segments, compactness, max_iter, weights, slic_zero, enforce_connectivity, seeds
    )
    spacing = check_spacing(spacing)
    arrays = {"image": image, "mask": mask}
    if not stays_on_cpu(spacing is not None, device, **arrays) and uses_gpu(device, **arrays):
        return _on_gpu(image, mask, convert2lab, options, warns)
    axes = 2 if spacing is None else len(spacing)
    arrays.clear()  # copies of the image are not kept
    rgb_scale = None
    if not isinstance(image, Parts):
        image, rgb_scale = _read(image, convert2lab, mask, axes)
    shape = image.shape[:axes]
    if mask is not None:
        mask = as_mask(mask, shape)
    steps = _steps_of(spacing, shape)
    of_axes = None if steps is None else steps[3 - axes :]
    start = start_at(seeds, shape, n_segments, mask, of_axes)
    if not isinstance(image, Parts):  # from here on a volume is an image of all its rows
        image = image.reshape(-1, *image.shape[-2:])
    height, width, n_channels = image.shape
    mask = None if mask is None else mask.reshape(height, width)
    roots = roots_of(weights, n_channels)
    if warns and rgb_scale is None and not slic_zero and len(start.seeds) > 1:
        warn_of_a_grid(image, roots, mask, compactness, start.step, stacklevel=3)

    def take(side):
        places = sample_places(height, width, mask, side)
        if isinstance(image, Parts):
            return image.pixels(places)
        return image.reshape(-1, image.shape[2])[places]

    axes_of_channels, planes = axes_and_planes(take, rgb_scale, roots)
    if axes_of_channels is not None:
        if isinstance(image, Parts):
            image.turn(axes_of_channels)
        else:
            image = turn_to(axes_of_channels, image)
    everywhere = np.empty((0, 0), bool)
    inside = everywhere if mask is None else mask
    factors = factors_of(compactness, start.step, slic_zero)
    with Bands(n_threads) as bands:
        depth = height // shape[-2]
        tiles = _tiles.cut(image, rgb_scale, planes, inside, start.stride, bands=bands, depth=depth)
        image = None
        largest = _tiles.largest_total(tiles)
        grid = _rules.sum_grid(largest, planes[1], rgb_scale, len(tiles.counts))
        labels, colours = _cluster(tiles, start, steps, factors, grid, max_iter, slic_zero, bands)
        tiles, labels = None, labels.reshape(shape)
        if enforce_connectivity:
            target = start.min_size, start.n_segments
            connect(labels, *target, colours, compactness, bands=bands, steps=of_axes)
    if not enforce_connectivity:
        _close_gaps(labels, len(start.seeds))
    return labels


def _steps_of(spacing, shape):
    """Three distances, of slices, rows and columns, in units of the smallest.

    None for images of square pixels, which need none. A volume of one slice is its image.
    """
    if spacing is not None and len(shape) == 3 and shape[0] == 1:
        spacing = spacing[1:]
    if spacing is None or (len(spacing) == 2 and spacing[0] == spacing[1]):
        return None
    return relative_spacing(spacing)


def _on_gpu(image, mask, convert2lab, options, warns):
    """`slic` of arrays that are on a GPU or go there; the steps are those of `_slic`."""
    from . import _cuda, _cuda_image

    with open_session(image, mask) as session:
        there, rgb_scale, mask, here = _cuda_image.read(
            session, image, mask, convert2lab, lambda m: _read(image, convert2lab, m)
        )
        height, width, n_channels = there.shape
        roots = roots_of(options.weights, n_channels)
        start = start_at(options.seeds, (height, width), options.n_segments, here)
        if warns and rgb_scale is None and not options.slic_zero and len(start.seeds) > 1:
            spans = _cuda_image.find_spans(session, there, mask)
            warn_of_spans(*spans, roots, options.compactness, start.step, stacklevel=4)

        def take(side):
            places = sample_places(height, width, here, side)
            return _cuda_image.take(session, there, places)

        axes, planes = axes_and_planes(take, rgb_scale, roots)
        if axes is not None:
            there = _cuda_image.turn(session, there, axes)
        factors = factors_of(options.compactness, start.step, options.slic_zero)
        own, labels = session.new_result((height, width), np.int32)
        centres = _cuda.cluster(
            session, there, rgb_scale, *planes, mask, start,
            (*factors, options.max_iter, options.slic_zero), labels,
        )  # fmt: skip
        if options.enforce_connectivity:
            colours = _cuda_image.colours_of(session, centres)
            connect(
                labels, start.min_size, start.n_segments, colours, options.compactness,
                session=session,
            )  # fmt: skip
        else:
            _cuda_image.close_gaps(session, labels, len(start.seeds))
        return session.result(own)


def _read(
    image: Any, convert2lab: bool | None, mask: Any, axes: int = 2
) -> tuple[NDArray[Any], int | None]:
    """The image as (H, W, C), and the value of full intensity if it is RGB to be converted.

    With 3 axes it is a volume (D, H, W, C).
    """
    check_no_masked_pixels(image, "image", axes)
    image = np.asarray(image)
    dtype = image.dtype
    if is_8bit_rgb(image.shape[axes - 2 :], dtype, convert2lab) and image.size:
        return as_standard(image, np.uint8), 255  # spares a copy as float
    image = as_image(image, mask=mask, axes=axes)  # 0 outside

    def span():
        inside = image if mask is None else image[as_mask(mask, image.shape[:-1])]
        return inside.min(), inside.max()

    return image, rgb_scale_of(image.shape[-1], dtype, convert2lab, span)


def _cluster(tiles, start, steps, factors, grid, max_iter, slic_zero, bands):
    """k-means from the seeds: each pixel's cluster, -1 outside the mask, and their colours."""
    pixels = _tiles.pixels_at(tiles, start.places.reshape(-1, start.places.shape[2]))
    centres = mean_of_places(pixels.reshape(*start.places.shape[:2], -1))
    n_planes = tiles.totals.shape[2]
    centres = np.ascontiguousarray(centres[:, -2 - n_planes :])
    centres[:, :2] = start.seeds[:, -2:]
    depths = None
    if steps is not None:
        depths = np.zeros(len(centres), np.float32)
        if start.seeds.shape[1] == 3:
            depths[:] = start.seeds[:, 0]
        steps = np.array(steps, np.float32)
    spatial = factors[0]
    contrast = np.full(len(centres), factors[1])
    farthest = np.zeros(len(centres) if slic_zero else 0, np.float32)
    clusters = _cpu.Clusters(centres, contrast, spatial, depths, steps)
    room = _cpu.room_for(tiles, len(centres), start.step, bands, steps)
    sets = np.array([QUARTERS[i % tiles.stride**2] for i in range(max_iter - 1)], np.int64)
    _cpu.iterate(tiles, sets, clusters, room, grid, farthest)
    depth = _tiles.n_rows_of(tiles) // tiles.n_down
    labels = np.empty((depth * tiles.height, tiles.width), np.int32)
    _cpu.assign(tiles, clusters, room, labels, keep=False, farthest=farthest)
    return labels, centres[:, 2:]


def _close_gaps(labels, n_labels):
    """Number the labels that occur 0, 1, ... in their order, in place."""
    occurs = np.zeros(n_labels + 1, bool)
    occurs[labels] = True  # -1, outside, is the last entry
    occurs[-1] = False
    numbers = np.cumsum(occurs, dtype=np.int32) - np.int32(1)
    numbers[-1] = -1
    np.take(numbers, labels, out=labels, mode="wrap")
