"""What all image estimators share: checks, the loop over images, predict, score.

A subclass writes ``fit`` and ``_segment(image, mask) -> label image``; the rest is here. Whatever
else it computes image by image goes through ``_each``, which has the rules of ``transform``.
"""

from collections.abc import Sequence
from numbers import Integral
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils._param_validation import StrOptions
from sklearn.utils.validation import check_is_fitted

from .kernels.checks import check_spacing, check_weights, uses_gpu
from .utils.each import naming, run_each, warn_left_out
from .utils.images import (
    check_image,
    check_labels,
    check_mask,
    check_same_length,
    check_sequence,
    check_target,
    grid_of,
    hint_at_alpha,
    n_channels,
)
from .utils.types import Images, Labels

__all__ = ["ImageSegmenter", "StartingSegmenter", "UntrainedSegmenter", "pack"]


class ImageSegmenter(TransformerMixin, BaseEstimator):
    """Base of the estimators that turn images into label images.

    ``X`` is a sequence of images, of equal or unequal sizes, or one stacked array; label images
    come back in the same container: list for sequence, stacked array for stacked array.

    A subclass with a parameter ``spacing``, None or two or three numbers, takes volumes where these
    are three: (depth, height, width), with channels or without. Its ``_segment`` gets them as
    (depth, height, width, channels), and masks, label images and annotations are (depth, height,
    width).

    Parameters
    ----------
    n_jobs : int or None, default=None
        Images worked on at once, by joblib: threads, unless :func:`joblib.parallel_config` says
        otherwise. None is 1, -1 all cores.

    verbose : int, default=0
        A progress bar when 1 or more.

    on_error : {"raise", "warn"}, default="raise"
        What a bad image does. With "warn" the others go on: it gets None in a list and a label
        image of -1 in a stacked array, and ``fit`` leaves it out.

    Attributes
    ----------
    n_channels_in_ : int
        Channels of the images seen in ``fit``.

    Examples
    --------
    A segmenter writes ``fit`` and ``_segment(image, mask)``, which returns int32 labels:

    >>> import numpy as np
    >>> from sklearn_spx.base import ImageSegmenter
    >>> class Halves(ImageSegmenter):
    ...     def fit(self, X, y=None, *, masks=None):
    ...         for image, mask, annotations in self._checked(X, masks, y):
    ...             pass  # learn from them
    ...         return self
    ...
    ...     def _segment(self, image, mask):
    ...         height, width = image.shape[:2]
    ...         return np.repeat([np.arange(width) * 2 // width], height, axis=0).astype(np.int32)
    >>> Halves().fit_transform([np.zeros((1, 4))])
    [array([[0, 0, 1, 1]], dtype=int32)]
    """

    # the figure of `score`, a name of sklearn_spx.metrics where greater is better
    _score_metric = "achievable_segmentation_accuracy"

    _parameter_constraints = {  # noqa: RUF012  (scikit-learn's name and form)
        "n_jobs": [Integral, None],
        "verbose": ["verbose"],
        "on_error": [StrOptions({"raise", "warn"})],
    }

    def __init__(
        self,
        *,
        n_jobs: int | None = None,
        verbose: int = 0,
        on_error: Literal["raise", "warn"] = "raise",
    ) -> None:
        self.n_jobs = n_jobs
        self.verbose = verbose
        self.on_error = on_error

    def transform(self, X: Images, *, masks: Images | None = None) -> Labels:
        """Segment images.

        Parameters
        ----------
        X : sequence or stacked array of n_images images
            Each (height, width) or (height, width, channels), with the channels seen in ``fit``;
            of an estimator whose ``spacing`` has three numbers volumes, with a depth before that,
            as masks and labels then have.

        masks : sequence of n_images arrays (height, width) or None, default=None
            True where an image is to be segmented; a single mask may be None.

        Returns
        -------
        labels : list of n_images int32 arrays (height, width), or a stacked array
            Labels 0 .. n - 1 without a gap, -1 outside the mask.

        Raises
        ------
        ValueError, TypeError
            If an image or mask cannot be used; the message names it. See ``on_error``.

        sklearn.exceptions.NotFittedError
            If called before ``fit``.
        """
        return pack(self._each(X, masks, self._segment), X, axes=self._n_axes)

    def predict(self, X: Images, *, masks: Images | None = None) -> Labels:
        """Segment images: the same label images as ``transform``, for scorers.

        Parameters
        ----------
        X : sequence or stacked array of n_images images
            See ``transform``.

        masks : sequence of n_images arrays (height, width) or None, default=None
            See ``transform``.

        Returns
        -------
        labels : list of n_images int32 arrays (height, width), or a stacked array
            See ``transform``.
        """
        return self.transform(X, masks=masks)

    def fit_transform(
        self, X: Images, y: Images | None = None, *, masks: Images | None = None
    ) -> Labels:
        """Fit to images, then segment them.

        Parameters
        ----------
        X : sequence or stacked array of n_images images
            See ``fit``.

        y : sequence of n_images ground truths or None, default=None
            See ``fit``.

        masks : sequence of n_images arrays (height, width) or None, default=None
            See ``fit``.

        Returns
        -------
        labels : list of n_images int32 arrays (height, width), or a stacked array
            See ``transform``.
        """
        return self.fit(X, y, masks=masks).transform(X, masks=masks)

    def fit_predict(
        self, X: Images, y: Images | None = None, *, masks: Images | None = None
    ) -> Labels:
        """Fit to images, then segment them: the same as ``fit_transform``.

        Parameters
        ----------
        X : sequence or stacked array of n_images images
            See ``fit``.

        y : sequence of n_images ground truths or None, default=None
            See ``fit``.

        masks : sequence of n_images arrays (height, width) or None, default=None
            See ``fit``.

        Returns
        -------
        labels : list of n_images int32 arrays (height, width), or a stacked array
            See ``transform``.
        """
        return self.fit_transform(X, y, masks=masks)

    def score(
        self,
        X: Images,
        y: Images,
        sample_weight: Sequence[float] | NDArray[Any] | None = None,
        *,
        masks: Images | None = None,
    ) -> float:
        """Mean score of the label images against ground truth; greater is better.

        Achievable segmentation accuracy for superpixels, segmentation covering for segmenters.

        Parameters
        ----------
        X : sequence or stacked array of n_images images
            See ``transform``.

        y : sequence of n_images ground truths
            Each a label image (height, width) or a list of them, one an annotator.

        sample_weight : array-like of shape (n_images,) or None, default=None
            Weight of each image in the mean.

        masks : sequence of n_images arrays (height, width) or None, default=None
            See ``transform``; pixels outside count for nothing.

        Returns
        -------
        score : float
            In [0, 1].

        Raises
        ------
        ValueError
            If an image could not be segmented, or ``y`` does not fit ``X``.
        """
        from . import metrics

        check_is_fitted(self)
        figure = getattr(metrics, self._score_metric)
        labels = self.transform(X, masks=masks)
        y = check_sequence(y, "y", "label image", self._n_axes)
        check_same_length(labels, y, "y")
        weights = check_weights(sample_weight, len(labels))
        scores = []
        for i, found in enumerate(labels):
            if found is None or found.max() < 0:  # that of a stacked array is -1
                raise ValueError(f"X[{i}] could not be segmented, so it has no score")
            target = check_target(_item(y, i, "y"), f"y[{i}]", found.shape)
            with naming(f"y[{i}]"):
                scores.append(figure(found, target))
        return float(np.average(scores, weights=weights))

    def _validate_params(self):
        super()._validate_params()
        spacing = check_spacing(getattr(self, "spacing", None))
        if spacing is not None and getattr(self, "device", None) == "cuda":
            raise ValueError(
                f"device is 'cuda' and spacing {spacing}: volumes, and images with spacing, are "
                "segmented on the CPU; give device='cpu' or 'auto'"
            )

    @property
    def _n_axes(self):
        """3 of volumes, 2 of images."""
        spacing = getattr(self, "spacing", None)
        return 2 if spacing is None else len(spacing)

    def _prepare(self):
        """Run before images are worked on, once: threads come after it."""
        check_is_fitted(self)
        self._validate_params()
        uses_gpu(getattr(self, "device", None))  # its absence is no fault of an image

    def _each(self, X, masks, work, start=None):
        """``work(image, mask)`` of each image, in order; None where ``on_error`` left one out.

        With ``start``, a label image or None for each, ``work(image, mask, start)``.
        """
        self._prepare()
        X, masks = _check_collections(X, masks, self._n_axes)
        if start is not None:
            self._check_start_matters()
            start = check_sequence(start, "start", "label image", self._n_axes)
            check_same_length(X, start, "start")
        items = ((work, *_read(X, masks, i), start) for i in range(len(X)))
        return self._map(self._one, items, len(X), on_error=self.on_error)

    def _one(self, work, image, mask, i, start):
        image, mask = self._check_item(image, mask, i, self.n_channels_in_)
        beside = () if start is None else (_start_of(start, i, image, mask),)
        image = self._look_at(image, mask, f"X[{i}]")
        with naming(f"X[{i}]"):
            return work(image, mask, *beside)

    # --- what a subclass's fit calls ---------------------------------------------------------

    def _checked(self, X, masks=None, y=None, channels=None):
        """Validate parameters and data; yield (image, mask, annotations) one image at a time.

        Images are as ``_segment`` gets them, annotations are a list of int32 label images (None
        without ``y``), and all have ``channels`` or, with None, those of the first.
        ``n_channels_in_`` is set at the end. Nothing is kept, so that a lazy collection may be
        larger than memory.
        """
        return self._items(X, masks, y, channels, looks=True)

    def _check_all(self, X, masks=None, channels=None):
        """Validate as ``_checked`` does, where nothing is done with the images."""
        for _ in self._items(X, masks, channels=channels):
            pass

    def _items(self, X, masks=None, y=None, channels=None, looks=False):
        """What ``_checked`` yields; unless it ``looks`` at them, images are as they were given."""
        self._validate_params()
        X, masks = _check_collections(X, masks, self._n_axes)
        if y is not None:
            y = check_sequence(y, "y", "label image", self._n_axes)
            check_same_length(X, y, "y")
        known, usable = channels is not None, 0
        for i in range(len(X)):
            try:
                image, mask = self._check_item(*_read(X, masks, i), channels, known)
                target = (
                    None if y is None else check_target(_item(y, i, "y"), f"y[{i}]", grid_of(image))
                )
                found = n_channels(image)
                if looks:
                    image = self._look_at(image, mask, f"X[{i}]")
            except (ValueError, TypeError) as error:
                if self.on_error == "raise":
                    raise
                warn_left_out(error)
                continue
            channels = max(found, channels or 0)
            usable += 1
            yield image, mask, target
        if not usable:
            raise ValueError("X holds no image that could be used")
        self.n_channels_in_ = channels

    def _usable(self, X, masks=None):
        """Yield (image, mask) of those of ``X`` that can be used, as they are, one at a time."""
        X, masks = _check_collections(X, masks, self._n_axes)
        for i in range(len(X)):
            try:
                yield self._check_item(*_read(X, masks, i), None)
            except (ValueError, TypeError):
                continue

    def _map(self, function, arguments, total, on_error="raise"):
        """Call ``function(*a)`` for each of ``arguments``; results in order."""
        progress = type(self).__name__ if self.verbose else None
        return run_each(
            function, arguments, total, n_jobs=self.n_jobs, on_error=on_error, progress=progress
        )

    def _check_item(self, image, mask, i, channels, known=True):
        """Check image i; ``known`` tells whether its channels are those of a fit that is done."""
        if isinstance(image, Exception):
            raise image
        image = check_image(image, f"X[{i}]", mask, f"masks[{i}]", self._n_axes)
        found = n_channels(image)
        if channels is not None and not self._takes_channels(found, channels, known):
            raise ValueError(
                f"X[{i}] has {found} channels where {type(self).__name__} expects {channels}, "
                f"the number of the images it was fitted to{hint_at_alpha(found, channels)}"
            )
        return image, check_mask(mask, f"masks[{i}]", grid_of(image))

    def _takes_channels(self, found, expected, known):
        return found == expected

    def _look_at(self, image, mask, name):
        """The image as ``_segment`` gets it."""
        return image

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = False
        tags.input_tags.three_d_array = True
        tags.transformer_tags.preserves_dtype = []
        return tags


