"""Regions as annotations of COCO: polygons or runs of pixels, boxes, areas, categories."""

import os
from collections.abc import Iterable, Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..kernels.checks import as_labels, check_real
from ..kernels.region_statistics import number_regions
from ._run_lengths import compressed, region_counts, uncompressed
from .polygons import label_polygons

__all__ = ["rle_to_mask", "to_coco"]


def to_coco(
    label_images: Iterable[ArrayLike],
    file_names: Sequence[str | os.PathLike[str]],
    *,
    segmentation: Literal["rle", "counts", "polygons"] = "rle",
    simplify: float = 0.0,
    categories: Sequence[str] = ("region",),
    region_categories: Sequence[ArrayLike] | None = None,
) -> dict[str, Any]:
    """Make a data set of COCO of label images, an annotation a region.

    Parameters
    ----------
    label_images : iterable of array-like of int, shape (height, width)
        One an image, read in turn; negative is outside every region.

    file_names : sequence of str or path-like
        Name of each image's file.

    segmentation : {"rle", "counts", "polygons"}, default="rle"
        What a region is stored as: run lengths compressed as pycocotools does, the same as lists of
        numbers, or polygons. COCO's polygons have no holes; regions with holes are "rle" then.

    simplify : float, default=0.0
        How far, in pixels, borders of polygons may move to have fewer points; see
        :func:`label_polygons`.

    categories : sequence of str, default=("region",)
        Names of the categories, whose ids are 1, 2, ...

    region_categories : sequence of array-like of int, shape (n_regions,), or None, default=None
        For each image the category of each region, by its place in `categories`, in the order of
        the labels, ascending. None: the first for all.

    Returns
    -------
    data_set : dict
        What ``json.dump`` writes: ``images``, ``annotations``, ``categories``. Ids of images
        and of annotations are 1, 2, ...; beside what COCO asks for an annotation has the region's
        ``label``. ``area`` is in pixels, ``bbox`` (x, y, width, height), ``iscrowd`` 0.

    Raises
    ------
    ValueError
        If there are not as many names, or arrays of categories, as label images, `simplify`
        comes without polygons, or a category is not there; the message names the image.

    See Also
    --------
    rle_to_mask : The way back.

    Examples
    --------
    >>> from sklearn_spx.regions import to_coco
    >>> found = to_coco([[[4, 4, 9]]], ["a.png"], segmentation="polygons")
    >>> found["images"]
    [{'id': 1, 'file_name': 'a.png', 'height': 1, 'width': 3}]
    >>> found["annotations"][1]["segmentation"], found["annotations"][1]["bbox"]
    ([[2, 0, 3, 0, 3, 1, 2, 1]], [2, 0, 1, 1])
    """
    if segmentation not in ("rle", "counts", "polygons"):
        raise ValueError(
            f"segmentation is {segmentation!r}; accepted are 'rle', 'counts' and 'polygons'"
        )
    if check_real(simplify, "simplify", 0) > 0 and segmentation != "polygons":
        raise ValueError("simplify is for segmentation='polygons'; run lengths are exact")
    if isinstance(categories, str) or not len(categories):
        raise ValueError(f"categories is {categories!r}; accepted are one or more names, as a list")
    names = [os.fspath(name) for name in file_names]
    if region_categories is not None and len(region_categories) != len(names):
        raise ValueError(
            f"there are {len(region_categories)} region_categories and {len(names)} file_names"
        )
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for i, given in enumerate(label_images):
        if i == len(names):
            raise ValueError(f"there are more label images than file_names, {len(names)}")
        labels = as_labels(given, f"label_images[{i}]")
        height, width = labels.shape
        images.append({"id": i + 1, "file_name": names[i], "height": height, "width": width})
        nodes, ids = number_regions(labels)
        chosen = _categories_of(i, region_categories, len(ids), len(categories))
        for label, about, category in zip(
            ids.tolist(), _regions(labels, ids, nodes, segmentation, simplify), chosen
        ):
            numbers = {"id": len(annotations) + 1, "image_id": i + 1, "category_id": category + 1}
            annotations.append(numbers | about | {"iscrowd": 0, "label": label})
    if len(images) != len(names):
        raise ValueError(f"there are {len(images)} label images and {len(names)} file_names")
    return {
        "info": {"description": "regions of sklearn_spx"},
        "licenses": [],
        "images": images,
        "annotations": annotations,
        "categories": [{"id": k + 1, "name": name} for k, name in enumerate(categories)],
    }


