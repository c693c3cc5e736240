"""What the widgets compute with the arrays of layers, without napari: labels here and there.

Names of layers are for messages.
"""

import numpy as np

from ..interactive import METHODS
from ..kernels.checks import as_labels
from ..kernels.region_statistics import number_regions
from ..methods.deep_embedding.hierarchy import RegionHierarchy, paint

__all__ = [
    "from_napari",
    "image_and_mask",
    "regions_along",
    "spacing_for",
    "to_napari",
    "tree_of",
    "with_n_regions",
]


def to_napari(labels):
    """Return a label image, or classes, as napari has them: one more, so that -1 is background."""
    return labels + np.int32(1)


def from_napari(labels):
    """Return labels of napari as regions numbered from 0 without a gap, int32, -1 outside."""
    labels = as_labels(np.asarray(labels), volumes=True)
    return number_regions(np.where(labels > 0, labels, np.int32(-1)), volumes=True)[0]


def image_and_mask(data, is_rgb):
    """Return pixels and, where an alpha channel has some transparent ones, where they are not."""
    data = np.asarray(data)
    if not is_rgb or data.shape[-1] == 3:
        return data, None
    inside = data[..., 3] > 0
    return np.ascontiguousarray(data[..., :3]), None if inside.all() else inside


def spacing_for(method, name, scale):
    """Return the spacing that a method is given for a layer, or None for images of square pixels.

    ``scale`` is the layer's, of as many numbers as it has axes.
    """
    spacing = tuple(float(abs(step)) for step in scale)
    if len(spacing) not in (2, 3):
        raise ValueError(
            f"{name} has {len(spacing)} axes; accepted are images of two, (y, x), and volumes of "
            "three, (z, y, x)"
        )
    if len(spacing) == 3 and not method.takes_volumes:
        others = [other.name for other in METHODS.values() if other.takes_volumes]
        raise ValueError(
            f"{name} has three axes, and {method.name} takes images of two; volumes are taken by "
            f"{'; '.join(others)}. Is it one colour image? Convert the layer to RGB"
        )
    if len(spacing) == 3 or (method.takes_volumes and spacing[0] != spacing[1]):
        return spacing
    return None


def tree_of(atoms, edges, merges, heights):
    """Return the RegionHierarchy of a segmentation."""
    return RegionHierarchy(atoms, edges, merges, heights)


def with_n_regions(tree, n_regions):
    """Return the labels for napari with so many regions, each numbered as its first superpixel.

    So a region that stays as it is keeps its number, and with that its colour.
    """
    regions = tree.regions(n_segments=n_regions)
    first = np.unique(regions, return_index=True)[1]
    return to_napari(paint(tree.superpixels, first[regions]))


def regions_along(labels, start, end):
    """Return the regions under a line between two points of the array, without background."""
    start, end = np.asarray(start, float), np.asarray(end, float)
    n_points = int(np.ceil(np.abs(end - start).max())) + 1
    points = np.rint(np.linspace(start, end, n_points)).astype(int)
    points = points[((points >= 0) & (points < labels.shape)).all(axis=1)]
    found = np.unique(labels[tuple(points.T)])
    return found[found > 0]
