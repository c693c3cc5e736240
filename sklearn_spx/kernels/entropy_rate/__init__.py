"""Entropy rate superpixels (Liu et al., CVPR 2011): exactly as many as asked for.

The graph of pixels is joined edge by edge. Each join takes the edge that adds most to

    H(A) + lambda B(A)                                                          (eq. 9)

the entropy rate of a random walk on the chosen edges, which likes clusters compact and alike, and
a balancing term, which likes them of one size. Gains only fall as edges are chosen, so a queue of
old gains, made anew when their turn comes, is enough.
"""

import math
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from .._bands import Bands
from .._device import open_session
from .._grid import grid_of, stays_on_cpu
from ..affinities import affinities_shape
from ..checks import (
    as_mask,
    check_connectivity,
    check_count,
    check_real,
    check_spacing,
    image_shape,
    uses_gpu,
)
from . import _cpu_weights, _sweeps
from ._rules import MOST_BALANCE
from ._weights import colour_factor, edge_weights

__all__ = ["entropy_rate_superpixels"]

_TILES = {2: (128, 4), 3: (16, 4)}  # pixels of a side, and its growth from sweep to sweep
# of sweeps, in greatest entropy gains: the last join costs more in photographs, of affinities from
# colours or nets; without balance, or where there are fewer pixels to a superpixel, more often not
_DEPTHS = (1.0, 0.8)
_LEAST_SIZE = 16  # pixels of a superpixel from which sweeps over tiles seldom go too far


