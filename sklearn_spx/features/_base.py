"""What all transformers of images share: checks, and the loop over images."""

from numbers import Integral
from typing import Any, ClassVar, Self

import numpy as np
from joblib import Parallel, delayed
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from ..utils.images import check_image, check_sequence, n_channels
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

    def fit(self, X: Images, y: Images | None = None) -> Self:
        """Learn what ``transform`` needs to know of images as these.

        Parameters
        ----------
        X : sequence or stacked array of n_images images
            Each (height, width) or (height, width, channels), of one number of channels.

        y : sequence of n_images ground truths or None, default=None
            For transformers that learn from them; the others ignore it.

        Returns
        -------
        self : ImageTransformer
            The fitted transformer.
        """
        self._validate_params()
        X = check_sequence(X, "X", "image")
        self.n_channels_in_ = n_channels(check_image(X[0], "X[0]"))
        self._fit([self._check(X[i], i) for i in range(len(X))], y)
        return self

    def transform(self, X: Images) -> list[Any] | NDArray[np.float32]:
        """Turn images into features.

        Parameters
        ----------
        X : sequence or stacked array of n_images images
            Each (height, width) or (height, width, channels), with the channels seen in ``fit``.

        Returns
        -------
        features : list of n_images float32 arrays (height, width, n_features), or a stacked array
            Features of each pixel.
        """
        check_is_fitted(self)
        X = check_sequence(X, "X", "image")
        items = (delayed(self._transform_one)(X[i], i) for i in range(len(X)))
        features = Parallel(n_jobs=self.n_jobs, prefer="threads")(items)
        return np.stack(features) if isinstance(X, np.ndarray) and X.dtype != object else features

    def _transform_one(self, image, i):
        return self._features(self._check(image, i))

    def _check(self, image, i):
        image = check_image(image, f"X[{i}]")
        if n_channels(image) != self.n_channels_in_:
            raise ValueError(
                f"X[{i}] has {n_channels(image)} channels where {type(self).__name__} expects "
                f"{self.n_channels_in_}, the number of the images it was fitted to"
            )
        return image

    def _fit(self, images, y):
        pass

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = False
        tags.input_tags.three_d_array = True
        tags.transformer_tags.preserves_dtype = []
        return tags
