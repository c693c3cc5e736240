"""Saliency from what is surely background (Zhu, Liang, Wei and Sun, CVPR 2014).

Background reaches the border of the image along a good part of it, objects hardly do. So

    image, labels -> colours, positions, graph -> boundary connectivity -> background probability
    background probability -> weighted contrast ; both and the graph -> least squares -> saliency

of each region, by the paper's equations, which the comments name.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import coo_matrix, csr_matrix, diags
from scipy.sparse.csgraph import dijkstra, laplacian
from scipy.sparse.linalg import spsolve
from scipy.spatial.distance import cdist
from sklearn.utils import Bunch

from ..kernels import region_adjacency, region_means
from ..kernels.checks import as_labels, check_real
from ..kernels.color import rgb_to_lab
from ..kernels.region_statistics import number_regions
from ..utils.images import check_image
from ..utils.scale import Survey, for_slic, seen

__all__ = ["background_detection", "region_saliency"]

_ROWS = 256  # regions whose distances to all others are held at once
_LEAST = 1e-12  # of a background weight, so that a region that nothing speaks of is not salient


def background_detection(
    image: ArrayLike,
    labels: ArrayLike,
    *,
    sigma_clr: float = 10.0,
    sigma_bndcon: float = 1.0,
    sigma_spa: float = 0.25,
    mu: float = 0.1,
    clip: float | None = None,
) -> NDArray[np.float64]:
    """Find what stands out of an image, by robust background detection.

    Each region gets a saliency from 0 to 1, by its contrast to regions that are probably
    background, and evened out over the graph of regions [1]_: the "saliency optimisation" (SO)
    that superpixels are compared by. Nothing is learned.

    Parameters
    ----------
    image : array-like of shape (height, width) or (height, width, n_channels)
        Gray and three channels are read as RGB and compared in CIE Lab, other channels as they
        are, on a scale of as much contrast. 8 bits, floats in [0, 1] and others are brought to
        one scale. Where labels are negative it may hold anything, as NaN.

    labels : array-like of int, shape (height, width)
        Regions of any kind, numbered as they like: some 200 superpixels in the paper. Negative:
        outside of all regions, and beyond the border of the image.

    sigma_clr : float, default=10.0
        How far colours may differ along a path for two regions to be alike, in units of Lab.

    sigma_bndcon : float, default=1.0
        Boundary connectivity from which on a region counts as background.

    sigma_spa : float, default=0.25
        How far contrast reaches, as a share of the image's height and width.

    mu : float, default=0.1
        Least weight between neighbours, above 0: evens out regions amid unlike ones.

    clip : float or None, default=None
        Difference up to which neighbours count as one colour along a path, so that small steps do
        not add up. None: the mean over regions of the least difference to a neighbour.

    Returns
    -------
    saliency : ndarray of shape (height, width), float64
        From 0 to 1; 0 outside of the regions. An image of one colour or region is 0 all over.

    Raises
    ------
    ValueError, TypeError
        If ``labels`` is no label image or has no region, the image does not fit it, or a
        parameter is out of range.

    See Also
    --------
    region_saliency : The same region by region, with the background's probability.
    sklearn_spx.metrics.weighted_f_measure, sklearn_spx.metrics.s_measure : Scores of saliency.

    Notes
    -----
    The paper leaves open what its release of code does, which is done here too: small differences
    are clipped by subtraction, as in its forerunner [2]_, and the weighted contrast is stretched
    to 0 to 1. Its release differs from the paper in more: contrast below Otsu's threshold becomes
    0, the background counts five times, and scales are chosen for each image. Not so here.

    Time and the least-squares system grow with the graph, distances with the square of the number
    of regions; they are held in blocks.

    References
    ----------
    .. [1] W. Zhu, S. Liang, Y. Wei, J. Sun, "Saliency optimization from robust background
       detection", CVPR 2014.
    .. [2] Y. Wei, F. Wen, W. Zhu, J. Sun, "Geodesic saliency using background priors", ECCV 2012.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_spx import SLICSuperpixels
    >>> from sklearn_spx.regions import background_detection
    >>> image = np.full((60, 80, 3), 200, np.uint8)
    >>> image[20:40, 30:50] = 220, 40, 40
    >>> labels = SLICSuperpixels(n_segments=48).fit_transform([image])[0]
    >>> saliency = background_detection(image, labels)
    >>> bool(saliency[30, 40] > 0.8), bool(saliency[5, 5] < 0.1)
    (True, True)
    """
    labels = as_labels(labels)
    regions = region_saliency(
        image,
        labels,
        sigma_clr=sigma_clr,
        sigma_bndcon=sigma_bndcon,
        sigma_spa=sigma_spa,
        mu=mu,
        clip=clip,
    )
    found = regions.saliency[np.searchsorted(regions.label, labels.ravel().clip(min=0))]
    return np.where(labels >= 0, found.reshape(labels.shape), 0.0)


def region_saliency(
    image: ArrayLike,
    labels: ArrayLike,
    *,
    sigma_clr: float = 10.0,
    sigma_bndcon: float = 1.0,
    sigma_spa: float = 0.25,
    mu: float = 0.1,
    clip: float | None = None,
) -> Bunch:
    """Find how salient each region is, and how probably it is background.

    Parameters
    ----------
    image : array-like of shape (height, width) or (height, width, n_channels)
        See :func:`background_detection`.

    labels : array-like of int, shape (height, width)
        See :func:`background_detection`.

    sigma_clr : float, default=10.0
        See :func:`background_detection`.

    sigma_bndcon : float, default=1.0
        See :func:`background_detection`.

    sigma_spa : float, default=0.25
        See :func:`background_detection`.

    mu : float, default=0.1
        See :func:`background_detection`.

    clip : float or None, default=None
        See :func:`background_detection`.

    Returns
    -------
    regions : :class:`~sklearn.utils.Bunch`
        A dictionary with attributes, each an array of shape (n_regions,)

        label : int32
            The numbers of the regions, ascending.
        boundary_connectivity : float64
            Length along the border of the image over the root of the area, of all that is alike.
        background_probability : float64
            From 0 to 1.
        contrast : float64
            To what is background, from 0 to 1.
        saliency : float64
            From 0 to 1.

    Raises
    ------
    ValueError, TypeError
        See :func:`background_detection`.

    Examples
    --------
    >>> from sklearn_spx.regions import region_saliency
    >>> labels = [[7, 7, 7, 8], [7, 9, 7, 8], [7, 7, 7, 8]]
    >>> image = [[0, 0, 0, 9], [0, 255, 0, 9], [0, 0, 0, 9]]
    >>> regions = region_saliency(image, labels)
    >>> regions.label.tolist(), regions.saliency.round(1).tolist()
    ([7, 8, 9], [0.1, 0.1, 0.9])
    """
    sigma_clr = check_real(sigma_clr, "sigma_clr", 0, strict=True)
    sigma_bndcon = check_real(sigma_bndcon, "sigma_bndcon", 0, strict=True)
    sigma_spa = check_real(sigma_spa, "sigma_spa", 0, strict=True)
    mu = check_real(mu, "mu", 0, strict=True)
    clip = None if clip is None else check_real(clip, "clip", 0)
    labels, ids = number_regions(labels)
    if not ids.size:
        raise ValueError("labels is negative everywhere: there is no region")

    colours, positions = _colours(image, labels), _positions(labels)
    edges, _ = region_adjacency(labels)
    differences = _lengths(colours, edges)  # d_app of neighbours
    on_border = _on_border(labels, ids.size)
    if clip is None:
        clip = _mean_of_least(edges, differences, ids.size)

    graph = _geodesic_graph(colours, edges, on_border, clip)
    connectivity = _boundary_connectivity(graph, on_border, sigma_clr)
    background = -np.expm1(-(connectivity**2) / (2 * sigma_bndcon**2))  # w^bg, eq. 7
    contrast = _stretched(_weighted_contrast(colours, positions, background, sigma_spa))
    alike = np.exp(-(differences**2) / (2 * sigma_clr**2)) + mu  # w_ij, eq. 10
    saliency = _optimise(background, contrast, edges, alike)
    return Bunch(
        label=ids,
        boundary_connectivity=connectivity,
        background_probability=background,
        contrast=contrast,
        saliency=saliency,
    )


# --- what regions look like and where they lie ----------------------------------------------------


def _colours(image, labels):
    """Mean colour of each region, in Lab or in channels of as much contrast."""
    mask = labels >= 0
    mask = None if mask.all() else mask
    image = check_image(image, "image", None if np.shape(image)[:2] != labels.shape else mask)
    if image.shape[:2] != labels.shape:
        raise ValueError(f"labels has shape {labels.shape}, but the image {image.shape[:2]}")
    survey = Survey()
    survey.add(image, mask)
    (value_range,) = survey.ranges().values()
    image, is_rgb = for_slic(seen(image, value_range, mask))
    colours, _ = region_means(rgb_to_lab(image) if is_rgb else image, labels)
    return colours.astype(np.float64)


def _positions(labels):
    """Centre of each region, in shares of the image's height and width."""
    places = np.nonzero(labels >= 0)
    index = labels[places]
    sizes = np.bincount(index)
    return np.column_stack(
        [np.bincount(index, at) / sizes / side for at, side in zip(places, labels.shape)]
    )


