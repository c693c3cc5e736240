"""What all transformers of images share: checks, and the loop over images."""

from numbers import Integral
from typing import Any, ClassVar, Self

import numpy as np
from joblib import Parallel, delayed
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from ..utils.images import (
    check_image,
    check_mask,
    check_same_length,
    check_sequence,
    check_target,
    n_channels,
)
from ..utils.scale import fill_outside
from ..utils.types import Images


class ImageTransformer(TransformerMixin, BaseEstimator):
    """Base of the transformers that turn an image into an image of features.

    A subclass writes ``_fit(images, y)`` and ``_features(image)``; both get checked images.

    Parameters
    ----------
    n_jobs : int or None, default=None
        Images worked on at once, by joblib: threads, unless :func:`joblib.parallel_config` says
        otherwise. None is 1, -1 all cores.
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {"n_jobs": [Integral, None]}

    # how many pixels away a pixel may be that features depend on; None is not known
    _reach: int | None = None

    def fit(self, X: Images, y: Images | None = None, *, masks: Images | None = None) -> Self:
        """Learn what ``transform`` needs to know of images as these.

        Parameters
        ----------
        X : sequence or stacked array of n_images images
            Each (height, width) or (height, width, channels), of one number of channels.

        y : sequence of n_images ground truths or None, default=None
            For transformers that learn from them; the others ignore it.

        masks : sequence of n_images arrays (height, width) or None, default=None
            True where an image counts; pixels outside may hold anything.

        Returns
        -------
        self : ImageTransformer
            The fitted transformer.

        Raises
        ------
        ValueError, TypeError
            If an image or mask cannot be used; the message names it.
        """
        self._validate_params()
        X, masks = self._check_collections(X, masks)
        images = self._check_images(X, masks)
        if y is not None and any(mask is not None for mask in masks):
            y = self._check_annotations(y, images, masks)
        self._fit(images, y)
        return self

    def transform(
        self, X: Images, *, masks: Images | None = None
    ) -> list[Any] | NDArray[np.float32]:
        """Turn images into features.

        Parameters
        ----------
        X : sequence or stacked array of n_images images
            Each (height, width) or (height, width, channels), with the channels seen in ``fit``.

        masks : sequence of n_images arrays (height, width) or None, default=None
            True where an image counts. Pixels outside may hold anything: they are taken to be like
            the nearest one inside, and so are their features.

        Returns
        -------
        features : list of n_images float32 arrays (height, width, n_features), or a stacked array
            Features of each pixel.

        Raises
        ------
        ValueError, TypeError
            If an image or mask cannot be used; the message names it.
        """
        check_is_fitted(self)
        X, masks = self._check_collections(X, masks)
        items = (delayed(self._transform_one)(X[i], i, masks[i]) for i in range(len(X)))
        features = Parallel(n_jobs=self.n_jobs, prefer="threads")(items)
        return np.stack(features) if isinstance(X, np.ndarray) and X.dtype != object else features

    def fit_transform(
        self, X: Images, y: Images | None = None, *, masks: Images | None = None
    ) -> list[Any] | NDArray[np.float32]:
        """Fit to images, then turn them into features.

        Parameters
        ----------
        X : sequence or stacked array of n_images images
            See ``fit``.

        y : sequence of n_images ground truths or None, default=None
            See ``fit``.

        masks : sequence of n_images arrays (height, width) or None, default=None
            See ``transform``.

        Returns
        -------
        features : list of n_images float32 arrays (height, width, n_features), or a stacked array
            See ``transform``.
        """
        return self.fit(X, y, masks=masks).transform(X, masks=masks)

    @staticmethod
    def _check_collections(X: Any, masks: Any) -> tuple[Any, list[Any]]:
        X = check_sequence(X, "X", "image")
        if masks is None:
            return X, [None] * len(X)
        masks = check_sequence(masks, "masks", "mask")
        check_same_length(X, masks, "masks")
        return X, [masks[i] for i in range(len(masks))]

    def _check_images(self, X, masks):
        """The images of ``fit``, checked; of the first one's number of channels."""
        images = [self._check(X[i], i, masks[i]) for i in range(len(X))]
        self.n_channels_in_ = n_channels(images[0])
        for i, image in enumerate(images):
            self._check_channels(image, i)
        return images

    @staticmethod
    def _check_annotations(y, images, masks):
        """The annotations of each image, a list of label images, unknown outside its mask."""
        y = check_sequence(y, "y", "label image")
        check_same_length(images, y, "y")
        found = []
        for i, image in enumerate(images):
            annotations = check_target(y[i], f"y[{i}]", image.shape[:2])
            mask = check_mask(masks[i], f"masks[{i}]", image.shape[:2])
            if mask is not None:
                annotations = [np.where(mask, labels, -1) for labels in annotations]
            found.append(annotations)
        return found

    def _transform_one(self, image, i, mask):
        image = self._check(image, i, mask)
        self._check_channels(image, i)
        return self._features(image)

    def _features_on(self, image, device):
        """As ``_features``; a tensor on the device, where features are made there."""
        return self._features(image)

    def _features_along(self, image, axes):
        """``_features`` times axes (n_features, n): those of coarse maps do so before."""
        return self._features(image) @ axes

    def _add_along(self, image, axes, add):
        """Call ``add`` of ``_features_along``, or of strips of its rows, from the top."""
        add(self._features_along(image, axes))

    def _check(self, image, i, mask=None):
        image = check_image(image, f"X[{i}]", mask, f"masks[{i}]")
        return fill_outside(image, check_mask(mask, f"masks[{i}]", image.shape[:2]))

    def _check_channels(self, image, i):
        if n_channels(image) != self.n_channels_in_:
            raise ValueError(
                f"X[{i}] has {n_channels(image)} channels where {type(self).__name__} expects "
                f"{self.n_channels_in_}, the number of the images it was fitted to"
            )

    def _fit(self, images, y):
        pass

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = False
        tags.input_tags.three_d_array = True
        tags.transformer_tags.preserves_dtype = []
        return tags
