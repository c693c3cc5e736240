"""Classes of pixels by a classifier of regions: superpixels, features, any classifier.

fit      image -> labels -> rows ; labels, y -> class and weight of each region -> classifier_
predict  image -> labels -> rows -> classifier_ -> class of each region -> class image
"""

from collections.abc import Sequence
from numbers import Integral, Real
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, clone, is_clusterer, is_regressor
from sklearn.ensemble import RandomForestClassifier
from sklearn.pipeline import Pipeline
from sklearn.utils._param_validation import HasMethods, Interval, StrOptions
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted, check_memory, has_fit_parameter

from ..base import pack
from ..kernels.region_statistics import number_regions
from ..methods.slic import SLICSuperpixels
from ..metrics import mean_iou
from ..utils.each import naming, run_each, warn_left_out
from ..utils.images import check_same_length, check_sequence, check_target, n_channels
from ..utils.types import Images, Labels
from ..utils.undo import all_or_nothing
from ._items import Images as Part
from ._items import check_items, fitted, labels_of, read_item
from .features import RegionFeatures

__all__ = ["SuperpixelClassifier"]


def _can_tell_probabilities(self):
    classifier = vars(self).get("classifier_", self.classifier)
    return classifier is None or hasattr(classifier, "predict_proba")


class SuperpixelClassifier(BaseEstimator):
    """Classify the pixels of images by classifying their superpixels.

    In ``fit`` each region gets the class of most of its known pixels, the lowest on a tie; regions
    without a known pixel are left out, so that a few scribbles suffice. In ``predict`` each pixel
    gets the class of its region.

    An item of ``X`` is an image, whose regions are those of ``superpixels``, or a tuple
    ``(image, labels)`` with regions of whoever found them. Parameters of all three parts can be
    searched at once, as ``superpixels__n_segments``, ``features__properties`` and
    ``classifier__max_depth``; with ``memory`` superpixels and features are then computed once an
    image, not once a fold and a classifier.

    Parameters
    ----------
    superpixels : estimator or None, default=None
        Whatever has ``transform`` from images to label images. One that is fitted is used as it is;
        others are fitted, to the class images too if they learn. None is ``SLICSuperpixels(300)``.

    features : transformer or None, default=None
        Of pairs (image, labels) to a row a region, in the order of images and labels: a
        :class:`RegionFeatures` without superpixels of its own, or a pipeline that begins with one.
        What scales rows belongs to the classifier's pipeline, where ``memory`` is not asked about
        each change of it. None is ``RegionFeatures()``.

    classifier : classifier or None, default=None
        Of rows; its regions weigh by the known pixels they have of their class, with a mean of 1,
        where its ``fit``, or that of a pipeline's last step, takes ``sample_weight``. None is
        ``RandomForestClassifier(random_state=0)``.

    min_share : float, default=0.0
        Share of a region's known pixels that its class must have at least for the region to be
        learned from.

    memory : str, joblib.Memory or None, default=None
        Folder that keeps label images and rows.

    n_jobs : int or None, default=None
        Images worked on at once, by joblib: threads, unless :func:`joblib.parallel_config` says
        otherwise. None is 1, -1 all cores.

    on_error : {"raise", "warn"}, default="raise"
        What a bad image does. With "warn" the others go on: it gets None in a list and a class
        image of -1 in a stacked array, and ``fit`` leaves it out.

    Attributes
    ----------
    superpixels_ : estimator or None
        The fitted estimator of superpixels; None where all items came with labels.

    features_ : transformer
        The fitted transformer of pairs.

    classifier_ : classifier
        The fitted classifier of regions.

    classes_ : ndarray of shape (n_classes,), int
        Classes that were learned.

    n_channels_in_ : int
        Channels of the images seen in ``fit``.

    See Also
    --------
    RegionFeatures : The rows, for anything else that takes some.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn_spx import SLICSuperpixels
    >>> from sklearn_spx.regions import RegionFeatures, SuperpixelClassifier
    >>> image = np.zeros((20, 30), np.uint8)
    >>> image[:, 15:] = 200
    >>> scribbles = np.full(image.shape, -1)  # unknown
    >>> scribbles[5, 2:9], scribbles[5, 20:28] = 1, 4
    >>> classifier = SuperpixelClassifier(
    ...     SLICSuperpixels(24),
    ...     RegionFeatures(properties=["intensity_mean"]),
    ...     LogisticRegression(),
    ... ).fit([image], [scribbles])
    >>> classes = classifier.predict([image])[0]
    >>> int(classes[0, 0]), int(classes[19, 29]), classifier.classes_.tolist()
    (1, 4, [1, 4])
    """

    _parameter_constraints = {  # noqa: RUF012
        "superpixels": [HasMethods(["fit", "transform"]), None],
        "features": [HasMethods(["fit", "transform"]), None],
        "classifier": [HasMethods(["fit", "predict"]), None],
        "min_share": [Interval(Real, 0, 1, closed="both")],
        "memory": [str, HasMethods(["cache"]), None],
        "n_jobs": [Integral, None],
        "on_error": [StrOptions({"raise", "warn"})],
    }

    def __init__(
        self,
        superpixels: Any = None,
        features: Any = None,
        classifier: Any = None,
        *,
        min_share: float = 0.0,
        memory: Any = None,
        n_jobs: int | None = None,
        on_error: Literal["raise", "warn"] = "raise",
    ) -> None:
        self.superpixels = superpixels
        self.features = features
        self.classifier = classifier
        self.min_share = min_share
        self.memory = memory
        self.n_jobs = n_jobs
        self.on_error = on_error

    @all_or_nothing
    def fit(
        self,
        X: Images,
        y: Images,
        sample_weight: Sequence[float] | NDArray[Any] | None = None,
        *,
        masks: Images | None = None,
    ) -> Self:
        """Learn the classes of regions.

        Parameters
        ----------
        X : sequence or stacked array of n_images images or pairs (image, labels)
            Images are (height, width) or (height, width, channels), of one number of channels.

        y : sequence of n_images integer arrays (height, width)
            Class of each pixel, any integers; negative is unknown.

        sample_weight : array-like of shape (n_images,) or None, default=None
            Weight of the regions of each image, beside that of their known pixels.

        masks : sequence of n_images arrays (height, width) or None, default=None
            True where an image counts; of a pair, labels outside become -1.

        Returns
        -------
        self : SuperpixelClassifier
            The fitted classifier.

        Raises
        ------
        ValueError, TypeError
            If an item or a class image cannot be used, no pixel of a region is known, or there are
            weights that the classifier does not take; the message names the culprit.
        """
        self._validate_params()
        X, masks = check_items(X, masks)
        y = check_sequence(y, "y", "class image")
        check_same_length(X, y, "y")
        weights = _image_weights(sample_weight, len(X))
        if self.classifier is not None and (
            is_regressor(self.classifier) or is_clusterer(self.classifier)
        ):  # which would tell after all of the work
            kind = "regressor" if is_regressor(self.classifier) else "clustering"
            raise TypeError(
                f"classifier is a {kind}, {type(self.classifier).__name__}; accepted is whatever "
                "predicts classes, as RandomForestClassifier"
            )
        features = self._new_features()
        self.n_channels_in_ = None
        kept: list[int] = []
        unlabelled, classes, inside = [], [], []
        for i in range(len(X)):
            try:
                item = read_item(X, masks, i, labels_alone=False, expected=self.n_channels_in_)
                classes_of_one = _check_classes(y, i, item.image.shape[:2])
            except (ValueError, TypeError) as error:
                if self.on_error == "raise":
                    raise
                warn_left_out(error)
                continue
            self.n_channels_in_ = n_channels(item.image)
            if item.labels is None:
                unlabelled.append(len(kept))
            kept.append(i)
            classes.append(classes_of_one)
            inside.append(item.mask)
        if not kept:
            raise ValueError("X holds no image that could be used")
        self.superpixels_ = None
        if unlabelled:
            chosen = [inside[k] for k in unlabelled]
            self.superpixels_ = fitted(
                SLICSuperpixels(300) if self.superpixels is None else self.superpixels,
                Part(X, masks, [kept[k] for k in unlabelled]),
                [classes[k] for k in unlabelled],
                None if all(mask is None for mask in chosen) else chosen,
            )
        labels = self._map(self._labels, X, masks, kept)
        usable = [k for k, found in enumerate(labels) if found is not None]
        if not usable:
            raise ValueError("X holds no image that could be used")
        labels, classes = [labels[k] for k in usable], [classes[k] for k in usable]
        kept = [kept[k] for k in usable]
        images = Part(X, masks, kept)
        self.features_ = features.fit(_Pairs(images, labels), classes)
        self._learn(images, labels, classes, kept, weights)
        return self

    def _new_features(self):
        features = RegionFeatures() if self.features is None else clone(self.features)
        if getattr(features, "superpixels", None) is not None:
            raise ValueError(
                "features has superpixels of its own; give them to SuperpixelClassifier as "
                "superpixels, which hands pairs (image, labels) to features"
            )
        return features

    def _learn(self, images, labels, classes, kept, weights):
        """Fit the classifier to the rows of regions whose class is known."""
        rows, targets, known = [], [], []
        for k, i in enumerate(kept):
            chosen, target, n_known = _region_classes(labels[k], classes[k], self.min_share)
            if chosen.size:
                rows.append(self._rows(images[k], labels[k])[chosen])
                targets.append(target)
                known.append(n_known * weights[i])
        if not rows:
            raise ValueError(
                "y has no known pixel in a region, or none of min_share, so there is nothing to "
                "learn; unknown is negative"
            )
        known = np.concatenate(known)
        if not known.any():
            raise ValueError("sample_weight is 0 for every image with a known pixel")
        if self.classifier is None:
            self.classifier_ = RandomForestClassifier(random_state=0)
        else:
            self.classifier_ = clone(self.classifier)
        name = _weight_name(self.classifier_)
        if name is None and len(set(weights[kept])) > 1:
            raise ValueError(
                f"sample_weight is given, and the fit of {type(self.classifier_).__name__} takes "
                "none"
            )
        options = {} if name is None else {name: known / known.mean()}
        self.classifier_.fit(np.concatenate(rows), np.concatenate(targets), **options)
        self.classes_ = np.asarray(self.classifier_.classes_)

    def predict(self, X: Images, *, masks: Images | None = None) -> Labels:
        """Classify the pixels of images.

        Parameters
        ----------
        X : sequence or stacked array of n_images images or pairs (image, labels)
            With the channels seen in ``fit``.

        masks : sequence of n_images arrays (height, width) or None, default=None
            True where an image is to be classified.

        Returns
        -------
        classes : list of n_images int32 arrays (height, width), or a stacked array
            Class of each pixel, one of ``classes_``; -1 outside every region and mask.

        Raises
        ------
        ValueError, TypeError
            If an item cannot be used; the message names it. See ``on_error``.

        sklearn.exceptions.NotFittedError
            If called before ``fit``.
        """
        return pack(self._each(X, masks, self._predict_one), X)

    @available_if(_can_tell_probabilities)
    def predict_proba(self, X: Images, *, masks: Images | None = None) -> list[Any]:
        """Probabilities of the classes of each pixel: those of its region.

        Parameters
        ----------
        X : sequence or stacked array of n_images images or pairs (image, labels)
            See ``predict``.

        masks : sequence of n_images arrays (height, width) or None, default=None
            See ``predict``.

        Returns
        -------
        probabilities : list of n_images float64 arrays (height, width, n_classes)
            In the order of ``classes_``; NaN outside every region and mask.

        Raises
        ------
        AttributeError
            If the classifier has no ``predict_proba``.
        """
        return self._each(X, masks, self._proba_one)

    def score(
        self,
        X: Images,
        y: Images,
        sample_weight: Sequence[float] | NDArray[Any] | None = None,
        *,
        masks: Images | None = None,
    ) -> float:
        """Mean intersection over union of the classes, :func:`sklearn_spx.metrics.mean_iou`.

        Parameters
        ----------
        X : sequence or stacked array of n_images images or pairs (image, labels)
            See ``predict``.

        y : sequence of n_images integer arrays (height, width)
            Class of each pixel; negative is unknown, and counts for nothing.

        sample_weight : array-like of shape (n_images,) or None, default=None
            Weight of the pixels of each image.

        masks : sequence of n_images arrays (height, width) or None, default=None
            See ``predict``; pixels outside count for nothing.

        Returns
        -------
        score : float
            In [0, 1], of the pixels of all images together; the mean over the classes that occur
            in predictions or in ``y``.

        Raises
        ------
        ValueError
            If an image could not be classified, or ``y`` does not fit ``X``.
        """
        check_is_fitted(self)
        found = self.predict(X, masks=masks)
        y = check_sequence(y, "y", "class image")
        check_same_length(found, y, "y")
        truths = []
        for i, classes in enumerate(found):
            if classes is None:
                raise ValueError(f"X[{i}] could not be classified, so it has no score")
            truths.append(_check_classes(y, i, classes.shape))
        return mean_iou(list(found), truths, sample_weight=sample_weight)

    # --- image by image ----------------------------------------------------------------------

    def _each(self, X, masks, work):
        """``work(image, labels)`` of each item, in order; None where ``on_error`` left one out."""
        check_is_fitted(self)
        self._validate_params()
        X, masks = check_items(X, masks)

        def both(item):
            return work(item.image, self._labels(item))

        return self._map(both, X, masks, range(len(X)))

    def _map(self, work, X, masks, chosen):
        items = ((work, X, masks, i) for i in chosen)
        return run_each(self._one, items, len(chosen), n_jobs=self.n_jobs, on_error=self.on_error)

    def _one(self, work, X, masks, i):
        item = read_item(X, masks, i, labels_alone=False, expected=self.n_channels_in_)
        with naming(f"X[{i}]"):
            return work(item)

    def _labels(self, item):
        return labels_of(item, self.superpixels_, self.memory)

    def _rows(self, image, labels):
        return check_memory(self.memory).cache(_make_rows)(self.features_, image, labels)

    def _predict_one(self, image, labels):
        found = np.asarray(self.classifier_.predict(self._rows(image, labels)))
        index, _ = number_regions(labels)
        return np.append(found, -1).astype(np.int32)[index]

    def _proba_one(self, image, labels):
        found = np.asarray(self.classifier_.predict_proba(self._rows(image, labels)))
        index, _ = number_regions(labels)
        return np.vstack([found, np.full(found.shape[1], np.nan)])[index]

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = False
        tags.input_tags.three_d_array = True
        tags.target_tags.required = True
        return tags