def entropy_rate_superpixels(
    image: Any = None,
    n_segments: int = 100,
    *,
    affinities: Any = None,
    balance: float = 0.5,
    sigma: float = 5.0,
    connectivity: int = 8,
    cells: Any = None,
    regularity: float = 0.1,
    spacing: Any = None,
    mask: Any = None,
    device: Literal["cpu", "cuda", "auto"] | None = None,
    n_threads: int = 1,
) -> NDArray[np.int32]:
    """Segment an image into exactly ``n_segments`` entropy rate superpixels.

    Give an image, the affinities of neighbouring pixels from anywhere, or both.

    Parameters
    ----------
    image : ndarray of shape (height, width) or (height, width, channels) or None, default=None
        Image of any number of channels, values as they are: ``sigma`` is in their unit, and its
        default suits 8 bits. The affinity of two pixels is exp(-d^2 / (2 (3 sigma)^2)), d the sum
        of absolute differences of the channels, times the distance of the two, sqrt(2) on
        diagonals. With ``spacing`` of three numbers a volume, (depth, height, width) or with
        channels.

    n_segments : int, default=100
        Number of superpixels, met exactly; at most the number of pixels.

    affinities : ndarray of shape (2, height, width) or None, default=None
        Affinities in [0, 1], [0] to the right neighbour, [1] to the lower one. Those of a diagonal
        are the smaller mean of the two horizontal and the two vertical affinities of its pixel
        square, over sqrt(2). Of a volume (3, depth, height, width) with connectivity 6: to the
        next column, row and slice; or 13 with connectivity 26, all of them as they are: then come,
        as (slices, rows, columns), (0, 1, 1), (0, 1, -1), and the other neighbours in the next
        slice, row by row. Beside an image, each is multiplied by that of the colours.

    balance : float, default=0.5
        Weight of the balancing term, lambda' of the paper (section 4.3): 0 or more.

    sigma : float, default=5.0
        Contrast at which pixels stop being alike. Of no effect without an image.

    connectivity : {4, 8, 6, 26}, default=8
        Neighbours of a pixel in the graph; superpixels are connected in the same sense. Of a
        volume 6, by faces, or 26, by edges and corners too; 4 and 8 mean the same there.

    cells : ndarray of shape (height, width), integer, or None, default=None
        A label image of the shape and size that superpixels should have where nothing is seen, as
        of :func:`~sklearn_spx.kernels.slic`. Below 0 no cell is known, and there is no border. Not
        of the paper.

    regularity : float, default=0.1
        By what share affinities across the borders of ``cells`` are less, from 0 to 1.

    spacing : tuple of two or three numbers or None, default=None
        Distances of neighbouring samples: (z, y, x) makes it a volume, (y, x) is of an image whose
        pixels are no squares. Only their ratios count: differences of colours are multiplied by
        the distance of the two pixels, where the smallest spacing is 1. Of no effect on affinities.

    mask : ndarray of shape (height, width) or None, default=None
        True where the image is to be segmented; other pixels take no part, and the image, or the
        affinities to and from them, may hold anything. Also numbers, 0 for False and 1 for True.

    device : {"cpu", "cuda", "auto"}, default=None
        Where to work. The labels are the same; where two costs are within 2^-44 of the greatest
        gain they may differ, as logarithms do in the last bit. "auto" is "cuda" if there is a GPU;
        None is where the image, the affinities or the mask lie, which may be arrays on a GPU: CUDA
        tensors of torch, or whatever else has ``__cuda_array_interface__``. With
        ``spacing`` the CPU works.

    n_threads : int, default=1
        Threads that share the work on the CPU. The labels are the same.

    Returns
    -------
    labels : ndarray, or array on the GPU of the arguments' kind, of shape (height, width), int32
        Labels 0 .. n_segments - 1 in the order of their first pixels, -1 outside the mask.

    Raises
    ------
    ValueError, TypeError
        If an argument cannot be used, or there are more superpixels asked for than pixels, or
        fewer than the mask has connected parts, or there is no GPU where `device` asks for one.
    MemoryError
        If the GPU has too little memory.

    References
    ----------
    .. [1] M.-Y. Liu, O. Tuzel, S. Ramalingam, R. Chellappa, "Entropy rate superpixel
           segmentation", CVPR 2011.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_spx.kernels import entropy_rate_superpixels
    >>> image = np.zeros((3, 6), np.uint8)
    >>> image[:, 4:] = 255
    >>> entropy_rate_superpixels(image, 2)
    array([[0, 0, 0, 0, 1, 1],
           [0, 0, 0, 0, 1, 1],
           [0, 0, 0, 0, 1, 1]], dtype=int32)
    """
    n_segments = check_count(n_segments, "n_segments")
    n_threads = check_count(n_threads, "n_threads")
    balance = min(check_real(balance, "balance", 0), MOST_BALANCE)
    sigma = check_real(sigma, "sigma", 0, strict=True)
    regularity = check_real(regularity, "regularity", 0)
    if regularity > 1:
        raise ValueError(f"regularity must be from 0 to 1, got {regularity!r}")
    if image is None and affinities is None:
        raise ValueError("give an image, affinities, or both")
    spacing = check_spacing(spacing)
    arrays = {"image": image, "affinities": affinities, "cells": cells, "mask": mask}
    if not stays_on_cpu(spacing is not None, device, **arrays) and uses_gpu(device, **arrays):
        check_connectivity(connectivity, 2)
        options = n_segments, balance, sigma, connectivity, regularity
        return _on_gpu(image, affinities, cells, mask, *options)
    axes = 2 if spacing is None else len(spacing)
    if image is not None:
        shape = image_shape(image, axes=axes)
    if affinities is not None:
        of_affinities = affinities_shape(affinities, grid_axes=axes)
        if image is not None and of_affinities != shape:
            _fail_on_shapes(shape, np.shape(affinities))
        shape = of_affinities
    grid = grid_of(shape, connectivity, spacing)
    _check_edges(shape, len(grid.offsets))
    with Bands(n_threads) as bands:
        weights = edge_weights(grid, image, sigma, affinities, cells, regularity, mask, bands)
        image = affinities = cells = None  # copies of them are no longer needed
        arrays.clear()
        height, width = grid.shape[1:]
        mask = None if mask is None else grid.flat(as_mask(mask, shape))
        inside = np.zeros(weights.shape[:2], bool)
        inside[:, :width] = True if mask is None else mask
        n_pixels = int(np.count_nonzero(inside))
        _check_size(n_segments, n_pixels)

        def cut(band, first, stop):
            _cpu_weights.cut_edges((first, stop), inside, height, grid.offsets, weights)

        bands.run(cut, len(weights))
        inside = np.broadcast_to(True, (len(weights), width)) if mask is None else mask
        tiles = [(*_TILES[axes], depth) for depth in _DEPTHS]
        if n_pixels < _LEAST_SIZE * n_segments:
            tiles = []
        graph = weights, inside, height, grid.offsets, n_pixels, n_segments, balance
        for sweeps in (*tiles, None):
            labels, n_left = _sweeps.segment(*graph, sweeps, bands)
            if n_left >= 0:
                break
    _check_parts(n_segments, n_left)
    return np.ascontiguousarray(labels[:, :width]).reshape(shape)


