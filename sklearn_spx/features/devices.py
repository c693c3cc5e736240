"""Features where the work goes on: not copied to the host from the GPU that made them."""

from typing import Any

from sklearn.utils.validation import check_is_fitted

from ._base import ImageTransformer

__all__ = ["features_on"]


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
    check_is_fitted(transformer)
    image = transformer._check(image, 0)
    transformer._check_channels(image, 0)
    return transformer._features_on(image, device)
