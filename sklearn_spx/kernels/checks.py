"""Checks of arrays and numbers, and the one layout that all kernels take arrays in.

Images become float32, C-contiguous, (H, W, C); label images int32, C-contiguous, (H, W). Those of
a volume have a depth before them. Errors name the argument, what was found and what is accepted.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ._device import missing_gpu, uses_gpu
from ._masked import check_not_masked

__all__ = [
    "as_image",
    "as_image_and_labels",
    "as_labels",
    "as_mask",
    "as_standard",
    "check_connectivity",
    "check_count",
    "check_graph",
    "check_no_masked_pixels",
    "check_not_masked",
    "check_real",
    "check_spacing",
    "check_weights",
    "full_scale",
    "image_shape",
    "missing_gpu",
    "spacing_of",
    "uses_gpu",
]

_INT32 = np.iinfo(np.int32)
_MOST = np.iinfo(np.int64).max  # what a compiled function can be given
_LARGEST_RATIO = 1e6  # of two spacings
_NEIGHBOURS = {2: (4, 8), 3: (6, 26)}  # by faces alone, and by corners too
_FORMS = {2: "(height, width)", 3: "(depth, height, width)"}


def as_image(
    image: Any, name: str = "image", mask: Any = None, axes: int = 2
) -> NDArray[np.float32]:
    """Check an image and cast it to finite float32, copied only if needed.

    Parameters
    ----------
    image : array-like of shape (height, width) or (height, width, n_channels)
        Boolean, integer or real values.
    name : str, default="image"
        What messages call it.
    mask : array-like of shape (height, width) or None, default=None
        False for pixels that may hold anything, as NaN or -9999: they become 0.
    axes : {2, 3}, default=2
        3 for a volume, which has a depth before the height.

    Returns
    -------
    image : ndarray of shape (height, width, n_channels), float32
        C-contiguous.

    Raises
    ------
    TypeError
        If the values are neither boolean, integer nor real.
    ValueError
        If the shape is another, the image is empty, or a value is not finite in float32.

    Examples
    --------
    >>> from sklearn_spx.kernels.checks import as_image
    >>> image = as_image([[0, 1, 2], [3, 4, 5]])
    >>> image.shape, image.dtype
    ((2, 3, 1), dtype('float32'))
    >>> as_image([[1, float("nan")]], mask=[[True, False]]).ravel()
    array([1., 0.], dtype=float32)
    """
    image = _as_any_image(image, name, axes)
    with np.errstate(over="ignore"):  # an overflow is reported below, as a value float32 lacks
        out = as_standard(image, np.float32)
    if mask is not None:
        mask = _as_any_mask(mask, image.shape[:-1], "mask")
        out = np.where(mask[..., None], out, np.float32(0))
    if image.dtype.kind == "f" and not np.isfinite(out).all():
        bad = out.size - int(np.isfinite(out).sum())
        where = "" if mask is None else " inside the mask"
        raise ValueError(
            f"{name} holds {bad} values{where} that are NaN, infinite or beyond float32"
        )
    return out


def as_image_and_labels(
    image: Any, labels: Any, *, volumes: bool = False
) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
    """Check an image and its label image by :func:`as_image` and :func:`as_labels`.

    Parameters
    ----------
    image : array-like of shape (height, width) or (height, width, n_channels)
        Where labels are negative it may hold anything, as NaN: there it becomes 0.
    labels : array-like of shape (height, width)
        Integer labels.
    volumes : bool, default=False
        Whether labels may be those of a volume, (depth, height, width), and the image one then.

    Returns
    -------
    image : ndarray of shape (height, width, n_channels), float32
        C-contiguous.
    labels : ndarray of shape (height, width), int32
        C-contiguous.

    Examples
    --------
    >>> from sklearn_spx.kernels.checks import as_image_and_labels
    >>> image, labels = as_image_and_labels([[1, float("nan")]], [[0, -1]])
    >>> image.ravel(), labels.ravel()
    (array([1., 0.], dtype=float32), array([ 0, -1], dtype=int32))
    """
    axes = 3 if volumes and np.ndim(labels) == 3 else 2
    image = _as_any_image(image, "image", axes)
    labels = as_labels(labels, shape=image.shape[:-1])
    return as_image(image, mask=labels >= 0 if labels.min() < 0 else None, axes=axes), labels


def image_shape(image: Any, name: str = "image", axes: int = 2) -> tuple[int, ...]:
    """Shape of the pixels of what :func:`as_image` takes, which allocates nothing.

    Parameters
    ----------
    image : array-like of shape (height, width) or (height, width, n_channels)
        Boolean, integer or real values, which are not looked at.
    name : str, default="image"
        What messages call it.
    axes : {2, 3}, default=2
        3 for a volume, which has a depth before the height.

    Returns
    -------
    shape : tuple of two or three int
        Of an image, or of a volume.

    Examples
    --------
    >>> from sklearn_spx.kernels.checks import image_shape
    >>> image_shape([[0, 1, 2], [3, 4, 5]])
    (2, 3)
    """
    return _as_any_image(image, name, axes).shape[:-1]


def _as_any_image(image, name, axes=2):
    """The image as (H, W, C) or (D, H, W, C), of its own dtype; its values are not looked at."""
    check_no_masked_pixels(image, name, axes)
    image = np.asarray(image)
    if image.dtype.kind not in "buif":
        raise TypeError(
            f"{name} has dtype {image.dtype}; accepted are boolean, integer and real "
            "floating-point images"
        )
    if image.ndim not in (axes, axes + 1):
        form = _FORMS[axes]
        raise ValueError(
            f"{name} has shape {image.shape}; accepted are {form} and {form[:-1]}, channels)"
            f"{_hint_at_spacing(image.ndim, axes)}"
        )
    if image.size == 0:
        raise ValueError(f"{name} has shape {image.shape}: it is empty")
    return image[..., None] if image.ndim == axes else image


def _hint_at_spacing(n_dims, axes):
    """What to do where an image has an axis too many or too few."""
    if (n_dims, axes) == (4, 2):
        return (
            ". A volume needs spacing=(z, y, x), the distances of its samples, as (1, 1, 1), where "
            "there is such a parameter"
        )
    if (n_dims, axes) == (2, 3):
        return ", as spacing has three numbers; for an image give two, or None"
    return ""


def as_labels(
    labels: Any,
    name: str = "labels",
    shape: tuple[int, ...] | None = None,
    *,
    volumes: bool = False,
) -> NDArray[np.int32]:
    """Check a label image and cast it to int32, copied only if needed.

    Parameters
    ----------
    labels : array-like of shape (height, width)
        Boolean or integer labels within int32.
    name : str, default="labels"
        What messages call it.
    shape : tuple of two or three int, or None, default=None
        The shape it must have, three numbers for a volume; None is any.
    volumes : bool, default=False
        Whether, without a shape, it may be that of a volume, (depth, height, width).

    Returns
    -------
    labels : ndarray of shape (height, width), int32
        C-contiguous.

    Raises
    ------
    TypeError
        If the labels are neither boolean nor integer.
    ValueError
        If the shape is another, the label image is empty, or a label is beyond int32.

    Examples
    --------
    >>> from sklearn_spx.kernels.checks import as_labels
    >>> as_labels([[0, 1], [0, 2]])
    array([[0, 1],
           [0, 2]], dtype=int32)
    """
    check_not_masked(labels, name, f"{name}.filled(-1): what is negative is left out")
    labels = np.asarray(labels)
    if labels.dtype.kind not in "bui":
        raise TypeError(f"{name} has dtype {labels.dtype}; accepted are integer label images")
    accepted = [len(shape)] if shape is not None else [2, 3] if volumes else [2]
    if labels.ndim not in accepted:
        forms = " and ".join(_FORMS[axes] for axes in accepted)
        raise ValueError(
            f"{name} has shape {labels.shape}; accepted {'is' if len(accepted) == 1 else 'are'} "
            f"{forms}"
        )
    if labels.size == 0:
        raise ValueError(f"{name} has shape {labels.shape}: it is empty")
    if shape is not None and labels.shape != tuple(shape):
        raise ValueError(f"{name} has shape {labels.shape}, expected {tuple(shape)}")
    if labels.dtype.itemsize > 2 and labels.dtype != np.int32:
        low, high = int(labels.min()), int(labels.max())
        if low < _INT32.min or high > _INT32.max:
            raise ValueError(
                f"{name} holds labels from {low} to {high}, beyond int32: number them anew, as by "
                "np.unique(labels, return_inverse=True)[1].reshape(labels.shape)"
            )
    return as_standard(labels, np.int32)


def as_mask(mask: Any, shape: tuple[int, ...], name: str = "mask") -> NDArray[np.bool_]:
    """Check a mask and cast it to bool, copied only if needed.

    Parameters
    ----------
    mask : array-like of shape (height, width)
        Boolean or integer, or real values 0 and 1; True or not 0 for the pixels to keep, at least
        one.
    shape : tuple of two or three int
        The shape it must have.
    name : str, default="mask"
        What messages call it.

    Returns
    -------
    mask : ndarray of shape (height, width), bool
        C-contiguous.

    Raises
    ------
    TypeError
        If the mask is neither boolean, integer nor real.
    ValueError
        If the shape is another, a real value is neither 0 nor 1, or no pixel is kept.

    Examples
    --------
    >>> from sklearn_spx.kernels.checks import as_mask
    >>> as_mask([[0, 1, 1]], (1, 3))
    array([[False,  True,  True]])
    """
    mask = _as_any_mask(mask, shape, name)
    if not mask.any():
        raise ValueError(f"{name} keeps no pixel")
    return mask


def _as_any_mask(mask, shape, name):
    """A mask that may be False everywhere."""
    check_not_masked(mask, name, f"{name}.filled(False)")
    mask = np.asarray(mask)
    if mask.dtype.kind not in "buif":
        raise TypeError(f"{name} has dtype {mask.dtype}; accepted are boolean and integer masks")
    if mask.shape != tuple(shape):
        hint = ""
        if mask.ndim == 3 and len(shape) == 2 and mask.shape[:2] == tuple(shape):
            hint = f": give {name}[:, :, 0]"
            if mask.shape[2] > 1:
                hint += f" where all channels are the same, or {name}.any(axis=2)"
        raise ValueError(f"{name} has shape {mask.shape}, expected {tuple(shape)}{hint}")
    if mask.dtype.kind == "f":
        other = (mask != 0) & (mask != 1)  # NaN is other too
        if other.any():
            raise ValueError(
                f"{name} of dtype {mask.dtype} holds {mask[other][0]}, neither 0 nor 1: "
                f"give {name} > 0.5, or whatever says what to keep"
            )
    return as_standard(mask, bool)


def check_no_masked_pixels(image: Any, name: str, axes: int = 2) -> None:
    """Refuse an image as :func:`check_not_masked` does, and say how its pixels are left out.

    Parameters
    ----------
    image : array-like of shape (height, width) or (height, width, n_channels)
        Anything; only a :class:`numpy.ma.MaskedArray` is looked at.
    name : str
        What messages call it.
    axes : {2, 3}, default=2
        3 for a volume, which has a depth before the height.

    Raises
    ------
    ValueError
        If a value is masked.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_spx.kernels.checks import check_no_masked_pixels
    >>> check_no_masked_pixels(np.zeros((2, 2)), "image")
    """
    any_channel = ".any(axis=-1)" if getattr(image, "ndim", axes) > axes else ""
    outside = f"np.ma.getmaskarray({name}){any_channel}"
    check_not_masked(image, name, f"{name}.data, and a mask, ~{outside}, or labels of -1 there")


def as_standard(array: Any, dtype: Any) -> NDArray[Any]:
    """Return an array in the one layout that kernels are compiled for, copied only if needed.

    Parameters
    ----------
    array : array-like
        Of any layout: a view with negative strides, read-only, of another byte order.
    dtype : data-type
        What it is cast to.

    Returns
    -------
    array : ndarray of the same shape
        C-contiguous, aligned, writable, of the machine's byte order and without negative strides.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_spx.kernels.checks import as_standard
    >>> as_standard(np.zeros((1, 1), ">u2")[::-1, ::-1], np.uint16).strides
    (2, 2)
    """
    array = np.require(array, dtype, ["C", "A", "W"])
    # one row or column counts as contiguous whatever its stride
    return array.copy() if min(array.strides, default=0) < 0 else array


def check_count(value: Any, name: str, minimum: int = 1) -> int:
    """Check a whole number.

    Parameters
    ----------
    value : int
        The number; a bool is none.
    name : str
        What messages call it.
    minimum : int, default=1
        The smallest that is accepted.

    Returns
    -------
    value : int
        The number.

    Raises
    ------
    TypeError
        If it is not an integer.
    ValueError
        If it is too small, or beyond 64 bits.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_spx.kernels.checks import check_count
    >>> check_count(np.int64(3), "n_segments")
    3
    """
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, (int, np.integer)):
        raise TypeError(f"{name} must be an integer, got {value!r}")
    if value < minimum:
        raise ValueError(f"{name} must be at least {minimum}, got {value!r}")
    if value > _MOST:
        raise ValueError(f"{name} must be at most {_MOST}, got {value!r}")
    return int(value)


def check_real(
    value: Any, name: str, minimum: float | None = None, *, strict: bool = False
) -> float:
    """Check a real number.

    Parameters
    ----------
    value : int or float
        The number, finite; a bool is none.
    name : str
        What messages call it.
    minimum : float or None, default=None
        The smallest that is accepted; None is any.
    strict : bool, default=False
        Whether it must be above `minimum`.

    Returns
    -------
    value : float
        The number.

    Raises
    ------
    TypeError
        If it is not a real number.
    ValueError
        If it is NaN, infinite or too small.

    Examples
    --------
    >>> from sklearn_spx.kernels.checks import check_real
    >>> check_real(2, "sigma", 0)
    2.0
    """
    if isinstance(value, (bool, np.bool_)) or not isinstance(
        value, (int, float, np.integer, np.floating)
    ):
        raise TypeError(f"{name} must be a real number, got {value!r}")
    value = float(value)
    if not np.isfinite(value):
        raise ValueError(f"{name} must be finite, got {value!r}")
    if minimum is not None and (value < minimum or (strict and value == minimum)):
        bound = "above" if strict else "at least"
        raise ValueError(f"{name} must be {bound} {minimum}, got {value!r}")
    return value


def check_weights(sample_weight: Any, n: int) -> NDArray[np.float64]:
    """Check the weights of images in a mean.

    Parameters
    ----------
    sample_weight : array-like of shape (n,) or None
        Finite numbers of 0 or more, not all 0; None is 1 for each.
    n : int
        The number of images.

    Returns
    -------
    weights : ndarray of shape (n,), float64
        A weight for each.

    Raises
    ------
    ValueError
        If the shape is another, or no mean can be taken with them.

    Examples
    --------
    >>> from sklearn_spx.kernels.checks import check_weights
    >>> check_weights(None, 2), check_weights([2, 0], 2)
    (array([1., 1.]), array([2., 0.]))
    """
    if sample_weight is None:
        return np.ones(n)
    weights = np.asarray(sample_weight, dtype=np.float64)
    if weights.shape != (n,):
        raise ValueError(
            f"sample_weight has shape {weights.shape}, expected ({n},): a weight an image"
        )
    if not (np.isfinite(weights) & (weights >= 0)).all():
        raise ValueError("sample_weight must hold finite numbers of 0 or more")
    if not weights.any():
        raise ValueError("sample_weight is 0 for every image, so that no mean is left")
    return weights


def check_connectivity(connectivity: Any, axes: int = 2) -> bool:
    """Check a number of neighbours, and say whether those at corners are among them.

    Parameters
    ----------
    connectivity : int
        4 or 8 of an image; 6 or 26 of a volume, or 4 or 8, which mean the same there.
    axes : {2, 3}, default=2
        3 for a volume.

    Returns
    -------
    corners : bool
        False for 4 and 6.

    Raises
    ------
    ValueError
        If it is another.

    Examples
    --------
    >>> from sklearn_spx.kernels.checks import check_connectivity
    >>> check_connectivity(8), check_connectivity(6, axes=3)
    (True, False)
    """
    faces, corners = _NEIGHBOURS[axes]
    if connectivity not in (faces, corners, 4, 8):
        also = ", of a volume, or 4 or 8, which mean the same" if axes == 3 else ""
        raise ValueError(f"connectivity must be {faces} or {corners}{also}, got {connectivity!r}")
    return connectivity in (corners, 8)


def check_spacing(spacing: Any, name: str = "spacing") -> tuple[float, ...] | None:
    """Check the distances of neighbouring samples along each axis.

    Parameters
    ----------
    spacing : array-like of two or three numbers above 0, or None
        Two for an image, rows first; three for a volume, slices first.
    name : str, default="spacing"
        What messages call it.

    Returns
    -------
    spacing : tuple of two or three float, or None
        The distances.

    Raises
    ------
    TypeError
        If they are no real numbers.
    ValueError
        If there are not two or three, or one is not above 0 and finite, or one is more than a
        million times another.

    Examples
    --------
    >>> from sklearn_spx.kernels.checks import check_spacing
    >>> check_spacing([5, 0.7, 0.7])
    (5.0, 0.7, 0.7)
    """
    if spacing is None:
        return None
    accepted = (
        f"accepted are (z, y, x) for volumes, (y, x) for images, and None; {name} is {spacing!r}"
    )
    if isinstance(spacing, str) or not hasattr(spacing, "__len__"):
        raise TypeError(accepted)
    if len(spacing) not in (2, 3):
        raise ValueError(accepted)
    out = tuple(
        check_real(value, f"{name}[{i}]", 0, strict=True) for i, value in enumerate(spacing)
    )
    if max(out) / min(out) > _LARGEST_RATIO:
        raise ValueError(f"{name} is {spacing!r}: one is more than a million times another")
    return out


def spacing_of(labels: NDArray[np.int32], spacing: Any) -> tuple[float, ...]:
    """Spacing of each axis of a checked label image or volume.

    Parameters
    ----------
    labels : ndarray of shape (height, width) or (depth, height, width), int32
        What :func:`as_labels` returns.
    spacing : array-like of numbers above 0, or None
        What :func:`check_spacing` takes; None is 1 along each axis.

    Returns
    -------
    spacing : tuple of two or three float
        One an axis.

    Raises
    ------
    TypeError, ValueError
        If it is no spacing, or not one of as many axes.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_spx.kernels.checks import spacing_of
    >>> spacing_of(np.zeros((2, 3), np.int32), None)
    (1.0, 1.0)
    """
    given = check_spacing(spacing)
    if given is None:
        return (1.0,) * labels.ndim
    if len(given) != labels.ndim:
        raise ValueError(
            f"spacing has {len(given)} numbers, but labels has shape {labels.shape}: give one an "
            "axis"
        )
    return given


def check_graph(
    edges: Any, weights: Any, n_regions: Any
) -> tuple[NDArray[np.int32], NDArray[np.float64], int]:
    """Return a graph's edges as int32 (n, 2), weights as float64 (n,), and ``n_regions``."""
    n_regions = check_count(n_regions, "n_regions")
    edges = np.asarray(edges)
    if edges.size == 0:
        edges = np.empty((0, 2), np.int32)
    if edges.dtype.kind not in "ui":
        raise TypeError(f"edges has dtype {edges.dtype}; accepted are pairs of integers")
    if edges.ndim != 2 or edges.shape[1] != 2:
        raise ValueError(f"edges has shape {edges.shape}; accepted is (n_edges, 2)")
    bad = np.flatnonzero(((edges < 0) | (edges >= n_regions)).any(axis=1))
    if bad.size:
        raise ValueError(
            f"edges[{bad[0]}] is {edges[bad[0]].tolist()}; regions are 0 to {n_regions - 1}"
        )
    weights = np.asarray(weights)
    if weights.size == 0:
        weights = np.empty(0)
    if weights.dtype.kind not in "buif":
        raise TypeError(f"weights has dtype {weights.dtype}; accepted are real numbers")
    if weights.shape != (len(edges),):
        raise ValueError(f"weights has shape {weights.shape}, expected ({len(edges)},)")
    if np.isnan(weights).any():
        raise ValueError(f"weights[{int(np.argmax(np.isnan(weights)))}] is NaN")
    edges = np.ascontiguousarray(edges, dtype=np.int32)
    return edges, np.ascontiguousarray(weights, dtype=np.float64), n_regions


def full_scale(dtype: Any) -> int:
    """Return the value of full intensity in images of a dtype.

    Parameters
    ----------
    dtype : numpy.dtype
        The dtype of the image as it was given.

    Returns
    -------
    full : int
        1 for bool and floats, 65535 for uint16, 255 for other integers.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_spx.kernels.checks import full_scale
    >>> full_scale(np.dtype("uint16"))
    65535
    """
    if dtype.kind in "bf":
        return 1
    return 65535 if (dtype.kind, dtype.itemsize) == ("u", 2) else 255  # of any byte order
