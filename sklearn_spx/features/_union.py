"""Several transformers of images side by side, one image of all their channels."""

from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import clone
from sklearn.utils.metaestimators import _BaseComposition

from ._base import ImageTransformer
from .devices import add_features_along, features_along, features_on


class ChannelUnion(ImageTransformer, _BaseComposition):
    """Concatenate the channels of several transformers of images.

    Parameters
    ----------
    transformers : list of tuples (name, transformer)
        Their channels stand in this order. A parameter of one is set as ``name__parameter``.

    select : array-like of shape (n_channels,), boolean or integer, or None, default=None
        Channels kept: a mask, or indices. None keeps all.

    n_jobs : int or None, default=None
        Images worked on at once, by joblib: threads, unless :func:`joblib.parallel_config` says
        otherwise. None is 1, -1 all cores.

    Attributes
    ----------
    transformers_ : list of tuples (name, transformer)
        The fitted transformers.

    n_channels_in_ : int
        Channels of the images seen in ``fit``.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_spx.features import ChannelUnion, LabFeatures
    >>> union = ChannelUnion([("lab", LabFeatures()), ("rgb", LabFeatures(convert2lab=False))])
    >>> image = np.zeros((4, 5, 3), np.uint8)
    >>> union.fit_transform([image])[0].shape
    (4, 5, 6)
    >>> union.set_params(select=[0, 1, 2, 5]).fit_transform([image])[0].shape
    (4, 5, 4)
    """

    _parameter_constraints = {  # noqa: RUF012
        **ImageTransformer._parameter_constraints,
        "transformers": [list, tuple],
        "select": ["array-like", None],
    }

    def __init__(
        self,
        transformers: list[tuple[str, Any]],
        *,
        select: ArrayLike | None = None,
        n_jobs: int | None = None,
    ) -> None:
        self.transformers = transformers
        self.select = select
        self.n_jobs = n_jobs

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Get the parameters, those of the transformers included.

        Parameters
        ----------
        deep : bool, default=True
            Whether the transformers and their parameters are included.

        Returns
        -------
        params : dict
            Value of each name.
        """
        return self._get_params("transformers", deep=deep)

    def set_params(self, **params: Any) -> Self:
        """Set parameters, those of the transformers by ``name__parameter``.

        Parameters
        ----------
        **params : dict
            Value of each name.

        Returns
        -------
        self : ChannelUnion
            This object.
        """
        self._set_params("transformers", **params)
        return self

    def _fit(self, images, y):
        if not self.transformers:
            raise ValueError("transformers is empty; accepted is a list of (name, transformer)")
        self._validate_names([name for name, _ in self.transformers])
        self.transformers_ = [
            (name, clone(part).fit(images, y)) for name, part in self.transformers
        ]

    @property
    def _reach(self):
        reaches = [getattr(part, "_reach", None) for _, part in self.transformers_]
        return None if None in reaches else max(reaches)

    def _features(self, image):
        return self._features_on(image, "cpu")

    def _features_on(self, image, device):
        parts = [features_on(part, image, device) for _, part in self.transformers_]
        features = _side_by_side(parts, device)
        if self.select is None:
            return features
        select = self._checked_select(features.shape[2])
        if isinstance(features, np.ndarray):
            return np.ascontiguousarray(features[:, :, select])
        chosen = np.arange(features.shape[2])[select]  # torch takes uint8 for a mask
        return features[:, :, chosen].contiguous()

    def _features_along(self, image, axes):
        parts = [part for _, part in self.transformers_]
        if not all(hasattr(part, "n_features_out_") for part in parts):
            return self._features(image) @ axes
        ends = np.cumsum([part.n_features_out_ for part in parts])
        if self.select is not None:  # one chosen twice counts twice
            chosen, axes = axes, np.zeros((ends[-1], axes.shape[1]), axes.dtype)
            np.add.at(axes, self._checked_select(ends[-1]), chosen)
        axes = np.split(axes, ends[:-1])
        values = features_along(parts[0], image, axes[0]).astype(np.float32, copy=False)
        for part, own in zip(parts[1:], axes[1:]):
            row = 0

            def add(strip):
                nonlocal row
                values[row : row + len(strip)] += strip
                row += len(strip)

            add_features_along(part, image, own, add)
        return values

    def _checked_select(self, n):
        select = np.asarray(self.select)
        if select.dtype == bool and select.shape != (n,):
            raise ValueError(f"select has shape {select.shape}, but there are {n} channels")
        return select


def _side_by_side(parts, device):
    """The channels of arrays, or, where one of them is a tensor on a device, of all there."""
    if all(isinstance(part, np.ndarray) for part in parts):
        return np.concatenate(parts, axis=2, dtype=np.float32)
    import torch

    return torch.cat([torch.as_tensor(p, dtype=torch.float32, device=device) for p in parts], 2)
