"""Masks that overlap, as those of Segment Anything, to a label image."""

import warnings
from collections.abc import Iterable
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..kernels import enforce_connectivity
from ..kernels.checks import as_mask, check_not_masked
from .coco import rle_to_mask

__all__ = ["label_once"]

Order = Literal["smallest", "largest", "score", "first", "last"]


def label_once(
    masks: Iterable[Any],
    *,
    order: Order = "smallest",
    scores: ArrayLike | None = None,
    fill: Literal["nearest", "own"] | None = None,
) -> NDArray[np.int32]:
    """Make a label image of masks that overlap: every pixel is labelled once.

    Parameters
    ----------
    masks : iterable of masks, or array of shape (n_masks, height, width)
        Masks of one size: boolean arrays (or numbers, 0 outside; real ones 0 and 1), COCO's run
        lengths as dicts of ``size`` and ``counts``, or what Segment Anything's mask generator
        gives: dicts with either under ``segmentation``.

    order : {"smallest", "largest", "score", "first", "last"}, default="smallest"
        Which of the masks that cover a pixel has it: the one of fewest pixels, so that parts are
        not hidden by the whole; of most pixels; of the highest score; the first or the last one of
        the list. Of equals it is the first.

    scores : array-like of shape (n_masks,) or None, default=None
        For ``order="score"``. None: the masks' ``predicted_iou``.

    fill : {"nearest", "own"} or None, default=None
        What no mask covers: None leaves it outside, -1; "nearest" gives it to the mask whose pixel
        is nearest; "own" makes each 4-connected part of it a region of its own, with labels from
        ``n_masks`` up.

    Returns
    -------
    labels : ndarray of shape (height, width), int32
        The place of a mask in the list is its label, so numbers have gaps where a mask is wholly
        hidden by others. A region may lie in several pieces.

    Warns
    -----
    UserWarning
        If masks have no pixel, or none is left of them; the message says which.

    Raises
    ------
    TypeError
        If a mask is neither boolean nor of numbers.
    ValueError
        If there is no mask, masks differ in shape, or scores are missing, too few or NaN; the
        message names the mask.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_spx.regions import label_once
    >>> whole, part = np.array([[[1, 1, 1, 0]], [[0, 1, 0, 0]]], bool)
    >>> label_once([whole, part]).tolist(), label_once([whole, part], fill="own").tolist()
    ([[0, 1, 0, -1]], [[0, 1, 0, 2]])
    >>> label_once([{"segmentation": part, "predicted_iou": 0.9}], fill="nearest").tolist()
    [[0, 0, 0, 0]]
    """
    if order not in ("smallest", "largest", "score", "first", "last"):
        raise ValueError(
            f"order is {order!r}; accepted are 'smallest', 'largest', 'score', 'first' and 'last'"
        )
    if fill not in (None, "nearest", "own"):
        raise ValueError(f"fill is {fill!r}; accepted are None, 'nearest' and 'own'")
    if scores is not None and order != "score":
        raise ValueError(f"scores are for order='score', and order is {order!r}")
    given = _as_list(masks)
    arrays = [_as_bool(mask, f"masks[{k}]") for k, mask in enumerate(given)]
    for k, mask in enumerate(arrays):
        if mask.shape != arrays[0].shape:
            raise ValueError(
                f"masks[{k}] has shape {mask.shape}, and masks[0] has {arrays[0].shape}"
            )
    labels = np.full(arrays[0].shape, -1, np.int32)
    for k in reversed(_in_order(given, arrays, order, scores)):  # who has it is painted last
        labels[arrays[k]] = k
    _warn_of_hidden(labels, len(arrays))
    if fill is None or labels.min() >= 0:
        return labels
    return _filled(labels, fill, len(arrays))


def _as_list(masks):
    if isinstance(masks, dict):
        raise TypeError("masks is one dict; accepted is a list of them")
    if not isinstance(masks, (list, tuple)):
        masks = list(masks) if not hasattr(masks, "ndim") else _stack(masks)
    if len(masks) == 0:
        raise ValueError("masks is empty: the size of the label image is not known")
    return masks


def _stack(masks):
    if masks.ndim == 4 and masks.shape[1] == 1:
        raise ValueError(f"masks has shape {tuple(masks.shape)}; give masks[:, 0]")
    if masks.ndim != 3:
        raise ValueError(
            f"masks has shape {tuple(masks.shape)}; accepted is (n_masks, height, width)"
        )
    return list(masks)


def _as_bool(mask, name):
    if isinstance(mask, dict) and "segmentation" in mask:
        mask = mask["segmentation"]
    if isinstance(mask, dict):
        try:
            return rle_to_mask(mask)
        except ValueError as error:
            raise ValueError(f"{name}: {error}") from None
    check_not_masked(mask, name, f"{name}.filled(False)")
    array = np.asarray(mask)
    if array.ndim != 2 or array.size == 0:
        raise ValueError(f"{name} has shape {array.shape}; accepted is (height, width)")
    if array.dtype.kind in "buif" and not array.any():
        return np.zeros(array.shape, bool)
    return as_mask(array, array.shape, name)


def _in_order(given, arrays, order, scores):
    """Masks by precedence, the first has what it covers."""
    n = len(arrays)
    if order in ("first", "last"):
        return list(range(n)) if order == "first" else list(range(n - 1, -1, -1))
    if order == "score":
        keys = -_scores(given, scores)
    else:
        sizes = np.array([np.count_nonzero(mask) for mask in arrays])
        keys = sizes if order == "smallest" else -sizes
    return np.argsort(keys, kind="stable").tolist()


def _scores(given, scores):
    if scores is None:
        for k, mask in enumerate(given):
            if not isinstance(mask, dict) or "predicted_iou" not in mask:
                raise ValueError(f"masks[{k}] has no 'predicted_iou': give scores, one a mask")
        scores = [mask["predicted_iou"] for mask in given]
    scores = np.asarray(scores, np.float64)
    if scores.shape != (len(given),):
        raise ValueError(f"scores has shape {scores.shape}, expected ({len(given)},)")
    if np.isnan(scores).any():
        raise ValueError(f"scores[{int(np.argmax(np.isnan(scores)))}] is NaN")
    return scores


def _warn_of_hidden(labels, n):
    left = np.zeros(n + 1, bool)
    left[labels] = True
    hidden = np.flatnonzero(~left[:n])
    if hidden.size:
        some = ", ".join(map(str, hidden[:10])) + (", ..." if hidden.size > 10 else "")
        warnings.warn(
            f"{hidden.size} of {n} masks have no pixel that is not another's: {some}", stacklevel=3
        )


def _filled(labels, fill, n):
    outside = labels < 0
    if fill == "own":
        parts = enforce_connectivity(np.zeros(labels.shape, np.int32), mask=outside)
        return np.where(outside, parts + n, labels).astype(np.int32)
    if outside.all():
        raise ValueError("fill='nearest' needs a pixel in some mask, and there is none")
    from scipy.ndimage import distance_transform_edt

    rows, columns = distance_transform_edt(outside, return_distances=False, return_indices=True)
    return labels[rows, columns]