class StartingSegmenter(ImageSegmenter):
    """Base of the segmenters whose superpixels can start from others, as of the frame before.

    A subclass's ``_segment(image, mask, start=None)`` gets a label image to start from.

    Parameters
    ----------
    n_jobs : int or None, default=None
        See ``ImageSegmenter``.

    verbose : int, default=0
        See ``ImageSegmenter``.

    on_error : {"raise", "warn"}, default="raise"
        See ``ImageSegmenter``.

    Attributes
    ----------
    n_channels_in_ : int
        Channels of the images seen in ``fit``.

    Examples
    --------
    A segmenter that returns what it starts from, or else one region:

    >>> import numpy as np
    >>> from sklearn_spx.base import StartingSegmenter, UntrainedSegmenter
    >>> class Still(StartingSegmenter, UntrainedSegmenter):
    ...     def _segment(self, image, mask, start=None):
    ...         return np.zeros(image.shape[:2], np.int32) if start is None else start
    >>> still = Still().fit([np.zeros((1, 3))])
    >>> still.transform([np.zeros((1, 3))], start=[np.array([[0, 1, 1]])])
    [array([[0, 1, 1]], dtype=int32)]
    """

    def transform(
        self, X: Images, *, masks: Images | None = None, start: Images | None = None
    ) -> Labels:
        """Segment images.

        Parameters
        ----------
        X : sequence or stacked array of n_images images
            Each (height, width) or (height, width, channels), with the channels seen in ``fit``;
            of an estimator whose ``spacing`` has three numbers volumes, with a depth before that,
            as masks, starts and labels then have.

        masks : sequence of n_images arrays (height, width) or None, default=None
            True where an image is to be segmented; a single mask may be None.

        start : sequence of n_images label images (height, width) or None, default=None
            Superpixels to start from, with labels of any numbers, below 0 for none; a single one
            may be None. Clustering starts in the middle of each; entropy rate superpixels favour
            their borders, by ``regularity``, in the place of those of SLIC superpixels.

        Returns
        -------
        labels : list of n_images int32 arrays (height, width), or a stacked array
            Labels 0 .. n - 1 without a gap, -1 outside the mask.

        Raises
        ------
        ValueError, TypeError
            If an image, mask or start cannot be used; the message names it. See ``on_error``.

        sklearn.exceptions.NotFittedError
            If called before ``fit``.
        """
        return pack(self._each(X, masks, self._segment, start), X, axes=self._n_axes)

    def _segment_prepared(self, image, i, start=None):
        """What ``transform`` finds in image i, where ``_prepare`` was called; errors name X[i]."""
        return self._one(self._segment, image, None, i, None if start is None else {i: start})

    def _start_means_nothing(self):
        """Why ``start`` would change nothing, or None; asked of what is fitted."""
        return None

    def _check_start_matters(self):
        if reason := self._start_means_nothing():
            raise ValueError(f"start would change nothing: {reason}")


