"""What is said of pixels, made the same for all pixels of a region: scores, logits, classes."""

from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike

from ..kernels import region_means
from ..kernels.checks import as_labels, check_no_masked_pixels
from ..kernels.region_statistics import number_regions, region_statistics

__all__ = ["pool_over_regions"]

_NOT_FINITE = "values holds NaN or infinity in a region"


def pool_over_regions(
    values: Any, labels: ArrayLike, *, how: Literal["mean", "max", "vote"] = "mean"
) -> Any:
    """Pool scores, logits, probabilities or classes of pixels over regions.

    Each pixel gets what its region has: the classes of a net then follow the borders of the
    regions, and what is said of few pixels is outvoted.

    Parameters
    ----------
    values : ndarray of shape (height, width, n_classes) or (height, width), or torch tensor
        Scores of each pixel, finite; or its class, integers, negative where it is unknown, for
        ``how="vote"``. An array has its classes last, as images have their channels; a tensor is
        (n_classes, height, width), as nets give it, or (height, width).

    labels : array-like of int, shape (height, width)
        Regions of any kind, numbered as they like, in several pieces perhaps. Where they are
        negative ``values`` are left as they are, and may be anything, as NaN.

    how : {"mean", "max", "vote"}, default="mean"
        The mean, or the greatest value, of each class over the region. "vote": each pixel has one
        vote. Of classes, the region's is that of most of its pixels, of equals the smallest;
        unknown pixels have no vote, and a region without any stays as it is. Of scores a pixel
        votes for its greatest, and the result is the share of votes of each class.

    Returns
    -------
    pooled : ndarray or tensor of the same shape
        Floats are of the same type, and at least float32; integers become floats, but for the
        "max" and for a vote of classes. Of a tensor it is a tensor on the same device; mean and
        greatest value are differentiable.

    Raises
    ------
    ValueError, TypeError
        If ``labels`` is no label image, ``values`` do not fit it or are not finite in a region, or
        ``how`` is another.

    See Also
    --------
    sklearn_spx.nets.bilateral_inception.BilateralInception : Regions that speak to each other.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_spx.regions import pool_over_regions
    >>> labels = [[0, 0, 0, 9, 9, -1]]
    >>> scores = np.array([[[0.9, 0.1], [0.9, 0.1], [0.2, 0.8], [0, 1], [0.4, 0.6], [1, 0]]])
    >>> pool_over_regions(scores, labels).round(3).tolist()[0][1:]
    [[0.667, 0.333], [0.667, 0.333], [0.2, 0.8], [0.2, 0.8], [1.0, 0.0]]
    >>> pool_over_regions(np.array([[4, 4, 7, 7, -1, 5]]), labels, how="vote").tolist()
    [[4, 4, 4, 7, 7, 5]]
    """
    if how not in ("mean", "max", "vote"):
        raise ValueError(f"how is {how!r}; accepted are 'mean', 'max' and 'vote'")
    if hasattr(values, "detach"):
        return _of_tensor(values, labels, how)
    check_no_masked_pixels(values, "values")
    return _of_array(np.asarray(values), as_labels(labels), how)


def _of_array(values, labels, how):
    if values.ndim not in (2, 3) or values.shape[:2] != labels.shape:
        hint = ""
        if values.ndim == 3 and values.shape[1:] == labels.shape:
            hint = "; classes come last in an array: give np.moveaxis(values, 0, 2)"
        raise ValueError(
            f"values has shape {values.shape}; accepted are {labels.shape}, the shape of the "
            f"labels, and (*{labels.shape}, n_classes){hint}"
        )
    if values.dtype.kind not in "buif":
        raise TypeError(f"values has dtype {values.dtype}; accepted are real numbers")
    nodes, ids = number_regions(labels)
    if how == "vote" and values.ndim == 2:
        return _majority(values, nodes)
    inside = nodes >= 0
    if not np.isfinite(values[inside]).all():
        raise ValueError(_NOT_FINITE)
    dtype = values.dtype if how == "max" else np.result_type(values.dtype, np.float32)
    out = values.astype(dtype)
    if ids.size:
        pooled = _pooled(values, nodes, how).reshape(ids.size, *values.shape[2:])
        out[inside] = pooled.astype(dtype)[nodes[inside]]
    return out


def _pooled(values, nodes, how):
    """The values of regions, (n, n_classes)."""
    if how == "vote":
        values = np.eye(values.shape[2], dtype=bool)[values.argmax(axis=2)]
    if how == "max":
        return region_statistics(nodes, values).high
    if values.dtype.itemsize <= 2 or values.dtype == np.float32:
        return region_means(values, nodes)[0]
    return region_statistics(nodes, values, spread=False).mean  # region_means rounds to float32


def _majority(classes, nodes):
    """Each region's most frequent class, of equals the smallest."""
    if classes.dtype.kind not in "ui":
        raise TypeError(
            f"values has dtype {classes.dtype}; a vote over (height, width) is of classes, which "
            "are integers"
        )
    votes = (nodes >= 0) & (classes >= 0)
    ids, index = np.unique(classes[votes], return_inverse=True)
    pairs, counts = np.unique(
        nodes[votes].astype(np.int64) * ids.size + index.ravel(), return_counts=True
    )
    out = classes.copy()
    if pairs.size:
        region, voted = np.divmod(pairs, ids.size)
        first = np.lexsort((voted, -counts, region))
        found, at = np.unique(region[first], return_index=True)
        winner = np.full(int(nodes.max()) + 1, -1)
        winner[found] = first[at]  # a place in pairs
        decided = (nodes >= 0) & (winner[nodes] >= 0)
        out[decided] = ids[voted[winner[nodes[decided]]]]
    return out


def _of_tensor(values, labels, how):
    import torch

    from ..nets.pooling import pixel_footprints, superpixel_pool, superpixel_unpool

    if hasattr(labels, "detach"):
        labels = labels.detach().cpu().numpy()
    nodes, ids = number_regions(labels)
    if values.ndim not in (2, 3) or tuple(values.shape[-2:]) != nodes.shape:
        hint = ""
        if values.ndim == 4:
            hint = "; a batch is pooled image by image"
        elif values.ndim == 3 and tuple(values.shape[:2]) == nodes.shape:
            hint = "; classes come first in a tensor: give values.permute(2, 0, 1)"
        raise ValueError(
            f"values has shape {tuple(values.shape)}; accepted are {nodes.shape}, the shape of the "
            f"labels, and (n_classes, *{nodes.shape}){hint}"
        )
    if how == "vote" and values.ndim == 2:
        voted = _majority(values.detach().cpu().numpy(), nodes)
        return torch.from_numpy(voted).to(values.device)
    index = torch.from_numpy(nodes).long().to(values.device)
    inside = index >= 0
    if not torch.isfinite(values[..., inside]).all():
        raise ValueError(_NOT_FINITE)
    dtype = values.dtype if how == "max" else torch.promote_types(values.dtype, torch.float32)
    if ids.size == 0:
        return values.to(dtype)
    maps = values if values.ndim == 3 else values[None]
    if how == "vote":
        maps = torch.nn.functional.one_hot(maps.argmax(0), len(maps)).permute(2, 0, 1)
    work = torch.promote_types(dtype, torch.float32) if dtype.is_floating_point else torch.float64
    mode: Literal["mean", "max"] = "max" if how == "max" else "mean"
    pooled = superpixel_pool(maps.to(work), pixel_footprints(index), mode).to(dtype)
    spread = superpixel_unpool(pooled, index).reshape(values.shape)
    return torch.where(inside, spread, values.to(dtype))
