"""A table of one label image: a row a region."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..kernels.checks import as_labels, check_no_masked_pixels, spacing_of
from ._columns import check_properties, check_quantiles, columns

__all__ = ["region_table"]


def region_table(
    labels: ArrayLike,
    image: ArrayLike | None = None,
    *,
    properties: Sequence[str] | None = None,
    quantiles: Sequence[float] = (0.1, 0.5, 0.9),
    spacing: Sequence[float] | None = None,
) -> dict[str, NDArray[Any]]:
    """Measure the regions of a label image, and of the image below it.

    In the manner of :func:`skimage.measure.regionprops_table`, with its names and values where it
    has the property, and two differences: 0 is a label like any other, and regions are measured
    all at once by compiled functions.

    Parameters
    ----------
    labels : array-like of int, shape (height, width) or (depth, height, width)
        Label image, or that of a volume, of any kind: numbers may have gaps, regions several
        pieces. Negative pixels are outside every region.

    image : array-like of the shape of the labels, or with channels, default=None
        Boolean, integer or real values. Outside every region they may be anything, as NaN.

    properties : sequence of str or None, default=None
        Columns, in this order; see Notes. None is all that can be had: without an image, those of
        shape.

    quantiles : sequence of float, default=(0.1, 0.5, 0.9)
        From 0 to 1, for the property ``intensity_quantiles``.

    spacing : tuple of numbers or None, default=None
        Distances of neighbouring samples, one for each axis of the labels: the unit of lengths,
        areas and gradients. None is 1, and areas are whole numbers.

    Returns
    -------
    table : dict of str to ndarray of shape (n_regions,)
        A row for each label in use, ascending. Columns of a property with several values are
        numbered, as ``centroid-0``; those of values by channel too, as ``intensity_mean-2``,
        unless the image is (height, width). ``pandas.DataFrame(table)`` takes it as it is.

    Raises
    ------
    ValueError, TypeError
        If ``labels`` is no label image, spacing does not fit them, the image does not fit it or is
        not finite in a region, a property is not known, or it needs an image where there is none.

    Notes
    -----
    Properties of shape, in pixels, or in the unit of ``spacing``; rows come before columns, slices
    before rows. Of a volume areas are volumes:

    - ``label``: the number in the label image; ``area``; ``bbox``: first row and column, and those
      behind the last, in pixels whatever the spacing; ``centroid``: mean row and column;
    - ``position``: centroid as a share of the height and the width, from 0 to 1;
    - ``area_share``: area as a share of all pixels; ``extent``: of the bounding box;
    - ``axis_major_length``, ``axis_minor_length``, ``eccentricity``, ``orientation``: of the
      ellipse with the same second moments; the angle is that of the major axis from the rows' axis,
      from -pi/2 to pi/2. Of a volume the longest and the shortest axis of the ellipsoid, and no
      eccentricity or angle;
    - ``equivalent_diameter_area``: of the disc, or ball, of that area;
    - ``perimeter``: length of the line through the border pixels, of square pixels alone;
      ``boundary_length``: sides of pixels on the boundary, of a volume faces of samples; a number,
      whatever the spacing;
    - ``compactness``: ``4 pi area / boundary_length^2``, of a square pi / 4; of a volume
      ``36 pi area^2 / boundary_length^3``, of a cube pi / 6; both in pixels;
    - ``neighbour_count``: regions that touch.

    Properties of the image:

    - ``intensity_mean``, ``intensity_std``, ``intensity_min``, ``intensity_max``, by channel;
    - ``intensity_quantiles``, by quantile and channel, as ``intensity_quantiles-0.5-0``;
    - ``gradient_magnitude``: mean length of the gradient over all channels;
    - ``gradient_orientations``: shares of that length in eight orientations, the first of which is
      along the columns' axis, the fifth along the rows'; not of volumes;
    - ``neighbour_difference``, by channel: the mean less that of the neighbours, which count by the
      length of the common boundary;
    - ``neighbour_contrast``: Euclidean distance of means, averaged over the boundary. Both are 0
      where no other region touches.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_spx.regions import region_table
    >>> labels = np.array([[0, 0, 5], [0, 0, 5]])
    >>> image = np.array([[1.0, 3.0, 9.0], [1.0, 3.0, 9.0]])
    >>> table = region_table(labels, image, properties=["label", "area", "intensity_mean"])
    >>> {name: column.tolist() for name, column in table.items()}
    {'label': [0, 5], 'area': [4, 2], 'intensity_mean': [2.0, 9.0]}
    """
    labels = as_labels(labels, volumes=True)
    steps = spacing_of(labels, spacing)
    names = check_properties(properties, image is not None, labels.ndim, steps)
    check_quantiles(quantiles)
    channels = None
    if image is not None:
        check_no_masked_pixels(image, "image", labels.ndim)
        image = np.asarray(image)
        if image.shape[: labels.ndim] != labels.shape:  # also where no column looks at it
            raise ValueError(f"labels has shape {labels.shape}, but the image {image.shape}")
        if image.ndim == labels.ndim + 1:
            channels = [str(c) for c in range(image.shape[-1])]
    return columns(labels, image, names, quantiles, channels, spacing)