def _on_border(labels, n_regions):
    """Whether each region touches the border of the image, or what is outside of all regions."""
    padded = np.pad(labels, 1, constant_values=-1)
    outside = padded < 0
    beside = outside[:-2, 1:-1] | outside[2:, 1:-1] | outside[1:-1, :-2] | outside[1:-1, 2:]
    touching = np.zeros(n_regions, bool)
    touching[labels[beside & (labels >= 0)]] = True
    return touching


# --- how much of it is background -----------------------------------------------------------------


def _lengths(colours, edges):
    return np.linalg.norm(colours[edges[:, 0]] - colours[edges[:, 1]], axis=1)


def _mean_of_least(edges, differences, n_regions):
    """Mean over regions of the least difference to a neighbour; 0 where there are none."""
    least = np.full(n_regions, np.inf)
    for end in edges.T:
        np.minimum.at(least, end, differences)
    least = least[np.isfinite(least)]
    return least.mean() if least.size else 0.0


def _geodesic_graph(colours, edges, on_border, clip):
    """Lengths between neighbours, and between any two regions of the border, less ``clip``."""
    border = np.flatnonzero(on_border)
    pairs = np.column_stack([border[at] for at in np.triu_indices(border.size, 1)])
    edges = np.unique(np.concatenate([edges, pairs]), axis=0)
    lengths = np.maximum(_lengths(colours, edges) - clip, 0.0)
    places = tuple(edges.T.astype(np.int32))  # what dijkstra of old versions takes
    return csr_matrix((lengths, places), shape=(on_border.size,) * 2)  # lengths of 0 are kept