class _Pairs:
    """A lazy collection of pairs: images are read when asked for."""

    def __init__(self, images, labels):
        self.images, self.labels = images, labels

    def __len__(self):
        return len(self.labels)

    def __getitem__(self, i):
        return self.images[i], self.labels[i]


def _make_rows(features, image, labels):
    """A row a region of one image: plain arguments, which ``memory`` can tell apart."""
    rows = np.asarray(features.transform([(image, labels)]))
    n = len(number_regions(labels)[1])
    if rows.ndim != 2 or len(rows) != n:
        raise ValueError(
            f"features gives {type(features).__name__} rows of shape {rows.shape} for {n} regions; "
            "expected is a row a region"
        )
    return rows


def _region_classes(labels, classes, min_share):
    """Of regions whose class is known: number, class, and how many pixels are known to be of it."""
    index, ids = number_regions(labels)
    known = (index >= 0) & (classes >= 0)
    values, place = np.unique(classes[known], return_inverse=True)
    n = len(values)
    counts = np.bincount(index[known] * np.int64(n) + place, minlength=len(ids) * n)
    counts = counts.reshape(len(ids), n)
    if not n:
        return np.empty(0, np.int64), values, np.empty(0)
    most = counts.max(axis=1)
    chosen = np.flatnonzero((most > 0) & (most >= min_share * counts.sum(axis=1)))
    return chosen, values[counts.argmax(axis=1)][chosen], most[chosen].astype(np.float64)


