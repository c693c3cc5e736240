"""Regions for what explains image classifiers: LIME, SHAP, Captum, xplique.

estimator -> segmentation_fn -> callable: image -> labels (LIME, xplique), tensor -> feature mask
(Captum) ; labels -> RegionMasker: which regions are seen -> image (SHAP)
"""

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.cluster.hierarchy import linkage
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.utils.validation import check_is_fitted

from ..base import UntrainedSegmenter
from ..kernels.region_statistics import number_regions
from ..utils.images import check_image, n_channels

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["RegionMasker", "SegmentationFunction", "segmentation_fn"]

_ROUNDING = 1e-3  # how far from [0, 1] a value may lie whose normalisation was undone


def segmentation_fn(
    estimator: Any, *, mean: ArrayLike | None = None, std: ArrayLike | None = None
) -> "SegmentationFunction":
    """Make the function that explainers of image classifiers ask for.

    It is what ``lime.lime_image.LimeImageExplainer().explain_instance`` takes as
    ``segmentation_fn`` and xplique's ``Lime`` and ``KernelShap`` as ``map_to_interpret_space``;
    its method ``feature_mask`` makes the ``feature_mask`` of Captum.

    Parameters
    ----------
    estimator : estimator
        A segmenter, such as :class:`~sklearn_spx.SLICSuperpixels`. One that learns nothing need
        not be fitted.

    mean : float or array-like of shape (n_channels,) or None, default=None
        Mean that was subtracted from images in [0, 1], as networks want them; it is added before
        they are segmented. None: nothing was.

    std : float or array-like of shape (n_channels,) or None, default=None
        Deviation that images were divided by. None: by none.

    Returns
    -------
    segment : SegmentationFunction
        Takes an image, returns its label image. It can be pickled.

    Raises
    ------
    TypeError
        If the estimator has no ``transform``.
    ValueError
        If a mean or deviation is not finite, or a deviation not above 0.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_spx import SLICSuperpixels
    >>> from sklearn_spx.regions import segmentation_fn
    >>> segment = segmentation_fn(SLICSuperpixels(n_segments=6))
    >>> image = np.zeros((20, 30, 3))
    >>> labels = segment(image)
    >>> labels.shape, np.unique(labels).tolist()
    ((20, 30), [0, 1, 2, 3, 4, 5])
    """
    return SegmentationFunction(estimator, mean, std)


