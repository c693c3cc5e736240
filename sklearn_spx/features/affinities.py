"""Affinities of neighbouring pixels from anywhere: colour, edges, features, annotations.

All return arrays (2, height, width) of what :func:`sklearn_spx.kernels.entropy_rate_superpixels`
and :func:`sklearn_spx.kernels.graph_segmentation` take: [0] of each pixel to its right neighbour,
[1] to the lower one, in [0, 1]. The last column of the one and the last row of the other mean
nothing and are 1.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..kernels.checks import as_image, as_labels, as_mask, check_not_masked, check_real

__all__ = [
    "annotation_affinities",
    "canny_edges",
    "edge_affinities",
    "feature_affinities",
]


def feature_affinities(
    features: ArrayLike,
    sigma: float = 5.0,
    *,
    norm: int = 1,
    mask: ArrayLike | None = None,
) -> NDArray[np.float32]:
    """Turn differences of features, or of colours, into affinities.

    Parameters
    ----------
    features : array-like of shape (height, width) or (height, width, n_features)
        An image of features. With an 8-bit colour image and the defaults these are the
        affinities of the standard entropy rate superpixels.

    sigma : float, default=5.0
        The affinity is exp(-d ** 2 / (2 (3 sigma) ** 2)) for the distance d of two pixels.

    norm : {1, 2}, default=1
        The distance: sum of absolute differences, or Euclidean.

    mask : array-like of shape (height, width) or None, default=None
        False for pixels outside, which may hold anything; affinities to them mean nothing and
        are 1.

    Returns
    -------
    affinities : float32 ndarray of shape (2, height, width)
        In [0, 1].

    Raises
    ------
    ValueError, TypeError
        If an argument is not accepted; the message names it.

    Examples
    --------
    >>> from sklearn_spx.features.affinities import feature_affinities
    >>> feature_affinities([[0, 0, 15]])[0].round(3)
    array([[1.   , 0.607, 1.   ]], dtype=float32)
    """
    inside = None if mask is None else as_mask(mask, np.shape(features)[:2])
    features = as_image(features, "features", inside)
    sigma = check_real(sigma, "sigma", 0, strict=True)
    if norm not in (1, 2):
        raise ValueError(f"norm must be 1 or 2, got {norm!r}")

    def alike(a, b):
        d = np.abs(a - b).sum(axis=2) if norm == 1 else np.sqrt(((a - b) ** 2).sum(axis=2))
        return np.exp(-(d**2) / (2 * (3 * sigma) ** 2))

    return _pairs(features, alike, inside)


def edge_affinities(edges: ArrayLike, *, mask: ArrayLike | None = None) -> NDArray[np.float32]:
    """Turn an edge map into affinities: one minus the stronger edge of the two pixels.

    Parameters
    ----------
    edges : array-like of shape (height, width)
        The strength of an edge at each pixel, in [0, 1].

    mask : array-like of shape (height, width) or None, default=None
        False for pixels outside, which may hold anything; affinities to them mean nothing and
        are 1.

    Returns
    -------
    affinities : float32 ndarray of shape (2, height, width)
        In [0, 1].

    Raises
    ------
    ValueError, TypeError
        If ``edges`` has another shape or lies outside [0, 1]; the message names it.

    Examples
    --------
    >>> from sklearn_spx.features.affinities import edge_affinities
    >>> edge_affinities([[0, 0.25, 0]])[0]
    array([[0.75, 0.75, 1.  ]], dtype=float32)
    """
    inside = None if mask is None else as_mask(mask, np.shape(edges)[:2])
    edges = as_image(edges, "edges", inside)
    if edges.shape[2] != 1:
        raise ValueError(f"edges has shape {edges.shape}; accepted is (height, width)")
    if edges.min() < 0 or edges.max() > 1:
        raise ValueError(f"edges lies in [{edges.min()}, {edges.max()}]; accepted is [0, 1]")
    return _pairs(edges[:, :, 0], lambda a, b: 1 - np.maximum(a, b), inside)


def annotation_affinities(annotations: NDArray[Any] | Sequence[ArrayLike]) -> NDArray[np.float32]:
    """Return the share of annotators who join each pair of neighbours: the oracle.

    Parameters
    ----------
    annotations : array-like of shape (height, width), or list of them
        A label image, or one an annotator.

    Returns
    -------
    affinities : float32 ndarray of shape (2, height, width)
        In [0, 1].

    Raises
    ------
    ValueError, TypeError
        If there is no annotation, or one is no label image of the first one's shape; the
        message names it.

    Examples
    --------
    >>> from sklearn_spx.features.affinities import annotation_affinities
    >>> annotation_affinities([[[1, 1, 2]], [[1, 1, 1]]])[0]
    array([[1. , 0.5, 1. ]], dtype=float32)
    """
    annotations = list(annotations)
    for i, annotation in enumerate(annotations):
        check_not_masked(annotation, f"annotations[{i}]", f"annotations[{i}].filled(-1)")
    given = [np.asarray(a) for a in annotations]
    if given and given[0].ndim == 1:
        given = [np.stack(given)]
    if not given:
        raise ValueError("annotations is empty; accepted is at least one label image")
    shape = given[0].shape
    given = [as_labels(a, f"annotations[{i}]", shape) for i, a in enumerate(given)]
    return np.mean([_pairs(a, np.equal) for a in given], axis=0, dtype=np.float32)


def canny_edges(image: NDArray[Any], low: float = 50, high: float = 100) -> NDArray[np.float32]:
    """Return OpenCV's Canny edges of an image, which the net of the SEAL paper weighs in.

    Parameters
    ----------
    image : ndarray of shape (height, width) or (height, width, 3), dtype uint8
        Gray or RGB.

    low : float, default=50
        Gradient that an edge is followed along.

    high : float, default=100
        Gradient that an edge starts at.

    Returns
    -------
    edges : float32 ndarray of shape (height, width)
        1 on an edge, 0 elsewhere.

    Raises
    ------
    ImportError
        If OpenCV is not installed.

    Examples
    --------
    >>> from skimage.data import coffee
    >>> from sklearn_spx.features.affinities import canny_edges, edge_affinities
    >>> edges = canny_edges(coffee())  # doctest: +SKIP
    >>> edge_affinities(edges).shape  # doctest: +SKIP
    (2, 400, 600)
    """
    try:
        import cv2
    except ImportError as error:
        raise ImportError(
            "Canny edges need OpenCV: pip install 'sklearn-spx[opencv]', or choose a net "
            "without them"
        ) from error
    if image.ndim == 3:
        image = np.ascontiguousarray(image[:, :, ::-1])  # OpenCV's order: blue first
    return (cv2.Canny(image, low, high) > 0).astype(np.float32)


def _pairs(values, alike, mask=None):
    """``alike`` of each pixel's value and its right and lower neighbour's; 1 outside the mask."""
    out = np.ones((2, *values.shape[:2]), np.float32)
    out[0, :, :-1] = alike(values[:, :-1], values[:, 1:])
    out[1, :-1] = alike(values[:-1], values[1:])
    if mask is not None:
        out[0, :, :-1][~(mask[:, :-1] & mask[:, 1:])] = 1
        out[1, :-1][~(mask[:-1] & mask[1:])] = 1
    return out