def _check_classes(y, i, shape):
    """Class image i as int32 (H, W)."""
    try:
        classes = y[i]
    except Exception as error:  # a lazy collection may raise anything
        raise ValueError(f"y[{i}] cannot be read: {error}") from error
    if _holds_strings(classes):
        raise TypeError(
            f"y[{i}] holds strings; the classes of pixels are integers, negative where unknown: "
            "number the names, in all of y alike"
        )
    found = check_target(classes, f"y[{i}]", shape)
    if len(found) > 1:
        raise ValueError(
            f"y[{i}] holds {len(found)} annotations; accepted is one class image an image"
        )
    return found[0]


def _holds_strings(classes):
    try:
        values = np.asarray(classes)
    except ValueError:  # images of several annotators, of unequal shapes
        return False
    if values.dtype == object:
        return any(isinstance(value, str) for value in values.flat)
    return values.ndim > 0 and values.dtype.kind in "UST"


def _image_weights(sample_weight: ArrayLike | None, n: int) -> NDArray[np.float64]:
    if sample_weight is None:
        return np.ones(n)
    weights = np.asarray(sample_weight, dtype=np.float64)
    if weights.shape != (n,) or not (np.isfinite(weights) & (weights >= 0)).all():
        raise ValueError(
            f"sample_weight must be {n} finite numbers of 0 or more, one an image; got an array of "
            f"shape {weights.shape}"
        )
    return weights


def _weight_name(classifier):
    """What the classifier's fit calls weights, or None if it takes none."""
    if isinstance(classifier, Pipeline):
        name, last = classifier.steps[-1]
        inner = _weight_name(last) if hasattr(last, "fit") else None
        return None if inner is None else f"{name}__{inner}"
    return "sample_weight" if has_fit_parameter(classifier, "sample_weight") else None
