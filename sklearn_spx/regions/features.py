"""Features of regions for scikit-learn: a row a region, images one under another.

image -> superpixels_ -> labels ; image -> colour, pixel_features_ ; both -> columns -> rows
"""

from collections.abc import Sequence
from numbers import Integral
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils._param_validation import HasMethods, StrOptions
from sklearn.utils.validation import check_is_fitted, check_memory

from ..features import LabFeatures
from ..kernels.checks import check_spacing
from ..kernels.region_statistics import number_regions, region_statistics
from ..utils.each import naming, run_each
from ..utils.images import check_same_length, n_channels
from ..utils.types import Images
from ..utils.undo import all_or_nothing
from ._columns import check_properties, check_quantiles, columns
from ._items import Images as Part
from ._items import check_items, fitted, labels_of, read_item

__all__ = ["RegionFeatures"]

_WHERE = ("label", "bbox", "centroid", "orientation")  # of None: what tells of a place, or turns


class RegionFeatures(TransformerMixin, BaseEstimator):
    """Features of regions: colour, gradient, shape, place, neighbours, and any features of pixels.

    An item of ``X`` is one of three, and what it is never depends on its values:

    - a tuple ``(image, labels)``: regions that whoever found;
    - with ``superpixels``, an image: its regions are those of that estimator;
    - without, a label image alone, as a pipeline has it behind an estimator of superpixels: then
      there are features of shape only.

    Labels are those of :func:`region_table`: 0 is one like any other, negative is outside.

    Parameters
    ----------
    superpixels : estimator or None, default=None
        Whatever has ``transform`` from images to label images. One that is fitted is used as it is.

    properties : sequence of str or None, default=None
        Names of :func:`region_table`. None: all but ``label``, ``bbox``, ``centroid`` and
        ``orientation``.

    pixel_features : transformer or None, default=None
        Of images to images of features, as :mod:`sklearn_spx.features` has them: their means and
        standard deviations over each region are added, ``feature_mean-0``, ...,
        ``feature_std-0``, ...

    color_space : {"lab", "channels"}, default="lab"
        What the properties of the image are measured on: "lab" is CIE Lab where the images of
        ``fit`` are RGB, as :class:`sklearn_spx.features.LabFeatures` finds, "channels" the image as
        it is.

    quantiles : tuple of float, default=(0.1, 0.5, 0.9)
        For the property ``intensity_quantiles``.

    spacing : tuple of two or three numbers or None, default=None
        Distances of neighbouring samples, the unit of lengths, areas and gradients: see
        :func:`region_table`. With three numbers images and label images are volumes, (depth,
        height, width), which have no ``pixel_features``; ``superpixels`` has a spacing of its own.

    memory : str, joblib.Memory or None, default=None
        Folder that keeps label images and rows, so that each image is worked on once.

    n_jobs : int or None, default=None
        Images worked on at once, by joblib: threads, unless :func:`joblib.parallel_config` says
        otherwise. None is 1, -1 all cores.

    Attributes
    ----------
    superpixels_ : estimator or None
        The fitted estimator of superpixels; None where all items came with labels.

    pixel_features_ : transformer or None
        The fitted transformer of pixels.

    n_channels_in_ : int
        Channels of the images seen in ``fit``, 0 of label images alone.

    n_features_out_ : int
        Columns of what ``transform`` returns.

    See Also
    --------
    region_table : The same of one image, as a dict.
    SuperpixelClassifier : A classifier of regions that puts the classes back into the images.

    Examples
    --------
    >>> from sklearn_spx import SLICSuperpixels
    >>> from sklearn_spx.datasets import make_dead_leaves
    >>> from sklearn_spx.regions import RegionFeatures
    >>> images = make_dead_leaves(2, random_state=0).images
    >>> features = RegionFeatures(
    ...     superpixels=SLICSuperpixels(50), properties=["area", "intensity_mean"]
    ... )
    >>> features.fit_transform(images).shape
    (100, 4)
    >>> features.get_feature_names_out().tolist()
    ['area', 'intensity_mean-L', 'intensity_mean-a', 'intensity_mean-b']
    >>> of_image, label = features.rows(images)
    >>> int(of_image[70]), int(label[70])
    (1, 20)
    """

    _parameter_constraints = {  # noqa: RUF012
        "superpixels": [HasMethods(["fit", "transform"]), None],
        "properties": ["array-like", None],
        "pixel_features": [HasMethods(["fit", "transform"]), None],
        "color_space": [StrOptions({"lab", "channels"})],
        "quantiles": ["array-like"],
        "spacing": ["array-like", None],
        "memory": [str, HasMethods(["cache"]), None],
        "n_jobs": [Integral, None],
    }

    def __init__(
        self,
        superpixels: Any = None,
        *,
        properties: Sequence[str] | None = None,
        pixel_features: Any = None,
        color_space: Literal["lab", "channels"] = "lab",
        quantiles: Sequence[float] = (0.1, 0.5, 0.9),
        spacing: Sequence[float] | None = None,
        memory: Any = None,
        n_jobs: int | None = None,
    ) -> None:
        self.superpixels = superpixels
        self.properties = properties
        self.pixel_features = pixel_features
        self.color_space = color_space
        self.quantiles = quantiles
        self.spacing = spacing
        self.memory = memory
        self.n_jobs = n_jobs

    @all_or_nothing
    def fit(self, X: Images, y: Any = None, *, masks: Images | None = None) -> Self:
        """Fit what finds superpixels and features of pixels, and settle the columns.

        Parameters
        ----------
        X : sequence or stacked array of n_images images, pairs (image, labels) or label images
            See the class. Images are (height, width) or (height, width, channels), of one number
            of channels.

        y : sequence of n_images ground truths or None, default=None
            For superpixels and features of pixels that learn from them.

        masks : sequence of n_images arrays (height, width) or None, default=None
            True where an image counts; of a pair, labels outside become -1.

        Returns
        -------
        self : RegionFeatures
            The fitted transformer.

        Raises
        ------
        ValueError, TypeError
            If an item cannot be used, or a parameter is not accepted; the message names it.
        """
        self._validate_params()
        axes = self._n_axes
        X, masks = check_items(X, masks, axes)
        check_quantiles(self.quantiles)
        if axes == 3 and self.pixel_features is not None:
            raise ValueError(
                "pixel_features are of images, and spacing of three numbers of volumes"
            )
        alone = self.superpixels is None
        channels, unlabelled, inside = -1, [], []  # -1: no item has been seen
        for i in range(len(X)):
            expected = max(channels, 0) or None
            item = read_item(X, masks, i, labels_alone=alone, expected=expected, axes=axes)
            found = 0 if item.image is None else n_channels(item.image)
            if channels >= 0 and bool(found) != bool(channels):
                kinds = ("a label image alone", "a pair (image, labels)")
                raise ValueError(f"X[{i}] is {kinds[found > 0]}, X[0] {kinds[channels > 0]}")
            channels = found
            if item.labels is None:
                unlabelled.append(i)
            inside.append(item.mask if item.labels is None else _inside(item.labels))
        if y is not None and unlabelled:
            check_same_length(X, y, "y")
        steps = check_spacing(self.spacing) or (1.0,)
        names = check_properties(self.properties, channels > 0, axes, steps)
        if self.properties is None:
            names = [name for name in names if name not in _WHERE]
        if self.pixel_features is not None and not channels:
            raise ValueError(
                "pixel_features need images, and X holds label images alone; pass pairs "
                "(image, labels), or give superpixels"
            )
        if self.pixel_features is None and not names:
            raise ValueError("properties is empty, and there are no pixel_features: no column")
        self.n_channels_in_ = channels
        self.superpixels_ = self.pixel_features_ = self._lab = None
        if unlabelled:
            self.superpixels_ = fitted(
                self.superpixels,
                Part(X, masks, unlabelled, axes),
                None if y is None else [y[i] for i in unlabelled],
                _or_none([inside[i] for i in unlabelled]),
            )
        if channels:
            images = Part(X, masks, range(len(X)), axes)
            if self.color_space == "lab":
                flat = [None if mask is None else _flat(mask, 3) for mask in inside]
                self._lab = LabFeatures().fit(_Flat(images), masks=_or_none(flat))
            if self.pixel_features is not None:
                self.pixel_features_ = fitted(self.pixel_features, images, y, _or_none(inside))
        self._properties = names
        self._names = self._name_columns(read_item(X, masks, 0, labels_alone=alone, axes=axes))
        self.n_features_out_ = len(self._names)
        return self

    def transform(self, X: Images, *, masks: Images | None = None) -> NDArray[np.float64]:
        """Measure the regions of images.

        Parameters
        ----------
        X : sequence or stacked array of n_images images, pairs (image, labels) or label images
            See ``fit``.

        masks : sequence of n_images arrays (height, width) or None, default=None
            See ``fit``.

        Returns
        -------
        features : ndarray of shape (n_regions, n_features), float64
            The regions of the first image in the order of their labels, then those of the second,
            and so on: ``rows`` says which is which. A data frame after ``set_output``.

        Raises
        ------
        ValueError, TypeError
            If an item cannot be used; the message names it.

        sklearn.exceptions.NotFittedError
            If called before ``fit``.
        """
        return np.concatenate([rows for _, rows in self._each(X, masks, self._described)])

    def fit_transform(
        self, X: Images, y: Any = None, *, masks: Images | None = None
    ) -> NDArray[np.float64]:
        """Fit, then measure the regions of the same images.

        Parameters
        ----------
        X : sequence or stacked array of n_images images, pairs (image, labels) or label images
            See ``fit``.

        y : sequence of n_images ground truths or None, default=None
            See ``fit``.

        masks : sequence of n_images arrays (height, width) or None, default=None
            See ``fit``.

        Returns
        -------
        features : ndarray of shape (n_regions, n_features), float64
            See ``transform``.
        """
        return self.fit(X, y, masks=masks).transform(X, masks=masks)

    def label_images(self, X: Images, *, masks: Images | None = None) -> list[NDArray[np.int32]]:
        """Return the label images whose regions ``transform`` measures.

        Parameters
        ----------
        X : sequence or stacked array of n_images images, pairs (image, labels) or label images
            See ``fit``.

        masks : sequence of n_images arrays (height, width) or None, default=None
            See ``fit``.

        Returns
        -------
        labels : list of n_images int32 arrays (height, width), or of volumes
            Those of ``superpixels_``, or those that the items bring; -1 outside the mask. With
            ``memory`` nothing is computed twice.
        """
        return self._each(X, masks, self._labels)

    def rows(
        self, X: Images, *, masks: Images | None = None
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Say which region of which image each row of ``transform`` is.

        Parameters
        ----------
        X : sequence or stacked array of n_images images, pairs (image, labels) or label images
            See ``fit``.

        masks : sequence of n_images arrays (height, width) or None, default=None
            See ``fit``.

        Returns
        -------
        image : ndarray of shape (n_regions,), int64
            Index of the image in ``X``.

        label : ndarray of shape (n_regions,), int64
            Label of the region there.
        """
        found = self._each(
            X, masks, lambda item: number_regions(self._labels(item), volumes=True)[1]
        )
        sizes = [len(ids) for ids in found]
        return np.repeat(np.arange(len(found)), sizes), np.concatenate(found).astype(np.int64)

    def get_feature_names_out(self, input_features: Any = None) -> NDArray[np.object_]:
        """Return the names of the columns of ``transform``.

        Parameters
        ----------
        input_features : ignored
            Present for the interface.

        Returns
        -------
        names : ndarray of shape (n_features,), str objects
            Those of :func:`region_table`; channels are L, a, b where the image is converted, and
            numbers otherwise.

        Raises
        ------
        sklearn.exceptions.NotFittedError
            If called before ``fit``.
        """
        check_is_fitted(self)
        return np.array(self._names, dtype=object)

    def _each(self, X, masks, work):
        """``work(item)`` of each item, in order."""
        check_is_fitted(self)
        self._validate_params()
        X, masks = check_items(X, masks, self._n_axes)
        items = ((X, masks, i, work) for i in range(len(X)))
        return run_each(self._one, items, len(X), n_jobs=self.n_jobs)

    def _one(self, X, masks, i, work):
        alone = self.superpixels is None
        expected = self.n_channels_in_ or None
        item = read_item(X, masks, i, labels_alone=alone, expected=expected, axes=self._n_axes)
        if self.n_channels_in_ and item.image is None:
            raise ValueError(
                f"X[{i}] is a label image alone, but those of fit were pairs: pass (image, labels)"
            )
        if not self.n_channels_in_:  # features of shape need no more than the labels
            item = item._replace(image=None)
        with naming(f"X[{i}]"):
            return work(item)

    @property
    def _n_axes(self):
        """3 of volumes, 2 of images."""
        return len(check_spacing(self.spacing) or (1, 1))

    def _labels(self, item):
        return labels_of(item, self.superpixels_, self.memory)

    def _described(self, item):
        """Labels of the regions of an item, and their rows."""
        return check_memory(self.memory).cache(_describe)(
            self._labels(item),
            item.image,
            self._lab,
            self.pixel_features_,
            self._properties,
            tuple(self.quantiles),
            check_spacing(self.spacing),
        )

    def _name_columns(self, item):
        channels, image = None, None
        if self.n_channels_in_:
            channels = _channel_names(self._lab, self.n_channels_in_)
            image = np.zeros((1,) * self._n_axes + (self.n_channels_in_,), np.float32)
        one = np.zeros((1,) * self._n_axes, np.int32)
        names = list(columns(one, image, self._properties, self.quantiles, channels))
        if self.pixel_features_ is not None:
            n = (self._described(item)[1].shape[1] - len(names)) // 2
            names += [f"feature_{kind}-{k}" for kind in ("mean", "std") for k in range(n)]
        return names

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = False
        tags.input_tags.three_d_array = True
        tags.transformer_tags.preserves_dtype = []
        return tags


def _describe(labels, image, lab, pixel_features, properties, quantiles, spacing=None):
    """Labels of the regions, and their rows: plain arguments, which ``memory`` can tell apart."""
    index, ids = number_regions(labels, volumes=True)
    inside = _inside(labels)
    masks = {} if inside is None else {"masks": [inside]}
    seen, channels = None, None
    if image is not None:
        seen = image
        if lab is not None:
            flat = {} if inside is None else {"masks": [_flat(inside, 3)]}
            seen = lab.transform([_flat(image, 4)], **flat)[0]
        seen = seen.reshape(*labels.shape, -1)
        channels = _channel_names(lab, seen.shape[2])
    table = columns(labels, seen, properties, quantiles, channels, spacing)
    blocks = [np.asarray(column, np.float64)[:, None] for column in table.values()]
    if pixel_features is not None:
        features = np.asarray(pixel_features.transform([image], **masks)[0])
        found = region_statistics(index, features)
        blocks += [found.mean, found.std]
    return ids, np.concatenate(blocks, axis=1)


class _Flat:
    """A lazy collection of images; of volumes, their slices one below the other."""

    def __init__(self, images):
        self.images = images

    def __len__(self):
        return len(self.images)

    def __getitem__(self, i):
        return _flat(self.images[i], 4)


def _flat(array, n_dims):
    """An array of a volume, known by its number of dimensions, with its slices below each other."""
    return array.reshape(-1, *array.shape[2:]) if array.ndim == n_dims else array


def _channel_names(lab, n):
    converts = lab is not None and lab.converts_
    return ["L", "a", "b"] if converts else [str(k) for k in range(n)]


def _inside(labels):
    """Where there are regions; None: everywhere."""
    inside = labels >= 0
    return None if inside.all() else inside


def _or_none(masks):
    return None if all(mask is None for mask in masks) else masks