def rle_to_mask(rle: dict[str, Any]) -> NDArray[np.bool_]:
    """Make the mask of COCO's run lengths.

    Parameters
    ----------
    rle : dict
        ``size`` (height, width), and ``counts``: a list of numbers, or compressed, a str or bytes.

    Returns
    -------
    mask : ndarray of shape (height, width), bool
        True where the region is.

    Raises
    ------
    ValueError
        If the dict is none of run lengths, or they do not fill the mask.

    Examples
    --------
    >>> from sklearn_spx.regions import rle_to_mask
    >>> rle_to_mask({"size": [2, 3], "counts": [1, 3, 2]}).astype(int)
    array([[0, 1, 0],
           [1, 1, 0]])
    """
    if not isinstance(rle, dict) or not {"size", "counts"} <= set(rle):
        raise ValueError("run lengths are a dict of 'size' and 'counts'")
    counts = rle["counts"]
    if isinstance(counts, (str, bytes)):
        text = counts if isinstance(counts, str) else counts.decode("ascii", "replace")
        try:
            counts = uncompressed(text)
        except ValueError as error:
            raise ValueError(f"counts cannot be read: {error}") from None
    size, lengths = np.asarray(rle["size"]), np.asarray(counts)
    if size.shape != (2,) or size.dtype.kind not in "ui" or (size < 0).any():
        raise ValueError(f"size is {rle['size']!r}; accepted are two numbers, height and width")
    if lengths.ndim != 1 or (lengths.size and lengths.dtype.kind not in "ui"):
        raise ValueError(
            f"counts has shape {lengths.shape} and dtype {lengths.dtype}; accepted are a list of "
            "integers, and COCO's string"
        )
    height, width = size.tolist()
    lengths = lengths.astype(np.int64)
    if (lengths < 0).any() or lengths.sum() != height * width:
        raise ValueError(f"counts do not fill a mask of {height} x {width} pixels")
    values = np.arange(lengths.size) % 2 == 1
    return np.ascontiguousarray(np.repeat(values, lengths).reshape(width, height).T)


def _regions(labels, ids, nodes, segmentation, simplify):
    """Segmentation, area and box of each region."""
    from scipy.ndimage import find_objects

    size = list(labels.shape)
    counts = region_counts(nodes, len(ids))
    polygons = label_polygons(labels, simplify) if segmentation == "polygons" else {}
    boxes = find_objects(nodes + 1)
    for label, runs, (rows, columns) in zip(ids.tolist(), counts, boxes):
        pieces = polygons.get(label)
        shape: Any
        if pieces is not None and all(len(polygon) == 1 for polygon in pieces):
            shape = [polygon[0][:-1].ravel().tolist() for polygon in pieces]
        else:
            is_text = segmentation != "counts"
            shape = {"size": size, "counts": compressed(runs) if is_text else runs.tolist()}
        width, height = columns.stop - columns.start, rows.stop - rows.start
        yield {
            "segmentation": shape,
            "area": int(runs[1::2].sum()),
            "bbox": [columns.start, rows.start, width, height],
        }


def _categories_of(i, region_categories, n_regions, n_categories):
    if region_categories is None:
        return [0] * n_regions
    chosen = np.asarray(region_categories[i])
    if chosen.shape != (n_regions,) or (chosen.size and chosen.dtype.kind not in "bui"):
        raise ValueError(
            f"region_categories[{i}] has shape {chosen.shape} and dtype {chosen.dtype}; "
            f"label_images[{i}] has {n_regions} regions, an integer each"
        )
    if chosen.size and not 0 <= chosen.min() <= chosen.max() < n_categories:
        raise ValueError(
            f"region_categories[{i}] goes from {chosen.min()} to {chosen.max()}; categories are "
            f"0 to {n_categories - 1}"
        )
    return chosen.tolist()
