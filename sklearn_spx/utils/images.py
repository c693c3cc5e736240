"""What the estimators ask of X, y and masks: sequences of unequal images, or one stacked array.

Nothing is cast here and nothing read before its turn: a lazy collection stays lazy. Every
complaint names the image, what was found and what is accepted.
"""

import numpy as np

from ..kernels.checks import as_labels, as_mask

__all__ = [
    "LARGEST_VALUE",
    "check_image",
    "check_magnitude",
    "check_mask",
    "check_same_length",
    "check_sequence",
    "check_target",
    "n_channels",
]

LARGEST_VALUE = 1e9  # of an image that a net, or a learned distance, is given


def check_sequence(X, name, item):
    """Return ``X`` as something with a length and integer indices, or say why it is not one."""
    channels = ", channels" if item == "image" else ""
    accepted = (
        f"accepted is a sequence of {item}s (height, width{channels}) or a stacked array "
        f"(n, height, width{channels})"
    )
    if hasattr(X, "iloc"):  # a pandas Series is indexed by label, not by position
        X = X.to_numpy()
    if isinstance(X, np.ndarray):
        found = f"{name} is an array of shape {X.shape} and dtype {X.dtype}"
        if X.ndim > 4 or (X.dtype == object and X.ndim != 1):
            raise ValueError(f"{found}; {accepted}")
        if X.dtype != object and X.ndim <= 2:
            raise ValueError(f"{found}; {accepted}. If it is one {item}, pass [{name}]")
        if item == "image" and X.ndim == 3 and X.shape[2] <= 4 < min(X.shape[:2]):
            raise ValueError(
                f"{found}, which reads as {X.shape[0]} gray images {X.shape[2]} pixels wide. "
                f"If it is one image of {X.shape[2]} channels, pass [{name}]"
            )
    elif isinstance(X, (str, bytes, dict, set)) or not (
        hasattr(X, "__len__") and hasattr(X, "__getitem__")
    ):
        raise TypeError(f"{name} is of type {type(X).__name__}; {accepted}")
    if len(X) == 0:
        raise ValueError(f"{name} is empty; {accepted}")
    return X


def check_image(image, name):
    """Return ``image`` as an array (H, W) or (H, W, C) of its own dtype, finite and not empty."""
    image = _as_array(image, name)
    if image.dtype.kind not in "buif":
        raise TypeError(
            f"{name} has dtype {image.dtype}; accepted are boolean, integer and real "
            "floating-point images"
        )
    if image.ndim not in (2, 3):
        raise ValueError(
            f"{name} has shape {image.shape}; accepted are (height, width) and "
            "(height, width, channels)"
        )
    if image.size == 0:
        raise ValueError(f"{name} has shape {image.shape}: it is empty")
    if image.dtype.kind == "f" and not np.isfinite(image).all():
        bad = image.size - int(np.isfinite(image).sum())
        raise ValueError(f"{name} holds {bad} values that are NaN or infinite")
    return image


def check_magnitude(image, name):
    """Raise where float32 sums of squares, as nets and learned distances take them, overflow."""
    if (image.dtype.kind == "f" and image.dtype != np.float16) or image.dtype.itemsize == 8:
        greatest = max(abs(float(image.min())), abs(float(image.max())))
        if greatest > LARGEST_VALUE:
            raise ValueError(
                f"{name} holds values up to {greatest:.3g}; what is learned takes at most "
                f"{LARGEST_VALUE:.0e}: rescale the images"
            )


def n_channels(image):
    """Number of channels of an image (H, W) or (H, W, C)."""
    return 1 if image.ndim == 2 else image.shape[2]


def check_same_length(X, other, name):
    """Raise unless ``other`` holds as many items as ``X``."""
    if len(other) != len(X):
        raise ValueError(f"{name} holds {len(other)} items for the {len(X)} images of X")


def check_target(target, name, shape):
    """Return the label images of one image's annotators: a list of int32 (H, W) arrays."""
    if isinstance(target, np.ndarray):
        several = target.dtype == object or target.ndim == 3
    else:
        several = isinstance(target, (list, tuple)) and (not target or np.ndim(target[0]) >= 2)
    if not several:
        return [as_labels(_as_array(target, name), name, shape)]
    annotations = list(target)
    if not annotations:
        raise ValueError(f"{name} holds no annotation")
    return [as_labels(a, f"{name}[{k}]", shape) for k, a in enumerate(annotations)]


def check_mask(mask, name, shape):
    """Return one image's mask as a boolean (H, W) array, or None."""
    return None if mask is None else as_mask(_as_array(mask, name), shape, name)


def _as_array(item, name):
    try:
        return np.asarray(item)
    except Exception as error:  # whatever an image class of somebody else's raises
        raise ValueError(f"{name} cannot be read as an array: {error}") from error