def _on_gpu(image, affinities, cells, mask, n_segments, balance, sigma, connectivity, regularity):
    """`entropy_rate_superpixels` of arrays that are on a GPU or go there."""
    from .. import _cuda_affinities, _cuda_checks
    from . import _cuda

    with open_session(image, affinities, cells, mask) as session:
        if image is not None:
            image = _cuda_checks.raw_image_of(session, image)
            shape = tuple(image.shape[:2])
        if affinities is not None:
            if image is not None and tuple(np.shape(affinities))[1:] != shape:
                _fail_on_shapes(shape, tuple(np.shape(affinities)))
            shape = tuple(np.shape(affinities))[1:]
        on = session.allocate("entropy_rate_superpixels", none=((1, 1), np.bool_))
        inside, n_pixels = on.none[:0], int(np.prod(shape, dtype=np.int64))
        if mask is not None:
            inside = _cuda_checks.mask_of(session, mask, shape)
            n_pixels = _cuda.count_inside(session, inside)
        given = None if mask is None else inside
        if image is not None:
            image = _cuda_checks.image_of(session, image, given)
        if affinities is not None:
            affinities = _cuda_affinities.affinities_of(session, affinities, given)
            shape = affinities.shape[1:]
        n = shape[0] * shape[1]
        d = connectivity // 2
        _check_edges(shape, connectivity // 2)
        _check_size(n_segments, n_pixels)
        weights = session.allocate("entropy_rate_superpixels", w=((n, d), np.float64)).w
        if affinities is not None:
            _cuda.weigh(session, _cuda.weigh_affinities, affinities, inside, np.sqrt(2), weights)
        if image is not None:
            how = _cuda.weigh_colours if affinities is None else _cuda.weigh_colours_too
            _cuda.weigh(session, how, image, inside, colour_factor(sigma), weights)
        if cells is not None:
            cells = _cuda_checks.labels_of(session, cells, "cells", shape)
            _cuda.weigh(session, _cuda.weaken, cells, inside, 1.0 - regularity, weights)
        own, labels = session.new_result(shape, np.int32)
        n_left = _cuda.segment(
            session, weights, shape, inside, n_pixels, n_segments, balance, labels
        )
        _check_parts(n_segments, n_left)
        return session.result(own)


def _fail_on_shapes(shape, affinities):
    raise ValueError(
        f"affinities has shape {affinities}, but the image asks for {(affinities[0], *shape)}"
    )


def _check_edges(shape, n_edges):
    """Edges are numbered by int32, in rows of an odd number of pixels; other shapes are let be.

    n_edges : of a pixel, whose numbers are as many as the next power of two
    """
    if len(shape) > 1:
        n_pixels = math.prod(map(int, shape[:-1])) * (int(shape[-1]) | 1)
        if n_pixels << (n_edges - 1).bit_length() >= 2**31:
            what, way_out = "a volume", "segment it in parts"
            if len(shape) == 2:
                what, way_out = "an image", "segment it by sklearn_spx.large.segment_array"
            raise ValueError(
                f"{what} of shape {tuple(shape)} has {n_pixels * n_edges} edges at connectivity "
                f"{2 * n_edges}, whose numbers are more than 31 bits count: {way_out}, or made "
                "smaller"
            )


def _check_size(n_segments, n_pixels):
    if n_segments > n_pixels:
        raise ValueError(f"n_segments is {n_segments}, but there are {n_pixels} pixels")


def _check_parts(n_segments, n_left):
    if n_left > n_segments:
        raise ValueError(f"n_segments is {n_segments}, but the mask has {n_left} unconnected parts")
