"""Features where the work goes on: not copied to the host from the GPU that made them."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils.validation import check_is_fitted

from ._base import ImageTransformer

__all__ = ["add_features_along", "features_along", "features_on"]


def features_on(transformer: Any, image: Any, device: str) -> Any:
    """Features of an image by any fitted transformer, left on the device that made them.

    Parameters
    ----------
    transformer : transformer of images
        Fitted; of this package or of another.

    image : array-like of shape (height, width) or (height, width, n_channels)
        The image.

    device : str
        "cpu": what the transformer does by itself. Else what runs on a device runs on this one, by
        its name in torch.

    Returns
    -------
    features : float32 array, or tensor on the device, of shape (height, width, n_features)
        An array where nothing ran on the device.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_spx.features import LabFeatures
    >>> from sklearn_spx.features.devices import features_on
    >>> image = np.zeros((2, 3, 3), np.uint8)
    >>> features_on(LabFeatures().fit([image]), image, "cpu").shape
    (2, 3, 3)
    """
    if device == "cpu" or not isinstance(transformer, ImageTransformer):
        return transformer.transform([image])[0]
    return transformer._features_on(_checked(transformer, image), device)


def features_along(
    transformer: Any, image: Any, axes: NDArray[np.float32], device: str = "cpu"
) -> Any:
    """What :func:`features_on` returns, times axes.

    Coarse maps are turned to the axes before they are laid out on the pixels, and channels are
    never put side by side: for many features and few axes that takes a part of the memory and time,
    and the results differ in the last digits.

    Parameters
    ----------
    transformer : transformer of images
        See :func:`features_on`.

    image : array-like of shape (height, width) or (height, width, n_channels)
        The image.

    axes : ndarray of shape (n_features, n_axes), float32
        The axes.

    device : str, default="cpu"
        See :func:`features_on`.

    Returns
    -------
    values : float32 array, or tensor on the device, of shape (height, width, n_axes)
        An array where nothing ran on the device.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_spx.features import LabFeatures
    >>> from sklearn_spx.features.devices import features_along
    >>> image, axes = np.zeros((2, 3, 3), np.uint8), np.ones((3, 1), np.float32)
    >>> features_along(LabFeatures().fit([image]), image, axes).shape
    (2, 3, 1)
    """
    if device == "cpu" and isinstance(transformer, ImageTransformer):
        return transformer._features_along(_checked(transformer, image), axes)
    values = features_on(transformer, image, device)
    return values @ (axes if isinstance(values, np.ndarray) else values.new_tensor(axes))


def add_features_along(
    transformer: Any, image: Any, axes: NDArray[np.float32], add: Callable[[Any], object]
) -> None:
    """Compute what :func:`features_along` returns on the CPU, by strips: none need be kept.

    Parameters
    ----------
    transformer : transformer of images
        See :func:`features_on`.

    image : array-like of shape (height, width) or (height, width, n_channels)
        The image.

    axes : ndarray of shape (n_features, n_axes), float32
        The axes.

    add : callable
        Is given the values, rows from the top, float32 arrays (n_rows, width, n_axes). All at once
        where the transformer computes them so.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_spx.features import LabFeatures
    >>> from sklearn_spx.features.devices import add_features_along
    >>> image, axes, strips = np.zeros((2, 3, 3), np.uint8), np.ones((3, 1), np.float32), []
    >>> add_features_along(LabFeatures().fit([image]), image, axes, strips.append)
    >>> [strip.shape for strip in strips]
    [(2, 3, 1)]
    """
    if isinstance(transformer, ImageTransformer):
        transformer._add_along(_checked(transformer, image), axes, add)
    else:
        add(features_along(transformer, image, axes))


def _checked(transformer, image):
    check_is_fitted(transformer)
    image = transformer._check(image, 0)
    transformer._check_channels(image, 0)
    return image