class SegmentationFunction:
    """An estimator as a function of one image; made by :func:`segmentation_fn`.

    Parameters
    ----------
    estimator : estimator
        See :func:`segmentation_fn`.

    mean : float or array-like of shape (n_channels,) or None, default=None
        See :func:`segmentation_fn`.

    std : float or array-like of shape (n_channels,) or None, default=None
        See :func:`segmentation_fn`.

    Examples
    --------
    The mask for Captum, from a tensor that was normalised:

    >>> import torch
    >>> from sklearn_spx import SLICSuperpixels
    >>> from sklearn_spx.regions import SegmentationFunction
    >>> segment = SegmentationFunction(SLICSuperpixels(n_segments=4), mean=0.5, std=0.25)
    >>> segment.feature_mask(torch.zeros(1, 3, 16, 16)).shape
    torch.Size([1, 1, 16, 16])
    """

    def __init__(
        self, estimator: Any, mean: ArrayLike | None = None, std: ArrayLike | None = None
    ) -> None:
        if not hasattr(estimator, "transform") or isinstance(estimator, type):
            raise TypeError(
                f"estimator is {estimator!r}; accepted is a segmenter with the method transform, "
                "such as SLICSuperpixels()"
            )
        self.estimator = estimator
        self.mean, self.std = _per_channel(mean, "mean"), _per_channel(std, "std")
        if self.std is not None and not (self.std > 0).all():
            raise ValueError(f"std must be above 0, got {std!r}")

    def __call__(self, image: ArrayLike) -> NDArray[np.int32]:
        """Segment an image.

        Parameters
        ----------
        image : array-like of shape (height, width) or (height, width, n_channels)
            Or a tensor of such a shape. Floats are in [0, 1] once ``mean`` and ``std`` are undone,
            unless the estimator knows another range (its ``value_range``, or a fit to floats).

        Returns
        -------
        labels : ndarray of shape (height, width), int32
            0 .. n - 1, each in use.

        Raises
        ------
        ValueError, TypeError
            If this is not one image, or its values lie beyond the range.
        sklearn.exceptions.NotFittedError
            If the estimator learns, and has not.
        """
        taken = self._as_taken(check_image(_as_numpy(image), "image"))
        estimator = self._fitted(n_channels(taken))
        try:
            (labels,) = estimator.transform([taken])
        except NotFittedError:  # a ValueError too
            raise
        except ValueError as error:
            if taken.dtype.kind != "f" or self.mean is not None or self.std is not None:
                raise
            raise ValueError(
                f"{error}. If the image is normalised for a network, give segmentation_fn the "
                "mean and std that it was normalised by"
            ) from error
        if labels is None:
            raise ValueError("the image could not be segmented; a warning says why")
        return labels

    def feature_mask(self, images: Any) -> "Tensor":
        """Segment images for Captum: the number of the feature that each pixel belongs to.

        Parameters
        ----------
        images : torch.Tensor of shape (n_images, n_channels, height, width) or one image
            A batch, or one image (n_channels, height, width); an array of numpy is one image
            (height, width, n_channels).

        Returns
        -------
        mask : torch.Tensor of shape (n_images, 1, height, width), int64
            Where the images lie; each image is numbered from 0. It stands for all channels.

        Raises
        ------
        ValueError, TypeError
            If these are not images of one size, or their values lie beyond the range.
        """
        import torch

        if not isinstance(images, torch.Tensor):
            return torch.from_numpy(self(images).astype(np.int64))[None, None]
        if images.ndim not in (3, 4) or 0 in images.shape:
            raise ValueError(
                f"images has shape {tuple(images.shape)}; accepted are tensors (n_images, "
                "n_channels, height, width) and (n_channels, height, width)"
            )
        batch = images if images.ndim == 4 else images[None]
        labels = [self(image.permute(1, 2, 0)) for image in batch]
        mask = torch.from_numpy(np.stack(labels).astype(np.int64))[:, None]
        return mask.to(images.device)

    def _as_taken(self, image):
        """The image with its normalisation undone, in [0, 1] then."""
        if self.mean is None and self.std is None:
            return image
        for values, name in ((self.mean, "mean"), (self.std, "std")):
            if values is not None and values.size not in (1, n_channels(image)):
                raise ValueError(
                    f"{name} has {values.size} values for an image of {n_channels(image)} channels"
                )
        image = image.astype(np.float64) * (1.0 if self.std is None else self.std)
        image += 0.0 if self.mean is None else self.mean
        low, high = image.min(), image.max()
        if low < -_ROUNDING or high > 1 + _ROUNDING:
            raise ValueError(
                f"image holds values from {low:g} to {high:g} once mean and std are undone; they "
                "must be those that an image in [0, 1] was normalised by"
            )
        return np.clip(image, 0, 1)

    def _fitted(self, channels):
        """The estimator; where it learns nothing and was not fitted, a copy that is."""
        if isinstance(self.estimator, UntrainedSegmenter):
            try:
                check_is_fitted(self.estimator)
            except NotFittedError:
                return clone(self.estimator).fit([np.zeros((1, 1, channels), np.uint8)])
        return self.estimator


