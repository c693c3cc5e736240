"""What the estimators of regions take: images, pairs (image, labels), or label images alone.

A pair is a tuple: an array or a list of two would not be told from an image of two rows.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.utils.validation import check_is_fitted, check_memory

from ..kernels.checks import as_labels, check_not_masked
from ..utils.images import (
    check_image,
    check_mask,
    check_same_length,
    check_sequence,
    grid_of,
    hint_at_alpha,
    n_channels,
)

_TAKEN = "accepted are images, each with the superpixels of an estimator, and pairs (image, labels)"


class Item(NamedTuple):
    """One of X: an image without labels, a pair of both, or labels without an image."""

    image: NDArray[Any] | None
    labels: NDArray[np.int32] | None
    mask: NDArray[np.bool_] | None


class Images:
    """A lazy collection of the images of some of the items, each read when asked for."""

    def __init__(self, X, masks, chosen, axes=2):
        self.X, self.masks, self.chosen, self.axes = X, masks, chosen, axes

    def __len__(self):
        return len(self.chosen)

    def __getitem__(self, i):
        i = self.chosen[i]
        return read_item(self.X, self.masks, i, labels_alone=False, axes=self.axes).image


def check_items(X, masks, axes=2):
    """Return X and masks as collections of one length; ``axes`` is 3 of volumes."""
    X = check_sequence(X, "X", "image", axes)
    if masks is not None:
        masks = check_sequence(masks, "masks", "mask", axes)
        check_same_length(X, masks, "masks")
    return X, masks


def read_item(X, masks, i, *, labels_alone, expected=None, axes=2):
    """Item i of X, checked; ``labels_alone``: what is no pair is a label image.

    Of images, ``expected`` is the number of channels, None any. Labels are -1 outside the mask.
    ``axes`` is 3 of volumes.
    """
    name = f"X[{i}]"
    try:
        item = X[i]
        mask = None if masks is None else masks[i]
    except Exception as error:  # a lazy collection may raise anything: a missing file, ...
        raise ValueError(f"{name} cannot be read: {error}") from error
    if isinstance(item, list) and len(item) == 2 and isinstance(item[0], np.ndarray):
        raise TypeError(
            f"{name} is a list of two arrays; a pair of image and labels is a tuple: pass "
            f"(image, labels), or for all of them [tuple(pair) for pair in X]"
        )
    image = labels = None
    if isinstance(item, tuple):
        if len(item) != 2:
            raise ValueError(f"{name} is a tuple of {len(item)}; accepted is (image, labels)")
        image, labels = item[0], as_labels(item[1], f"the labels of {name}", volumes=axes == 3)
    elif labels_alone:
        labels = _check_alone(item, name, axes)
    else:
        image = check_image(item, name, mask, f"masks[{i}]", axes)
    mask = check_mask(mask, f"masks[{i}]", grid_of(image) if labels is None else labels.shape)
    if labels is not None:
        if mask is not None:
            labels = np.where(mask, labels, np.int32(-1))
        if (labels < 0).all():
            raise ValueError(f"the labels of {name} are negative everywhere: there is no region")
        if image is not None:
            image = _check_below(image, labels, name, axes)
    if image is not None and expected is not None and n_channels(image) != expected:
        found = n_channels(image)
        raise ValueError(
            f"{name} has {found} channels where {expected} are expected, the number of the images "
            f"of fit{hint_at_alpha(found, expected)}"
        )
    return Item(image, labels, mask)


def _check_below(image, labels, name, axes):
    """The image below a label image, which has to be finite where there are regions."""
    shape = np.shape(image)[:axes]
    if shape != labels.shape:
        hint = "; are rows and columns swapped?" if labels.shape == shape[::-1] else ""
        raise ValueError(
            f"the labels of {name} have shape {labels.shape}, but its image {shape}{hint}"
        )
    return check_image(image, name, labels >= 0, f"the labels of {name}", axes)


def _check_alone(item, name, axes):
    check_not_masked(item, name, f"{name}.filled(-1): what is negative is left out")
    item = np.asarray(item)
    if item.ndim != axes or item.dtype.kind not in "bui":
        raise ValueError(
            f"{name} has shape {item.shape} and dtype {item.dtype}, so it is no label image, and "
            f"there is no estimator of superpixels; {_TAKEN}. Give superpixels=..., as "
            "SLICSuperpixels(300), or pairs"
        )
    return as_labels(item, name, item.shape)


def fitted(part, images, y, masks):
    """A part fitted to images; one that is fitted already, or pretrained, as it is."""
    try:
        check_is_fitted(part)
    except NotFittedError:
        options = {} if masks is None else {"masks": masks}
        return clone(part).fit(images, y, **options)
    return part


def labels_of(item, superpixels, memory):
    """The labels that an item brings, or those of a fitted estimator, kept in ``memory``."""
    if item.labels is not None:
        return item.labels
    if superpixels is None:
        raise ValueError(
            "it has no labels, but all of fit had theirs, so that superpixels was not fitted: "
            "pass (image, labels), or fit to images"
        )
    return check_memory(memory).cache(find_labels)(superpixels, item.image, item.mask)


def find_labels(superpixels, image, mask):
    """The label image of an estimator of superpixels, or of anything with ``transform``."""
    options = {} if mask is None else {"masks": [mask]}
    found = superpixels.transform([image], **options)[0]
    if found is None:
        raise ValueError(f"{type(superpixels).__name__} could not segment it")
    return as_labels(found, f"what {type(superpixels).__name__} returns", grid_of(image))