class UntrainedSegmenter(ImageSegmenter):
    """Base of the segmenters that learn nothing: it has their ``fit``.

    Parameters
    ----------
    n_jobs : int or None, default=None
        See ``ImageSegmenter``.

    verbose : int, default=0
        See ``ImageSegmenter``.

    on_error : {"raise", "warn"}, default="raise"
        See ``ImageSegmenter``.

    Attributes
    ----------
    n_channels_in_ : int
        Channels of the images seen in ``fit``.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_spx.base import UntrainedSegmenter
    >>> class Dark(UntrainedSegmenter):
    ...     def _segment(self, image, mask):
    ...         return (image < 100).astype(np.int32)
    >>> Dark().fit_transform([np.array([[0, 0, 255]])])
    [array([[1, 1, 0]], dtype=int32)]
    """

    def fit(self, X: Images, y: Any = None, *, masks: Images | None = None) -> Self:
        """Check the images; there is nothing to learn.

        Parameters
        ----------
        X : sequence or stacked array of n_images images
            Each (height, width) or (height, width, channels), of one number of channels; volumes,
            where ``spacing`` has three numbers, have a depth before that.

        y : ignored
            Present for the interface.

        masks : sequence of n_images arrays (height, width) or None, default=None
            True where an image is to be segmented.

        Returns
        -------
        self : object
            The estimator.
        """
        self._check_all(X, masks)
        return self