def _boundary_connectivity(graph, on_border, sigma_clr):
    n_regions = on_border.size
    area, length = np.empty(n_regions), np.empty(n_regions)
    for first in range(0, n_regions, _ROWS):
        rows = np.arange(first, min(first + _ROWS, n_regions))
        distances = dijkstra(graph, directed=False, indices=rows)  # d_geo, eq. 2
        alike = np.exp(-(distances**2) / (2 * sigma_clr**2))  # S(p, p_i)
        area[rows] = alike.sum(axis=1)  # Area, eq. 3
        length[rows] = alike[:, on_border].sum(axis=1)  # Len_bnd, eq. 4
    return length / np.sqrt(area)  # BndCon, eq. 5


# --- how salient it is ----------------------------------------------------------------------------


def _weighted_contrast(colours, positions, background, sigma_spa):
    contrast = np.empty(len(colours))
    for first in range(0, len(colours), _ROWS):
        rows = slice(first, first + _ROWS)
        near = np.exp(-cdist(positions[rows], positions, "sqeuclidean") / (2 * sigma_spa**2))
        contrast[rows] = (cdist(colours[rows], colours) * near) @ background  # wCtr, eq. 8
    return contrast


def _stretched(values):
    low, high = values.min(), values.max()
    return (values - low) / (high - low) if high > low else np.zeros_like(values)


def _optimise(background, foreground, edges, alike):
    """The s of least sum w^bg s^2 + w^fg (s - 1)^2 + w_ij (s_i - s_j)^2 (eq. 9)."""
    n_regions = background.size
    weights = coo_matrix((alike, tuple(edges.T)), shape=(n_regions, n_regions))
    smoothness = laplacian(weights + weights.T)
    system = smoothness + diags(background + foreground + _LEAST)
    return np.clip(spsolve(system.tocsc(), foreground), 0.0, 1.0)
