"""What every score of saliency asks of a saliency map and its object masks."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..kernels.checks import check_not_masked
from ._inputs import as_list, check_sequence, is_one_image, over_annotators

Score = Callable[[NDArray[np.float64], NDArray[np.bool_]], float]


def check_saliency(saliency: Any, name: str = "saliency") -> NDArray[np.float64]:
    """Return a saliency map as float64 in [0, 1]; 8-bit ones are divided by 255."""
    check_not_masked(saliency, name, f"{name}.filled(0), or crops: these scores take whole images")
    saliency = np.asarray(saliency)
    if saliency.dtype.kind not in "buif":
        raise TypeError(f"{name} has dtype {saliency.dtype}; accepted are real values in [0, 1]")
    if saliency.ndim != 2 or saliency.size == 0:
        raise ValueError(f"{name} has shape {saliency.shape}; accepted is (height, width)")
    if saliency.dtype == np.uint8:
        return saliency / 255.0
    saliency = saliency.astype(np.float64)
    low, high = saliency.min(), saliency.max()
    if not (low >= 0 and high <= 1):  # NaN is neither
        raise ValueError(
            f"{name} holds values from {low:g} to {high:g}; accepted are floats in [0, 1], where "
            "1 is salient, and uint8 up to 255"
        )
    return saliency


def check_object(mask: Any, name: str, shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """Return an object mask as bool: True where it is not 0."""
    check_not_masked(mask, name, f"{name}.filled(0), or crops: these scores take whole images")
    mask = np.asarray(mask)
    if mask.dtype.kind not in "bui":
        raise TypeError(
            f"{name} has dtype {mask.dtype}; accepted are masks of bool, or of 0 and one other "
            "integer"
        )
    if mask.shape != shape:
        raise ValueError(f"{name} has shape {mask.shape}, but the saliency map {shape}")
    if mask.dtype.kind == "b":
        return mask
    if mask.min() < 0:
        raise ValueError(
            f"{name} holds {mask.min()}, a negative value; scores of saliency take whole masks, "
            "without unknown pixels: 0 for the background and one value above for the objects"
        )
    objects = mask[mask != 0]
    if objects.size and (objects != objects[0]).any():
        values = np.unique(mask)
        raise ValueError(
            f"{name} holds {values.size} different values, from {values[0]} to {values[-1]}; "
            "accepted is a mask: 0 for the background and one other value for the objects. "
            f"Pass {name} == label for one label, {name} >= 128 for a worn picture of a mask"
        )
    return mask != 0


def over_masks(
    score: Score, saliency: ArrayLike, ground_truths: Any, per_annotator: bool
) -> float | NDArray[np.float64]:
    """Return a score of a saliency map over one mask or several: their mean, or each."""
    checked = check_saliency(saliency)
    accepted = "are one mask and a list of them, one an annotator"
    ground_truths = check_sequence(ground_truths, "ground_truths", accepted)
    if is_one_image(ground_truths):
        masks = [check_object(ground_truths, "ground_truths", checked.shape)]
    else:
        masks = [
            check_object(mask, f"ground_truths[{i}]", checked.shape)
            for i, mask in enumerate(as_list(ground_truths, "ground_truths"))
        ]
    return over_annotators([score(checked, mask) for mask in masks], per_annotator)


Masks = ArrayLike | Sequence[ArrayLike]