class _LabelImages(list):
    """A list of label images that numpy takes for one object each.

    ``cross_val_predict`` concatenates the folds' predictions; plain lists of unequal images
    would fail there.
    """

    def __array__(self, dtype=None, copy=None):
        out = np.empty(len(self), dtype=object)
        for i, labels in enumerate(self):
            out[i] = labels
        return out


def _check_collections(X, masks, axes):
    X = check_sequence(X, "X", "image", axes)
    if masks is not None:
        masks = check_sequence(masks, "masks", "mask", axes)
        check_same_length(X, masks, "masks")
    return X, masks


def _read(X, masks, i):
    """Image i, its mask and i; where the read fails the image is the exception."""
    try:
        return _item(X, i, "X"), None if masks is None else _item(masks, i, "masks"), i
    except ValueError as error:
        return error, None, i


def _item(items, i, name):
    try:
        return items[i]
    except Exception as error:  # a lazy collection may raise anything: a missing file, ...
        raise ValueError(f"{name}[{i}] cannot be read: {error}") from error


def _start_of(start, i, image, mask):
    """Label image i that superpixels start from, within the mask; None if it has no region."""
    labels = _item(start, i, "start")
    if labels is None:
        return None
    labels = check_labels(labels, f"start[{i}]", grid_of(image))
    if mask is not None:
        labels = np.where(mask, labels, np.int32(-1))
    return labels if (labels >= 0).any() else None


def _is_stacked(X):
    return isinstance(X, np.ndarray) and X.dtype != object


def pack(labels: list[Any], X: Any, n: tuple[int, ...] = (), axes: int = 2) -> Labels:
    """Put label images into the container that images came in.

    Parameters
    ----------
    labels : list of n_images int32 arrays (``*n``, height, width), or None for some
        What was found; None stands for an image that failed.

    X : sequence or stacked array of n_images images
        The images.

    n : tuple of int, default=()
        Leading axes, where there are several label images an image.

    axes : {2, 3}, default=2
        3 where the images are volumes.

    Returns
    -------
    labels : list of n_images int32 arrays (height, width), or a stacked array
        -1 everywhere where an image of a stacked array failed.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_spx.base import pack
    >>> pack([np.zeros((1, 2), np.int32), None], np.ones((2, 1, 2))).tolist()
    [[[0, 0]], [[-1, -1]]]
    """
    if _is_stacked(X):
        missing = np.full((*n, *X.shape[1 : 1 + axes]), -1, np.int32)
        return np.stack([missing if found is None else found for found in labels])
    labels = _LabelImages(labels)
    return np.asarray(labels) if isinstance(X, np.ndarray) else labels
