"""What every score asks of a label image and its annotations.

A pixel where ``labels`` is negative lies outside a mask, and one where an annotation is negative is
unknown to that annotator: both become -1 in the labels and in the annotation, and every score
leaves -1 out. Scores of overlaps take volumes too, (depth, height, width); those of boundaries do
not.
"""

import os
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..kernels.checks import as_labels, check_not_masked

_INT32_MAX = np.iinfo(np.int32).max


def check_sequence(value: Any, name: str, accepted: str) -> Any:
    """Return ``value`` as something with a length, indexed by position; else say what it is."""
    if hasattr(value, "iloc"):  # a pandas Series is indexed by label
        return value.to_numpy()
    way_out = ""
    if isinstance(value, dict):
        way_out = f". If its values are meant, pass list({name}.values())"
    elif not hasattr(value, "__len__") and hasattr(value, "__iter__"):
        way_out = f". If it yields them, pass list({name})"
    is_path = isinstance(value, (str, bytes, os.PathLike))
    has_both = hasattr(value, "__len__") and hasattr(value, "__getitem__")
    if is_path or way_out or not has_both:
        raise TypeError(f"{name} is of type {type(value).__name__}; accepted {accepted}{way_out}")
    return value


def is_one_image(value: Any, axes: int = 2) -> bool:
    """Return whether ``value`` is one label image, as an array or nested lists, not a list."""
    if isinstance(value, np.ndarray) and value.dtype != object:
        return value.ndim == axes
    return len(value) > 0 and np.ndim(value[0]) == axes - 1


def as_list(value: Any, name: str) -> list[Any]:
    """Return one label image or a sequence of them as a list of at least one."""
    accepted = "are one label image and a list of at least one"
    value = check_sequence(value, name, accepted)
    images = [value] if is_one_image(value) else list(value)
    if not images:
        raise ValueError(f"{name} is an empty list; accepted {accepted}")
    return images


def check_labels(labels: Any, name: str = "labels", *, volumes: bool = False) -> NDArray[np.int32]:
    """Return ``labels`` as int32 with -1 for every negative value."""
    if not volumes and np.ndim(labels) == 3:
        raise ValueError(
            f"{name} has shape {np.shape(labels)}; this score is of label images (height, width). "
            "Volumes have scores of overlaps, as achievable_segmentation_accuracy; for several "
            "images give one at a time"
        )
    labels = as_labels(labels, name, volumes=volumes)
    lowest = labels.min()
    if lowest < -1:
        labels = np.maximum(labels, -1)
    if lowest < 0 and labels.max() < 0:
        raise ValueError(f"{name} is negative everywhere: every pixel lies outside the mask")
    return labels


def check_truths(
    labels: NDArray[np.int32], ground_truths: Any, name: str = "ground_truths"
) -> list[NDArray[np.int32]]:
    """Return the annotations as int32 label images: -1 where unknown, or where ``labels`` is."""
    accepted = "are one label image and a list of them, one an annotator"
    ground_truths = check_sequence(ground_truths, name, accepted)
    if is_one_image(ground_truths, labels.ndim):
        truths = [_as_truth(ground_truths, name, labels.shape)]
    else:
        truths = [
            _as_truth(truth, f"{name}[{i}]", labels.shape)
            for i, truth in enumerate(as_list(ground_truths, name))
        ]
    if labels.min() < 0:
        truths = [np.where(labels < 0, np.int32(-1), truth) for truth in truths]
    for i, truth in enumerate(truths):
        if truth.max() < 0:
            raise ValueError(
                f"{name}[{i}] is negative, which is unknown, wherever there are labels"
            )
    return truths


def check_pairs(
    labels: Any, ground_truths: Any, *, volumes: bool = False
) -> list[tuple[NDArray[np.int32], NDArray[np.int32]]]:
    """Return each annotation, and the labels where it knows the pixels, -1 elsewhere in both."""
    labels = check_labels(labels, volumes=volumes)
    return [(known(labels, truth), truth) for truth in check_truths(labels, ground_truths)]


def check_together(
    labels: Any, ground_truths: Any
) -> tuple[NDArray[np.int32], list[NDArray[np.int32]]]:
    """Return the labels and all annotations, which must know the same pixels, -1 elsewhere."""
    labels = check_labels(labels)
    truths = check_truths(labels, ground_truths)
    check_known_alike(truths)
    return known(labels, truths[0]), truths


def known(labels: NDArray[np.int32], truth: NDArray[np.int32]) -> NDArray[np.int32]:
    """Return the labels, -1 where the annotation is."""
    return labels if truth.min() >= 0 else np.where(truth < 0, np.int32(-1), labels)


def check_known_alike(truths: list[NDArray[np.int32]], name: str = "ground_truths") -> None:
    """Raise unless all annotators know the same pixels, where a score is of all together."""
    for i, truth in enumerate(truths):
        if not np.array_equal(truth < 0, truths[0] < 0):
            raise ValueError(
                f"{name}[{i}] and {name}[0] are negative, which is unknown, in different pixels; "
                "this score is of all annotators together, who must know the same ones"
            )


def over_annotators(values: Any, per_annotator: bool) -> float | NDArray[np.float64]:
    """Return the value of every annotator as an array, or their mean as a float."""
    values = np.asarray(values, dtype=np.float64)
    return values if per_annotator else float(values.mean())


def _as_truth(truth: Any, name: str, shape: tuple[int, ...]) -> NDArray[np.int32]:
    check_not_masked(truth, name, f"{name}.filled(-1): what is negative is unknown")
    truth = np.asarray(truth)
    if truth.dtype.kind in "iu" and truth.size:
        if truth.max() > _INT32_MAX:
            numbers = np.unique(truth, return_inverse=True)[1].reshape(truth.shape)
            truth = np.where(truth < 0, -1, numbers)
        elif truth.min() < -1:
            truth = np.maximum(truth, -1)
    return as_labels(truth, name, shape=shape)
