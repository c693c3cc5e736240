"""What every kernel's host function asks of its arrays, and the one layout it casts them to.

Images become float32, C-contiguous, (H, W, C); label images int32, C-contiguous, (H, W).
Errors name the argument, what was found and what is accepted.
"""

import numpy as np

_INT32 = np.iinfo(np.int32)


def as_image(image, name="image"):
    """Return ``image`` as a finite float32 C-contiguous (H, W, C) array, copied only if needed."""
    image = np.asarray(image)
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
    if image.ndim == 2:
        image = image[:, :, None]
    with np.errstate(over="ignore"):  # an overflow is reported below, as a value float32 lacks
        out = np.ascontiguousarray(image, dtype=np.float32)
    if image.dtype.kind == "f" and not np.isfinite(out).all():
        bad = out.size - int(np.isfinite(out).sum())
        raise ValueError(f"{name} holds {bad} values that are NaN, infinite or beyond float32")
    return out


def as_labels(labels, name="labels", shape=None):
    """Return ``labels`` as an int32 C-contiguous (H, W) array, copied only if needed."""
    labels = np.asarray(labels)
    if labels.dtype.kind not in "bui":
        raise TypeError(f"{name} has dtype {labels.dtype}; accepted are integer label images")
    if labels.ndim != 2:
        raise ValueError(f"{name} has shape {labels.shape}; accepted is (height, width)")
    if labels.size == 0:
        raise ValueError(f"{name} has shape {labels.shape}: it is empty")
    if shape is not None and labels.shape != tuple(shape):
        raise ValueError(f"{name} has shape {labels.shape}, expected {tuple(shape)}")
    if labels.dtype.itemsize > 2 and labels.dtype != np.int32:
        low, high = int(labels.min()), int(labels.max())
        if low < _INT32.min or high > _INT32.max:
            raise ValueError(f"{name} holds labels from {low} to {high}, beyond int32")
    return np.ascontiguousarray(labels, dtype=np.int32)


def as_mask(mask, shape, name="mask"):
    """Return ``mask`` as a boolean C-contiguous (H, W) array that keeps at least one pixel."""
    mask = np.asarray(mask)
    if mask.dtype.kind not in "bui":
        raise TypeError(f"{name} has dtype {mask.dtype}; accepted are boolean and integer masks")
    if mask.shape != tuple(shape):
        raise ValueError(f"{name} has shape {mask.shape}, expected {tuple(shape)}")
    mask = np.ascontiguousarray(mask, dtype=bool)
    if not mask.any():
        raise ValueError(f"{name} keeps no pixel")
    return mask


def check_count(value, name, minimum=1):
    """Return ``value`` as an int no smaller than ``minimum``."""
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, (int, np.integer)):
        raise TypeError(f"{name} must be an integer, got {value!r}")
    if value < minimum:
        raise ValueError(f"{name} must be at least {minimum}, got {value!r}")
    return int(value)


def check_real(value, name, minimum=None, *, strict=False):
    """Return ``value`` as a finite float, no smaller than (or, if strict, above) ``minimum``."""
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


def full_scale(dtype):
    """What white is in images of this type: other integers than uint16 count as 8-bit."""
    return 1 if dtype.kind in "bf" else 65535 if dtype == np.uint16 else 255
