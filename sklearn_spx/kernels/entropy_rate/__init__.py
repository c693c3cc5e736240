"""Entropy rate superpixels (Liu et al., CVPR 2011): exactly as many as asked for.

The graph of pixels is joined edge by edge. Each join takes the edge that adds most to

    H(A) + lambda B(A)                                                          (eq. 9)

the entropy rate of a random walk on the chosen edges, which likes clusters compact and alike, and
a balancing term, which likes them of one size. Gains only fall as edges are chosen, so a queue of
old gains, made anew when their turn comes, is enough.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..affinities import as_affinities, diagonal_affinities
from ..checks import as_image, as_mask, check_count, check_real
from . import _cpu

__all__ = ["entropy_rate_superpixels"]

_TILE = 128  # pixels of a side
_LEAST_SIZE = 16  # pixels of a superpixel from which sweeps over tiles seldom go too far
_MOST = 1e30  # beyond it, the balancing term alone counts
_LEAST = 1e-38  # an affinity of 0 would cut the graph: exp and sigmoid underflow


def entropy_rate_superpixels(
    image: NDArray[Any] | None = None,
    n_segments: int = 100,
    *,
    affinities: NDArray[Any] | None = None,
    balance: float = 0.5,
    sigma: float = 5.0,
    connectivity: int = 8,
    mask: NDArray[Any] | None = None,
) -> NDArray[np.int32]:
    """Segment an image into exactly ``n_segments`` entropy rate superpixels.

    Give an image, or the affinities of neighbouring pixels from anywhere.

    Parameters
    ----------
    image : ndarray of shape (height, width) or (height, width, channels) or None, default=None
        Image of any number of channels, values as they are: ``sigma`` is in their unit, and its
        default suits 8 bits. The affinity of two pixels is exp(-d^2 / (2 (3 sigma)^2)), d the sum
        of absolute differences of the channels, times sqrt(2) on diagonals.

    n_segments : int, default=100
        Number of superpixels, met exactly; at most the number of pixels.

    affinities : ndarray of shape (2, height, width) or None, default=None
        In place of an image: affinities in [0, 1], [0] to the right neighbour, [1] to the lower
        one. Those of a diagonal are the smaller mean of the two horizontal and the two vertical
        affinities of its pixel square, over sqrt(2).

    balance : float, default=0.5
        Weight of the balancing term, lambda' of the paper (section 4.3): 0 or more.

    sigma : float, default=5.0
        Contrast at which pixels stop being alike. Of no effect on affinities.

    connectivity : {4, 8}, default=8
        Neighbours of a pixel in the graph; superpixels are connected in the same sense.

    mask : ndarray of shape (height, width) or None, default=None
        True where the image is to be segmented; other pixels take no part, and the image, or the
        affinities to and from them, may hold anything. Also numbers, 0 for False and 1 for True.

    Returns
    -------
    labels : ndarray of shape (height, width), int32
        Labels 0 .. n_segments - 1 in the order of their first pixels, -1 outside the mask.

    Raises
    ------
    ValueError, TypeError
        If an argument cannot be used, or there are more superpixels asked for than pixels, or
        fewer than the mask has connected parts.

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
    balance = min(check_real(balance, "balance", 0), _MOST)
    sigma = check_real(sigma, "sigma", 0, strict=True)
    if connectivity not in (4, 8):
        raise ValueError(f"connectivity must be 4 or 8, got {connectivity!r}")
    if (image is None) == (affinities is None):
        raise ValueError("give an image or affinities, one of the two")
    if affinities is None:
        image = as_image(image, mask=mask)
        shape = image.shape[:2]
        weights = _colour_weights(image, sigma, connectivity)
    else:
        affinities = as_affinities(affinities, mask=mask)
        shape = affinities.shape[1:]
        weights = _affinity_weights(affinities, connectivity, mask)
    inside = np.zeros(weights.shape[:2], bool)
    inside[:, : shape[1]] = True if mask is None else as_mask(mask, shape)
    n_pixels = int(np.count_nonzero(inside))
    if n_segments > n_pixels:
        raise ValueError(f"n_segments is {n_segments}, but there are {n_pixels} pixels")
    if weights.size >= 2**31:
        raise ValueError(f"an image of shape {shape} has more edges than 31 bits count")
    _cpu.cut_edges(weights, inside)

    labels = np.empty(inside.shape, np.int32)
    side = _TILE if n_pixels >= _LEAST_SIZE * n_segments else 0
    n_left = _cpu.segment(weights, inside, n_pixels, n_segments, balance, side, labels)
    if n_left < 0:
        n_left = _cpu.segment(weights, inside, n_pixels, n_segments, balance, 0, labels)
    if n_left > n_segments:
        raise ValueError(f"n_segments is {n_segments}, but the mask has {n_left} unconnected parts")
    return np.ascontiguousarray(labels[:, : shape[1]])


def _colour_weights(image, sigma, connectivity):
    """Weights (H, W | 1, 2 or 4) float64 to the right, lower, lower right and lower left pixel.

    A row is an odd number of pixels: rows of 2^n would fight for the same lines of the cache.
    """
    weights = np.zeros((image.shape[0], image.shape[1] | 1, connectivity // 2))
    sigma = min(max(sigma, 1e-100), 1e100)  # no difference of float32 values tells more
    _cpu.colour_weights(image, -1 / (2 * (3 * sigma) ** 2), _LEAST, weights)
    return weights


def _affinity_weights(affinities, connectivity, mask=None):
    affinities = affinities.astype(np.float64)
    _, height, width = affinities.shape
    weights = np.zeros((height, width | 1, connectivity // 2))
    weights[:, : width - 1, 0] = affinities[0, :, :-1]
    weights[:-1, :width, 1] = affinities[1, :-1]
    if connectivity == 8:
        diagonal = diagonal_affinities(affinities, mask) / np.sqrt(2)
        weights[:-1, : width - 1, 2] = diagonal
        weights[:-1, 1:width, 3] = diagonal
    return np.maximum(weights, _LEAST, out=weights)