class RegionMasker:
    """A masker for SHAP: its features are regions, which are hidden one by one.

    ``shap.PartitionExplainer(predict, RegionMasker(labels))`` and ``shap.PermutationExplainer``
    take it; ``paint`` lays the values out on the image.

    Parameters
    ----------
    labels : array-like of int, shape (height, width)
        Regions, numbered as they like; negative: never hidden.

    fill : float, array-like or None, default=None
        What a hidden region looks like: a number, a colour (n_channels,) or an image to be seen
        in its place. None: its own mean colour, as with LIME.

    Attributes
    ----------
    label : ndarray of shape (n_regions,), int32
        Number of each region, in the order of SHAP's values.

    shape : tuple of two int
        (1, n_regions), for SHAP.

    clustering : ndarray of shape (n_regions - 1, 4)
        Tree of regions by the distance of their centres (Ward's), for SHAP: credit is shared out
        from large parts of the image to small ones.

    Raises
    ------
    ValueError, TypeError
        If ``labels`` is no label image, or has fewer than two regions.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_spx.regions import RegionMasker
    >>> masker = RegionMasker([[3, 3, 8], [3, 3, 8]], fill=0.0)
    >>> image = np.ones((2, 3, 1))
    >>> (hidden,) = masker(np.array([True, False]), image)
    >>> hidden[0, :, :, 0].tolist()
    [[1.0, 1.0, 0.0], [1.0, 1.0, 0.0]]
    >>> masker.paint([0.25, -0.5]).tolist()
    [[0.25, 0.25, -0.5], [0.25, 0.25, -0.5]]
    """

    image_data = True  # to SHAP: the partition explainer suits
    immutable_outputs = True  # to SHAP: what a call returned stays

    def __init__(self, labels: ArrayLike, fill: ArrayLike | None = None) -> None:
        self._index, self.label = number_regions(labels)
        if self.label.size < 2:
            raise ValueError(
                f"labels has {self.label.size} regions; credit is shared among two or more"
            )
        self.fill = None if fill is None else np.asarray(fill)
        self.shape = (1, self.label.size)
        self.fixed_background = fill is not None
        inside = self._index >= 0
        index = self._index[inside]
        self._size = np.bincount(index)
        places = [np.bincount(index, at) / self._size for at in np.nonzero(inside)]
        self.clustering = linkage(np.column_stack(places), "ward")

    def __call__(self, mask: ArrayLike | bool, x: ArrayLike) -> tuple[NDArray[Any]]:
        """Hide regions of an image.

        Parameters
        ----------
        mask : array-like of shape (n_regions,), bool, or one bool for all
            False for the regions to hide.

        x : array-like of shape (height, width) or (height, width, n_channels)
            The image.

        Returns
        -------
        images : tuple of one ndarray of shape (1, *shape of the image)
            The image, of floats if it is filled by them.

        Raises
        ------
        ValueError
            If the image does not fit the labels, the mask the regions, or the fill the image.
        """
        image = _as_numpy(x)
        if image.shape[:2] != self._index.shape:
            raise ValueError(
                f"the image has shape {image.shape}, but the labels {self._index.shape}; an image "
                "of channels last is wanted"
            )
        mask = np.asarray(mask, bool)
        if mask.shape not in ((), self.label.shape):
            raise ValueError(
                f"mask has shape {mask.shape}, expected ({self.label.size},): one for each region"
            )
        seen = np.append(np.broadcast_to(mask, self.label.shape), True)
        hidden = ~seen[self._index]  # -1 is the last
        fill = self._means(image) if self.fill is None else self.fill
        try:
            fill = np.broadcast_to(fill, image.shape)
        except ValueError:
            raise ValueError(
                f"fill has shape {fill.shape}, which does not fit an image of shape {image.shape}"
            ) from None
        out = image.astype(np.result_type(image, fill)) if self.fill is not None else image.copy()
        out[hidden] = fill[hidden]
        return (out[None],)

    def mask_shapes(self, x: ArrayLike) -> list[tuple[int]]:
        """Tell SHAP how many values an image gets.

        Parameters
        ----------
        x : array-like
            The image.

        Returns
        -------
        shapes : list of one tuple
            [(n_regions,)].
        """
        return [(self.label.size,)]

    def paint(self, values: ArrayLike) -> NDArray[Any]:
        """Lay out a value for each region on the image.

        Parameters
        ----------
        values : array-like of shape (n_regions, ...)
            One an image and region, as ``explanation.values[i]`` of SHAP.

        Returns
        -------
        painted : ndarray of shape (height, width, ...)
            0 outside of all regions.

        Raises
        ------
        ValueError
            If there is not one value for each region.
        """
        values = np.asarray(values)
        if values.shape[:1] != self.label.shape:
            raise ValueError(
                f"values has shape {values.shape}, expected ({self.label.size}, ...): one for each "
                "region"
            )
        return np.concatenate([values, np.zeros_like(values[:1])])[self._index]

    def _means(self, image):
        """The image with each region in its mean colour; whole numbers are rounded."""
        inside = self._index >= 0
        index, pixels = self._index[inside], image[inside].astype(np.float64)
        pixels = pixels.reshape(index.size, -1)
        sums = [np.bincount(index, channel) / self._size for channel in pixels.T]
        means = np.column_stack(sums)
        if image.dtype.kind != "f":
            means = np.rint(means)
        out = image.copy()
        out[inside] = means[index].reshape(image[inside].shape).astype(image.dtype)
        return out


def _per_channel(values, name):
    """A number or one a channel as float64, or None."""
    if values is None:
        return None
    values = np.asarray(values, np.float64)
    if values.ndim > 1 or not values.size or not np.isfinite(values).all():
        raise ValueError(f"{name} must be a finite number or one for each channel, got {values!r}")
    return values


def _as_numpy(image):
    """An array of numpy of whatever was given, a tensor on a GPU included."""
    if hasattr(image, "detach"):
        image = image.detach().cpu()
        if image.is_floating_point() and image.element_size() < 4:  # numpy knows no bfloat16
            image = image.float()
    return np.asarray(image)
